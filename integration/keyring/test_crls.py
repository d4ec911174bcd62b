# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
"""CRLs in the keyring: which are stored, listed, checked, copied and removed."""

import json
import os
import random
import subprocess
import time

import pytest

from crl_maker import (DAY, HOLD, NOW, REMOVE, Ca, delta_of, entry, issuer_of_entry, many_entries, pem, scope,
                       unknown_critical)
from der import BITS, ECDSA_SHA256, SEQUENCE, integer, oid, split, subject_of, tlv
from harness import COMMAND, environment, must, run, stock


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return tmp_path_factory.mktemp("cas")


@pytest.fixture(scope="module")
def ca(home):
    return Ca(home, "Issuer")


class Ring:
    """A keyring with CAs, and what is done with it."""

    def __init__(self, directory, *cas):
        self.directory, self.path, self.count = directory, directory / "keyring", 0
        if cas:
            must(self("upload", *(one.pem for one in cas)))

    def __call__(self, *args, **kwargs):
        return run(COMMAND, "--keyring", self.path, *args, **kwargs)

    def upload(self, *contents, more=()):
        """Upload each of |contents| as a file of its own."""
        files = []
        for content in contents:
            self.count += 1
            files.append(self.directory / f"{self.count}.crl")
            files[-1].write_bytes(content)
        return self("upload", *files, *more)

    def listed(self):
        result = self("list", "--crls", "--json")
        listed = [json.loads(line) for line in result.out.decode().splitlines()]
        assert result.rc == (5 if any(one["state"] == "damaged" for one in listed) else 0), result
        return listed

    def files(self):
        return sorted(self.path.glob("crls/*/*.crl"))

    def content(self):
        return {path.name: path.read_bytes() for path in self.files()}


@pytest.fixture
def ring(tmp_path, ca):
    return Ring(tmp_path, ca)


def refused(result, ring, *said, rc=3, kept=0):
    """Nothing was stored, and standard error says why in one line."""
    assert result.rc == rc, result
    for text in said:
        assert text in result.err, result
    assert b"stored CRL" not in result.out, result
    assert len(ring.files()) == kept
    assert not list(ring.path.glob("crls/**/*.new"))
    return result


# --- what is read

@pytest.mark.parametrize("form", [lambda der: der, pem, lambda der: b"text before\n" + pem(der)],
                         ids=["DER", "PEM", "PEM behind text"])
def test_stored(ring, ca, form):
    result = must(ring.upload(form(ca.crl(entry(7), entry(8, reason=1), crl_number=0x12))))
    assert "stored CRL: CN=Issuer (2 revoked, the next one is due on " in result.text
    assert "0 stored, 0 already there, 0 private keys, 1 CRL (keyring" in result.text
    assert [(one["number"], one["entries"], one["state"], one["scope"], one["issuer_stored"])
            for one in ring.listed()] == [("0x12", 2, "fresh", "all", True)]


def test_without_entries(ring, ca):
    must(ring.upload(ca.crl()))
    assert ring.listed()[0]["entries"] == 0


def test_as_openssl_makes_it(ring, ca, tmp_path):
    """`openssl ca -gencrl`, with and without a number."""
    (tmp_path / "index.txt").write_text("R\t301231235959Z\t240101000000Z,keyCompromise\t1F\tunknown\t/CN=x\n")
    (tmp_path / "number").write_text("1000\n")
    (tmp_path / "ca.cnf").write_text(f"""[ca]
default_ca = this
[this]
database = {tmp_path}/index.txt
crlnumber = {tmp_path}/number
certificate = {ca.pem}
private_key = {ca.key}
default_md = sha256
default_crl_days = 7
crl_extensions = ext
[ext]
authorityKeyIdentifier = keyid
""")
    made = tmp_path / "made.crl"
    must(stock("ca", "-gencrl", "-config", tmp_path / "ca.cnf", "-out", made))
    must(ring("upload", made))
    assert [(one["number"], one["entries"]) for one in ring.listed()] == [("0x1000", 1)]


def test_with_the_certificate_of_its_issuer(tmp_path, ca):
    """In one file, before the certificate; and with a contact of that ca."""
    ring = Ring(tmp_path)
    result = must(ring.upload(pem(ca.crl(entry(7))) + ca.pem.read_bytes()))
    assert "1 stored" in result.text and "1 CRL" in result.text
    assert len(ring.files()) == 1


def test_in_pkcs7(ring, ca, tmp_path):
    (tmp_path / "in.crl").write_bytes(pem(ca.crl(entry(7))))
    for more in ([], ["-certfile", ca.pem]):
        bag = must(stock("crl2pkcs7", "-in", tmp_path / "in.crl", *more, "-outform", "DER")).out
        must(ring.upload(bag))
    assert ring.listed()[0]["entries"] == 1


def test_json(ring, ca):
    result = must(ring.upload(ca.crl(entry(7)), more=["--json"]))
    told = json.loads(result.out)
    assert [(one["state"], one["issuer"], one["number"], one["entries"], one["why"])
            for one in told["crls"]] == [("stored", "CN=Issuer", "0x1", 1, None)]
    result = ring.upload(ca.crl(crl_number=2, spoil=True), more=["--json"])
    told = json.loads(result.out)
    assert (told["exit"], told["refused"], told["allowed"], told["done"]) == (3, 1, False, False)
    assert told["crls"][0]["state"] == "refused" and "signature" in told["crls"][0]["why"]


def test_dry_run(ring, ca):
    result = must(ring.upload(ca.crl(entry(7)), more=["--dry-run"]))
    assert "would be stored CRL: CN=Issuer" in result.text and ring.files() == []


@pytest.mark.parametrize("content", [
    lambda der: der[:-1], lambda der: der + b"x", lambda der: der[:40], lambda der: b"\x30\x03\x30\x01\x30",
    lambda der: b"-----BEGIN X509 CRL-----\nMAA=\n-----END X509 CRL-----\n",
], ids=["cut", "more behind it", "cut in front", "nothing", "nothing in PEM"])
def test_unreadable(ring, ca, content):
    refused(ring.upload(content(ca.crl(entry(7)))), ring, "cannot read", rc=2)


def test_all_or_nothing(ring, ca, home):
    """A CRL that is refused keeps certificates out, and the other way round."""
    other = Ca(home, "Another")
    result = refused(ring.upload(ca.crl(spoil=True), other.pem.read_bytes()), ring)
    assert "nothing was stored" in result.err
    assert ring("show", other.fingerprint()).rc == 2
    result = ring.upload(ca.crl(entry(7)), b"junk")
    assert result.rc == 2 and ring.files() == []
    result = ring.upload(ca.crl(entry(7)), b"junk", more=["--keep-going"])
    assert result.rc == 2 and len(ring.files()) == 1


# --- who has signed it

def test_issuer_is_not_stored(tmp_path, ca):
    ring = Ring(tmp_path)
    refused(ring.upload(ca.crl()), ring, "its issuer is not stored as a ca; upload")


def test_issuer_is_a_contact(tmp_path, home):
    """Whoever is kept as a contact issues nothing."""
    person = Ca(home, "Person", usage="critical,digitalSignature,keyCertSign,cRLSign",
                more=["subjectAltName=email:person@example.com"])
    ring = Ring(tmp_path, person)
    refused(ring.upload(person.crl()), ring, "its issuer is not stored as a ca")


@pytest.mark.parametrize("how", [{"spoil": True}, {"algorithm": tlv(SEQUENCE, oid("1.2.840.10045.4.3.3"))}],
                         ids=["spoiled", "another digest"])
def test_signature_does_not_fit(ring, ca, how):
    refused(ring.upload(ca.crl(**how)), ring, "its signature does not fit the key of its issuer")


def test_outer_algorithm_is_another(ring, ca):
    der = ca.crl()
    other = tlv(SEQUENCE, oid("1.2.840.10045.4.3.3"))
    place = der.rindex(ECDSA_SHA256)
    refused(ring.upload(der[:place] + other + der[place + len(other):]), ring,
            "its signature does not fit")


def test_changed_entry(ring, ca):
    """What is signed is all of it: an entry that is changed later, or taken out."""
    der = ca.crl(entry(0x4711), entry(0x4712))
    changed = der.replace(integer(0x4711), integer(0x4713))
    refused(ring.upload(changed), ring, "its signature does not fit")


def test_cas_of_one_name(tmp_path, home, ca):
    """Two keys of one name have a CRL each; the key decides, not the name."""
    other = Ca(home, "Issuer#2")
    ring = Ring(tmp_path, ca, other)
    must(ring.upload(ca.crl(entry(7)), other.crl(entry(8), entry(9), crl_number=5)))
    assert sorted((one["number"], one["entries"]) for one in ring.listed()) == \
        [("0x1", 1), ("0x5", 2)]
    (tmp_path / "alone").mkdir()
    alone = Ring(tmp_path / "alone", other)
    refused(alone.upload(ca.crl()), alone, "its signature does not fit")


def test_renewed_ca(tmp_path, home, ca):
    """A new certificate of the same key, alone or beside the old one: the same CRL."""
    renewed = Ca(home, "Issuer#3", like=ca)
    ring = Ring(tmp_path, ca)
    must(ring.upload(ca.crl(crl_number=1)))
    must(ring("upload", renewed.pem))
    must(ring.upload(renewed.crl(crl_number=2)))
    assert [one["number"] for one in ring.listed()] == ["0x2"]
    refused(ring.upload(ca.crl(crl_number=1)), ring, "a newer one of its issuer is stored", kept=1)


def test_may_not_sign_crls(tmp_path, home):
    silent = Ca(home, "Silent", usage="critical,keyCertSign")
    ring = Ring(tmp_path, silent)
    refused(ring.upload(silent.crl()), ring, "Key Usage of its issuer lacks CRL Sign")
    free = Ca(home, "Free", usage=None)
    must(ring("upload", free.pem))
    must(ring.upload(free.crl()))


def test_weak_digest(tmp_path, ring, ca):
    """By the setting of the rule, as for certificates."""
    sha1 = tmp_path / "sha1.crl"
    body = ca.crl(algorithm=tlv(SEQUENCE, oid("1.2.840.10045.4.1")))
    listed, _ = split(split(body)[1])
    signed = must(stock("dgst", "-sha1", "-sign", ca.key, stdin=listed)).out
    sha1.write_bytes(tlv(SEQUENCE, listed, tlv(SEQUENCE, oid("1.2.840.10045.4.1")),
                         tlv(BITS, b"\0", signed)))
    policy = tmp_path / "policy.cnf"
    policy.write_text("weak_digest = deny\n")
    result = run(COMMAND, "--policy", policy, "--keyring", ring.path, "upload", sha1)
    refused(result, ring, "CRL is signed with SHA1 [weak-digest]")
    result = must(ring("upload", sha1))
    assert "warning: upload: CRL is signed with SHA1 [weak-digest]" in result.err
    assert len(ring.files()) == 1


# --- what it says of itself

@pytest.mark.parametrize("how, said", [
    (dict(until=None), "it does not say when the next one is issued"),
    (dict(until=NOW - 2 * DAY), "the next one is issued before it is"),
    (dict(this=NOW + DAY), "which is in the future; set the clock"),
    (dict(extensions=[unknown_critical()]), "a critical extension that is not known here"),
    (dict(extensions=[scope(attributes=True)]), "attribute certificates alone"),
    (dict(extensions=[delta_of(1)], crl_number=2), "the complete CRL that it continues is not stored"),
    (dict(extensions=[delta_of(1)], crl_number=None), "a delta without a number"),
    (dict(crl_number=1 << 200), "its number is longer than RFC 5280 allows"),
    (dict(extensions=[scope(users=True, cas=True)]), "it is no CRL that can be read"),
    (dict(extensions=[scope(users=True), scope(users=True)]), "it is no CRL that can be read"),
], ids=lambda value: value if isinstance(value, str) else "")
def test_refused_by_what_it_says(ring, ca, how, said):
    refused(ring.upload(ca.crl(entry(7), **how)), ring, said)


@pytest.mark.parametrize("one, said", [
    (entry(7, extensions=[unknown_critical()]), "one of its entries has a critical extension"),
    (lambda ca: entry(7, extensions=[issuer_of_entry(subject_of(ca.pem))]),
     "one of its entries names another issuer"),
    (tlv(SEQUENCE, integer(7)), "one of its entries cannot be read"),
    (tlv(SEQUENCE, tlv(2, b""), entry(7)[5:20]), "one of its entries cannot be read"),
    (entry(7, extensions=[tlv(SEQUENCE, oid("2.5.29.21"), tlv(4, b"\x0a\x01\x01"))] * 2),
     "one of its entries cannot be read"),
], ids=["critical", "issuer", "no date", "no serial", "two reasons"])
def test_refused_by_an_entry(ring, ca, one, said):
    """Also if it is the last of many."""
    made = one(ca) if callable(one) else one
    refused(ring.upload(ca.crl(*(entry(n) for n in range(100)), made)), ring, said)


def test_entries_of_another_form(ring, ca):
    """libcrypto reads a SEQUENCE that is not marked as constructed; here no entry goes unseen."""
    made = ca.crl(entry(7), around=lambda listed: b"\x10" + listed[1:])
    refused(ring.upload(made), ring, "it is no CRL that can be read", rc=3)


def test_known_extensions_of_entries(ring, ca):
    """An invalidity date and what is not critical change nothing."""
    more = [tlv(SEQUENCE, oid("2.5.29.24"), tlv(4, tlv(0x18, b"20240101000000Z"))),
            tlv(SEQUENCE, oid("1.3.6.1.4.1.99999.1"), tlv(4, b"x"))]
    must(ring.upload(ca.crl(entry(7, reason=1, extensions=more), entry(-5), entry(0))))
    assert ring.listed()[0]["entries"] == 3


def test_stale(ring, ca):
    """What it revokes counts, so it is stored, with a note."""
    result = must(ring.upload(ca.crl(entry(7), this=NOW - 9 * DAY, until=NOW - 2 * DAY)))
    assert "note: " in result.err and "the next one was due on" in result.err
    assert ring.listed()[0]["state"] == "stale"


# --- numbers only go up

def test_numbers(ring, ca):
    first = ca.crl(entry(7), crl_number=0x100)
    must(ring.upload(first))
    kept = ring.content()
    assert "already there CRL: CN=Issuer (1 revoked" in must(ring.upload(first)).text
    for older in (0xff, 0):
        refused(ring.upload(ca.crl(crl_number=older, this=NOW)), ring,
                "a newer one of its issuer is stored, of", "fetch the current one", kept=1)
    refused(ring.upload(ca.crl(crl_number=0x100, this=NOW - 2 * DAY)), ring, "a newer one", kept=1)
    refused(ring.upload(ca.crl(crl_number=None, this=NOW - 2 * DAY)), ring, "a newer one", kept=1)
    assert ring.content() == kept
    must(ring.upload(ca.crl(entry(7), entry(8), crl_number=0x101)))
    assert [(one["number"], one["entries"]) for one in ring.listed()] == [("0x101", 2)]


def test_without_numbers_the_date_decides(ring, ca):
    must(ring.upload(ca.crl(entry(7), crl_number=None, this=NOW - 2 * DAY)))
    assert ring.listed()[0]["number"] is None
    refused(ring.upload(ca.crl(crl_number=None, this=NOW - 3 * DAY)), ring, "a newer one", kept=1)
    must(ring.upload(ca.crl(crl_number=None, this=NOW - DAY)))
    assert ring.listed()[0]["entries"] == 0


def test_old_and_new_in_one_upload(ring, ca):
    refused(ring.upload(ca.crl(crl_number=3), ca.crl(crl_number=2)), ring, "a newer one")
    must(ring.upload(ca.crl(crl_number=2), ca.crl(entry(7), crl_number=3)))
    assert [(one["number"], one["entries"]) for one in ring.listed()] == [("0x3", 1)]


# --- deltas and parts

def test_delta(ring, ca):
    """It adds, changes and takes away; and it can be continued."""
    must(ring.upload(ca.crl(entry(7), entry(8, reason=HOLD), entry(9), crl_number=10)))
    must(ring.upload(ca.crl(entry(8, reason=REMOVE), entry(9, reason=1), entry(10),
                            crl_number=12, extensions=[delta_of(10)])))
    assert [(one["number"], one["entries"]) for one in ring.listed()] == [("0xc", 3)]
    must(ring.upload(ca.crl(entry(10, reason=REMOVE), entry(200, reason=REMOVE), crl_number=13,
                            extensions=[delta_of(12)])))
    assert [(one["number"], one["entries"]) for one in ring.listed()] == [("0xd", 2)]


def test_delta_that_does_not_fit(ring, ca):
    must(ring.upload(ca.crl(entry(7), crl_number=10)))
    refused(ring.upload(ca.crl(crl_number=20, extensions=[delta_of(11)])), ring,
            "a delta that continues a later CRL than the one stored", kept=1)
    refused(ring.upload(ca.crl(crl_number=9, extensions=[delta_of(8)])), ring, "a newer one", kept=1)
    refused(ring.upload(ca.crl(crl_number=12, extensions=[delta_of(10), scope(users=True)])), ring,
            "the complete CRL that it continues is not stored", kept=1)
    assert ring.listed()[0]["number"] == "0xa"


def test_delta_in_the_upload_of_its_complete_crl(ring, ca):
    """It continues that one, not an older one that is stored; what is told is what is stored."""
    must(ring.upload(ca.crl(entry(1), entry(2), crl_number=9)))
    complete = ca.crl(entry(7), entry(8, reason=HOLD), entry(9), crl_number=10)
    delta = ca.crl(entry(8, reason=REMOVE), entry(10), entry(11), crl_number=11, extensions=[delta_of(10)])
    for more in (["--dry-run"], []):
        result = must(ring.upload(complete, delta, more=more))
        assert "CRL: CN=Issuer (3 revoked" in result.text and "CRL: CN=Issuer (4 revoked" in result.text
        assert [(one["number"], one["entries"]) for one in ring.listed()] == [("0x9", 2) if more else ("0xb", 4)]
    assert "already there CRL" in must(ring.upload(delta)).text
    must(ring("keyring", "check"))


def test_delta_before_its_complete_crl(ring, ca):
    """The order of the upload counts."""
    pair = [ca.crl(crl_number=11, extensions=[delta_of(10)]), ca.crl(entry(7), crl_number=10)]
    refused(ring.upload(*pair), ring, "the complete CRL that it continues is not stored; upload that one before it")
    result = ring.upload(*pair, more=["--keep-going"])
    assert result.rc == 3 and [one["number"] for one in ring.listed()] == ["0xa"]


def test_two_deltas_in_one_upload(ring, ca):
    made = [ca.crl(entry(number), crl_number=number, extensions=[delta_of(10)] * (number > 10))
            for number in (10, 11, 12)]
    refused(ring.upload(*made), ring, "a delta that follows another one in the same upload")
    result = ring.upload(*made, more=["--keep-going"])
    assert result.rc == 3 and [(one["number"], one["entries"]) for one in ring.listed()] == [("0xb", 2)]
    must(ring.upload(made[2]))
    assert [(one["number"], one["entries"]) for one in ring.listed()] == [("0xc", 3)]


def test_delta_of_a_refused_crl(ring, ca):
    """It does not continue what is not stored."""
    pair = [ca.crl(entry(7), crl_number=10, spoil=True), ca.crl(crl_number=11, extensions=[delta_of(10)])]
    result = ring.upload(*pair, more=["--keep-going"])
    assert result.rc == 3 and ring.files() == [] and "that it continues is not stored" in result.err


def test_removal_in_a_complete_crl_removes_nothing(ring, ca):
    must(ring.upload(ca.crl(entry(7, reason=REMOVE))))
    assert ring.listed()[0]["entries"] == 1


def test_scopes_lie_beside_each_other(ring, ca):
    """A partial CRL replaces no other, and says what it covers."""
    must(ring.upload(ca.crl(entry(1), entry(2), crl_number=5)))
    result = must(ring.upload(
        ca.crl(entry(1), crl_number=6, extensions=[scope(users=True)]),
        ca.crl(crl_number=7, extensions=[scope(cas=True)]),
        ca.crl(crl_number=8, extensions=[scope(point=b"http://a.example/1.crl")]),
        ca.crl(entry(3), crl_number=8, extensions=[scope(point=b"http://a.example/2.crl")]),
        ca.crl(crl_number=9, extensions=[scope(reasons=b"\x06\x40")])))
    assert result.err.count("it covers the certificates that name its distribution point") == 2
    assert result.err.count("it covers a part of what its issuer revokes") == 1
    assert sorted((one["scope"], one["number"], one["entries"]) for one in ring.listed()) == [
        ("all", "0x5", 2), ("all (a part)", "0x8", 0), ("all (a part)", "0x8", 1),
        ("all (a part)", "0x9", 0), ("cas", "0x7", 0), ("users", "0x6", 1)]


# --- what it is for

def certificate(home, ca, serial):
    """Of bob@example.org, issued by |ca|; with an RSA key, as every rule allows."""
    path = home / f"{ca.name}-{serial}.pem"
    must(stock("req", "-x509", "-newkey", "rsa:2048", "-noenc", "-keyout", home / "bob.key", "-CA", ca.pem,
               "-CAkey", ca.key, "-subj", "/CN=Bob", "-set_serial", serial, "-days", "300", "-out", path,
               "-addext", "basicConstraints=critical,CA:FALSE", "-addext",
               "keyUsage=digitalSignature,keyEncipherment", "-addext",
               "subjectAltName=email:bob@example.org"))
    return path


def test_revoked(ring, ca, home, tmp_path):
    """Until it is in a CRL mail is encrypted to it; a delta can release it."""
    bob = certificate(home, ca, 0x4711)
    (tmp_path / "policy.cnf").write_text("revocation = soft\n")
    policy = ("--policy", tmp_path / "policy.cnf", "--keyring", ring.path)

    def encrypted():
        out = tmp_path / "sealed"
        result = run(COMMAND, *policy, "encrypt", bob, "-out", out, stdin=b"hello\n")
        assert out.exists() == (result.rc == 0), result
        out.unlink(missing_ok=True)
        return result

    must(ring.upload(ca.crl(entry(0x4712), crl_number=1)))
    must(encrypted())
    must(ring.upload(ca.crl(entry(0x4711, reason=HOLD), crl_number=2)))
    result = encrypted()
    assert result.rc == 3 and "[revoked]" in result.err and "(certificate hold)" in result.err, result
    must(ring.upload(ca.crl(entry(0x4711, reason=REMOVE), crl_number=3, extensions=[delta_of(2)])))
    must(encrypted())
    must(ring.upload(ca.crl(entry(0x4711, reason=1), crl_number=4, extensions=[scope(users=True)])))
    assert "(key compromise)" in encrypted().err


def test_upload_of_a_revoked_certificate(tmp_path, ca, home):
    """With its CRL, in either order, or after it: it is stored with one warning."""
    bob = certificate(home, ca, 0x4711)
    made = ca.crl(entry(0x4711, reason=1), entry(0x4712))
    said = "certificate was revoked by its issuer on"
    for name, uploads in (("before", [[bob.read_bytes(), made]]), ("behind", [[made, bob.read_bytes()]]),
                          ("later", [[made], [bob.read_bytes()]]), ("again", [[bob.read_bytes(), made]] * 2)):
        (tmp_path / name).mkdir()
        ring = Ring(tmp_path / name, ca)
        for contents in uploads:
            result = must(ring.upload(*contents))
            assert result.err.count(said) == (len(uploads) == 1 or contents != [made]), (name, result)
        assert "(key compromise) [revoked]" in result.err and "warning: upload: bob@example.org" in result.err
        assert must(ring("list", "--role", "contact")).text.count("[revoked]") == 1
    (tmp_path / "json").mkdir()
    ring = Ring(tmp_path / "json", ca)
    told = json.loads(must(ring.upload(bob.read_bytes(), made, more=["--json"])).out)
    assert [one["rule"] for verdict in told["verdicts"] for one in verdict["findings"]].count("revoked") == 1
    other = certificate(home, ca, 0x4713)
    assert said not in must(ring.upload(other.read_bytes(), ca.crl(entry(0x4711), crl_number=2))).err


@pytest.mark.parametrize("invalid", [b"20200101000000Z", b"20991231235959Z"], ids=["before", "in the future"])
def test_invalidity_date_does_not_count(ring, ca, home, tmp_path, invalid):
    """What is told and what refuses is the date of the revocation."""
    bob = certificate(home, ca, 0x4711)
    made = entry(0x4711, reason=1, extensions=[tlv(SEQUENCE, oid("2.5.29.24"), tlv(4, tlv(0x18, invalid)))])
    must(ring.upload(ca.crl(made)))
    done = ring("encrypt", bob, "-out", tmp_path / "out", stdin=b"x")
    said = (NOW - DAY).strftime("%Y-%m-%d")
    assert done.rc == 3 and f"revoked by its issuer on {said}" in done.err and not (tmp_path / "out").exists()
    signed = must(stock("cms", "-sign", "-signer", bob, "-inkey", home / "bob.key", stdin=b"x")).out
    (tmp_path / "signed").write_bytes(signed)
    done = ring("verify", "-in", tmp_path / "signed", "--no-sender")
    assert done.rc == 3 and f"revoked by its issuer on {said}" in done.err and done.out == b""


# --- what is done with stored ones

def test_list(ring, ca):
    must(ring.upload(ca.crl(entry(7))))
    result = must(ring("list", "--crls"))
    key = ring.listed()[0]["key"]
    assert "fresh" in result.text and key[:16] in result.text and "CN=Issuer" in result.text
    assert must(ring("list")).text.count("\n") == 2  # certificates alone
    assert "  crl: fresh, 1 revoked, the next one is due on " in must(ring("show", ca.fingerprint())).text
    told = json.loads(must(ring("show", "--json", ca.fingerprint())).out)
    assert [one["state"] for one in told["crls"]] == ["fresh"]
    for more in (["--role", "ca"], ["--addresses"], ["--expiring", "30d"]):
        assert ring("list", "--crls", *more).rc == 1


def test_issuer_removed(ring, ca):
    """Its CRL stays, says so, and can be removed by what it is listed as."""
    must(ring.upload(ca.crl(entry(7))))
    must(ring("remove", ca.fingerprint()))
    assert [one["issuer_stored"] for one in ring.listed()] == [False]
    assert "its issuer is not stored" in must(ring("list", "--crls")).text
    must(ring("keyring", "check"))
    must(ring("remove", "--crls", ring.listed()[0]["key"][:16]))
    assert ring.files() == []


def test_remove(tmp_path, home, ca):
    other = Ca(home, "Other")
    ring = Ring(tmp_path, ca, other)
    must(ring.upload(ca.crl(entry(7)), ca.crl(extensions=[scope(users=True)]), other.crl()))
    result = must(ring("remove", "--crls", "--dry-run", ca.fingerprint()))
    assert result.text.count("would remove CRL of CN=Issuer (key ") == 2 and len(ring.files()) == 3
    result = must(ring("remove", "--crls", "--json", ca.fingerprint()[:8].upper()))
    told = json.loads(result.out)
    assert told["done"] and [one["issuer"] for one in told["crls"]] == ["CN=Issuer"] * 2
    assert [one["issuer"] for one in ring.listed()] == ["CN=Other"]
    for word in ("1234567", "00000000", "f" * 80):
        result = ring("remove", "--crls", word)
        assert result.rc == 2 and "no stored CRL is found by" in result.err
    assert len(ring.files()) == 1
    assert ring("remove", "--crls", "--all", word).rc == 1


def test_removed_then_older(ring, ca):
    """Who removes a CRL may store an older one."""
    must(ring.upload(ca.crl(crl_number=5)))
    must(ring("remove", "--crls", ca.fingerprint()))
    must(ring.upload(ca.crl(crl_number=4)))


def damage(path, at=-1):
    content = bytearray(path.read_bytes())
    content[at] ^= 1
    path.chmod(0o644)
    path.write_bytes(content)


@pytest.mark.parametrize("at", [0, -1], ids=["head", "end"])
def test_damaged(ring, ca, at):
    """`keyring check` tells it, and the current CRL replaces it."""
    must(ring.upload(ca.crl(*(entry(n) for n in range(300)))))
    damage(ring.files()[0], at)
    result = ring("keyring", "check")
    assert result.rc == 5 and str(ring.files()[0]) in result.text, result
    told = json.loads(ring("keyring", "check", "--json").out)
    assert told["sound"] is False and len(told["faults"]) == 1 and told["crls"] == 1
    assert ring("maintain").rc == 5
    must(ring.upload(ca.crl(entry(7), crl_number=2)))
    assert must(ring("keyring", "check")).text.endswith("sound; 1 certificate, 1 CRL, 0 private keys\n")


def test_damaged_can_be_removed(ring, ca):
    must(ring.upload(ca.crl()))
    damage(ring.files()[0], 0)
    assert [one["state"] for one in ring.listed()] == ["damaged"]
    result = ring("list", "--crls")
    assert result.rc == 5 and str(ring.files()[0]) in result.err and result.out == b""
    must(ring("remove", "--crls", ring.files()[0]))
    assert ring.files() == [] and ring.listed() == []


def test_backup(ring, ca, tmp_path):
    """It takes them along, whole or not at all, and is a keyring of its own."""
    must(ring.upload(ca.crl(entry(7)), ca.crl(extensions=[scope(users=True)])))
    (ring.path / "crls" / "stray").write_text("x")
    os.mkfifo(ring.path / "crls" / "pipe.crl")
    (ring.path / "crls" / "unfinished.crl.new").write_text("x")
    copy = tmp_path / "copy"
    must(ring("keyring", "backup", copy))
    kept = {str(path.relative_to(copy)): path.read_bytes() for path in copy.glob("crls/*/*")}
    assert kept == {str(path.relative_to(ring.path)): path.read_bytes() for path in ring.files()}
    assert sorted(path.name for path in (copy / "crls").iterdir() if not path.is_dir()) == []
    must(run(COMMAND, "--keyring", copy, "keyring", "check"))
    assert ring("keyring", "backup", copy).rc == 5
    assert [path.name for path in tmp_path.glob("copy*")] == ["copy"]


@pytest.mark.slow
def test_killed(ring, ca, tmp_path):
    """The old one or the new one is there, whole, and the next upload removes what was left."""
    dice, entries = random.Random(1), many_entries(200000)
    whole, number, killed = 0, 1, 0
    must(ring.upload(ca.crl(*entries, crl_number=number)))
    for turn in range(2, 32):
        path = tmp_path / "next.crl"
        path.write_bytes(ca.crl(*entries[:200000 - turn], crl_number=turn))
        begun = time.monotonic()
        with subprocess.Popen([COMMAND, "--keyring", ring.path, "upload", path], env=environment(),
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            try:
                rc = process.wait(timeout=dice.uniform(0, whole) if whole else None)
            except subprocess.TimeoutExpired:
                process.kill()
                rc = process.wait()
        whole = whole or time.monotonic() - begun
        killed += rc != 0
        must(ring("keyring", "check"))
        stored = int(ring.listed()[0]["number"], 16)
        assert stored == turn if rc == 0 else stored in (number, turn)
        number = stored
    assert killed
    must(ring.upload(ca.crl(crl_number=100)))
    assert [path.suffix for path in ring.path.glob("crls/*/*")] == [".crl"]


@pytest.mark.slow
def test_million(ring, ca, tmp_path):
    """Memory stays near the size of the file, in DER and in PEM."""
    der = ca.crl(*many_entries(1000000))
    for name, content in (("der", der), ("pem", pem(der))):
        (tmp_path / name).write_bytes(content)
        report = tmp_path / "report"
        must(run("/usr/bin/time", "-f", "%M", "-o", report, COMMAND, "--keyring", ring.path, "upload",
                 tmp_path / name))
        assert ring.listed()[0]["entries"] == 1000000
        assert int(report.read_text()) * 1024 < 3 * len(content)
        must(ring("remove", "--crls", ca.fingerprint()))


def test_export_has_none(ring, ca, tmp_path):
    """Exported certificates are read back without CRLs, which are fetched anew."""
    must(ring.upload(ca.crl(entry(7))))
    out = must(ring("export", "--all")).out
    assert out.count(b"-----BEGIN") == 1


def test_doctor_and_maintain(ring, ca):
    must(ring.upload(ca.crl(this=NOW - 9 * DAY, until=NOW - 2 * DAY)))
    assert "1, of these 1 stale; of 0 the issuer is not stored" in ring("doctor").text
    result = ring("maintain")
    assert result.rc == 3 and "CRL of CN=Issuer (key " in result.text, result
    assert ": stale since " in result.text
    os.utime(ring.files()[0], (0, 0))  # it was there before the last look
    assert ring("maintain").rc == 0
    told = json.loads(ring("maintain", "--all", "--json").out)
    assert [one["event"] for one in told["events"]] == ["crl-stale"]
    must(ring.upload(ca.crl(this=NOW - 8 * DAY, until=NOW + DAY, crl_number=2)))
    told = json.loads(ring("maintain", "--all", "--json").out)
    assert [one["event"] for one in told["events"]] == ["crl-ends"]
    must(ring.upload(ca.crl(crl_number=3)))
    assert ring("maintain", "--all").rc == 0


def test_report(ring, ca):
    must(ring.upload(ca.crl(entry(7))))
    told = json.loads(must(ring("report", "--json")).out)
    assert [(one["issuer"], one["state"]) for one in told["crls"]] == [("CN=Issuer", "fresh")]
