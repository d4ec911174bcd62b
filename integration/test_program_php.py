# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
"""PHP's openssl_pkcs7_* and openssl_cms_*; docs/guides/php.md."""

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

    def test_putenv_comes_too_late(self, conf, pki, mail, out):
        """The limit that the guide names."""
        script = """putenv("OPENSSL_CONF=$argv[1]");
            exit(openssl_pkcs7_sign($argv[2], $argv[3], "file://$argv[4]", "file://$argv[5]", []) ? 0 : 1);"""
        must(run(PHP, "-n", "-r", script, conf, mail, out, pki.expired.pem, pki.expired.key))

    @pytest.mark.parametrize("drained", [False, True])
    def test_reasons_of_earlier_calls_come_first(self, drained, conf, pki, mail, out):
        """In a process that lives on, unless it empties the list."""
        script = """foreach (["expired", "no_san"] as $name) {
                if ((bool) $argv[4]) { while (openssl_error_string() !== false); }
                @openssl_pkcs7_sign($argv[1], $argv[2], "file://$argv[3]/$name.pem", "file://$argv[3]/$name.key", []);
                $said = openssl_error_string();
            }
            echo $said;"""
        result = must(run(PHP, "-n", "-r", script, mail, out, pki.directory, int(drained), conf=conf))
        assert (b"[san-email]" in result.out) == drained, result
