# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
"""
The certificates and keys of RFC 9216, out of its text in Debian's doc-rfc-informational (non-free; or
SP_RFC=DIRECTORY).  Alice's and Bob's are RSA, Carlos's and Dana's Ed25519 and X25519.
"""

import gzip
import os
import re
from pathlib import Path

import pytest

from harness import must, stock
from test_keyring_upload import Ring, refused_upload

TEXT = Path(os.environ.get("SP_RFC", "/usr/share/doc/RFC/informational")) / "rfc9216.txt.gz"
MAIL = b"From: %s@smime.example\r\n\r\ntext\r\n"

pytestmark = pytest.mark.skipif(not TEXT.exists(), reason="no text of RFC 9216: install "
                                "doc-rfc-informational (non-free), or set SP_RFC")


@pytest.fixture(scope="module")
def samples(tmp_path_factory):
    """sample("Alice", "PKCS #12"): the PEM of a section, in a file."""
    directory = tmp_path_factory.mktemp("rfc9216")
    # At a page break there is a line of the page and one of the document.
    text = gzip.open(TEXT, "rt", errors="replace").read()
    parts = re.findall(r"^\d+\.\d+\.  (.*?)\n(.*?)(?=^\d+\.)", text, re.MULTILINE | re.DOTALL)

    def find(who, what):
        for title, body in parts:
            block = re.search(r"-----BEGIN (.*?)-----.*-----END \1-----", body, re.DOTALL)
            if who in title and what in title and block:
                lines = [line.strip() for line in block[0].splitlines()]
                path = directory / f"{who}.{what.split()[0]}.pem"
                path.write_text("\n".join(line for line in lines
                                          if re.fullmatch(r"[A-Za-z0-9+/=]+|-----.*-----", line))
                                + "\n")
                return path
        raise AssertionError((who, what))

    return find


@pytest.fixture
def ring(tmp_path):
    return Ring(tmp_path)


@pytest.mark.parametrize("who", ["Alice", "Bob"])
def test_rsa_signs_seals_and_opens(who, samples, ring, tmp_path):
    """By address alone, although there are different certificates for signing and encrypting."""
    address = f"{who.lower()}@smime.example"
    must(ring.upload(samples("RSA", "Root Certificate")))
    must(ring.upload(samples(who, "PKCS #12"), "--passin", "stdin", stdin=f"{who.lower()}\n".encode()))
    must(ring.upload(samples(who, "Encryption End-Entity"), samples(who, "Decryption Private Key"),
                     "--no-passphrase"))
    must(ring.upload(samples(who, "Signature Verification"), samples(who, "Signing Private Key"),
                     "--no-passphrase"))
    mail, signed, sealed = (tmp_path / name for name in ("mail", "signed", "sealed"))
    mail.write_bytes(MAIL % who.lower().encode())
    must(ring("sign", "--from", address, "-in", mail, "-out", signed))
    must(stock("cms", "-verify", "-in", signed, "-CAfile", samples("RSA", "Root Certificate"),
               "-out", "/dev/null"))
    must(ring("verify", "--sender", address, "-in", signed, "-out", tmp_path / "verified"))
    must(ring("encrypt", "--to", address, "-in", mail, "-out", sealed))
    must(ring("decrypt", "-in", sealed, "-out", tmp_path / "opened"))
    assert (tmp_path / "opened").read_bytes() == mail.read_bytes()


@pytest.mark.parametrize("who", ["Carlos", "Dana"])
@pytest.mark.parametrize("what, key", [("Signature Verification", "Signing Private Key"),
                                       ("Encryption End-Entity", "Decryption Private Key")])
def test_other_algorithms_are_refused(who, what, key, samples, ring):
    refused_upload(ring.upload(samples(who, what)), ring, "key-algorithm")
    refused_upload(ring.upload(samples(who, what), samples(who, key), "--no-passphrase"), ring,
                   "key-algorithm", "private-key-algorithm")
