# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
"""verify --any-signer: one good signer of several is enough."""

import base64
import json
import re

import pytest

from faults import CRYPTO, DONE, INPUT, REFUSED, USAGE
from harness import COMMAND, must, run, stock
from test_keyring_upload import Ring

TEXT = b"Content-Type: text/plain\r\n\r\nPay the invoice.\r\n"
SENDER, OTHER = "good_rsa", "good_p256"
HEADER = b"From: %s@example.com\r\nMIME-Version: 1.0\r\n"
FORMS = ["detached", "opaque"]


def spoil(der, cert):
    """Change the signature of |cert|."""
    serial = must(stock("x509", "-in", cert.pem, "-noout", "-serial")).text.strip().split("=")[1]
    lines = must(stock("asn1parse", "-inform", "DER", stdin=bytes(der))).text.splitlines()
    is_its = False
    for line in lines:
        found = re.match(r" *(\d+):d=(\d+) +hl=(\d+) l= *(\d+)", line)
        at, depth, head, length = map(int, found.groups()) if found else (0, 0, 0, 0)
        if depth == 6 and "INTEGER" in line:
            is_its = line.endswith(":" + serial)
        if depth == 5 and "prim: OCTET STRING" in line and is_its:
            der[at + head + length - 1] ^= 1
            return
    raise AssertionError(lines)


class Mail:
    """A mail with several signers."""

    def __init__(self, directory, pki):
        self.directory, self.pki = directory, pki
        self.ring, self.out = Ring(directory), directory / "out"
        must(self.ring.upload(pki.root.pem))

    def sign(self, *names, sender=SENDER, form="detached", spoilt=(), changed=False):
        plain, path = self.directory / "plain", self.directory / "signed.eml"
        plain.write_bytes(TEXT)
        der = bytearray(must(stock("cms", "-sign", "-binary", "-in", plain, "-outform", "DER",
                                   *(["-nodetach"] if form == "opaque" else []),
                                   *[word for name in names for word in ("-signer", self.pki[name].pem, "-inkey",
                                                                         self.pki[name].key)])).out)
        for name in spoilt:
            spoil(der, self.pki[name])
        body, text = base64.encodebytes(bytes(der)), TEXT.replace(b"invoice", b"ransom") if changed else TEXT
        if form == "opaque":
            content = (b"Content-Type: application/pkcs7-mime; smime-type=signed-data; name=smime.p7m\r\n"
                       b"Content-Transfer-Encoding: base64\r\n\r\n" + body)
        else:
            content = (b'Content-Type: multipart/signed; protocol="application/pkcs7-signature"; micalg=sha-256; '
                       b'boundary="b"\r\n\r\n--b\r\n' + text + b"\r\n--b\r\nContent-Type: application/pkcs7-signature; "
                       b"name=smime.p7s\r\nContent-Transfer-Encoding: base64\r\n\r\n" + body + b"\r\n--b--\r\n")
        path.write_bytes(HEADER % sender.encode() + content)
        return path

    def verify(self, path, *args, verb="verify"):
        self.out.unlink(missing_ok=True)
        result = self.ring(verb, "-in", path, "-out", self.out, *args)
        assert self.out.exists() == (result.rc == DONE), result
        if result.rc == DONE:
            assert self.out.read_bytes() == TEXT
        return result


@pytest.fixture
def mail(tmp_path, pki):
    return Mail(tmp_path, pki)


@pytest.mark.parametrize("form", FORMS)
def test_one_good_signer_is_enough(mail, form):
    """The other one is spoilt, or a rule refuses it; without the option neither passes."""
    spoilt = mail.sign(OTHER, SENDER, form=form, spoilt=[OTHER])
    assert mail.verify(spoilt).rc == CRYPTO
    result = must(mail.verify(spoilt, "--any-signer"))
    assert "of 2, good_p256@example.com" in result.err and "verified: good_rsa@example.com" in result.err
    assert "does not count: its signature does not fit the message" in result.err
    assert "verified: good_p256" not in result.err
    refused = mail.sign(SENDER, "ku_ke", form=form)
    assert mail.verify(refused).rc == REFUSED
    result = must(mail.verify(refused, "--any-signer"))
    assert "of 2, ku_ke@example.com" in result.err and "[signer-certificate]" in result.err and "refused" not in result.err
    assert "verified: good_rsa@example.com" in result.err


@pytest.mark.parametrize("form", FORMS)
def test_the_sender_has_to_be_a_good_signer(mail, form):
    """An attacker adds a signature of his own, with a good certificate, to a mail that he has changed."""
    for path in (mail.sign(OTHER, SENDER, form=form, spoilt=[SENDER]),
                 mail.sign(OTHER, "ku_ke", form=form, sender="ku_ke")):
        result = mail.verify(path, "--any-signer")
        assert result.rc == REFUSED and "[sender-match]" in result.err, result
        assert "verified:" not in result.err and "refused: verify: good_p256@example.com" in result.err


@pytest.mark.parametrize("form", FORMS)
def test_without_a_good_one_all_faults_are_told(mail, form):
    result = mail.verify(mail.sign(SENDER, OTHER, form=form, spoilt=[SENDER, OTHER]), "--any-signer")
    assert result.rc == CRYPTO and result.err.count("its signature does not fit the message") == 2, result
    result = mail.verify(mail.sign("ku_ke", "eku_server", form=form, sender="ku_ke"), "--any-signer")
    assert result.rc == REFUSED and result.err.count("[signer-certificate]") == 2, result
    # One fits and is refused, the other one is allowed and does not fit.
    result = mail.verify(mail.sign(SENDER, "ku_ke", form=form, spoilt=[SENDER]), "--any-signer")
    assert result.rc == REFUSED and "[signer-certificate]" in result.err, result


def test_a_changed_content(mail):
    result = mail.verify(mail.sign(SENDER, OTHER, changed=True), "--any-signer")
    assert result.rc == CRYPTO and "verified:" not in result.err, result


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("names", [[SENDER], [SENDER, OTHER]])
def test_where_all_pass_nothing_is_different(mail, form, names):
    path = mail.sign(*names, form=form)
    assert mail.verify(path, "--any-signer").err == must(mail.verify(path)).err
    assert "does not count" not in mail.verify(path, "--any-signer").err


def test_two_good_ones_of_three(mail):
    """Those that are left all have to pass, and both are named."""
    result = must(mail.verify(mail.sign(OTHER, SENDER, "ku_ke"), "--any-signer"))
    assert result.err.count("does not count") == 1 and result.err.count("verified: ") == 2, result


def test_json(mail):
    path = mail.sign(SENDER, "ku_ke", OTHER, spoilt=[OTHER])
    report = json.loads(must(mail.verify(path, "--any-signer", "--json")).out)
    signers = {row["address"].partition("@")[0]: row for row in report["signers"]}
    assert report["done"] and report["allowed"]
    assert {name: row["passed"] for name, row in signers.items()} == {SENDER: True, OTHER: False, "ku_ke": False}
    assert "why" not in signers[SENDER] and "[signer-certificate]" in signers["ku_ke"]["why"]
    assert signers[OTHER]["why"] == "its signature does not fit the message" and not signers[OTHER]["fits"]


def test_the_content_is_named(mail, tmp_path):
    """A detached signature in DER, with its content in a file."""
    mail.sign(SENDER, OTHER)
    plain, der = tmp_path / "plain", tmp_path / "signed.der"
    der.write_bytes(must(stock("cms", "-sign", "-binary", "-in", plain, "-outform", "DER", *[
        word for name in (SENDER, "ku_ke") for word in ("-signer", mail.pki[name].pem, "-inkey",
                                                        mail.pki[name].key)])).out)
    words = ("-inform", "DER", "-content", plain, "-binary", "--no-sender")
    assert mail.verify(der, *words).rc == REFUSED
    must(mail.verify(der, *words, "--any-signer"))


@pytest.mark.parametrize("signers, code", [("any", DONE), ("all", REFUSED)])
@pytest.mark.parametrize("by", ["keyring", "file"])
def test_the_setting(mail, tmp_path, by, signers, code):
    """By a keyring, and by the path that needs no keyring at all."""
    policy, path = tmp_path / "policy", mail.sign(SENDER, "ku_ke", form="opaque")
    policy.write_text(f"signers = {signers}\n")
    trusted = ["--keyring", mail.ring.path] if by == "keyring" else []
    anchors = ["-CAfile", mail.pki.ca] if by == "file" else []
    for verb in ["verify"], ["cms", "-verify"]:
        mail.out.unlink(missing_ok=True)
        result = run(COMMAND, "--policy", policy, *trusted, *verb, *anchors, "-in", path, "-out", mail.out)
        wanted = code if verb == ["verify"] else CRYPTO
        assert result.rc == wanted and mail.out.exists() == (wanted == DONE), result
        assert ("does not count" in result.err) == (wanted == DONE), result


def test_collected_is_who_counts(mail):
    result = must(mail.verify(mail.sign(SENDER, OTHER, form="opaque", spoilt=[OTHER]), "--any-signer", "--collect"))
    assert ("contact", "good_rsa@example.com") in mail.ring.contents(), result
    assert not [row for row in mail.ring.contents() if "good_p256" in str(row)]


def test_nothing_is_logged_as_refused(mail, tmp_path):
    policy, log = tmp_path / "policy", tmp_path / "log"
    policy.write_text(f"decision_log = {log}\n")
    path = mail.sign(SENDER, "ku_ke")
    must(run(COMMAND, "--policy", policy, "--keyring", mail.ring.path, "verify", "--any-signer", "-in", path, "-out",
             mail.out))
    assert "ku_ke" not in log.read_text() and '"refused"' not in log.read_text()


@pytest.mark.parametrize("verb", ["sign", "encrypt", "decrypt"])
def test_for_verify_alone(mail, verb):
    result = mail.verify(mail.sign(SENDER), "--any-signer", verb=verb)
    assert result.rc == USAGE and "--any-signer is for verify" in result.err


@pytest.mark.parametrize("words", [("cms", "-verify"), ("smime", "-verify")])
def test_not_under_the_stock_names(mail, words):
    result = mail.ring(*words, "--any-signer", "-in", mail.sign(SENDER), "-out", mail.out)
    assert result.rc == USAGE and not mail.out.exists(), result


def test_no_message(mail, tmp_path):
    path = tmp_path / "none"
    path.write_bytes(HEADER % b"a" + b"\r\ntext")
    assert mail.verify(path, "--any-signer").rc in (INPUT, CRYPTO)
