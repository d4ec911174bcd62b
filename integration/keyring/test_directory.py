# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
"""Contacts from a directory: what `encrypt --to` and `collect` fetch from a real slapd, and what not."""

import json
import os
import re
import shutil
import signal
import socket
import sqlite3
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import jsonschema
import pytest

from directory import BASE, RSA, SERVER, SLAPD, Cert, Directory, bag, crl, person
from faults import fail_each, skip_without_strace, starve_each
from harness import COMMAND, OPENSSL, REPO, SLOW_CLOCK, must, run, stock, write_conf
from test_faults_keyring import Keyring
from test_keyring_upload import Ring

DONE, USAGE, INPUT, REFUSED, CRYPTO, SYSTEM = range(6)
DIRECTORY = 3
DAY = 86400

pytestmark = pytest.mark.skipif(SLAPD is None, reason="slapd is not installed")


class World:
    """The certificates, and the directory that has them."""

    def __init__(self, folder):
        self.root = Cert("Root", ca=True)
        self.middle = Cert("Middle", issuer=self.root, ca=True)
        self.stranger = Cert("Stranger", ca=True)
        self.expired_ca = Cert("Old Root", ca=True, since=-100, days=-1)
        self.bob = self.cert("bob")
        self.own = self.cert("own")
        entries = [
            person("bob", "bob@example.org", certs=[self.bob]),
            person("bag", "bag@example.org", values=[bag(self.cert("bag", self.middle), self.middle)]),
            person("bare", "bare@example.org", certs=[self.cert("bare", self.middle)]),
            person("many", "many@example.org", certs=[
                self.cert("many", since=-60, days=day) for day in range(-45, 5)]),
            person("crowd", "crowd@example.org", certs=[self.cert("crowd") for _ in range(70)]),
            person("two", "two@example.org", certs=[
                Cert("two", ["two@example.org", "other@example.org"], self.root)]),
            person("stranger", "stranger@example.org", certs=[self.cert("stranger", self.stranger)]),
            person("old-ca", "old-ca@example.org", certs=[self.cert("old-ca", self.expired_ca)]),
            person("itself", "itself@example.org", certs=[Cert("itself", ["itself@example.org"])]),
            person("wrong", "wrong@example.org", certs=[self.bob]),
            person("expired", "expired@example.org", certs=[self.cert("expired", days=-1)]),
            person("later", "later@example.org", certs=[self.cert("later", since=1)]),
            person("web", "web@example.org", certs=[
                Cert("web", ["web@example.org"], self.root, purpose=SERVER)]),
            person("signs", "signs@example.org", certs=[
                Cert("signs", ["signs@example.org"], self.root, signs_only=True)]),
            person("agrees", "agrees@example.org", certs=[
                Cert("agrees", ["agrees@example.org"], self.root, agrees=True)]),
            person("rsa", "rsa@example.org", certs=[Cert("rsa", ["rsa@example.org"], self.root, key=RSA())]),
            person("ca", "ca@example.org", certs=[Cert("ca", ["ca@example.org"], self.root, ca=True)]),
            person("own", "own@example.org", certs=[
                Cert("own", ["own@example.org"], self.root, key=self.own.key)]),
            person("garbage", "garbage@example.org", values=[b"no certificate", b"\x30\x84\xff\xff\xff\xff", b"0" * 99]),
            person("huge", "huge@example.org", values=[b"\x30" * 100000]),
            person("name", "n*me@example.org", certs=[self.cert("n*me")]),
            person("umlaut", "a@xn--bcher-kva.example", certs=[
                Cert("umlaut", ["a@xn--bcher-kva.example"], self.root)]),
            person("nothing", "nothing@example.org"),
            person("secret", "secret@example.org", certs=[self.cert("secret")], below=f"ou=private,{BASE}"),
            *(person(f"same{number}", "same@example.org", certs=[self.cert("same")]) for number in range(12)),
        ]
        host = Cert("slapd", issuer=self.root, purpose=SERVER, address_of_host="127.0.0.1").write(folder / "host.pem")
        self.ca = self.root.write(folder / "ca.pem")
        self.directory = Directory(folder, entries, host, self.ca)

    def cert(self, name, issuer=None, **more):
        return Cert(name, [f"{name}@example.org"], issuer or self.root, **more)


@pytest.fixture(scope="module")
def world():
    # The path of a socket is short.
    folder = Path(tempfile.mkdtemp(prefix="sp-"))
    made = World(folder)
    yield made
    made.directory.stop()
    shutil.rmtree(folder)


class Box(Ring):
    """A keyring with the root, under a policy that names the directory."""

    def __init__(self, folder, world):
        super().__init__(folder)
        self.folder = folder
        self.world = world
        self.directory = world.directory
        self.policy = folder / "policy.cnf"
        self.set()
        must(self.upload(world.ca))
        self.mail = folder / "mail"
        self.mail.write_text("hello\n")

    def set(self, contacts=None, **settings):
        settings["contacts"] = contacts or self.directory.local()
        self.policy.write_text("".join(f"{key} = {value}\n" for key, value in settings.items()))

    def __call__(self, *args, clock=SLOW_CLOCK, **kwargs):
        return run(*clock, COMMAND, "--policy", self.policy, "--keyring", self.path, *args, **kwargs)

    def encrypt(self, *words, **kwargs):
        to = [word for each in words for word in (("--to", each) if "@" in each else (each,))]
        out = self.folder / "sealed"
        out.unlink(missing_ok=True)
        result = self("encrypt", "-in", self.mail, "-out", out, *to, **kwargs)
        assert out.exists() == (result.rc == DONE), result
        return result

    def rows(self):
        """(origin, addresses) of what was added to the root."""
        with sqlite3.connect(f"file:{self.path}/certificates.db?mode=ro", uri=True) as db:
            return sorted((origin, tuple(address for address, in db.execute(
                "SELECT address FROM address WHERE certificate = ? ORDER BY 1", (number,))))
                for number, origin, role in db.execute("SELECT id, origin, role FROM certificate") if role != 3)

    def age(self, seconds):
        """Let what was fetched be older than it is; returns its day."""
        with sqlite3.connect(self.path / "certificates.db") as db:
            db.execute("UPDATE certificate SET uploaded = uploaded - ? WHERE origin = 3", (seconds,))
            return db.execute("SELECT max(uploaded) FROM certificate WHERE origin = 3").fetchone()[0]

    def decrypts(self, cert):
        pem = cert.write(self.folder / "reader.pem")
        opened = must(stock("cms", "-decrypt", "-in", self.folder / "sealed", "-recip", pem, "-inkey",
                            pem.with_suffix(".key")))
        return b"hello" in opened.out

    def refuses(self, address, *said, code=REFUSED):
        """Neither is anything stored, nor encrypted."""
        before = self.rows()
        collected = self("collect", address)
        assert collected.rc == code, collected
        sealed = self.encrypt(address)
        assert sealed.rc == REFUSED and "[certificate-required]" in sealed.err, sealed
        assert self.rows() == before
        for text in said:
            assert text in collected.err and text in sealed.err, (collected, sealed)


@pytest.fixture
def box(tmp_path, world):
    return Box(tmp_path, world)


def test_encrypt_fetches_a_contact(box, world):
    first = must(box.encrypt("bob@example.org"))
    assert f"note: bob@example.org: CN=bob was fetched from the directory {box.directory.local('')}" in first.err
    assert box.rows() == [(DIRECTORY, ("bob@example.org",))]
    assert box.decrypts(world.bob)
    # It is stored: no directory is asked any more.
    box.set(contacts="ldapi://%2Fnonexistent")
    assert must(box.encrypt("BOB@example.ORG")).err == ""
    listed = json.loads(must(box("list", "--json", "--address", "bob@example.org")).out)
    assert listed["origin"] == "directory" and not listed["vouches"]


def test_collect_fetches_a_contact(box):
    result = must(box("collect", "bob@example.org"))
    assert re.fullmatch(r"collected as contact: bob@example\.org \(CN=bob, SHA-256 [0-9a-f]{16}\) from "
                        + re.escape(box.directory.local("")) + r"\n1 collected, 0 already there, .*\n",
                        result.out.decode()), result
    assert must(box("collect", "bob@example.org")).text.startswith("0 collected, 1 already there")
    told = json.loads(must(box("collect", "--json", "two@example.org")).out)
    schema = json.loads((REPO / "docs" / "use" / "json.schema.json").read_text())
    jsonschema.validate(told, {"$ref": "#/$defs/collect", "$defs": schema["$defs"]})
    assert told["collected"] == 1 and told["certificates"][0]["file"] == box.directory.local("")
    # It is found by the address that was asked about alone.
    assert (DIRECTORY, ("two@example.org",)) in box.rows()


def test_notes_in_json_and_quiet(box, world):
    """With --json they are data, with -q there are none; stderr stays empty with both."""
    schema = json.loads((REPO / "docs" / "use" / "json.schema.json").read_text())

    def asked(address, *words, code=DONE):
        result = box.encrypt(address, "--json", *words)
        report = json.loads(result.out)
        jsonschema.validate(report, {"$ref": "#/$defs/verb", "$defs": schema["$defs"]})
        assert result.err == "" and result.rc == report["exit"] == code, result
        assert all(each["address"] == address for each in report.get("directories", ())), report
        return [(each["result"], each["directory"], each["subject"], each["reason"])
                for each in report.get("directories", ())]

    source = box.directory.local("")
    assert box.encrypt("rsa@example.org", "-q", "--explain").err.count("directory") == 0
    told = box("encrypt", "--json", "--explain", "-in", box.mail, "--to", "bob@example.org")
    (told,) = json.loads(told.out)["directories"]
    assert told["result"] == "not-asked" and told["reason"] is None
    assert asked("bob@example.org") == [("fetched", source, "CN=bob", None)]
    assert asked("bob@example.org") == []
    box.age(2 * DAY)
    assert asked("bob@example.org") == [("unchanged", source, "CN=bob", None)]
    assert asked("nothing@example.org", code=REFUSED) == [("nothing", source, None, None)]
    (result, _, subject, why), = asked("expired@example.org", code=REFUSED)
    assert (result, subject) == ("refused", "CN=expired") and "[expired]" in why
    for address in ("two@example.org", "rsa@example.org"):
        assert must(box.encrypt(address, "-q")).err == ""
    refused = box.encrypt("nobody@example.org", "--quiet")
    assert refused.rc == REFUSED and "directory" not in refused.err and "[certificate-required]" in refused.err
    box.set(contacts="ldapi://%2Fnonexistent")
    (result, source, subject, why), = asked("nobody@example.org", code=REFUSED)
    assert (result, source, subject) == ("no-answer", "ldapi://%2Fnonexistent", None) and why
    box.age(2 * DAY)
    assert must(box.encrypt("bob@example.org", "-q")).err == ""


def test_nothing_is_asked_that_need_not(box, world):
    """No network for a dry explanation, to sign, or without a CA that could vouch."""
    box.set(contacts="ldapi://%2Fnonexistent")
    told = box("encrypt", "--explain", "-in", box.mail, "--to", "bob@example.org")
    assert "a directory would be asked" in told.err and "cannot be asked" not in told.err
    told = must(box("--explain", "collect", "bob@example.org"))
    assert "a directory would be asked" in told.err
    told = box("sign", "-in", box.mail, "--from", "bob@example.org")
    assert told.rc == REFUSED and "directory" not in told.err
    box.path = box.folder / "none"
    told = box("encrypt", "-in", box.mail, "--to", "bob@example.org")
    assert told.rc == REFUSED and "directory" not in told.err


def test_dry_run(box):
    result = must(box("collect", "-n", "bob@example.org"))
    assert b"would be collected as contact: bob@example.org" in result.out and box.rows() == []


def test_without_a_directory(box):
    box.policy.write_text("")
    assert box.encrypt("bob@example.org").rc == REFUSED
    result = box("collect", "bob@example.org")
    assert result.rc == USAGE and "the setting contacts names no directory" in result.err
    # What is a file is one, and a path is no address.
    (box.folder / "bob@example.org").write_bytes(b"From: a@example.org\r\n\r\nhello\r\n")
    result = box("collect", "bob@example.org", cwd=box.folder)
    assert "it is not signed" in result.err
    result = box("collect", "./carol@example.org", cwd=box.folder)
    assert result.rc == INPUT and "No such file" in result.err


def test_collect_off_is_about_mails(box):
    box.set(collect="off")
    must(box("collect", "bob@example.org"))
    assert box("collect", "bob@example.org", box.mail).rc == REFUSED


def test_key_agreement_is_enough(box):
    """libcrypto's own check of a recipient would refuse it, and the rules do not."""
    must(box.encrypt("agrees@example.org"))


def test_what_is_refused_is_logged(box):
    log = box.folder / "log"
    box.set(decision_log=log)
    assert box("collect", "-n", "expired@example.org").rc == REFUSED and not log.exists()
    assert box("collect", "expired@example.org").rc == REFUSED
    line, = log.read_text().splitlines()
    line = json.loads(line)
    assert (line["verdict"], line["subject"]) == ("refused", "CN=expired")
    assert "expired" in {finding["rule"] for finding in line["findings"]}


def test_a_bag_brings_its_issuer(box):
    must(box.encrypt("bag@example.org"))
    assert box.rows() == [(DIRECTORY, ("bag@example.org",))]
    box.refuses("bare@example.org", "no CA that was provided vouches for it [distrust-default]")


def test_several_certificates(box):
    """All are judged, the usable ones are kept, and the one valid longest is taken."""
    result = must(box("collect", "many@example.org"))
    assert result.err.count("[expired]") == 46, result
    assert result.text.count("collected as contact: ") == 4
    sealed = must(box.encrypt("many@example.org"))
    assert "directory" not in sealed.err
    chosen = json.loads(must(box("encrypt", "--json", "-in", box.mail, "-out", box.folder / "sealed", "--to",
                                 "many@example.org")).out)
    assert sum(each["chosen"] for each in chosen["choices"][0]["candidates"]) == 1
    result = must(box("collect", "crowd@example.org"))
    assert "more than 64 values, and the rest is not looked at" in result.err
    assert result.text.count("collected as contact: ") == 64


@pytest.mark.parametrize("address,said", [
    ("stranger@example.org", "no CA that was provided vouches for it [distrust-default]"),
    ("itself@example.org", "no CA that was provided vouches for it [distrust-default]"),
    ("wrong@example.org", "does not have the address that was asked for [san-email]"),
    ("expired@example.org", "[expired]"),
    ("later@example.org", "[not-yet-valid]"),
    ("web@example.org", "[extended-key-usage]"),
    ("signs@example.org", "[usage-encrypt]"),
    ("ca@example.org", "it is a CA's certificate [ca-exempt]"),
    ("garbage@example.org", "a value is neither a certificate nor a PKCS#7"),
    ("huge@example.org", "has 100000 bytes, and no certificate has more than 65536"),
])
def test_what_is_refused_is_not_stored(box, address, said):
    box.refuses(address, said)


def test_an_expired_ca_vouches_no_more(box, world):
    old = world.expired_ca.write(box.folder / "old.pem")
    must(box.upload(old))
    box.refuses("old-ca@example.org", "no CA that was provided vouches for it [distrust-default]")


def test_what_is_revoked(box, world):
    path = box.folder / "root.crl"
    path.write_bytes(crl(world.root, world.bob, world.middle))
    must(box.upload(path))
    box.refuses("bob@example.org", "[revoked]")
    box.refuses("bag@example.org", "no CA that was provided vouches for it [distrust-default]")
    must(box("collect", "two@example.org"))


@pytest.mark.parametrize("kind,key", [("plain", dict), ("rsa", lambda: {"key": RSA()})], ids=["ec", "rsa"])
def test_a_revoked_contact_is_asked_for_again(box, world, kind, key):
    """A CRL revokes the one that is stored.  The directory is asked, and what it has is used."""
    name = f"moved-{kind}"
    stored, fresh = world.cert(name, **key()), world.cert(name, **key())
    must(box.upload(stored.write(box.folder / "stored.pem")))
    assert must(box.encrypt(f"{name}@example.org")).err == "" and box.decrypts(stored)
    path = box.folder / "root.crl"
    path.write_bytes(crl(world.root, stored))
    must(box.upload(path))
    result = box.encrypt(f"{name}@example.org")
    assert result.rc == REFUSED and "[revoked]" in result.err, result
    assert "has no certificate of this address" in result.err
    dn, entry = person(name, f"{name}@example.org", certs=[stored, fresh]).split("\n", 1)
    box.directory.modify(f"{dn}\nchangetype: add\n{entry}")
    result = must(box.encrypt(f"{name}@example.org"))
    assert result.err.count("was fetched from the directory") == 1 and box.decrypts(fresh), result
    assert box.rows() == [(1, (f"{name}@example.org",)), (DIRECTORY, (f"{name}@example.org",))]
    # It is stored: no directory is asked any more.
    box.set(contacts="ldapi://%2Fnonexistent")
    assert "cannot be asked" not in must(box.encrypt(f"{name}@example.org")).err


def test_nobody_but_the_owner_gets_ones_own_key(box, world):
    pem = world.own.write(box.folder / "own.pem")
    must(box.upload(pem, pem.with_suffix(".key"), "--no-passphrase"))
    result = box("collect", "own@example.org")
    assert result.rc == REFUSED and "[private-key-match]" in result.err


def test_nothing_there(box):
    for address in ("nothing@example.org", "nobody@example.org"):
        result = box("collect", address)
        assert result.rc == INPUT and f"it has no certificate of {address}" in result.err
        sealed = box.encrypt(address)
        assert sealed.rc == REFUSED and "has no certificate of this address" in sealed.err
    assert box.rows() == []


def test_an_address_has_no_meaning_in_a_filter(box):
    """Every character of it stands for itself."""
    assert box("collect", "*@example.org").rc == INPUT
    assert box("collect", "b*b@example.org").rc == INPUT
    assert box.rows() == []
    must(box("collect", "n*me@example.org"))
    assert box.rows() == [(DIRECTORY, ("n*me@example.org",))]
    for address in ("*)(mail=*@example.org", '"*)(mail=*"@example.org', "bob@example.org)(cn=*",
                    "bob@example.org,cn=x"):
        result = box("collect", address)
        assert result.rc == USAGE and "neither a file nor an address" in result.err
    box.set(contacts=box.directory.local(f"/{BASE}??sub?(|(cn={{address}})(mail={{address}}))"))
    assert box("collect", "*@example.org").rc == INPUT
    must(box("collect", "bob@example.org"))


def test_an_international_domain(box):
    must(box.encrypt("a@b\u00fccher.example"))
    assert box.rows() == [(DIRECTORY, ("a@xn--bcher-kva.example",))]


def test_too_many_entries(box):
    result = box("collect", "same@example.org")
    assert result.rc == SYSTEM and "more than 10 entries" in result.err and box.rows() == []


def test_referrals_are_not_followed(box):
    """A search below the root meets one each time; a base that is one gives no answer."""
    box.set(contacts=box.directory.local(f"/ou=elsewhere,{BASE}"))
    result = box("collect", "bob@example.org")
    assert result.rc == SYSTEM and "no answer: Referral" in result.err


def test_what_the_url_says(box):
    base = f"/{BASE}"
    for rest, code in ((f"{base}?userCertificate?one?(mail={{address}})", DONE), (f"{base}??base", INPUT),
                       (f"{base}?description", INPUT), (f"{base}???(cn=bob)", SYSTEM),
                       (f"{base}???(mail={{address}}", SYSTEM), ("/dc=nowhere", SYSTEM), (f"{base}????!x", SYSTEM)):
        box.set(contacts=box.directory.local(rest))
        result = box("collect", "-n", "bob@example.org")
        assert result.rc == code, (rest, result)
    assert box("collect", "bob@example.org").rc == SYSTEM


def test_several_directories(box):
    box.set(contacts=f"ldapi://%2Fnonexistent {box.directory.local('/cn=reader,' + BASE)} {box.directory.local()}")
    result = must(box.encrypt("bob@example.org", "two@example.org"))
    # One that does not answer is asked once.
    assert result.err.count("cannot be asked") == 1 and result.err.count("was fetched") == 2


@pytest.mark.parametrize("address", ["bob@example.org", "rsa@example.org"])
def test_old_answers_are_asked_for_again(address, box):
    """With an RSA key the launcher encrypts, and leaves it to the tool to ask."""
    must(box.encrypt(address))
    before = box.age(2 * DAY)
    # Nobody answers: what is stored is used.
    box.set(contacts="ldapi://%2Fnonexistent")
    result = must(box.encrypt(address))
    assert "cannot be asked" in result.err and "only the keyring was" in result.err
    box.set(contacts="ldapi://%2Fnonexistent", contacts_age="1w")
    assert must(box.encrypt(address)).err == ""
    assert box.age(0) == before
    box.set()
    assert must(box.encrypt(address)).err == ""
    assert box.age(0) > before


def test_several_ask_at_once(box):
    """They store one certificate."""
    def encrypt(number):
        return box("encrypt", "-in", box.mail, "-out", box.folder / f"sealed{number}", "--to", "rsa@example.org")

    with ThreadPoolExecutor(4) as pool:
        for result in pool.map(encrypt, range(4)):
            must(result)
    assert box.rows() == [(DIRECTORY, ("rsa@example.org",))]


def test_what_left_the_directory_is_removed(box, world):
    fresh = world.cert("leaver")
    name, entry = person("leaver", "leaver@example.org", certs=[fresh]).split("\n", 1)
    box.directory.modify(f"{name}\nchangetype: add\n{entry}")
    must(box.encrypt("leaver@example.org"))
    box.directory.modify(f"dn: cn=leaver,{BASE}\nchangetype: delete\n")
    # It is used until it is asked about again.
    must(box.encrypt("leaver@example.org"))
    box.age(2 * DAY)
    result = box.encrypt("leaver@example.org")
    assert result.rc == REFUSED and "CN=leaver is removed from the keyring" in result.err
    assert box.rows() == []


def test_a_hand_stays(box, world):
    """A directory changes nothing that a person uploaded."""
    must(box.upload(world.bob.write(box.folder / "bob.pem")))
    must(box("collect", "bob@example.org"))
    assert box.rows() == [(1, ("bob@example.org",))]
    # An uploaded one that has expired does not keep from asking.
    pem = world.cert("many", days=-3).write(box.folder / "many.pem")
    must(box.upload(pem))
    result = must(box.encrypt("many@example.org"))
    assert "was fetched from the directory" in result.err
    assert (1, ("many@example.org",)) in box.rows()


def test_no_anchor(box, world):
    """What a directory gave vouches for nothing, and an upload makes it one."""
    must(box.encrypt("bob@example.org"))
    root = must(box("list", "--json", "--role", "ca")).out
    must(box("remove", json.loads(root)["fingerprint"]))
    signer = world.bob.write(box.folder / "bob.pem")
    signed = box.folder / "signed"
    must(stock("cms", "-sign", "-in", box.mail, "-signer", signer, "-inkey", signer.with_suffix(".key"), "-from",
               "bob@example.org", "-out", signed))
    result = box("verify", "-in", signed, "-out", box.folder / "out")
    assert result.rc == REFUSED and "[distrust-default]" in result.err


def test_stock_programs_use_what_is_stored(box, world, tmp_path):
    conf = write_conf(tmp_path / "openssl.cnf", {"keyring": box.path, "contacts": box.directory.local()})
    trace = tmp_path / "trace"
    words = (OPENSSL, "cms", "-encrypt", "-in", box.mail, "-out", box.folder / "sealed",
             "smimepolicy:contact/bob@example.org")
    if shutil.which("strace"):
        result = run("strace", "-f", "-e", "trace=network", "-o", trace, *words, conf=conf)
        assert "socket" not in trace.read_text()
    else:
        result = run(*words, conf=conf)
    assert result.rc != 0 and "no contact has this address" in result.err
    must(box("collect", "bob@example.org"))
    must(run(*words, conf=conf))
    assert box.decrypts(world.bob)
    # However old it is: a program asks nobody.
    box.age(100 * DAY)
    must(run(*words, conf=conf))


def test_tls(box, world):
    for url in (box.directory.plain(), box.directory.secure()):
        box.set(contacts=url, contacts_ca=world.ca)
        must(box("collect", "bob@example.org"))
        box.set(contacts=url, contacts_ca=world.stranger.write(box.folder / "other.pem"))
        result = box("collect", "bob@example.org")
        assert result.rc == SYSTEM and "not collected" in result.err, result
        box.set(contacts=url, contacts_ca=box.folder / "nothing.pem")
        result = box("collect", "bob@example.org")
        assert result.rc == SYSTEM and "TLS cannot be prepared" in result.err, result
        # The certificate of the server does not have this name.
        box.set(contacts=url.replace("127.0.0.1", "localhost"), contacts_ca=world.ca)
        assert box("collect", "bob@example.org").rc == SYSTEM
        # Those of the system do not know the CA.
        box.set(contacts=url)
        assert box("collect", "bob@example.org").rc == SYSTEM
    box.set(contacts=box.directory.plain(), contacts_starttls="no")
    must(box("collect", "bob@example.org"))


def test_a_password(box, world):
    """It goes under TLS or into a socket alone, and its file is its owner's."""
    secret = box.folder / "bind"
    secret.write_text(f"cn=reader,{BASE}\nopensesame\n")
    secret.chmod(0o600)
    box.set()
    assert box("collect", "secret@example.org").rc == INPUT
    for url in (box.directory.local(), box.directory.plain(), box.directory.secure()):
        box.set(contacts=url, contacts_bind=secret, contacts_ca=world.ca)
        must(box("collect", "-n", "secret@example.org"))
    box.set(contacts=box.directory.plain(), contacts_bind=secret, contacts_starttls="no")
    result = box("collect", "secret@example.org")
    assert result.rc == SYSTEM and "a password would go over the network" in result.err
    box.set(contacts_bind=secret)
    secret.chmod(0o640)
    result = box("collect", "secret@example.org")
    assert result.rc == INPUT and "others may read it; chmod 600 it" in result.err
    secret.chmod(0o600)
    for text in ("", "cn=x\n", "cn=x\n\n", "\nx\n", "cn=x\ny\nz\n", "cn=x\ny\0\n", "x" * 5000):
        secret.write_text(text)
        result = box("collect", "secret@example.org")
        assert result.rc == INPUT and "contacts_bind = " in result.err, result
    secret.write_text(f"cn=reader,{BASE}\nwrong\n")
    result = box("collect", "secret@example.org")
    assert result.rc == SYSTEM and "no access: Invalid credentials" in result.err
    assert "wrong" not in result.text.replace(str(box.folder), "")
    secret.unlink()
    os.mkfifo(secret)
    assert box("collect", "secret@example.org").rc == INPUT
    assert box.rows() == []


def test_the_surroundings_change_nothing(box, tmp_path):
    """Neither the variables nor the files of libldap."""
    (tmp_path / ".ldaprc").write_text("TIMELIMIT 1\nBASE dc=nowhere\nURI ldap://127.0.0.1:9\nSIZELIMIT 0\n")
    (tmp_path / "ldaprc").write_text("TLS_REQCERT never\n")
    box.set(contacts=box.directory.plain())
    result = box("collect", "bob@example.org", cwd=tmp_path, env={
        "HOME": tmp_path, "LDAPTLS_REQCERT": "never", "LDAPCONF": tmp_path / "ldaprc", "LDAPRC": "ldaprc",
        "LDAPTLS_CACERT": box.world.ca})
    assert result.rc == SYSTEM and box.rows() == []


class Faulty(Keyring):
    """`collect` of an address, while something fails in the command."""

    def __init__(self, box, *words):
        self._policy = box.policy
        super().__init__(box.path, ["collect", *words, "bob@example.org"], True)

    def words(self, room):
        return ["--policy", self._policy, *super().words(room)]


@pytest.mark.slow
def test_every_system_call_fails_once(box):
    skip_without_strace()
    assert fail_each(Faulty(box)) > 10


@pytest.mark.slow
def test_every_allocation_fails_once(box, starve):
    assert starve_each(Faulty(box, "--json"), starve) > 10


class Server(threading.Thread):
    """A server that answers with |what|, over and over if |again|, and then goes or says no more."""

    def __init__(self, what=b"", again=False, stays=False):
        super().__init__(daemon=True)
        self.what, self.again, self.stays = what, again, stays
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"ldap://127.0.0.1:{self.listener.getsockname()[1]}/{BASE}"
        self.start()

    def run(self):
        held = []
        while True:
            try:
                client, _ = self.listener.accept()
                client.recv(1)
                client.sendall(self.what)
                while self.again:
                    client.sendall(self.what)
                if self.stays:
                    held.append(client)
                else:
                    client.close()
            except OSError:
                if self.listener.fileno() < 0:
                    return


@pytest.mark.parametrize("what,again,stays", [
    (b"", False, False), (b"HTTP/1.1 400 Bad Request\r\n\r\n", False, False), (b"\x30\x84\x7f\xff\xff\xff", False, False),
    (b"\x30\x0c\x02\x01\x01\x65\x07\x0a\x01\x00\x04\x00\x04\x00", False, False), (b"\0" * 4096, True, False),
    pytest.param(b"\x30\x0c\x02\x01\x63\x65\x07\x0a\x01\x00\x04\x00\x04\x00" * 99, True, False,
                 marks=pytest.mark.slow),
], ids=["closes", "http", "endless", "nothing", "zeros", "strangers"])
def test_servers_that_are_none(box, what, again, stays):
    server = Server(what, again, stays)
    box.set(contacts=server.url, contacts_starttls="no")
    result = box.encrypt("bob@example.org")
    assert result.rc == REFUSED and box.rows() == [], result
    server.listener.close()


def test_a_server_that_hangs(box):
    """It is waited for once, and for seconds alone."""
    os.kill(box.directory.process.pid, signal.SIGSTOP)
    try:
        result = box.encrypt("bob@example.org", "two@example.org", clock=())
    finally:
        os.kill(box.directory.process.pid, signal.SIGCONT)
    assert result.rc == REFUSED and result.err.count("cannot be asked") == 1, result
    assert "did not answer within 4 seconds" in result.err or "Timed out" in result.err
    must(box.encrypt("bob@example.org"))


def test_a_server_that_dies(tmp_path, world):
    folder = Path(tempfile.mkdtemp(prefix="sp-"))
    directory = Directory(folder, [person("bob", "bob@example.org", certs=[world.bob])])
    box = Box(tmp_path, world)
    box.set(contacts=directory.local())
    try:
        must(box("collect", "-n", "bob@example.org"))
    finally:
        directory.stop()
    result = box("collect", "bob@example.org")
    assert result.rc == SYSTEM and "Can't contact LDAP server" in result.err
    shutil.rmtree(folder)


def test_a_keyring_that_cannot_be_written(box):
    if os.geteuid() == 0:
        pytest.skip("root writes everything")
    box.path.chmod(0o555)
    result = box.encrypt("bob@example.org")
    assert result.rc == REFUSED and "cannot be written" in result.err
