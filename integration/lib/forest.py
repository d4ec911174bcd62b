# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
"""Random trees of certificates, written byte by byte, for who may vouch for whom."""

import base64
import hashlib
import random
from dataclasses import dataclass, field

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

import der
from harness import must, stock
from vouching import (BROKEN, CA, COLLECTED, CONTACT, ENCIPHER, IDENTITY, INTERMEDIATE, ISSUE, MAIL,
                      REPUDIATE, REVOKE, SIGN, TWICE)

BITS = (SIGN, REPUDIATE, ENCIPHER, "dataEncipherment", "keyAgreement", ISSUE, REVOKE)
PURPOSES = {MAIL: "1.3.6.1.5.5.7.3.4", "serverAuth": "1.3.6.1.5.5.7.3.1",
            "anyExtendedKeyUsage": "2.5.29.37.0"}
NETSCAPE = {"sslCA": 0x04, "emailCA": 0x02}
OLD = (der.tlv(der.UTC, b"150101000000Z"), der.tlv(der.UTC, b"210101000000Z"))

BOTH = frozenset({SIGN, ENCIPHER})
PURE = frozenset({ISSUE, REVOKE})
NOBODY = 99  # a key that no certificate has


@dataclass(eq=False)
class Cert:
    """The description of one certificate; `names` is its Subject Alternative Name."""

    number: int
    subject: str
    issuer: str
    key: int
    signed_by: int
    version: int = 3
    constraints: str | None = None
    usage: frozenset | str | None = None
    extended: tuple | str | None = None
    names: str | None = None
    netscape: str | None = None
    has_key_id: bool = True
    points_to: int | None = None  # the key that the Authority Key Identifier names
    is_expired: bool = False
    is_disguised: bool = False  # the issuer's name, spelled otherwise: equal for libcrypto
    pem: object = None
    key_file: object = None
    fingerprint: str = ""

    @property
    def is_self_issued(self):
        return self.subject == self.issuer

    @property
    def is_self_signed(self):
        return self.is_self_issued and self.key == self.signed_by

    @property
    def address(self):
        return f"{self.subject}@x.example"

    def __repr__(self):
        usage = ",".join(sorted(self.usage)) if isinstance(self.usage, frozenset) else self.usage
        return (f"#{self.number} {self.subject}<-{self.issuer} key {self.key}<-{self.signed_by} "
                f"v{self.version} bc={self.constraints} ku={usage} eku={self.extended} "
                f"san={self.names} ns={self.netscape} ski={self.has_key_id} aki={self.points_to}"
                + (" expired" if self.is_expired else "")
                + (" disguised" if self.is_disguised else ""))


# Profiles and their frequency: certificates of people and companies, and those that attackers make.
ISSUERS = [
    (6, dict(constraints="CA", usage=PURE)),
    (2, dict(constraints="CA", usage=PURE, names="email")),
    (2, dict(constraints="CA", usage=BOTH, names="email")),
    (2, dict(constraints="CA", usage=BOTH | {ISSUE}, names="email", extended=(MAIL,))),
    (1, dict(constraints="CA", names="email")),
    (3, dict(constraints="CA", usage=PURE | {SIGN}, names="email")),
    (2, dict(constraints="CA", usage=frozenset({REPUDIATE, ISSUE}), names="email",
             extended=(MAIL,))),
    (1, dict(constraints="CA", usage=frozenset({"keyAgreement", ISSUE}), names="email")),
    (1, dict(constraints="CA", usage=PURE, names=TWICE)),
    (3, dict(usage=BOTH | {ISSUE}, names="email")),
    (2, dict(version=1)),
    (1, dict(netscape="sslCA", names="email")),
    (1, dict(netscape="emailCA", usage=BOTH | {ISSUE}, names="email")),
]
LEAF = dict(constraints="CA:FALSE", usage=BOTH, extended=(MAIL,), names="email")


def _any_usage(dice):
    return frozenset(dice.sample(BITS, dice.randint(1, 4)))


CHOICES = {
    "version": lambda dice: dice.choice((1, 3)),
    "constraints": lambda dice: dice.choice((None, "CA:FALSE", "CA", "CA", "CA0", BROKEN, TWICE)),
    "usage": lambda dice: dice.choice((None, BROKEN, TWICE, *[_any_usage(dice)] * 5)),
    "extended": lambda dice: dice.choice((None, (MAIL,), ("serverAuth",), ("serverAuth", MAIL),
                                          ("anyExtendedKeyUsage",), BROKEN, TWICE)),
    "names": lambda dice: dice.choice((None, "email", "email", "dns", "no-address", BROKEN, TWICE)),
    "netscape": lambda dice: dice.choice((None, *NETSCAPE)),
    "has_key_id": lambda dice: dice.random() < 0.5,
    "is_expired": lambda dice: dice.random() < 0.5,
    "is_disguised": lambda dice: True,
    "signed_by": lambda dice: NOBODY,
}


@dataclass
class Tree:
    """Certificates, their roles in the keyring, which are named, and which are sent along."""

    seed: str
    dice: random.Random
    certs: list = field(default_factory=list)
    signer: Cert | None = None
    roles: dict = field(default_factory=dict)
    named: frozenset = frozenset()
    sent: frozenset = frozenset()

    def __str__(self):
        lines = [f"tree {self.seed}"]
        for cert in self.certs:
            lines.append(f"  {cert!r}; kept as {self.roles.get(cert)}"
                         f"{', named' if cert in self.named else ''}"
                         f"{', sent' if cert in self.sent else ''}"
                         f"{', SIGNER' if cert is self.signer else ''}")
        return "\n".join(lines)

    def parent(self, cert):
        """The certificate that issued |cert|, if it is another one."""
        return next((issuer for issuer in self.certs if issuer is not cert
                     and issuer.key == cert.signed_by and issuer.subject == cert.issuer), None)


def grow(seed):
    """The tree of a seed, as yet without files."""
    dice = random.Random(f"vouching {seed}")
    tree = Tree(seed, dice)
    above = None
    for level in range(depth := dice.randint(1, 4)):
        above = _add(tree, above, LEAF if level == depth - 1 and level > 0 else _profile(dice))
    tree.signer = above
    if dice.random() < 0.4:
        _add_twin(tree)
    _give(tree)
    return tree


def _profile(dice):
    return dice.choices([profile for _, profile in ISSUERS], [often for often, _ in ISSUERS])[0]


def _add(tree, issuer, profile, twin=None):
    """A certificate below |issuer|, or one that begins a tree; with the name and key of |twin|."""
    dice, number = tree.dice, len(tree.certs)
    subject = twin.subject if twin else f"t{tree.seed}n{number}"
    key = twin.key if twin else number
    by = (issuer.subject, issuer.key) if issuer else (subject, key)
    if issuer is None and dice.random() < 0.1:  # an issuer that does not exist, or a false claim
        gone = f"t{tree.seed}gone"
        by = dice.choice(((gone, key), (subject, NOBODY), (gone, NOBODY)))
    cert = Cert(number, subject, by[0], key, by[1], **profile)
    cert.points_to = by[1] if dice.random() < 0.7 else None
    cert.has_key_id = dice.random() < 0.8
    for name in dice.sample(sorted(CHOICES), dice.choices((0, 1, 2), (70, 25, 5))[0]):
        setattr(cert, name, CHOICES[name](dice))
    if cert.version == 1:
        _strip(cert)
    tree.certs.append(cert)
    return cert


def _strip(cert):
    """Version 1 has no extensions."""
    cert.constraints = cert.usage = cert.extended = cert.names = cert.netscape = None
    cert.points_to, cert.has_key_id = None, False


def _add_twin(tree):
    """A renewed or cross-signed certificate: the name and the key of another one."""
    dice = tree.dice
    of = dice.choice(tree.certs)
    issuer = dice.choice((None, tree.parent(of), "new root"))
    if issuer == "new root":
        issuer = _add(tree, None, _profile(dice))
    _add(tree, issuer, LEAF if of is tree.signer and dice.random() < 0.7 else _profile(dice),
         twin=of)


def _give(tree):
    """Roles, names and what is sent along."""
    dice = tree.dice
    for cert in tree.certs:
        kinds = (None, CONTACT, IDENTITY, CA)
        role = dice.choices(kinds, (70, 22, 4, 4) if cert is tree.signer else (30, 30, 8, 32))[0]
        if role:
            tree.roles[cert] = role
    _collect(tree)
    above = [cert for cert in tree.certs if cert is not tree.signer] or tree.certs
    tree.named = frozenset(cert for cert in tree.certs
                           if dice.random() < (0.15 if cert is tree.signer else 0.5)
                           ) or frozenset({dice.choice(above)})
    tree.sent = frozenset(cert for cert in above if dice.random() < 0.9)


def _collect(tree):
    """In a third of the trees, some of what is kept came with mails and not from a person."""
    dice = random.Random(f"collected {tree.seed}")
    if dice.random() < 0.67:
        return
    for cert, role in tree.roles.items():
        if role in (CONTACT, CA) and dice.random() < 0.6:
            tree.roles[cert] = {CONTACT: COLLECTED, CA: INTERMEDIATE}[role]


# Files.

def plant(tree, directory):
    """Write the certificates and keys of |tree|."""
    directory.mkdir()
    keys = {}
    for cert in tree.certs:
        for number in {cert.key, cert.signed_by, cert.points_to} - {None}:
            keys.setdefault(number, ec.generate_private_key(ec.SECP256R1()))
    for cert in tree.certs:
        encoded = _encode(cert, keys)
        cert.fingerprint = hashlib.sha256(encoded).hexdigest()
        cert.pem = directory / f"{cert.number}.pem"
        cert.pem.write_text(_pem(encoded))
        cert.key_file = directory / f"{cert.number}.key"
        cert.key_file.write_bytes(keys[cert.key].private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption()))
    return tree


def bundle(path, certs):
    """A file of several certificates, in the order of the tree."""
    path.write_text("".join(cert.pem.read_text()
                            for cert in sorted(certs, key=lambda cert: cert.number)))
    return path


def send(tree, mail, signers, out):
    """A mail that stock signs, without the policy, for each of |signers|."""
    who = [word for cert in signers for word in ("-signer", cert.pem, "-inkey", cert.key_file)]
    along = bundle(out.with_suffix(".along"), tree.sent - set(signers))
    must(stock("cms", "-sign", *who, *(["-certfile", along] if along.stat().st_size else []),
               "-in", mail, "-from", signers[0].address, "-to", "bob@example.com", "-subject",
               "test", "-out", out))
    return out


def _pem(encoded):
    text = base64.encodebytes(encoded).decode().replace("\n", "")
    lines = [text[i:i + 64] for i in range(0, len(text), 64)]
    return "\n".join(("-----BEGIN CERTIFICATE-----", *lines, "-----END CERTIFICATE-----", ""))


def _key_id(number, keys):
    point = keys[number].public_key().public_bytes(serialization.Encoding.X962,
                                                   serialization.PublicFormat.UncompressedPoint)
    return hashlib.sha1(point).digest()


def _encode(cert, keys):
    is_new = cert.version == 3
    spki = keys[cert.key].public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    body = der.tlv(
        der.SEQUENCE, der.tlv(0xa0, der.integer(2)) if is_new else b"",
        der.integer(4711 + cert.number), der.ECDSA_SHA256, _issuer_name(cert),
        der.tlv(der.SEQUENCE, *(OLD if cert.is_expired else der.YEARS)),
        der.name(cert.subject.encode()), spki,
        der.tlv(0xa3, der.tlv(der.SEQUENCE, *_extensions(cert, keys))) if is_new else b"")
    signature = keys[cert.signed_by].sign(body, ec.ECDSA(hashes.SHA256()))
    return der.tlv(der.SEQUENCE, body, der.ECDSA_SHA256, der.tlv(der.BITS, b"\0", signature))


def _issuer_name(cert):
    if not cert.is_disguised:
        return der.name(cert.issuer.encode())
    return der.tlv(der.SEQUENCE, der.tlv(der.SET, der.tlv(
        der.SEQUENCE, der.oid("2.5.4.3"), der.tlv(0x13, cert.issuer.upper().encode(), b" "))))


def _extensions(cert, keys):
    """The extensions; at least one, as an empty list is not allowed."""
    found = [
        _extension("2.5.29.19", cert.constraints, lambda value: der.tlv(
            der.SEQUENCE, b"" if value == "CA:FALSE" else der.tlv(der.BOOLEAN, b"\xff"),
            der.integer(0) if value == "CA0" else b"")),
        _extension("2.5.29.15", cert.usage, _bits),
        _extension("2.5.29.37", cert.extended, lambda value: der.tlv(
            der.SEQUENCE, *[der.oid(PURPOSES[purpose]) for purpose in value])),
        _extension("2.5.29.17", cert.names, lambda value: der.tlv(der.SEQUENCE, {
            "dns": der.tlv(0x82, b"x.example"),
            "no-address": der.email(cert.subject.encode())}.get(
                value, der.email(cert.address.encode())))),
        _extension("2.16.840.1.113730.1.1", cert.netscape,
                   lambda value: der.tlv(der.BITS, b"\0", bytes((NETSCAPE[value],)))),
        der.extension("2.5.29.14", der.tlv(der.OCTETS, _key_id(cert.key, keys)))
        if cert.has_key_id else b"",
        der.extension("2.5.29.35", der.tlv(der.SEQUENCE, der.tlv(
            0x80, _key_id(cert.points_to, keys)))) if cert.points_to is not None else b"",
        der.extension("1.3.6.1.4.1.99999.1", der.NULL)]
    return found


DUPLICATES = {"2.5.29.19": "CA", "2.5.29.15": BOTH, "2.5.29.37": (MAIL,), "2.5.29.17": "email"}


def _extension(dotted, value, encode):
    if value is None:
        return b""
    if value == BROKEN:
        return der.extension(dotted, b"\x31\x03\x02\x01\x00")
    if value == TWICE:
        return der.extension(dotted, encode(DUPLICATES[dotted])) * 2
    return der.extension(dotted, encode(value))


def _bits(usage):
    value = sum(0x80 >> BITS.index(bit) for bit in usage)
    unused = (value & -value).bit_length() - 1
    return der.tlv(der.BITS, bytes((unused, value)))
