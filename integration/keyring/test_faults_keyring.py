# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
"""Every system call of the commands on the keyring fails once: the keyring is unchanged, or changed
completely."""

import hashlib
import json
import re
import shutil
import sqlite3
from functools import partial

import pytest

from crl_maker import Ca, delta_of, entry, issuer_of_entry, scope, serial_of
from der import subject_of
from faults import DONE, STRACE, SYSTEM, Case, Room, fail_each, skip_without_strace, starve_each
from harness import BUILD, COMMAND, must, run, stock

CRLS = {}  # name: digest
MAKE_CONTACTS = BUILD / "tests" / "keyring" / "make_contacts"


@pytest.fixture(autouse=True)
def _strace():
    skip_without_strace()


def state(keyring):
    """The stored certificates with their roles, the owners of keys, and the CRLs."""
    stored = []
    for database, sql in (("certificates.db", "SELECT hex(fingerprint), role FROM certificate"),
                          ("keys.db", "SELECT hex(key), encrypted FROM private_key")):
        if (keyring / database).exists():
            with sqlite3.connect(keyring / database) as db:
                assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
                try:
                    stored += db.execute(sql).fetchall()
                except sqlite3.OperationalError as error:
                    assert "no such table" in str(error)
            db.close()
    # A file of a CRL has its digest, and a number that is drawn when it is written.
    stored += [(path.name, [name for name, digest in CRLS.items() if digest in path.read_bytes()])
               for path in keyring.glob("crls/*/*.crl")]
    return sorted(map(str, stored))


class Keyring(Case):
    """A command on a copy of a keyring; |model| None: the keyring does not exist."""

    def __init__(self, model, words, changes=False, makes=(), whole=lambda room: True, first=None):
        self._model = model
        self._first = first  # a CRL that is stored before the rest, which the next `maintain` makes up for
        self._words = words
        self._changes = changes
        self.makes = frozenset(makes)
        self._whole = whole
        self._sound = set()  # contents of keyrings that the command has checked
        with Room(self) as room:
            self._old = state(room.at / "keyring")
            result = must(self.run(room))
            self._said, self._new = said(room, result), state(room.at / "keyring")
            assert (self._old != self._new) == changes and whole(room), result

    def furnish(self, room):
        if self._model is not None:
            shutil.copytree(self._model, room.at / "keyring")

    def words(self, room):
        return ["--keyring", room.at / "keyring",
                *(str(word).replace("ROOM", str(room.at)) for word in self._words)]

    def is_done(self, room, result):
        room.state = state(room.at / "keyring")
        return (self._whole(room) and room.state == self._new and
                (result.rc != DONE or said(room, result) == self._said))

    def is_undone(self, room, result):
        if self._first and result.rc == SYSTEM and any(f"['{self._first}']" in one for one in room.state):
            return True
        return room.state == self._old and not (self.makes & room.names())

    def may_leave(self, name):
        # An empty keyring, and a file that the next change removes, see below.
        return (name in ("keyring", "keyring/certificates.db", "keyring/keys.db") or
                name.startswith("keyring/certificates.db-mj") or
                (self._first is not None and name.endswith(".crl")) or
                # Folders of CRLs without any.
                re.fullmatch("keyring/crls(/[0-9a-f]+)?", name) is not None)

    def complaint(self, room, result, failed):
        found = super().complaint(room, result, failed)
        # CRLs that cannot be opened are no error of the command: a verdict says so.
        if (found in ("no clear error", "success, and not all of it is there") and
                b"revocation-unknown" in result.out and
                room.state in (self._old, self._new)):
            found = None
        keyring = room.at / "keyring"
        if found is None and self._changes and (keyring / "certificates.db").exists():
            found = self._check(keyring)
        return found

    def _check(self, keyring):
        """After most faults the keyring is what it was, byte for byte, and that has been checked."""
        content = tuple((path.name, path.read_bytes()) for path in sorted(keyring.rglob("*"))
                        if path.is_file())
        if content in self._sound:
            return None
        checked = run(COMMAND, "--keyring", keyring, "keyring", "check")
        if checked.rc == DONE:
            self._sound.add(content)
        return None if checked.rc == DONE else f"not sound: {checked.text}"


def said(room, result):
    """Standard output without the path of the room."""
    return result.out.decode().replace(str(room.at), "ROOM")


def is_whole_page(path):
    """Is it the page of the three certificates of the model?"""
    data = re.search(r'id="data">(.*?)</script>.*</html>\n$', path.read_text(), re.S) if path.exists() else None
    told = json.loads(data[1])["certificates"] if data else []
    return len(told) == 3 and all("issued_by" in one and "issuer" in one for one in told)


@pytest.fixture(scope="module")
def model(pki, tmp_path_factory):
    """A keyring of a contact, a CA and an identity with its key."""
    keyring = tmp_path_factory.mktemp("model") / "keyring"
    must(run(COMMAND, "--keyring", keyring, "upload", pki.good_rsa.pem, pki.ca))
    must(run(COMMAND, "--keyring", keyring, "upload", pki.good_p256.pem, pki.good_p256.key,
             "--no-passphrase"))
    return keyring


@pytest.fixture(scope="module")
def crl_cases(tmp_path_factory):
    at = tmp_path_factory.mktemp("crls")
    ca, keyring = Ca(at, "Issuer"), at / "keyring"
    entries = [entry(n) for n in range(500)]
    for name, made in (("old", ca.crl(*entries[:400], crl_number=1)), ("new", ca.crl(*entries, crl_number=2)),
                       ("delta", ca.crl(entries[450], crl_number=3, extensions=[delta_of(1)])),
                       ("indirect", ca.crl(entry(1, extensions=[issuer_of_entry(subject_of(ca.pem))]), crl_number=4,
                                           extensions=[scope(indirect=True)]))):
        (at / name).write_bytes(made)
        CRLS[name] = hashlib.sha256(made).digest()
    empty = at / "empty"
    lower = Ca(at, "Lower", issuer=ca)
    CRLS["marking"] = hashlib.sha256(marking := ca.crl(entry(serial_of(lower.pem)), crl_number=5)).digest()
    (at / "marking").write_bytes(marking)
    must(run(COMMAND, "--keyring", empty, "upload", ca.pem))
    shutil.copytree(empty, keyring)
    shutil.copytree(empty, at / "two")
    must(run(COMMAND, "--keyring", at / "two", "upload", lower.pem))
    must(run(COMMAND, "--keyring", keyring, "upload", at / "old"))
    stored = state(keyring)
    return {
        "first CRL": partial(Keyring, empty, ["upload", at / "new"], True,
                             makes={f"keyring/{path.relative_to(keyring)}" for path in keyring.rglob("*.crl")}),
        "newer CRL": partial(Keyring, keyring, ["upload", "--json", at / "new"], True),
        "delta": partial(Keyring, keyring, ["upload", at / "delta"], True),
        "CRL and delta": partial(Keyring, keyring, ["upload", at / "new", at / "delta"], True),
        "indirect CRL": partial(Keyring, keyring, ["upload", at / "indirect"], True,
                                makes={f"keyring/{path.relative_to(keyring).with_suffix('')}-20.crl"
                                       for path in keyring.rglob("*.crl")}),
        "CRL that names a ca": partial(Keyring, at / "two", ["upload", at / "marking"], True, first="marking"),
        "list": partial(Keyring, keyring, ["list", "--crls", "--json"]),
        "remove": partial(Keyring, keyring, ["remove", "--crls", ca.fingerprint()], True),
        "check": partial(Keyring, keyring, ["keyring", "check"]),
        "maintain": partial(Keyring, keyring, ["maintain"], makes=["keyring/maintained"]),
        "backup": partial(Keyring, keyring, ["keyring", "backup", "ROOM/backup"],
                          makes={"backup", *(f"backup/{path.relative_to(keyring)}" for path in keyring.rglob("*"))},
                          whole=lambda room: state(room.at / "backup") == stored),
    }


CRL_NAMES = ["first CRL", "newer CRL", "delta", "CRL and delta", "indirect CRL", "CRL that names a ca", "list", "remove", "check", "maintain", "backup"]


@pytest.mark.parametrize("name", [CRL_NAMES[0], *(pytest.param(name, marks=pytest.mark.slow)
                                                  for name in CRL_NAMES[1:])])
def test_crls(name, crl_cases):
    assert fail_each(crl_cases[name]()) > 10


@pytest.mark.slow
@pytest.mark.parametrize("name", CRL_NAMES)
def test_crls_starved(name, crl_cases, starve):
    assert starve_each(crl_cases[name](), starve) > 10


@pytest.fixture(scope="module")
def cases(model, pki, tmp_path_factory):
    """{name: what makes a Keyring}"""
    exported = tmp_path_factory.mktemp("exported") / "all.pem"
    must(run(COMMAND, "--keyring", model, "export", "--all", "--keys", "--out", exported))
    old = tmp_path_factory.mktemp("old") / "old.p12"
    must(stock("pkcs12", "-export", "-legacy", "-iter", "1", "-nomaciter", "-in", pki.good_p256.pem,
               "-inkey", pki.good_p256.key, "-passout", "pass:x", "-out", old))
    identity = [pki.good_p384.pem, pki.good_p384.key, "--no-passphrase"]
    stored = state(model)
    secret = tmp_path_factory.mktemp("secret") / "secret"
    secret.write_text("correct horse\n")
    smime = tmp_path_factory.mktemp("smime")
    for name in ("keys", "certificates"):
        (smime / name).mkdir()
    shutil.copy(pki.good_p384.key, smime / "keys" / "1.0")
    shutil.copy(pki.good_p384.pem, smime / "certificates" / "1.0")
    shutil.copy(pki.good_chain.pem, smime / "certificates" / "2.0")
    (smime / "certificates" / ".index").write_text("a@b 1.0 - ? t se\na@b 2.0 - ? i se\n")
    mail, text = smime / "mail.eml", smime / "text"
    text.write_text("hello\n")
    must(stock("cms", "-sign", "-in", text, "-signer", pki.good_p384.pem, "-inkey", pki.good_p384.key,
               "-from", "good_p384@example.com", "-to", "bob@example.com", "-out", mail))
    passphrase = ["keyring", "passphrase", "good_p256@example.com"]
    backup = {"backup", "backup/certificates.db", "backup/keys.db"}
    return {
        "upload of a key": partial(Keyring, model, ["upload", *identity], True),
        "upload --dry-run": partial(Keyring, model, ["upload", "--dry-run", *identity]),
        "first upload": partial(Keyring, None, ["upload", *identity], True),
        "upload --json": partial(Keyring, model, ["upload", "--json", pki.good_p384.pem], True),
        "upload of an export": partial(Keyring, None, ["upload", "--as", "exported", exported],
                                       True),
        "import": partial(Keyring, model, ["import", "--from", smime, "--no-passphrase"], True),
        "collect": partial(Keyring, model, ["collect", mail], True),
        "remove": partial(Keyring, model, ["remove", "--with-key", "good_p256@example.com"], True),
        "remove --dry-run": partial(Keyring, model, ["remove", "--dry-run", "--json", "--with-key",
                                                     "good_p256@example.com"]),
        "passphrase": partial(Keyring, model, [*passphrase, "--passout", f"file:{secret}"], True),
        "passphrase, none": partial(Keyring, model, [*passphrase, "--no-passphrase", "--json"]),
        "export": partial(Keyring, model, ["export", "--all", "--keys", "--out", "ROOM/out"],
                          makes=["out"],
                          whole=lambda room: (room.at / "out").exists() and
                          (room.at / "out").read_bytes() == exported.read_bytes()),
        "export to standard output": partial(Keyring, model, ["export", "--all", "--keys"]),
        "backup": partial(Keyring, model, ["keyring", "backup", "ROOM/backup"], makes=backup,
                          whole=lambda room: state(room.at / "backup") == stored),
        "report": partial(Keyring, model, ["report", "--html", "ROOM/page"], makes=["page"],
                          whole=lambda room: is_whole_page(room.at / "page")),
        "maintain": partial(Keyring, model, ["maintain"], makes=["keyring/maintained"]),
        "keyring check": partial(Keyring, model, ["keyring", "check"]),
        "keyring check --json": partial(Keyring, model, ["keyring", "check", "--json"]),
        "list": partial(Keyring, model, ["list"]),
        "list --json": partial(Keyring, model, ["list", "--json"]),
        "show": partial(Keyring, model, ["show", "good_p256@example.com"]),
        "trust": partial(Keyring, model, ["trust", "good_rsa@example.com"]),
        "check": partial(Keyring, model, ["check", "--for", "encrypt", pki.good_rsa.pem,
                                          pki.good_p256.pem]),
        "check of an old PKCS#12": partial(Keyring, model, ["check", "--for", "encrypt", "--passin",
                                                            "pass:x", old]),
    }


NAMES = ["upload --json", "upload of a key", "upload of an export", "upload --dry-run", "remove",
         "remove --dry-run", "passphrase, none", "export", "backup", "keyring check",
         "keyring check --json", "list --json", "report", "maintain",
         "show", "trust", "check"]


@pytest.mark.parametrize("name", [*NAMES, "passphrase", "collect", "first upload", "export to standard output"])
def test_keyring(name, cases):
    assert fail_each(cases[name]()) > 10


@pytest.mark.parametrize("name", [*NAMES, "import", "collect", "list", "check of an old PKCS#12"])
def test_keyring_starved(name, cases, starve):
    assert starve_each(cases[name](), starve) > 10


def test_long_list(pki, tmp_path):
    """More than one block of output: no line is missing."""
    contacts = tmp_path / "contacts.pem"
    contacts.write_bytes(must(run(MAKE_CONTACTS, 60)).out)
    must(run(COMMAND, "--keyring", tmp_path / "keyring", "upload", contacts))
    assert fail_each(Keyring(tmp_path / "keyring", ["list"]), only=("write",)) > 1


def test_what_sqlite_leaves(model, pki, tmp_path):
    """A failed change of both databases leaves a file, which the next change removes."""
    keyring = tmp_path / "keyring"
    shutil.copytree(model, keyring)
    words = ["--keyring", keyring, "remove", "good_rsa@example.com"]
    left = []
    # One of these writes is the first to a database while that file exists.
    for number in range(1, 40):
        result = run(STRACE, "-o", "/dev/null", "-e", "trace=pwrite64", "-e",
                     f"inject=pwrite64:error=ENOSPC:when={number}", COMMAND, *words)
        assert result.rc == SYSTEM and "make room on the disk" in result.err, result
        left = list(keyring.glob("*-mj*"))
        if left:
            break
    assert left
    must(run(COMMAND, *words))
    assert {path.name for path in keyring.iterdir()} == {"certificates.db", "keys.db"}
