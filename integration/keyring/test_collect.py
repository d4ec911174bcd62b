# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
"""`smime-policy collect` and `verify --collect`: what a signed mail adds to the keyring."""

import base64
import json
import sqlite3

import pytest

from harness import BUILD, COMMAND, OPENSSL, must, run, stock
from test_keyring_upload import Ring

DONE, USAGE, INPUT, REFUSED, CRYPTO, SYSTEM = range(6)
CONTACT, CA, INTERMEDIATE = 2, 3, 4
UPLOADED, COLLECTED = 1, 2
SENDER = "good_rsa@example.com"


class Box(Ring):
    """A keyring with the root, and mails beside it."""

    def __init__(self, directory, pki):
        super().__init__(directory)
        self.directory = directory
        self.pki = pki
        self.number = 0
        must(self.upload(pki.root.pem))
        self.before = self.rows()

    def new(self, suffix="eml"):
        self.number += 1
        return self.directory / f"{self.number}.{suffix}"

    def signed(self, cert, *more, sender=None, text=b"From: inside@example.com\r\n\r\nhello\r\n"):
        plain, mail = self.new("txt"), self.new()
        plain.write_bytes(text)
        chain = ("-certfile", cert.chain) if cert.chain else ()
        must(stock("cms", "-sign", "-in", plain, "-signer", cert.pem, "-inkey", cert.key, *chain,
                   "-from", sender or cert.recipe.address, "-to", "you@example.com", "-subject",
                   "hello", "-out", mail, *more))
        return mail

    def changed(self, mail, old, new):
        changed = self.new()
        data = mail.read_bytes()
        assert old in data
        changed.write_bytes(data.replace(old, new, 1))
        return changed

    def rows(self):
        """All that is stored: (role, origin, addresses), by fingerprint."""
        with sqlite3.connect(f"file:{self.path}/certificates.db?mode=ro", uri=True) as db:
            return {fingerprint: (role, origin, tuple(address for address, in db.execute(
                        "SELECT address FROM address WHERE certificate = ? ORDER BY 1", (number,))))
                    for number, fingerprint, role, origin in db.execute(
                        "SELECT id, fingerprint, role, origin FROM certificate")}

    def added(self):
        """What was added to what was there, which is as it was."""
        rows = self.rows()
        assert {key: rows[key] for key in self.before} == self.before
        return sorted(rows[key] for key in rows if key not in self.before)

    def collect(self, *words, **kwargs):
        return self("collect", *words, **kwargs)

    def leaves(self, result, code, *said):
        """Nothing was collected: exit code, one line that says why, and the keyring as it was."""
        assert result.rc == code, result
        lines = [line for line in result.err.splitlines() if line.startswith("not collected: ")]
        assert len(lines) == 1, result
        for text in said:
            assert text in lines[0], result
        assert self.added() == [], result


@pytest.fixture
def box(tmp_path, pki):
    return Box(tmp_path, pki)


def sha256(cert):
    return must(stock("x509", "-in", cert.pem, "-noout", "-fingerprint", "-sha256")).text.split(
        "=")[1].strip().replace(":", "").lower()


def test_a_signers_certificate(box, pki):
    mail = box.signed(pki.good_rsa)
    result = must(box.collect(mail))
    assert box.added() == [(CONTACT, COLLECTED, (SENDER,))]
    line, counts = result.out.decode().splitlines()
    assert line == (f"collected as contact: {SENDER} (emailAddress={SENDER},CN=good_rsa, SHA-256 "
                    f"{sha256(pki.good_rsa)[:16]}) from {mail}")
    assert counts == ("1 collected, 0 already there, 0 not collected, 0 not signed, of 1 mail "
                      f"(keyring {box.path})")
    again = must(box.collect(mail))
    assert again.text.startswith("0 collected, 1 already there, 0 not collected")


@pytest.mark.parametrize("form", ["-nodetach", "-noattr"])
def test_every_kind_of_signature(form, box, pki):
    must(box.collect(box.signed(pki.good_p256, form)))
    assert box.added() == [(CONTACT, COLLECTED, ("good_p256@example.com",))]


def test_it_may_be_encrypted_to(box, pki):
    must(box.collect(box.signed(pki.good_rsa)))
    text, sealed = box.new("txt"), box.new()
    text.write_text("hello\n")
    must(box("encrypt", "-in", text, "-out", sealed, "--to", SENDER))
    opened = stock("cms", "-decrypt", "-in", sealed, "-recip", pki.good_rsa.pem, "-inkey",
                   pki.good_rsa.key)
    assert b"hello" in must(opened).out


def test_intermediates_complete_chains(box, pki):
    """A mail that brings the intermediate is collected from; a later one comes without."""
    bare = box.signed(pki.good_chain, "-nocerts")
    alone = box.new()
    must(stock("cms", "-sign", "-in", bare, "-signer", pki.good_chain.pem, "-inkey",
               pki.good_chain.key, "-from", "good_chain@example.com", "-out", alone))
    assert box("verify", "-in", alone, "-out", box.new()).rc == REFUSED
    result = must(box.collect(box.signed(pki.good_chain)))
    assert box.added() == [(CONTACT, COLLECTED, ("good_chain@example.com",)),
                           (INTERMEDIATE, COLLECTED, ())]
    assert "collected as intermediate: " in result.text
    must(box("verify", "-in", alone, "-out", box.new()))
    # Now that the certificate is stored, the mail need not bring it either.
    must(box("verify", "-in", bare, "-out", box.new()))
    must(box("trust", "good_chain@example.com"))
    # The intermediate vouches for nothing by itself.
    root = next(key for key in box.before)
    must(box("remove", root.hex()))
    refused = box("verify", "-in", alone, "-out", box.new())
    assert refused.rc == REFUSED and "[distrust-default]" in refused.err


def test_only_the_address_of_the_mail(tmp_path, box, pki):
    """A certificate with two addresses is found by the one that the mail is from."""
    cert = two_addresses(tmp_path, pki)
    must(box.collect(box.signed(cert, sender="One@example.com")))
    assert box.added() == [(CONTACT, COLLECTED, ("one@example.com",))]
    assert box("list", "--address", "two@example.com", "--json").out == b""
    shown = must(box("show", "one@example.com")).text
    assert "  found by: one@example.com\n" in shown and "  collected: 20" in shown
    must(box.collect(box.signed(cert, sender="two@example.com")))
    assert box.added() == [(CONTACT, COLLECTED, ("one@example.com", "two@example.com"))]


def two_addresses(directory, pki):
    pem, key, conf, csr = (directory / f"two.{suffix}" for suffix in ("pem", "key", "cnf", "csr"))
    conf.write_text("[req]\ndistinguished_name=dn\n[dn]\n[ext]\nkeyUsage=digitalSignature,"
                    "keyEncipherment\nextendedKeyUsage=emailProtection\n"
                    "subjectAltName=email:one@example.com,email:two@example.com\n")
    must(stock("req", "-new", "-config", conf, "-newkey", "ec", "-pkeyopt",
               "ec_paramgen_curve:P-256", "-noenc", "-keyout", key, "-out", csr, "-subj", "/CN=two"))
    must(stock("x509", "-req", "-in", csr, "-CA", pki.root.pem, "-CAkey", pki.root.key, "-days",
               "30", "-extfile", conf, "-extensions", "ext", "-out", pem))
    return pki.good_rsa.beside(pem=pem, key=key, chain=None, name="two")


# --- what is not collected

def test_a_forged_mail(box, pki):
    mail = box.changed(box.signed(pki.good_rsa), b"hello\r\n\n---", b"jello\r\n\n---")
    box.leaves(box.collect(mail), CRYPTO, str(mail), "its signature does not fit the message")


def test_a_forged_signature(box, pki):
    """The content is as it was signed, and the signature is another one."""
    data = bytearray(must(stock("cms", "-sign", "-in", box.signed(pki.good_rsa), "-signer",
                                pki.good_rsa.pem, "-inkey", pki.good_rsa.key, "-nodetach",
                                "-outform", "DER")).out)
    data[-1] ^= 1
    mail = box.new()
    mail.write_bytes(b"From: good_rsa@example.com\nMIME-Version: 1.0\nContent-Type: application/"
                     b"pkcs7-mime; smime-type=signed-data; name=smime.p7m\n"
                     b"Content-Transfer-Encoding: base64\n\n" + base64.encodebytes(bytes(data)))
    box.leaves(box.collect(mail), CRYPTO, "its signature does not fit the message")


def test_a_wrong_digest(box, pki):
    """The digest that the mail names is not that of the signature, or a weak one is refused."""
    mail = box.signed(pki.good_rsa, "-md", "sha1", "-nodetach")
    policy = box.new("cnf")
    policy.write_text("weak_digest = deny\n")
    result = run(COMMAND, "--policy", policy, "--keyring", box.path, "collect", mail)
    box.leaves(result, REFUSED, "[weak-digest]")
    must(box.collect(mail))


@pytest.mark.parametrize("name,said", [
    ("expired", "[signer-validity]"), ("future", "[signer-validity]"), ("no_san", "[signer-certificate]"),
    ("ku_ke", "[signer-certificate]"), ("eku_server", "[signer-certificate]"),
    ("person_ca", "[distrust-default]"), ("self_ca", "[distrust-default]"),
    ("foreign", "[distrust-default]"),
])
def test_certificates_that_the_rules_refuse(name, said, box, pki):
    box.leaves(box.collect(box.signed(pki[name])), REFUSED, said)


def test_expired_since_it_signed(box, pki):
    """It verifies by its signing time, and is of no use for new mail."""
    mail, text = box.new(), box.new("txt")
    text.write_text("hello\n")
    must(run("faketime", "2024-01-01 12:00:00", OPENSSL, "cms", "-sign", "-in", text, "-signer",
             pki.guide.pem, "-inkey", pki.guide.key, "-from", "guide@example.com", "-out", mail,
             conf="/dev/null"))
    must(box("verify", "-in", mail, "-out", box.new()))
    box.leaves(box.collect(mail), REFUSED, "certificate expired on 2024-07-31", "[expired]")


@pytest.mark.parametrize("old,new,said", [
    (b"From: good_rsa@example.com", b"From: mallory@example.com",
     "the mail is from mallory@example.com, no address of the certificate [sender-match]"),
    (b"From: ", b"From: good_rsa@example.com\nFrom: ", "the mail has 2 From fields"),
    (b"From: ", b"From: mallory@example.com\nFrom: ", "the mail has 2 From fields"),
    (b"From: ", b"Sender: good_rsa@example.com\nFrom: mallory@example.com, ",
     "the From field holds 2 addresses, which is ambiguous"),
    (b"From: good_rsa@example.com", b"X-From: x", "the mail has no From field"),
    (b"To: you@example.com\nFrom: good_rsa@example.com\nSubject: hello\n", b"",
     "the mail has no From field"),
    (b"From: ", b"From: \"good_rsa@example.com\" <mallory@example.com>\nX: ",
     "the mail is from mallory@example.com"),
])
def test_whom_the_mail_is_from(old, new, said, box, pki):
    """The signature covers no From field: exactly one address, and one of the certificate's."""
    box.leaves(box.collect(box.changed(box.signed(pki.good_rsa), old, new)), REFUSED, said)


def test_two_signers(box, pki):
    mail = box.signed(pki.good_rsa, "-signer", pki.good_p256.pem, "-inkey", pki.good_p256.key)
    box.leaves(box.collect(mail), REFUSED, "it has several signers")


def test_a_mail_in_a_mail(box, pki):
    """What is attached was signed by somebody else; forwarded, it is nobody's signature."""
    inner = box.signed(pki.good_rsa).read_bytes()
    mail = box.new()
    mail.write_bytes(b"From: good_rsa@example.com\nMIME-Version: 1.0\nContent-Type: multipart/mixed;"
                     b" boundary=x\n\n--x\nContent-Type: message/rfc822\n\n" + inner +
                     b"\n--x--\n")
    box.leaves(box.collect(mail), INPUT, "it is not signed")
    outer = box.signed(pki.good_p256, text=inner, sender=SENDER)
    box.leaves(box.collect(outer), REFUSED, "[sender-match]")


def test_one_signature_in_another(box, pki):
    """The outer signature counts."""
    inner = box.signed(pki.good_rsa).read_bytes()
    must(box.collect(box.signed(pki.good_p256, text=inner)))
    assert box.added() == [(CONTACT, COLLECTED, ("good_p256@example.com",))]


@pytest.mark.parametrize("data,said", [
    (b"From: good_rsa@example.com\n\nhello\n", "it is not signed"),
    (b"", "it is not signed"),
    (b"From: good_rsa@example.com\nContent-Type: multipart/signed; boundary=x\n\n--x\n",
     "it cannot be read as S/MIME"),
    (b"From: good_rsa@example.com\nContent-Type: application/pkcs7-mime\n\nAAAA\n",
     "it cannot be read as S/MIME"),
])
def test_no_signature(data, said, box):
    mail = box.new()
    mail.write_bytes(data)
    box.leaves(box.collect(mail), INPUT, said)


def test_encrypted(box, pki):
    mail = box.new()
    must(stock("cms", "-encrypt", "-in", box.signed(pki.good_rsa), "-out", mail, pki.good_rsa.pem))
    box.leaves(box.collect(mail), INPUT, "decrypt it, and collect from what comes out")


def test_too_long(box, pki):
    mail = box.signed(pki.good_rsa)
    with open(mail, "r+b") as file:
        file.truncate(64 * 1024 * 1024 + 1)
    box.leaves(box.collect(mail), INPUT, "it is longer than 64 MB")


@pytest.mark.slow
def test_too_many_mails(box, pki):
    """An mbox is read as far as its limit, and what was found until then is kept."""
    mbox = box.new("mbox")
    with open(mbox, "wb") as file:
        file.write(b"From x\n" + box.signed(pki.good_rsa).read_bytes() + b"\n")
        file.write(b"From x\n\n" * 100000)
        file.write(b"From x\n" + box.signed(pki.good_p256).read_bytes())
    result = must(box.collect(mbox))
    assert "it has more than 100,000 mails, and the rest is not read; divide it" in result.err
    assert box.added() == [(CONTACT, COLLECTED, (SENDER,))]


def test_its_own_certificate(box, pki):
    """One's own mail, in the folder of what was sent, makes no contact of one's own."""
    must(box.upload(pki.renewed_old.pem, pki.renewed_old.key, "--no-passphrase"))
    box.before = box.rows()
    mail = box.signed(pki.renewed_new, sender="renewed@example.com")
    box.leaves(box.collect(mail), REFUSED, "its private key is in the keyring")


def test_without_a_keyring(tmp_path, box, pki):
    result = run(COMMAND, "--keyring", tmp_path / "none", "collect", box.signed(pki.good_rsa))
    assert result.rc == SYSTEM and "'smime-policy upload' makes one" in result.err
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("words", [(), ("-q",)])
def test_nothing_named(words, box):
    result = box.collect(*words)
    assert result.rc == USAGE and "no mail named" in result.err


def test_no_such_file(box):
    box.leaves(box.collect(box.directory / "none.eml"), INPUT, "No such file")


# --- what it is worth

def test_it_is_no_anchor(box, pki):
    """Without its CA it verifies nothing, whoever names it; uploaded, it does."""
    mail = box.signed(pki.good_rsa)
    must(box.collect(mail))
    must(box("remove", next(iter(box.before)).hex()))
    for more in (), ("-CAfile", pki.good_rsa.pem, "-partial_chain"):
        result = box("verify", "-in", mail, "-out", box.new(), *more)
        assert result.rc == REFUSED and "[distrust-default]" in result.err, result
    trusted = box("trust", SENDER)
    assert trusted.rc == REFUSED and "no anchor: it was not uploaded" in trusted.text
    assert must(box.upload(pki.good_rsa.pem)).text.startswith("stored as contact: ")
    assert [row[1] for row in box.rows().values()] == [UPLOADED]
    must(box("verify", "-in", mail, "-out", box.new()))
    must(box("trust", SENDER))


def test_uploaded_before(box, pki):
    must(box.upload(pki.good_rsa.pem))
    box.before = box.rows()
    result = must(box.collect(box.signed(pki.good_rsa)))
    assert result.text.startswith("0 collected, 1 already there, 0 not collected")
    assert box.added() == []


def test_exported_and_stored_again(box, pki, tmp_path):
    """Origin, role and addresses stay what they were."""
    must(box.collect(box.signed(pki.good_chain)))
    must(box.collect(box.signed(two_addresses(tmp_path, pki), sender="one@example.com")))
    must(box("export", "--all", "-o", tmp_path / "all.pem"))
    other = Ring(tmp_path / "other")
    other.path.parent.mkdir()
    must(other.upload("--as", "exported", tmp_path / "all.pem"))
    assert sorted(Box.rows(other).values()) == sorted(box.rows().values())


@pytest.mark.parametrize("origin", ["", "Uploaded", "somewhere"])
def test_an_exported_origin_that_is_not_known(origin, box, pki):
    pem = box.new("pem")
    pem.write_text(f"smime-policy-role: contact\nsmime-policy-origin: {origin}\n" +
                   pki.good_rsa.pem.read_text())
    result = box.upload("--as", "exported", pem)
    assert result.rc == INPUT and "its origin is none of uploaded, collected" in result.err
    assert box.added() == []


# --- where mails are

def test_an_mbox(box, pki):
    """Mails that are told by their number; quoted lines and marks within a line are no marks."""
    first, second = box.signed(pki.good_rsa), box.signed(pki.good_p256, sender=SENDER)
    mbox = box.new("mbox")
    mbox.write_bytes(b"From x Thu Jan  1 00:00:00 1970\n" + first.read_bytes() +
                     b"\n>From y\nFrom z in the middle\n\nFrom x\n" + second.read_bytes() +
                     b"\n\nFrom x\nFrom: me@example.com\n\nnot signed\n")
    result = must(box.collect(mbox))
    assert box.added() == [(CONTACT, COLLECTED, (SENDER,))]
    assert f"not collected: {mbox}, mail 2: " in result.err
    assert f" from {mbox}, mail 1\n" in result.text
    assert "1 collected, 0 already there, 1 not collected, 1 not signed, of 3 mails" in result.text


def test_standard_input(box, pki):
    must(box.collect("-", stdin=box.signed(pki.good_rsa).read_bytes()))
    must(box.collect("-", stdin=b"From x\n" + box.signed(pki.good_p256).read_bytes()))
    assert [row[2] for row in box.added()] == [("good_p256@example.com",), (SENDER,)]
    box.leaves_line = box.collect("-", stdin=b"From: x@example.com\n\nhello\n")
    assert box.leaves_line.rc == INPUT
    assert "not collected: standard input: it is not signed" in box.leaves_line.err


def test_a_maildir(box, pki, tmp_path):
    """Read and unread mail; not what is still being delivered, nor what is hidden."""
    folder = tmp_path / "Maildir"
    for name, where in (("good_rsa", "cur"), ("good_p256", "new"), ("good_p384", "tmp"),
                        ("good_p521", ".hidden")):
        (folder / where).mkdir(parents=True)
        (folder / where / "1:2,S").write_bytes(box.signed(pki[name]).read_bytes())
    (folder / "cur" / "2:2,S").write_bytes(b"From: x@example.com\n\nhello\n")
    result = must(box.collect(folder))
    assert [row[2] for row in box.added()] == [("good_p256@example.com",), (SENDER,)]
    assert result.err == "" and ", 0 not collected, 1 not signed, of 3 mails" in result.text


def test_all_is_stored_or_nothing(box, pki):
    """A keyring that cannot be written any more stays as it was."""
    mails = [box.signed(pki[name]) for name in ("good_rsa", "good_p256")]
    with sqlite3.connect(box.path / "certificates.db", isolation_level=None) as db:
        db.execute("CREATE TRIGGER trap BEFORE INSERT ON address BEGIN SELECT RAISE(ABORT, 'x'); END")
        result = box.collect(*mails)
        db.execute("DROP TRIGGER trap")
    assert result.rc == SYSTEM and result.out == b""
    assert box.added() == []


# --- the certificate for encryption

def preferring(box, signer, preferred, form, sender=None):
    mail = box.new()
    mail.write_bytes(must(run(BUILD / "tests" / "shim" / "tool" / "collect" / "sign_preferring", signer.pem, signer.key,
                              form, preferred.pem, sender or signer.recipe.address,
                              conf="/dev/null")).out)
    return mail


@pytest.fixture
def pair(tmp_path, pki):
    """Two certificates of one address: to sign, and to encrypt to."""
    made = []
    for usage in "digitalSignature", "keyEncipherment":
        pem, key, conf, csr = (tmp_path / f"{usage}.{end}" for end in ("pem", "key", "cnf", "csr"))
        conf.write_text("[req]\ndistinguished_name=dn\n[dn]\n[ext]\n"
                        f"keyUsage={usage}\nextendedKeyUsage=emailProtection\n"
                        "subjectKeyIdentifier=hash\nsubjectAltName=email:pair@example.com\n")
        must(stock("req", "-new", "-config", conf, "-newkey", "ec", "-pkeyopt",
                   "ec_paramgen_curve:P-256", "-noenc", "-keyout", key, "-out", csr, "-subj",
                   f"/CN={usage}"))
        must(stock("x509", "-req", "-in", csr, "-CA", pki.root.pem, "-CAkey", pki.root.key, "-days",
                   "30", "-extfile", conf, "-extensions", "ext", "-out", pem))
        made.append(pki.good_rsa.beside(pem=pem, key=key, chain=None, name=usage))
    return made


@pytest.mark.parametrize("form", ["serial", "recipient", "key"])
def test_the_preferred_certificate_comes_along(form, box, pair):
    must(box.collect(preferring(box, *pair, form, sender="pair@example.com")))
    assert box.added() == [(CONTACT, COLLECTED, ("pair@example.com",))] * 2
    text = box.new("txt")
    text.write_text("hello\n")
    must(box("encrypt", "-in", text, "-out", box.new(), "--to", "pair@example.com"))


@pytest.mark.parametrize("form", ["absent", "garbage", "twice"])
def test_a_preference_that_names_nothing(form, box, pair):
    result = must(box.collect(preferring(box, *pair, form, sender="pair@example.com")))
    assert box.added() == [(CONTACT, COLLECTED, ("pair@example.com",))]
    assert "the certificate that its signer prefers for encryption is not in it" in result.err


@pytest.mark.parametrize("name,said", [
    ("good_p256", "[sender-match]"), ("foreign", "[distrust-default]"), ("expired", "[expired]"),
    ("ku_ds", "[usage-encrypt]"),
])
def test_a_preferred_certificate_at_fault(name, said, box, pki):
    """Nothing of the mail is stored: whose certificate would be used is not clear."""
    mail = preferring(box, pki.good_rsa, pki[name], "serial")
    box.leaves(box.collect(mail), REFUSED)
    assert said in box.collect(mail).err


# --- options

def test_dry_run(box, pki):
    mail = box.signed(pki.good_rsa)
    for words in ("collect", "--dry-run"), ("--explain", "collect"):
        result = must(box(*words, mail))
        assert result.text.startswith(f"would be collected as contact: {SENDER} (")
        assert "\n1 would be collected, 0 already there" in result.text
        assert box.added() == []


def test_json(box, pki):
    mail, other = box.signed(pki.good_chain), box.signed(pki.good_rsa, sender="x@example.com")
    result = box.collect("--json", mail, other)
    answer = json.loads(result.out)
    assert result.rc == answer["exit"] == REFUSED and result.err == ""
    assert answer["done"] and not answer["dry_run"] and answer["mails"] == 2
    assert answer["collected"] == 1 and answer["not_collected"] == 1 and answer["not_signed"] == 0
    contact, issuer = answer["certificates"]
    assert contact["role"] == "contact" and contact["address"] == "good_chain@example.com"
    assert contact["fingerprint"] == sha256(pki.good_chain) and contact["file"] == str(mail)
    assert issuer["role"] == "intermediate" and issuer["address"] is None
    (left_out,) = answer["left_out"]
    assert left_out["file"] == str(other) and "[sender-match]" in left_out["why"]


def test_quiet(box, pki):
    result = must(box.collect("--quiet", box.signed(pki.good_rsa)))
    assert result.text == "" and box.added() != []


def test_the_setting_off(box, pki):
    policy = box.new("cnf")
    policy.write_text("collect = off\n")
    mail = box.signed(pki.good_rsa)
    out = box.new()
    for words in ("collect", mail), ("verify", "--collect", "-in", mail, "-out", out):
        result = run(COMMAND, "--policy", policy, "--keyring", box.path, *words)
        assert result.rc == REFUSED and "the setting collect = off" in result.err, result
        assert box.added() == [] and not out.exists()


def test_upload_says_that_collect_is_meant(box, pki):
    result = box.upload(box.signed(pki.good_rsa))
    assert result.rc == INPUT and "it is a mail; 'smime-policy collect' takes" in result.err
    assert box.added() == []
    sealed = box.new()
    must(stock("cms", "-sign", "-in", box.signed(pki.good_rsa), "-nodetach", "-signer",
               pki.good_rsa.pem, "-inkey", pki.good_rsa.key, "-out", sealed))
    assert "'smime-policy collect'" in box.upload(sealed).err


# --- verify --collect

def test_verify_collects(box, pki):
    mail, out = box.signed(pki.good_chain), box.new()
    result = must(box("verify", "--collect", "-in", mail, "-out", out))
    assert b"hello" in out.read_bytes() and "verified: " in result.err
    assert "collected as contact: good_chain@example.com (" in result.err
    assert [row[0] for row in box.added()] == [CONTACT, INTERMEDIATE]


def test_verify_collects_nothing_that_it_refuses(box, pki):
    mail, out = box.signed(pki.foreign), box.new()
    result = box("verify", "--collect", "-in", mail, "-out", out)
    assert result.rc == REFUSED and box.added() == [] and not out.exists()
    forged = box.changed(box.signed(pki.good_rsa), b"hello\r\n\n---", b"jello\r\n\n---")
    result = box("verify", "--collect", "-in", forged, "-out", out)
    assert result.rc == CRYPTO and box.added() == [] and not out.exists()


def test_verify_may_pass_and_not_collect(box, pki):
    """A mail without From is verified with a note; nothing says whose certificate it would be."""
    mail = box.changed(box.signed(pki.good_rsa),
                       b"To: you@example.com\nFrom: good_rsa@example.com\nSubject: hello\n", b"")
    result = must(box("verify", "--collect", "-in", mail, "-out", box.new()))
    assert "not collected: " in result.err and "the mail has no From field" in result.err
    assert box.added() == []


def test_verify_json_and_collect(box, pki):
    result = box("verify", "--collect", "--json", "-in", box.signed(pki.good_rsa), "-out", box.new())
    assert result.rc == USAGE and "--collect" in result.err and box.added() == []
