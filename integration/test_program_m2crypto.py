# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
"""Python's M2Crypto; docs/guides/python.md."""

from in_process import DRIVERS, PYTHON, Contract, Program

M2CRYPTO = Program("Python M2Crypto", (PYTHON, DRIVERS / "m2crypto_smime.py"), "python3-m2crypto",
                   (PYTHON, "-c", "import M2Crypto"))


class TestM2Crypto(Contract):
    program = M2CRYPTO
