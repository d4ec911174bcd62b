# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
"""`smime-policy new`: keys, certificates, requests and a small CA, stored whole or not at all."""

import json
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from harness import COMMAND, environment, must, refused, run, stock
from terminal import Terminal

DONE, USAGE, INPUT, REFUSED, CRYPTO, SYSTEM = range(6)

ALICE, BOB, TEAM = "alice@example.com", "bob@example.com", "Example team"


TEMPLATES = {}


@pytest.fixture(scope="module", autouse=True)
def templates(tmp_path_factory):
    TEMPLATES["here"] = tmp_path_factory.mktemp("templates")
    yield
    TEMPLATES.clear()


class Place:
    """A directory with a keyring that does not exist yet, and files with passphrases."""

    def __init__(self, path):
        self.path = path
        self.ring = path / "ring"
        for name, text in (("pass", "secret\n"), ("ca-pass", "another\n"), ("empty", "\n")):
            (path / name).write_text(text)

    def __call__(self, *words, **kwargs):
        return run(COMMAND, "--keyring", self.ring, *words, cwd=self.path, **kwargs)

    def new(self, *words, **kwargs):
        """A new EC key, as they are made in no time, under the usual passphrase."""
        words = [*words, *(() if "--key" in words else ("--key", "ec:P-256")),
                 *(() if "--passout" in words or "same" in words else ("--passout", "file:pass"))]
        return self("new", *words, **kwargs)

    def team(self):
        """A keyring with a CA.  A key under a passphrase takes its time, so it is made once."""
        shutil.copytree(self.template("--ca", TEAM, "example.com", "--passout", "file:ca-pass"), self.ring)

    @staticmethod
    def template(*words):
        if words not in TEMPLATES:
            TEMPLATES[words] = Place(Path(tempfile.mkdtemp(dir=TEMPLATES["here"])))
            must(TEMPLATES[words].new(*words))
        return TEMPLATES[words].ring

    def issue(self, address, *words):
        return self.new("--issuer", TEAM, address, "--passin", "file:ca-pass", *words)

    def pem(self, selector, name):
        must(self("export", selector, "--out", name))
        return self.path / name

    def rows(self, *words):
        return [json.loads(line) for line in must(self("list", "--json", *words)).out.splitlines()]

    def content(self):
        """Every file, but for those of passphrases and what this one test has prepared."""
        return {path.relative_to(self.path): path.read_bytes()
                for path in sorted(self.path.rglob("*")) if path.is_file()}


@pytest.fixture
def place(tmp_path):
    return Place(tmp_path)


def text_of(pem, what="x509"):
    return must(stock(what, "-in", pem, "-noout", "-text")).text


# --- what is made

@pytest.mark.parametrize("kind, key, usage", [
    (None, "(3072 bit)", "Digital Signature, Key Encipherment"),
    ("rsa:2048", "(2048 bit)", "Digital Signature, Key Encipherment"),
    ("ec:P-256", "NIST CURVE: P-256", "Digital Signature, Key Agreement"),
    ("ec:P-521", "NIST CURVE: P-521", "Digital Signature, Key Agreement")])
def test_self_signed(place, kind, key, usage):
    """Every field is as the rules ask for, and as other programs do."""
    words = () if kind is None else ("--key", kind)
    result = must(place("new", ALICE, *words, "--passout", "file:pass"))
    assert re.match(rb"made identity [0-9a-f]{16} alice@example.com \(CN=alice@example.com\), valid until ",
                    result.out), result
    assert result.err == ""
    (row,) = place.rows()
    assert (row["role"], row["state"], row["rules"]) == ("identity", "usable", [])
    assert row["uses"] == ["sign", "encrypt", "verify", "decrypt"]
    pem = place.pem(ALICE, "alice.pem")
    text = text_of(pem)
    assert key in text and re.search(rf"Key Usage: critical\s+{usage}\n", text), text
    assert re.search(r"Basic Constraints: critical\s+CA:FALSE\n", text)
    assert re.search(r"Alternative Name: \n\s+email:alice@example.com\n", text)
    assert "E-mail Protection" in text and ("sha256With" in text or "ecdsa-with-SHA256" in text)
    serial = must(stock("x509", "-in", pem, "-noout", "-serial")).text.strip().split("=")[1]
    assert 20 < len(serial) <= 34
    must(stock("verify", "-purpose", "smimesign", "-x509_strict", "-CAfile", pem, pem))
    must(place("check", "--for", "sign", pem))
    must(place("check", "--for", "encrypt", pem))
    must(place("keyring", "check"))


@pytest.mark.slow
def test_used_at_once(place):
    """A mail to oneself, signed and encrypted, comes back."""
    must(place.new(ALICE))
    (place.path / "mail").write_text(f"From: {ALICE}\nTo: {ALICE}\n\nhello\n")
    must(place("sign", "--headers", "-in", "mail", "-out", "signed", "-passin", "file:pass"))
    must(place("encrypt", "--headers", "-in", "signed", "-out", "sealed"))
    must(place("decrypt", "-in", "sealed", "-out", "opened", "-passin", "file:pass"))
    assert b"hello" in must(place("verify", "-in", "opened")).out


def test_several_addresses(place):
    """International domains become A-labels; the local part and the name are as they were typed."""
    must(place.new("Alice.B@bücher.example", ALICE, "--name", "Alicia Bücher"))
    text = text_of(place.pem(ALICE, "alice.pem"))
    assert "email:Alice.B@xn--bcher-kva.example, email:alice@example.com" in text
    (row,) = place.rows("--address", "alice.b@bücher.example")
    assert row["subject"] == "CN=Alicia B\\C3\\BCcher" or "Alicia" in row["subject"]


def test_days(place):
    must(place.new(ALICE, "--days", "825"))
    pem = place.pem(ALICE, "alice.pem")
    must(stock("x509", "-in", pem, "-noout", "-checkend", str(824 * 86400)))
    assert stock("x509", "-in", pem, "-noout", "-checkend", str(825 * 86400)).rc == 1


# --- other programs

def test_nss(place):
    """certutil verifies it for signing and for receiving, alone and below a CA."""
    place.team()
    must(place.new(ALICE))
    must(place.issue(BOB))
    base = ("-d", f"sql:{place.path}/nss")
    (place.path / "nss").mkdir()
    must(run("certutil", "-N", *base, "--empty-password"))
    (ca,) = place.rows("--role", "ca")
    for name, trust, pem in (("alice", ",P,", place.pem(ALICE, "alice.pem")),
                             ("team", ",C,", place.pem(ca["fingerprint"], "team.pem")),
                             ("bob", ",,", place.pem(BOB, "bob.pem"))):
        must(run("certutil", "-A", *base, "-n", name, "-t", trust, "-i", pem))
    for name in ("alice", "bob"):
        for use in "SR":
            must(run("certutil", "-V", *base, "-n", name, "-u", use))


@pytest.fixture
def gpgsm(short_tmp):
    def call(*words):
        return run("gpgsm", "--batch", *words, env={"GNUPGHOME": short_tmp})
    yield call
    run("gpgconf", "--kill", "all", env={"GNUPGHOME": short_tmp})


def trust(short_tmp, *pems):
    """The owner's word: these are roots.  There are no lists of what was revoked."""
    prints = [must(stock("x509", "-in", pem, "-noout", "-fingerprint", "-sha1")).text.split("=")[1]
              for pem in pems]
    (short_tmp / "trustlist.txt").write_text("".join(f"{each.strip()} S relax\n" for each in prints))


@pytest.fixture
def short_tmp(tmp_path_factory):
    """Sockets have short names."""
    path = tmp_path_factory.mktemp("g")
    path.chmod(0o700)
    (path / "gpgsm.conf").write_text("disable-crl-checks\n")
    return path


def test_gpgsm(place, gpgsm, short_tmp):
    """It imports all of them.  It knows no name constraints: a critical one has to be allowed."""
    place.team()
    must(place.new(ALICE))
    must(place.issue(BOB))
    (ca,) = place.rows("--role", "ca")
    pems = [place.pem(ALICE, "alice.pem"), place.pem(ca["fingerprint"], "team.pem"),
            place.pem(BOB, "bob.pem")]
    for pem in pems:
        assert "imported: 1" in must(gpgsm("--import", pem)).text
    trust(short_tmp, *pems[:2])
    assert must(gpgsm("--with-validation", "-k")).text.count("[certificate is good]") == 1
    (short_tmp / "gpgsm.conf").write_text("disable-crl-checks\nignore-cert-extension 2.5.29.30\n")
    assert must(gpgsm("--with-validation", "-k")).text.count("[certificate is good]") == 3


# --- a request

def answer(place, request, name="bob.pem"):
    """What a commercial CA sends back."""
    ca = place.path / "commercial.pem"
    if not ca.exists():
        must(stock("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                   "-keyout", place.path / "commercial.key", "-out", ca, "-subj", "/CN=Commercial",
                   "-addext", "basicConstraints=critical,CA:TRUE", "-addext",
                   "keyUsage=critical,keyCertSign,cRLSign"))
    must(stock("x509", "-req", "-in", place.path / request, "-CA", ca, "-CAkey",
               place.path / "commercial.key", "-copy_extensions", "copyall", "-days", "90",
               "-out", place.path / name))
    return place.path / name


def test_request(place):
    """The key waits, is shown to its owner alone, and becomes an identity with its certificate."""
    result = must(place.new(BOB, "--request", "bob.csr"))
    assert result.text.startswith(f"made bob.csr: a request for {BOB} (CN={BOB}); send it"), result
    text = text_of(place.path / "bob.csr", "req")
    must(stock("req", "-in", place.path / "bob.csr", "-noout", "-verify"))
    for part in ("E-mail Protection", f"email:{BOB}", "CA:FALSE", "Digital Signature, Key Agreement"):
        assert part in text, text
    (row,) = place.rows()
    assert (row["role"], row["state"], row["uses"], row["addresses"]) == ("identity", "waiting", [], [BOB])
    assert row["not_after"] is None and row["fingerprint"][:16] in result.text
    shown = must(place("list")).text
    assert re.search(rf"^identity +waiting .* {row['fingerprint'][:16]}  {BOB} +CN={BOB}$", shown, re.M)
    for words, count in ((("--state", "waiting"), 1), (("--role", "identity"), 1), (("--role", "ca"), 0),
                         (("--address", BOB), 1), (("--address", ALICE), 0), (("--state", "usable"), 0),
                         (("--expiring", "4w"), 0)):
        assert len(place.rows(*words)) == count, words
    must(place("keyring", "check"))
    # It is no identity yet.
    assert place("sign", "--from", BOB, "-in", "pass").rc == REFUSED
    pem = answer(place, "bob.csr")
    tried = must(place("upload", "--dry-run", pem))
    assert f"would be stored as identity: {BOB}" in tried.text
    assert f"stored as identity: {BOB}" in must(place("upload", pem)).text
    (row,) = place.rows()
    assert (row["role"], row["state"]) == ("identity", "usable")
    must(place("keyring", "check"))
    must(place("sign", "--from", BOB, "-in", "pass", "-passin", "file:pass"))


def test_waiting_removed(place):
    """By its address, or the digits that `list` shows; several need --all."""
    for name in ("one", "two", "three"):
        must(place.new(BOB, "--request", name))
    first = place.rows()[0]["fingerprint"]
    before = place.content()
    for words, code, said in ((["remove", "--waiting", BOB], USAGE, "3 private keys wait"),
                              (["remove", "--waiting", ALICE], INPUT, "no private key that waits"),
                              (["remove", "--waiting", "0123"], INPUT, "no private key that waits"),
                              (["remove", BOB], INPUT, "no certificate in the keyring"),
                              (["remove", "--waiting", "@"], INPUT, "no private key that waits")):
        result = place(*words)
        assert (result.rc, result.out) == (code, b"") and said in result.err, result
        assert place.content() == before
    must(place("remove", "--waiting", "--dry-run", first[:16]))
    assert place.content() == before
    result = must(place("remove", "--waiting", first[:16].upper()))
    assert result.text.startswith(f"removed waiting identity {first[:16]} {BOB}")
    told = json.loads(must(place("remove", "--waiting", "--all", "--json", BOB)).out)
    assert [each["private_key"] for each in told["certificates"]] == ["removed", "removed"]
    assert not place.rows()
    assert must(place("keyring", "check")).text.endswith("0 certificates, 0 private keys\n")


def test_waiting_is_kept(place):
    """A backup and an export have it; from the export it comes back with its request."""
    place.team()
    must(place.new(BOB, "--request", "bob.csr"))
    must(place("keyring", "backup", "copy"))
    must(place("export", "--all", "--keys", "--out", "all.pem"))
    assert "CERTIFICATE REQUEST" not in must(place("export", "--all")).text
    rows = place.rows()
    place.ring = place.path / "copy"
    assert place.rows() == rows
    place.ring = place.path / "other"
    for _ in range(2):
        must(place("upload", "--as", "exported", "all.pem"))
        assert [(row["fingerprint"], row["role"], row["state"]) for row in place.rows()] \
            == [(row["fingerprint"], row["role"], row["state"]) for row in rows]
        must(place("keyring", "check"))
    assert f"stored as identity: {BOB}" in must(place("upload", answer(place, "bob.csr"))).text
    # The key of the CA came along.
    must(place.issue(ALICE))


def test_export_is_the_same_again(place):
    """Byte for byte, the time of the request included."""
    must(run("faketime", "-1 day", COMMAND, "--keyring", place.ring, "new", BOB, "--key", "ec:P-256", "--request",
             place.path / "bob.csr", "--passout", f"file:{place.path}/pass"))
    first = must(place("export", "--all", "--keys")).out
    place.ring = place.path / "other"
    must(place("upload", "--as", "exported", "-", stdin=first))
    assert must(place("export", "--all", "--keys")).out == first and b"CERTIFICATE REQUEST" in first


def test_a_request_is_no_upload(place):
    """Only what `export` wrote may have one."""
    must(place.new(BOB, "--request", "bob.csr"))
    result = place("upload", "bob.csr")
    assert result.rc == INPUT and "CERTIFICATE REQUEST is neither a certificate nor a private key" in result.err


def test_hostile_export(place):
    """A request with a broken key, or before another one's key, makes nothing of either."""
    must(place.new(BOB, "--request", "bob.csr"))
    must(place("export", "--all", "--keys", "--out", "all.pem"))
    text = (place.path / "all.pem").read_text()
    place.ring = place.path / "other"
    (place.path / "cut.pem").write_text(text.replace("MI", "MA", 1))
    result = place("upload", "--as", "exported", "cut.pem")
    assert result.rc == INPUT and result.out == b"" and not (place.path / "other").exists(), result


# --- a CA of one's own

def test_ca(place):
    """Limited to its domains by a critical extension, and good for nothing but issuing mail certificates."""
    must(place.new("--ca", TEAM, "example.com", ".bücher.example", "--passout", "file:ca-pass"))
    (row,) = place.rows()
    assert (row["role"], row["vouches"], row["addresses"]) == ("ca", True, [])
    pem = place.pem(row["fingerprint"], "team.pem")
    text = text_of(pem)
    assert re.search(r"Name Constraints: critical\s+Permitted:\s+email:example.com\s+"
                     r"email:.xn--bcher-kva.example\n", text), text
    assert re.search(r"Basic Constraints: critical\s+CA:TRUE, pathlen:0\n", text)
    assert re.search(r"Key Usage: critical\s+Certificate Sign, CRL Sign\n", text)
    must(place("keyring", "check"))
    must(place.issue("Carol@sub.bücher.example"))
    must(place.issue(BOB, "--days", "10"))
    bob = place.pem(BOB, "bob.pem")
    must(stock("verify", "-purpose", "smimesign", "-x509_strict", "-CAfile", pem, bob))
    must(stock("verify", "-purpose", "smimesign", "-CAfile", pem, place.pem(
        "carol@sub.bücher.example", "carol.pem")))


def test_team_mails(place):
    """Another keyring that has the CA alone verifies what a member signs."""
    place.team()
    must(place.issue(BOB))
    (ca,) = place.rows("--role", "ca")
    pem = place.pem(ca["fingerprint"], "team.pem")
    (place.path / "mail").write_text(f"From: {BOB}\n\nhello\n")
    must(place("sign", "--headers", "-in", "mail", "-out", "signed", "-passin", "file:pass"))
    place.ring = place.path / "other"
    assert place("verify", "-in", "signed").rc != DONE
    must(place("upload", pem))
    must(place("verify", "-in", "signed"))


@pytest.mark.parametrize("address", ["bob@example.org", "bob@sub.example.com", "bob@notexample.com"])
def test_ca_keeps_its_limits(full, address):
    """What it may not issue is refused, and nothing of it is stored."""
    before = full.content()
    result = refused(full.issue(address), "distrust-default")
    assert result.rc == REFUSED and f"refused: upload: {address}: CN={TEAM} may not issue it: " in result.err
    assert result.out == b"" and full.content() == before


def test_ca_removed(place):
    """Its key is removed only if that is said."""
    place.team()
    (row,) = place.rows()
    result = place("remove", row["fingerprint"])
    assert result.rc == USAGE and "it issues no more" in result.err and len(place.rows()) == 1
    assert b"and its private key" in must(place("remove", "--with-key", row["fingerprint"])).out
    assert must(place("keyring", "check")).text.endswith("0 certificates, 0 private keys\n")


@pytest.mark.slow
def test_ca_passphrase(place):
    """It is changed as that of an identity; a CA without a key here has none to change."""
    place.team()
    (row,) = place.rows()
    must(place("keyring", "passphrase", row["fingerprint"], "--passin", "file:ca-pass", "--passout", "file:pass"))
    assert place.issue(BOB).rc == INPUT
    must(place.new("--issuer", row["fingerprint"][:16], BOB, "--passin", "file:pass"))
    must(place("upload", answer_ca(place)))
    other = [each["fingerprint"] for each in place.rows("--role", "ca") if each != row][-1]
    assert "has no private key" in place("keyring", "passphrase", other, "--passout", "file:pass").err


def answer_ca(place):
    must(place.new(BOB, "--request", "x.csr"))
    answer(place, "x.csr")
    return place.path / "commercial.pem"


def test_issued_ends_with_its_ca(place):
    must(place.new("--ca", TEAM, "example.com", "--days", "20", "--passout", "file:ca-pass"))
    result = must(place.issue(BOB))
    assert "note: it ends with its CA, on " in result.err
    ends = [row["not_after"] for row in place.rows()]
    assert ends[0] == ends[1]


def test_expired_ca(place):
    must(place.new("--ca", TEAM, "example.com", "--days", "2", "--passout", "file:ca-pass"))
    before = place.content()
    result = subprocess.run(
        ["faketime", "+3 days", COMMAND, "--keyring", place.ring, "new", "--issuer", TEAM, BOB, "--key",
         "ec:P-256", "--passin", "file:ca-pass", "--passout", "file:pass"], cwd=place.path,
        env=environment(), capture_output=True, check=False)
    assert result.returncode == REFUSED and b"[expired]" in result.stderr and result.stdout == b"", result
    assert place.content() == before


# --- renewed

def test_renewed(place):
    """A new key of the same kind, the same names, and the later one is used."""
    must(place.new("Alice@Example.com", "a2@example.com", "--name", "Alice", "--days", "5"))
    must(place("new", "--renew", ALICE, "--passout", "file:pass"))
    first, second = place.rows()
    assert first["fingerprint"] != second["fingerprint"] and first["addresses"] == second["addresses"]
    assert second["subject"] == "CN=Alice" and second["not_after"] > first["not_after"]
    assert "P-256" in text_of(place.pem(second["fingerprint"], "two.pem"))
    assert must(place("keyring", "check")).text.endswith("2 certificates, 2 private keys\n")
    must(place("new", "--renew", "a2@example.com", "--key", "same", "--days", "800", "--passin", "file:pass"))
    assert len(place.rows()) == 3
    assert must(place("keyring", "check")).text.endswith("3 certificates, 2 private keys\n")


def test_renewed_by_its_ca(place):
    """Who has issued it issues the next one; else a request goes there, which its key may sign."""
    place.team()
    must(place.issue(BOB))
    must(place("new", "--renew", BOB, "--passin", "file:ca-pass", "--passout", "file:pass"))
    assert {row["state"] for row in place.rows("--role", "identity")} == {"usable"}
    must(place.new(ALICE, "--request", "a.csr"))
    must(place("upload", answer(place, "a.csr", "a.pem")))
    before = place.content()
    result = place.new("--renew", ALICE)
    assert result.rc == INPUT and "issued by a CA whose private key is not here" in result.err
    assert place.content() == before
    result = must(place.new("--renew", ALICE, "--key", "same", "--passin", "file:pass", "--request", "b.csr"))
    assert "waits" not in result.text and not place.rows("--state", "waiting")
    must(place("upload", answer(place, "b.csr", "b.pem")))
    assert len(place.rows("--address", ALICE)) == 2
    must(place("keyring", "check"))


# --- what is refused leaves nothing

LONG = "a" * 53 + "@example.com"


@pytest.mark.parametrize("words, code, said", [
    ([], USAGE, "no address given"),
    (["alice"], USAGE, "alice is no address"),
    (["alice@example.com,DNS:www.example.com"], USAGE, "is no address"),
    (["alice@example.com", "ALICE@example.com"], USAGE, "is named twice"),
    (["älice@example.com"], USAGE, "letters outside of ASCII before the @"),
    (["a@b@c"], USAGE, "is no address"),
    (["alice@exa mple.com"], USAGE, "is no address"),
    (["alice@example.com\nbcc: x@y"], USAGE, "is no address"),
    ([LONG], USAGE, "cannot be the name in a certificate"),
    ([ALICE, "--name", ""], USAGE, "cannot be the name in a certificate"),
    ([ALICE, "--name", "x" * 65], USAGE, "at most 64 characters"),
    ([ALICE, "--name", "a\nb"], USAGE, "all of which can be shown"),
    ([ALICE, "--name", b"\xff"], USAGE, "all of which can be shown"),
    ([ALICE, "--days", "826"], USAGE, "give a number from 1 to 825"),
    ([ALICE, "--days", "0"], USAGE, "give a number from 1 to 825"),
    ([ALICE, "--days", "1x"], USAGE, "give a number from 1 to 825"),
    ([ALICE, "--days", "-1"], USAGE, "give a number from 1 to 825"),
    ([ALICE, "--days", "99999999999999999999"], USAGE, "give a number from 1 to 825"),
    ([ALICE, "--key", "dsa"], USAGE, "no such kind"),
    ([ALICE, "--key", "rsa:1024"], USAGE, "no such kind"),
    ([ALICE, "--key", "same"], USAGE, "give --renew too"),
    ([ALICE, "--self-signed", "--request", "x"], USAGE, "exclude each other"),
    ([ALICE, "--issuer", TEAM, "--request", "x"], USAGE, "exclude each other"),
    ([ALICE, "--passout", "pass:secret"], USAGE, "--passout takes fd:N"),
    ([ALICE, "--passout", "file:none"], INPUT, "cannot read the passphrase from"),
    ([ALICE, "--passout", "file:empty"], INPUT, "the passphrase is empty"),
    ([ALICE, "--request", "none/x"], SYSTEM, "none/x"),
    ([ALICE, "--request", "."], SYSTEM, "."),
    (["--ca", TEAM], USAGE, "no domain given"),
    (["--ca", "", "example.com"], USAGE, "cannot be the name"),
    (["--ca", TEAM, "@example.com"], USAGE, "is no domain"),
    (["--ca", TEAM, "a@example.com"], USAGE, "is no domain"),
    (["--ca", TEAM, "[127.0.0.1]"], USAGE, "is no domain"),
    (["--ca", TEAM, ".."], USAGE, "is no domain"),
    (["--ca", TEAM, ""], USAGE, "is no domain"),
    (["--ca", TEAM, "example.com", "Example.com"], USAGE, "is named twice"),
    (["--ca", TEAM, "example.com", "--days", "7301"], USAGE, "from 1 to 7300"),
    (["--ca", TEAM, "example.com", "--self-signed"], USAGE, "leave --self-signed"),
    (["--renew", ALICE, BOB], USAGE, "--renew takes one address"),
    (["--renew", ALICE], SYSTEM, "there is no keyring"),
    (["--issuer", TEAM, ALICE], SYSTEM, "there is no keyring"),
    ([f"a{i}@example.com" for i in range(101)], USAGE, "more than 100 names")])
def test_refused(place, words, code, said):
    """One line, and no keyring and no file are made."""
    before = place.content()
    words = [os.fsdecode(word) if isinstance(word, bytes) else word for word in words]
    result = place.new(*words)
    assert (result.rc, result.out) == (code, b"") and said in result.err, result
    assert len(result.err.splitlines()) <= 2, result
    assert place.content() == before and not place.ring.exists()


@pytest.fixture(scope="module")
def full(tmp_path_factory):
    """A keyring with a CA, an identity, and two CAs of one name; no test changes it."""
    place = Place(tmp_path_factory.mktemp("full"))
    place.team()
    must(place.new(ALICE))
    for _ in range(2):
        must(place.new("--ca", "Twice", "example.com"))
    return place


@pytest.mark.parametrize("words, code, said", [
    (["--renew", "nobody@example.com"], INPUT, "no identity of nobody@example.com to renew"),
    (["--renew", ALICE, "--key", "same", "--passin", "file:ca-pass"], INPUT, "is wrong; nothing was changed"),
    (["--renew", ALICE, "--key", "same", "--passout", "file:pass"], USAGE, "keeps its passphrase"),
    (["--issuer", "Nobody", BOB], INPUT, "has no CA Nobody with its private key"),
    (["--issuer", TEAM, BOB, "--passin", "file:pass"], INPUT, "is wrong; nothing was changed"),
    (["--issuer", TEAM, BOB, "--passin", "file:none"], INPUT, "cannot read the passphrase from"),
    (["--issuer", "Twice", BOB, "--passin", "file:ca-pass"], USAGE, "several CAs are found")])
def test_refused_with_a_keyring(full, words, code, said):
    before = full.content()
    result = full.new(*words)
    assert (result.rc, result.out) == (code, b"") and said in result.err, result
    assert full.content() == before


def test_refused_by_a_rule(place):
    """What the rules refuse is not stored: here a warning that somebody has made a refusal."""
    (place.path / "policy.cnf").write_text("expires_soon = deny\n")
    before = place.content()
    result = place("--policy", "policy.cnf", "new", ALICE, "--key", "ec:P-256", "--days", "5", "--passout",
                   "file:pass", "--request", "x.csr")
    assert result.rc == REFUSED and "[expires-soon]" in result.err and result.out == b"", result
    assert place.content() == before


def test_refused_by_the_system(place):
    """The request cannot appear at its place once the key is stored: the key is taken out again."""
    must(place.new(ALICE))
    rows = place.rows()
    target = place.path / "there"
    target.mkdir()
    target.chmod(0o500)
    result = run("setpriv", "--bounding-set", "-all", "--inh-caps", "-all", COMMAND, "--keyring", place.ring, "new", BOB, "--key",
                 "ec:P-256", "--passout", "file:pass", "--request", "there/x.csr", cwd=place.path)
    assert result.rc == SYSTEM and result.out == b"", result
    assert place.rows() == rows and not list(target.iterdir())
    must(place("keyring", "check"))


def test_json(place):
    """One object, whether it succeeded or not."""
    told = json.loads(must(place.new(ALICE, "--json")).out)
    assert told["operation"] == "new" and told["done"] is True and told["exit"] == DONE
    (row,) = place.rows()
    assert told["request"] is None
    for name in row.keys() - {"uploaded"}:  # told a moment before
        assert told["made"][name] == row[name], name
    told = json.loads(must(place.new(BOB, "--json", "--request", "x.csr")).out)
    assert told["made"]["state"] == "waiting" and told["request"] == "x.csr"
    result = place.new("--issuer", "Nobody", BOB, "--json")
    told = json.loads(result.out)
    assert result.rc == told["exit"] == INPUT and told["done"] is False and told["made"] is None


def test_quiet(place):
    result = must(place.new(ALICE, "--quiet"))
    assert result.text == ""


# --- the passphrase at a terminal

@pytest.mark.parametrize("typed, code, said", [
    (["secret", "secret"], DONE, "made identity"),
    (["secret", "other", "secret", "secret"], DONE, "these two differ; type both again"),
    (["a", "b"] * 3, INPUT, "nothing was done with them"),
    (["", ""], INPUT, "the passphrase is empty")])
def test_asked_for_twice(place, typed, code, said):
    with Terminal.start([COMMAND, "--keyring", place.ring, "new", ALICE, "--key", "ec:P-256"],
                        environment(TERM="dumb")) as terminal:
        for index, word in enumerate(typed):
            terminal.wait(f"new passphrase for the private key of {ALICE}:" if index % 2 == 0 else "Once more:")
            terminal.press_unseen(word.encode() + b"\n")
        terminal.wait()
        assert terminal.code() == code and said in terminal.text
    assert place.ring.exists() == (code == DONE)
    if code == DONE:
        (place.path / "mail").write_text(f"From: {ALICE}\n\nhello\n")
        must(place("sign", "--headers", "-in", "mail", "-passin", "file:pass"))


def test_no_terminal(place):
    result = run("setsid", "-w", COMMAND, "--keyring", place.ring, "new", ALICE, "--key", "ec:P-256")
    assert result.rc == INPUT and "cannot ask for the new passphrase" in result.err
    assert "--passout fd:N" in result.err and not place.ring.exists()
