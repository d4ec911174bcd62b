# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
"""Names from outside are printed so that no terminal obeys them, and no PIN is shown."""

import json
import os
import shutil
import subprocess

import pytest

from harness import COMMAND, PATIENCE, environment, must
from test_keyring_list import keyring  # pylint: disable=unused-import

# A colour, a new title, a line, C1, DEL, right-to-left, and bytes that are no UTF-8.
EVIL = "x\x1b[31m\x1b]0;t\x07\rrefused\nb\u009b\x7f\u202e\u2066".encode() + b"\xff\xc3"
BAD = ["\x1b", "\x07", "\r", "\x7f", "\u009b", "\u202e", "\u2066"]
# The same as shown to people: nothing is lost.
SHOWN = r"x\1B[31m\1B]0;t\07\0Drefused\0Ab\C2\9B\7F\E2\80\AE\E2\81\A6\FF\C3"
PLAIN = "Zertifikat für Ünal 证书.pem"
PIN = "geheim"  # no digits: fingerprints are shown


def called(*words, cwd=None, stdin=b"", **env):
    """Run our command with words of bytes; its streams are bytes."""
    return subprocess.run([os.fsencode(word) for word in (COMMAND, *words)], cwd=cwd, input=stdin,
                          env={**environment(), **env}, capture_output=True, check=False, timeout=PATIENCE)


def harmless(done):
    """Check that both streams hold lines of text, and nothing that a terminal obeys."""
    text = (done.stdout + done.stderr).decode()
    assert not [bad for bad in BAD if bad in text], text
    return text


@pytest.fixture
def room(pki, tmp_path, mail):
    """Files with such names, in a directory with such a name."""
    path = os.fsencode(tmp_path) + b"/" + EVIL
    os.mkdir(path)
    for name, source in ((b".pem", pki.good_rsa.pem), (b".key", pki.good_rsa.key),
                         (b".expired", pki.expired.pem), (b".mail", mail), (b".txt", mail)):
        shutil.copy(source, path + b"/" + EVIL + name)
    shutil.copy(pki.good_rsa.pem, path + b"/" + PLAIN.encode())
    with open(path + b"/" + EVIL + b".cnf", "wb") as settings:
        settings.write(b"mode = \x1b[31m\xc3\n")
    return path


def words_of(room, keyring):
    """Every way in which a name from outside is printed."""
    def at(suffix):
        return room + b"/" + EVIL + suffix
    ring = [b"--keyring", os.fsencode(keyring)]
    return {
        "no such command": [EVIL],
        "no such option": [b"--" + EVIL],
        "no such option of a verb": [b"sign", b"-" + EVIL],
        "no such policy": [b"--policy", EVIL, b"check", at(b".pem")],
        "certificate not there": [b"sign", b"-signer", at(b""), b"-in", at(b".mail")],
        "no certificate": [b"sign", b"-signer", at(b".mail"), b"-in", at(b".mail")],
        "expired": [b"encrypt", b"-in", at(b".mail"), at(b".expired")],
        "input not there": [b"sign", b"-signer", at(b".pem"), b"-inkey", at(b".key"), b"-in", at(b"")],
        "output nowhere": [b"encrypt", b"-in", at(b".mail"), b"-out", at(b"") + b"/" + EVIL, at(b".pem")],
        "passphrase nowhere": [b"sign", b"-signer", at(b".pem"), b"-passin", b"file:" + at(b""),
                               b"-in", at(b".mail")],
        "explained": [b"--explain", b"encrypt", b"-in", at(b".mail"), b"-out", at(b".o"), at(b".pem")],
        "explained with quotes": [b"--explain", b"encrypt", b"-in", at(b".mail"), b"-out",
                                  at(b"'s"), at(b".pem")],
        "checked": [b"check", at(b".pem"), at(b".expired")],
        "checked as JSON": [b"check", b"--json", at(b".pem"), at(b".expired")],
        "key": [b"check", at(b".key")],
        "check not there": [b"check", at(b"")],
        "uploaded": [b"--keyring", at(b".ring"), b"upload", at(b".pem"), at(b".txt")],
        "uploaded as JSON": [b"--keyring", at(b".ring"), b"upload", b"--json", at(b".pem"), at(b".txt")],
        "expired in a folder": [b"--keyring", at(b".ring"), b"upload", room],
        "imported": [b"--keyring", at(b".ring"), b"import", b"--from", room],
        "imported from": [b"--keyring", at(b".ring"), b"import", b"--from", at(b"")],
        "made": [b"--keyring", at(b".made"), b"new", EVIL],
        "made for": [b"--keyring", at(b".made"), b"new", b"a@example.com", b"--name", EVIL],
        "made nowhere": [b"--keyring", at(b".made"), b"new", b"a@example.com", b"--key", b"ec:P-256",
                         b"--request", at(b"") + b"/" + EVIL, b"--passout", b"file:" + at(b".pem")],
        "no such CA": [*ring, b"new", b"--issuer", EVIL, b"a@example.com"],
        "collected": [*ring, b"collect", at(b".mail"), at(b"")],
        "collected as JSON": [*ring, b"collect", b"--json", at(b".mail"), at(b".txt")],
        "no keyring": [b"--keyring", at(b".none"), b"list"],
        "address": [*ring, b"list", b"--address", EVIL],
        "shown": [*ring, b"show", EVIL],
        "exported": [*ring, b"export", b"--all", b"--out", at(b"") + b"/" + EVIL],
        "read back": [*ring, b"upload", b"--as", b"exported", at(b".pem")],
        "trust": [*ring, b"trust", EVIL],
        "backup": [*ring, b"keyring", b"backup", at(b".backup")],
        "lint": [b"config", b"--lint", at(b".txt")],
        "lint not there": [b"config", b"--lint", at(b"")],
        "self-test": [b"config", b"--self-test", at(b".txt")],
        "lint of settings": [b"config", b"--lint", at(b".cnf")],
        "doctor": [b"--policy", at(b".cnf"), b"doctor"],
        "reported": [*ring, b"report", b"--html", at(b"") + b"/" + EVIL],
        "doctor as JSON": [b"--policy", at(b".cnf"), b"doctor", b"--json"],
    }


WAYS = sorted(words_of(b"", ""))


@pytest.mark.parametrize("way", WAYS)
def test_names_are_harmless(way, room, keyring):
    """Each name is on one line, without unreadable characters."""
    done = called(*words_of(room, keyring)[way])
    text = harmless(done)
    # Messages of openssl itself may have several lines.
    assert "refused\nb" not in text.replace("refused\n  ", "") or way == "input not there"
    if "JSON" not in way and way != "expired":
        assert SHOWN[:20] in text, text


def test_names_are_whole(room):
    """Escaped names can still be told apart, and ordinary text is unchanged."""
    text = harmless(called(b"check", room + b"/" + EVIL))
    assert SHOWN in text
    assert PLAIN in harmless(called(b"check", room + b"/" + PLAIN.encode())).replace("\\", "")
    report = json.loads(called(b"check", b"--json", room + b"/" + EVIL + b".pem").stdout)
    name = report["certificates"][0]["file"]
    assert "\x1b[31m" in name and name.endswith("\\FF\\C3.pem")


def test_name_that_is_no_text_is_reported(room, tmp_path):
    """A byte in the name of a file does not remove its row of the report."""
    done = called(b"--keyring", os.fsencode(tmp_path) + b"/ring", b"upload",
                  room + b"/" + EVIL + b".pem")
    assert done.returncode == 0 and b"stored as contact" in done.stdout, done


def test_keyring_below_a_name_with_control_characters(room):
    """Such a path cannot be written into a configuration: the message, escaped, comes before anything is
    made."""
    done = called(b"--keyring", room + b"/ring", b"upload", room + b"/" + EVIL + b".pem")
    assert done.returncode == 2 and "name another keyring" in harmless(done), done
    assert not os.path.exists(room + b"/ring")


def test_path_is_a_programs(tmp_path):
    """Scripts read `keyring path`: it is printed unchanged, except on a terminal."""
    path = os.fsencode(tmp_path) + "/x b\u009b\u202e\u2066".encode() + b"\xff\xc3"
    done = called(b"--keyring", path, b"keyring", b"path")
    assert done.stdout == path + b"\n"


# --- PINs


URIS = [f"pkcs11:token=t;object=o?pin-value={PIN}", f"pkcs11:token=t?pin-value={PIN}&module-name=m",
        f"pkcs11:token=t;pin-value={PIN};object=o", f"PKCS11:token=t?PIN-VALUE={PIN}",
        f"pkcs11:token=t?pin%2dvalue={PIN}", f"pkcs11:token=t?%70in-value={PIN}",
        f"(pkcs11:token=t?pin-value={PIN})", f"'pkcs11:token=t?pin-value=({PIN})'",
        f"pkcs11:token=t?pin-value=(){PIN}')", f"pkcs11:token=t?pin-source=data:,{PIN}", f"pkcs11:token=t?pin-source=|echo%20{PIN}"]


@pytest.mark.parametrize("uri", URIS)
def test_pin_is_not_shown(uri, pki, mail, tmp_path):
    """No PIN is shown: with --explain, in JSON, in errors of ours and of stock, and in stored URIs."""
    cert, out = pki.good_rsa, tmp_path / "out"
    sign = ["-signer", cert.pem, "-inkey", uri, "-in", mail]
    for words in (["--explain", "sign", *sign], ["sign", "--explain", "--json", *sign],
                  ["sign", "--json", "-out", out, *sign], ["sign", *sign],
                  ["--explain", "cms", "-sign", *sign], ["cms", "-sign", *sign],
                  ["encrypt", "-in", mail, uri], ["check", uri], ["sign", "-in", mail, f"--{uri}"],
                  ["--keyring", tmp_path / "r", "upload", cert.pem, "--key-uri", uri]):
        done = called(*words)
        assert PIN not in harmless(done), words
    assert not out.exists()
    for words in (["show", "good_rsa@example.com"], ["show", "--json", "good_rsa@example.com"], ["list"],
                  ["list", "--json"], ["sign", "--from", "good_rsa@example.com", "-in", mail],
                  ["--explain", "sign", "--from", "good_rsa@example.com", "-in", mail]):
        assert PIN not in harmless(called("--keyring", tmp_path / "r", *words)), words


def test_what_is_no_pin_is_shown(pki, mail):
    text = harmless(called("--explain", "sign", "-signer", pki.good_rsa.pem, "-in", mail, "-inkey",
                           f"pkcs11:token=t;object=key%201?pin-value={PIN}&module-name=m"))
    assert "pkcs11:token=t;object=key%201?pin-value=***&module-name=m" in text


@pytest.mark.parametrize("before, after", [("(", ")"), ("['", "']"), ("'", "'"), ("a) (", ")"), ("", ""), ("((", "))")])
def test_what_stands_round_it_is_shown(before, after, pki, mail):
    """A bracket or quote opened before the URI is closed behind it."""
    name = f"{before}pkcs11:token=t?pin-value={PIN}{after}"
    text = harmless(called("check", name))
    assert f"{before}pkcs11:token=t?pin-value=***{after}:" in text, text


@pytest.mark.parametrize("name", [f"pkcs11:token=t?pin-value={PIN})", f"(pkcs11:token=t?pin-value={PIN}))",
                                  f"()pkcs11:token=t?pin-value={PIN})"])
def test_what_was_not_opened_is_the_pin(name, pki, mail):
    text = harmless(called("check", name))
    assert "***" + ")" * name.startswith("(p") in text and "***))" not in text and ("***)" in text) == name.startswith("(p")



def test_passphrase_is_not_shown(pki, mail):
    for words in (["-passin", f"pass:{PIN}"], [f"-passin=pass:{PIN}"], [f"--passin=pass:{PIN}"]):
        done = called("--explain", "sign", "-signer", pki.good_rsa.pem, "-inkey", pki.good_rsa.key,
                      *words, "-in", mail)
        assert done.returncode == 0 and PIN not in harmless(done)
