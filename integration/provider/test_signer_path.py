# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
"""
The signer's path in stock programs: its issuers among the certificates that the program has parsed are
judged; `signer_path` says what follows.  docs/security/rules.md.
"""

import json

import pytest

from harness import OPENSSL, PHP, must, refused, run, stock, write_conf
from paths import SMIME_PHP
from pki import CA_CONF, EXPIRED, FUTURE, GOOD

CA, NO_CA = "critical,CA:TRUE", "critical,CA:FALSE"
OLD = "/CN=old_intermediate/emailAddress=old_intermediate@example.com"


class Authorities:
    """Certificates of issuers, made for one test."""

    def __init__(self, pki, directory):
        self.pki, self.directory = pki, directory

    def key(self, name):
        path = self.directory / f"{name}.key"
        must(stock("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", path))
        return path

    def issue(self, name, subject, key, dates=GOOD, *, constraints=CA, key_id=True,
              usage="keyCertSign,cRLSign", by=None):
        """A certificate of |by|, a pair of files; by default of the root."""
        work = self.directory / f"{name}.ca"
        work.mkdir()
        (work / "index.txt").write_text("")
        conf = CA_CONF.format(dir=work, constraints=constraints, extensions=f"keyUsage = {usage}")
        if not key_id:
            conf = conf.replace("subjectKeyIdentifier = hash", "subjectKeyIdentifier = none")
        (work / "ca.cnf").write_text(conf)
        issuer = by or (self.pki.ca, self.pki.root.key)
        must(stock("req", "-new", "-config", work / "ca.cnf", "-key", key, "-subj", subject, "-out",
                   work / "csr"))
        must(stock("ca", "-batch", "-notext", "-config", work / "ca.cnf", "-extensions", "leaf",
                   "-startdate", dates[0], "-enddate", dates[1], "-cert", issuer[0], "-keyfile",
                   issuer[1], "-in", work / "csr", "-out", self.directory / f"{name}.pem"))
        return self.directory / f"{name}.pem"


@pytest.fixture
def authorities(pki, tmp_path):
    return Authorities(pki, tmp_path)


@pytest.fixture
def log(tmp_path):
    return tmp_path / "decisions"


@pytest.fixture
def under(tmp_path, log):
    """Sign under these settings with certificates beside the signer's."""
    def make(cert, mail, beside, *options, api="cms", **settings):
        conf = write_conf(tmp_path / "openssl.cnf",
                          {"decision_log": log, "signer_path": "refuse", **settings})
        pool, out = tmp_path / "pool.pem", tmp_path / "out"
        pool.write_bytes(b"".join(path.read_bytes() for path in beside))
        form = () if api == "smime" else ("-outform", "DER", "-nodetach")
        return run(OPENSSL, api, "-sign", *form, *options, "-in", mail, "-signer", cert.pem, "-inkey",
                   cert.key, "-out", out, *(("-certfile", pool) if beside else ()), conf=conf), out
    return make


def issuers_in(log):
    """The rules that were logged for another certificate than the signer's."""
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    return [finding["rule"] for line in lines if "old_intermediate" in line.get("subject", "")
            for finding in line["findings"]]


def is_refused(signed, *rules):
    """It is, with the reason, and there is no signature."""
    result, out = signed
    refused(result, *rules)
    assert "certificate on the signer's path" in result.text, result
    assert not out.exists() or b"PKCS7" not in out.read_bytes() and not out.read_bytes().startswith(b"0")


def passes(signed):
    """It is signed, and stock reads it."""
    result, out = signed
    must(result)
    must(stock("cms", "-verify", "-noverify", "-in", out, "-inform",
               "DER" if out.read_bytes().startswith(b"0") else "SMIME"))


@pytest.mark.parametrize("api, options, settings", [
    ("cms", (), {}), ("cms", ("-noattr",), {}), ("smime", (), {}), ("cms", (), {"keys": "mail"}),
    ("cms", (), {"raw_keys": "pass"}), ("cms", ("-noattr",), {"raw_keys": "pass"})])
def test_expired_issuer(api, options, settings, under, pki, mail, log):
    """The signer's issuer has expired, and there is no other."""
    is_refused(under(pki.old_chain, mail, [pki.old_intermediate.pem], *options, api=api, **settings),
               "expired")
    assert "expired" in issuers_in(log)
    passes(under(pki.good_chain, mail, [pki.intermediate], *options, api=api, **settings))


def test_issuer_that_was_not_parsed(under, pki, mail):
    """Nothing is known of it."""
    passes(under(pki.old_chain, mail, []))


def test_expired_issuer_of_somebody_else(under, pki, mail, log):
    """A program may hold whatever it likes."""
    passes(under(pki.good_chain, mail, [pki.old_intermediate.pem]))
    passes(under(pki.good_chain, mail, [pki.old_intermediate.pem, pki.intermediate]))
    assert not issuers_in(log)


@pytest.mark.parametrize("first", [False, True])
def test_renewed_issuer(first, under, authorities, pki, mail, log):
    """It has the name and key of the expired one, and is there too."""
    renewed = authorities.issue("renewed", OLD, pki.old_intermediate.key)
    both = [renewed, pki.old_intermediate.pem]
    passes(under(pki.old_chain, mail, both if first else both[::-1]))
    assert not issuers_in(log)


@pytest.mark.parametrize("key_id", [True, False])
@pytest.mark.parametrize("dates", [EXPIRED, FUTURE])
def test_stranger_of_that_name(dates, key_id, under, authorities, pki, mail, log):
    """It has not signed the signer's certificate."""
    stranger = authorities.issue("stranger", OLD, authorities.key("other"), dates, key_id=key_id)
    passes(under(pki.old_chain, mail, [stranger]))
    assert not issuers_in(log)
    is_refused(under(pki.old_chain, mail, [stranger, pki.old_intermediate.pem]), "expired")


def test_stranger_that_may_be_used(under, authorities, pki, mail):
    """With another key identifier it is no issuer; without one it may be, and settles it."""
    key = authorities.key("other")
    other = authorities.issue("other", OLD, key)
    is_refused(under(pki.old_chain, mail, [other, pki.old_intermediate.pem]), "expired")
    other = authorities.issue("any", OLD, key, key_id=False)
    passes(under(pki.old_chain, mail, [other, pki.old_intermediate.pem]))


@pytest.mark.parametrize("how, rule", [
    ({"dates": FUTURE}, "not-yet-valid"), ({"constraints": NO_CA}, "ca-exempt"),
    ({"constraints": NO_CA, "usage": "digitalSignature"}, "ca-exempt")])
def test_other_faults(how, rule, under, authorities, pki, mail):
    """An issuer that is not valid yet, and one that is no CA."""
    issuer = authorities.issue("issuer", OLD, pki.old_intermediate.key, **how)
    is_refused(under(pki.old_chain, mail, [issuer]), rule)


def test_issuer_of_the_issuer(under, authorities, pki, mail):
    """The path is judged to its end, and one way that may be used is enough."""
    key, leaf = authorities.key("sub"), pki.good_p256
    sub = authorities.issue("sub", "/CN=sub", key, by=(pki.old_intermediate.pem, pki.old_intermediate.key))
    signer = leaf.beside(pem=authorities.issue(
        "signer", "/CN=signer", leaf.key, by=(sub, key), constraints=NO_CA,
        usage="digitalSignature\nextendedKeyUsage = emailProtection\n"
              "subjectAltName = email:signer@example.com"))
    passes(under(signer, mail, [sub]))
    is_refused(under(signer, mail, [sub, pki.old_intermediate.pem]), "expired")
    passes(under(signer, mail, [sub, pki.old_intermediate.pem,
                                authorities.issue("renewed", OLD, pki.old_intermediate.key)]))
    passes(under(signer, mail, [sub, pki.old_intermediate.pem, authorities.issue("crossed", "/CN=sub", key)]))


def test_many_of_that_name(under, authorities, pki, mail):
    """So many are looked at for one signature; what is beyond passes."""
    key = authorities.key("other")
    strangers = [authorities.issue(f"stranger{i}", OLD, key, EXPIRED, key_id=False) for i in range(64)]
    is_refused(under(pki.old_chain, mail, [*strangers[:60], pki.old_intermediate.pem]), "expired")
    passes(under(pki.old_chain, mail, strangers[:60]))
    passes(under(pki.old_chain, mail, [*strangers, pki.old_intermediate.pem]))


@pytest.mark.parametrize("settings", [{"signer_path": "log"}, {"mode": "observe"}])
def test_logged(settings, under, pki, mail, log):
    """It goes on, and the decision log says so."""
    passes(under(pki.old_chain, mail, [pki.old_intermediate.pem], **settings))
    assert "expired" in issuers_in(log)


def test_by_default_it_is_logged(pki, mail, tmp_path, log):
    """The setting is `log`; without a decision log nothing is written."""
    for settings in ({}, {"decision_log": log}):
        conf = write_conf(tmp_path / "openssl.cnf", settings)
        result = must(run(OPENSSL, "cms", "-sign", "-in", mail, "-signer", pki.old_chain.pem, "-inkey",
                          pki.old_chain.key, "-certfile", pki.old_intermediate.pem, conf=conf))
        assert result.err == ""
    assert issuers_in(log) == ["expired", "validity-too-long"][:1]


@pytest.mark.parametrize("api", ["cms", "pkcs7"])
def test_php(api, pki, mail, tmp_path):
    """It parses the signer first and the others after."""
    conf, out = write_conf(tmp_path / "openssl.cnf", {"signer_path": "refuse"}), tmp_path / "out"

    def sign(cert):
        return run(PHP, "-n", SMIME_PHP, api, "sign", mail, out, cert.pem, cert.key, cert.chain, conf=conf)
    refused(sign(pki.old_chain), "expired")
    must(sign(pki.good_chain))


def test_tls_is_not_asked(pki, tmp_path, authorities):
    """A server may have what chain it likes: its signatures are no mail."""
    conf = write_conf(tmp_path / "openssl.cnf", {"signer_path": "refuse"})
    digest, out = tmp_path / "data", tmp_path / "signature"
    digest.write_bytes(b"no attributes")
    must(run(OPENSSL, "dgst", "-sha256", "-sign", pki.old_chain.key, "-out", out, digest, conf=conf))
