# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
"""
One key, an expired certificate and the renewed one, in one process: a help desk reads old mail
with the one and signs with the other.  In C, streamed and in threads: tests/gates/test_one_key.c.
"""

import ssl

import pytest

from harness import PHP, must, run, stock
from in_process import DRIVERS, PYTHON, find, nothing_left, succeeds

RUBY, PERL = find("ruby"), find("perl")
PHP_PROBE = (PHP, "-n", "-r", "exit(function_exists('openssl_cms_sign') ? 0 : 1);")
DRIVEN = {"ruby": (RUBY, "--disable-gems", DRIVERS / "one_key.rb"),
          "php-pkcs7": (PHP, "-n", DRIVERS / "one_key.php", "pkcs7"),
          "php-cms": (PHP, "-n", DRIVERS / "one_key.php", "cms"),
          "perl": (PERL, DRIVERS / "one_key.pl"),
          "m2crypto": (PYTHON, "-I", DRIVERS / "one_key.py")}
NEEDS = {"ruby": (RUBY, "-ropenssl", "-e", "0"), "php-pkcs7": PHP_PROBE, "php-cms": PHP_PROBE,
         "perl": (PERL, "-MCrypt::SMIME", "-e", "0"),
         "m2crypto": (PYTHON, "-I", "-c", "import M2Crypto")}
# The drivers' messages: PHP's CMS functions write no detached S/MIME, and Perl's module has no such function.
FLAGS = {"php-cms": ["opaque"], "perl": ["detached"]}
OLD, NEW, READ = "renewed_old", "renewed_new", "decrypt"
STEPS = [(NEW, NEW), (NEW, OLD, NEW), (OLD, NEW, NEW), (READ, NEW, READ, NEW), (READ, OLD, READ, NEW),
         (OLD, READ, NEW, OLD)]
WORKS = {OLD: "no", NEW: "yes", READ: "yes"}


@pytest.mark.parametrize("steps", STEPS, ids="-".join)
@pytest.mark.parametrize("name, flags", [(name, flags) for name in DRIVEN for flags in FLAGS.get(
    name, ["detached", "binary", "noattr", "opaque"])])
def test_the_one_that_signs(name, flags, steps, conf, pki, mail, post, tmp_path):
    """Only the expired certificate is refused, and what it leaves does not verify."""
    if not succeeds(NEEDS[name]):
        pytest.skip(f"{name} is not installed")
    out = tmp_path / "out"
    result = run(*DRIVEN[name], pki.directory, mail, post.encrypted(OLD), out, flags, *steps, conf=conf)
    assert result.out.decode().split("\n")[:-1] == [f"{step} {WORKS[step]}" for step in steps], result
    for number, step in enumerate(steps):
        made = tmp_path / f"out.{number}"
        if step == NEW:
            signer = tmp_path / "signer"
            must(stock("smime", "-verify", "-in", made, "-CAfile", pki.ca, "-signer", signer))
            found, expected = (ssl.PEM_cert_to_DER_cert(path.read_text()) for path in (signer, pki[NEW].pem))
            assert found == expected
        elif step == OLD:
            assert nothing_left(made), made.read_bytes()
