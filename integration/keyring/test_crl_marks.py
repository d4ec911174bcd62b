# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
"""A recipient below a ca that a stored CRL names: refused by a gate that builds no path."""

import json

import pytest

from crl_maker import HOLD, REMOVE, delta_of, entry, serial_of
from crl_maker import crl as make_crl
from harness import COMMAND, OPENSSL, must, run, stock, write_conf
from responders import Authority

SAID = "a ca above the certificate was revoked by its issuer on"


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    """Root, below it Upper, below that Lower, each with a recipient."""
    at = tmp_path_factory.mktemp("house")
    root = Authority(at / "root", "Root")
    upper = Authority(at / "upper", "Upper", root)
    lower = Authority(at / "lower", "Lower", upper)
    for one in (root, upper, lower):
        one.pem, one.private = one.cert, one.key(one.cert)
        one.person = one.issue(one.name.lower())
    root.upper, root.lower = upper, lower
    return root


def crl(ca, *entries, **how):
    return make_crl(ca, entries, key=ca.private, **how)


def fingerprint_of(cert):
    text = must(stock("x509", "-in", cert, "-noout", "-fingerprint", "-sha256")).text
    return text.split("=")[1].strip().replace(":", "")


class Ring:
    def __init__(self, at, *certs):
        self.at, self.path, self.count = at, at / "keyring", 0
        must(self("upload", *certs))

    def __call__(self, *words, **how):
        return run(COMMAND, "--keyring", self.path, *words, **how)

    def store(self, der, *more):
        self.count += 1
        path = self.at / f"{self.count}.crl"
        path.write_bytes(der)
        return must(self("upload", path, *more))

    def sealed(self, cert):
        """What is said when a message is encrypted to it; True: it is."""
        out = self.at / "sealed"
        done = self("encrypt", cert, "-out", out, stdin=b"hello\n")
        assert out.exists() == (done.rc == 0) and done.rc in (0, 3), done
        out.unlink(missing_ok=True)
        return done.err if done.rc else True

    def sealed_by_stock(self, cert):
        conf = write_conf(self.at / "openssl.cnf", {"keyring": self.path})
        out = self.at / "by_stock"
        done = run(OPENSSL, "cms", "-encrypt", "-outform", "DER", "-out", out, cert, conf=conf, stdin=b"x")
        return done.err if done.rc else True

    def marks(self):
        return [path.name for path in self.path.glob("crls/*/*-40.crl")]


@pytest.fixture
def ring(tmp_path, house):
    return Ring(tmp_path, house.cert, house.upper.cert, house.lower.cert)


def test_issuer_is_revoked(ring, house):
    """On every path, and whoever is below a ca below it; until the CRL no longer names it."""
    ring.store(crl(house, entry(serial_of(house.upper.cert), reason=2)))
    for cert in (house.upper.person, house.lower.person):
        for said in (ring.sealed(cert), ring.sealed_by_stock(cert)):
            assert SAID in said and "(CA compromise)" in said and "revoked" in said
    assert ring.sealed(house.person) is True and ring.sealed_by_stock(house.person) is True
    assert len(ring.marks()) == 2
    ring.store(crl(house, crl_number=2))
    assert ring.marks() == []
    for cert in (house.upper.person, house.lower.person):
        assert ring.sealed(cert) is True and ring.sealed_by_stock(cert) is True


def test_marks_are_no_crls(ring, house, tmp_path):
    """They are in no list; a copy has them, and `keyring check` reads them."""
    ring.store(crl(house, entry(serial_of(house.upper.cert))))
    assert [json.loads(line)["issuer"] for line in must(ring("list", "--crls", "--json")).text.splitlines()] == ["CN=Root"]
    assert must(ring("keyring", "check")).text.endswith("sound; 3 certificates, 1 CRL, 0 private keys\n")
    must(ring("keyring", "backup", tmp_path / "copy"))
    assert len(list((tmp_path / "copy").glob("crls/*/*-40.crl"))) == 2
    path = next(ring.path.glob("crls/*/*-40.crl"))
    path.write_bytes(path.read_bytes()[:-1])
    assert ring("keyring", "check").rc == 5
    assert "damaged" in ring.sealed(house.upper.person) or "damaged" in ring.sealed(house.lower.person)
    assert ring("maintain", "--all").rc == 3  # it mends it before it looks
    assert ring("keyring", "check").rc == 0 and len(ring.marks()) == 2


def test_delta_releases(ring, house):
    ring.store(crl(house, entry(serial_of(house.upper.cert), reason=HOLD)))
    assert "(certificate hold)" in ring.sealed(house.upper.person)
    ring.store(crl(house, entry(serial_of(house.upper.cert), reason=REMOVE), crl_number=2, extensions=[delta_of(1)]))
    assert ring.sealed(house.upper.person) is True


def test_renewed_ca(ring, house, tmp_path):
    """A ca that has another certificate with its key is not revoked with the old one."""
    ring.store(crl(house, entry(serial_of(house.upper.cert))))
    assert SAID in ring.sealed(house.upper.person)
    renewed = tmp_path / "renewed.pem"
    must(stock("req", "-x509", "-key", house.upper.private, "-subj", "/CN=Upper", "-days", "99", "-out", renewed,
               "-CA", house.cert, "-CAkey", house.private, "-addext", "basicConstraints=critical,CA:TRUE",
               "-addext", "keyUsage=critical,keyCertSign,cRLSign"))
    must(ring("upload", renewed))
    assert ring.sealed(house.upper.person) is True and ring.marks() == []
    ring.store(crl(house, *(entry(serial_of(cert)) for cert in (house.upper.cert, renewed)), crl_number=2))
    assert SAID in ring.sealed(house.upper.person)


def test_ca_after_its_crl(tmp_path, house):
    """The CRL is stored first, or comes with it; a ca that is removed stays revoked."""
    ring = Ring(tmp_path, house.cert)
    ring.store(crl(house, entry(serial_of(house.upper.cert))))
    assert ring.sealed(house.upper.person) is True  # nobody knows its issuer
    must(ring("upload", house.upper.cert))
    assert SAID in ring.sealed(house.upper.person)
    must(ring("remove", fingerprint_of(house.upper.cert)))
    must(ring("maintain", "--all"))
    assert SAID in ring.sealed(house.upper.person)
    must(ring("remove", "--crls", fingerprint_of(house.cert)))
    assert ring.sealed(house.upper.person) is True and ring.marks() == []


def test_by_address(ring, house):
    """It is passed over, and its state is told."""
    must(ring("upload", house.upper.person))
    ring.store(crl(house, entry(serial_of(house.upper.cert))))
    done = ring("encrypt", "--to", "upper@example.org", "-out", ring.at / "out", stdin=b"hello\n")
    assert done.rc == 3 and SAID in done.err and not (ring.at / "out").exists()
    assert "revoked" in must(ring("list", "--role", "contact")).text


@pytest.mark.parametrize("setting", ["revocation = off", "revocation = hard"])
def test_settings(ring, house, setting):
    ring.store(crl(house, entry(serial_of(house.upper.cert))))
    (ring.at / "policy.cnf").write_text(setting + "\n")
    done = ring("--policy", ring.at / "policy.cnf", "encrypt", house.upper.person, "-out", ring.at / "out", stdin=b"x")
    assert (done.rc, SAID in done.err) == ((0, False) if "off" in setting else (3, True))


def test_other_uses(ring, house):
    """Decrypting goes on; who verifies builds the path, and asks about each issuer on it."""
    ring.store(crl(house, entry(serial_of(house.upper.cert))))
    person = house.upper.person
    sealed = ring.at / "mail"
    must(stock("cms", "-encrypt", "-outform", "DER", "-out", sealed, person, stdin=b"x"))
    must(ring("decrypt", "-inform", "DER", "-in", sealed, "-recip", person, "-inkey", house.upper.key(person)))
    signed = ring.at / "signed"
    must(stock("cms", "-sign", "-signer", person, "-inkey", house.upper.key(person), "-out", signed, stdin=b"x"))
    done = ring("verify", "-in", signed, "--no-sender")
    assert done.rc == 3 and "[revoked]" in done.err and done.out == b""
