# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
"""Certificates and mails made to do harm; docs/security/adversarial.md lists them."""

import base64
import hashlib

import pytest

import der
from der import attribute, certificate, email, extension, integer, oid, san, tlv
from harness import COMMAND, OPENSSL, must, refused, run, stock, stock_does
from in_process import nothing_left

DONE, USAGE, INPUT, REFUSED, CRYPTO, SYSTEM = range(6)
ADDRESS = b"good_rsa@example.com"
ALICE = email(ADDRESS)


def bounded(*words, **kwargs):
    """A program with a limit of time and memory, of which it should need a fraction."""
    result = run("prlimit", "--cpu=20", "--as=1000000000", *words, **kwargs)
    assert result.rc >= 0, f"killed by signal {-result.rc}\n{result}"
    return result


# --- certificates


def nested(depth, inner, tag):
    for _ in range(depth):
        inner = tlv(tag, inner)
    return inner


DEEP = nested(5000, tlv(der.OCTETS, b"x"), 0x24)
AN_ODD_NUMBER = 1 << 16383 | 1
UNREADABLE = "Subject Alternative Name cannot be read"


def of_names(*names):
    return {"names": names}


def with_san(value):
    return {"extensions": [der.KEY_USAGE, der.FOR_MAIL, extension("2.5.29.17", value)]}


def until(value, tag=der.GENERALIZED):
    return {"names": [ALICE], "years": (der.YEARS[0], tlv(tag, value))}


# What is odd; how it is made; the text of the refusal, with its rule.  Without a rule the refusal is not
# ours.
CERTIFICATES = {
    "nothing": (of_names(ALICE), None, None),
    "an address in a DNS name": (
        of_names(tlv(0x82, b"foo.example, email:victim@example.org")), "san-email",
        "no email address in Subject Alternative Name"),
    "an address that goes on after NUL": (
        of_names(email(ADDRESS + b"\0.evil.example")), "san-email", "no email address in"),
    "an address with a line in it": (
        of_names(email(b"a\nrefused: nothing\n@example.com")), "san-email", "no email address in"),
    "a letter that looks like another": (
        of_names(email("good_rs\u0430@example.com".encode())), "san-email", "no email address in"),
    "an extension twice": (
        {"extensions": [der.KEY_USAGE, der.FOR_MAIL, san(ALICE), san(ALICE)]}, "san-email",
        "there more than once"),
    "100,000 addresses": (
        of_names(*[email(b"a%d@example.com" % i) for i in range(100000)]), None, None),
    "a subject of 64 KB": ({"names": [ALICE], "subject": b"x" * 65536}, None, None),
    "control characters in the subject": (
        {"subject": b"x\x1b[2J\nrefused: y"}, "san-email", "x\\1B[2J\\0Arefused: y"),
    "16,384 bits of RSA": (
        {"names": [ALICE], "key": der.rsa_key(AN_ODD_NUMBER)}, None, None),
    "16,384 bits with an exponent as long": (
        {"names": [ALICE], "key": der.rsa_key(AN_ODD_NUMBER, AN_ODD_NUMBER - 2)}, None,
        "bad e value"),
    "32,768 bits of RSA": (
        {"names": [ALICE], "key": der.rsa_key(1 << 32767 | 1)}, None, "modulus too large"),
    "a negative serial number": ({"names": [ALICE], "serial": integer(-5)}, None, None),
    "a thirteenth month": (until(b"991332000000Z", der.UTC), "expired", "Not After cannot be read"),
    "a date without its zone": (until(b"20991231235959"), "expired", "Not After cannot be read"),
    "a date that is empty": (until(b""), "expired", "Not After cannot be read"),
    "a date that is text": (until(b"tomorrow at noon"), "expired", "Not After cannot be read"),
    "names of no certain length": (with_san(der.endless(der.SEQUENCE, ALICE)), None, None),
    "names that never end": (with_san(b"\x30\x80" + ALICE), "san-email", UNREADABLE),
    "names in names, 2000 deep": (of_names(nested(2000, ALICE, 0xa4)), "san-email", UNREADABLE),
    "octets in octets, 5000 deep": (with_san(DEEP), "san-email", UNREADABLE),
    "an unknown extension, 5000 deep": (
        {"extensions": [der.KEY_USAGE, der.FOR_MAIL, san(ALICE), extension("1.2.3.4", DEEP)]},
        None, None),
}


@pytest.fixture(scope="module")
def crafted(pki, tmp_path_factory):
    """crafted(what): the certificate in PEM, made once."""
    directory = tmp_path_factory.mktemp("crafted")
    key = der.public_key(pki.good_rsa.key)

    def make(what):
        path = directory / (what.replace(" ", "_") + ".pem")
        if not path.exists():
            made = certificate(pki.root, **{"key": key, "names": [], **CERTIFICATES[what][0]})
            path.write_bytes(b"-----BEGIN CERTIFICATE-----\n" + base64.encodebytes(made) +
                             b"-----END CERTIFICATE-----\n")
        return path
    return make


MAYBE_NONE = ("a date without its zone", "a date that is empty")


def is_parsed(what, crafted):
    """Does the installed libcrypto parse it?"""
    return stock_does(f"parses a certificate with {what}",
                      stock("x509", "-noout", "-in", crafted(what)).rc == 0)


@pytest.fixture
def judged(what, crafted):
    """A certificate that can be judged."""
    if what in MAYBE_NONE and not is_parsed(what, crafted):
        pytest.skip("this libcrypto does not parse it: test_no_certificate")
    return crafted(what)


@pytest.mark.parametrize("what", MAYBE_NONE)
def test_no_certificate(what, crafted, conf, mail, tmp_path):
    """Nothing is encrypted to it, even if libcrypto parses it."""
    out = tmp_path / "out"
    parsed = is_parsed(what, crafted)
    for argv in ((OPENSSL, "cms", "-encrypt", "-in", mail, "-out", out, crafted(what)),
                 (COMMAND, "encrypt", "-in", mail, "-out", out, crafted(what)),
                 (COMMAND, "check", crafted(what))):
        result = bounded(*argv, conf=conf)
        assert result.rc != DONE and nothing_left(out), result
        assert ("[expired]" in result.text) == parsed, result


@pytest.mark.parametrize("what", CERTIFICATES)
def test_encrypt(what, judged, conf, mail, tmp_path):
    """By stock under the provider, and by the verb."""
    _, rule, said = CERTIFICATES[what]
    out = tmp_path / "out"
    by_stock = bounded(OPENSSL, "cms", "-encrypt", "-in", mail, "-out", out, judged, conf=conf)
    assert said is None or nothing_left(out)
    out.unlink(missing_ok=True)
    by_verb = bounded(COMMAND, "encrypt", "-in", mail, "-out", out, judged)
    for result in (by_stock, by_verb):
        assert (result.rc == DONE) == (said is None), result
        assert said is None or said in result.err, result
        if rule:
            refused(result, rule)
    assert out.exists() == (said is None)
    assert rule is None or by_verb.rc == REFUSED


@pytest.mark.parametrize("what", CERTIFICATES)
def test_check(what, judged):
    """Every finding is one line, whatever the names hold."""
    rule = CERTIFICATES[what][1]
    result = bounded(COMMAND, "check", judged)
    assert (result.rc == REFUSED) == (rule is not None), result
    assert b"\x1b" not in result.out and b"\nrefused: nothing" not in result.out
    assert rule is None or f"[{rule}]" in result.text, result


def test_uploaded_with_100000_addresses(crafted, tmp_path):
    result = bounded(COMMAND, "upload", "--keyring", tmp_path / "ring",
                     crafted("100,000 addresses"))
    assert result.rc == DONE, result
    result = bounded(COMMAND, "show", "--keyring", tmp_path / "ring", "a99999@example.com")
    assert result.rc == DONE and "crafted" in result.text, result


@pytest.fixture
def in_disguise(pki, conf, tmp_path, mail):
    """Signed by stock under the provider: a mail that calls itself a time stamp."""
    def sign(name):
        cert, out = pki[name], tmp_path / "stamp"
        return bounded(OPENSSL, "cms", "-sign", "-nodetach", "-econtent_type",
                       "1.2.840.113549.1.9.16.1.4", "-in", mail, "-signer", cert.pem, "-inkey",
                       cert.key, "-out", out, conf=conf), out
    return sign


def test_mail_called_a_time_stamp(in_disguise):
    result, out = in_disguise("expired")
    refused(result, "expired")
    assert nothing_left(out)
    assert in_disguise("good_rsa")[0].rc == DONE
    # The certificate is for time stamps alone, so what it signs need not be mail.
    assert in_disguise("stamper")[0].rc == DONE


# --- signed messages

BODY = b"Content-Type: text/plain\r\n\r\nhello\r\n"
TYPE = attribute(der.CONTENT_TYPE, oid(der.DATA))
STAMP = attribute(der.CONTENT_TYPE, oid("1.2.840.113549.1.9.16.1.4"))
DIGEST = attribute(der.MESSAGE_DIGEST, tlv(der.OCTETS, hashlib.sha256(BODY).digest()))
ANOTHER = attribute(der.MESSAGE_DIGEST, tlv(der.OCTETS, hashlib.sha256(b"other").digest()))
BOTH = attribute(der.MESSAGE_DIGEST, *(tlv(der.OCTETS, hashlib.sha256(text).digest())
                                       for text in (BODY, b"other")))
# Signed attributes; do `cms` and the verb accept them?  Does `smime`?  None: stock decides.
ATTRIBUTES = {
    "as they should be": ([TYPE, DIGEST], True, True),
    "no content type": ([DIGEST], False, None),
    "a content type without a value": ([attribute(der.CONTENT_TYPE), DIGEST], False, None),
    "two content types": ([TYPE, STAMP, DIGEST], False, None),
    "no message digest": ([TYPE], False, False),
    "two message digests": ([TYPE, DIGEST, ANOTHER], False, None),
    "two values of a message digest": ([TYPE, BOTH], False, None),
    "the digest of something else": ([TYPE, ANOTHER], False, False),
}


@pytest.fixture
def verify(pki, tmp_path):
    """verify(words, message): with limits; if it fails our command leaves no output."""
    def ask(words, message, *options):
        path, out = tmp_path / "message", tmp_path / "content"
        path.write_bytes(message)
        out.unlink(missing_ok=True)
        result = bounded(*words, "-CAfile", pki.ca, "-in", path, "-out", out, *options,
                         conf="/dev/null")
        assert words[0] != COMMAND or out.exists() == (result.rc == DONE), result
        return result, out.read_bytes() if result.rc == DONE else None
    return ask


VERB, CMS, SMIME = (COMMAND, "verify"), (COMMAND, "cms", "-verify"), (COMMAND, "smime", "-verify")
BY = ("--sender", ADDRESS.decode())


@pytest.fixture(scope="module")
def own(pki):
    """good_rsa's certificate as DER, and a SignerInfo of it over the attributes."""
    cert = must(stock("x509", "-in", pki.good_rsa.pem, "-outform", "DER")).out
    return cert, lambda attributes: der.signer_info(cert, pki.good_rsa.key, attributes)


@pytest.mark.parametrize("what", ATTRIBUTES)
def test_signed_attributes(what, own, verify):
    """`smime` may accept what `cms` refuses; its drop-in does what stock does."""
    cert, info = own
    attributes, by_cms, by_smime = ATTRIBUTES[what]
    message = der.signed_data(BODY, [cert], [info(attributes)])
    taken = verify((OPENSSL, "smime", "-verify"), message, "-inform", "DER")[0].rc == DONE
    if by_smime is None:
        by_smime = stock_does(f"`smime -verify` takes signed attributes with {what}", taken)
    assert taken == by_smime
    for words, accepts in ((VERB, by_cms), (CMS, by_cms), (SMIME, by_smime)):
        result, content = verify(words, message, *(BY if words == VERB else ()),
                                 "-inform", "DER")
        assert result.rc == (DONE if accepts else CRYPTO), (words, result)
        assert content == (BODY if accepts else None)


@pytest.mark.parametrize("words", [VERB, CMS, SMIME], ids=["verb", "cms", "smime"])
def test_nobody_signed(words, own, verify):
    """SignedData without signers is how certificates are sent, with or without a content."""
    cert, _ = own
    empty = tlv(der.SEQUENCE, oid(der.SIGNED), tlv(0xa0, tlv(
        der.SEQUENCE, integer(1), tlv(der.SET), tlv(der.SEQUENCE, oid(der.DATA)),
        tlv(0xa0, cert), tlv(der.SET))))
    for message in (empty, der.signed_data(BODY, [cert], [])):
        result, _ = verify(words, message, "-inform", "DER")
        assert result.rc == CRYPTO and "successful" not in result.text, result


@pytest.mark.parametrize("words", [VERB, CMS, SMIME], ids=["verb", "cms", "smime"])
def test_a_thousand_signers(words, own, verify, pki):
    cert, info = own
    issuer = must(stock("x509", "-in", pki.ca, "-outform", "DER")).out
    signers = [info([TYPE, DIGEST])] * 1000
    message = der.signed_data(BODY, [cert] + [issuer] * 1000, signers)
    result, content = verify(words, message, "-inform", "DER", *(BY if words == VERB else ()))
    assert result.rc == DONE and content == BODY, result
    # If one signer does not verify, the message does not.
    message = der.signed_data(BODY, [cert], signers[1:] + [info([TYPE, ANOTHER])])
    assert verify(words, message, "-inform", "DER")[0].rc == CRYPTO


@pytest.mark.parametrize("words", [VERB, CMS, SMIME], ids=["verb", "cms", "smime"])
def test_content_in_pieces(words, own, verify):
    """Nested OCTET STRINGs, as streaming writes them, and 3000 levels of them."""
    cert, info = own
    message = der.signed_data(BODY, [cert], [info([TYPE, DIGEST])])
    whole = tlv(der.OCTETS, BODY)
    pieces = der.endless(0x24, tlv(der.OCTETS, BODY[:9]), tlv(der.OCTETS, BODY[9:]))

    def with_content(content):
        parts = der.elements(der.split(der.split(der.elements(der.split(message)[1])[1])[1])[1])
        parts[2] = tlv(der.SEQUENCE, oid(der.DATA), tlv(0xa0, content))
        return tlv(der.SEQUENCE, oid(der.SIGNED), tlv(0xa0, tlv(der.SEQUENCE, *parts)))

    assert with_content(whole) == message
    by = BY if words == VERB else ()
    result, content = verify(words, with_content(pieces), "-inform", "DER", *by)
    assert result.rc == DONE and content == BODY, result
    result, _ = verify(words, with_content(nested(3000, whole, 0x24)), "-inform", "DER", *by)
    assert result.rc == INPUT and "nested asn1" in result.err, result


# --- mails around a signature

HEADER = b"From: good_rsa@example.com\nTo: bob@example.com\n"
EVIL = b"Content-Type: text/plain\n\nI owe you a million euro.\n"
MIXED = (b"MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=\"outer\"\n\n--outer\n%b"
         b"\n--outer\n%b\n--outer--\n")


def parts_of(message):
    """Header, boundary and the rest of a multipart/signed."""
    head, rest = message.split(b"\n\n", 1)
    return head, message.split(b'boundary="')[1].split(b'"')[0], rest


def first_part_added(message):
    head, mark, rest = parts_of(message)
    return head + b"\n\n--" + mark + b"\n" + EVIL + b"\n" + rest


def part_added(message):
    _, mark, _ = parts_of(message)
    return message.replace(b"\n--" + mark + b"--", b"\n--%b\n%b\n--%b--" % (mark, EVIL, mark))


def two_boundaries(message):
    head, _, rest = parts_of(message)
    head = head.replace(b"boundary=", b'boundary="evil"; boundary=')
    return head + b"\n\n--evil\n" + EVIL + b"\n--evil\n" + rest


def levels(count, message):
    return b"".join(b"Content-Type: multipart/mixed; boundary=\"b%d\"\n\n--b%d\n" % (i, i)
                    for i in range(count)) + message


# Only the signed part may be shown as verified.  "named": by the verb alone, which says that it is not the
# whole mail.
WRAPPED = {
    "as it was sent": (lambda m: m, True),
    "text before the signed part": (lambda m: MIXED % (EVIL, m), "named"),
    "text after the signed part": (lambda m: MIXED % (m, EVIL), "named"),
    "a part before": (first_part_added, False),
    "a third part": (part_added, False),
    "text before the first boundary": (
        lambda m: m.replace(b"\n\n", b"\n\n" + EVIL + b"\n", 1), True),
    "text after the last boundary": (lambda m: m + EVIL, True),
    "another type first": (lambda m: b'Content-Type: multipart/mixed; boundary="x"\n' + m, False),
    "two boundaries": (two_boundaries, False),
    "as an attached mail": (lambda m: b"Content-Type: message/rfc822\n\n" + HEADER + m, False),
    "under another type": (
        lambda m: m.replace(b"multipart/signed", b"multipart/mixed", 1), False),
    "5000 levels down": (lambda m: levels(5000, m), False),
}


@pytest.mark.parametrize("words", [VERB, CMS, SMIME], ids=["verb", "cms", "smime"])
@pytest.mark.parametrize("how", WRAPPED)
def test_wrapped(how, words, pki, verify, tmp_path):
    """The output of a verification is what was signed, to the byte."""
    wrap, verifies = WRAPPED[how]
    (tmp_path / "body").write_bytes(BODY)
    message = must(stock("cms", "-sign", "-in", tmp_path / "body", "-signer", pki.good_rsa.pem,
                         "-inkey", pki.good_rsa.key)).out
    result, content = verify(words, HEADER + wrap(message))
    passes = verifies is True or (verifies == "named" and words == VERB)
    assert result.rc == (DONE if passes else INPUT), result
    assert content == (BODY if passes else None)
    assert ("what stands around it is not" in result.err) == (passes and verifies == "named")


def test_signed_by_two_in_layers(pki, verify, tmp_path):
    """The outer signer counts: the inner signature of a forwarded mail does not."""
    path = tmp_path / "inner"
    path.write_bytes(BODY)
    for name in ("good_p256", "good_rsa"):
        cert = pki[name]
        path.write_bytes(must(stock("cms", "-sign", "-in", path, "-signer", cert.pem, "-inkey",
                                    cert.key)).out)
    message = path.read_bytes()
    assert verify(VERB, HEADER + message)[0].rc == DONE
    result, _ = verify(VERB, HEADER.replace(b"good_rsa", b"good_p256") + message)
    refused(result, "sender-match")


# --- encrypted messages


@pytest.fixture
def sealed(pki, tmp_path):
    """sealed(cipher): a mail to good_rsa in DER, its parts, and how to put them together."""
    def seal(cipher):
        (tmp_path / "plain").write_bytes(BODY)
        message = must(stock("cms", "-encrypt", "-binary", cipher, "-in", tmp_path / "plain",
                             "-outform", "DER", pki.good_rsa.pem)).out
        kind, inner = der.elements(der.split(message)[1])
        parts = der.elements(der.split(der.split(inner)[1])[1])
        return parts, lambda parts: tlv(der.SEQUENCE, kind, tlv(0xa0, tlv(der.SEQUENCE, *parts)))
    return seal


@pytest.fixture
def decrypt(pki, tmp_path):
    def ask(message):
        path, out = tmp_path / "sealed", tmp_path / "content"
        path.write_bytes(message)
        out.unlink(missing_ok=True)
        result = bounded(COMMAND, "decrypt", "-inform", "DER", "-in", path, "-out", out, "-recip",
                         pki.good_rsa.pem, "-inkey", pki.good_rsa.key)
        assert out.exists() == (result.rc == DONE), result
        return result, out.read_bytes() if out.exists() else None
    return ask


def test_cbc_can_be_changed(sealed, decrypt):
    """The basis of EFAIL: AES-CBC does not detect changes.  Only a signature would."""
    parts, together = sealed("-aes-256-cbc")
    kind, cipher, text = der.elements(der.split(parts[2])[1])
    method, vector = der.elements(der.split(cipher)[1])
    changed = bytearray(der.split(vector)[1])
    changed[0] ^= BODY[0] ^ ord("X")
    parts[2] = tlv(der.SEQUENCE, kind, tlv(der.SEQUENCE, method, tlv(der.OCTETS, changed)), text)
    result, content = decrypt(together(parts))
    assert result.rc == DONE and content == b"X" + BODY[1:], result


def test_gcm_notices_a_change(sealed, decrypt):
    parts, together = sealed("-aes-256-gcm")
    assert decrypt(together(parts))[1] == BODY
    changed = parts[2][:-1] + bytes((parts[2][-1] ^ 1,))
    result, content = decrypt(together(parts[:2] + [changed] + parts[3:]))
    assert result.rc == CRYPTO and content is None, result


def test_gcm_tag_cut_short(sealed, decrypt, pki):
    """One of 256 guesses is right for a tag of one byte.  libcrypto decides whether it accepts such a tag."""
    parts, together = sealed("-aes-256-gcm")
    tag = der.split(parts[3])[1]
    short = together(parts[:3] + [tlv(der.OCTETS, tag[:1])])
    taken = stock_does("takes a tag of AES-GCM that was cut down to a byte",
                       stock("cms", "-decrypt", "-inform", "DER", "-recip", pki.good_rsa.pem, "-inkey",
                             pki.good_rsa.key, stdin=short).rc == 0)
    result, content = decrypt(short)
    assert (result.rc, content) == ((DONE, BODY) if taken else (CRYPTO, None)), result
    wrong = bytes((tag[0] ^ 1,))
    for tag in (b"", wrong):
        result, content = decrypt(together(parts[:3] + [tlv(der.OCTETS, tag)]))
        assert result.rc == CRYPTO and content is None, result
