# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
"""qcatool, which loads providers itself and always ends with 0; docs/use/guides/qcatool.md."""

import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

import fail_closed
from harness import must, run, stock
from in_process import TEXT, Contract, Program, find
from pages import block


@dataclass
class QcaTool(Program):
    """Called as in the guide: a message that begins with `bad` is a failure."""

    def message(self, mail, *args):
        # It has its own home, because it stores a configuration there.
        return run(*self.prefix, *self.argv, "--noprompt", "--nosys", "--pass=x", *args, conf=self.conf,
                   env={"HOME": mail.parent}, stdin=mail.read_bytes())

    def write(self, mail, out, *args):
        result = self.message(mail, *args)
        if result.out.startswith(b"bad"):
            return replace(result, rc=1)
        out.write_bytes(result.out)
        return result

    def bundle(self, cert, out):
        path = out.with_name(f"{cert.name}.p12")
        must(stock("pkcs12", "-export", "-in", cert.pem, "-inkey", cert.key, "-passout", "pass:x",
                   "-out", path))
        return path

    def sign(self, cert, mail, out):
        return self.write(mail, out, "message", "sign", "smime", self.bundle(cert, out))

    def encrypt(self, certs, mail, out):
        (cert,) = certs
        return self.write(mail, out, "message", "encrypt", "smime", cert.pem)

    def verify(self, mail, trusted, out):
        result = self.message(mail, f"--roots={trusted}", "message", "verify", "smime")
        if result.rc == 0:
            out.write_bytes(result.out)
        return result

    def decrypt(self, mail, cert, out):
        return self.write(mail, out, "message", "decrypt", "smime", self.bundle(cert, out))


QCATOOL = QcaTool("qcatool", (find("qcatool-qt5"),), "qca-qt5-2-utils",
                  (find("qcatool-qt5"), "version"))


def loads_default():
    """
    Does it load `default` by itself?  Then a module that is lost is not missed.

    It encrypts with a configuration that has nothing in it that could: Debian 12's does.
    """
    with tempfile.TemporaryDirectory() as name:
        here = Path(name)
        conf = here / "openssl.cnf"
        conf.write_text("openssl_conf = init\n[init]\nproviders = provs\n[provs]\nnull = here\n"
                        "[here]\nactivate = 1\n")
        must(run("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=x", "-keyout",
                 here / "key", "-out", here / "cert"))
        result = QCATOOL.under(conf).message(conf, "message", "encrypt", "smime", here / "cert")
        return b"pkcs7-mime" in result.out and not result.out.startswith(b"bad")


LOADS = "the program loads `default` itself"
fail_closed.driven(QCATOOL, goes_on={} if QCATOOL.missing() or not loads_default() else
                   {"module missing": LOADS, "`module` names something else": LOADS})


class TestQcaTool(Contract):
    program = QCATOOL
    silent = {"encrypt": "bad", "verify": "IdentityResult: InvalidSignature"}
    lacks = {"extract": "it verifies, or it does not"}

    @pytest.mark.parametrize("name, rc, read", [("good_rsa", 0, True), ("expired", 0, False)])
    @pytest.mark.parametrize("operation", ["sign", "encrypt"])
    def test_exit_code_is_no_answer(self, operation, name, rc, read, conf, pki, mail, tmp_path):
        """A limit that the guide names: exit code 0, and an empty message."""
        tool, cert, message = self.program.under(conf), pki[name], tmp_path / "message"
        what = tool.bundle(cert, message) if operation == "sign" else cert.pem
        result = tool.message(mail, "message", operation, "smime", what)
        assert result.rc == rc and result.out.startswith(b"bad") != read, result
        message.write_bytes(result.out[result.out.lower().index(b"content-type:"):])
        again = (stock("cms", "-verify", "-noverify", "-in", message) if operation == "sign" else
                 stock("cms", "-decrypt", "-in", message, "-inkey", cert.key))
        assert (again.rc == 0) == read and (TEXT in again.out) == read, again

    @pytest.mark.parametrize("name, rc", [("good_rsa", 0), ("expired", 1)])
    def test_the_lines_of_the_guide(self, name, rc, conf, pki, mail, tmp_path):
        """The guide's lines derive the exit code from the output."""
        script, message = tmp_path / "script", tmp_path / "message"
        script.write_text("set -e\n" + block("docs/use/guides/qcatool.md", "qcatool"))
        result = run("sh", script, "message", "encrypt", "smime", pki[name].pem, conf=conf,
                     env={"HOME": tmp_path, "MESSAGE": message}, stdin=mail.read_bytes())
        assert result.rc == rc and message.exists() == (rc == 0), result
