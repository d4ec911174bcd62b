# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
"""PHP's Horde_Crypt; docs/use/guides/php.md."""

import fail_closed
from harness import PHP
from in_process import DRIVERS, Contract, Program

HORDE = Program("Horde_Crypt", (PHP, DRIVERS / "horde.php"), "php-horde-crypt",
                (PHP, DRIVERS / "horde.php"))

fail_closed.driven(HORDE)


class TestHorde(Contract):
    program = HORDE
    silent = {"sign": "Could not S/MIME sign message.",
              "encrypt": "Could not S/MIME encrypt message.",
              "verify": "the signer's certificate could not be verified",
              "extract": "Could not extract data from signed S/MIME part"}
