# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
"""CAs, and CRLs written byte by byte: also such as no tool would make."""

import functools
from datetime import datetime, timedelta, timezone

from der import (BITS, ECDSA_SHA256, GENERALIZED, OCTETS, RSA_SHA256, SEQUENCE, UTC, extension,
                 integer, sign, subject_of, tlv)
from harness import must, stock

ENUMERATED = 10
HOLD, REMOVE = 6, 8
NOW = datetime.now(timezone.utc).replace(microsecond=0)
DAY = timedelta(days=1)


class Ca:
    """A self-signed CA with an EC key; |like|: another one, whose key it keeps."""

    def __init__(self, directory, name, *, like=None, usage="critical,keyCertSign,cRLSign",
                 issuer=None, more=()):
        stem = directory / name.replace(" ", "_")
        self.pem, self.key = stem.with_suffix(".pem"), like.key if like else stem.with_suffix(".key")
        self.name = name.split("#")[0]
        key = ["-key", like.key] if like else ["-newkey", "ec", "-pkeyopt",
                                               "ec_paramgen_curve:P-256", "-noenc", "-keyout",
                                               self.key]
        by = ["-CA", issuer.pem, "-CAkey", issuer.key] if issuer else []
        must(stock("req", "-x509", *key, *by, "-subj", f"/CN={self.name}", "-days", "3650",
                   "-out", self.pem, "-addext", "basicConstraints=critical,CA:TRUE",
                   *(["-addext", f"keyUsage={usage}"] if usage else []),
                   *(word for one in more for word in ("-addext", one))))

    def crl(self, *entries, **how):
        return crl(self, entries, **how)

    def fingerprint(self):
        text = must(stock("x509", "-in", self.pem, "-noout", "-fingerprint", "-sha256")).text
        return text.split("=")[1].strip().replace(":", "").lower()


def moment(at):
    """A time as RFC 5280 writes it."""
    if at.year < 2050:
        return tlv(UTC, at.strftime("%y%m%d%H%M%SZ").encode())
    return tlv(GENERALIZED, at.strftime("%Y%m%d%H%M%SZ").encode())


def entry(serial, at=NOW - DAY, reason=None, extensions=()):
    """One revoked certificate."""
    all_of_it = [*([] if reason is None else
                   [extension("2.5.29.21", tlv(ENUMERATED, bytes((reason,))))]), *extensions]
    return tlv(SEQUENCE, integer(serial), moment(at),
               tlv(SEQUENCE, *all_of_it) if all_of_it else b"")


def serial_of(path):
    """The serial number of the certificate in a file."""
    return int(must(stock("x509", "-in", path, "-noout", "-serial")).text.split("=")[1], 16)


def number(value):
    return extension("2.5.29.20", integer(value))


def delta_of(base):
    return extension("2.5.29.27", integer(base), critical=True)


def scope(*, point=None, users=False, cas=False, reasons=None, indirect=False, attributes=False):
    """The Issuing Distribution Point; |point|: a URI."""
    def flag(tag, on):
        return tlv(0x80 | tag, b"\xff") if on else b""
    place = b"" if point is None else tlv(0xa0, tlv(0xa0, tlv(0x86, point)))
    some = b"" if reasons is None else tlv(0x83, reasons)
    return extension("2.5.29.28", tlv(SEQUENCE, place, flag(1, users), flag(2, cas), some,
                                      flag(4, indirect), flag(5, attributes)), critical=True)


@functools.cache
def read_issuer(path):
    """The subject of a certificate, and the algorithm with which its key signs."""
    is_rsa = b"rsaEncryption" in must(stock("x509", "-in", path, "-noout", "-text")).out
    return subject_of(path), RSA_SHA256 if is_rsa else ECDSA_SHA256


def crl(ca, entries=(), *, crl_number=1, this=NOW - DAY, until=NOW + 7 * DAY, extensions=(),
        version=integer(1), key=None, spoil=False, algorithm=None, around=bytes):
    """
    A CRL in DER.  |until| None: without nextUpdate; |spoil|: its signature does not fit.  |around| changes
    the list of its entries before it is signed.
    """
    subject, own_algorithm = read_issuer(ca.pem)
    algorithm = algorithm or own_algorithm
    listed = around(tlv(SEQUENCE, *entries)) if entries else b""
    given = [*([] if crl_number is None else [number(crl_number)]), *extensions]
    body = tlv(SEQUENCE, version, algorithm, subject, moment(this),
               b"" if until is None else moment(until), listed,
               tlv(0xa0, tlv(SEQUENCE, *given)) if given else b"")
    signed = bytearray(sign(body, key or ca.key))
    if spoil:
        signed[-1] ^= 1
    return tlv(SEQUENCE, body, algorithm, tlv(BITS, b"\0", bytes(signed)))


def pem(der):
    return must(stock("crl", "-inform", "DER", stdin=der)).out


def many_entries(count):
    """The entries of a large CRL: serials of 16 bytes, as CAs draw them, here one after another."""
    tail = moment(NOW - DAY)
    head = bytes((SEQUENCE, 18 + len(tail), 2, 16, 0x40))
    return [head + n.to_bytes(15, "big") + tail for n in range(count)]


def unknown_critical(dotted="1.3.6.1.4.1.99999.1"):
    return extension(dotted, tlv(OCTETS, b"x"), critical=True)


def issuer_of_entry(name):
    """The entry extension certificateIssuer, as indirect CRLs have it."""
    return extension("2.5.29.29", tlv(SEQUENCE, tlv(0xa4, name)), critical=True)
