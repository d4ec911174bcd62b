# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
"""Python's cryptography, which loads the default provider itself; docs/guides/python.md."""

from in_process import DRIVERS, PYTHON, Contract, Program

CRYPTOGRAPHY = Program("python3-cryptography", (PYTHON, DRIVERS / "cryptography_smime.py"),
                       "python3-cryptography", (PYTHON, "-c", "import cryptography"))


class TestCryptography(Contract):
    program = CRYPTOGRAPHY
    lacks = dict.fromkeys(("encrypt", "verify", "extract", "decrypt"), "version 38 only signs")
