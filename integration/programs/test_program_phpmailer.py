# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
"""PHPMailer, which sends through a sendmail of the test; docs/use/guides/php.md."""

import shlex
from dataclasses import dataclass, replace

import fail_closed
from harness import PHP
from in_process import DRIVERS, Contract, Program


@dataclass
class PhpMailer(Program):
    """The mail is what the program gave to sendmail."""

    exceptions: bool = True

    def sign(self, cert, mail, out):
        sendmail = out.with_name("sendmail")
        sendmail.write_text(f"#!/bin/sh\nexec cat >{shlex.quote(str(out))}\n")
        sendmail.chmod(0o755)
        return super().sign(cert, mail, sendmail)

    def call(self, *args, **kwargs):
        env = {} if self.exceptions else {"NO_EXCEPTIONS": "1"}
        return super().call(*args, env=env, **kwargs)


PHPMAILER = PhpMailer("PHPMailer", (PHP, DRIVERS / "phpmailer.php"), "libphp-phpmailer",
                      (PHP, DRIVERS / "phpmailer.php"))

fail_closed.driven(PHPMAILER, operations=("sign",))


class TestPhpMailer(Contract):
    program = PHPMAILER
    lacks = dict.fromkeys(("encrypt", "verify", "extract", "decrypt"), "it signs and nothing else")

    def test_without_exceptions(self, under, pki, mail, out):
        """A limit that the guide names: a success, and a mail with nothing but its header."""
        result = replace(under(), exceptions=False).sign(pki.expired, mail, out)
        assert result.rc == 0, result
        header, body = out.read_bytes().split(b"\n\n", 1)
        assert b"Subject: test" in header and body.strip() == b"" and b"pkcs7" not in header
