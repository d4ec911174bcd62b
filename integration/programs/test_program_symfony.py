# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
"""PHP's Symfony Mime; docs/use/guides/php.md."""

import fail_closed
from harness import PHP
from in_process import DRIVERS, Contract, Program

SYMFONY = Program("Symfony Mime", (PHP, DRIVERS / "symfony.php"), "php-symfony-mime",
                  (PHP, DRIVERS / "symfony.php"))

fail_closed.driven(SYMFONY)


class TestSymfony(Contract):
    program = SYMFONY
    lacks = dict.fromkeys(("verify", "extract", "decrypt"), "it makes mail and reads none")
