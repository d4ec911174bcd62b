# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
"""Changing and saving the keyring: remove, export and back, check and backup."""

import contextlib
import json
import os
import random
import re
import shutil
import signal
import sqlite3
import stat
import subprocess
import threading
from pathlib import Path

import pytest

from der import issuer_and_serial
from harness import COMMAND, PATIENCE, REPO, environment, must, run, stock, wait_for
from programs import needs
from test_keyring_list import fingerprint, keyring, names  # pylint: disable=unused-import

DONE, USAGE, INPUT, REFUSED, CRYPTO, SYSTEM = range(6)


@pytest.fixture
def own(keyring, tmp_path):
    """A copy of the keyring with one of each, to change."""
    path = tmp_path / "own"
    shutil.copytree(keyring, path)
    return path


def command(path, *words, **kwargs):
    """Our command on the keyring |path|."""
    return run(COMMAND, "--keyring", path, *words, **kwargs)


def content(path):
    """The files of a keyring, and everything beside them."""
    return {file.name: file.read_bytes() for file in path.iterdir()}


def stored(path):
    """The common names in the keyring."""
    return names(must(command(path, "list", "--json")))


def sql(path, statement, *values, file="certificates.db"):
    """Change a database without the command; returns the rows."""
    with sqlite3.connect(path / file) as db:
        rows = db.execute(statement, values).fetchall()
    db.close()
    return rows


# --- remove


def test_remove(own, pki):
    """By address and by fingerprint in one call; what was removed is printed."""
    result = command(own, "remove", "expired@example.com", fingerprint(pki.ku_ds)[:12])
    assert result.rc == DONE and result.err == ""
    told = result.out.decode().splitlines()
    assert told == [
        f"removed contact {fingerprint(pki[name])[:16]} {name}@example.com "
        f"(emailAddress={name}@example.com,CN={name})" for name in ("expired", "ku_ds")]
    assert "expired" not in stored(own) and "ku_ds" not in stored(own)
    assert len(stored(own)) == 11
    assert command(own, "keyring", "check").rc == DONE


@pytest.mark.parametrize("words, code, text", [
    (["expired@example.com", "nobody@example.com"], INPUT, "nobody@example.com"),
    (["expired@example.com", "good_rsa@example.com"], USAGE, "give --with-key"),
    (["expired@example.com", "what"], USAGE, "neither an address nor a fingerprint"),
    ([], USAGE, "no certificate named"),
])
def test_remove_all_or_nothing(own, words, code, text):
    """With one fault nothing is removed."""
    before = content(own)
    result = command(own, "remove", *words)
    assert result.rc == code and result.out == b"" and text in result.err
    assert content(own) == before


def test_remove_several_of_one_address(own, pki):
    """Several certificates of an address are removed only with an option."""
    must(command(own, "upload", pki.renewed_old.pem, pki.renewed_new.pem))
    before = content(own)
    result = command(own, "remove", "renewed@example.com")
    assert result.rc == USAGE and "has 2 certificates" in result.err and "--all" in result.err
    assert content(own) == before
    result = command(own, "remove", "--all", "renewed@example.com")
    assert result.rc == DONE and len(result.out.splitlines()) == 2
    assert "renewed_old" not in stored(own) and "renewed_new" not in stored(own)


def test_remove_an_identity(own, pki):
    """The private key is removed with it, but only with an option."""
    before = content(own)
    result = command(own, "remove", "good_rsa@example.com")
    assert result.rc == USAGE and "--with-key" in result.err and content(own) == before
    result = command(own, "remove", "--with-key", "good_rsa@example.com")
    assert result.rc == DONE and result.text.rstrip().endswith("and its private key")
    assert "good_rsa" not in stored(own)
    # No byte of the key is left.
    der = must(stock("pkcs8", "-topk8", "-nocrypt", "-in", pki.good_rsa.key, "-outform",
                     "DER")).out
    assert der[-64:] in before["keys.db"] and der[-64:] not in content(own)["keys.db"]


def test_remove_one_of_two_with_a_key(tmp_path, pki):
    """The key stays with the other certificate."""
    path = tmp_path / "k"
    must(command(path, "upload", "--no-passphrase", pki.renewed_old.pem, pki.renewed_old.key,
                 pki.renewed_new.pem))
    result = command(path, "remove", "--with-key", fingerprint(pki.renewed_old))
    assert result.rc == DONE and "its private key stays" in result.text
    shown = must(command(path, "show", "renewed@example.com")).text
    assert "private key: plain" in shown and "CN=renewed_new" in shown
    result = command(path, "remove", "--with-key", "renewed@example.com")
    assert result.rc == DONE and "and its private key" in result.text
    assert sql(path, "SELECT count(*) FROM private_key", file="keys.db") == [(0,)]


def without_what_was_done(result):
    """What `remove` said, of both runs the same."""
    text = result.text.replace("would remove", "removed")
    return result.rc, text.replace('"dry_run":true,"done":false', '"dry_run":false,"done":true')


@pytest.mark.parametrize("form", [[], ["--json"]])
@pytest.mark.parametrize("words, code", [
    (["expired@example.com", "ku_ds@example.com"], DONE),
    (["--with-key", "good_rsa@example.com"], DONE),
    (["--all", "--with-key", "renewed@example.com"], DONE),
    (["renewed@example.com"], USAGE),
    (["good_rsa@example.com"], USAGE),
    (["expired@example.com", "nobody@example.com"], INPUT),
])
def test_remove_dry_run(own, pki, words, code, form):
    """It says and ends as the real one, and removes nothing."""
    must(command(own, "upload", "--no-passphrase", pki.renewed_old.pem, pki.renewed_old.key,
                 pki.renewed_new.pem))
    before = content(own)
    planned = command(own, "remove", "--dry-run", *form, *words)
    assert planned.rc == code and content(own) == before, planned
    done = command(own, "remove", *form, *words)
    if code != DONE and form:
        assert json.loads(planned.out)["certificates"] == json.loads(done.out)["certificates"] == []
        assert json.loads(planned.out)["exit"] == code and planned.err == done.err
    else:
        assert without_what_was_done(planned) == without_what_was_done(done)
    assert (content(own) == before) == (code != DONE)


def test_remove_dry_run_knows_which_key_stays(tmp_path, pki):
    """The private key is told to stay while another certificate has it."""
    path = tmp_path / "k"
    must(command(path, "upload", "--no-passphrase", pki.renewed_old.pem, pki.renewed_old.key,
                 pki.renewed_new.pem))
    one = command(path, "remove", "-n", "--json", "--with-key", fingerprint(pki.renewed_old))
    both = command(path, "remove", "-n", "--json", "--with-key", "--all", "renewed@example.com")
    assert [[cert["private_key"] for cert in json.loads(result.out)["certificates"]]
            for result in (one, both)] == [["kept"], ["removed", "removed"]]


# --- export and import


def export(path, *words):
    """Everything with its keys."""
    return must(command(path, "export", "--all", "--keys", *words))


def test_export_is_pem(own, pki):
    """Stock reads the export; the text before each certificate describes it."""
    result = command(own, "export", "good_chain@example.com", fingerprint(pki["root"]))
    assert result.rc == DONE and result.err == ""
    text = result.out.decode()
    assert text.startswith("subject: emailAddress=good_chain@example.com,CN=good_chain\n"
                           "addresses: good_chain@example.com\n"
                           f"fingerprint: {fingerprint(pki.good_chain)}\n"
                           "smime-policy-role: contact\n")
    assert "smime-policy-role: ca\n" in text and text.count("BEGIN CERTIFICATE") == 2
    assert must(stock("x509", "-noout", "-subject", stdin=result.out)).text.count("good_chain")


def test_export_without_keys_has_none(own):
    """Private keys leave the keyring only when they are asked for."""
    result = command(own, "export", "--all")
    assert result.rc == DONE and result.err == "" and b"PRIVATE KEY" not in result.out
    assert result.out.count(b"BEGIN CERTIFICATE") == 13


def test_export_keys(own, pki):
    """Keys are exported as stored; a warning names one without a passphrase."""
    result = export(own)
    assert "1 private key was written without a passphrase" in result.err
    assert result.out.count(b"BEGIN PRIVATE KEY") == 1
    assert result.out.count(b"BEGIN ENCRYPTED PRIVATE KEY") == 1
    key = re.search(rb"-----BEGIN ENCRYPTED.*?-----END ENCRYPTED PRIVATE KEY-----\n", result.out,
                    re.DOTALL).group()
    plain = must(stock("pkey", "-passin", "pass:secret", stdin=key)).out
    assert plain == must(stock("pkey", "-in", pki.good_p256.key)).out


@pytest.mark.parametrize("words", [
    (), ("--all", "good_rsa@example.com"), ("--frobnicate",), ("what",)])
def test_export_usage(own, tmp_path, words):
    """A wrong command line writes nothing."""
    result = command(own, "export", *words, "--out", tmp_path / "out")
    assert result.rc == USAGE and result.out == b"" and not (tmp_path / "out").exists()


def test_export_into_a_file(own, tmp_path):
    """The file appears completely or not at all, with private keys only for the owner."""
    out = tmp_path / "out.pem"
    out.write_text("old")
    out.chmod(0o644)
    result = command(own, "export", "--out", out, "nobody@example.com")
    assert result.rc == INPUT and out.read_text() == "old"
    export(own, "--out", out)
    assert out.read_bytes() == export(own).out
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.pem", "own"]
    result = command(own, "export", "--all", "--out", tmp_path / "none" / "out")
    assert result.rc == SYSTEM and "cannot write" in result.err


def test_export_to_a_full_disk(own):
    """On a full disk the export is an error."""
    result = subprocess.run([COMMAND, "--keyring", own, "export", "--all"], check=False,
                            stdout=open("/dev/full", "wb"), stderr=subprocess.PIPE,
                            env=environment())
    assert result.returncode == SYSTEM and b"cannot write" in result.stderr


def test_round_trip(own, tmp_path):
    """Exported, uploaded into a new keyring and exported again it is the same to the byte."""
    sql(own, "UPDATE certificate SET uploaded = uploaded - 100000 * id")
    everything = tmp_path / "everything.pem"
    export(own, "--out", everything)
    other = tmp_path / "other"
    result = command(other, "upload", "--as", "exported", everything)
    assert result.rc == DONE and "13 stored, 0 already there, 2 private keys" in result.text, result
    assert "1 private key is encrypted and could not be compared with its certificate" in result.err
    assert export(other).out == everything.read_bytes()
    assert command(other, "keyring", "check").rc == DONE
    assert stat.S_IMODE((other / "keys.db").stat().st_mode) == 0o600
    # A second import changes nothing, and names each certificate.
    before = content(other)
    result = command(other, "upload", "--as", "exported", everything)
    assert result.rc == DONE and "0 stored, 13 already there, 0 private keys" in result.text
    assert result.text.count("already there as ") == 13
    assert content(other) == before


def test_round_trip_of_the_rest(tmp_path, pki):
    """Trust settings, keys that are elsewhere, renewals, and what an override made a ca."""
    path, other = tmp_path / "k", tmp_path / "other"
    trusted = tmp_path / "trusted.pem"
    must(stock("x509", "-in", pki["root"].pem, "-addtrust", "emailProtection", "-trustout",
               "-out", trusted))
    must(command(path, "upload", trusted))
    must(command(path, "upload", "--as", "ca", pki.self_ca.pem))
    must(command(path, "upload", "--key-uri", f"file:{pki.good_rsa.key}", pki.good_rsa.pem))
    must(command(path, "upload", "--no-passphrase", pki.renewed_old.pem, pki.renewed_old.key,
                 pki.renewed_new.pem))
    first = export(path)
    assert b"BEGIN TRUSTED CERTIFICATE" in first.out
    assert f"\nsmime-policy-key: file:{pki.good_rsa.key}\n".encode() in first.out
    assert first.out.count(b"PRIVATE KEY-----\n") == 2
    result = command(other, "upload", "--as", "exported", "-", stdin=first.out)
    assert result.rc == DONE, result
    assert export(other).out == first.out


def test_exported_without_roles(tmp_path, pki):
    """Plain PEM gets the roles that the content gives."""
    bundle = tmp_path / "bundle.pem"
    bundle.write_bytes(b"".join(path.read_bytes() for path in (
        pki["root"].pem, pki.good_rsa.pem, pki.good_rsa.key, pki.good_p384.pem)))
    result = command(tmp_path / "k", "upload", "--as", "exported", bundle)
    assert result.rc == DONE, result
    listed = must(command(tmp_path / "k", "list")).out.decode().splitlines()[1:]
    assert [line.split()[0] for line in listed] == ["ca", "identity", "contact"]


def test_lines_of_a_stranger_say_nothing(tmp_path, pki):
    """A role in a file counts where somebody says that the file was exported."""
    pem = b"smime-policy-role: ca\n" + pki.self_ca.pem.read_bytes()
    must(command(tmp_path / "k", "upload", "-", stdin=pem))
    assert must(command(tmp_path / "k", "list", "--role", "ca")).out.count(b"\n") <= 1
    must(command(tmp_path / "l", "upload", "--as", "exported", "-", stdin=pem))
    assert must(command(tmp_path / "l", "list", "--role", "ca")).out.count(b"\n") == 2


def test_lines_are_about_one_certificate(tmp_path, pki):
    """That which comes next; and one that is longer than libcrypto's lines is read whole."""
    uri = "file:" + "/" * 600 + str(pki.good_rsa.key)
    pem = (b"smime-policy-role: ca\n" + pki.good_rsa.key.read_bytes() +
           f"smime-policy-key: {uri}\n".encode() + pki.good_p256.pem.read_bytes() +
           pki.good_rsa.pem.read_bytes())
    result = command(tmp_path / "k", "upload", "--as", "exported", "-", stdin=pem)
    assert result.rc == DONE, result
    assert uri in must(command(tmp_path / "k", "export", "--all", "--keys")).text
    assert must(command(tmp_path / "k", "list", "--role", "identity")).out.count(b"\n") == 3


def test_exported_identity_without_its_key(own, tmp_path, pki):
    """It is a contact then, and that is said; with the key at hand it stays an identity."""
    pem = must(command(own, "export", "good_rsa@example.com")).out
    result = command(tmp_path / "k", "upload", "--as", "exported", "-", stdin=pem)
    assert result.rc == DONE and "is kept as a contact [private-key-match]" in result.err
    assert must(command(tmp_path / "k", "list", "--role", "contact")).out.count(b"good_rsa@") > 0
    must(command(tmp_path / "l", "upload", "--no-passphrase", pki.renewed_old.pem,
                 pki.renewed_old.key))
    pem = b"smime-policy-role: identity\n" + pki.renewed_new.pem.read_bytes()
    result = command(tmp_path / "l", "upload", "--as", "exported", "-", stdin=pem)
    assert result.rc == DONE and "kept as a contact" not in result.err
    assert must(command(tmp_path / "l", "list", "--role", "identity")).out.count(b"renewed_") > 2


def pem_of(pki, *parts):
    """PEM of the parts: a name of the pki, NAME.key, or text."""
    text = b""
    for part in parts:
        if part.endswith(".key"):
            text += pki[part[:-4]].key.read_bytes()
        elif re.fullmatch("[a-z_0-9]+", part):
            text += pki[part].pem.read_bytes()
        else:
            text += part.encode()
    return text


LOCKED = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMAA=\n-----END ENCRYPTED PRIVATE KEY-----\n"


@pytest.mark.parametrize("parts, code, text", [
    (["good_rsa", "no_san"], REFUSED, "[san-email]"),
    (["good_rsa", "no_san", "eku_server"], REFUSED, "[extended-key-usage]"),
    (["good_rsa", "good_p256.key"], REFUSED, "[private-key-match]"),
    (["good_rsa", "ed25519", "ed25519.key"], REFUSED, "[key-algorithm]"),
    (["smime-policy-role: ca\n", "good_rsa"], REFUSED, "[ca-exempt]"),
    (["smime-policy-role: king\n", "good_rsa"], INPUT, "its role is none of"),
    (["smime-policy-uploaded: today\n", "good_rsa"], INPUT, "the time of its upload"),
    (["good_rsa", LOCKED], INPUT, "it is no private key that can be read"),
    (["good_rsa", "-----BEGIN CERTIFICATE-----\nMIIB\n"], INPUT, "cut or damaged"),
    (["nothing of the kind\n"], INPUT, "neither a certificate nor a private key"),
])
def test_exported_all_or_nothing(own, pki, parts, code, text):
    """Whatever is at fault, nothing is stored, and the fault is told."""
    must(command(own, "remove", "--with-key", "good_rsa@example.com"))
    before = content(own)
    result = command(own, "upload", "--as", "exported", "-", stdin=pem_of(pki, *parts))
    assert result.rc == code and result.out == b"" and text in result.err, result
    assert "nothing was stored" in result.err
    assert content(own) == before


def test_exported_key_of_no_certificate(own, tmp_path):
    """A key that stays encrypted belongs to the certificate before it, and each has one."""
    pem = export(own).out
    start = pem.index(b"-----BEGIN ENCRYPTED PRIVATE KEY-----")
    end = pem.index(b"-----END ENCRYPTED PRIVATE KEY-----\n") + 36
    for text in (pem[start:end] + pem, pem[:end] + pem[start:end] + pem[end:]):
        result = command(tmp_path / "k", "upload", "--as", "exported", "-", stdin=text)
        assert result.rc == INPUT and "follows no certificate" in result.err, result
        assert not (tmp_path / "k").exists()


def test_exported_key_behind_a_damaged_certificate(own, tmp_path, pki):
    """With --keep-going, too, it is not taken for the key of the certificate before."""
    pem = export(own).out
    start = pem.index(b"-----BEGIN ENCRYPTED PRIVATE KEY-----")
    end = pem.index(b"-----END ENCRYPTED PRIVATE KEY-----\n") + 36
    damaged = b"-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n"
    result = command(tmp_path / "k", "upload", "--as", "exported", "--keep-going", "-",
                     stdin=pki.good_p256.pem.read_bytes() + damaged + pem[start:end])
    assert result.rc == INPUT and "follows no certificate" in result.err, result
    assert must(command(tmp_path / "k", "list", "--role", "contact")).out.count(b"\n") == 2


def test_exported_key_is_bounded(tmp_path, pki):
    """It is kept as it came and opened later, so its derivation is bounded when it comes."""
    key = must(stock("pkcs8", "-topk8", "-in", pki.good_p256.key, "-iter", "10000001", "-passout",
                     "pass:x")).out
    result = command(tmp_path / "k", "upload", "--as", "exported", "-",
                     stdin=pki.good_p256.pem.read_bytes() + key)
    assert result.rc == INPUT and "10,000,000 iterations" in result.err, result
    assert not (tmp_path / "k").exists()


def test_exported_leaves_the_key_that_is_there(own, tmp_path):
    """A key that is stored is not replaced by another form of it."""
    key = sql(own, "SELECT key, pkcs8 FROM private_key WHERE encrypted = 0", file="keys.db")
    other = tmp_path / "other"
    shutil.copytree(own, other)
    pem = export(own).out
    sql(other, "UPDATE private_key SET encrypted = 1, pkcs8 = ?  WHERE key = ?",
        bytes.fromhex("3003020100"), key[0][0], file="keys.db")
    must(command(other, "upload", "--as", "exported", "-", stdin=pem))
    assert sql(other, "SELECT pkcs8 FROM private_key WHERE key = ?", key[0][0],
               file="keys.db") == [(bytes.fromhex("3003020100"),)]


@pytest.mark.parametrize("words", [["--replace"], ["--no-passphrase"], ["--passout", "file:x"],
                                   ["--key-uri", "file:x"]])
def test_exported_keys_are_kept_as_they_are(own, tmp_path, words):
    result = command(tmp_path / "k", "upload", "--as", "exported", *words, "-", stdin=b"")
    assert result.rc == USAGE and f"leave --passout" in result.err
    assert not (tmp_path / "k").exists()


# --- keyring path and usage


def test_path(tmp_path):
    """The path is printed, even if there is no keyring."""
    result = run(COMMAND, "keyring", "path", env={"HOME": tmp_path})
    assert result.rc == DONE and result.text == f"{tmp_path}/.local/share/smime-policy\n"
    result = command(tmp_path / "k", "keyring", "path")
    assert result.rc == DONE and result.text == f"{tmp_path}/k\n"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("words", [[], ["polish"], ["check", "now"], ["backup"], ["path", "x"],
                                   ["backup", "a", "b"], ["check", "--repair"]])
def test_keyring_usage(own, words):
    """A usage error changes nothing."""
    before = content(own)
    result = command(own, "keyring", *words)
    assert result.rc == USAGE and result.out == b"" and "keyring" in result.err
    assert content(own) == before


@pytest.mark.parametrize("words", [["check"], ["backup", "b"]])
def test_keyring_that_is_not_there(tmp_path, words):
    """No command makes a keyring by looking for it."""
    result = command(tmp_path / "none", "keyring", *words, cwd=tmp_path)
    assert result.rc == SYSTEM and result.out == b"" and "there is no keyring" in result.err
    assert list(tmp_path.iterdir()) == []


# --- check


def test_check_of_a_sound_one(own):
    """One line."""
    before = content(own)
    result = command(own, "keyring", "check")
    assert result.rc == DONE and result.err == ""
    assert result.text == f"keyring {own}: sound; 13 certificates, 2 private keys\n"
    assert content(own) == before


# Faults made without the command.
FAULTS = [
    ("UPDATE certificate SET fingerprint = zeroblob(32) WHERE id = 4",
     "entry 4: its fingerprint is another certificate's"),
    ("UPDATE certificate SET key = zeroblob(32) WHERE id = 4",
     "entry 4: it is filed under another key"),
    ("UPDATE certificate SET subject = 1 WHERE id = 4",
     "entry 4: it is filed under another subject"),
    ("UPDATE certificate SET role = 9 WHERE id = 4", "entry 4: its role is none of"),
    ("UPDATE certificate SET der = x'3003020101' WHERE id = 4",
     "entry 4: it is no certificate any more"),
    ("UPDATE certificate SET der = (SELECT der FROM certificate WHERE id = 5) WHERE id = 4",
     "entry 4: its fingerprint is another certificate's"),
    ("DELETE FROM address WHERE certificate = 5",
     "entry 5: cannot be found by good_chain@example.com"),
    ("DELETE FROM recipient WHERE certificate = 1",
     "entry 1: cannot be found by its serial number"),
    ("INSERT INTO address VALUES ('x@example.com', 99)",
     "entry 99: it is gone, and something still leads to it"),
    ("INSERT INTO recipient VALUES (x'00', 98)",
     "entry 98: it is gone, and something still leads to it"),
]


@pytest.mark.parametrize("statement, fault", FAULTS)
def test_check_finds(own, statement, fault):
    """Each fault is reported on a line, and nothing is changed."""
    sql(own, statement)
    before = content(own)
    result = command(own, "keyring", "check")
    assert result.rc == SYSTEM and fault in result.text, result
    assert "put a backup in its place" in result.err
    assert content(own) == before


def test_check_of_keys(own):
    """A key that is damaged."""
    sql(own, "UPDATE private_key SET pkcs8 = x'00' WHERE encrypted = 0", file="keys.db")
    result = command(own, "keyring", "check")
    assert result.rc == SYSTEM and "it is no private key any more" in result.text


def test_check_of_a_key_of_nobody(own):
    sql(own, "DELETE FROM address WHERE certificate = 1")
    sql(own, "DELETE FROM recipient WHERE certificate = 1")
    sql(own, "DELETE FROM certificate WHERE id = 1")
    result = command(own, "keyring", "check")
    assert result.rc == SYSTEM and "there is no identity with it" in result.text


def variants(pki, directory, count):
    """Certificates that differ only in their serial numbers; their signature is not checked."""
    der = must(stock("x509", "-in", pki.good_p256.pem, "-outform", "DER")).out
    place = der.index(issuer_and_serial(der)[1]) + 6
    directory.mkdir()
    for i in range(count):
        (directory / f"{i:04}.der").write_bytes(
            der[:place] + i.to_bytes(4, "big") + der[place + 4:])


@pytest.fixture(scope="module")
def long(tmp_path_factory, pki):
    """A keyring of many pages."""
    directory = tmp_path_factory.mktemp("long")
    variants(pki, directory / "der", 300)
    must(command(directory / "k", "upload", directory / "der"))
    return directory / "k"


def page_of(path, entry):
    """The offset of the page with that entry in the file."""
    der, = sql(path, "SELECT der FROM certificate WHERE id = ?", entry)[0]
    return (path / "certificates.db").read_bytes().index(der) // 4096 * 4096


RECIPE = re.search(r"### A damaged keyring\n.*?\n((?:    .*\n)+)",
                   (REPO / "docs" / "use" / "keyring.md").read_text(), re.S).group(1)


@pytest.mark.parametrize("damage", [b"\xff" * 4096, b"\0" * 4096, random.Random(1).randbytes(4096)],
                         ids=["ones", "zeros", "random"])
@pytest.mark.parametrize("entry", [1, 150, 300])
@needs("sqlite3")
def test_a_damaged_keyring(long, tmp_path, pki, mail, damage, entry):
    """As documented, a lost page takes its own entries and few others, and no key."""
    path = tmp_path / ".local" / "share" / "smime-policy"
    shutil.copytree(long, path)
    must(command(path, "upload", "--no-passphrase", pki.good_rsa.pem, pki.good_rsa.key))
    place = page_of(path, entry)
    with open(path / "certificates.db", "r+b") as file:
        file.seek(place)
        file.write(damage)
    result = command(path, "keyring", "check")
    assert result.rc == SYSTEM and "certificates.db: " in result.text, result
    script = RECIPE.replace("smime-policy upload", f"{COMMAND} upload --no-passphrase")
    run("bash", "-c", script, cwd=tmp_path, env={"HOME": tmp_path})
    assert len(stored(path)) >= 290
    must(command(path, "keyring", "check"))
    # Its certificate may be on the last page.
    if entry < 300:
        must(command(path, "sign", "--from", "good_rsa@example.com", "-in", mail, "-out",
                     tmp_path / "out"))


@pytest.mark.parametrize("statement, words", [("PRAGMA user_version = 99", "newer smime-policy"),
                                              ("PRAGMA application_id = 5", "something else")])
def test_check_refuses_what_is_not_ours(own, statement, words):
    """A newer form, or the database of another program, is not changed."""
    sql(own, statement)
    before = content(own)
    result = command(own, "keyring", "check")
    assert result.rc == SYSTEM and words in result.err and content(own) == before


def test_check_undoes_an_interrupted_write(long, tmp_path, pki):
    """The owner's check plays back the journal of a killed writer."""
    path = tmp_path / "k"
    shutil.copytree(long, path)
    whole = content(path)
    # With a small cache SQLite writes to the file before the commit, as in a large upload.
    script = ("import sqlite3,os,sys\n"
              "db = sqlite3.connect(sys.argv[1], isolation_level=None)\n"
              "db.execute('PRAGMA cache_size = 5')\n"
              "db.execute('BEGIN IMMEDIATE')\n"
              "db.execute('DELETE FROM certificate WHERE id > 10')\n"
              "os.kill(os.getpid(), 9)\n")
    killed = subprocess.run(["/usr/bin/python3", "-c", script, path / "certificates.db"],
                            check=False)
    assert killed.returncode == -signal.SIGKILL
    assert content(path)["certificates.db"] != whole["certificates.db"]
    assert "certificates.db-journal" in content(path)
    result = command(path, "keyring", "check")
    assert result.rc == DONE and "sound; 300 certificates" in result.text
    assert content(path) == whole


@pytest.mark.parametrize("statement, said", [
    ("PRAGMA user_version = 99", "keys.db was written by a newer smime-policy"),
    ("PRAGMA application_id = 5", "keys.db is a database of something else"),
    ("CREATE VIEW v AS SELECT 1", "keys.db has views or triggers"),
    ("CREATE TRIGGER t AFTER INSERT ON private_key BEGIN SELECT 1; END",
     "keys.db has views or triggers"),
    ("ALTER TABLE private_key ADD COLUMN more INT AS (1)", "keys.db has columns that are computed")])
def test_keys_that_are_not_ours(own, mail, statement, said):
    """They are refused with the reason, checked or used, and left as they are."""
    sql(own, statement, file="keys.db")
    before = content(own)
    for words in (["keyring", "check"], ["export", "--all", "--keys"],
                  ["sign", "--from", "good_rsa@example.com", "-in", mail]):
        result = command(own, *words)
        assert result.rc != DONE and said in result.text, (words, result)
        assert content(own) == before


# --- backup


def test_backup(own, tmp_path):
    """The backup is a keyring like the original, with its modes."""
    result = command(own, "keyring", "backup", tmp_path / "backup")
    assert result.rc == DONE and result.err == "" and str(tmp_path / "backup") in result.text
    backup = tmp_path / "backup"
    assert sorted(content(backup)) == ["certificates.db", "keys.db"]
    assert [stat.S_IMODE(path.stat().st_mode) for path in (
        backup, backup / "certificates.db", backup / "keys.db")] == [0o755, 0o644, 0o600]
    assert export(backup).out == export(own).out
    assert command(backup, "keyring", "check").rc == DONE
    assert sorted(path.name for path in tmp_path.iterdir()) == ["backup", "own"]


@pytest.mark.parametrize("make", [lambda p: p.mkdir(), lambda p: p.write_text("x"),
                                  lambda p: p.symlink_to("nowhere")])
def test_backup_replaces_nothing(own, tmp_path, make):
    """An existing file or directory is not replaced, not even an empty one."""
    make(tmp_path / "backup")
    before = sorted(path.name for path in tmp_path.rglob("*"))
    result = command(own, "keyring", "backup", f"{tmp_path}/backup/")
    assert result.rc == SYSTEM and result.out == b"" and "it is there already" in result.err
    assert sorted(path.name for path in tmp_path.rglob("*")) == before


def test_backup_to_nowhere(own, tmp_path):
    """A missing parent directory is not made."""
    result = command(own, "keyring", "backup", tmp_path / "none" / "backup")
    assert result.rc == SYSTEM and "No such file" in result.err
    assert [path.name for path in tmp_path.iterdir()] == ["own"]


def test_backup_while_others_write(tmp_path, pki):
    """Certificates and keys are of one moment: no identity is without its key."""
    path = tmp_path / "k"
    must(command(path, "upload", pki["root"].pem))
    stop = threading.Event()
    names_of = ["good_rsa", "good_p256", "good_p384", "good_p521"]
    faults = []

    def write():
        while not stop.is_set():
            for name in names_of:
                done = command(path, "upload", "--no-passphrase", pki[name].pem, pki[name].key)
                if done.rc != DONE:
                    faults.append(done)
            done = command(path, "remove", "--with-key", *[f"{n}@example.com" for n in names_of])
            if done.rc != DONE:
                faults.append(done)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for i in range(25):
            result = command(path, "keyring", "backup", tmp_path / f"b{i}")
            assert result.rc == DONE, result
            assert must(command(tmp_path / f"b{i}", "keyring", "check")).err == ""
    finally:
        stop.set()
        writer.join()
    assert not faults


def is_locked(path):
    """Does a program hold the keyring, so that no other can write?"""
    with contextlib.closing(sqlite3.connect(path / "certificates.db", timeout=0)) as db:
        try:
            db.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError:
            return True
    return False


@needs("strace")
@pytest.mark.parametrize("words", [["keyring", "backup", "copy"], ["keyring", "check"],
                                   ["remove", "--with-key", "good_rsa@example.com"]])
def test_first_private_key_of_another_process(tmp_path, pki, words):
    """It may come whenever a command has asked whether there are any: it goes with its certificate."""
    for number in range(1, 20):
        here = tmp_path / str(number)
        here.mkdir()
        must(command(here / "k", "upload", pki["root"].pem, pki["good_rsa"].pem))
        trace = here / "trace"
        trace.touch()
        with subprocess.Popen(["strace", "-o", trace, "-P", here / "k" / "keys.db", "-e",
                               f"inject=newfstatat:signal=STOP:when={number}", COMMAND,
                               "--keyring", here / "k", *words],
                              env=environment(), cwd=here, stderr=subprocess.PIPE) as process:
            wait_for(lambda p=process, t=trace: p.poll() is not None or
                     "--- stopped by SIGSTOP ---" in t.read_text())
            stopped = process.poll() is None
            if stopped:
                if not is_locked(here / "k"):
                    must(command(here / "k", "upload", "--no-passphrase", pki["good_rsa"].pem,
                                 pki["good_rsa"].key))
                pid = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text()
                os.kill(int(pid), signal.SIGCONT)
            said = process.communicate(timeout=PATIENCE)[1]
            assert process.returncode == DONE, (number, said)
        if not stopped:
            break
        for file in here.glob("*/certificates.db"):
            must(command(file.parent, "keyring", "check"))
    assert 1 < number < 19


def test_interrupted_backup_leaves_nothing_whole(long, tmp_path):
    """If it is killed there is no backup under its name."""
    for after in range(1, 8):
        target = tmp_path / f"b{after}"
        result = run("strace", "-f", "-o", "/dev/null", "-e", "trace=pwrite64", "-e",
                     f"inject=pwrite64:signal=KILL:when={after * 5}", COMMAND, "--keyring", long,
                     "keyring", "backup", target)
        assert result.rc != DONE and not target.exists()
        assert all(".unfinished-" in path.name for path in tmp_path.iterdir())
    assert must(command(long, "keyring", "check")).err == ""


def test_backup_to_a_full_disk(long, tmp_path):
    """On a full disk nothing is left."""
    target = tmp_path / "backup"
    result = run("strace", "-f", "-o", "/dev/null", "-e", "trace=pwrite64", "-e",
                 "inject=pwrite64:error=ENOSPC:when=20+", COMMAND, "--keyring", long, "keyring",
                 "backup", target, env={"ASAN_OPTIONS": "detect_leaks=0"})
    assert result.rc == SYSTEM and "cannot copy it" in result.err
    assert list(tmp_path.iterdir()) == []
