# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
"""PHPMailer, which sends through a sendmail of the test; docs/guides/php.md."""

import shlex
from dataclasses import dataclass

import fail_closed
from harness import PHP
from in_process import DRIVERS, Contract, Program


@dataclass
class PhpMailer(Program):
    """The mail is what the program gave to sendmail."""

    def sign(self, cert, mail, out):
        sendmail = out.with_name("sendmail")
        sendmail.write_text(f"#!/bin/sh\nexec cat >{shlex.quote(str(out))}\n")
        sendmail.chmod(0o755)
        return super().sign(cert, mail, sendmail)


PHPMAILER = PhpMailer("PHPMailer", (PHP, DRIVERS / "phpmailer.php"), "libphp-phpmailer",
                      (PHP, DRIVERS / "phpmailer.php"))

fail_closed.driven(PHPMAILER, operations=("sign",))


class TestPhpMailer(Contract):
    program = PHPMAILER
    lacks = dict.fromkeys(("encrypt", "verify", "extract", "decrypt"), "it signs and nothing else")
