# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
"""Command lines that go round the rules in stock; docs/security/bypasses.md lists all ways."""

import pytest

from der import certificate, email, public_key
from harness import COMMAND, OPENSSL, must, refused, run, stock, stock_does

# What is done; the command line; the rule.  {} are files of `desk`.
SIGN = "-sign -in {mail} -signer {expired} -inkey {expired_key}"
ENCRYPT = "-encrypt -in {mail}"
WAYS = {
    "several certificates in -signer": (
        "-sign -in {mail} -signer {expired_first} -inkey {expired_key}", "expired"),
    "a trusted certificate signs": (
        "-sign -in {mail} -signer {trusted} -inkey {expired_key}", "expired"),
    "PKCS#12": ("-sign -in {mail} -signer {pkcs12} -inkey {pkcs12} -passin pass:", "expired"),
    "key identifier, no certificate": (SIGN + " -keyid -nocerts", "expired"),
    "no attributes": (SIGN + " -noattr", "expired"),
    "another digest": (SIGN + " -md sha512", "expired"),
    "CAdES": (SIGN + " -cades", "expired"),
    "content of another type": (SIGN + " -nodetach -econtent_type 1.2.3.4", "expired"),
    "content of a time stamp": (
        SIGN + " -nodetach -econtent_type 1.2.840.113549.1.9.16.1.4", "expired"),
    "a second signer": (
        "-sign -in {mail} -signer {good} -inkey {good_key} -signer {expired} -inkey {expired_key}",
        "expired"),
    "-resign": ("-resign -in {signed} -signer {expired} -inkey {expired_key}", "expired"),
    "a receipt": ("-sign_receipt -in {asking} -signer {expired} -inkey {expired_key}", "expired"),
    "the renewed one in -certfile": (
        "-sign -in {mail} -signer {old} -inkey {old_key} -certfile {renewed}", "expired"),
    "-provider default": (SIGN + " -provider default", "expired"),
    "-provider legacy": (SIGN + " -provider legacy -provider default", "expired"),
    "-propquery provider=default": (SIGN + " -propquery provider=default", "expired"),
    "a trusted certificate is encrypted to": (ENCRYPT + " {trusted}", "expired"),
    "one of several recipients": (ENCRYPT + " -recip {good} {expired}", "expired"),
    "recipient by key identifier": (ENCRYPT + " -keyid {expired}", "expired"),
    "AuthEnvelopedData": (ENCRYPT + " -aes-256-gcm {expired}", "expired"),
    "OAEP": (ENCRYPT + " -recip {expired} -keyopt rsa_padding_mode:oaep", "expired"),
    "key agreement": (ENCRYPT + " {expired_ec}", "expired"),
    "key agreement with another KDF": (
        ENCRYPT + " -recip {expired_ec} -keyopt ecdh_kdf_md:sha384", "expired"),
    "a Diffie-Hellman certificate": (ENCRYPT + " {dh}", "key-algorithm"),
    "an SM2 certificate": ("-sign -in {mail} -signer {sm2} -inkey {sm2_key}", "key-algorithm"),
}
# The command refuses the option, so no certificate is named.
FOR_THE_OPTION = ("-provider", "-propquery")


@pytest.fixture(scope="module")
def desk(pki, mail, tmp_path_factory):
    """The files of the table, by name."""
    directory = tmp_path_factory.mktemp("desk")
    files = {name: directory / name for name in
             ("trusted", "pkcs12", "expired_first", "signed", "asking")}
    good, expired = pki.good_rsa, pki.expired
    must(stock("x509", "-in", expired.pem, "-addtrust", "emailProtection", "-trustout", "-out",
               files["trusted"]))
    must(stock("pkcs12", "-export", "-in", expired.pem, "-inkey", expired.key, "-passout", "pass:",
               "-out", files["pkcs12"]))
    files["expired_first"].write_text(expired.pem.read_text() + good.pem.read_text())
    signs = ("cms", "-sign", "-nodetach", "-in", mail, "-signer", good.pem, "-inkey", good.key)
    must(stock(*signs, "-out", files["signed"]))
    must(stock(*signs, "-receipt_request_first", "-receipt_request_to", good.recipe.address,
               "-out", files["asking"]))
    for kind, *words in (("dh", "DH", "-pkeyopt", "group:ffdhe2048"), ("sm2", "SM2")):
        files[kind], files[kind + "_key"] = directory / f"{kind}.der", directory / f"{kind}.key"
        must(stock("genpkey", "-out", files[kind + "_key"], "-algorithm", *words))
        files[kind].write_bytes(certificate(pki.root, names=[email(b"other@example.com")],
                                            key=public_key(files[kind + "_key"])))
    return {**files, "mail": mail, "good": good.pem, "good_key": good.key, "expired": expired.pem,
            "expired_key": expired.key, "expired_ec": pki.expired_ec.pem,
            "old": pki.renewed_old.pem, "old_key": pki.renewed_old.key,
            "renewed": pki.renewed_new.pem}


@pytest.fixture
def go(desk, tmp_path):
    """go(program, line): one invocation."""
    def go(program, line, **kwargs):
        operation, *words = line.split()
        out = tmp_path / "out"
        out.unlink(missing_ok=True)
        result = run(*program, operation, "-out", out, *[word.format(**desk) for word in words],
                     **kwargs)
        return result, out.read_bytes() if out.exists() else None
    return go


@pytest.mark.parametrize("way", WAYS)
def test_way(way, go, conf):
    """Stock does it; under the provider it is refused with the reason; the command does not start it."""
    line, rule = WAYS[way]
    result, out = go((OPENSSL, "cms"), line, conf="/dev/null")
    assert result.rc == 0 and out, result
    result, out = go((OPENSSL, "cms"), line, conf=conf)
    refused(result, rule)
    # The beginning of a message that stock has streamed has no signature.
    assert not out or b"smime.p7s" not in out
    result, out = go((COMMAND, "cms"), line)
    assert result.rc != 0 and out is None, result
    if any(option in line for option in FOR_THE_OPTION):
        assert "out of the policy's hands" in result.err, result
    else:
        refused(result, rule)


def test_originator(pki, conf, mail, tmp_path):
    """Key agreement with the sender's certificate, which only some versions can do."""
    out = tmp_path / "out"
    words = ("cms", "-encrypt", "-in", mail, "-out", out, "-originator", pki.good_p256.pem,
             "-inkey", pki.good_p256.key, pki.expired_ec.pem)
    stock_does("encrypts with `-originator`", stock(*words).rc == 0)
    out.unlink(missing_ok=True)
    for result in (run(OPENSSL, *words, conf=conf), run(COMMAND, *words)):
        assert result.rc != 0 and (not out.exists() or out.stat().st_size == 0), result
    refused(result, "expired")


def test_digest_given(pki, conf, tmp_path):
    """`cms -sign -digest HEX`, from OpenSSL 3.2: no data, and the same attributes."""
    out = tmp_path / "out"
    words = ("cms", "-sign", "-digest", "00" * 32, "-outform", "DER", "-out", out, "-signer",
             pki.expired.pem, "-inkey", pki.expired.key)
    refused(run(COMMAND, *words), "expired")
    assert not out.exists()
    if stock(*words).rc != 0:
        pytest.skip("this openssl takes no digest")
    out.unlink()
    refused(run(OPENSSL, *words, conf=conf), "expired")
    assert not out.exists() or out.stat().st_size == 0


# What is not mail by its look, with a key alone; docs/security/security.md says so.
@pytest.mark.parametrize("words", [
    ["dgst", "-sha256", "-sign", "{key}"], ["pkeyutl", "-sign", "-inkey", "{key}"],
    ["rsautl", "-sign", "-inkey", "{key}"]], ids=["dgst", "pkeyutl", "rsautl"])
def test_raw_signature_is_nobodys(words, pki, conf):
    result = run(OPENSSL, *[word.format(key=pki.expired.key) for word in words], conf=conf,
                 stdin=bytes(32))
    assert result.rc == 0 and len(result.out) == 256, result


@pytest.mark.parametrize("program", ["pkeyutl", "rsautl"])
def test_raw_encryption_to_a_certificate(program, pki, conf):
    """With the certificate it may be mail."""
    words = (OPENSSL, program, "-encrypt", "-certin", "-inkey", pki.expired.pem)
    result = run(*words, conf=conf, stdin=bytes(32))
    refused(result, "expired")
    assert result.out == b""
    assert run(*words, conf="/dev/null", stdin=bytes(32)).rc == 0


def test_policy_switched_off_by_its_user(go, conf):
    """This is not stopped: who chooses the arguments or environment of a program chooses its policy."""
    past_ours = SIGN + " -provider default -propquery smime.policy!=yes"
    for line, chosen in ((SIGN, "/dev/null"), (past_ours, conf)):
        result, out = go((OPENSSL, "cms"), line, conf=chosen)
        assert result.rc == 0 and b"smime.p7s" in out, result
