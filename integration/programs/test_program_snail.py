# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
"""s-nail, in batch mode; docs/use/guides/s-nail.md."""

import re
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

import fail_closed
from harness import refused, run
from in_process import TEXT, Contract, Program, find, nothing_left

# No user's settings, and UTF-8.
ENVIRONMENT = {"MAILRC": "/dev/null", "LC_ALL": "C.UTF-8"}


@dataclass
class SNail(Program):
    """Sends into a file, reads a mailbox of one mail; the exit codes are its own (errexit)."""

    dead: Path | None = None  # where s-nail keeps a mail that was not sent: nowhere

    def call(self, *args, **kwargs):
        env = ENVIRONMENT if self.dead is None else {**ENVIRONMENT, "DEAD": self.dead}
        options = () if self.dead is not None else ("-Snosave",)
        return run(*self.prefix, *self.argv, *self.config_file(), *options, *args, conf=self.conf,
                   env=env, **kwargs)

    def config_file(self):
        """14.9.25 reads no OpenSSL configuration by itself, but has its own section in the file."""
        if self.conf is None or not Path(self.conf).is_file():
            return ()
        text = Path(self.conf).read_text("utf-8")
        section = re.search(r"(?m)^openssl_conf *= *(\S+)", text)
        own = Path(tempfile.mkdtemp(dir=Path(self.conf).parent)) / "s-nail.cnf"
        own.write_text(f"s-nail = {section[1]}\n{text}" if section else text, "utf-8")
        return (f"-Stls-config-file={own}",)

    def send(self, address, mail, out, *more):
        return self.call("-Ssendwait", f"-Smta=test://{out}", "-Sfrom=alice@example.com", *more,
                         "-s", "test", address, stdin=mail.read_bytes())

    def sign(self, cert, mail, out, *more):
        pair = out.with_name("pair.pem")
        pair.write_bytes(cert.key.read_bytes() + cert.pem.read_bytes())
        return self.send("bob@example.com", mail, out, "-Ssmime-sign",
                         f"-Ssmime-sign-cert={pair}", *more)

    def encrypt(self, certs, mail, out, *more):
        (cert,) = certs
        address = cert.recipe.address
        return self.send(address, mail, out, f"-Ssmime-encrypt-{address}={cert.pem}", *more)

    def read(self, mail, command, *more):
        box = mail.with_suffix(".mbox")
        box.write_bytes(b"From x@y Thu Jan  1 00:00:00 2026\n" +
                        mail.read_bytes().replace(b"\r\n", b"\n") + b"\n")
        return self.call("-#", "-R", "-Serrexit", "-Ssmime-ca-no-defaults", *more,
                         "-Y", command, "-Y", "x", "-f", box)

    def verify(self, mail, trusted, out):
        result = self.read(mail, "verify 1", f"-Ssmime-ca-file={trusted}")
        if b"was verified successfully" in result.out:
            out.write_bytes(mail.read_bytes())
        return result

    def decrypt(self, mail, cert, out):
        pair = out.with_name("pair.pem")
        pair.write_bytes(cert.key.read_bytes() + cert.pem.read_bytes())
        return self.read(mail, f"decrypt 1 {out}", f"-Ssmime-sign-cert={pair}")


S_NAIL = SNail("s-nail", (find("s-nail"), "-n", "-Sv15-compat"), "s-nail",
               (find("s-nail"), "-n", "-Xversion", "-Xx"))

fail_closed.driven(S_NAIL)


class TestSNail(Contract):
    program = S_NAIL
    lacks = {"extract": "it shows the text of a signed mail without asking OpenSSL"}

    def incoming(self, post, name, how="signed"):
        """A mail whose From is the signer's, which s-nail checks, too."""
        if how == "encrypted":
            return post.encrypted(name)
        return post.sent(name, f"{name}@example.com")

    @pytest.mark.parametrize("more", [(), ("-Ssmime-force-encryption",)], ids=["", "forced"])
    def test_not_sent_in_the_clear(self, more, under, pki, mail, out):
        """A refused recipient gets no mail at all; the exit code is that of the guide."""
        result = refused(under().encrypt([pki.expired], mail, out, *more), "expired")
        assert result.rc == 4 and nothing_left(out), result

    @pytest.mark.parametrize("more, kept", [((), True), (("-Snosave",), False)], ids=["", "nosave"])
    def test_dead_letter(self, more, kept, under, pki, mail, out, tmp_path):
        """A limit that the guide names: a mail that could not be signed is stored unencrypted."""
        dead = tmp_path / "dead.letter"
        refused(replace(under(), dead=dead).sign(pki.expired, mail, out, *more), "expired")
        assert (dead.exists() and TEXT in dead.read_bytes()) == kept
