# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
"""email-print-mime-structure, with the PATH of docs/use/guides/mailscripts.md."""

import pytest

from harness import must, run, stock
from programs import FAULTS, Bin, needs

PROGRAM = "email-print-mime-structure"
GUIDE = "mailscripts.md"
INSIDE = "text/plain"

pytestmark = needs(PROGRAM)


@pytest.fixture
def sealed(pki, mail, tmp_path):
    """A mail encrypted by stock openssl, as the program knows them."""
    def make(name):
        out = tmp_path / f"{name}.eml"
        must(stock("smime", "-encrypt", "-aes256", "-in", mail, "-out", out, "-subject", "test",
                   pki[name].pem))
        text = out.read_bytes().replace(b"application/x-pkcs7-mime", b"application/pkcs7-mime")
        assert b"smime-type=enveloped-data" in text and INSIDE.encode() not in text
        return text

    return make


def structure(programs, message, key):
    """What the program prints."""
    return run("/bin/sh", "-c", programs.configuration(GUIDE) + f"exec {PROGRAM} --cmskey {key}",
               stdin=message, env={"LC_ALL": "C.UTF-8", "PYTHONIOENCODING": "utf-8"})


@pytest.mark.parametrize("name", ["good_rsa", "expired", "no_san"])
def test_decrypts_whatever_the_certificate(name, sealed, pki, tmp_path):
    result = must(structure(Bin(tmp_path), sealed(name), pki[name].key))
    assert "decrypts to" in result.text and INSIDE in result.text, result


def test_goes_through_the_policy(sealed, pki, tmp_path):
    """The program finds our link instead of another openssl."""
    programs = Bin(tmp_path)
    (programs.path / "openssl").unlink()
    (programs.path / "openssl").symlink_to("/bin/false")
    result = structure(programs, sealed("good_rsa"), pki.good_rsa.key)
    assert "Unable to decrypt" in result.err and INSIDE not in result.text, result


def test_another_key(sealed, pki, tmp_path):
    """Stock then decrypts with a random key.  The padding of one result in 256 is right, so there are more tries."""
    programs, message = Bin(tmp_path), sealed("good_rsa")
    tries = (structure(programs, message, pki.expired.key) for _ in range(8))
    result = next((each for each in tries if "Unable to decrypt" in each.err), None)
    assert result is not None and INSIDE not in result.text, result


@pytest.mark.parametrize("fault", FAULTS)
def test_shows_nothing_if_the_installation_is_broken(fault, sealed, pki, tmp_path):
    programs = Bin(tmp_path, fault=fault)
    result = structure(programs, sealed("good_rsa"), pki.good_rsa.key)
    assert "Unable to decrypt" in result.err and INSIDE not in result.text, result
    assert run(programs.path / "smime-policy", "config", "--self-test").rc != 0
