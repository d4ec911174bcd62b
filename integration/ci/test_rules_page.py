# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
"""smime-policy-rules(7): its examples are what the command prints."""

import os
import re

import pytest

from crl_maker import crl, entry, serial_of
from harness import BUILD, COMMAND, REPO, must, run, stock

PAGE = BUILD / "docs" / "smime-policy-rules.7"
TEXTS = (REPO / "docs" / "man" / "rules.txt").read_text().replace("\n ", " ")
EXAMPLES = dict(re.findall(r"^Rule: (\S+)\n(?:.+\n)*?Example: (.+)$", TEXTS, re.M))

# The words behind `check`, with the name of a certificate of the pki.
CHECKED = {
    "san-email": ("--for", "sign", "no_san"),
    "key-usage": ("--for", "upload", "no_ku"),
    "key-algorithm": ("--for", "sign", "dsa"),
    "extended-key-usage": ("--for", "encrypt", "eku_server"),
    "ca-exempt": ("--for", "upload", "root"),
    "expired": ("--for", "sign", "old_intermediate"),
    "not-yet-valid": ("--for", "sign", "future"),
    "usage-sign": ("--for", "sign", "root"),
    "usage-encrypt": ("--for", "encrypt", "root"),
    "signer-certificate": ("--for", "verify", "root"),
    "decrypt-expired": ("--for", "decrypt", "expired"),
    "weak-key": ("--for", "sign", "weak_key"),
    "weak-digest": ("--for", "sign", "sha1"),
    "eku-any": ("--for", "sign", "eku_any_too"),
    "validity-too-long": ("--for", "sign", "root"),
    "expires-soon": ("--for", "sign", "ending"),
}


def policy_with_crl(pki, folder):
    """A policy file that names a keyring with a CRL."""
    ring, policy = folder / "ring", folder / "policy.cnf"
    policy.write_text(f"keyring = {ring}\n")
    (folder / "crl").write_bytes(crl(pki.root, [entry(serial_of(pki.good_rsa.pem), reason=1)]))
    for file in (pki.ca, folder / "crl"):
        must(run(COMMAND, "--policy", policy, "upload", file))
    return policy


def told(pki, folder, rule):
    """What the command says of a case of |rule|."""
    mail, public = folder / "mail", folder / "public.pem"
    mail.write_text("From: Bob <bob@example.com>\n\nhello\n")
    public.write_bytes(must(stock("pkey", "-in", pki.good_rsa.key, "-pubout")).out)
    signed = folder / "signed"

    def signing(*words, **kwargs):
        return must(stock("cms", "-sign", "-in", mail, "-signer", pki.good_rsa.pem, "-inkey",
                          pki.good_rsa.key, "-out", signed, *words, **kwargs))

    match rule:
        case "private-key-algorithm":
            return run(COMMAND, "check", "--for", "upload", "--key", public, pki.good_rsa.pem)
        case "private-key-match":
            return run(COMMAND, "sign", "-in", mail, "-signer", pki.good_p256.pem, "-inkey",
                       pki.good_rsa.key, "-out", folder / "out")
        case "certificate-required":
            return run(COMMAND, "sign", "-in", mail, "-out", folder / "out")
        case "distrust-default":
            signing()
            return run(COMMAND, "verify", "-in", signed, "-out", folder / "out")
        case "sender-match":
            signing()
            signed.write_text("From: bob@example.com\n" + signed.read_text())
            return run(COMMAND, "verify", "-in", signed, "-CAfile", pki.root.pem, "-out",
                       folder / "out")
        case "keyring-stale":
            policy, keyring = folder / "policy.cnf", folder / "keyring"
            policy.write_text("hub = service=smime\n")
            keyring.mkdir(mode=0o755)
            (keyring / "hub-contact").touch()
            os.utime(keyring / "hub-contact", (1000000000, 1000000000))
            return run(COMMAND, "--policy", policy, "--keyring", keyring, "encrypt", "-in", mail, "-out",
                       folder / "out", pki.good_rsa.pem)
        case "weak-cipher":
            return run(COMMAND, "encrypt", "-des3", "-in", mail, "-out", folder / "out",
                       pki.good_rsa.pem)
        case "revoked":
            return run(COMMAND, "--policy", policy_with_crl(pki, folder), "check", "--for", "encrypt",
                       pki.good_rsa.pem)
        case "revocation-unknown":
            policy = folder / "hard.cnf"
            policy.write_text("revocation = hard\n")
            return run(COMMAND, "--policy", policy, "check", "--for", "sign", pki.good_rsa.pem)
    return run(COMMAND, "check", *CHECKED[rule][:-1], pki[CHECKED[rule][-1]].pem)


def alike(text):
    """Without addresses and dates, which differ."""
    text = re.sub(r"\S+@\S+: ", "", text)
    return re.sub(r"\S+@\S+|\d{4}-\d\d-\d\dT\S+Z", "…", text)


# faketime is needed for a signature of another time.
@pytest.mark.parametrize("rule", sorted(set(EXAMPLES) - {"signer-validity"}))
def test_the_example_is_printed(rule, pki, tmp_path):
    """Word for word, but for names and dates."""
    printed = told(pki, tmp_path, rule).text
    assert alike(EXAMPLES[rule]) in alike(printed), printed


def test_the_page_is_clean():
    """Every rule has its section, and mandoc has nothing to say."""
    page = PAGE.read_text()
    assert len(re.findall(r"^\.SS ", page, re.M)) == len(EXAMPLES)
    lint = run("mandoc", "-Tlint", "-W", "warning", PAGE)
    assert lint.rc == 0, lint
