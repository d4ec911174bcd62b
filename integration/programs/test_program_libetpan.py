# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
"""libetpan's S/MIME, driven by etpan.c, with the PATH of docs/use/guides/libetpan.md."""

import json
import os
import shutil

import pytest

from harness import REPO, must, run, stock, stock_does
from programs import FAULTS, PASSPHRASE, REFUSED, Bin, locked_key

CC, PKG_CONFIG = (shutil.which(name, path=os.defpath) for name in ("cc", "pkg-config"))
FLAGS = PKG_CONFIG and run(PKG_CONFIG, "--cflags", "--libs", "libetpan")
pytestmark = pytest.mark.skipif(not (CC and FLAGS and FLAGS.rc == 0),
                                reason="libetpan-dev or a C compiler is not installed")

BODY = b"the quick brown fox."
GUIDE = "libetpan.md"
MAIL = (b"From: me@example.com\r\nTo: bob@example.com\r\nSubject: test\r\nMIME-Version: 1.0\r\n"
        b"Content-Type: text/plain\r\n\r\n" + BODY + b"\r\n")


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    """etpan.c, compiled."""
    out = tmp_path_factory.mktemp("etpan") / "etpan"
    must(run(CC, "-Wall", "-Werror", "-o", out, REPO / "integration" / "programs" / "etpan.c",
             *FLAGS.out.decode().split()))
    return out


def stopped_by_command(result):
    """What libetpan says if the command failed; or if it ended before it had read the passphrase."""
    return any(error in result.err for error in ("MAIL_ERROR_COMMAND", "MAIL_ERROR_FILE"))


class Etpan:
    """The directories of a program that is built on libetpan."""

    def __init__(self, program, home, pki, me="good_rsa", to="good_chain", **installation):
        self.program, self.home, self.pki = program, home, pki
        self.log = home / "decisions"
        if not installation:
            installation = {"settings": f"decision_log = {self.log}\n"}
        self.bin = Bin(home, **installation)
        for name in ("tmp", "certificates", "ca", "keys"):
            (home / name).mkdir()
        shutil.copy(pki[me].pem, home / "certificates" / "me@example.com-cert.pem")
        shutil.copy(pki[to].pem, home / "certificates" / "bob@example.com-cert.pem")
        shutil.copy(pki.ca, home / "ca" / "root.pem")
        locked_key(pki[me], home / "keys" / "me@example.com-private-key.pem")

    def call(self, how, message, check=False):
        path = self.home / "message"
        path.write_bytes(message)
        script = self.bin.configuration(GUIDE)
        if check:
            script += self.bin.configuration(GUIDE, "check")
        # sendmail is found there, too; real programs send in other ways.
        return run("/bin/sh", "-c", script + 'exec "$@"', "sh", self.program, self.home, how, path,
                   env={"PATH": f"{os.defpath}:{self.bin.path}"})

    @property
    def sent(self):
        return self.bin.sent.read_bytes()

    def refused(self, result, operation, rule):
        """Nothing was sent, and the decision log has the reason, which libetpan does not pass on."""
        assert result.rc == 1 and stopped_by_command(result), result
        assert rule not in result.text and not self.bin.sent.exists()
        decision = json.loads(self.log.read_text().splitlines()[-1])
        assert (decision["operation"], decision["verdict"]) == (operation, "refused")
        assert rule in [finding["rule"] for finding in decision["findings"]]


@pytest.fixture
def etpan(program, tmp_path, pki):
    return Etpan(program, tmp_path, pki)


@pytest.fixture
def incoming(pki, mail, tmp_path):
    """A mail that stock openssl made."""
    def make(name, *words):
        out = tmp_path / "incoming"
        must(stock("cms", *words, "-in", mail, "-out", out, "-from", f"{name}@example.com", "-to",
                   "me@example.com", "-subject", "test", *([pki[name].pem] if "-encrypt" in words
                   else ["-signer", pki[name].pem, "-inkey", pki[name].key])))
        return out.read_bytes()

    return make


# --- out


def test_signs(etpan, pki):
    must(etpan.call("signed", MAIL))
    assert BODY in must(stock("cms", "-verify", "-CAfile", pki.ca, stdin=etpan.sent)).out


def test_encrypts(etpan, pki):
    must(etpan.call("encrypted", MAIL))
    assert BODY not in etpan.sent
    assert BODY in must(stock("cms", "-decrypt", "-recip", pki.good_chain.pem, "-inkey",
                              pki.good_chain.key, stdin=etpan.sent)).out


@pytest.mark.parametrize("me", REFUSED)
def test_does_not_sign(me, program, pki, tmp_path):
    etpan = Etpan(program, tmp_path, pki, me=me)
    etpan.refused(etpan.call("signed", MAIL), "sign", REFUSED[me])


@pytest.mark.parametrize("to", REFUSED)
def test_does_not_encrypt(to, program, pki, tmp_path):
    etpan = Etpan(program, tmp_path, pki, to=to)
    etpan.refused(etpan.call("encrypted", MAIL), "encrypt", REFUSED[to])


def test_a_weak_cipher_can_be_refused(program, pki, tmp_path):
    """libetpan names no cipher, so stock's default is used."""
    sealed = must(stock("smime", "-encrypt", pki.good_rsa.pem, stdin=MAIL)).out
    weak = stock_does("takes Triple DES where `smime -encrypt` names no cipher", "des-ede3-cbc" in must(
        stock("cms", "-cmsout", "-print", "-noout", stdin=sealed)).text)
    etpan = Etpan(program, tmp_path, pki, settings="weak_cipher = deny\n")
    result = etpan.call("encrypted", MAIL)
    if weak:
        assert result.rc == 1 and stopped_by_command(result) and not etpan.bin.sent.exists()
    else:
        assert result.rc == 0 and etpan.bin.sent.exists(), result


# --- in


@pytest.mark.parametrize("words", [["-sign"], ["-sign", "-nodetach"]], ids=["detached", "opaque"])
def test_verifies(words, etpan, incoming):
    result = must(etpan.call("read", incoming("good_rsa", *words)))
    assert b"multipart/x-verified" in result.out and BODY in result.out, result
    assert b"Verification successful" in result.out


STRANGERS = pytest.mark.parametrize("name, reason", [("foreign", b"[distrust-default]"),
                                                     ("no_san", b"[signer-certificate]"),
                                                     ("expired", b"certificate has expired")])


@STRANGERS
def test_shows_and_says_why_it_is_not_verified(name, reason, etpan, incoming):
    result = must(etpan.call("read", incoming(name, "-sign")))
    assert b"multipart/x-verified" in result.out and BODY in result.out, result
    assert reason in result.out and b"successful" not in result.out


@STRANGERS
def test_opaque_is_left_as_it_is(name, reason, etpan, incoming):
    """The library cannot use the empty output of openssl."""
    result = must(etpan.call("read", incoming(name, "-sign", "-nodetach")))
    assert b"signed-data" in result.out and BODY not in result.out
    assert reason not in result.out and b"successful" not in result.out
    if name == "no_san":
        decisions = [json.loads(line) for line in etpan.log.read_text().splitlines()]
        assert ("verify", "refused") in [(one["operation"], one["verdict"]) for one in decisions]


def test_extraction_is_no_verification(etpan, incoming):
    result = must(etpan.call("read-unchecked", incoming("foreign", "-sign", "-nodetach")))
    assert BODY in result.out and b"successful" not in result.out
    assert b"Unverified: the signature fits the content" in result.out


@pytest.mark.parametrize("me", ["good_rsa", "expired"])
def test_decrypts_what_it_can(me, program, pki, incoming, tmp_path):
    """
    1.9.4 fails where openssl succeeds without a word, which it then wants to map.

    What reaches it is the same with stock openssl, and that is all we can do.
    """
    etpan = Etpan(program, tmp_path, pki, me=me)
    message = incoming(me, "-encrypt", "-aes256")
    ours = must(etpan.call("read", message))
    command = etpan.bin.path / "openssl"
    decrypted = must(run(command, "smime", "-decrypt", "-passin", "fd:0", "-in", etpan.home / "message",
                         "-inkey", etpan.home / "keys" / "me@example.com-private-key.pem", "-recip",
                         pki[me].pem, stdin=f"{PASSPHRASE}\n".encode()))
    assert BODY in decrypted.out and decrypted.err == ""
    command.unlink()
    assert must(etpan.call("read", message)).out == ours.out


# --- broken installations


@pytest.mark.parametrize("fault", FAULTS)
def test_fails_closed(fault, program, pki, incoming, tmp_path):
    etpan = Etpan(program, tmp_path, pki, fault=fault)
    for how in ("signed", "encrypted"):
        result = etpan.call(how, MAIL)
        assert result.rc == 1 and stopped_by_command(result), result
        assert not etpan.bin.sent.exists()
    message = incoming("good_rsa", "-sign")
    assert b"Verification successful" not in etpan.call("read", message).out
    # The check prints what libetpan does not.
    result = etpan.call("signed", MAIL, check=True)
    assert result.rc == 1 and not stopped_by_command(result), result
    says = "NOT enforced: openssl fails by itself" if "module" in fault else FAULTS[fault]
    assert says in result.text, result


def test_the_check_of_the_guide(program, pki, tmp_path):
    """Only the check notices a missing link."""
    etpan = Etpan(program, tmp_path, pki, me="expired")
    good = Bin(tmp_path / "certificates")
    assert "enforced: " in must(run("/bin/sh", "-c", good.configuration(GUIDE) +
                                    good.configuration(GUIDE, "check"))).text
    (etpan.bin.path / "openssl").unlink()
    assert etpan.call("signed", MAIL).rc == 0
    etpan.bin.sent.unlink()
    result = etpan.call("signed", MAIL, check=True)
    assert result.rc == 1 and "openssl is not the one of smime-policy" in result.err, result
    assert not etpan.bin.sent.exists()
