# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
"""Python's cryptography, which loads the default provider itself; docs/use/guides/python.md."""

import pytest

import fail_closed
from harness import must
from in_process import DRIVERS, PYTHON, REFUSED, Contract, Program, succeeds

CRYPTOGRAPHY = Program("python3-cryptography", (PYTHON, DRIVERS / "cryptography_smime.py"),
                       "python3-cryptography", (PYTHON, "-c", "import cryptography"))

# It loads `default` by itself, so a missing module does not stop it.
LOADS = "the program loads `default` itself"
fail_closed.driven(CRYPTOGRAPHY, operations=("sign",),
                   goes_on={"module missing": LOADS, "`module` names something else": LOADS})


# Does libcrypto see a certificate at all?
IN_RUST = succeeds((PYTHON, "-c", "from cryptography.hazmat.primitives.serialization import pkcs7; pkcs7.rust_pkcs7"))


@pytest.mark.skipif(IN_RUST, reason="this version signs without an X509")
class TestCryptography(Contract):
    program = CRYPTOGRAPHY
    lacks = dict.fromkeys(("encrypt", "verify", "extract", "decrypt"), "this version only signs")


@pytest.mark.skipif(not IN_RUST or CRYPTOGRAPHY.missing(), reason="this version is TestCryptography's")
@pytest.mark.parametrize("name", ["good_rsa", *REFUSED])
def test_signs_past_the_rules(name, pki, mail, conf, tmp_path):
    """A limit that the guide names: nothing is enforced, and nothing is claimed."""
    out = tmp_path / "out"
    must(CRYPTOGRAPHY.under(conf).sign(pki[name], mail, out))
    assert b"multipart/signed" in out.read_bytes()
