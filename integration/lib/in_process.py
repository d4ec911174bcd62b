# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
"""
Programs that use OpenSSL in their own process, and what every one of them must show.

They meet the policy through OPENSSL_CONF and nothing else.  `Contract` holds the tests that are the
same for all: a test file inherits it, names its program, and says where that program is different.
"""

import functools
import json
import os
import shutil
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from harness import REPO, refused, run, write_conf

DRIVERS = REPO / "integration" / "programs" / "drivers"
# Debian's interpreter; the first one on PATH may be another.
PYTHON = "/usr/bin/python3"

# Certificates that may neither sign nor be encrypted to, and the rule that refuses them.
REFUSED = {"expired": "expired", "eku_server": "extended-key-usage", "no_san": "san-email",
           "no_ku": "key-usage"}
TEXT = b"the quick brown fox."


def find(program):
    """The path of a program, or its bare name if it is missing."""
    return shutil.which(program, path=os.defpath) or program


@functools.cache
def succeeds(argv):
    """Can a command be run here?  Found out once."""
    try:
        return run(*argv, conf="/dev/null").rc == 0
    except FileNotFoundError:
        return False


@dataclass
class Program:
    """
    A program that is called as ARGV… OPERATION IN OUT ARGUMENT…

    sign(certificate, mail, out), encrypt(certificates, mail, out), verify(mail, trusted, out),
    extract(mail, out) and decrypt(mail, certificate, out) give the Result of one process each.
    Those of drivers/ write |out| after success only, and tell what their language's users see.
    """

    name: str
    argv: tuple
    package: str  # of Debian
    probe: tuple  # a command that succeeds where the package is installed
    conf: Path | str | None = None
    prefix: tuple = ()  # the program that supervises it

    def under(self, conf):
        """The same program with another OPENSSL_CONF."""
        return replace(self, conf=conf)

    def missing(self):
        """Why the program cannot run here, or None."""
        return None if succeeds(self.probe) else f"{self.name}: {self.package} is not installed"

    def call(self, *args, **kwargs):
        return run(*self.prefix, *self.argv, *args, conf=self.conf, **kwargs)

    def sign(self, cert, mail, out):
        chain = [cert.chain] if cert.chain else []
        return self.call("sign", mail, out, cert.pem, cert.key, *chain)

    def encrypt(self, certs, mail, out):
        return self.call("encrypt", mail, out, *[cert.pem for cert in certs])

    def verify(self, mail, trusted, out):
        return self.call("verify", mail, out, trusted)

    def extract(self, mail, out):
        return self.call("extract", mail, out)

    def decrypt(self, mail, cert, out):
        return self.call("decrypt", mail, out, cert.pem, cert.key)


def send(program, operation, cert, mail, out):
    """Sign with, or encrypt to, one certificate."""
    return program.sign(cert, mail, out) if operation == "sign" else \
        program.encrypt([cert], mail, out)


def decisions(log):
    """The lines of a decision log."""
    return [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []


def logged(log, operation, rule):
    """Does the log hold such a refusal?"""
    return any(line["operation"] == operation and line["verdict"] == "refused" and
               rule in [finding["rule"] for finding in line["findings"]] for line in decisions(log))


def nothing_left(out):
    """Is there no file, or an empty one?"""
    return not out.exists() or out.stat().st_size == 0


class Contract:
    """What every program must show."""

    program = None
    # Operations whose reason is in the decision log only, with what is printed instead: {operation: text}; or
    # what different releases print.
    silent = {}
    # Operations that the program does not have: {operation: reason}.
    lacks = {}
    # The program writes the content before it verifies the signature, and leaves it there.
    content_first = False

    @pytest.fixture(autouse=True)
    def _installed(self):
        missing = self.program.missing()
        if missing:
            pytest.skip(missing)

    def can(self, operation):
        if operation in self.lacks:
            pytest.skip(f"{self.program.name}: {self.lacks[operation]}")

    @pytest.fixture
    def out(self, tmp_path):
        return tmp_path / "out"

    @pytest.fixture
    def log(self, tmp_path):
        return tmp_path / "decisions"

    @pytest.fixture
    def under(self, tmp_path, log):
        """The program under a configuration of ours, decisions logged."""
        def make(**settings):
            return self.program.under(write_conf(tmp_path / "openssl.cnf",
                                                 {"decision_log": log, **settings}))
        return make

    def says(self, result, operation, rule):
        """Is it a failure, with the reason if the program shows it?"""
        if operation in self.silent:
            said = self.silent[operation]
            said = (said,) if isinstance(said, str) else said
            assert result.rc != 0 and any(text in result.text for text in said), result
            assert f"[{rule}]" not in result.text, f"better than the guide says\n{result}"
        else:
            refused(result, rule)

    @pytest.mark.parametrize("operation", ["sign", "encrypt"])
    def test_good_certificate(self, operation, under, pki, mail, out, read_back):
        """Stock openssl reads the output without the policy."""
        self.can(operation)
        result = send(under(), operation, pki.good_rsa, mail, out)
        assert result.rc == 0, result
        assert TEXT in read_back(operation, out, pki.good_rsa)

    @pytest.mark.parametrize("operation", ["sign", "encrypt"])
    def test_without_the_policy(self, operation, pki, mail, out):
        """Without the policy an expired certificate signs: the refusals below are ours."""
        self.can(operation)
        result = send(self.program.under("/dev/null"), operation, pki.expired, mail, out)
        assert result.rc == 0 and not nothing_left(out), result

    @pytest.mark.parametrize("name", REFUSED)
    @pytest.mark.parametrize("operation", ["sign", "encrypt"])
    def test_refused_certificate(self, operation, name, under, pki, mail, out, log):
        """Nothing is written, and the reason is shown."""
        self.can(operation)
        result = send(under(), operation, pki[name], mail, out)
        self.says(result, operation, REFUSED[name])
        assert nothing_left(out), out.read_bytes()
        assert logged(log, operation, REFUSED[name]), decisions(log)

    def test_known_issuer(self, under, pki, post, out):
        """A mail from a signer whose issuer was provided."""
        self.can("verify")
        result = under().verify(self.incoming(post, "good_rsa"), pki.ca, out)
        assert result.rc == 0, result
        assert TEXT in out.read_bytes()

    def test_unknown_issuer(self, under, pki, post, out):
        """The program checks it by itself, and we let nothing pass."""
        self.can("verify")
        result = under().verify(self.incoming(post, "foreign"), pki.ca, out)
        assert result.rc != 0, result
        assert nothing_left(out)

    @pytest.mark.parametrize("name", ["eku_server", "no_san"])
    def test_signer_certificate(self, name, under, pki, post, out, log):
        """A trusted issuer alone does not make a certificate one for mail."""
        self.can("verify")
        result = under().verify(self.incoming(post, name), pki.ca, out)
        self.says(result, "verify", "signer-certificate")
        assert nothing_left(out)
        assert logged(log, "verify", "signer-certificate"), decisions(log)

    def test_unverified_signer(self, under, post, out, log):
        """NOVERIFY extracts the content of a stranger's mail, unless the setting refuses it."""
        self.can("extract")
        message = self.incoming(post, "foreign")
        assert under().extract(message, out).rc == 0
        assert TEXT in out.read_bytes()
        out.unlink()
        result = under(unverified_signers="refuse").extract(message, out)
        self.says(result, "extract", "distrust-default")
        assert nothing_left(out) != self.content_first
        assert logged(log, "verify", "distrust-default"), decisions(log)

    def test_decrypt_with_an_expired_certificate(self, under, pki, post, out):
        """Old mail stays readable."""
        self.can("decrypt")
        result = under().decrypt(self.incoming(post, "expired", "encrypted"), pki.expired, out)
        assert result.rc == 0, result
        assert TEXT in out.read_bytes()

    def incoming(self, post, name, how="signed"):
        """A mail prepared by stock openssl without the policy."""
        return getattr(post, how)(name)
