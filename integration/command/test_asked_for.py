# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
"""Nothing is done that was not asked for, and no option is ignored silently."""

import json
import os
import pty
import re
import socket
import sqlite3
import subprocess

import pytest

from harness import COMMAND, PATIENCE, environment, must, run, stock
from terminal import Terminal
from words import COMMANDS
from test_keyring_verbs import box, serial, stopped  # pylint: disable=unused-import

DONE, USAGE, INPUT, REFUSED, CRYPTO, SYSTEM = range(6)
ADDRESS = "good_rsa@example.com"


def tree(directory):
    """Every file below, with what is in it."""
    return {path.relative_to(directory): path.read_bytes()
            for path in sorted(directory.rglob("*")) if path.is_file()}


# --- --explain

def explained(box, pki, post):
    """For every command: a call that would change something if --explain was ignored."""
    cert, out = pki.good_rsa, ["-out", box.file("out")]
    (box.directory / "openssl.cnf").write_text("")
    mail = box.mail()
    return {
        "sign": [["--from", ADDRESS, "-in", mail, *out]],
        "encrypt": [["--to", ADDRESS, "-in", mail, *out]],
        "verify": [["-CAfile", pki.ca, "-in", post.sent("good_rsa", ADDRESS), *out]],
        "decrypt": [["-in", post.encrypted("good_rsa"), *out]],
        "cms": [["-sign", "-signer", cert.pem, "-inkey", cert.key, "-in", mail, *out]],
        "smime": [["-encrypt", "-in", mail, *out, cert.pem]],
        "check": [[cert.pem]],
        "config": [["--print"], ["--self-test", box.file("openssl.cnf"), "--", "touch", box.file("x")]],
        "upload": [["--no-passphrase", pki.good_p256.pem, pki.good_p256.key]],
        "import": [["--no-passphrase", "--from", pki.good_p256.pem]],
        "new": [[ADDRESS, "--passout", "stdin", "--key", "ec:P-256"]],
        "collect": [[post.sent("good_p256", "good_p256@example.com")]],
        "list": [[]],
        "show": [[ADDRESS]],
        "remove": [["--with-key", ADDRESS]],
        "export": [["--all", "--keys", "--out", box.file("keys")], ["--all", "--keys"]],
        "trust": [[ADDRESS]],
        "demo": [[]],
        "doctor": [[], ["--json"]],
        "maintain": [[], ["--all", "--backup", box.file("backups")]],
        "report": [["--json"], ["--html", box.file("page")]],
        "hub": [["init"], ["upgrade"], ["push"], ["renew"]],
        "sync": [[]],
        "keyring": [["check"], ["backup", box.file("backup")], ["path"],
                    ["passphrase", ADDRESS, "--no-passphrase"]],
    }


def test_every_command_is_walked(box, pki, post):
    assert set(explained(box, pki, post)) == set(COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_explain_does_nothing(command, box, pki, post):
    """--explain is obeyed or refused: nothing is written, removed or run."""
    box.give("good_p256", identities=["good_rsa"])
    must(box("upload", pki.ca))
    must(box("export", "--all", "--out", box.file("export.pem")))
    every = explained(box, pki, post)[command]
    must(box("remove", "good_p256@example.com"))
    before = tree(box.directory)
    for words in every:
        result = box("--explain", command, *words)
        assert tree(box.directory) == before, result
        assert b"PRIVATE KEY" not in result.out, result
        if result.rc != DONE:
            assert result.rc == USAGE and result.out == b"", result
            assert "--explain is refused; 'smime-policy " in result.err, result


def test_what_would_be_removed(box):
    box.give("good_p256", identities=["good_rsa"])
    result = must(box("--explain", "remove", "--with-key", ADDRESS, "good_p256@example.com"))
    assert result.text.count("would remove ") == 2, result
    assert f"{ADDRESS} (emailAddress={ADDRESS},CN=good_rsa) and its private key" in result.text
    result = box("--explain", "remove", ADDRESS)
    assert result.rc == USAGE and "--with-key" in result.err and result.out == b"", result
    must(box("remove", "--with-key", ADDRESS))


# --- words that a verb does not take

VERBS = {"sign": ["--from", ADDRESS], "verify": ["--no-sender"], "decrypt": []}


@pytest.mark.parametrize("behind", [[], ["--", "-x"], ["-binary"]])
@pytest.mark.parametrize("verb", VERBS)
def test_a_word_too_many(verb, behind, box):
    """The word was meant as the message, so standard input is not used instead."""
    box.give(identities=["good_rsa"])
    out = box.file("out")
    result = box(verb, *VERBS[verb], "-out", out, *(behind[:1] if behind[:1] == ["--"] else []),
                 box.mail(), *behind, stdin=b"another one\n")
    stopped(result, out, rc=USAGE)
    assert f"{verb}: {box.file('mail.eml')} is not an option" in result.err, result
    assert "-in" in result.err


@pytest.mark.parametrize("words, other", [
    (["sign", "--to", ADDRESS], "encrypt"), (["sign", "--cc", ADDRESS], "encrypt"), (["sign", "--to-self"], "encrypt"),
    (["sign", "--bcc", "separate"], "encrypt"), (["verify", "--bcc", "separate"], "encrypt"),
    (["sign", "--sender", ADDRESS], "verify"), (["encrypt", "--to", ADDRESS, "--sender", ADDRESS], "verify"),
    (["encrypt", "--no-sender"], "verify"), (["verify", "--from", ADDRESS], "sign"), (["verify", "--headers"], "sign"),
    (["verify", "--to", ADDRESS], "encrypt"), (["decrypt", "--from", ADDRESS], "sign"),
    (["decrypt", "-headers"], "sign"), (["decrypt", "--to-self"], "encrypt"), (["decrypt", "-no-sender"], "verify"),
    (["decrypt", "--cc=a@b.c"], "encrypt"), (["sign", "--any-signer"], "verify")])
def test_an_option_of_another_verb(words, other, box):
    """It would be ignored, and what was meant by it would not be done."""
    box.give(identities=["good_rsa"])
    result = box(*words, "-in", box.mail(), "-out", box.file("out"))
    option = next(word.partition("=")[0].lstrip("-") for word in reversed(words) if word.startswith("-"))
    stopped(result, box.file("out"), rc=USAGE)
    assert f"{words[0]}: --{option} is for {other}\n" in result.err, result


def test_a_word_too_many_in_json(box):
    result = box("verify", "--json", "-out", box.file("out"), box.mail())
    assert result.rc == USAGE and json.loads(result.out)["done"] is False, result


# --- what is no message

def refuses_input(result, out, what):
    stopped(result, out, rc=INPUT)
    assert "cannot read the message from" in result.err and what in result.err, result
    assert result.err.count("\n") == 1, result


class Handle:
    """A file or directory as standard input."""

    def __init__(self, path):
        self.fd = os.open(path, os.O_RDONLY)

    def __enter__(self):
        return self.fd

    def __exit__(self, *_):
        os.close(self.fd)


def ways(box, pki):
    """Every operation that reads a message, as a verb and under the stock names."""
    cert = pki.good_rsa
    signer, recip = ["-signer", cert.pem, "-inkey", cert.key], ["-recip", cert.pem, "-inkey", cert.key]
    every = {"sign": signer, "encrypt": ["--to", ADDRESS], "verify": ["-CAfile", pki.ca],
             "decrypt": recip, "headers": ["--headers"]}
    for name, words in every.items():
        yield name, ["sign" if name == "headers" else name, *words]
    for name in ("cms", "smime"):
        yield f"{name} -sign", [name, "-sign", *signer]
        yield f"{name} -encrypt", [name, "-encrypt", "-recip", cert.pem]
        yield f"{name} -verify", [name, "-verify", "-CAfile", pki.ca]
        yield f"{name} -decrypt", [name, "-decrypt", *recip]


@pytest.mark.parametrize("what, fault", [("a directory", "it is a directory"),
                                         ("/dev/zero", "it is a device, and no terminal")])
def test_no_message(what, fault, box, pki):
    """Stock reads a directory as an empty mail, and /dev/zero for ever."""
    box.give(identities=["good_rsa"])
    out = box.file("out")
    path = box.directory if what == "a directory" else what
    for name, words in ways(box, pki):
        refuses_input(box(*words, "-in", path, "-out", out), out, fault)
        with Handle(path) as opened:
            done = subprocess.run([str(word) for word in (COMMAND, "--keyring", box.path, *words,
                                                          "-out", out)], stdin=opened, timeout=PATIENCE,
                                  capture_output=True, env=environment(), check=False)
        assert done.returncode == INPUT and not out.exists(), (name, done)
        assert b"cannot read the message from standard input: " in done.stderr, (name, done)


def test_content_that_is_none(box, pki, post):
    out = box.file("out")
    for words in (["verify"], ["cms", "-verify"], ["smime", "-verify"]):
        refuses_input(box(*words, "-CAfile", pki.ca, "-in", post.signed("good_rsa"), "-content",
                          "/dev/zero", "-out", out), out, "no terminal")


@pytest.mark.parametrize("what", ["file", "pipe", "socket", "terminal"])
def test_every_message_that_is_one(what, box, pki):
    """For instance, Node.js gives sockets to its children."""
    cert, out = pki.good_rsa, box.file("out")
    words = [str(word) for word in (COMMAND, "sign", "-signer", cert.pem, "-inkey", cert.key,
                                    "-out", out)]
    text = b"From: good_rsa@example.com\n\nhello\n"
    if what == "file":
        must(run(*words, "-in", box.mail()))
    elif what == "pipe":
        must(run(*words, stdin=text))
    elif what == "socket":
        ours, theirs = socket.socketpair()
        ours.sendall(text)
        ours.close()
        with theirs:
            done = subprocess.run(words, stdin=theirs, check=False, env=environment())
        assert done.returncode == DONE
    else:
        ours, theirs = pty.openpty()
        os.write(ours, text + b"\x04")
        done = subprocess.run(words, stdin=theirs, check=False, env=environment(), timeout=PATIENCE)
        os.close(ours)
        os.close(theirs)
        assert done.returncode == DONE
    assert b"multipart/signed" in out.read_bytes()


def test_dev_null(box, pki):
    """A verb refuses it; under the stock names it may be meant as an empty mail."""
    cert, out = pki.good_rsa, box.file("out")
    signer = ["-signer", cert.pem, "-inkey", cert.key, "-in", "/dev/null", "-out", out]
    refuses_input(box("sign", *signer), out, "it is a device")
    for name in ("cms", "smime"):
        must(box(name, "-sign", *signer))
        out.unlink()


def test_no_message_explained(box, pki):
    result = box("sign", "--explain", "-signer", pki.good_rsa.pem, "-inkey", pki.good_rsa.key, "-in",
                 box.directory)
    assert result.rc == INPUT and "it is a directory" in result.err, result


# --- an option of two values

TWICE = {
    "verify": (["verify", "--sender", "a@example.com", "--sender", "b@example.com"], "--sender"),
    "cms": (["cms", "-verify", "-sender", "a@example.com", "-sender", "b@example.com"], "--sender"),
    "a keyring of a verb": (["sign", "--keyring", "/a", "--keyring", "/b"], "--keyring"),
    "a keyring before and after": (["list", "--keyring", "/b"], "--keyring"),
    "a keyring before a verb": (["sign", "--keyring", "/b", "--from", ADDRESS], "--keyring"),
    "upload": (["upload", "--as", "ca", "--as", "contact", "x"], "--as"),
    "export": (["export", "--all", "--out", "a", "-o", "b"], "--output"),
    "check": (["check", "--key", "a", "--key", "b", "x"], "--key"),
    "policy": (["--policy", "/a", "--policy", "/b", "list"], "--policy"),
}


@pytest.mark.parametrize("which", TWICE)
def test_two_values(which, box):
    """With two values the last would win, though the other was meant as well."""
    words, option = TWICE[which]
    result = box(*words, stdin=b"x")
    assert result.rc == USAGE and result.out == b"", result
    assert f"{option} was given twice, with " in result.err and "give it once" in result.err, result


def test_the_same_value_twice(box):
    box.give("good_rsa")
    must(box("list", "--keyring", box.path, "--keyring", box.path))


def test_two_senders_sign_both(box, pki):
    """--from may be repeated, as -signer may: all of them sign."""
    box.give(identities=["good_rsa", "good_p256"])
    out = box.file("signed.pem")
    must(box("sign", "--from", ADDRESS, "--from", "good_p256@example.com", "-in", box.mail(),
             "-outform", "PEM", "-out", out))
    shown = must(stock("cms", "-cmsout", "-print", "-noout", "-inform", "PEM", "-in", out)).text
    signers = shown[shown.index("signerInfos:"):].lower()
    assert serial(pki.good_rsa).lower() in signers and serial(pki.good_p256).lower() in signers


# --- the signer in -certfile

@pytest.mark.parametrize("how", ["sign", "from", "cms", "smime", "two"])
def test_certfile_with_the_signer_in_it(how, box, pki):
    """fullchain.pem, as many CAs call it; stock fails with "malloc failure"."""
    cert, out = pki.good_chain, box.file("signed.pem")
    chain = box.file("fullchain.pem")
    chain.write_bytes(cert.pem.read_bytes() + pki.intermediate.read_bytes() * 2)
    box.give(identities=["good_chain"])
    signer = ["-signer", cert.pem, "-inkey", cert.key]
    words = {"sign": ["sign", *signer], "from": ["sign", "--from", "good_chain@example.com"],
             "cms": ["cms", "-sign", *signer], "smime": ["smime", "-sign", *signer],
             "two": ["sign", *signer, "-signer", pki.good_p256.pem, "-inkey", pki.good_p256.key]}[how]
    must(box(*words, "-certfile", chain, "-in", box.mail(), "-outform", "PEM", "-out", out))
    must(stock("cms", "-verify", "-inform", "PEM", "-in", out, "-content", box.file("mail.eml"),
               "-CAfile", pki.ca, "-binary", "-out", "/dev/null"))
    certs = must(stock("cms", "-cmsout", "-inform", "PEM", "-in", out, "-print", "-noout")).text
    assert certs.count("d.certificate:") == (3 if how == "two" else 2), certs


@pytest.mark.parametrize("how", ["sign", "cms", "smime"])
def test_certfile_that_is_the_signer(how, box, pki):
    """mutt does this without named issuers: nothing is sent along beside the signer."""
    cert, out = pki.good_rsa, box.file("signed.pem")
    must(box(*{"sign": ["sign"], "cms": ["cms", "-sign"], "smime": ["smime", "-sign"]}[how],
             "-signer", cert.pem, "-inkey", cert.key, "-certfile", cert.pem, "-in", box.mail(),
             "-outform", "PEM", "-out", out))
    certs = must(stock("cms", "-cmsout", "-inform", "PEM", "-in", out, "-print", "-noout")).text
    assert certs.count("d.certificate:") == 1, certs


def test_certfile_with_the_signer_in_it_alone(box, pki):
    """With -nocerts the signer's certificate is sent only if -certfile has it."""
    cert, out = pki.good_chain, box.file("signed.pem")
    must(box("sign", "-signer", cert.pem, "-inkey", cert.key, "-nocerts", "-certfile", cert.pem,
             "-in", box.mail(), "-outform", "PEM", "-out", out))
    certs = must(stock("cms", "-cmsout", "-inform", "PEM", "-in", out, "-print", "-noout")).text
    assert certs.count("d.certificate:") == 1, certs


# --- a sender that is not the signer

@pytest.mark.parametrize("how", ["--headers", "--headers --from", "-from"])
def test_sender_that_verify_refuses(how, box, pki):
    """A warning before sending: our own `verify` will refuse the mail."""
    cert, out = pki.good_rsa, box.file("signed.eml")
    box.give(identities=["good_rsa"], cas=["root"])
    mail = box.mail(sender="mallory@example.com")
    words = {"--headers": ["--headers", "-signer", cert.pem, "-inkey", cert.key],
             "--headers --from": ["--headers", "--from", ADDRESS],
             "-from": ["--from", ADDRESS, "-from", "Mallory <mallory@example.com>"]}[how]
    result = must(box("sign", *words, "-in", mail, "-out", out))
    assert "warning: sign: " in result.err and "[sender-match]" in result.err, result
    assert "who verifies the mail refuses it" in result.err
    told = box("verify", "-in", out, "-out", box.file("text"))
    assert told.rc == REFUSED and "[sender-match]" in told.err, told
    result = must(box("sign", "--json", *words, "-in", mail, "-out", out))
    assert "sender-match" in result.text, result


@pytest.mark.parametrize("sender", [ADDRESS, "Good <GOOD_RSA@example.com>"])
def test_sender_that_verify_accepts(sender, box, pki):
    out = box.file("signed.eml")
    box.give(identities=["good_rsa"], cas=["root"])
    result = must(box("sign", "--headers", "-signer", pki.good_rsa.pem, "-inkey", pki.good_rsa.key,
                      "-in", box.mail(sender=sender), "-out", out))
    assert "sender-match" not in result.err, result
    result = must(box("sign", "--from", ADDRESS, "-from", sender, "-in", box.mail(), "-out", out))
    assert "sender-match" not in result.err, result
    must(box("verify", "-in", out, "-out", box.file("text")))


def test_sender_of_what_has_no_header(box):
    """Nothing is compared if stock writes no header."""
    box.give(identities=["good_rsa"])
    mail = box.mail(sender="mallory@example.com")
    for words in (["--headers", "-outform", "DER"], []):
        result = must(box("sign", "--from", ADDRESS, *words, "-in", mail, "-out", box.file("out")))
        assert "sender-match" not in result.err, result


# --- a private key that is stored in another way

@pytest.fixture
def words(tmp_path):
    """--passout or --passin with a passphrase, by its name."""
    def give(option, text):
        path = tmp_path / f"pass.{text}"
        path.write_text(text + "\n")
        return [f"--{option}", f"file:{path}"]
    return give


def p12(box, cert, password):
    out = box.file(f"{password}.p12")
    must(stock("pkcs12", "-export", "-in", cert.pem, "-inkey", cert.key, "-passout",
               f"pass:{password}", "-out", out))
    return out


CHANGES = {
    "another passphrase": (["--passout", "two"], "under another passphrase"),
    "none any more": (["--no-passphrase"], "under a passphrase"),
    "that of a file": (["p12"], "under another passphrase"),
    "another place": (["--key-uri"], "in another place"),
}


def new_way(box, pki, words, how):
    cert = pki.good_rsa
    if how == ["p12"]:
        return [*words("passin", "three"), p12(box, cert, "three")]
    if how == ["--key-uri"]:
        return ["--key-uri", f"file:{cert.key}", cert.pem]
    return [*(words("passout", how[1]) if len(how) > 1 else how), cert.pem, cert.key]


@pytest.mark.parametrize("change", CHANGES)
def test_key_that_is_stored_in_another_way(change, box, pki, words):
    """After a silent change of its form, the owner could not sign any more, or would be less safe than they
    think."""
    how, said = CHANGES[change]
    must(box.upload(*words("passout", "one"), pki.good_rsa.pem, pki.good_rsa.key))
    before = box.keys()
    for more in ([], ["--keep-going"], ["--json"]):
        result = box.upload(*more, *new_way(box, pki, words, how))
        assert result.rc == USAGE and box.keys() == before, result
        assert f"is stored already, {said}" in result.err and "--replace" in result.err, result
    must(box.upload("--replace", *new_way(box, pki, words, how)))
    assert box.keys() != before and len(box.keys()) == 1


def test_key_that_gets_a_passphrase(box, pki, words):
    must(box.upload("--no-passphrase", pki.good_rsa.pem, pki.good_rsa.key))
    result = box.upload(*words("passout", "one"), pki.good_rsa.key)
    assert result.rc == USAGE and "is stored already, without a passphrase" in result.err, result
    must(box.upload("--replace", *words("passout", "one"), pki.good_rsa.key))
    assert box.keys()[0][0] == 1


def test_key_that_is_stored_in_the_same_way(box, pki, words):
    """The key of a renewed certificate is uploaded again."""
    cert = pki.good_rsa
    for _ in range(2):
        must(box.upload(*words("passout", "one"), cert.pem, cert.key))
        must(box.upload(*words("passin", "one"), p12(box, cert, "one")))
    must(box("sign", "--from", ADDRESS, "-in", box.mail(), "-out", box.file("out"), "-passin",
             f"file:{box.file('pass.one')}"))


@pytest.mark.parametrize("answer, code", [(b"y", DONE), (b"n", USAGE), (b"", USAGE)])
def test_key_is_replaced_where_a_terminal_says_so(answer, code, box, pki, words):
    must(box.upload(*words("passout", "one"), pki.good_rsa.pem, pki.good_rsa.key))
    before = box.keys()
    argv = [COMMAND, "--keyring", box.path, "upload", *words("passout", "two"), pki.good_rsa.key]
    with Terminal.start(argv, environment()) as terminal:
        assert terminal.wait("replace the stored key of ")
        terminal.press(answer + b"\n")
        assert terminal.code() == code
    assert (box.keys() != before) == (code == DONE)


def test_import_of_a_contact_with_its_key(box, pki, words):
    """A full export restores the identity with its key."""
    must(box.upload(*words("passout", "one"), pki.good_rsa.pem, pki.good_rsa.key))
    box.give("good_p256", cas=["root"])
    must(box("export", "--all", "--keys", "--out", box.file("all.pem")))
    must(box("remove", "--with-key", ADDRESS))
    must(box("upload", pki.good_rsa.pem))
    assert ("contact", ADDRESS) in box.contents() and box.keys() == []
    must(box("upload", "--as", "exported", box.file("all.pem")))
    assert ("identity", ADDRESS) in box.contents() and len(box.keys()) == 1
    must(box("keyring", "check"))
    must(box("sign", "--from", ADDRESS, "-in", box.mail(), "-out", box.file("out"), "-passin",
             f"file:{box.file('pass.one')}"))


@pytest.mark.parametrize("form", ["PEM", "DER"])
@pytest.mark.parametrize("name", ["good_rsa", "good_p256"])
def test_public_key_for_a_private_one(name, form, box, pki):
    """The refusal says that it is a public key, in either form, alone and with its certificate."""
    public = box.file("public")
    must(stock("pkey", "-in", pki[name].key, "-pubout", "-outform", form, "-out", public))
    for words in ([public], [pki[name].pem, public]):
        result = box.upload(*words)
        assert result.rc == REFUSED and "a public key was given as private key" in result.err, result
        assert "[private-key-algorithm]" in result.err and not box.path.exists(), result
