# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
"""Mails as they come: named, encoded and wrapped by gateways, mailing lists and mailers."""

import base64
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
    """A mail of good_rsa, in the pieces that its forms are made of."""

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
        """A multipart/signed of which the second part is another one."""
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
    """verify(message): what ours says, and the content if it passed; else nothing is left."""
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
    """Which part is covered is told, in text and as JSON; who it is from is the outer header's."""
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
