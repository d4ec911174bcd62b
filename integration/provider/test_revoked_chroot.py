# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
"""A program that calls chroot() after the policy was loaded: what it then knows of revocation."""

import os
import shutil

import pytest

from crl_maker import crl, entry, serial_of
from harness import COMMAND, OPENSSL, PHP, must, run, why_no_php, write_conf

# Encrypt before chroot() and behind it, and print of each whether it was done.
PROGRAM = r"""
[, $root, $cert] = $argv;
$pem = file_get_contents($cert);
function sealed($from, $to, $pem) {
    return openssl_cms_encrypt($from, $to, $pem, [], 0, OPENSSL_ENCODING_DER, OPENSSL_CIPHER_AES_256_CBC)
        ? "done" : "refused";
}
echo sealed("$root/mail", "$root/before", $pem), "\n";
chroot($root) or exit(9);
chdir("/");
echo sealed("/mail", "/behind", $pem), "\n";
while (($line = openssl_error_string()) !== false)
    fwrite(STDERR, "$line\n");
"""


@pytest.fixture
def ring(tmp_path, pki):
    """A keyring whose CRL names good_rsa."""
    if os.geteuid() != 0:
        pytest.skip("only the superuser may call chroot()")
    if why_no_php() is not None:
        pytest.skip(why_no_php())
    ring = tmp_path / "ring"
    must(run(COMMAND, "--keyring", ring, "upload", pki.ca))
    (tmp_path / "crl").write_bytes(crl(pki.root, [entry(serial_of(pki.good_rsa.pem))]))
    must(run(COMMAND, "--keyring", ring, "upload", tmp_path / "crl"))
    return ring


@pytest.fixture
def sealed(tmp_path, ring):
    """What a program says of the certificate before chroot() and behind it; the keyring is |there| in the new root."""
    def runs(one, revocation, there):
        root = tmp_path / "root"
        root.mkdir()
        (root / "mail").write_bytes(b"hello\n")
        if there:
            place = root / ring.relative_to("/")
            place.parent.mkdir(parents=True)
            shutil.copytree(ring, place)
        conf = write_conf(tmp_path / "openssl.cnf", {"keyring": ring, "revocation": revocation})
        done = run(PHP, "-n", "-r", PROGRAM, "--", root, one.pem, conf=conf)
        assert done.rc == 0, done
        said = done.out.decode().split()
        for word, name in zip(said, ("before", "behind"), strict=True):
            text = run(OPENSSL, "cms", "-cmsout", "-noout", "-inform", "DER", "-in", root / name, conf="/dev/null")
            assert (text.rc == 0) == (word == "done"), done
        return said, done.err
    return runs


def test_the_keyring_is_in_the_new_root(pki, sealed):
    """Under the same path: nothing changes."""
    said, err = sealed(pki.good_rsa, "soft", there=True)
    assert said == ["refused", "refused"] and "revoked" in err


def test_it_is_not(pki, sealed):
    """Then nothing is known: `soft` goes on, as with a keyring that does not exist, and `hard` refuses."""
    assert sealed(pki.good_rsa, "soft", there=False)[0] == ["refused", "done"]


def test_it_is_not_and_answers_are_needed(pki, sealed):
    said, err = sealed(pki.good_p256, "hard", there=False)
    assert said == ["done", "refused"] and "revocation-unknown" in err
