# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
"""Python's cryptography, which loads the default provider itself; docs/guides/python.md."""

import fail_closed
from in_process import DRIVERS, PYTHON, Contract, Program

CRYPTOGRAPHY = Program("python3-cryptography", (PYTHON, DRIVERS / "cryptography_smime.py"),
                       "python3-cryptography", (PYTHON, "-c", "import cryptography"))

# It loads `default` by itself, so a module that is lost is not missed.
LOADS = "the program loads `default` itself"
fail_closed.driven(CRYPTOGRAPHY, operations=("sign",),
                   goes_on={"module missing": LOADS, "`module` names something else": LOADS})


class TestCryptography(Contract):
    program = CRYPTOGRAPHY
    lacks = dict.fromkeys(("encrypt", "verify", "extract", "decrypt"), "version 38 only signs")
