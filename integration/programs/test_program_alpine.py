# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
"""Alpine, driven through a terminal; docs/use/guides/alpine.md."""

import re
import shlex
import shutil
from dataclasses import dataclass

import pytest

import fail_closed
from harness import Result, environment, must, stock
from in_process import TEXT, Contract, Program, find, nothing_left, send
from pages import block
from terminal import Terminal

SEND = b"\x18"
PINERC = """\
personal-name=Alice
user-domain=example.com
customized-hdrs=From: {sender}
feature-list=allow-changing-from,quit-without-confirm,smime-{mode}-by-default
sendmail-path={sendmail}
inbox-path={inbox}
folder-collections=
default-fcc=""
last-version-used=6.26
user-id=alice
"""


@dataclass
class Alpine(Program):
    """With the guide's `sendmail-path`, unless |guarded| says no; the result is what it shows."""

    guarded: bool = True

    def home(self, out, address, anchor, *files, mode="sign", inbox=None):
        """A home directory with the certificate of an address, maybe its key, and an anchor."""
        home = out.with_name("alpine")
        shutil.rmtree(home, ignore_errors=True)
        (home / "mail").mkdir(parents=True)
        (home / ".alpine-smime" / "private").mkdir(parents=True)
        for directory, name, source in zip(("ca", "public", "private"),
                                           ("anchor.crt", f"{address}.crt", f"{address}.key"),
                                           (anchor, *files)):
            (home / ".alpine-smime" / directory).mkdir(exist_ok=True)
            shutil.copy(source, home / ".alpine-smime" / directory / name)
        deliver, sendmail = home / "deliver", home / "smime-sendmail"
        deliver.write_text(f"#!/bin/sh\nexec cat >{shlex.quote(str(out))}\n")
        sendmail.write_text(block("docs/use/guides/alpine.md", "alpine-sendmail"))
        for script in (deliver, sendmail):
            script.chmod(0o755)
        (home / "pinerc").write_text(PINERC.format(
            sender=address, mode=mode, inbox=inbox or home / "inbox",
            sendmail=sendmail if self.guarded else deliver))
        return home

    def start(self, home, *args):
        env = environment(self.conf, HOME=home, TERM="vt100", LC_ALL="C.UTF-8",
                          SENDMAIL=home / "deliver")
        return Terminal.start((*self.prefix, *self.argv, "-p", home / "pinerc", "-smimedir",
                               home / ".alpine-smime", *args), env)

    def compose(self, cert, out, mode):
        home = self.home(out, cert.recipe.address, cert.anchor, cert.pem, cert.key, mode=mode)
        url = f"mailto:{cert.recipe.address}?subject=test&body={TEXT.decode()}"
        with self.start(home, "-url", url) as terminal:
            terminal.wait("To AddrBk|To Spell")
            terminal.press(SEND)
            terminal.wait(r"Send message \((Signed|Encrypted)\)\?")
            terminal.press(b"y")
            # Alpine ends after sending, and goes on if sendmail refuses.
            refused = terminal.wait("not sent: [^]]*", "rror sending")
            return Result(1 if refused else 0, b"", terminal.text)

    def sign(self, cert, mail, out):
        return self.compose(cert, out, "sign")

    def encrypt(self, certs, mail, out):
        (cert,) = certs
        return self.compose(cert, out, "encrypt")

    def read(self, mail, out, *home):
        """Open a mail; what is shown of it."""
        box = out.with_name("inbox")
        box.write_bytes(b"From x@y Thu Jan  1 00:00:00 2026\n" +
                        mail.read_bytes().replace(b"\r\n", b"\n") + b"\n")
        with self.start(self.home(out, *home, inbox=box), "-I", "i,v", "-f", box) as terminal:
            told = terminal.wait(r"(signed|encrypted)\. \].*MsgIndex",
                                 r"Couldn't verify [^\[\]]*(\[[a-z-]*\])?\]")
            assert told, f"it ended with status {terminal.status()}:\n{terminal.text}"
            return terminal.text

    def judge(self, text, said, out):
        if said not in text:
            return Result(1, b"", text)
        out.write_text(text)
        return Result(0, b"", text)

    def verify(self, mail, trusted, out):
        address = re.search(rb"^From: (\S+)", mail.read_bytes(), re.MULTILINE)[1].decode()
        # Alpine looks for the signer's certificate here only.
        signer = out.with_name("signer.crt")
        must(stock("cms", "-verify", "-noverify", "-in", mail, "-signer", signer,
                   "-out", "/dev/null"))
        text = self.read(mail, out, address, trusted, signer)
        return self.judge(text, "[ This message was cryptographically signed. ]", out)

    def decrypt(self, mail, cert, out):
        text = self.read(mail, out, cert.recipe.address, cert.anchor, cert.pem, cert.key)
        return self.judge(text, "[ This message was encrypted. ]", out)


ALPINE = Alpine("Alpine, with the `sendmail-path` of the guide", (find("alpine"),), "alpine",
                (find("alpine"), "-v"))

fail_closed.driven(ALPINE)


class TestAlpine(Contract):
    program = ALPINE
    silent = {"sign": "not sent: the S/MIME policy refused to sign",
              "encrypt": "not sent: the S/MIME policy refused to encrypt"}
    lacks = {"extract": "it shows the text and says that the signature could not be verified"}

    def incoming(self, post, name, how="signed"):
        """A mail whose From is the signer's."""
        if how == "encrypted":
            return post.encrypted(name)
        return post.sent(name, f"{name}@example.com")

    @pytest.mark.parametrize("name, read", [("good_rsa", True), ("expired", False)])
    @pytest.mark.parametrize("operation", ["sign", "encrypt"])
    def test_bare(self, operation, name, read, conf, pki, mail, out):
        """A limit that the guide names: without its script an empty mail is sent."""
        bare = Alpine(ALPINE.name, ALPINE.argv, ALPINE.package, ALPINE.probe, conf, guarded=False)
        result = send(bare, operation, pki[name], mail, out)
        assert result.rc == 0 and not nothing_left(out), result
        again = (stock("cms", "-verify", "-noverify", "-in", out) if operation == "sign" else
                 stock("cms", "-decrypt", "-in", out, "-inkey", pki[name].key))
        assert (again.rc == 0) == read and (TEXT in again.out) == read, again
