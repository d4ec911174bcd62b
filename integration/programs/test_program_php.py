# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
"""PHP's openssl_pkcs7_* and openssl_cms_*; docs/use/guides/php.md."""

import pytest

import fail_closed
from harness import PHP, must, run
from in_process import Contract, Program
from paths import SMIME_PHP

PROBE = (PHP, "-n", "-r", "exit(function_exists('openssl_cms_sign') ? 0 : 1);")
PKCS7 = Program("PHP openssl_pkcs7", (PHP, "-n", SMIME_PHP, "pkcs7"), "php-cli", PROBE)
CMS = Program("PHP openssl_cms", (PHP, "-n", SMIME_PHP, "cms"), "php-cli", PROBE)

fail_closed.driven(PKCS7)
fail_closed.driven(CMS)


class TestPkcs7(Contract):
    program = PKCS7
    content_first = True


class TestCms(Contract):
    program = CMS


TOO_LATE = """
[, $conf, $in, $out, $name] = $argv;
putenv("OPENSSL_CONF=$conf");
exit(openssl_pkcs7_sign($in, $out, "file://$name.pem", "file://$name.key", []) ? 0 : 1);
"""
TWICE = """
[, $in, $out, $directory, $drain] = $argv;
foreach (["$directory/expired", "$directory/no_san"] as $name) {
    while ((bool) $drain && openssl_error_string() !== false);
    @openssl_pkcs7_sign($in, $out, "file://$name.pem", "file://$name.key", []);
    $said = openssl_error_string();
}
echo $said;
"""


def test_putenv_comes_too_late(conf, pki, mail, tmp_path):
    """A limit that the guide names."""
    must(run(PHP, "-n", "-r", TOO_LATE, conf, mail, tmp_path / "out", pki.directory / "expired"))


@pytest.mark.parametrize("drain, said", [(0, b"pkcs7 datasign"), (1, b"[san-email]")])
def test_reasons_of_earlier_calls_come_first(drain, said, conf, pki, mail, tmp_path):
    """In a long-lived process, unless it empties the error list."""
    result = run(PHP, "-n", "-r", TWICE, mail, tmp_path / "out", pki.directory, drain, conf=conf)
    assert said in must(result).out, result
