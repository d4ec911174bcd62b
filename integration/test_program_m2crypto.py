# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
"""Python's M2Crypto; docs/guides/python.md."""

import fail_closed
from in_process import DRIVERS, PYTHON, Contract, Program

M2CRYPTO = Program("Python M2Crypto", (PYTHON, DRIVERS / "m2crypto_smime.py"), "python3-m2crypto",
                   (PYTHON, "-c", "import M2Crypto"))

fail_closed.driven(M2CRYPTO)


class TestM2Crypto(Contract):
    program = M2CRYPTO
