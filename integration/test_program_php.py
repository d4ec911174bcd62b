# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
"""PHP's openssl_pkcs7_* and openssl_cms_*; docs/guides/php.md."""

import fail_closed
from harness import PHP
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
