# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
"""Indirect CRLs (RFC 5280, 5.2.5): of which certificates they speak, and which are refused."""

import json

import pytest

from crl_maker import DAY, HOLD, NOW, REMOVE, delta_of, entry, issuer_of_entry, scope, serial_of, unknown_critical
from crl_maker import crl as make_crl
from der import SEQUENCE, extension, name, san, subject_of, tlv
from harness import COMMAND, OPENSSL, must, run, stock, write_conf
from responders import Authority

HERE, THERE = "http://crl.example.org/1.crl", "http://crl.example.org/2.crl"
UNKNOWN = "no stored CRL of its issuer covers it [revocation-unknown]"


def point(issuer, uri=HERE, reasons=b""):
    """A line for crlDistributionPoints with a cRLIssuer, a Name."""
    place = tlv(0xa0, tlv(0xa0, tlv(0x86, uri.encode()))) if uri else b""
    made = tlv(SEQUENCE, tlv(SEQUENCE, place, reasons, tlv(0xa2, tlv(0xa4, issuer))))
    return f"crlDistributionPoints=DER:{made.hex()}"


def named(cert):
    return issuer_of_entry(subject_of(cert))


class House:
    """A root; below it an issuing CA, and Lists, which signs the CRLs of the others.  A stranger of that name."""

    def __init__(self, at):
        self.root = Authority(at / "root", "Root")
        self.issuing = Authority(at / "issuing", "Issuing", self.root)
        self.lists = Authority(at / "lists", "Lists", self.root)
        self.strange = Authority(at / "strange", "Lists", Authority(at / "foreign", "Foreign"))
        for one in (self.root, self.issuing, self.lists, self.strange):
            one.pem, one.private = one.cert, one.key(one.cert)
        self.name = subject_of(self.lists.cert)
        issue = self.issuing.issue
        key = "authorityKeyIdentifier=keyid"
        self.bob = issue("bob", point(self.name), key)
        self.carol = issue("carol", point(self.name), key)
        self.there = issue("there", point(self.name, THERE), key)
        self.some = issue("some", point(self.name, reasons=b"\x81\x02\x06\x40"), key)
        self.plain = issue("plain", f"crlDistributionPoints=URI:{HERE}", key)
        self.other = issue("other", point(name(b"Somebody")), key)
        self.keyless = issue("keyless", point(self.name), "authorityKeyIdentifier=none")
        self.own = self.lists.issue("own", key)

    def crl(self, *entries, by=None, more=(), indirect=True, **how):
        by = by or self.lists
        given = [scope(indirect=True)] if indirect else []
        return make_crl(by, entries, key=by.private, extensions=[*given, *more], **how)


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    return House(tmp_path_factory.mktemp("house"))


class Ring:
    def __init__(self, at, house, *certs, settings="revocation = hard\n"):
        self.at, self.path, self.policy, self.count = at, at / "keyring", at / "policy.cnf", 0
        self.policy.write_text(settings)
        must(self("upload", *(certs or [one.cert for one in (house.root, house.issuing, house.lists)])))

    def __call__(self, *words, **how):
        return run(COMMAND, "--policy", self.policy, "--keyring", self.path, *words, **how)

    def upload(self, *ders, more=()):
        paths = []
        for der in ders:
            self.count += 1
            paths.append(self.at / f"{self.count}.crl")
            paths[-1].write_bytes(der)
        return self("upload", *paths, *more)

    def sealed(self, cert):
        """What is said when a message is encrypted to it; True: it is."""
        out = self.at / "sealed"
        done = self("encrypt", cert, "-out", out, stdin=b"hello\n")
        assert out.exists() == (done.rc == 0) and done.rc in (0, 3), done
        out.unlink(missing_ok=True)
        return done.err if done.rc else True

    def listed(self):
        return [json.loads(line) for line in must(self("list", "--crls", "--json")).text.splitlines()]


@pytest.fixture
def ring(tmp_path, house):
    return Ring(tmp_path, house)


def test_covers_who_names_its_issuer(ring, house):
    """And nobody else: not another cRLIssuer, nor a point without one, nor one for some reasons alone."""
    result = must(ring.upload(house.crl(entry(serial_of(house.carol), reason=1, extensions=[named(house.issuing.cert)]))))
    assert "note: " in result.err and "it is an indirect CRL: it covers" in result.err
    assert ring.sealed(house.bob) is True and ring.sealed(house.there) is True
    assert "(key compromise)" in ring.sealed(house.carol)
    for cert in (house.some, house.plain, house.other):
        assert UNKNOWN in ring.sealed(cert)
    assert [(one["scope"], one["entries"], one["issuer"]) for one in ring.listed()] == [
        ("all (indirect)", 1, "CN=Lists")]
    must(ring("keyring", "check"))


def test_programs(ring, house, tmp_path):
    """Stock `openssl` under the provider reads the same file."""
    must(ring.upload(house.crl(entry(serial_of(house.carol), extensions=[named(house.issuing.cert)]))))
    conf = write_conf(tmp_path / "openssl.cnf", {"keyring": ring.path, "revocation": "hard"})
    for cert, rc in ((house.bob, 0), (house.carol, 1)):
        done = run(OPENSSL, "cms", "-encrypt", "-outform", "DER", "-out", tmp_path / "out", cert, conf=conf, stdin=b"x")
        assert (done.rc != 0) == rc and ("revoked" in done.err) == bool(rc), done


def test_revokes_only_who_names_its_issuer(ring, house):
    """A CA of the same root cannot revoke what does not name it, whatever its CRL names."""
    ring.policy.write_text("revocation = soft\n")
    must(ring.upload(house.crl(*(entry(serial_of(cert), extensions=[named(house.issuing.cert)])
                                 for cert in (house.plain, house.other, house.some)))))
    assert ring.sealed(house.plain) is True and ring.sealed(house.other) is True
    assert "[revoked]" in ring.sealed(house.some)  # its point is for some reasons, and this is one


def test_issuer_of_an_entry_holds_for_those_behind_it(ring, house):
    """Before the first it is the CRL's own issuer; and one serial number of two issuers is not one certificate."""
    ring.policy.write_text("revocation = soft\n")
    bob, carol, own = (serial_of(cert) for cert in (house.bob, house.carol, house.own))
    must(ring.upload(house.crl(entry(carol), entry(99, extensions=[named(house.issuing.cert)]), entry(bob))))
    assert "[revoked]" in ring.sealed(house.bob) and ring.sealed(house.carol) is True
    must(ring.upload(house.crl(entry(bob, extensions=[named(house.issuing.cert)]),
                               entry(own, extensions=[named(house.lists.cert)]), crl_number=2)))
    assert "[revoked]" in ring.sealed(house.bob) and "[revoked]" in ring.sealed(house.own)
    must(ring.upload(house.crl(entry(own), crl_number=3)))
    assert ring.sealed(house.bob) is True and "[revoked]" in ring.sealed(house.own)


def test_issuer_below_another_root(tmp_path, house):
    """[RFC 5280, 6.3.3 (f)] Its paths and those of the certificate end in one trust anchor."""
    strangers = house.crl(entry(serial_of(house.bob), extensions=[named(house.issuing.cert)]), by=house.strange)
    ring = Ring(tmp_path, house, house.root.cert, house.issuing.cert, house.strange.above.cert, house.strange.cert)
    must(ring.upload(strangers))
    assert UNKNOWN in ring.sealed(house.bob) and UNKNOWN in ring.sealed(house.carol)
    # Beside the right one, of the same name.
    must(ring("upload", house.lists.cert))
    must(ring.upload(house.crl(entry(serial_of(house.carol), extensions=[named(house.issuing.cert)]))))
    assert ring.sealed(house.bob) is True and "[revoked]" in ring.sealed(house.carol)


def test_issuer_that_is_not_known(tmp_path, house):
    """Then it counts against the certificate and not for it, until the issuer is stored and the CRL again."""
    ring = Ring(tmp_path, house, house.root.cert, house.lists.cert)
    made = house.crl(entry(serial_of(house.carol), extensions=[named(house.issuing.cert)]))
    must(ring.upload(made))
    assert UNKNOWN in ring.sealed(house.bob) and "[revoked]" in ring.sealed(house.carol)
    must(ring("upload", house.issuing.cert))
    assert UNKNOWN in ring.sealed(house.bob)
    assert "\nstored CRL" in "\n" + must(ring.upload(made)).text
    assert ring.sealed(house.bob) is True and "[revoked]" in ring.sealed(house.carol)
    assert "already there CRL" in must(ring.upload(made)).text
    # So it is with a certificate that does not say which key has issued it.
    assert UNKNOWN in ring.sealed(house.keyless)


def test_all_in_one_upload(tmp_path, house):
    ring = Ring(tmp_path, house, house.root.cert)
    (tmp_path / "indirect.crl").write_bytes(house.crl())
    must(ring("upload", tmp_path / "indirect.crl", house.issuing.cert, house.lists.cert))
    assert ring.sealed(house.bob) is True


def test_direct_crls_beside_it(ring, house):
    """Each says what it says; one that is direct is of its issuer's own certificates alone."""
    must(ring.upload(house.crl(), house.crl(by=house.issuing, indirect=False)))
    assert ring.sealed(house.bob) is True and ring.sealed(house.plain) is True
    must(ring.upload(house.crl(entry(serial_of(house.bob)), by=house.issuing, indirect=False, crl_number=2)))
    assert "[revoked]" in ring.sealed(house.bob)
    must(ring.upload(house.crl(entry(serial_of(house.carol)), indirect=False, crl_number=9)))
    assert ring.sealed(house.carol) is True and len(ring.listed()) == 3


def test_part(ring, house):
    """One of a distribution point covers who names both it and its issuer."""
    must(ring.upload(make_crl(house.lists, [entry(serial_of(house.there), extensions=[named(house.issuing.cert)])],
                              key=house.lists.private, extensions=[scope(indirect=True, point=HERE.encode())])))
    assert ring.sealed(house.bob) is True
    assert "[revoked]" in ring.sealed(house.there) and UNKNOWN in ring.sealed(house.plain)
    assert [one["scope"] for one in ring.listed()] == ["all (a part) (indirect)"]


def test_numbers_only_go_up(ring, house):
    carol = entry(serial_of(house.carol), extensions=[named(house.issuing.cert)])
    must(ring.upload(house.crl(carol, crl_number=5)))
    result = ring.upload(house.crl(crl_number=4))
    assert result.rc == 3 and "a newer one of its issuer is stored" in result.err
    assert "[revoked]" in ring.sealed(house.carol)


def test_delta(ring, house):
    """It changes the entries of the issuer that it names, and no others of that serial number."""
    bob, carol = serial_of(house.bob), serial_of(house.carol)
    of_issuing = [named(house.issuing.cert)]
    must(ring.upload(house.crl(entry(bob), entry(carol, reason=HOLD, extensions=of_issuing), crl_number=5)))
    must(ring.upload(house.crl(entry(carol, reason=REMOVE), more=[delta_of(5)], crl_number=6)))
    assert "(certificate hold)" in ring.sealed(house.carol) and ring.sealed(house.bob) is True
    must(ring.upload(house.crl(entry(carol, reason=REMOVE, extensions=of_issuing), entry(bob, reason=1),
                               more=[delta_of(6)], crl_number=7)))
    assert ring.sealed(house.carol) is True and "(key compromise)" in ring.sealed(house.bob)


ISSUER = "2.5.29.29"
NO_NAME = "one of its entries names another issuer by something that is not one name, or too long"


def general(*names):
    return extension(ISSUER, tlv(SEQUENCE, *names), critical=True)


NAME = tlv(0xa4, name(b"x"))


@pytest.mark.parametrize("extensions, said", [
    ([general(NAME), general(NAME)], "one of its entries cannot be read"),
    ([general()], NO_NAME),
    ([general(tlv(0xa4, tlv(SEQUENCE)))], NO_NAME),
    ([general(tlv(0x82, b"ca.example.org"))], NO_NAME),
    ([general(NAME, NAME)], NO_NAME),
    ([general(tlv(0xa4, name(b"x" * 9000)))], NO_NAME),
    ([general(*[tlv(0x82, b"x")] * 100000)], NO_NAME),
    ([extension(ISSUER, b"\x30\x05", critical=True)], NO_NAME),
    ([extension(ISSUER, tlv(SEQUENCE, NAME) + b"\0", critical=True)], NO_NAME),
    ([general(NAME), unknown_critical()], "one of its entries has a critical extension"),
], ids=["twice", "empty", "no name", "DNS", "two names", "long", "many", "cut", "more behind it", "critical"])
def test_refused_by_the_issuer_of_an_entry(ring, house, extensions, said):
    """Also if it is the last one."""
    result = ring.upload(house.crl(entry(1), entry(2, extensions=[named(house.issuing.cert)]),
                                   entry(3, extensions=extensions)))
    assert result.rc == 3 and said in result.err and ring.listed() == [], result


def test_names_beside_the_name(ring, house):
    """Those of other types do not matter, nor whether it is marked as critical."""
    both = extension(ISSUER, tlv(SEQUENCE, tlv(0x82, b"x"), tlv(0xa4, subject_of(house.issuing.cert))))
    must(ring.upload(house.crl(entry(serial_of(house.bob), extensions=[both]))))
    assert "[revoked]" in ring.sealed(house.bob) and ring.sealed(house.carol) is True


def test_without_saying_so(ring, house):
    result = ring.upload(house.crl(entry(1, extensions=[named(house.issuing.cert)]), indirect=False))
    assert result.rc == 3 and "and it does not say that it is an indirect CRL" in result.err
    assert ring.listed() == []


def test_may_not_sign_crls(tmp_path, house):
    mute = tmp_path / "mute.pem"
    must(stock("req", "-x509", "-key", house.lists.private, "-subj", "/CN=Lists", "-days", "99", "-out", mute,
               "-CA", house.root.cert, "-CAkey", house.root.private,
               "-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign"))
    ring = Ring(tmp_path, house, house.root.cert, house.issuing.cert, mute)
    result = ring.upload(house.crl())
    assert result.rc == 3 and "the Key Usage of its issuer lacks CRL Sign" in result.err and ring.listed() == []


def test_its_issuer_is_revoked(ring, house):
    """By the CRL of the root; the issuer's CRL of its own certificates is taken all the same."""
    must(ring.upload(house.crl(entry(serial_of(house.lists.cert)), by=house.root, indirect=False)))
    result = ring.upload(house.crl())
    assert result.rc == 3 and "the certificate of its issuer is revoked" in result.err
    assert [one["issuer"] for one in ring.listed()] == ["CN=Root"]
    must(ring.upload(house.crl(indirect=False)))


def test_damaged(ring, house):
    """It might name the certificate, so it is refused, and whoever does not name its issuer is not."""
    ring.policy.write_text("revocation = soft\n")
    must(ring.upload(house.crl()))
    path = next(ring.path.glob("crls/*/*.crl"))
    content = bytearray(path.read_bytes())
    content[5000] ^= 1
    path.write_bytes(content)
    said = ring.sealed(house.bob)
    assert said is not True and str(path) in said and "is damaged" in said
    assert ring.sealed(house.plain) is True


def test_stale(ring, house):
    must(ring.upload(house.crl(this=NOW - 9 * DAY, until=NOW - 2 * DAY)))
    assert "is stale" in ring.sealed(house.bob)


def test_as_libcrypto_reads_it(house, tmp_path):
    """X509_V_FLAG_EXTENDED_CRL_SUPPORT comes to the same."""
    made = house.crl(entry(serial_of(house.carol), extensions=[named(house.issuing.cert)]))
    (tmp_path / "crl.pem").write_bytes(must(stock("crl", "-inform", "DER", stdin=made)).out)
    (tmp_path / "cas.pem").write_bytes(house.issuing.cert.read_bytes() + house.lists.cert.read_bytes())

    def said(cert):
        return stock("verify", "-crl_check", "-extended_crl", "-CAfile", house.root.cert, "-untrusted",
                     tmp_path / "cas.pem", "-CRLfile", tmp_path / "crl.pem", cert).text
    assert "OK" in said(house.bob) and "certificate revoked" in said(house.carol)
    for cert in (house.plain, house.other):
        assert "verification failed" in said(cert)
