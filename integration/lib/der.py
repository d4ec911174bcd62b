# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
"""Certificates and signed messages written byte by byte, because no tool would make them."""

from harness import must, stock

BOOLEAN, INTEGER, BITS, OCTETS, OID, UTF8 = 1, 2, 3, 4, 6, 12
UTC, GENERALIZED, SEQUENCE, SET = 0x17, 0x18, 0x30, 0x31
NULL = b"\x05\x00"


def tlv(tag, *content):
    """One element, with its length in the shortest form."""
    body = b"".join(content)
    if len(body) < 0x80:
        return bytes((tag, len(body))) + body
    size = len(body).to_bytes((len(body).bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(size))) + size + body


def endless(tag, *content):
    """One element with the indefinite length of BER."""
    return bytes((tag, 0x80)) + b"".join(content) + b"\0\0"


def integer(value):
    return tlv(INTEGER, value.to_bytes(value.bit_length() // 8 + 1, "big", signed=True))


def oid(dotted):
    first, second, *rest = (int(part) for part in dotted.split("."))
    body = bytes((40 * first + second,))
    for part in rest:
        septets = [part & 0x7f]
        while part := part >> 7:
            septets.insert(0, part & 0x7f | 0x80)
        body += bytes(septets)
    return tlv(OID, body)


def algorithm(dotted, parameters=NULL):
    return tlv(SEQUENCE, oid(dotted), parameters)


SHA256, RSA = "2.16.840.1.101.3.4.2.1", "1.2.840.113549.1.1.1"
DATA, SIGNED = "1.2.840.113549.1.7.1", "1.2.840.113549.1.7.2"
CONTENT_TYPE, MESSAGE_DIGEST = "1.2.840.113549.1.9.3", "1.2.840.113549.1.9.4"
RSA_SHA256 = algorithm("1.2.840.113549.1.1.11")
ECDSA_SHA256 = tlv(SEQUENCE, oid("1.2.840.10045.4.3.2"))
YEARS = (tlv(UTC, b"200101000000Z"), tlv(GENERALIZED, b"20991231235959Z"))


def name(common_name):
    return tlv(SEQUENCE, tlv(SET, tlv(SEQUENCE, oid("2.5.4.3"), tlv(UTF8, common_name))))


def email(address):
    """A GeneralName: rfc822Name."""
    return tlv(0x81, address)


def extension(dotted, value, critical=False):
    return tlv(SEQUENCE, oid(dotted), tlv(BOOLEAN, b"\xff") if critical else b"",
               tlv(OCTETS, value))


def san(*names):
    return extension("2.5.29.17", tlv(SEQUENCE, *names))


KEY_USAGE = extension("2.5.29.15", bytes.fromhex("030205a0"), critical=True)
FOR_MAIL = extension("2.5.29.37", tlv(SEQUENCE, oid("1.3.6.1.5.5.7.3.4")))


def rsa_key(modulus, exponent=65537):
    """A SubjectPublicKeyInfo."""
    key = tlv(SEQUENCE, integer(modulus), integer(exponent))
    return tlv(SEQUENCE, algorithm(RSA), tlv(BITS, b"\0", key))


def public_key(key):
    return must(stock("pkey", "-in", key, "-pubout", "-outform", "DER")).out


def sign(data, key):
    """A signature of |data|, with SHA-256."""
    return must(stock("dgst", "-sha256", "-sign", key, stdin=data)).out


def subject_of(cert):
    """The subject of a certificate, as DER: the issuer of those below it."""
    text = must(stock("x509", "-in", cert, "-outform", "DER")).out
    _, body = split(split(text)[1])
    fields = elements(body)
    return fields[5] if fields[0][0] == 0xa0 else fields[4]


def split(data):
    """The first element of |data|: the whole element, and its content."""
    head, length = 2, data[1]
    if length & 0x80:
        head += length & 0x7f
        length = int.from_bytes(data[2:head], "big")
    return data[:head + length], data[head:head + length]


def elements(data):
    """The elements in |data|, each with its header."""
    found = []
    while data:
        found.append(split(data)[0])
        data = data[len(found[-1]):]
    return found


def certificate(issuer, *, key, names=(), subject=b"crafted", serial=integer(4711), years=YEARS,
                extensions=None, wrap=tlv):
    """
    A certificate that |issuer| (with an EC key) signed, as DER.

    key: a SubjectPublicKeyInfo.  extensions: all of them, else |names| and what mail needs.
    """
    if extensions is None:
        extensions = [KEY_USAGE, FOR_MAIL, san(*names)]
    body = wrap(SEQUENCE, tlv(0xa0, integer(2)), serial, ECDSA_SHA256, subject_of(issuer.pem),
                tlv(SEQUENCE, *years), name(subject), key,
                tlv(0xa3, tlv(SEQUENCE, *extensions)))
    return tlv(SEQUENCE, body, ECDSA_SHA256, tlv(BITS, b"\0", sign(body, issuer.key)))


def attribute(dotted, *values):
    return tlv(SEQUENCE, oid(dotted), tlv(SET, *values))


def signer_info(cert, key, attributes):
    """A SignerInfo of an RSA key over |attributes|."""
    issuer, serial = issuer_and_serial(cert)
    signed = b"".join(sorted(attributes))
    return tlv(SEQUENCE, integer(1), tlv(SEQUENCE, issuer, serial), algorithm(SHA256),
               tlv(0xa0, signed), algorithm(RSA), tlv(OCTETS, sign(tlv(SET, signed), key)))


def issuer_and_serial(cert):
    fields = elements(split(split(cert)[1])[1])
    fields = fields[1:] if fields[0][0] == 0xa0 else fields
    return fields[2], fields[0]


def signed_data(content, certificates, signers):
    """A ContentInfo of SignedData, with its content inside."""
    return tlv(SEQUENCE, oid(SIGNED), tlv(0xa0, tlv(
        SEQUENCE, integer(1), tlv(SET, algorithm(SHA256)),
        tlv(SEQUENCE, oid(DATA), tlv(0xa0, tlv(OCTETS, content))),
        tlv(0xa0, *certificates), tlv(SET, *signers))))
