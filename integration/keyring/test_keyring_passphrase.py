# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
"""keyring passphrase: a stored private key under another passphrase, all or nothing."""

import json
import sqlite3

import pytest

from harness import COMMAND, environment, must, run, stock
from terminal import Terminal
from test_keyring_list import fingerprint

DONE, USAGE, INPUT, REFUSED, CRYPTO, SYSTEM = range(6)

ADDRESS = "good_rsa@example.com"
RENEWED = "renewed@example.com"


@pytest.fixture
def ring(tmp_path, pki):
    """A keyring with a key under the passphrase "one", and one of two certificates without any."""
    for name in ("one", "two", "empty"):
        (tmp_path / name).write_text(f"{name}\n" if name != "empty" else "\n")
    path = tmp_path / "ring"
    upload = (COMMAND, "--keyring", path, "upload")
    must(run(*upload, "--passout", f"file:{tmp_path}/one", pki.good_rsa.pem, pki.good_rsa.key,
             pki.root.pem))
    must(run(*upload, "--no-passphrase", pki.renewed_old.pem, pki.renewed_old.key,
             pki.renewed_new.pem))
    return path


def change(ring, *words, **kwargs):
    return run(COMMAND, "--keyring", ring, "keyring", "passphrase", *words, **kwargs)


def source(ring, option, name):
    return f"--{option}=file:{ring.parent / name}"


def content(ring):
    return {file.name: file.read_bytes() for file in ring.iterdir()}


def locked(ring):
    """The one key under a passphrase, as it is stored."""
    with sqlite3.connect(ring / "keys.db") as db:
        (key,), = db.execute("SELECT pkcs8 FROM private_key WHERE encrypted").fetchall()
    return key


def opens(ring, name, address=ADDRESS):
    """Does the passphrase in that file open the key?"""
    mail = ring.parent / "mail"
    mail.write_text(f"From: {address}\n\nhello\n")
    result = run(COMMAND, "--keyring", ring, "sign", "--from", address, "-in", mail, "-out",
                 ring.parent / "signed", "-passin", f"file:{ring.parent / name}")
    return result.rc == DONE


def test_changed(ring):
    """The new passphrase opens the key, the old one does not, and nothing of the old form is left."""
    before = locked(ring)
    assert before[-64:] in content(ring)["keys.db"]
    result = change(ring, ADDRESS, source(ring, "passin", "one"), source(ring, "passout", "two"))
    assert result.rc == DONE and result.err == "", result
    assert result.text.startswith("changed the passphrase of the private key of identity ")
    assert opens(ring, "two") and not opens(ring, "one")
    must(run(COMMAND, "--keyring", ring, "keyring", "check"))
    after = content(ring)["keys.db"]
    assert locked(ring)[-64:] in after and before[-64:] not in after


def test_the_form_is_that_of_an_upload(ring):
    """PBKDF2 with 600,000 rounds of HMAC-SHA256, and AES-256."""
    must(change(ring, ADDRESS, source(ring, "passin", "one"), source(ring, "passout", "two")))
    pem = must(run(COMMAND, "--keyring", ring, "export", "--keys", ADDRESS)).text
    block = pem[pem.index("-----BEGIN ENCRYPTED PRIVATE KEY-----"):]
    shown = must(stock("asn1parse", stdin=block.encode())).text
    for part in ("PBKDF2", ":0927C0", "hmacWithSHA256", "aes-256-cbc"):
        assert part in shown, shown


def test_from_standard_input(ring):
    """Both may come from there, a line each."""
    must(change(ring, ADDRESS, "--passin", "stdin", "--passout", "stdin", stdin=b"one\ntwo\n"))
    assert opens(ring, "two")


def test_one_key_of_two_certificates(ring, pki):
    """It changes for both, whichever is named, and both are told."""
    result = change(ring, fingerprint(pki.renewed_old), source(ring, "passout", "two"))
    assert result.rc == DONE and len(result.out.splitlines()) == 2, result
    assert opens(ring, "two", RENEWED) and not opens(ring, "one", RENEWED)
    result = change(ring, RENEWED, "--json", "--no-passphrase", source(ring, "passin", "two"))
    told = json.loads(result.out)
    assert result.rc == DONE and told["done"] is True
    assert [cert["addresses"] for cert in told["certificates"]] == [[RENEWED], [RENEWED]]
    assert "kept without a passphrase" in result.err
    shown = must(run(COMMAND, "--keyring", ring, "show", RENEWED)).text
    assert shown.count("private key: plain") == 2


@pytest.mark.parametrize("words, code, said", [
    ([ADDRESS, "--passin", "pass:wrong", "--passout", "two"], INPUT, "is wrong; nothing was changed"),
    ([ADDRESS, "--passin", "one", "--passout", "empty"], INPUT, "the passphrase is empty"),
    ([ADDRESS, "--passin", "one", "--passout", "none"], INPUT, "cannot read the passphrase from"),
    ([ADDRESS, "--passin", "one", "--passout", "pass:new"], USAGE, "--passout takes fd:N"),
    ([ADDRESS, "--passin", "one"], INPUT, "cannot ask for the new passphrase"),
    ([ADDRESS, "--passout", "two"], INPUT, "cannot ask for the present passphrase"),
    ([ADDRESS, "--no-passphrase", "--passout", "two"], USAGE, "exclude each other"),
    (["nobody@example.com", "--passout", "two"], INPUT, "no certificate in the keyring"),
    (["root", "--passout", "two"], USAGE, "neither an address nor a fingerprint"),
    ([ADDRESS, RENEWED, "--passout", "two"], USAGE, "passphrase takes one address or fingerprint"),
    ([], USAGE, "passphrase takes one address or fingerprint"),
])
def test_refused(ring, words, code, said):
    """The reason is told, and the keyring is as it was."""
    files = {name: f"file:{ring.parent / name}" for name in ("one", "two", "empty", "none")}
    before = content(ring)
    result = change(ring, *[files.get(word, word) for word in words])
    assert result.rc == code and result.out == b"" and said in result.err, result
    assert content(ring) == before


def test_no_key(ring, pki):
    """A certificate without a private key has no passphrase either."""
    before = content(ring)
    result = change(ring, fingerprint(pki.root), source(ring, "passout", "two"))
    assert result.rc == INPUT and result.out == b"" and "has no private key" in result.err, result
    assert content(ring) == before


def test_several_keys(ring, pki):
    """An address with two keys: the certificate is to be named."""
    with sqlite3.connect(ring / "certificates.db") as db:
        db.execute("INSERT OR IGNORE INTO address SELECT ?, id FROM certificate WHERE fingerprint = ?",
                   (ADDRESS, bytes.fromhex(fingerprint(pki.renewed_old))))
    result = change(ring, ADDRESS, source(ring, "passin", "one"), source(ring, "passout", "two"))
    assert result.rc == USAGE and "several private keys" in result.err, result
    assert result.out == b"" and opens(ring, "one")


def test_key_elsewhere(ring):
    """The passphrase of a key at a URI is not ours, and its PIN is not shown."""
    with sqlite3.connect(ring / "keys.db") as db:
        db.execute("UPDATE private_key SET encrypted = 0, pkcs8 = NULL,"
                   " uri = 'pkcs11:token=a?pin-value=geheim' WHERE encrypted")
    before = content(ring)
    result = change(ring, ADDRESS, source(ring, "passin", "one"), source(ring, "passout", "two"))
    assert result.rc == INPUT and result.out == b"" and "at pkcs11:token=a;" in result.err, result
    assert "geheim" not in result.err and content(ring) == before


def at_terminal(ring, *words):
    return Terminal.start([COMMAND, "--keyring", ring, "keyring", "passphrase", *words],
                          environment())


def test_at_a_terminal(ring):
    """The present one is asked for until it is right, the new one twice."""
    with at_terminal(ring, ADDRESS) as terminal:
        for question, answer in (("present passphrase of [^:]*: ?$", "wrong"),
                                 ("type it again.*present passphrase of [^:]*: ?$", "one"),
                                 ("new passphrase for [^:]*: ?$", "two"), ("Once more: ?$", "three"),
                                 ("these two differ.*new passphrase for [^:]*: ?$", "two"),
                                 ("Once more: ?$", "two")):
            assert terminal.wait(question), terminal.text
            terminal.press_unseen(answer.encode() + b"\n")
        assert terminal.wait("changed the passphrase") and terminal.code() == DONE, terminal.text
        assert "two" not in terminal.text.replace("these two", "")
    assert opens(ring, "two") and not opens(ring, "one")


@pytest.mark.parametrize("questions", [1, 2, 3])
def test_interrupted(ring, questions):
    """At each question: the key is as it was, and the terminal shows what is typed again."""
    before = content(ring)
    with at_terminal(ring, ADDRESS) as terminal:
        for number, question in enumerate(("present passphrase of [^:]*: ?$",
                                           "new passphrase for [^:]*: ?$", "Once more: ?$")):
            assert terminal.wait(question), terminal.text
            if number + 1 == questions:
                terminal.press_unseen(b"\x03")
                break
            terminal.press_unseen(b"one\n")
        assert terminal.wait("interrupted: ") and terminal.code() == INPUT, terminal.text
    assert content(ring) == before


def test_removed_meanwhile(ring):
    """A key that somebody removes while the new passphrase is typed does not come back."""
    with at_terminal(ring, ADDRESS, source(ring, "passin", "one")) as terminal:
        assert terminal.wait("new passphrase for [^:]*: ?$"), terminal.text
        must(run(COMMAND, "--keyring", ring, "remove", "--with-key", ADDRESS))
        terminal.press_unseen(b"two\n")
        assert terminal.wait("Once more: ?$"), terminal.text
        terminal.press_unseen(b"two\n")
        assert terminal.wait("changed or removed by somebody else"), terminal.text
        assert terminal.code() == SYSTEM
    with sqlite3.connect(ring / "keys.db") as db:
        assert db.execute("SELECT count(*) FROM private_key WHERE encrypted").fetchall() == [(0,)]


def test_explained(ring):
    """--explain says that it cannot be explained, and asks for nothing."""
    before = content(ring)
    result = run(COMMAND, "--explain", "--keyring", ring, "keyring", "passphrase", ADDRESS)
    assert result.rc == USAGE and result.out == b"" and "--explain is refused" in result.err, result
    assert content(ring) == before
