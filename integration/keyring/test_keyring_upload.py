# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
"""`smime-policy upload`: what is stored, in which role, and what is refused."""

import json
import os
import re
import sqlite3
import stat

import pytest

from harness import COMMAND, OPENSSL, environment, must, run, stock
from terminal import Terminal

SECRET = "correct horse"


class Ring:
    """A keyring, and the command that works on it."""

    def __init__(self, directory, **env):
        self.path = directory / "keyring"
        self.env = env

    def __call__(self, *args, **kwargs):
        return run(COMMAND, "--keyring", self.path, *args, env=self.env, **kwargs)

    def upload(self, *args, **kwargs):
        return self("upload", *args, **kwargs)

    def contents(self):
        """(role, first address) of every certificate; none if there is no keyring."""
        if not self.path.exists():
            return []
        with sqlite3.connect(f"file:{self.path}/certificates.db?mode=ro", uri=True) as db:
            rows = db.execute("SELECT c.role, min(a.address) FROM certificate c LEFT JOIN address a"
                              " ON a.certificate = c.id GROUP BY c.id").fetchall()
        roles = {1: "identity", 2: "contact", 3: "ca"}
        return sorted(((roles[role], address) for role, address in rows), key=str)

    def keys(self):
        if not self.path.exists():
            return []
        with sqlite3.connect(f"file:{self.path}/keys.db?mode=ro", uri=True) as db:
            if not db.execute("SELECT 1 FROM sqlite_master").fetchone():
                return []
            return db.execute("SELECT encrypted, pkcs8, uri FROM private_key").fetchall()


@pytest.fixture
def ring(tmp_path):
    return Ring(tmp_path)


@pytest.fixture
def secret(tmp_path):
    path = tmp_path / "secret"
    path.write_text(SECRET + "\n")
    return path


def stored(result):
    assert result.rc == 0, result
    return result


def refused_upload(result, ring, *rules, rc=3):
    """Refused, with each rule named, and nothing stored."""
    assert result.rc == rc, result
    for rule in rules:
        assert f"[{rule}]" in result.err, result
    assert result.out == b"", result
    assert not (ring.path / "certificates.db").exists() or ring.contents() == []
    return result


# The role of what is stored.

@pytest.mark.parametrize("name, role", [
    ("good_rsa", "contact"), ("good_p256", "contact"), ("expired", "contact"),
    ("future", "contact"), ("self_ca", "contact"), ("self_leaf", "contact"),
    ("ku_ds", "contact"), ("ku_ke", "contact"), ("root", "ca"), ("intermediate", "ca"),
    ("rsa_pss", "contact")])
def test_role_from_the_content(ring, pki, name, role):
    result = stored(ring.upload(pki[name].pem))
    assert [kept for kept, _ in ring.contents()] == [role]
    assert f"stored as {role}:" in result.text


@pytest.mark.parametrize("name", ["good_rsa", "good_p256", "expired", "self_ca", "ku_ke"])
def test_with_its_key_it_is_an_identity(ring, pki, secret, name):
    cert = pki[name]
    stored(ring.upload(cert.pem, cert.key, "--passout", f"file:{secret}"))
    assert ring.contents() == [("identity", cert.recipe.address)]


def test_the_key_may_come_first(ring, pki, secret, tmp_path):
    both = tmp_path / "both.pem"
    both.write_bytes(pki.good_rsa.key.read_bytes() + pki.good_rsa.pem.read_bytes())
    stored(ring.upload(both, "--passout", f"file:{secret}"))
    assert ring.contents() == [("identity", "good_rsa@example.com")]


def test_a_key_makes_the_stored_contact_an_identity(ring, pki, secret):
    stored(ring.upload(pki.good_rsa.pem, pki.good_p256.pem))
    stored(ring.upload(pki.good_rsa.key, "--passout", f"file:{secret}"))
    assert ring.contents() == [("contact", "good_p256@example.com"),
                               ("identity", "good_rsa@example.com")]


def test_a_renewed_certificate_needs_no_key_again(ring, pki, secret):
    stored(ring.upload(pki.renewed_old.pem, pki.renewed_old.key, "--passout", f"file:{secret}"))
    result = stored(ring.upload(pki.renewed_new.pem))
    assert "stored as identity" in result.text
    assert [role for role, _ in ring.contents()] == ["identity", "identity"]


def test_expired_is_noted_and_stored(ring, pki):
    result = stored(ring.upload(pki.expired.pem))
    assert "note: upload: expired@example.com: certificate expired on 2021-01-01" in result.err


# Everything that the rules refuse, with every fault.

@pytest.mark.parametrize("name, rule", [
    ("no_san", "san-email"), ("san_dns", "san-email"), ("san_uri", "san-email"),
    ("san_dns_trick", "san-email"), ("san_upn", "san-email"), ("no_ku", "key-usage"),
    ("ku_nr", "key-usage"), ("ku_de", "key-usage"), ("ku_ka", "key-usage"),
    ("ed25519", "key-algorithm"), ("dsa", "key-algorithm"),
    ("eku_server", "extended-key-usage"), ("eku_any", "extended-key-usage")])
def test_refused(ring, pki, name, rule):
    refused_upload(ring.upload(pki[name].pem), ring, rule)


def test_every_fault_of_every_part_is_told_and_nothing_stored(ring, pki, tmp_path):
    bundle = tmp_path / "bundle.pem"
    bundle.write_bytes(b"".join(pki[name].pem.read_bytes() for name in
                                ("good_rsa", "web_rsa", "no_ku")))
    result = refused_upload(ring.upload(bundle, pki.good_p256.pem), ring,
                            "san-email", "extended-key-usage", "key-usage")
    assert f"{bundle}:2: refused: upload: no email address" in result.err
    assert f"{bundle}:2: refused: upload: Extended Key Usage" in result.err
    assert f"{bundle}:3: refused: upload: no_ku@example.com: no Key Usage" in result.err
    assert "nothing was stored" in result.err


def test_keep_going_stores_the_rest_and_says_so(ring, pki, tmp_path):
    result = ring.upload("--keep-going", pki.good_rsa.pem, pki.no_ku.pem, tmp_path / "absent")
    assert result.rc == 3, result
    assert ring.contents() == [("contact", "good_rsa@example.com")]
    assert "[key-usage]" in result.err and "No such file" in result.err
    assert b"1 stored, 0 already there, 0 private keys; 1 refused, 1 unreadable" in result.out


def test_a_setting_that_widens_a_rule_counts_here_too(ring, pki, tmp_path):
    policy = tmp_path / "policy.cnf"
    policy.write_text("missing_key_usage = accept\n")
    stored(run(COMMAND, "--policy", policy, "--keyring", ring.path, "upload", pki.no_ku.pem))
    assert ring.contents() == [("contact", "no_ku@example.com")]


# Keys.

def test_a_key_of_another_certificate_is_refused_and_named(ring, pki, secret):
    stored(ring.upload(pki.good_p256.pem))
    result = ring.upload(pki.good_rsa.pem, pki.good_p256.key, "--passout", f"file:{secret}")
    assert result.rc == 3, result
    assert "[private-key-match]" in result.err
    assert "it is the key of" in result.err and "CN=good_p256" in result.err
    assert ring.contents() == [("contact", "good_p256@example.com")] and ring.keys() == []


def test_a_key_of_no_certificate_is_refused(ring, pki, secret):
    refused_upload(ring.upload(pki.good_rsa.key, "--passout", f"file:{secret}"), ring,
                   "private-key-match")


@pytest.mark.parametrize("name", ["dsa", "ed25519"])
def test_a_key_of_another_algorithm_is_refused(ring, pki, secret, name):
    refused_upload(ring.upload(pki[name].key, "--passout", f"file:{secret}"), ring,
                   "private-key-algorithm")


def test_a_public_key_is_no_private_key(ring, pki, tmp_path, secret):
    public = tmp_path / "public.pem"
    must(stock("pkey", "-in", pki.good_rsa.key, "-pubout", "-out", public))
    result = refused_upload(ring.upload(pki.good_rsa.pem, public, "--passout", f"file:{secret}"),
                            ring, "private-key-algorithm")
    assert "a public key was given as private key" in result.err


def test_a_ca_with_its_key_is_no_identity(ring, pki, secret):
    refused_upload(ring.upload(pki.root.pem, pki.root.key, "--passout", f"file:{secret}"), ring,
                   "san-email")


def pkcs8_of(ring):
    (encrypted, der, uri), = ring.keys()
    assert uri is None
    return encrypted, der


def test_keys_are_kept_under_aes_and_many_iterations(ring, pki, secret):
    stored(ring.upload(pki.good_rsa.pem, pki.good_rsa.key, "--passout", f"file:{secret}"))
    encrypted, der = pkcs8_of(ring)
    shown = must(stock("asn1parse", "-inform", "DER", stdin=der)).text
    assert encrypted == 1
    assert "PBKDF2" in shown and "aes-256-cbc" in shown and "hmacWithSHA256" in shown
    iterations = [int(line.rsplit(":", 1)[1], 16) for line in shown.splitlines()
                  if "INTEGER" in line]
    assert max(iterations) >= 600_000
    opened = must(run(OPENSSL, "pkey", "-inform", "DER", "-passin", f"file:{secret}",
                      conf="/dev/null", stdin=der)).out
    assert opened == must(stock("pkey", "-in", pki.good_rsa.key)).out


def test_a_key_keeps_the_passphrase_that_it_came_with(ring, pki, secret, tmp_path):
    bundle = tmp_path / "alice.p12"
    must(stock("pkcs12", "-export", "-in", pki.good_rsa.pem, "-inkey", pki.good_rsa.key,
               "-certfile", pki.root.pem, "-out", bundle, "-passout", f"file:{secret}"))
    stored(ring.upload(bundle, "--passin", f"file:{secret}"))
    assert ring.contents() == [("ca", None), ("identity", "good_rsa@example.com")]
    must(run(OPENSSL, "pkey", "-inform", "DER", "-passin", f"file:{secret}", conf="/dev/null",
             stdin=pkcs8_of(ring)[1]))


def test_without_a_passphrase_only_if_it_is_said(ring, pki):
    result = refused_upload(ring.upload(pki.good_rsa.pem, pki.good_rsa.key), ring, rc=2)
    assert "--passout" in result.err and "--no-passphrase" in result.err
    result = stored(ring.upload(pki.good_rsa.pem, pki.good_rsa.key, "--no-passphrase"))
    assert "kept without a passphrase" in result.err
    encrypted, der = pkcs8_of(ring)
    assert encrypted == 0
    must(stock("pkey", "-inform", "DER", stdin=der))


def test_an_empty_passphrase_is_none(ring, pki, tmp_path):
    empty = tmp_path / "empty"
    empty.write_text("\n")
    result = refused_upload(ring.upload(pki.good_rsa.pem, pki.good_rsa.key, "--passout",
                                        f"file:{empty}"), ring, rc=2)
    assert "--no-passphrase" in result.err


@pytest.mark.parametrize("source", ["pass:secret", "env:SECRET", "secret"])
def test_no_new_passphrase_from_the_command_line(ring, pki, source):
    result = ring.upload(pki.good_rsa.pem, pki.good_rsa.key, "--passout", source)
    assert result.rc == 1, result
    assert "takes fd:N, file:PATH or stdin" in result.err
    assert "others can read" in result.err


@pytest.mark.parametrize("source, code, fault", [
    ("secret", 1, "--passin takes pass:TEXT, env:NAME, file:PATH, fd:N or stdin"),
    ("env:NOSUCH", 2, "env:NOSUCH: no such variable is in the environment")])
def test_passphrase_from_nowhere(ring, pki, source, code, fault):
    result = ring.upload(pki.good_rsa.pem, pki.good_rsa.key, "--passin", source)
    assert result.rc == code and fault in result.err, result


def test_passphrase_from_a_descriptor(ring, pki, tmp_path):
    locked = tmp_path / "locked.key"
    must(stock("pkcs8", "-topk8", "-in", pki.good_rsa.key, "-out", locked, "-passout",
               "pass:other"))
    result = ring.upload(pki.good_rsa.pem, locked, "--passin", "stdin", stdin=b"other\n")
    stored(result)
    must(run(OPENSSL, "pkey", "-inform", "DER", "-passin", "pass:other", conf="/dev/null",
             stdin=pkcs8_of(ring)[1]))


@pytest.mark.parametrize("legacy", [True, False])
def test_a_wrong_passphrase(ring, pki, tmp_path, legacy):
    locked = tmp_path / "locked.key"
    how = (["rsa", "-aes128", "-traditional"] if legacy else ["pkcs8", "-topk8"])
    must(stock(*how, "-in", pki.good_rsa.key, "-out", locked, "-passout", "pass:right"))
    result = refused_upload(ring.upload(pki.good_rsa.pem, locked, "--passin", "stdin",
                                        stdin=b"wrong\n"), ring, rc=2)
    assert "the passphrase is wrong" in result.err and str(locked) in result.err


def test_a_key_that_stays_where_it_is(ring, pki):
    uri = f"file:{pki.good_rsa.key}"
    stored(ring.upload(pki.good_rsa.pem, "--key-uri", uri))
    assert ring.keys() == [(0, None, uri)]
    assert ring.contents() == [("identity", "good_rsa@example.com")]


@pytest.mark.parametrize("uri", ["file:KEY", "pkcs11:object=alice"])
def test_a_key_at_a_uri_makes_an_identity(ring, pki, uri):
    """Also of a certificate that has to be one; another certificate beside it still needs a key."""
    uri = uri.replace("KEY", str(pki.good_rsa.key))
    refused_upload(ring.upload(pki.good_rsa.pem, pki.good_p256.pem, "--as", "identity", "--key-uri",
                               uri), ring, "private-key-match")
    stored(ring.upload(pki.good_rsa.pem, "--as", "identity", "--key-uri", uri))
    assert ring.contents() == [("identity", "good_rsa@example.com")]


def test_a_key_in_a_file_must_match(ring, pki):
    refused_upload(ring.upload(pki.good_rsa.pem, "--key-uri", f"file:{pki.good_p256.key}"), ring,
                   "private-key-match")


def test_a_key_in_a_token_is_believed_and_said(ring, pki):
    uri = "pkcs11:token=mail;object=alice"
    result = stored(ring.upload(pki.good_rsa.pem, "--key-uri", uri))
    assert "not looked at" in result.err
    assert ring.keys() == [(0, None, uri)]


# Forms.

def as_der(pki, out):
    must(stock("x509", "-in", pki.good_rsa.pem, "-outform", "DER", "-out", out))


def as_pkcs7(pki, out):
    must(stock("crl2pkcs7", "-nocrl", "-certfile", pki.good_rsa.pem, "-certfile",
               pki.good_p256.pem, "-out", out))


def as_pkcs7_der(pki, out):
    must(stock("crl2pkcs7", "-nocrl", "-certfile", pki.good_rsa.pem, "-outform", "DER", "-out",
               out))


def as_trusted(pki, out):
    must(stock("x509", "-in", pki.good_rsa.pem, "-trustout", "-addtrust", "emailProtection",
               "-out", out))


def as_pkcs12(pki, out):
    must(stock("pkcs12", "-export", "-nokeys", "-in", pki.good_rsa.pem, "-out", out,
               "-passout", "pass:"))


def with_text(pki, out):
    must(stock("x509", "-in", pki.good_rsa.pem, "-text", "-out", out))


@pytest.mark.parametrize("form", [as_der, as_pkcs7, as_pkcs7_der, as_trusted, as_pkcs12,
                                  with_text])
def test_form(ring, pki, tmp_path, form):
    path = tmp_path / "upload"
    form(pki, path)
    stored(ring.upload(path))
    assert ("contact", "good_rsa@example.com") in ring.contents()
    assert len(ring.contents()) == (2 if form is as_pkcs7 else 1)


def test_what_a_trusted_certificate_rejects_stays(ring, pki, tmp_path):
    path = tmp_path / "trusted.pem"
    must(stock("x509", "-in", pki.root.pem, "-trustout", "-addreject", "emailProtection", "-out",
               path))
    stored(ring.upload(path))
    with sqlite3.connect(ring.path / "certificates.db") as db:
        (der,), = db.execute("SELECT der FROM certificate")
    plain = must(stock("x509", "-in", pki.root.pem, "-outform", "DER")).out
    assert der.startswith(plain) and len(der) > len(plain)


MOST_ITERATIONS = 10_000_000
PBKDF2 = """\
[pbe]
scheme=OID:PBES2
params=SEQUENCE:params
[params]
kdf=SEQUENCE:kdf
cipher=SEQUENCE:cipher
[kdf]
name=OID:PBKDF2
params=SEQUENCE:kdf_params
[kdf_params]
salt=FORMAT:HEX,OCT:0102030405060708
iterations=INTEGER:{iterations}
[cipher]
name=OID:aes-256-cbc
iv=FORMAT:HEX,OCT:000102030405060708090a0b0c0d0e0f
"""
PRIVATE_KEY = """\
asn1=SEQUENCE:key
[key]
pbe=SEQUENCE:pbe
data=FORMAT:HEX,OCT:000102030405060708090a0b0c0d0e0f
""" + PBKDF2
BUNDLE = """\
asn1=SEQUENCE:pfx
[pfx]
version=INTEGER:3
contents=SEQUENCE:contents
mac=SEQUENCE:mac
[contents]
type=OID:pkcs7-data
safes=EXPLICIT:0,OCTWRAP,SEQUENCE
[mac]
value=SEQUENCE:value
salt=FORMAT:HEX,OCT:0102030405060708
iterations=INTEGER:{iterations}
[value]
digest=SEQUENCE:digest
octets=FORMAT:HEX,OCT:00
[digest]
name=OID:sha256
none=NULL
"""


@pytest.mark.parametrize("form", [PRIVATE_KEY, BUNDLE], ids=["PKCS#8", "PKCS#12"])
@pytest.mark.parametrize("iterations", [2048, MOST_ITERATIONS + 1, 2**31 - 1])
def test_iterations_are_bounded(ring, pki, secret, tmp_path, form, iterations):
    """Without the limit libcrypto would work for most of an hour."""
    conf, path = tmp_path / "asn1.cnf", tmp_path / "upload"
    conf.write_text(form.format(iterations=iterations))
    must(stock("asn1parse", "-genconf", conf, "-noout", "-out", path))
    result = refused_upload(ring.upload(pki.good_rsa.pem, path, "--passin", f"file:{secret}"),
                            ring, rc=2)
    assert ("10,000,000 iterations" in result.err) == (iterations > MOST_ITERATIONS), result


def test_standard_input(ring, pki):
    stored(ring.upload("-", stdin=pki.good_rsa.pem.read_bytes()))
    assert ring.contents() == [("contact", "good_rsa@example.com")]


def test_folders_of_any_mix(ring, pki, tmp_path):
    folder = tmp_path / "folder"
    (folder / "deeper").mkdir(parents=True)
    (folder / "a.pem").write_bytes(pki.good_rsa.pem.read_bytes())
    as_pkcs7(pki, folder / "deeper" / "b.p7b")
    (folder / ".hidden").write_text("no certificate")
    result = stored(ring.upload(folder))
    assert len(ring.contents()) == 2
    assert b"2 stored, 1 already there" in result.out


@pytest.mark.parametrize("content, fault", [
    (b"", "it is empty"), (b"plain text\n", "neither a certificate nor a private key"),
    (b"\x30\x03\x02\x01\x01", "neither a certificate nor a private key"),
    (b"-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n", "no certificate"),
    (b"-----BEGIN CERTIFICATE-----\n!!!\n-----END CERTIFICATE-----\n", "damaged"),
    (b"-----BEGIN CERTIFICATE REQUEST-----\nMIIB\n-----END CERTIFICATE REQUEST-----\n",
     "leave it out")])
def test_what_cannot_be_read(ring, tmp_path, content, fault):
    path = tmp_path / "upload"
    path.write_bytes(content)
    result = refused_upload(ring.upload(path), ring, rc=2)
    assert str(path) in result.err and fault in result.err


def test_a_damaged_part_stops_the_whole_bundle(ring, pki, tmp_path):
    path = tmp_path / "bundle.pem"
    good = pki.good_rsa.pem.read_bytes()
    path.write_bytes(good + good.replace(b"MII", b"XXX", 1) + pki.good_p256.pem.read_bytes())
    result = refused_upload(ring.upload(path), ring, rc=2)
    assert "part 2" in result.err


# Duplicates and roles that are asked for.

def test_duplicates_are_named_and_not_stored_twice(ring, pki):
    stored(ring.upload(pki.good_rsa.pem))
    result = stored(ring.upload(pki.good_rsa.pem, pki.good_rsa.pem, pki.good_p256.pem))
    assert b"already there as contact: good_rsa@example.com" in result.out
    assert b"1 stored, 2 already there" in result.out
    assert len(ring.contents()) == 2


def test_as_ca(ring, pki):
    stored(ring.upload(pki.self_ca.pem))
    assert ring.contents() == [("contact", "self_ca@example.com")]
    stored(ring.upload("--as", "ca", pki.self_ca.pem))
    assert ring.contents() == [("ca", "self_ca@example.com")]
    stored(ring.upload(pki.self_ca.pem))
    assert ring.contents() == [("ca", "self_ca@example.com")]


@pytest.mark.parametrize("role, name, rule", [
    ("ca", "good_rsa", "ca-exempt"), ("contact", "root", "san-email"),
    ("identity", "good_rsa", "private-key-match")])
def test_as_a_role_that_the_rules_do_not_allow(ring, pki, role, name, rule):
    refused_upload(ring.upload("--as", role, pki[name].pem), ring, rule)


@pytest.mark.parametrize("role", ["ca", "contact"])
def test_no_key_goes_with_such_a_role(ring, pki, secret, role):
    refused_upload(ring.upload("--as", role, pki.self_ca.pem, pki.self_ca.key, "--passout",
                               f"file:{secret}"), ring, "private-key-match")


@pytest.mark.parametrize("args, fault", [
    (["--as", "friend", "x"], "no such role"), ([], "no file given"),
    (["--passout", "fd:0", "--no-passphrase", "x"], "exclude each other"),
    (["--frobnicate", "x"], "unknown option"), (["x", "--as"], "needs a value")])
def test_usage(ring, args, fault):
    result = ring.upload(*args)
    assert result.rc == 1 and fault in result.err, result
    assert not ring.path.exists()


# The output, and the place of the keyring.

def test_json(ring, pki):
    result = stored(ring.upload("--json", pki.good_rsa.pem, pki.root.pem))
    report = json.loads(result.out)
    assert (report["operation"], report["done"], report["exit"]) == ("upload", True, 0)
    assert report["stored"] == 2 and report["allowed"] is True
    assert [(row["role"], row["state"]) for row in report["certificates"]] == [
        ("contact", "stored"), ("ca", "stored")]
    assert len(report["certificates"][0]["fingerprint"]) == 64
    assert report["keyring"] == str(ring.path)
    assert result.err == ""


def test_json_of_a_refusal(ring, pki):
    result = ring.upload("--json", pki.good_rsa.pem, pki.no_ku.pem)
    report = json.loads(result.out)
    assert result.rc == report["exit"] == 3
    assert report["done"] is False and report["stored"] == 0 and report["certificates"] == []
    assert [finding["rule"] for verdict in report["verdicts"] for finding in verdict["findings"]
            if finding["severity"] == "deny"] == ["key-usage"]


def test_files_of_the_keyring(ring, pki, secret):
    stored(ring.upload(pki.good_rsa.pem, pki.good_rsa.key, "--passout", f"file:{secret}"))
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in ring.path.iterdir()}
    assert modes == {"certificates.db": 0o644, "keys.db": 0o600}
    assert stat.S_IMODE(ring.path.stat().st_mode) == 0o755


@pytest.mark.parametrize("env, where", [
    ({"SMIME_POLICY_KEYRING": "{0}/named"}, "named"),
    ({"XDG_DATA_HOME": "{0}/data"}, "data/smime-policy"),
    ({"HOME": "{0}/home"}, "home/.local/share/smime-policy"),
    ({"XDG_DATA_HOME": "relative", "HOME": "{0}/home"}, "home/.local/share/smime-policy")])
def test_where_the_keyring_is(tmp_path, pki, env, where):
    env = {key: value.format(tmp_path) for key, value in env.items()}
    stored(run(COMMAND, "upload", pki.good_rsa.pem, env=env))
    assert (tmp_path / where / "certificates.db").exists()


def test_the_setting_wins_over_the_environment(tmp_path, pki):
    policy = tmp_path / "policy.cnf"
    policy.write_text(f"keyring = {tmp_path}/set\n")
    env = {"SMIME_POLICY_KEYRING": tmp_path / "named", "XDG_DATA_HOME": tmp_path / "data"}
    stored(run(COMMAND, "--policy", policy, "upload", pki.good_rsa.pem, env=env))
    assert (tmp_path / "set" / "certificates.db").exists()
    assert not (tmp_path / "named").exists() and not (tmp_path / "data").exists()
    result = run(COMMAND, "--policy", policy, "--keyring", tmp_path / "other", "upload",
                 pki.good_rsa.pem)
    assert result.rc == 1 and f"keyring = {tmp_path}/set, which stands" in result.err, result
    assert not (tmp_path / "other").exists()


def test_no_place_for_a_keyring(tmp_path, pki):
    env = environment()
    result = run("env", "-u", "HOME", COMMAND, "upload", pki.good_rsa.pem, env=env)
    assert result.rc == 5 and "name one with --keyring" in result.err, result


@pytest.mark.parametrize("what, mode", [("", 0o777), ("certificates.db", 0o666),
                                        ("keys.db", 0o644), ("keys.db", 0o660)])
def test_refused_if_others_could_write_or_read_keys(ring, pki, secret, what, mode):
    stored(ring.upload(pki.good_rsa.pem, pki.good_rsa.key, "--passout", f"file:{secret}"))
    before = ring.contents()
    os.chmod(ring.path / what, mode)
    result = ring.upload(pki.good_p256.pem)
    assert result.rc == 5 and str(ring.path) in result.err, result
    assert "owner" in result.err and "chmod" in result.err
    assert ring.contents() == before


def test_decision_log_of_a_refused_upload(ring, pki, tmp_path):
    policy, log = tmp_path / "policy.cnf", tmp_path / "log"
    policy.write_text(f"decision_log = {log}\nkeyring = {ring.path}\n")
    assert run(COMMAND, "--policy", policy, "upload", pki.no_ku.pem).rc == 3
    line = json.loads(log.read_text())
    assert (line["operation"], line["verdict"]) == ("upload", "refused")
    assert line["findings"][0]["rule"] == "key-usage"


def test_decision_log_of_an_upload_that_is_observed(ring, pki, tmp_path):
    """No program judges it afterwards."""
    policy, log = tmp_path / "policy.cnf", tmp_path / "log"
    policy.write_text(f"decision_log = {log}\nkeyring = {ring.path}\nmode = observe\n")
    must(run(COMMAND, "--policy", policy, "upload", pki.no_ku.pem))
    line = json.loads(log.read_text())
    assert (line["operation"], line["verdict"]) == ("upload", "observed")


# At a terminal.

def at_terminal(ring, *args):
    return Terminal.start([COMMAND, "--keyring", ring.path, "upload", *args], environment())


def test_the_new_passphrase_is_asked_for_twice(ring, pki):
    with at_terminal(ring, pki.good_rsa.pem, pki.good_rsa.key) as terminal:
        assert terminal.wait("new passphrase for the private key of")
        terminal.press_unseen(b"correct horse\n")
        assert terminal.wait("Once more:")
        terminal.press_unseen(b"correct horse\n")
        assert terminal.wait("1 private key ")
        assert terminal.wait("never shown") is None
        assert "correct horse" not in terminal.text
    must(run(OPENSSL, "pkey", "-inform", "DER", "-passin", "pass:correct horse", "-noout",
             conf="/dev/null", stdin=pkcs8_of(ring)[1]))


def test_two_different_passphrases_are_none(ring, pki):
    with at_terminal(ring, pki.good_rsa.pem, pki.good_rsa.key) as terminal:
        assert terminal.wait("new passphrase")
        terminal.press(b"one\n")
        for typed in (b"another\n", b"one\n", b"another\n", b"one\n", b"another\n"):
            assert terminal.wait("Once more:|new passphrase[^:]*:$")
            terminal.press_unseen(typed)
        assert terminal.wait("typed as the new passphrase for the private key of .* differ")
        assert terminal.wait("never shown") is None
    assert not ring.path.exists()


def test_the_passphrase_of_a_file_is_asked_for_by_its_name(ring, pki, tmp_path):
    locked = tmp_path / "locked.key"
    must(stock("pkcs8", "-topk8", "-in", pki.good_rsa.key, "-out", locked, "-passout",
               "pass:right"))
    with at_terminal(ring, pki.good_rsa.pem, locked) as terminal:
        assert terminal.wait("passphrase of .*locked.key:")
        terminal.press(b"right\n")
        assert terminal.wait("stored as identity")


# --- --dry-run

def tree(path):
    return {str(each): each.read_bytes() if each.is_file() else None for each in path.rglob("*")}


def as_done(result):
    """The code and the words of a dry run as those of the real one."""
    said = result.out.decode().replace("would be stored", "stored")
    return result.rc, said.replace('"dry_run":true,"done":false', '"dry_run":false,"done":true')


DRY_RUNS = {
    "a contact": ("<good_rsa>", 0),
    "an identity": ("--passout {secret} <good_rsa> <good_rsa>.key", 0),
    "an identity without a passphrase": ("--no-passphrase <good_rsa>.key <good_rsa>", 0),
    "a chain": ("<good_chain> <intermediate> <root>", 0),
    "in a role": ("--as contact <good_p256>", 0),
    "what is there": ("<stored>", 0),
    "a renewed certificate": ("<renewed_new>", 0),
    "a key of a stored certificate": ("--passout {secret} <stored>.key", 0),
    "a key at a URI": ("--key-uri file:<good_rsa>.key <good_rsa>", 0),
    "a refused one": ("<no_san> <good_rsa>", 3),
    "the rest": ("--keep-going <no_san> <good_rsa>", 3),
    "a key alone": ("<good_rsa>.key", 3),
    "an unreadable one": ("{secret_path} <good_rsa>", 2),
    "a key in another form": ("--no-passphrase <renewed_old>.key", 1),
    "a key in another form, replaced": ("--replace --no-passphrase <renewed_old>.key", 0),
}


@pytest.mark.parametrize("form", [[], ["--json"]])
@pytest.mark.parametrize("what", DRY_RUNS)
def test_dry_run(what, form, ring, pki, secret, tmp_path):
    """It says and ends as the real one, but changes no file."""
    stored(ring.upload("--passout", f"file:{secret}", pki.renewed_old.pem, pki.renewed_old.key,
                       pki.ku_ds.pem))
    text, code = DRY_RUNS[what]
    text = text.replace("<stored>", "<ku_ds>").format(secret=f"file:{secret}", secret_path=secret)
    words = [re.sub(r"<(\w+)>(\.key)?", lambda match: str(pki[match[1]].key if match[2]
                                                          else pki[match[1]].pem), word)
             for word in text.split()]
    before = tree(tmp_path)
    planned = ring.upload("--dry-run", *form, *words)
    assert tree(tmp_path) == before, planned
    done = ring.upload(*form, *words)
    assert planned.rc == done.rc == code and planned.err == done.err, (planned, done)
    if form:
        planned, done = json.loads(planned.out), json.loads(done.out)
        assert (planned["dry_run"], planned["done"], done["dry_run"]) == (True, False, False)
        assert {**planned, "dry_run": 0, "done": 0} == {**done, "dry_run": 0, "done": 0}
    else:
        assert as_done(planned) == as_done(done)


def test_dry_run_makes_no_keyring(ring, pki, tmp_path):
    """Where there is none; --explain is the same, and neither asks for a new passphrase."""
    before = tree(tmp_path)
    for words in (["--explain", "upload"], ["upload", "--dry-run"], ["upload", "-n"]):
        result = stored(ring(*words, pki.good_rsa.pem, pki.good_rsa.key))
        assert "would be stored as identity: good_rsa@example.com" in result.text
        assert "a new passphrase would be asked for" in result.err
        assert tree(tmp_path) == before


def test_dry_run_asks_what_a_file_needs(ring, pki, secret, tmp_path):
    """Without the passphrase of what is read nothing can be said of it."""
    locked = tmp_path / "locked.key"
    must(stock("pkcs8", "-topk8", "-in", pki.good_rsa.key, "-out", locked, "-passout",
               f"file:{secret}"))
    stored(ring.upload("--dry-run", "--passin", f"file:{secret}", pki.good_rsa.pem, locked))
    result = ring.upload("--dry-run", "--passin", "pass:wrong", pki.good_rsa.pem, locked)
    assert result.rc == 2 and result.out == b"" and "passphrase is wrong" in result.err, result
    with Terminal.start([COMMAND, "--keyring", ring.path, "upload", "--dry-run", pki.good_rsa.pem,
                         locked], environment()) as terminal:
        assert terminal.wait("passphrase of [^:]*: ?$"), terminal.text
        terminal.press_unseen(SECRET.encode() + b"\n")
        assert terminal.wait("1 would be stored, 0 already there, 1 private key"), terminal.text
        assert terminal.code() == 0
    assert not ring.path.exists()


def test_dry_run_is_not_logged(ring, pki, tmp_path):
    """What is only asked about is no decision."""
    policy = tmp_path / "policy.cnf"
    policy.write_text(f"decision_log = {tmp_path / 'log'}\n")
    result = run(COMMAND, "--policy", policy, "--keyring", ring.path, "upload", "--dry-run",
                 pki.no_san.pem)
    assert result.rc == 3 and not (tmp_path / "log").exists(), result
    result = run(COMMAND, "--policy", policy, "--keyring", ring.path, "upload", pki.no_san.pem)
    assert result.rc == 3 and (tmp_path / "log").exists(), result
