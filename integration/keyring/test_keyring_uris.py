# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
"""
`smimepolicy:` URIs in stock openssl: certificates and keys of the keyring by address.

Preparing and reading back is done by stock openssl without the policy.
"""

import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path
from types import SimpleNamespace

import pytest

from faults import STRACE, skip_without_strace
from harness import MODULE, OPENSSL, PATIENCE, environment, must, refused, run, stock, write_conf
from keyrings import make_keyring
from terminal import Terminal

NONE_STORED = "not in the keyring"


def fingerprint(pem):
    text = must(stock("x509", "-in", pem, "-noout", "-fingerprint", "-sha256")).text
    return text.strip().split("=")[1]


@pytest.fixture(scope="module")
def keys(tmp_path_factory, pki):
    """The key of good_rsa under a passphrase."""
    directory = tmp_path_factory.mktemp("keys")
    encrypted = directory / "encrypted.key"
    must(stock("pkcs8", "-topk8", "-in", pki.good_rsa.key, "-v2", "aes256", "-iter", "1000",
               "-passout", "pass:secret", "-out", encrypted))
    (directory / "passphrase").write_text("secret\n")
    return SimpleNamespace(encrypted=encrypted, passphrase=directory / "passphrase",
                           directory=directory)


@pytest.fixture(scope="module")
def kept(tmp_path_factory, pki, keys):
    """A keyring of everything, and the configuration of a process that has it."""
    directory = tmp_path_factory.mktemp("kept")
    make_keyring(
        directory / "keyring",
        f"identity:{pki.good_p256.pem}:{pki.good_p256.key}",
        f"identity:{pki.good_rsa.pem}:{keys.encrypted}",
        f"identity:{pki.renewed_old.pem}:{pki.renewed_old.key}",
        f"identity:{pki.renewed_new.pem}:{pki.renewed_new.key}",
        f"identity:{pki.expired.pem}:{pki.expired.key}",
        f"identity:{pki.good_p384.pem}:file:{pki.good_p384.key}",
        f"identity:{pki.modern.pem}:pkcs11:object=modern;type=private",
        f"identity:{pki.weak_key.pem}:file:{directory}/nowhere.key",
        f"contact:{pki.good_p521.pem}", f"contact:{pki.future.pem}", f"ca:{pki.ca}")
    return write_conf(directory / "openssl.cnf", {"keyring": directory / "keyring"})


@pytest.fixture
def out(tmp_path):
    return tmp_path / "out"


def sign(api, name, mail, out, conf, *more):
    out.unlink(missing_ok=True)
    return run(OPENSSL, api, "-sign", "-in", mail, "-out", out, "-signer",
               f"smimepolicy:identity/{name}@example.com", *more, conf=conf)


def encrypt(api, mail, out, conf, *recipients):
    out.unlink(missing_ok=True)
    return run(OPENSSL, api, "-encrypt", "-aes256", "-in", mail, "-out", out, *recipients,
               conf=conf)


def signer_of(message):
    signer = message.with_suffix(".signer")
    must(stock("cms", "-verify", "-noverify", "-in", message, "-signer", signer,
               "-out", "/dev/null"))
    return fingerprint(signer)


def serial(cert):
    number = must(stock("x509", "-in", cert.pem, "-noout", "-serial")).text.strip().split("=")[1]
    return f"0x{int(number, 16):x}"


def nothing_left(out):
    return not out.exists() or out.read_bytes() == b""


both = pytest.mark.parametrize("api", ["cms", "smime"])


@both
@pytest.mark.parametrize("name, more", [
    ("good_p256", ()), ("GOOD_P256", ()), ("good_p384", ()),
    ("good_rsa", ("-passin", "pass:secret")), ("good_rsa", ("-passin", "file:{passphrase}"))])
def test_sign(api, name, more, kept, pki, mail, keys, out):
    """The key comes with the certificate: stored, under a passphrase, or in a file of its own."""
    more = [text.format(passphrase=keys.passphrase) for text in more]
    must(sign(api, name, mail, out, kept, *more))
    assert signer_of(out) == fingerprint(pki[name.lower()].pem)


def ask_on_a_terminal(answer, *argv, conf):
    """Run a program that asks for a passphrase on its terminal; returns its exit code, its output, and the
    number of prompts."""
    prompts = 0
    with Terminal.start(argv, environment(conf)) as terminal:
        while terminal.wait("pass phrase for [^:]*:[^:]*:"):
            prompts += 1
            terminal.press_unseen(answer.encode() + b"\n")
        return terminal.code(), terminal.text, prompts


def test_the_passphrase_is_asked_for_once(kept, pki, mail, out):
    argv = (OPENSSL, "cms", "-sign", "-in", mail, "-out", out, "-signer",
            "smimepolicy:identity/good_rsa@example.com")
    code, said, prompts = ask_on_a_terminal("secret", *argv, conf=kept)
    assert (code, prompts) == (0, 1), said
    assert "Enter pass phrase for smimepolicy:identity/good_rsa@example.com:" in said
    assert signer_of(out) == fingerprint(pki.good_rsa.pem)
    out.unlink()
    code, said, prompts = ask_on_a_terminal("wrong", *argv, conf=kept)
    assert (code, prompts) == (2, 1), said
    assert "is the passphrase right?" in said and nothing_left(out)


def test_the_keyring_is_opened_once(kept, pki, mail, out, tmp_path):
    """The certificate and its key are two URIs of one process."""
    skip_without_strace()
    uri, log = "smimepolicy:identity/good_p256@example.com", tmp_path / "log"
    must(run(STRACE, "-o", log, "-e", "trace=openat", OPENSSL, "cms", "-sign", "-in", mail, "-signer", uri,
             "-inkey", uri, "-out", out, conf=kept))
    assert log.read_text().count('/certificates.db"') == 1 and log.read_text().count('/keys.db"') == 1


def test_a_key_in_an_encrypted_file(tmp_path, pki, keys, mail, out):
    make_keyring(tmp_path / "keyring", f"identity:{pki.good_rsa.pem}:file:{keys.encrypted}")
    conf = write_conf(tmp_path / "openssl.cnf", {"keyring": tmp_path / "keyring"})
    must(sign("cms", "good_rsa", mail, out, conf, "-passin", "pass:secret"))
    assert signer_of(out) == fingerprint(pki.good_rsa.pem)
    result = sign("cms", "good_rsa", mail, out, conf, "-passin", "pass:wrong")
    assert result.rc == 2 and "no private key could be loaded" in result.text, result
    assert nothing_left(out)


def test_keys_that_cannot_be_used(kept, mail, out):
    for name, more, text in (
            ("good_rsa", ("-passin", "pass:wrong"), "is the passphrase right?"),
            ("modern", (), "-inkey 'pkcs11:object=modern;type=private'"),
            ("weak_key", (), "nowhere.key: no private key could be loaded")):
        result = sign("cms", name, mail, out, kept, *more)
        assert result.rc == 2 and text in result.text, result
        assert "private key of the keyring cannot be used" in result.text, result
        assert "secret" not in result.text and nothing_left(out)


@both
def test_encrypt_and_decrypt(api, kept, pki, mail, out, tmp_path):
    """Encrypt to a contact and to oneself; decrypt with the own certificate, or with the key alone."""
    must(encrypt(api, mail, out, kept, "smimepolicy:contact/good_p521@example.com",
                 "smimepolicy:contact/good_p256@example.com") if api == "cms" else
         encrypt(api, mail, out, kept, "smimepolicy:contact/renewed@example.com"))
    name = "good_p256" if api == "cms" else "renewed"
    uri = f"smimepolicy:identity/{name}@example.com"
    for how in (("-recip", uri), ("-recip", uri, "-inkey", uri)):
        got = must(run(OPENSSL, api, "-decrypt", "-in", out, *how, conf=kept))
        assert b"quick brown fox" in got.out
    if api == "cms":
        got = must(stock("cms", "-decrypt", "-in", out, "-recip", pki.good_p521.pem,
                         "-inkey", pki.good_p521.key))
        assert b"quick brown fox" in got.out
        must(run(OPENSSL, "cms", "-encrypt", "-aes256", "-in", mail, "-out", tmp_path / "more",
                 "-recip", "smimepolicy:contact/good_p521@example.com", conf=kept))


@both
def test_an_unusable_certificate_hides_no_usable_one(api, kept, pki, mail, out):
    must(sign(api, "renewed", mail, out, kept))
    assert signer_of(out) == fingerprint(pki.renewed_new.pem)
    must(encrypt(api, mail, out, kept, "smimepolicy:contact/renewed@example.com"))
    for kind in ("identity", "contact"):
        got = must(run(OPENSSL, "storeutl", "-certs", f"smimepolicy:{kind}/renewed@example.com",
                       conf=kept))
        pems = re.findall("-----BEGIN.*?-----END [A-Z ]*-----", got.text, re.S)
        assert len(pems) == 2
        first = must(stock("x509", "-noout", "-fingerprint", "-sha256", stdin=pems[0].encode()))
        assert fingerprint(pki.renewed_new.pem) in first.text


@both
def test_the_rules_hold(api, kept, mail, out):
    """Stored certificates are judged like all others."""
    # Stock has written the content of a clear-signed message by then.
    result = refused(sign(api, "expired", mail, out, kept, "-nodetach"), "expired")
    assert result.rc == 3 and nothing_left(out), result
    for name, rule in (("expired", "expired"), ("future", "not-yet-valid")):
        result = refused(encrypt(api, mail, out, kept, f"smimepolicy:contact/{name}@example.com"),
                         rule)
        assert result.rc == 3 and nothing_left(out), result


def test_by_fingerprint(kept, pki):
    colons = fingerprint(pki.good_p521.pem)
    for text in (colons, colons.lower(), colons.replace(":", ""), colons.replace(":", "").lower()):
        got = must(run(OPENSSL, "x509", "-in", f"smimepolicy:cert/{text}", "-noout",
                       "-fingerprint", "-sha256", conf=kept))
        assert colons in got.text
    own = f"smimepolicy:cert/{fingerprint(pki.good_p256.pem)}"
    assert "Total found: 2" in must(run(OPENSSL, "storeutl", "-noout", own, conf=kept)).text
    assert "Total found: 1" in must(run(OPENSSL, "storeutl", "-noout", "-keys", own,
                                        conf=kept)).text
    other = f"smimepolicy:cert/{colons}"
    assert "Total found: 1" in must(run(OPENSSL, "storeutl", "-noout", other, conf=kept)).text
    result = run(OPENSSL, "storeutl", "-noout", "-keys", other, conf=kept)
    assert result.rc == 1 and NONE_STORED in result.text, result


def test_trust(kept, pki):
    everything = must(run(OPENSSL, "storeutl", "-noout", "smimepolicy:trust", conf=kept))
    assert "Total found: 11" in everything.text
    by_name = ("storeutl", "-noout", "-certs", "-subject")
    found = must(run(OPENSSL, *by_name, "/CN=root/emailAddress=root@example.com",
                     "smimepolicy:trust", conf=kept))
    assert "Total found: 1" in found.text
    found = must(run(OPENSSL, *by_name, "/CN=nobody", "smimepolicy:trust", conf=kept))
    assert "Certificate" not in found.text
    result = run(OPENSSL, "storeutl", "-noout", "-keys", "smimepolicy:trust", conf=kept)
    assert result.rc == 1 and NONE_STORED in result.text, result


@both
def test_verify(api, kept, post, pki, tmp_path, out):
    """The CA vouches for others, the rest for themselves."""
    store = ("-CAstore", "smimepolicy:trust", "-partial_chain")
    for name in ("good_rsa", "good_p256", "good_p521"):
        message = post.signed(name)
        if api == "smime" and name != "good_rsa":
            continue
        must(run(OPENSSL, api, "-verify", "-in", message, *store, "-out", out, conf=kept))
    result = run(OPENSSL, api, "-verify", "-in", post.signed("foreign"), *store,
                 "-out", out, conf=kept)
    assert result.rc == 4, result
    make_keyring(tmp_path / "keyring", f"contact:{pki.good_rsa.pem}")
    conf = write_conf(tmp_path / "c", {"keyring": tmp_path / "keyring", "trust": "keyring"})
    must(run(OPENSSL, api, "-verify", "-in", post.signed("good_rsa"), *store, "-out", out,
             conf=conf))
    out.unlink()
    result = run(OPENSSL, api, "-verify", "-in", post.signed("no_ku"), *store, "-out", out,
                 conf=conf)
    assert result.rc == 4 and nothing_left(out), result


def test_what_a_trusted_certificate_rejects_stays_rejected(tmp_path, pki, post, out):
    rejecting = tmp_path / "rejecting.pem"
    must(stock("x509", "-in", pki.ca, "-addreject", "emailProtection", "-trustout",
               "-out", rejecting))
    make_keyring(tmp_path / "keyring", f"ca:{rejecting}")
    conf = write_conf(tmp_path / "c", {"keyring": tmp_path / "keyring"})
    result = run(OPENSSL, "cms", "-verify", "-in", post.signed("good_rsa"), "-CAstore",
                 "smimepolicy:trust", "-out", out, conf=conf)
    assert result.rc == 4 and "certificate rejected" in result.text, result
    assert nothing_left(out)


WRONG = {
    "bad": "accepted are", "": "accepted are", "trust/x": "accepted are",
    "Identity/a@example.com": "accepted are", "//identity/a@example.com": None,
    "identity/": "names no address", "contact/": "names no address",
    "identity/a%4@example.com": "two hexadecimal digits",
    "identity/a%zz@example.com": "two hexadecimal digits",
    "identity/a/b@example.com": "two hexadecimal digits",
    "identity/a?b@example.com": "two hexadecimal digits",
    "identity/a#b@example.com": "two hexadecimal digits",
    "identity/a b@example.com": "two hexadecimal digits",
    "identity/a'b@example.com": "two hexadecimal digits",
    "identity/a\"b@example.com": "two hexadecimal digits",
    "identity/\u00fc@example.com": "two hexadecimal digits",
    "identity/a%00b@example.com": "no control characters",
    "identity/a%0ab@example.com": "no control characters",
    "cert/": "64 hexadecimal digits", "cert/12": "64 hexadecimal digits",
    "cert/" + "0" * 63: "64 hexadecimal digits", "cert/" + "0" * 65: "64 hexadecimal digits",
    "cert/" + "0" * 62 + "xx": "64 hexadecimal digits",
    "cert/" + "0" * 64: "no certificate has this fingerprint",
    "identity/nobody@example.com": "no identity has this address",
    "identity/good_p521@example.com": "no identity has this address",
    "contact/nobody@example.com": "no contact has this address",
    "contact/%C3%BC@example.com": "no contact has this address",
}


@pytest.mark.parametrize("uri", WRONG)
def test_what_is_not_there(uri, kept, mail, out):
    text = WRONG[uri]
    for args in (("storeutl", "-noout", f"smimepolicy:{uri}"),
                 ("x509", "-noout", "-in", f"smimepolicy:{uri}"),
                 ("cms", "-encrypt", "-aes256", "-in", mail, "-out", out, f"smimepolicy:{uri}")):
        result = run(OPENSSL, *args, conf=kept)
        assert result.rc != 0, result
        assert (text or "smimepolicy") in result.text, result
        assert nothing_left(out)


def test_without_a_usable_keyring(tmp_path, pki, conf, mail, out):
    keyring = make_keyring(tmp_path / "keyring", f"contact:{pki.good_rsa.pem}")
    missing = write_conf(tmp_path / "missing.cnf", {"keyring": tmp_path / "nowhere"})
    damaged = write_conf(tmp_path / "damaged.cnf", {"keyring": keyring})
    locked = write_conf(tmp_path / "locked.cnf", {"keyring": "nowhere"})
    (keyring / "certificates.db").write_bytes(b"nonsense" * 1000)
    for path, text in ((conf, "there is no keyring in /nonexistent/"),
                       (missing, "there is no keyring in"),
                       (damaged, "it is damaged"), (locked, "keyring = nowhere")):
        result = encrypt("cms", mail, out, path, "smimepolicy:contact/good_rsa@example.com")
        assert result.rc != 0 and text in result.text, result
        assert nothing_left(out)
    keyring.chmod(0o777)
    result = run(OPENSSL, "storeutl", "-noout", "smimepolicy:trust", conf=damaged)
    assert result.rc == 1 and "can be written by others" in result.text, result


def test_an_empty_keyring(tmp_path):
    conf = write_conf(tmp_path / "c", {"keyring": make_keyring(tmp_path / "keyring")})
    result = run(OPENSSL, "storeutl", "-noout", "smimepolicy:trust", conf=conf)
    assert result.rc == 1 and "nothing in the keyring was uploaded" in result.text, result


def test_a_file_of_that_name_is_not_meant(tmp_path, kept, pki):
    """Otherwise a file with that name, in the directory of a program, could replace a CA."""
    (tmp_path / "smimepolicy:trust").write_bytes(pki.foreign_root.pem.read_bytes())
    args = ("storeutl", "-noout", "-certs", "-subject",
            "/CN=foreign_root/emailAddress=foreign_root@example.com")
    got = must(run(OPENSSL, *args, "smimepolicy:trust", conf=kept, cwd=tmp_path))
    assert "Certificate" not in got.text
    got = must(run(OPENSSL, "x509", "-noout", "-subject", "-in", "./smimepolicy:trust", conf=kept,
                   cwd=tmp_path))
    assert "foreign_root" in got.text


@pytest.mark.skipif(os.getuid() != 0, reason="only the superuser can become somebody else")
def test_certificates_are_everybodys_keys_are_not(pki):
    """Another user can load the certificates, and gets a message about the keys."""
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        directory.chmod(0o755)
        make_keyring(directory / "keyring", f"identity:{pki.good_p256.pem}:{pki.good_p256.key}")
        shutil.copy(MODULE, directory)
        conf = write_conf(directory / "openssl.cnf", {"keyring": directory / "keyring"},
                          module=directory / MODULE.name)
        other = ("setpriv", "--reuid=65534", "--clear-groups", OPENSSL, "storeutl", "-noout")
        uri = "smimepolicy:identity/good_p256@example.com"
        got = must(run(*other, "-certs", uri, conf=conf))
        assert "Total found: 1" in got.text
        result = run(*other, "-keys", uri, conf=conf)
    assert result.rc == 1 and "open its private keys" in result.text, result


# A key whose certificate no program has parsed


def raw_sign(key, conf, directory):
    digest = directory / "digest"
    digest.write_bytes(b"d" * 32)
    signature = directory / "signature"
    signature.unlink(missing_ok=True)
    return run(OPENSSL, "pkeyutl", "-sign", "-inkey", key, "-in", digest, "-out", signature,
               "-pkeyopt", "digest:sha256", conf=conf), signature


def test_a_key_is_looked_up(tmp_path, kept, pki):
    for name in ("good_p256", "good_p521", "no_ku"):
        result, signature = raw_sign(pki[name].key, kept, tmp_path)
        assert result.rc == 0 and signature.read_bytes(), result
    result, signature = raw_sign(pki.expired.key, kept, tmp_path)
    assert refused(result, "expired").rc == 1 and nothing_left(signature), result
    # The expired certificate may be meant.
    result, signature = raw_sign(pki.renewed_old.key, kept, tmp_path)
    assert refused(result, "expired").rc == 1 and nothing_left(signature), result
    assert "certificates that are judged differently share this key" in result.text


def test_a_keyring_that_cannot_be_asked(tmp_path, pki):
    """If the keyring cannot be asked, the key signs nothing; a parsed certificate needs no answer."""
    conf = write_conf(tmp_path / "c", {"keyring": tmp_path / "nowhere"})
    result, signature = raw_sign(pki.good_p256.key, conf, tmp_path)
    assert result.rc == 1 and nothing_left(signature), result
    assert "keyring cannot be used" in result.text and "there is no keyring in" in result.text
    must(run(OPENSSL, "cms", "-sign", "-in", tmp_path / "digest", "-out", tmp_path / "signed",
             "-signer", pki.good_p256.pem, "-inkey", pki.good_p256.key, conf=conf))
    must(run(OPENSSL, "dgst", "-sha256", "-sign", pki.good_p256.key, "-out", tmp_path / "dgst",
             tmp_path / "digest", conf=conf))


# Issuers that are sent along.

@pytest.fixture(scope="module")
def chains(tmp_path_factory, pki):
    """A keyring of signers with issuers between them and a root, with a root alone, and with none."""
    directory = tmp_path_factory.mktemp("chains")
    make_keyring(directory / "keyring",
                 *(f"identity:{pki[name].pem}:{pki[name].key}"
                   for name in ("good_chain", "old_chain", "good_rsa")),
                 *(f"ca:{pki[name].pem}" for name in ("intermediate", "old_intermediate", "root")))
    return write_conf(directory / "openssl.cnf", {"keyring": directory / "keyring"})


def subjects(message):
    shown = must(stock("cms", "-cmsout", "-print", "-noout", "-in", message)).text
    return sorted(line.split("subject: ")[1] for line in shown.splitlines() if "subject: " in line)


@pytest.mark.parametrize("api", ["cms", "smime"])
def test_issuers_are_sent_along(api, chains, pki, mail, out):
    must(sign(api, "good_chain", mail, out, chains, "-certfile",
              "smimepolicy:issuers/good_chain@example.com"))
    must(stock("cms", "-verify", "-in", out, "-CAfile", pki.ca, "-out", "/dev/null"))
    assert len(subjects(out)) == 2 and "CN=root" not in subjects(out)


@pytest.mark.parametrize("name, count", [("good_chain", 2), ("good_rsa", 1)])
def test_a_chain_begins_with_the_signer(name, count, chains, pki, mail, out):
    """With -nocerts stock sends what -certfile has, also where no issuer is between."""
    must(sign("cms", name, mail, out, chains, "-nocerts", "-certfile",
              f"smimepolicy:chain/{name}@example.com"))
    must(stock("cms", "-verify", "-in", out, "-CAfile", pki.ca, "-out", "/dev/null"))
    assert len(subjects(out)) == count and "CN=root" not in subjects(out)


@pytest.mark.parametrize("name, fault", [
    ("good_rsa", "no issuer of this identity is stored that would be sent along"),
    ("nobody", "no identity has this address"),
])
def test_no_issuers(name, fault, chains, mail, out):
    result = sign("cms", "good_rsa", mail, out, chains, "-certfile",
                  f"smimepolicy:issuers/{name}@example.com")
    assert result.rc == 2 and NONE_STORED in result.err and fault in result.err, result
    assert nothing_left(out)


@pytest.mark.parametrize("kind", ["issuers", "chain"])
def test_an_issuer_that_has_expired_is_not_sent(kind, chains, mail, out):
    result = refused(sign("cms", "old_chain", mail, out, chains, "-certfile",
                          f"smimepolicy:{kind}/old_chain@example.com"), "expired")
    assert result.rc == 2 and "CN=old_intermediate" in result.err, result
    assert nothing_left(out)


def test_an_issuer_that_has_expired_is_observed(tmp_path, chains, mail, out):
    keyring = chains.parent / "keyring"
    conf = write_conf(tmp_path / "observe.cnf", {"keyring": keyring, "mode": "observe"})
    must(sign("cms", "old_chain", mail, out, conf, "-certfile",
              "smimepolicy:issuers/old_chain@example.com"))
    assert len(subjects(out)) == 2


# What the command is told of a choice.

NONCE = "0123456789abcdef" * 2


def reported(tmp_path, chains, settings, *argv):
    """Run stock openssl with a report; the result and the lines about the keyring."""
    reader, writer = os.pipe()
    os.set_inheritable(writer, True)
    conf = write_conf(tmp_path / "report.cnf", {"keyring": chains.parent / "keyring",
                                                "report": writer, "report_nonce": NONCE, **settings})
    try:
        done = subprocess.run([OPENSSL, *argv], env=environment(conf), capture_output=True,
                              pass_fds=[writer], check=False, timeout=PATIENCE)
    finally:
        os.close(writer)
    with os.fdopen(reader, "rb") as lines:
        text = lines.read().decode()
    return done, [re.sub("[0-9a-f]{64}", "F", line) for line in text.splitlines()
                  if line.split()[0] in ("chosen", "passed-over", "asks", "refused", "observed")]


@pytest.fixture
def renewed(tmp_path, pki):
    make_keyring(tmp_path / "keyring",
                 f"identity:{pki.renewed_old.pem}:{pki.renewed_old.key}",
                 f"identity:{pki.renewed_new.pem}:{pki.renewed_new.key}",
                 f"contact:{pki.good_rsa.pem}", f"contact:{pki.expired.pem}")
    return tmp_path / "openssl.cnf"


def test_the_choice_to_encrypt_is_reported(tmp_path, renewed, pki, mail, out):
    done, lines = reported(tmp_path, renewed, {}, "cms", "-encrypt", "-aes256", "-in", mail, "-out",
                           out, "smimepolicy:contact/good_rsa@example.com",
                           "smimepolicy:contact/renewed@example.com")
    assert done.returncode == 0, done
    names = [f"emailAddress={cert.pem.stem}@example.com,CN={cert.pem.stem}, serial {serial(cert)}"
             for cert in (pki.renewed_new, pki.renewed_old)]
    assert lines[:2] == [
        "chosen encrypt good_rsa@example.com F only",
        f"chosen encrypt renewed@example.com F same of 2 certificates {names[0]}, is used"], lines
    assert lines[2].startswith(f"passed-over encrypt renewed@example.com F expired not {names[1]}: "
                               "certificate expired on "), lines
    must(stock("cms", "-decrypt", "-in", out, "-inkey", pki.renewed_new.key, "-recip",
               pki.renewed_new.pem))


def test_the_choice_to_sign_is_reported_once(tmp_path, renewed, pki, mail, out):
    done, lines = reported(tmp_path, renewed, {}, "cms", "-sign", "-in", mail, "-out", out,
                           "-signer", "smimepolicy:identity/renewed@example.com", "-nocerts",
                           "-certfile", "smimepolicy:chain/renewed@example.com")
    assert done.returncode == 0, done
    assert [line.split()[0] for line in lines] == ["chosen", "passed-over"], lines
    assert signer_of(out) == fingerprint(pki.renewed_new.pem)


def test_the_only_one_may_not_be_used(tmp_path, renewed, mail, out):
    done, lines = reported(tmp_path, renewed, {}, "cms", "-encrypt", "-aes256", "-in", mail, "-out",
                           out, "smimepolicy:contact/expired@example.com")
    assert done.returncode != 0 and b"[expired]" in done.stderr, done
    assert nothing_left(out)
    assert lines[0] == "chosen encrypt expired@example.com F only", lines
    assert len(lines) == 2 and lines[1].startswith("refused encrypt F expired "), lines


@pytest.mark.parametrize("mode, word", [("enforce", "refused"), ("observe", "observed")])
def test_an_issuer_that_has_expired_is_reported(mode, word, tmp_path, chains, mail, out):
    done, lines = reported(tmp_path, chains, {"mode": mode}, "cms", "-sign", "-in", mail, "-out", out,
                           "-signer", "smimepolicy:identity/old_chain@example.com", "-certfile",
                           "smimepolicy:issuers/old_chain@example.com")
    assert (done.returncode == 0) == (mode == "observe"), done
    assert any(line.startswith(f"{word} sign - expired ") and "CN=old_intermediate" in line
               for line in lines), lines


def test_nobody_is_asked(tmp_path, pki, keys, mail, out):
    make_keyring(tmp_path / "keyring", f"identity:{pki.good_rsa.pem}:{keys.encrypted}")
    done, lines = reported(tmp_path, tmp_path / "openssl.cnf", {"report_asks": "no"}, "cms", "-sign",
                           "-in", mail, "-out", out, "-passin", "pass:secret", "-signer",
                           "smimepolicy:identity/good_rsa@example.com")
    assert done.returncode != 0 and b"lets nobody be asked" in done.stderr, done
    assert nothing_left(out)
    assert lines[1:] == ["asks passphrase"], lines
