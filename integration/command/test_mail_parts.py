# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
"""Mails that gateways, mailing lists and mailers have named, encoded and wrapped."""

import base64
import functools
import json

import pytest

from harness import COMMAND, must, refused, run, stock
from in_process import nothing_left
from keyrings import make_keyring

DONE, USAGE, INPUT, REFUSED, CRYPTO, SYSTEM = range(6)
HEADER = b"From: good_rsa@example.com\nTo: bob@example.com\nMIME-Version: 1.0\n"
TEXT = b"Content-Type: text/plain\n\nwhat was signed\n"
CONTENT = TEXT.replace(b"\n", b"\r\n")
NOTE = b"Content-Type: text/plain\n\na list's footer\n"


def entity(kind, body, encoding=b"base64", more=b""):
    lines = [b"Content-Type: " + kind]
    if encoding:
        lines.append(b"Content-Transfer-Encoding: " + encoding)
    return b"\n".join(lines) + b"\n" + more + b"\n" + body


def multipart(*parts, subtype=b"mixed", mark=b"outer"):
    return (b'Content-Type: multipart/%b; boundary="%b"\n\n' % (subtype, mark)
            + b"".join(b"--%b\n%b\n" % (mark, part) for part in parts) + b"--%b--\n" % mark)


class Made:
    """A mail of good_rsa in pieces, from which its forms are made."""

    def __init__(self, pki, directory):
        path = directory / "text"
        path.write_bytes(TEXT)
        by = "-signer", pki.good_rsa.pem, "-inkey", pki.good_rsa.key
        self.detached = must(stock("cms", "-sign", "-in", path, *by)).out
        self.signature = must(stock("cms", "-sign", "-in", path, *by, "-outform", "DER")).out
        self.opaque = must(stock("cms", "-sign", "-in", path, *by, "-nodetach", "-outform",
                                 "DER")).out
        self.sealed = must(stock("cms", "-encrypt", "-in", path, "-outform", "DER",
                                 pki.good_rsa.pem)).out

    def apart(self, second):
        """A multipart/signed whose second part is another."""
        return multipart(TEXT, second, subtype=b"signed", mark=b"inner")


def wrap(der):
    return base64.encodebytes(der)


def one_line(der):
    return base64.b64encode(der) + b"\n"


@pytest.fixture(scope="module")
def made(pki, tmp_path_factory):
    return Made(pki, tmp_path_factory.mktemp("made"))


@pytest.fixture
def verify(pki, tmp_path):
    """verify(message): our result, and the content if it passed; else nothing is left."""
    def ask(message, *options):
        path, out = tmp_path / "message", tmp_path / "content"
        path.write_bytes(message)
        out.unlink(missing_ok=True)
        result = run(COMMAND, "verify", "-CAfile", pki.ca, "-in", path, "-out", out, *options,
                     conf="/dev/null")
        assert out.exists() == (result.rc == DONE), result
        return result, out.read_bytes() if result.rc == DONE else None
    return ask


MIME, OLD = b"application/pkcs7-mime", b"application/x-pkcs7-mime"
SIGNATURE = b"application/pkcs7-signature"
OCTETS = b"application/octet-stream"
FILE = b'Content-Disposition: attachment; filename="smime.p7m"\n'

# A form of the whole body.
WHOLE = {
    "opaque": lambda m: entity(MIME, wrap(m.opaque)),
    "of the old type": lambda m: entity(OLD, wrap(m.opaque)),
    "upper-case types": lambda m: entity(b"APPLICATION/PKCS7-MIME; SMIME-TYPE=SIGNED-DATA",
                                         wrap(m.opaque), b"BASE64"),
    "octets with a file name": lambda m: entity(OCTETS, wrap(m.opaque), more=FILE),
    "octets with a name": lambda m: entity(OCTETS + b"; name=smime.p7m", wrap(m.opaque)),
    "octets with an upper-case name": lambda m: entity(OCTETS + b"; name=SMIME.P7M",
                                                       wrap(m.opaque)),
    "octets with a name in pieces": lambda m: entity(
        OCTETS + b"; name*0*=utf-8''Gr%C3%BC; name*1=\"n.p7m\"", wrap(m.opaque)),
    "octets with an encoded name": lambda m: entity(
        OCTETS + b'; name="=?utf-8?q?Gr=C3=BCn.p7m?="', wrap(m.opaque)),
    "octets named p7s": lambda m: entity(OCTETS + b"; name=smime.p7s", wrap(m.opaque)),
    "one line": lambda m: entity(MIME, one_line(m.opaque)),
    "binary": lambda m: entity(MIME, m.opaque, b"binary"),
    "8bit": lambda m: entity(MIME, m.opaque, b"8bit"),
    "no encoding is named": lambda m: entity(MIME, m.opaque, b""),
    "base64 without a word": lambda m: entity(MIME, one_line(m.opaque), b""),
    "signed apart": lambda m: m.detached,
    "… with a signature in one line": lambda m: m.apart(entity(SIGNATURE, one_line(m.signature))),
    "… with a binary signature": lambda m: m.apart(entity(SIGNATURE, m.signature, b"binary")),
    "… of octets with a name": lambda m: m.apart(
        entity(OCTETS + b"; name=smime.p7s", one_line(m.signature))),
    "… with upper-case types": lambda m: m.apart(
        entity(SIGNATURE.upper(), one_line(m.signature))).replace(b"multipart/signed",
                                                                  b"MULTIPART/Signed"),
}


def crlf(message):
    return message.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


@pytest.mark.parametrize("form", WHOLE)
def test_forms(form, made, verify):
    message = HEADER + WHOLE[form](made)
    result, content = verify(message)
    assert result.rc == DONE and content == CONTENT, result
    assert "what stands around it" not in result.err
    result, _ = verify(message.replace(b"good_rsa@", b"good_p256@", 1))
    refused(result, "sender-match")


@pytest.mark.parametrize("form", [name for name in WHOLE if "8bit" not in name and "binary" not in
                                  name and "no encoding" not in name])
def test_forms_with_crlf(form, made, verify):
    result, content = verify(crlf(HEADER + WHOLE[form](made)))
    assert result.rc == DONE and content == CONTENT, result


@pytest.mark.parametrize("form", WHOLE)
def test_forms_in_a_list_mail(form, made, verify):
    """The covered part is reported, in text and as JSON; the sender is that of the outer header."""
    message = HEADER + multipart(NOTE, WHOLE[form](made), NOTE)
    result, content = verify(message)
    assert result.rc == DONE and content == CONTENT, result
    assert "note: verify: part 2 of 3 of a multipart/mixed (" in result.err
    assert "is signed; what stands around it is not" in result.err
    report = json.loads(verify(message, "--json")[0].out)
    assert report["covered"]["part"] == "2" and report["covered"]["type"] in WHOLE[form](
        made).decode("latin-1").lower()
    result, _ = verify(message.replace(b"good_rsa@", b"good_p256@", 1))
    refused(result, "sender-match")


def attached(m):
    return b"Content-Type: message/rfc822\n\n" + HEADER + m.detached


# Refused forms and their messages.
REFUSED_FORMS = {
    "two parts": (lambda m: multipart(m.detached, entity(MIME, wrap(m.opaque))),
                  "the mail has 2 S/MIME parts: 1 (multipart/signed), 2 (application/pkcs7-mime); "
                  "save the one that is meant"),
    "the same part twice": (lambda m: multipart(entity(OLD, wrap(m.opaque)), NOTE,
                                                entity(OCTETS + b"; name=a.p7m", wrap(m.opaque))),
                            "2 S/MIME parts: 1 (application/x-pkcs7-mime), 3 "
                            "(application/octet-stream)"),
    "one deeper": (lambda m: multipart(multipart(m.detached, mark=b"in"), m.detached),
                   "2 S/MIME parts: 1.1 (multipart/signed), 2 (multipart/signed)"),
    "a mail that was attached": (
        lambda m: multipart(NOTE, attached(m)),
        "the message is not signed: it is multipart/mixed, and none of its parts is S/MIME: 1 "
        "(text/plain), 2 (message/rfc822); a mail that is attached"),
    "an attached mail alone": (attached, "it is message/rfc822, and not S/MIME"),
    "one of several alternatives": (
        lambda m: multipart(NOTE, m.detached, subtype=b"alternative"),
        "the S/MIME part stands in a multipart/alternative"),
    "… deeper": (
        lambda m: multipart(NOTE, multipart(m.detached, subtype=b"related", mark=b"in")),
        "the S/MIME part stands in a multipart/related"),
    "a signature without what it signs": (
        lambda m: multipart(TEXT, entity(SIGNATURE, wrap(m.signature))), "a signature alone"),
    "a signed mail under another type": (
        lambda m: m.detached.replace(b"multipart/signed", b"multipart/mixed"), "a signature alone"),
    "three parts in a multipart/signed": (
        lambda m: multipart(NOTE, multipart(TEXT, entity(SIGNATURE, wrap(m.signature)), NOTE,
                                            subtype=b"signed", mark=b"in")),
        "none of its parts is S/MIME: 1 (text/plain), 2 (multipart/signed), 2.1 (text/plain)"),
    "inside what somebody else signed": (
        lambda m: multipart(NOTE, multipart(m.detached, entity(b"application/pgp-signature", b"x"),
                                            subtype=b"signed", mark=b"in")),
        "none of its parts is S/MIME"),
    "no closing boundary": (lambda m: multipart(NOTE, m.detached)[:-10], "it was cut off"),
    "cut off within the signature": (lambda m: multipart(NOTE, m.detached)[:-300],
                                     "it was cut off"),
    "an inner multipart that is not closed": (
        lambda m: multipart(NOTE, multipart(m.detached, mark=b"in")[:-7]),
        "is not closed before the one around it goes on"),
    "parts after the end": (
        lambda m: multipart(NOTE, m.detached) + b"\n--outer\n" + m.detached + b"\n--outer--\n",
        "goes on after its end"),
    "a line that begins as the boundary": (
        lambda m: multipart(NOTE + b"--outer-\n", m.detached), "a boundary that readers might"),
    "a boundary that begins as another": (
        lambda m: multipart(NOTE, multipart(m.detached, mark=b"outer2")),
        "a boundary that readers might"),
    "a boundary after a carriage return": (
        lambda m: multipart(NOTE + b"x\r--outer\n\nmore\n", m.detached),
        "a boundary that readers might"),
    "a boundary in the header of a part": (
        lambda m: multipart(b"X: y", m.detached), "a part whose header cannot be read"),
    "the outer boundary in what was signed": (
        lambda m: multipart(NOTE, m.apart(entity(SIGNATURE, one_line(m.signature))).replace(
            b"what was", b"\n--outer\nwhat was")), "whose header cannot be read"),
    "two types": (
        lambda m: multipart(NOTE, b"Content-Type: text/plain\n" + entity(MIME, wrap(m.opaque))),
        "says twice what it holds"),
    "a comment before the type": (
        lambda m: multipart(NOTE, entity(b"(text/plain) " + MIME, wrap(m.opaque))),
        "Content-Type readers might take differently"),
    "two boundaries": (
        lambda m: multipart(NOTE, m.detached).replace(b"boundary=", b'boundary="x"; boundary=', 1),
        "whose boundary readers might take"),
    "a boundary in pieces": (
        lambda m: multipart(NOTE, m.detached).replace(b"boundary=", b"boundary*0=", 1),
        "whose boundary readers might take"),
    "an encoded multipart": (
        lambda m: b"Content-Transfer-Encoding: base64\n" + multipart(NOTE, m.detached),
        "a transfer encoding, which none may have"),
    "another transfer encoding": (
        lambda m: multipart(NOTE, entity(MIME, wrap(m.opaque), b"quoted-printable")),
        "is in another transfer encoding"),
    "no base64": (lambda m: multipart(NOTE, entity(MIME, b"%%%\n")), "is no base64"),
    "base64 of something else": (lambda m: multipart(NOTE, entity(MIME, wrap(b"hello"))),
                                 "cannot be read as S/MIME"),
    "an encrypted part": (lambda m: multipart(NOTE, entity(MIME, wrap(m.sealed))),
                          "is not signed: it is pkcs7-envelopedData"),
    "eleven levels": (
        lambda m: functools.reduce(
            lambda inner, i: multipart(inner, mark=b"m%d." % i), range(11), m.detached),
        "more than 10 deep"),
    "a thousand parts": (lambda m: multipart(*[NOTE] * 1000, m.detached), "more than 1000 parts"),
}


@pytest.mark.parametrize("ends", ["lf", "crlf"])
@pytest.mark.parametrize("form", REFUSED_FORMS)
def test_refused_forms(form, ends, made, verify):
    """There must be exactly one S/MIME part that all readers find; else the reason says why not."""
    make, words = REFUSED_FORMS[form]
    message = HEADER + make(made)
    result, _ = verify(crlf(message) if ends == "crlf" else message)
    assert result.rc == INPUT and words in result.err, result
    assert "error:" not in result.err and "successful" not in result.err, result


def test_where_in_the_mail(made, verify):
    """In nested list mails, beside an attached mail."""
    inner = multipart(NOTE, entity(OLD, wrap(made.opaque)), mark=b"inmost")
    message = HEADER + multipart(attached(made), inner, NOTE, NOTE)
    result, content = verify(message)
    assert result.rc == DONE and content == CONTENT, result
    assert ("note: verify: part 2 of 2 of a multipart/mixed, which is part 2 of 4 of a "
            "multipart/mixed (application/x-pkcs7-mime) is signed; what stands around it is not"
            in result.err), result
    report = json.loads(verify(message, "--json")[0].out)
    assert report["covered"] == {
        "part": "2.2", "type": "application/x-pkcs7-mime",
        "where": "part 2 of 2 of a multipart/mixed, which is part 2 of 4 of a multipart/mixed"}
    assert json.loads(verify(HEADER + made.detached, "--json")[0].out)["covered"] is None


def test_content_in_a_file(made, verify, tmp_path):
    """A signature alone is enough if the signed content is named."""
    (tmp_path / "signed").write_bytes(TEXT)
    message = HEADER + multipart(NOTE, entity(SIGNATURE, wrap(made.signature)))
    result, content = verify(message, "-content", tmp_path / "signed")
    assert result.rc == DONE and content.replace(b"\r\n", b"\n") == TEXT, result


def test_content_without_a_header(pki, verify, tmp_path):
    """Without -text stock signs content that is no MIME, and it is what was signed."""
    (tmp_path / "plain").write_bytes(b"no field\n")
    message = must(stock("cms", "-sign", "-in", tmp_path / "plain", "-signer", pki.good_rsa.pem, "-inkey",
                         pki.good_rsa.key)).out
    result, content = verify(HEADER + multipart(NOTE, message))
    assert result.rc == DONE and content == b"no field\r\n", result


def test_changed_in_a_list_mail(made, verify):
    """A list that changes the signed part itself breaks the signature."""
    message = HEADER + multipart(NOTE, made.detached.replace(b"what was", b"what is"), NOTE)
    result, _ = verify(message)
    assert result.rc == CRYPTO and "note: verify" not in result.err, result


def test_not_believed_without_an_anchor(made, tmp_path):
    path = tmp_path / "message"
    path.write_bytes(HEADER + multipart(NOTE, made.detached, NOTE))
    result = run(COMMAND, "verify", "-in", path, conf="/dev/null")
    refused(result, "distrust-default")
    assert result.out == b"" and "what stands around it" not in result.err


def test_from_standard_input(made, pki):
    for message in (HEADER + multipart(NOTE, made.detached), HEADER + made.detached):
        result = run(COMMAND, "verify", "-CAfile", pki.ca, stdin=message, conf="/dev/null")
        assert result.rc == DONE and result.out == CONTENT, result


@pytest.mark.parametrize("words", [("cms",), ("smime",)], ids=["cms", "smime"])
def test_stock_names_keep_to_stock(words, made, pki, tmp_path):
    """The stock names cannot read what stock cannot, whether a sender is compared or not."""
    path, out = tmp_path / "message", tmp_path / "content"
    path.write_bytes(HEADER + multipart(NOTE, made.detached))
    for more in ((), ("-sender", "good_rsa@example.com")):
        result = run(COMMAND, *words, "-verify", "-CAfile", pki.ca, "-in", path, "-out", out, *more,
                     conf="/dev/null")
        assert result.rc != DONE and nothing_left(out), result


# --- messages that cannot be verified


@pytest.mark.parametrize("message,options,words", [
    (b"", (), "the message is empty"),
    (HEADER + TEXT, (), "the message is not signed: it is text/plain, and not S/MIME"),
    (HEADER + b"\nhello\n", (), "the message is not signed: it is text/plain, and not S/MIME"),
    (HEADER + b"Content-Type: text/html (x)\n\nhello\n", (), "it is unknown, and not S/MIME"),
    (b"hello\n", (), "the message cannot be read"),
    (bytes(range(256)) * 9, (), "the message cannot be read"),
    (b"hello\n", ("-inform", "DER"), "the message cannot be read as DER"),
    (b"hello\n", ("-inform", "PEM"), "the message cannot be read as PEM"),
    (b"", ("-inform", "DER"), "the message is empty"),
])
def test_nothing_to_verify(message, options, words, verify):
    result, _ = verify(message, *options)
    assert result.rc == INPUT and words in result.err, result
    assert "error:" not in result.err and result.err.count("\n") == 1, result


def test_encrypted_is_not_verified(made, verify):
    for message, options in ((HEADER + entity(MIME, wrap(made.sealed)), ()),
                             (made.sealed, ("-inform", "DER"))):
        result, _ = verify(message, *options)
        assert result.rc == INPUT and "the message is not signed: it is pkcs7-envelopedData; " \
            "decrypt" in result.err and "error:" not in result.err, result


# --- decryption

SEALED = {name: make for name, make in WHOLE.items() if "apart" not in name and "…" not in name}


@pytest.fixture(scope="module")
def keyring(pki, tmp_path_factory):
    return make_keyring(tmp_path_factory.mktemp("keyring") / "kept",
                        f"identity:{pki.good_rsa.pem}:{pki.good_rsa.key}")


@pytest.fixture
def decrypt(tmp_path):
    def ask(message, *options):
        path, out = tmp_path / "message", tmp_path / "content"
        path.write_bytes(message)
        out.unlink(missing_ok=True)
        result = run(COMMAND, "decrypt", "-in", path, "-out", out, *options, conf="/dev/null",
                     env={"SMIME_POLICY_KEYRING": tmp_path / "none"})
        assert out.exists() == (result.rc == DONE), result
        return result, out.read_bytes() if result.rc == DONE else None
    return ask


class Sealed:
    def __init__(self, made):
        self.opaque = made.sealed


@pytest.mark.parametrize("form", SEALED)
def test_decrypted_forms(form, made, pki, keyring, decrypt):
    """By the keyring, by certificate and key, and by the key alone."""
    whole = SEALED[form](Sealed(made))
    for by in (("--keyring", keyring), ("-recip", pki.good_rsa.pem, "-inkey", pki.good_rsa.key)):
        result, content = decrypt(HEADER + whole, *by)
        assert result.rc == DONE and content == CONTENT, result
        assert "what stands around it" not in result.err
        result, content = decrypt(HEADER + multipart(NOTE, whole, NOTE), *by)
        assert result.rc == DONE and content == CONTENT, result
        assert "note: decrypt: part 2 of 3 of a multipart/mixed (" in result.err
        assert "is encrypted; what stands around it is not" in result.err
        report = json.loads(decrypt(HEADER + multipart(NOTE, whole), "--json", *by)[0].out)
        assert report["covered"]["part"] == "2"


def test_two_encrypted_parts(made, pki, keyring, decrypt):
    part = entity(MIME, wrap(made.sealed))
    for by in (("--keyring", keyring), ("-recip", pki.good_rsa.pem, "-inkey", pki.good_rsa.key)):
        result, _ = decrypt(HEADER + multipart(part, part), *by)
        assert result.rc == INPUT, result
        assert "2 S/MIME parts: 1 (application/pkcs7-mime), 2 (application/pkcs7-mime)" in result.err
        result, _ = decrypt(HEADER + TEXT, *by)
        assert result.rc == INPUT and "the message is not encrypted: it is text/plain" in result.err
        result, _ = decrypt(b"", *by)
        assert result.rc == INPUT and "the message is empty" in result.err, result


def test_decrypt_without_a_keyring(made, decrypt, tmp_path):
    """The message says what is missing, and what to do."""
    result, _ = decrypt(HEADER + entity(MIME, wrap(made.sealed)))
    assert result.rc == CRYPTO and "-help" not in result.err, result
    assert f"there is no keyring {tmp_path / 'none'} to find the key in; upload the certificate and " \
        "private key that the message is meant for, or name them with -recip and -inkey" in result.err
    result, _ = decrypt(HEADER + TEXT)
    assert result.rc == INPUT and "the message is not encrypted: it is text/plain" in result.err
