# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
"""smime.el, Message and Gnus in `emacs --batch`, configured as docs/use/guides/emacs.md says."""

import json

import pytest

from harness import REPO, must, run, stock
from programs import FAULTS, PASSPHRASE, REFUSED, Bin, locked_key, needs

pytestmark = needs("emacs")

BODY = b"the quick brown fox."
GUIDE = "emacs.md"
DRIVER = REPO / "integration" / "programs" / "emacs.el"

# Settings that make tests independent of the machine; none about S/MIME.
OURS = """
(setq user-mail-address "{me}@example.com" user-full-name "Test"
      sendmail-program "{sendmail}"
      message-send-mail-function 'message-send-mail-with-sendmail)
"""
# As `mml-secure-message-sign-smime` makes it of smime-keys; Emacs 30 asks for no key later.
KEYFILE = 'keyfile="~/.smime/alice.pem"'
SIGN = f"<#secure method=smime mode=sign {KEYFILE}>"


def encrypt(*certs, mode="encrypt"):
    files = " ".join(f'certfile="{cert.pem}"' for cert in certs)
    return f"<#secure method=smime mode={mode} {KEYFILE} {files}>"


class Emacs:
    """A user's home, and Emacs in it."""

    def __init__(self, home, pki, me="good_rsa", blocks=("configuration",), **installation):
        self.home = home
        self.bin = Bin(home, **installation)
        (home / ".smime").mkdir()
        (home / ".smime" / "ca-bundle.crt").write_bytes(pki.ca.read_bytes())
        identity = home / ".smime" / "alice.pem"
        key = locked_key(pki[me], home / "key")
        identity.write_bytes(pki[me].pem.read_bytes() + key.read_bytes())
        self.init = home / "init.el"
        self.init.write_text("".join(self.bin.configuration(GUIDE, block) for block in blocks) +
                             OURS.format(me=me, sendmail=self.bin.path / "sendmail"))

    def call(self, function, *args):
        """One function of the driver; the passphrase is asked for on standard input."""
        form = f"({function} {' '.join(str(arg) for arg in args)})"
        return run("emacs", "-Q", "--batch", "-l", DRIVER, "-l", self.init, "--eval", form,
                   env={"HOME": self.home, **self.bin.env}, cwd=self.home,
                   stdin=f"{PASSPHRASE}\n".encode())

    def send(self, tag):
        return self.call("send", json.dumps(tag))

    @property
    def sent(self):
        return self.bin.sent.read_bytes()

    def nothing_left(self):
        return not self.bin.sent.exists()


@pytest.fixture
def emacs(tmp_path, pki):
    return Emacs(tmp_path, pki)


@pytest.fixture
def incoming(pki, mail, tmp_path):
    """A mail by stock openssl whose From is the certificate's address, as a string of Lisp."""
    def make(name, *words, change=(b"", b"")):
        out = tmp_path / f"{name}.eml"
        must(stock("cms", *words, "-in", mail, "-out", out, "-from", f"{name}@example.com", "-to",
                   "x@example.com", "-subject", "test", *([pki[name].pem] if "-encrypt" in words
                   else ["-signer", pki[name].pem, "-inkey", pki[name].key])))
        out.write_bytes(out.read_bytes().replace(*change))
        return json.dumps(str(out))

    return make


def opened(message, cert):
    return must(stock("cms", "-decrypt", "-recip", cert.pem, "-inkey", cert.key, stdin=message)).out


def verified(message, trusted):
    return must(stock("cms", "-verify", "-CAfile", trusted, stdin=message)).out


# --- out


def test_signs(emacs, pki):
    must(emacs.send(SIGN))
    assert BODY in verified(emacs.sent, pki.ca)


def test_encrypts(emacs, pki):
    must(emacs.send(encrypt(pki.good_chain, pki.good_rsa)))
    assert BODY not in emacs.sent
    for reader in (pki.good_chain, pki.good_rsa):
        assert BODY in opened(emacs.sent, reader)


def test_signs_and_encrypts(emacs, pki):
    must(emacs.send(encrypt(pki.good_chain, mode="signencrypt")))
    assert BODY in verified(opened(emacs.sent, pki.good_chain), pki.ca)


@pytest.mark.parametrize("me", REFUSED)
def test_does_not_sign(me, pki, tmp_path):
    emacs = Emacs(tmp_path, pki, me=me)
    result = emacs.send(SIGN)
    assert result.rc == 1 and "Signing failed" in result.text, result
    assert "refused: sign: " in result.text and f"[{REFUSED[me]}]" in result.text, result
    assert emacs.nothing_left()


@pytest.mark.parametrize("to", REFUSED)
def test_does_not_encrypt(to, emacs, pki):
    result = emacs.send(encrypt(pki.good_chain, pki[to]))
    assert result.rc == 1 and "Encryption failed" in result.text, result
    assert "refused: encrypt: " in result.text and f"[{REFUSED[to]}]" in result.text, result
    assert emacs.nothing_left()


def test_signed_and_not_encrypted_is_not_sent(emacs, pki):
    result = emacs.send(encrypt(pki.expired, mode="signencrypt"))
    assert result.rc == 1 and "[expired]" in result.text, result
    assert emacs.nothing_left()


# --- in


@pytest.mark.parametrize("name, says", [("good_rsa", "Ok (sender authenticated)"),
                                        ("foreign", "Ok (sender not trusted)"),
                                        ("no_san", "Ok (sender not trusted)"),
                                        ("expired", "Ok (sender not trusted)")])
def test_gnus_says(name, says, emacs, pki, incoming):
    """no_san has its address in the subject, which satisfies Emacs but not the rules."""
    assert must(emacs.call("read-signed", incoming(name, "-sign"))).out.decode() == says


def test_gnus_notices_a_change(emacs, incoming):
    result = emacs.call("read-signed", incoming("good_rsa", "-sign", change=(b"quick", b"slow")))
    assert must(result).out == b"Failed"


def test_gnus_notices_another_sender(emacs, incoming):
    message = incoming("good_rsa", "-sign", change=(b"From: good_rsa@", b"From: other@"))
    assert must(emacs.call("read-signed", message)).out == b"Sender address forged"


def test_opaque(emacs, incoming):
    """The content of a stranger's mail is extracted on request, and not called verified."""
    words = ["-sign", "-nodetach"]
    result = emacs.call("on-mail", incoming("good_rsa", *words), "'smime-verify-buffer")
    assert b"result: t" in must(result).out
    stranger = incoming("foreign", *words)
    result = emacs.call("on-mail", stranger, "'smime-verify-buffer")
    assert b"result: nil" in must(result).out and "successful" not in result.text
    result = must(emacs.call("on-mail", stranger, "'smime-noverify-buffer"))
    assert b"result: t" in result.out and "successful" not in result.text
    assert "Unverified: the signature fits the content" in result.text


def test_why_a_sender_is_not_trusted(pki, incoming, tmp_path):
    """Emacs 28 writes the reason to a file; the decision log has the refusals of rules."""
    log = tmp_path / "decisions"
    emacs = Emacs(tmp_path, pki, settings=f"decision_log = {log}\n")
    emacs.call("on-mail", incoming("no_san", "-sign"), "'smime-verify-buffer")
    assert "[signer-certificate]" in (tmp_path / "*OpenSSL output*").read_text()
    decisions = [json.loads(line) for line in log.read_text().splitlines()]
    assert (decisions[-1]["operation"], decisions[-1]["verdict"]) == ("verify", "refused")
    assert "signer-certificate" in json.dumps(decisions[-1]["findings"])


@pytest.mark.parametrize("me", ["good_rsa", "expired"])
def test_decrypts(me, pki, incoming, tmp_path):
    emacs = Emacs(tmp_path, pki, me=me)
    message = incoming(me, "-encrypt", "-aes256")
    result = emacs.call("on-mail", message, "'smime-decrypt-buffer", "nil", '"~/.smime/alice.pem"')
    assert b"result: t" in must(result).out and BODY in result.out


@pytest.mark.parametrize("words, code, says", [
    (["-sign", "-signer", "good_rsa"], 0, None),
    (["-nonsense"], 1, "parsing the command options"),
    (["-verify", "-in", "/nonexistent", "-CAfile", "root"], 2, "input files could not be read"),
    (["-sign", "-signer", "expired"], 3, "creating the PKCS#7 file"),
    (["-verify", "-CAfile", "root"], 4, "decrypting or verifying"),
])
def test_codes_that_emacs_maps(words, code, says, emacs, pki, incoming, tmp_path):
    """smime.el knows each of these codes, and fails on others."""
    files = {}
    for name in ("good_rsa", "expired", "root"):
        files[name] = tmp_path / f"{name}.both"
        files[name].write_bytes(pki[name].pem.read_bytes() + pki[name].key.read_bytes())
    words = [json.dumps(str(files.get(word, word))) for word in ["smime", *words]]
    result = emacs.call("on-mail", incoming("foreign", "-sign"), "'smime-call-openssl-region", "nil",
                        "nil", "nil", *words)
    assert ("result: t" if code == 0 else "result: nil").encode() in must(result).out
    assert (says is None and "OpenSSL: " not in result.err) or says in result.err, result


# --- broken installations


@pytest.mark.parametrize("fault", FAULTS)
def test_fails_closed(fault, pki, incoming, tmp_path):
    emacs = Emacs(tmp_path, pki, fault=fault)
    assert b"Ok" not in emacs.call("read-signed", incoming("good_rsa", "-sign")).out
    for tag in (SIGN, encrypt(pki.good_chain)):
        result = emacs.send(tag)
        assert result.rc == 1 and emacs.nothing_left(), result
        says = "Unknown OpenSSL exitcode" if fault == "stock missing" else FAULTS[fault]
        assert says in result.text, result


def test_fails_closed_without_the_link(emacs, pki):
    (emacs.bin.path / "openssl").unlink()
    for tag in (SIGN, encrypt(pki.good_chain)):
        result = emacs.send(tag)
        assert result.rc == 1 and "No such file or directory" in result.text, result
        assert emacs.nothing_left()


@pytest.mark.parametrize("fault", [None, "module broken"])
def test_the_check_of_the_guide(fault, pki, tmp_path):
    emacs = Emacs(tmp_path, pki, fault=fault, blocks=("configuration", "check"))
    result = emacs.send(SIGN)
    if fault is None:
        assert must(result) and BODY in verified(emacs.sent, pki.ca)
    else:
        assert result.rc == 1 and "config --self-test fails: no S/MIME" in result.text, result
        assert emacs.nothing_left()
