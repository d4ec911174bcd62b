# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
"""A program under the provider opens no socket, whatever URLs are in certificates and whatever the settings say."""

import re

import pytest

from faults import skip_without_strace
from harness import COMMAND, OPENSSL, must, run, stock, write_conf
from responders import Authority
from web import web


@pytest.fixture(scope="module")
def server():
    skip_without_strace()
    with web() as one:
        yield one


@pytest.fixture(scope="module")
def home(server, tmp_path_factory):
    """A keyring with a CRL that names Bob; every certificate has the URLs of its CRL and of its responder."""
    home = tmp_path_factory.mktemp("home")
    ca = Authority(home / "ca", "Ca")
    for name in ("alice", "bob"):
        setattr(ca, name, ca.issue(name, f"authorityInfoAccess=OCSP;URI:{server.url}/ocsp",
                                   f"crlDistributionPoints=URI:{server.url}/ca.crl"))
    ca.revoke("bob", "keyCompromise")
    (home / "crl").write_bytes(ca.crl())
    server.answers |= {"/ca.crl": ca.crl(), "/ocsp": ca.responder()}
    must(run(COMMAND, "--keyring", home / "ring", "upload", ca.cert, home / "crl"))
    (home / "mail").write_text("hello\n")
    for name in ("alice", "bob"):
        cert = getattr(ca, name)
        must(stock("cms", "-sign", "-in", home / "mail", "-signer", cert, "-inkey", ca.key(cert), "-out",
                   home / f"{name}.signed"))
    settings = {"keyring": home / "ring", "revocation": "hard", "ocsp": "on", "fetch_private": "yes",
                "fetch_from": server.place}
    return home, ca, settings


def calls(log):
    """The system calls of the network that strace has seen."""
    return re.findall(r"^\d+ +(\w+)\(", log.read_text(), re.M)


@pytest.mark.parametrize("who,refused", [("alice", False), ("bob", True)])
@pytest.mark.parametrize("operation", ["sign", "encrypt", "verify"])
def test_stock_programs(home, server, tmp_path, operation, who, refused):
    home, ca, settings = home
    cert = getattr(ca, who)
    conf = write_conf(tmp_path / "openssl.cnf", settings)
    words = {"sign": ("-sign", "-in", home / "mail", "-signer", cert, "-inkey", ca.key(cert)),
             "encrypt": ("-encrypt", "-in", home / "mail", cert),
             "verify": ("-verify", "-in", home / f"{who}.signed", "-CAfile", ca.cert)}[operation]
    done = run("strace", "-f", "-qq", "-e", "trace=%network", "-o", tmp_path / "log", OPENSSL, "cms",
               words[0], "-out", tmp_path / "out", *words[1:], conf=conf)
    assert (done.rc != 0) == refused and ("revoked" in done.err) == refused, done
    assert calls(tmp_path / "log") == [] and not server.asked


def test_what_strace_would_show(home, server, tmp_path):
    """The command, which may ask, is seen asking."""
    home, ca, settings = home
    policy = tmp_path / "policy.cnf"
    policy.write_text("".join(f"{key} = {value}\n" for key, value in settings.items()))
    run("strace", "-f", "-qq", "-e", "trace=%network", "-o", tmp_path / "log", COMMAND, "--policy", policy, "encrypt",
        "-in", home / "mail", "-out", tmp_path / "out", ca.alice)
    assert "connect" in calls(tmp_path / "log") and server.paths == ["/ocsp"]
