# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
"""-keyopt beside signers and recipients that are found by their addresses, and RSASSA-PSS keys."""

import re

import pytest

from harness import COMMAND, must, run, stock
from keyrings import make_keyring

DONE, USAGE = 0, 1
PSS = ("-keyopt", "rsa_padding_mode:pss")
OAEP = ("-keyopt", "rsa_padding_mode:oaep")
GOOD, EC, ONLY_PSS = (f"{name}@example.com" for name in ("good_rsa", "good_p256", "rsa_pss"))


@pytest.fixture(scope="module")
def keyring(pki, tmp_path_factory):
    return make_keyring(tmp_path_factory.mktemp("keyring") / "kept",
                        *(f"identity:{pki[name].pem}:{pki[name].key}"
                          for name in ("good_rsa", "good_p256", "rsa_pss")))


@pytest.fixture
def ours(keyring, mail, tmp_path):
    """ours(verb, option…): the result and the message; a failure leaves no message."""
    def ask(verb, *options, mail=mail):
        out = tmp_path / "message"
        out.unlink(missing_ok=True)
        result = run(COMMAND, verb, "--keyring", keyring, "-in", mail, "-out", out, *options,
                     conf="/dev/null")
        assert out.exists() == (result.rc == DONE), result
        return result, out
    return ask


def printed(message):
    return must(stock("cms", "-cmsout", "-print", "-in", message)).text


def algorithms(message):
    """The algorithm of each signature, or of each recipient."""
    kind = "signatureAlgorithm" if "signedData" in printed(message) else "keyEncryptionAlgorithm"
    return re.findall(kind + r":\s+algorithm: (\S+)", printed(message))


def verified(message, pki):
    return stock("cms", "-verify", "-CAfile", pki.ca, "-in", message)


@pytest.mark.parametrize("options,algorithm", [
    (("--from", GOOD), "rsaEncryption"),
    (("--from", GOOD, *PSS), "rsassaPss"),
    ((*PSS, "--from", GOOD), "rsassaPss"),
    (("--from", GOOD, *PSS, "-keyopt", "rsa_pss_saltlen:20"), "rsassaPss"),
    (("--from", ONLY_PSS), "rsassaPss"),
    (("--from", ONLY_PSS, *PSS), "rsassaPss"),
    (("--from", ONLY_PSS, "-noattr"), "rsassaPss"),
    (("--from", ONLY_PSS, "-md", "sha512"), "rsassaPss"),
    (("--from", ONLY_PSS, "-nodetach"), "rsassaPss"),
    (("--from", GOOD, *PSS, "-nodetach"), "rsassaPss"),
])
def test_signed_by_address(options, algorithm, ours, pki):
    """The output has the requested algorithms, and stock verifies it."""
    result, message = ours("sign", *options)
    assert result.rc == DONE, result
    assert algorithms(message) == [algorithm]
    assert verified(message, pki).rc == 0


@pytest.mark.parametrize("form", ["DER", "PEM"])
@pytest.mark.parametrize("more", [(), ("-nodetach",)])
def test_other_forms(form, more, ours, pki, mail):
    """With PSS, stock cannot stream a form that holds the signature's parameters first."""
    for options in (("--from", ONLY_PSS), ("--from", GOOD, *PSS)):
        result, message = ours("sign", *options, "-outform", form, *more)
        assert result.rc == DONE, result
        content = () if more else ("-content", mail)
        assert stock("cms", "-verify", "-CAfile", pki.ca, "-inform", form, "-in", message,
                     *content).rc == 0


@pytest.mark.parametrize("options", [(), PSS, ("-keyopt", "rsa_pss_saltlen:20"), ("-noattr",)])
def test_signed_with_a_pss_key_in_files(options, ours, pki):
    """Stock makes a signature that nobody verifies; the verb does not."""
    files = "-signer", pki.rsa_pss.pem, "-inkey", pki.rsa_pss.key
    result, message = ours("sign", *files, *options)
    assert result.rc == DONE and algorithms(message) == ["rsassaPss"], result
    assert verified(message, pki).rc == 0


def test_two_signers(ours, pki):
    """Each option is for its signer."""
    result, message = ours("sign", "-signer", pki.good_rsa.pem, "-inkey", pki.good_rsa.key,
                           "-signer", pki.rsa_pss.pem, "-inkey", pki.rsa_pss.key)
    assert result.rc == DONE, result
    assert sorted(algorithms(message)) == ["rsaEncryption", "rsassaPss"]
    result, message = ours("sign", "-signer", pki.good_rsa.pem, "-inkey", pki.good_rsa.key, *PSS,
                           "--from", EC)
    assert result.rc == DONE, result
    assert sorted(algorithms(message)) == ["ecdsa-with-SHA256", "rsassaPss"]
    assert verified(message, pki).rc == 0


@pytest.mark.parametrize("options,expected", [
    (("--to", GOOD, *OAEP), ["rsaesOaep"]),
    ((*OAEP, "--to", GOOD), ["rsaesOaep"]),
    (("--to", GOOD, "--to", EC, *OAEP), ["dhSinglePass-stdDH-sha256kdf-scheme", "rsaesOaep"]),
    (("--to", EC, "-keyopt", "ecdh_kdf_md:sha384"), ["dhSinglePass-stdDH-sha384kdf-scheme"]),
    (("--to", EC, "--to-self", "--from", GOOD, *OAEP),
     ["dhSinglePass-stdDH-sha256kdf-scheme", "rsaesOaep"]),
    (("--to", GOOD), ["rsaEncryption"]),
])
def test_encrypted_by_address(options, expected, ours, pki):
    result, message = ours("encrypt", *options)
    assert result.rc == DONE, result
    assert sorted(algorithms(message)) == expected
    name = "good_p256" if GOOD not in options else "good_rsa"
    assert must(stock("cms", "-decrypt", "-in", message, "-recip", pki[name].pem, "-inkey",
                      pki[name].key)).out


@pytest.mark.parametrize("verb,options", [
    ("encrypt", ("--to", EC, *OAEP)), ("encrypt", (*OAEP, "bob.pem")),
    ("sign", ("--from", EC, *PSS)), ("sign", ("--from", GOOD, "-keyopt", "ecdh_kdf_md:sha1"))])
def test_for_nobody(verb, options, ours):
    """An option without effect is an error, and the message says where it belongs."""
    result, _ = ours(verb, *options)
    assert result.rc == USAGE, result
    assert f"-keyopt {options[options.index('-keyopt') + 1]}: there is nobody with such a key" in result.err
    assert "No key specified" not in result.err


def test_explained(ours):
    result = run(COMMAND, "encrypt", "--explain", "--keyring", "/nonexistent", *OAEP, "x.pem",
                 conf="/dev/null")
    assert result.rc == USAGE and "nobody with such a key" in result.err, result
