# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
"""The answers of OCSP that a verb or `maintain` has kept, as gates in any program read them."""

import json
import subprocess
import threading

import pytest

from harness import COMMAND, OPENSSL, SLOW_CLOCK, environment, must, run, write_conf
from responders import Authority
from web import web

UNKNOWN = "no stored CRL of its issuer covers it"


@pytest.fixture(scope="module")
def server():
    with web() as one:
        yield one


@pytest.fixture(scope="module")
def ca(server, tmp_path_factory):
    one = Authority(tmp_path_factory.mktemp("pki") / "ca", "Ca")
    for name in ("alice", "bob", "carol"):
        setattr(one, name, one.issue(name, f"authorityInfoAccess=OCSP;URI:{server.url}/ocsp"))
    return one


@pytest.fixture(autouse=True)
def answers(server, ca):
    server.answers.clear()
    server.answers["/ocsp"] = ca.responder()
    for line in ca.issued.values():
        line[:3] = ["V", "351231235959Z", ""]
    return server.answers


class Ring:
    def __init__(self, at, server, ca):
        self.at, self.path, self.policy = at, at / "keyring", at / "policy.cnf"
        self.policy.write_text(f"ocsp = on\nrevocation = soft\nfetch_private = yes\nfetch_from = {server.place}\n")
        must(self("upload", ca.cert))

    def __call__(self, *words, **how):
        return run(*SLOW_CLOCK, COMMAND, "--policy", self.policy, "--keyring", self.path, *words, **how)

    def ask(self, *certs):
        """The verb asks about each, and keeps what it is told."""
        for cert in certs:
            self("encrypt", cert, "-out", self.at / "sealed", stdin=b"hello\n")

    def by_stock(self, cert, faked=None, **settings):
        """`openssl cms` under the provider; True, or what it says."""
        conf = write_conf(self.at / "openssl.cnf", {"keyring": self.path, "ocsp": "on", "revocation": "hard", **settings})
        before = ("faketime", "-f", faked) if faked else ()
        done = run(*before, OPENSSL, "cms", "-encrypt", "-outform", "DER", "-out", self.at / "out", cert, conf=conf,
                   stdin=b"x")
        return done.err if done.rc else True

    def files(self):
        return list(self.path.glob("crls/*/*-80.crl"))


@pytest.fixture
def ring(tmp_path, server, ca):
    return Ring(tmp_path, server, ca)


def test_good(ring, ca):
    """Under `hard` an answer is as good as a CRL, until it ends; for who was asked about alone."""
    assert UNKNOWN in ring.by_stock(ca.alice)
    ring.ask(ca.alice, ca.bob)
    assert ring.by_stock(ca.alice) is True and ring.by_stock(ca.bob) is True
    assert UNKNOWN in ring.by_stock(ca.carol) and len(ring.files()) == 1
    assert UNKNOWN in ring.by_stock(ca.alice, faked="+2d")
    assert UNKNOWN in ring.by_stock(ca.alice, ocsp="off")
    assert ring.by_stock(ca.alice, ocsp="off", revocation="soft") is True


def test_revoked(ring, ca):
    """Also under `soft`, and for good."""
    ca.revoke("alice", "keyCompromise")
    ring.ask(ca.alice, ca.bob)
    for settings in ({}, {"revocation": "soft"}, {"revocation": "soft", "faked": "+9d"}):
        said = ring.by_stock(ca.alice, **settings)
        assert "revoked" in said and "2026-01-01" in said and "(key compromise)" in said
    assert ring.by_stock(ca.bob) is True
    assert ring.by_stock(ca.alice, revocation="off") is True
    assert ring.by_stock(ca.alice, revocation="soft", ocsp="off") is True


def test_the_last_answer_counts(ring, ca, answers):
    """A certificate that was on hold is released."""
    ca.revoke("alice", "certificateHold")
    answers["/ocsp"] = ca.responder("-nmin", "1", faked="-4m")
    ring.ask(ca.alice)
    assert "(certificate hold)" in ring.by_stock(ca.alice)
    ca.issued["alice"][:3] = ["V", "351231235959Z", ""]
    answers["/ocsp"] = ca.responder()
    ring.ask(ca.alice)
    assert ring.by_stock(ca.alice) is True


def test_verifying(ring, ca, server, tmp_path):
    """A signer in any program."""
    mail = must(run(OPENSSL, "cms", "-sign", "-signer", ca.alice, "-inkey", ca.key(ca.alice), conf="/dev/null",
                    stdin=b"x")).out
    (tmp_path / "signed").write_bytes(mail)
    conf = write_conf(tmp_path / "verify.cnf", {"keyring": ring.path, "ocsp": "on", "revocation": "hard"})

    def verified():
        return run(OPENSSL, "cms", "-verify", "-in", tmp_path / "signed", "-CAfile", ca.cert, conf=conf)
    assert verified().rc != 0
    must(ring("verify", "-in", tmp_path / "signed", "--no-sender"))
    must(verified())


def test_they_are_no_crls(ring, ca):
    """They are in no list; `keyring check` reads them, and what is damaged refuses until it is replaced."""
    ring.ask(ca.alice)
    assert must(ring("list", "--crls")).text == "" or "CN=" not in must(ring("list", "--crls")).text
    assert must(ring("keyring", "check")).text.endswith("sound; 1 certificate, 0 private keys\n")
    path, = ring.files()
    content = bytearray(path.read_bytes())
    content[5000] ^= 1
    path.write_bytes(content)
    assert ring("keyring", "check").rc == 5
    assert "is damaged" in ring.by_stock(ca.alice, revocation="soft")


def test_three_at_the_same_time(ring, ca, answers):
    """None of the answers is lost."""
    one_by_one, responder = threading.Lock(), ca.responder()

    def answer(exchange):
        with one_by_one:
            responder(exchange)
    answers["/ocsp"] = answer
    words = [*SLOW_CLOCK, COMMAND, "--policy", ring.policy, "--keyring", ring.path, "encrypt"]
    (ring.at / "mail").write_bytes(b"hello\n")
    running = [subprocess.Popen([*words, cert, "-in", ring.at / "mail", "-out", ring.at / f"sealed{n}"],
                                env=environment(), stderr=subprocess.DEVNULL)
               for n, cert in enumerate((ca.alice, ca.bob, ca.carol))]
    assert [one.wait() for one in running] == [0, 0, 0]
    assert [ring.by_stock(cert) for cert in (ca.alice, ca.bob, ca.carol)] == [True] * 3


def test_maintain(ring, ca):
    """It asks about the identities, so that programs which sign have an answer."""
    must(ring("upload", "--no-passphrase", ca.alice, ca.key(ca.alice)))
    must(ring("maintain"))
    assert ring.by_stock(ca.alice) is True
    told = json.loads(must(ring("keyring", "check", "--json")).out)
    assert told["crls"] == 0 and told["sound"]
