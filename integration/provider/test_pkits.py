# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
"""
The messages of NIST's Public Key Interoperability Test Suite, from Debian's python3-cryptography-vectors.

With the suite's anchor provided, we decide about every path as stock does. What stock accepts and we do
not is refused by a rule: the certificates of many signers have no address, or no Key Usage for mail.
"""

import re
from functools import cache
from pathlib import Path

import pytest

from harness import COMMAND, OPENSSL, run, stock

SUITE = Path("/usr/lib/python3/dist-packages/cryptography_vectors/x509/PKITS_data")
MESSAGES = sorted(SUITE.glob("smime/*.eml"))

pytestmark = pytest.mark.skipif(not MESSAGES, reason="python3-cryptography-vectors is not installed")


@pytest.fixture(scope="module")
def anchors(tmp_path_factory):
    """anchors(with CRLs): a file for -CAfile."""
    directory = tmp_path_factory.mktemp("pkits")

    @cache
    def make(with_crls):
        path = directory / f"anchors{with_crls}.pem"
        path.write_bytes(stock("x509", "-inform", "DER", "-in",
                               SUITE / "certs" / "TrustAnchorRootCertificate.crt").out)
        for crl in sorted(SUITE.glob("crls/*.crl")) if with_crls else ():
            with path.open("ab") as file:
                file.write(stock("crl", "-inform", "DER", "-in", crl).out)
        return path

    return make


@pytest.mark.parametrize("crls", [False, True], ids=["paths", "CRLs"])
@pytest.mark.parametrize("message", MESSAGES, ids=lambda path: path.stem)
def test_decides_as_stock(message, crls, anchors, conf, tmp_path):
    how = ["-in", message, "-CAfile", anchors(crls), *(["-crl_check_all"] if crls else [])]
    expected = stock("cms", "-verify", *how, "-out", tmp_path / "stock")
    for name, result in (
            ("provider", run(OPENSSL, "cms", "-verify", *how, "-out", tmp_path / "provider",
                             conf=conf)),
            ("stock name", run(COMMAND, "cms", "-verify", *how, "-out", tmp_path / "name")),
            ("verb", run(COMMAND, "verify", "--no-sender", *how, "-out", tmp_path / "verb"))):
        rules = set(re.findall(r"\[([a-z-]+)\]", result.err))
        if expected.rc != 0:
            assert result.rc != 0, (name, result)
        elif result.rc != 0:
            assert rules & {"signer-certificate", "signer-validity"}, (name, result)


def test_some_of_either_kind_were_seen(anchors):
    """If stock refused or accepted every message, the suite would show nothing."""
    codes = {stock("cms", "-verify", "-in", message, "-CAfile", anchors(False), "-out",
                   "/dev/null").rc == 0 for message in MESSAGES}
    assert codes == {True, False}
