# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
"""The command: its options, exit codes and output, and how it runs stock openssl."""

import json
import os
import re
import signal
import stat
import subprocess

import pytest

from harness import (COMMAND, OPENSSL, PATIENCE, REPORTS, copy_command, ends, environment, must, refused, run, stock,
                     stock_does, wait_for)

DONE, USAGE, INPUT, REFUSED, CRYPTO, SYSTEM = range(6)
BODY = b"the quick brown fox."


def command(*args, **kwargs):
    """Our command."""
    return run(COMMAND, *args, **kwargs)


def sign(cert, mail, *more, **kwargs):
    """`smime-policy sign` with a certificate and its key."""
    return command("sign", "-signer", cert.pem, "-inkey", cert.key, "-in", mail, *more, **kwargs)


def lines(result, rule):
    """The lines about a rule."""
    return [line for line in result.err.splitlines() if f"[{rule}]" in line]


@pytest.fixture
def fake(tmp_path):
    """fake(script): a stand-in for openssl, as environment."""
    def make(script):
        path = tmp_path / "fake-openssl"
        path.write_text("#!/bin/sh\n" + REPORTS + script)
        path.chmod(0o755)
        return {"SMIME_POLICY_OPENSSL": path}
    return make


@pytest.fixture(scope="module")
def trap(tmp_path_factory):
    """An openssl.cnf that stops every openssl that reads it."""
    path = tmp_path_factory.mktemp("trap") / "openssl.cnf"
    path.write_text("config_diagnostics = 1\nopenssl_conf = a\n[a]\nproviders = b\n"
                    "[b]\ntrap = c\n[c]\nitself = c\n")
    assert run(OPENSSL, "version", conf=path).rc != 0
    return path


# --- help, version, usage


@pytest.mark.parametrize("words", [["--help"], ["-h"], ["check", "--help"], ["config", "--help"],
                                   ["sign", "--help"], ["encrypt", "-help"], ["verify", "--help"],
                                   ["decrypt", "--help"]])
def test_help(words):
    """Help goes to stdout and succeeds."""
    result = command(*words)
    assert result.rc == DONE and result.err == ""
    assert result.out.startswith(b"Usage: smime-policy")
    if len(words) == 2:
        assert f"smime-policy {words[0]}".encode() in result.out


def test_version():
    """The version of the command and of the library it runs with."""
    result = command("--version")
    assert result.rc == DONE
    assert re.match(rb"smime-policy \d+\.\d+\.\d+ \(OpenSSL \d", result.out)


@pytest.mark.parametrize("words, text", [
    ([], "no command given"),
    (["frobnicate"], "no such command: frobnicate"),
    (["--frobnicate"], "unknown option --frobnicate"),
    (["--policy"], "--policy needs a value"),
    (["sign", "-frobnicate"], "unknown option -frobnicate"),
    (["sign", "-signer"], "-signer needs a value"),
    (["sign", "-text=yes"], "-text does not take a value"),
    (["sign", "-verify"], "-verify is another operation"),
    (["check"], "no certificate given"),
    (["check", "--for", "fun", "x.pem"], "no such use"),
    (["check", "--at", "noon", "x.pem"], "not a time"),
    (["check", "--passin", "somewhere", "x.pem"], "--passin takes"),
    (["check", "--frobnicate", "x.pem"], "unknown option --frobnicate"),
    (["config", "--lint"], "config: option --lint needs a value"),
    (["config", "nonsense"], "config: takes"),
])
def test_usage(words, text):
    """Usage errors go to stderr and exit 1."""
    result = command(*words)
    assert result.rc == USAGE and result.out == b""
    assert text in result.err


# --- the option parser


def options_of(api):
    """[(name, takes a value)] as the installed openssl lists them."""
    text = stock(api, "-help").text
    found = re.findall(r"^ -([A-Za-z][\w-]*)( \S+)?  +\S|^ -([A-Za-z][\w-]*)( \S+)?$", text,
                       re.MULTILINE)
    pairs = {(a or c, bool((b or d).strip())) for a, b, c, d in found}
    # Descriptions that begin in the next column are no values.
    assert len(pairs) > 60, text
    return sorted(pairs)


@pytest.mark.parametrize("api", ["cms", "smime"])
def test_option_table(api):
    """Our table knows every option of stock and whether it takes a value."""
    wrong = []
    for name, takes_value in options_of(api):
        # If the option takes a value it takes -engine, and -config lacks its own; if it does not, -engine
        # takes -config as its value and is refused.
        result = command(api, f"-{name}", "-engine", "-config")
        if takes_value:
            right = result.rc == USAGE and "-config needs a value" in result.err
        else:
            right = result.rc == REFUSED and "-engine would" in result.err
        if not right:
            wrong.append((name, takes_value, result.err))
    assert not wrong


@pytest.mark.parametrize("spelling", [["-engine", "x"], ["--engine", "x"], ["-engine=x"],
                                      ["--engine=x"]])
def test_spellings_of_an_option(spelling, pki, mail):
    """Options are spelled as for the openssl program."""
    result = sign(pki.good_rsa, mail, *spelling)
    assert result.rc == REFUSED and "-engine would" in result.err


def test_options_behind_operands(pki, mail, tmp_path):
    """Under a verb they are options, and judged; under a stock name they are recipients, as for stock."""
    result = command("encrypt", "-in", mail, pki.good_rsa.pem, "-engine", "x", cwd=tmp_path)
    assert result.rc == REFUSED and "-engine would" in result.err and not result.out
    for word in ("-engine", "x"):
        result = command("cms", "-encrypt", "-in", mail, pki.good_rsa.pem, word, cwd=tmp_path)
        assert result.rc == INPUT and word in result.err and not result.out, result
    result = command("encrypt", "-in", mail, "--", pki.good_rsa.pem)
    assert result.rc == DONE, result
    result = command("encrypt", "-in", mail, "--", pki.expired.pem)
    assert result.rc == REFUSED and lines(result, "expired")


# --- what the verbs refuse


@pytest.mark.parametrize("option", [
    "-noverify", "-nosigs", "-no_attr_verify", "-no_content_verify", "-no_signer_cert_verify",
    "-no_check_time", "-purpose=any", "-verify_name=ssl_client", "-provider=default",
    "-provider-path=/tmp", "-propquery=provider=default", "-engine=x", "-config=x"])
def test_options_that_switch_the_policy_off(option, pki, post, tmp_path):
    """Refused by name, with a remedy and without output."""
    out = tmp_path / "out"
    result = command("verify", "-in", post.signed("good_rsa"), "-CAfile", pki.good_rsa.anchor,
                     "-out", out, option)
    name = option.split("=")[0]
    assert result.rc == REFUSED and result.out == b"" and not out.exists()
    assert re.search(rf"^refused: verify: {name} would [^;]+; \S", result.err, re.MULTILINE)


@pytest.mark.parametrize("api", ["cms", "smime"])
@pytest.mark.parametrize("option", ["-provider=default", "-provider-path=/tmp", "-engine=x",
                                    "-propquery=provider=default", "-config=x"])
def test_options_refused_under_stock_names(api, option, pki, mail):
    """No other provider, engine or configuration there either."""
    result = command(api, "-sign", "-signer", pki.good_rsa.pem, "-inkey", pki.good_rsa.key,
                     "-in", mail, option)
    assert result.rc == REFUSED and result.out == b""
    assert f"{option.split('=')[0]} would" in result.err


def test_every_finding_of_every_certificate(pki, mail, tmp_path):
    """Not only the first fault, not only the first certificate."""
    out = tmp_path / "out"
    result = command("encrypt", "-in", mail, "-out", out, "-recip", pki.expired.pem,
                     pki.no_san.pem, pki.good_rsa.pem, pki.ku_ds.pem)
    assert result.rc == REFUSED and result.out == b"" and not out.exists()
    assert len(lines(result, "expired")) == 1
    assert len(lines(result, "san-email")) == 1
    assert len(lines(result, "usage-encrypt")) == 1
    assert all(line.startswith(("refused: encrypt: ", "warning: encrypt: "))
               for line in result.err.splitlines()), result


def test_nothing_runs_after_a_refusal(pki, mail, fake, tmp_path):
    """What the tool judges is judged before stock starts."""
    ran = tmp_path / "ran"
    for more, code in ((["--json", "-out", tmp_path / "out"], REFUSED), ([], REFUSED)):
        result = sign(pki.expired, mail, *more, env=fake(f"touch {ran}\nexit 3\n"))
        assert result.rc == code and ran.exists() != bool(more), result
    assert sign(pki.good_rsa, mail, env=fake(f"touch {ran}\ncat >/dev/null\necho message\n")).rc == DONE


def test_two_signers(pki, mail):
    """Each -signer with its own -inkey, in either order, as stock pairs them."""
    good, other, bad = pki.good_rsa, pki.good_p256, pki.expired
    for words in (["-signer", good.pem, "-inkey", good.key, "-signer", other.pem,
                   "-inkey", other.key],
                  ["-inkey", good.key, "-signer", good.pem, "-inkey", other.key,
                   "-signer", other.pem]):
        assert command("sign", "-in", mail, *words).rc == DONE
    result = command("sign", "-in", mail, "-signer", good.pem, "-inkey", good.key,
                     "-signer", bad.pem, "-inkey", bad.key)
    assert result.rc == REFUSED and len(lines(result, "expired")) == 1
    result = command("sign", "-in", mail, "-signer", good.pem, "-inkey", other.key,
                     "-signer", other.pem, "-inkey", good.key)
    assert result.rc == REFUSED and len(lines(result, "private-key-match")) == 2


def test_private_keys(pki, mail, tmp_path):
    """A key of the wrong kind, a public key, another certificate's key."""
    public = tmp_path / "public.pem"
    must(stock("pkey", "-in", pki.good_rsa.key, "-pubout", "-out", public))
    for key, rule in ((pki.dsa.key, "private-key-algorithm"), (public, "private-key-algorithm"),
                      (pki.ed25519.key, "private-key-algorithm"),
                      (pki.good_p256.key, "private-key-match")):
        result = command("sign", "-in", mail, "-signer", pki.good_rsa.pem, "-inkey", key)
        assert result.rc == REFUSED and lines(result, rule), result


def test_certificate_required(pki, mail):
    """Neither a message without a certificate nor a shared secret."""
    for words in ([], ["-secretkey", "00" * 16, "-secretkeyid", "00"], ["-pwri_password", "x"],
                  ["-secretkey", "00" * 16, pki.good_rsa.pem], ["-EncryptedData_encrypt"]):
        result = command("encrypt", "-in", mail, *words)
        assert result.rc == REFUSED and lines(result, "certificate-required"), result
    result = command("sign", "-in", mail)
    assert result.rc == REFUSED and lines(result, "certificate-required"), result
    for words in (["-encrypt", "-pwri_password", "x"],
                  ["-EncryptedData_encrypt", "-secretkey", "00" * 16]):
        result = command("cms", *words, "-in", mail, "-aes128")
        assert result.rc != 0 and lines(result, "certificate-required"), result


def test_old_messages_with_a_password_stay_readable(mail, tmp_path):
    """Reading old messages is not refused."""
    sealed = tmp_path / "sealed"
    must(stock("cms", "-encrypt", "-in", mail, "-out", sealed, "-aes128", "-pwri_password", "x"))
    result = command("decrypt", "-in", sealed, "-pwri_password", "x")
    assert result.rc == DONE and BODY in result.out


def test_path_of_the_signer(pki, mail):
    """An expired issuer in the signer's chain is refused; one that is only sent along gives a warning."""
    result = sign(pki.old_chain, mail, "-certfile", pki.old_intermediate.pem)
    assert result.rc == REFUSED and "signer's path" in lines(result, "expired")[0]
    result = sign(pki.good_rsa, mail, "-certfile", pki.old_intermediate.pem)
    assert result.rc == DONE and lines(result, "expired")[0].startswith("warning: ")
    result = sign(pki.good_chain, mail, "-certfile", pki.intermediate)
    assert result.rc == DONE and not lines(result, "expired")


def test_renewed_issuer_beside_the_old_one(pki, mail, tmp_path):
    """Two certificates of one CA: one valid is enough, in any order."""
    conf = tmp_path / "ca.cnf"
    conf.write_text("[v3]\nbasicConstraints=critical,CA:TRUE\nsubjectKeyIdentifier=hash\n")
    renewed = tmp_path / "renewed.pem"
    must(stock("x509", "-in", pki.old_intermediate.pem, "-signkey", pki.old_intermediate.key,
               "-days", "30", "-clrext", "-extfile", conf, "-extensions", "v3", "-out", renewed))
    texts = [renewed.read_text(), pki.old_intermediate.pem.read_text()]
    for name, order in (("new-old", texts), ("old-new", texts[::-1])):
        pool = tmp_path / name
        pool.write_text("".join(order))
        result = sign(pki.old_chain, mail, "-certfile", pool)
        assert result.rc == DONE, result
        assert lines(result, "expired")[0].startswith("warning: ")


def test_distrusted_sender(pki, post):
    """Nobody vouches for the sender: the rule is named, also under the stock names."""
    message = post.signed("foreign")
    everybody = {"SSL_CERT_FILE": pki.foreign_root.pem, "SSL_CERT_DIR": "/"}
    for words, code in ((["verify"], REFUSED), (["cms", "-verify"], 4), (["smime", "-verify"], 4)):
        result = command(*words, "-in", message, env=everybody)
        assert result.rc == code and result.out == b"", result
        assert lines(result, "distrust-default")
        result = command(*words, "-in", message, "-CAfile", pki.foreign_root.pem)
        assert result.rc == DONE and BODY in result.out, result


def test_encrypts_with_aes256(pki, mail, tmp_path):
    """AES-256, whatever stock's default is; a given cipher is used."""
    out = tmp_path / "theirs"
    must(stock("cms", "-encrypt", "-in", mail, "-out", out, pki.good_rsa.pem))
    stock_does("takes Triple DES where `cms -encrypt` names no cipher", "des-ede3-cbc" in structure(out))
    for more, name in (([], b"aes-256-cbc"), (["-aes128"], b"aes-128-cbc")):
        out = tmp_path / "sealed"
        assert command("encrypt", "-in", mail, "-out", out, *more, pki.good_rsa.pem).rc == DONE
        shown = must(stock("cms", "-cmsout", "-print", "-noout", "-in", out))
        assert name in shown.out


def structure(path, form="SMIME"):
    """What is inside a message."""
    return must(stock("cms", "-cmsout", "-print", "-noout", "-inform", form, "-in", path)).text


def test_derives_ec_keys_with_sha256(pki, mail, tmp_path):
    """SHA-256, whatever stock's default is; the stock names use that default.  RSA recipients are not
    changed."""
    out, theirs = tmp_path / "sealed", tmp_path / "theirs"
    recipients = [pki.good_rsa, pki.good_p256, pki.good_p384]
    mixed = ["-recip", pki.good_p384.pem, pki.good_rsa.pem, pki.good_p256.pem]
    for words in ([cert.pem for cert in recipients], mixed):
        must(command("encrypt", "-in", mail, "-out", out, *words))
        text = structure(out)
        assert text.count("sha256kdf") == 2 and "sha1kdf" not in text
        assert text.count("d.ktri") == 1
        for cert in recipients:
            opened = stock("cms", "-decrypt", "-in", out, "-recip", cert.pem, "-inkey", cert.key)
            assert BODY in must(opened).out
    must(command("encrypt", "-in", mail, "-out", out, "-recip", pki.good_p256.pem, "-keyopt",
                 "ecdh_kdf_md:sha512"))
    assert "sha512kdf" in structure(out)
    must(stock("cms", "-encrypt", "-in", mail, "-out", theirs, pki.good_p256.pem))
    must(command("cms", "-encrypt", "-in", mail, "-out", out, pki.good_p256.pem))
    assert ("sha1kdf" in structure(out)) == stock_does("derives the keys of EC recipients with SHA-1",
                                                       "sha1kdf" in structure(theirs))


def test_verbs_stream(pki, mail, tmp_path):
    """Verbs stream, unless asked otherwise; the stock names write what stock writes."""
    out = tmp_path / "der"
    for verb, words in (("sign", ["-nodetach", "-signer", pki.good_rsa.pem, "-inkey",
                                  pki.good_rsa.key]), ("encrypt", [pki.good_rsa.pem])):
        def first_bytes(*argv):
            must(command(*argv, "-in", mail, "-out", out, "-outform", "DER", *words))
            return out.read_bytes()[:2]
        assert first_bytes(verb) == b"\x30\x80"
        assert first_bytes(verb, "-noindef") != b"\x30\x80"
        assert first_bytes("cms", f"-{verb}") != b"\x30\x80"


def test_weak_cipher(pki, mail, tmp_path):
    """The verbs warn, the stock names are silent; refused if the setting says so."""
    out, policy = tmp_path / "sealed", tmp_path / "policy.cnf"
    policy.write_text("weak_cipher = deny\n")
    words = ("-in", mail, "-out", out, pki.good_rsa.pem)
    assert lines(command("encrypt", "-des3", *words), "weak-cipher")[0].startswith("warning: ")
    assert not lines(command("cms", "-encrypt", "-des3", *words), "weak-cipher")
    out.unlink()
    strict = ("--policy", policy)
    for how in (("encrypt", "-des3"), ("encrypt", "--DES3"), ("encrypt", "-rc2-40"),
                ("encrypt", "-aes-128-ecb"), ("encrypt", "-AES-256-ECB"), ("encrypt", "-aes-192-ofb"),
                ("encrypt", "-camellia-128-ecb"), ("encrypt", "-2.16.840.1.101.3.4.1.1"),
                ("encrypt", "-1.2.840.113549.3.7"), ("cms", "-encrypt", "-aria-128-ecb"),
                ("cms", "-encrypt", "-2.16.840.1.101.3.4.1.41"), ("smime", "-encrypt", "-aes-128-ecb"),
                ("cms", "-encrypt", "-des3"), ("smime", "-encrypt", "-des-ede3-cbc")):
        result = command(*strict, *how, *words)
        assert result.rc == REFUSED and lines(result, "weak-cipher"), result
        assert not out.exists()
    sealed = ("-in", mail, "-out", out, pki.good_p256.pem)
    for how in (("cms", "-encrypt"), ("encrypt",)):
        for wrap in (("-des3-wrap",), ("-wrap", "des3-wrap"), ("-wrap", "1.2.840.113549.1.9.16.3.6")):
            result = command(*strict, *how, "-aes256", *wrap, *sealed)
            assert result.rc == REFUSED and lines(result, "weak-cipher"), result
            assert not out.exists()
        result = command(*strict, *how, "-aes256", "-aes256-wrap", *sealed)
        assert result.rc == DONE and not lines(result, "weak-cipher"), result
        out.unlink()
    assert command(*strict, "encrypt", *words).rc == DONE
    for how in (("smime", "-encrypt", "-aes128"), ("encrypt", "-aes-256-cbc"),
                ("encrypt", "-aes-128-gcm"), ("encrypt", "-aes-128-cfb"),
                ("encrypt", "-camellia-256-cbc"), ("encrypt", "-2.16.840.1.101.3.4.1.42")):
        result = command(*strict, *how, *words)
        assert result.rc == DONE and not lines(result, "weak-cipher"), result


# --- exit codes


def test_exit_codes_of_the_verbs(pki, mail, post, tmp_path):
    """One code for each kind of failure."""
    assert sign(pki.good_rsa, mail).rc == DONE
    assert sign(pki.good_rsa, tmp_path / "missing").rc == INPUT
    assert command("sign", "-in", mail, "-signer", tmp_path / "missing").rc == INPUT
    assert command("sign", "-in", mail, "-signer", mail).rc == INPUT
    assert command("verify", "-in", mail).rc == INPUT
    assert sign(pki.good_rsa, mail, "-out", tmp_path / "no" / "such").rc == SYSTEM
    assert sign(pki.good_rsa, mail, "-out", tmp_path).rc == SYSTEM
    assert command("decrypt", "-in", post.encrypted("good_rsa"), "-recip", pki.good_p256.pem,
                   "-inkey", pki.good_p256.key).rc == CRYPTO
    broken = tmp_path / "broken"
    broken.write_bytes(post.signed("good_rsa").read_bytes().replace(b"quick", b"slow"))
    assert command("verify", "-in", broken, "-CAfile", pki.ca).rc == CRYPTO
    # Judged before stock runs; a stock name leaves it to the provider.
    result = command("verify", "-in", post.signed("no_san"), "-CAfile", pki.ca)
    assert result.rc == REFUSED and ":error:" not in result.err, result
    assert "(san-email) [signer-certificate]" in result.err
    result = command("cms", "-verify", "-in", post.signed("no_san"), "-CAfile", pki.ca)
    assert result.rc != DONE and ":smimepolicy:" in result.err, result


# Words that name a missing or wrong file.
FAULTS = [
    ("sign -signer CERT -inkey KEY -in NONE", INPUT),
    ("sign -signer NONE -inkey KEY -in MAIL", INPUT),
    ("sign -signer CERT -inkey NONE -in MAIL", INPUT),
    ("sign -signer CERT -inkey LOCKED -passin pass:wrong -in MAIL", INPUT),
    ("sign -signer CERT -inkey KEY -certfile NONE -in MAIL", INPUT),
    ("sign -signer CERT -inkey KEY -in MAIL -md nonsense", USAGE),
    ("sign -signer CERT -inkey KEY -in MAIL -outform nonsense", USAGE),
    ("sign -signer CERT -inkey OTHERKEY -in MAIL", REFUSED),
    ("encrypt -in NONE CERT", INPUT),
    ("encrypt -in MAIL NONE", INPUT),
    ("encrypt -in MAIL", REFUSED),
    ("verify -in NONE -CAfile CA", INPUT),
    ("verify -in MAIL -CAfile CA", INPUT),
    ("verify -in SIGNED -CAfile NONE", INPUT),
    ("verify -in SIGNED -CAfile MAIL", INPUT),
    ("verify -in SIGNED", REFUSED),
    ("decrypt -in NONE -inkey KEY", INPUT),
    ("decrypt -in MAIL -inkey KEY", INPUT),
    ("decrypt -in SEALED -inkey NONE", INPUT),
    ("decrypt -in SEALED -inkey LOCKED -passin pass:wrong", INPUT),
    ("decrypt -in SEALED -recip OTHER -inkey OTHERKEY", CRYPTO),
    ("decrypt -in SEALED -recip CERT -inkey OTHERKEY", CRYPTO),
]


@pytest.mark.parametrize("line, code", FAULTS)
def test_exit_code_of_a_fault(line, code, pki, mail, post, tmp_path):
    """The exit code tells the cause, whatever stock's own code is; nothing is written."""
    locked = tmp_path / "locked"
    must(stock("pkey", "-in", pki.good_rsa.key, "-aes256", "-passout", "pass:right", "-out", locked))
    files = {"CERT": pki.good_rsa.pem, "KEY": pki.good_rsa.key, "OTHER": pki.good_p256.pem,
             "OTHERKEY": pki.good_p256.key, "CA": pki.ca, "MAIL": mail, "LOCKED": locked,
             "NONE": tmp_path / "none", "SIGNED": post.signed("good_rsa"),
             "SEALED": post.encrypted("good_rsa")}
    verb, *words = [files.get(word, word) for word in line.split()]
    result = command(verb, "-out", tmp_path / "out", *words)
    assert result.rc == code and result.err and not (tmp_path / "out").exists(), result


@pytest.mark.parametrize("script, code", [("cat >/dev/null; echo message; exit 0", 0), ("exit 1", 1), ("exit 2", 2),
                                          ("exit 3", 4), ("exit 4", 4), ("exit 5", 5),
                                          ("exit 127", 5), ("kill -9 $$", 5)])
def test_codes_of_stock(script, code, pki, mail, fake):
    """The verbs translate; the stock names do not."""
    assert sign(pki.good_rsa, mail, env=fake(script)).rc == code
    result = command("cms", "-sign", "-signer", pki.good_rsa.pem, "-inkey", pki.good_rsa.key,
                     "-in", mail, env=fake(script))
    assert result.rc == (137 if "kill" in script else int(script.split()[-1]))


def test_a_refusal_of_the_provider_never_exits_0(pki, mail, fake):
    """Not even if stock exits with 0; text that only looks like a refusal does not count."""
    script = "echo 80A:error:40000001:smimepolicy::text:file:1:data >&2; echo partial; exit "
    for words in (["sign"], ["cms", "-sign"], ["smime", "-sign"]):
        words += ["-signer", pki.good_rsa.pem, "-inkey", pki.good_rsa.key, "-in", mail]
        result = command(*words, env=fake(script + "0"))
        assert result.rc == REFUSED and result.out == b""
    other = "echo 80A:error:40000001:other:f:smimepolicy:file:1:smimepolicy: >&2; exit 4"
    assert sign(pki.good_rsa, mail, env=fake(other)).rc == CRYPTO


@pytest.mark.parametrize("api", ["cms", "smime"])
def test_stock_names_keep_the_codes_of_stock(api, pki, mail, post, tmp_path):
    """Under policy nothing else changes."""
    missing = tmp_path / "missing"
    for words in (["-sign", "-in", mail, "-signer", missing], ["-verify", "-in", mail],
                  ["-verify", "-in", missing],
                  ["-decrypt", "-in", post.encrypted("good_rsa"), "-recip", pki.good_chain.pem,
                   "-inkey", pki.good_chain.key]):
        ours, theirs = command(api, *words), stock(api, *words)
        assert ours.rc == theirs.rc, (words, str(ours), str(theirs))
    assert command(api, "-help").rc == 0
    # A refusal has stock's code for a message that could not be made.
    assert command(api, "-sign", "-in", mail, "-signer", pki.expired.pem,
                   "-inkey", pki.expired.key).rc == 3


def test_stock_names_are_quiet(pki, mail, post, tmp_path):
    """Callers fail on a line that stock would not print: only verbs print warnings."""
    out = tmp_path / "out"
    words = ["-sign", "-signer", pki.weak_key.pem, "-inkey", pki.weak_key.key, "-in", mail,
             "-out", out]
    assert lines(command("sign", *words[1:]), "weak-key")
    for api in ("cms", "smime"):
        assert command(api, *words).err == ""
        expired = pki.expired
        result = command(api, "-decrypt", "-in", post.encrypted("expired"), "-recip", expired.pem,
                         "-inkey", expired.key)
        assert result.rc == 0 and result.err == "" and BODY in result.out
    result = command("decrypt", "-in", post.encrypted("expired"), "-recip", pki.expired.pem,
                     "-inkey", pki.expired.key)
    assert result.rc == DONE and lines(result, "decrypt-expired")


# --- output


@pytest.mark.parametrize("words", [["sign"], ["cms", "-sign"], ["smime", "-sign"]])
def test_output_is_all_or_nothing(words, pki, mail, fake, tmp_path):
    """A failure leaves an existing file as it was, and no temporary one."""
    out = tmp_path / "d" / "out"
    out.parent.mkdir()
    out.write_text("before")
    words = words + ["-signer", pki.good_rsa.pem, "-inkey", pki.good_rsa.key, "-in", mail]
    half = fake("echo half; exit 4\n")
    for more in (["-out", out], ["--out", out], [f"-out={out}"]):
        result = command(*words, *more, env=half)
        assert result.rc == 4 and result.out == b""
        assert out.read_text() == "before" and os.listdir(out.parent) == ["out"]
        assert command(*words, *more).rc == 0
        assert b"smime.p7s" in out.read_bytes() and os.listdir(out.parent) == ["out"]
        out.write_text("before")


def test_mode_of_the_output(pki, mail, tmp_path):
    """A new file gets the mode of the umask; an existing one keeps its own."""
    out = tmp_path / "out"
    for mask, mode in ((0o022, 0o644), (0o077, 0o600)):
        script = f"umask {mask:o}; exec \"$@\""
        must(run("/bin/sh", "-c", script, "sh", COMMAND, "sign", "-signer", pki.good_rsa.pem,
                 "-inkey", pki.good_rsa.key, "-in", mail, "-out", out))
        assert stat.S_IMODE(out.stat().st_mode) == mode
        out.unlink()
    out.touch()
    out.chmod(0o640)
    assert sign(pki.good_rsa, mail, "-out", out).rc == DONE
    assert stat.S_IMODE(out.stat().st_mode) == 0o640


def test_unusual_outputs(pki, mail, tmp_path):
    """Links are followed, devices and pipes are written, `-` is stdout, the last -out counts."""
    target, link, other = tmp_path / "target", tmp_path / "link", tmp_path / "other"
    target.write_text("before")
    link.symlink_to(target)
    assert sign(pki.good_rsa, mail, "-out", link).rc == DONE
    assert link.is_symlink() and b"smime.p7s" in target.read_bytes()
    assert sign(pki.good_rsa, mail, "-out", "/dev/null").rc == DONE
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)
    for name in ("-", "/dev/stdout"):
        result = sign(pki.good_rsa, mail, "-out", name)
        assert result.rc == DONE and b"smime.p7s" in result.out, result
    assert os.path.islink("/dev/stdout")
    assert sign(pki.good_rsa, mail, "-out", other, "-out", target).rc == DONE
    assert not other.exists()
    assert sign(pki.good_rsa, mail, "-out", "plain", cwd=tmp_path).rc == DONE
    assert (tmp_path / "plain").exists()


def test_same_file_in_and_out(pki, mail, tmp_path):
    """The same file for in and out: stock would empty it before reading."""
    both = tmp_path / "both"
    both.write_bytes(mail.read_bytes())
    assert sign(pki.good_rsa, both, "-out", both).rc == DONE
    assert BODY in both.read_bytes()


def test_signer_and_certificates_of_a_verified_message(pki, post, tmp_path):
    """Other output files of a verification appear only after success."""
    signer, certs = tmp_path / "signer", tmp_path / "certs"
    words = ["-CAfile", pki.ca, "-signer", signer, "-certsout", certs, "-out", tmp_path / "out"]
    result = command("verify", "-in", post.signed("no_san"), *words)
    assert result.rc == REFUSED and os.listdir(tmp_path) == []
    assert command("verify", "-in", post.signed("good_rsa"), *words).rc == DONE
    for path in (signer, certs):
        assert b"good_rsa" in must(stock("x509", "-in", path, "-noout", "-subject")).out


def test_outputs_that_stock_has_no_use_for(pki, mail, tmp_path):
    """An option without effect makes no file."""
    result = sign(pki.good_rsa, mail, "-certsout", tmp_path / "certs", "-out", tmp_path / "out")
    assert result.rc == DONE and os.listdir(tmp_path) == ["out"], result


def test_unwritable_stdout(pki, mail):
    """A full disk is no success."""
    with open("/dev/full", "wb") as full:
        done = subprocess.run([COMMAND, "sign", "-signer", pki.good_rsa.pem, "-inkey",
                               pki.good_rsa.key, "-in", mail], stdout=full, check=False,
                              stderr=subprocess.PIPE, env=environment())
        assert done.returncode == SYSTEM and b"standard output" in done.stderr
        done = subprocess.run([COMMAND, "--help"], stdout=full, check=False,
                              stderr=subprocess.PIPE, env=environment())
        assert done.returncode == SYSTEM


def test_closed_streams(pki, mail, tmp_path):
    """A closed standard stream is not replaced by a file of ours."""
    out = tmp_path / "out"
    words = [COMMAND, "sign", "-signer", pki.good_rsa.pem, "-inkey", pki.good_rsa.key, "-in", mail]
    must(run("/bin/sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh", *words, "-out", out))
    assert BODY in out.read_bytes()
    must(run("/bin/sh", "-c", 'exec "$@" <&- >&-', "sh", *words))


def test_nobody_reads_stderr(pki, mail, fake, tmp_path):
    """Without a reader of stderr we still clean up."""
    out = tmp_path / "d" / "out"
    out.parent.mkdir()
    reading, writing = os.pipe()
    os.close(reading)
    env = environment(**fake("sleep 0.2; echo said >&2; exit 4"))
    subprocess.run([COMMAND, "sign", "-signer", pki.modern.pem, "-inkey", pki.modern.key, "-in",
                    mail, "-out", out], stderr=writing, check=False, env=env, timeout=PATIENCE)
    os.close(writing)
    assert os.listdir(out.parent) == []


# --- input


def test_stdin_reaches_stock(pki, mail):
    """The command reads nothing of standard input."""
    for words in (["sign"], ["cms", "-sign"]):
        result = command(*words, "-signer", pki.good_rsa.pem, "-inkey", pki.good_rsa.key,
                         stdin=mail.read_bytes())
        assert result.rc == DONE and BODY in result.out


def test_what_can_be_read_only_once_is_left_to_stock(pki, mail):
    """The provider judges a certificate from a pipe, in the process that reads it."""
    words = ["encrypt", "-in", mail, "/dev/stdin"]
    result = command(*words, stdin=pki.good_rsa.pem.read_bytes())
    assert result.rc == DONE and result.out, result
    result = command(*words, stdin=pki.expired.pem.read_bytes())
    assert result.rc == REFUSED and ":smimepolicy:" in result.err and lines(result, "expired")
    result = check("/dev/stdin", stdin=pki.good_rsa.pem.read_bytes())
    assert result.rc == INPUT and "not a regular file" in result.err


def test_forms_of_certificates(pki, mail, tmp_path):
    """DER, PKCS#12 and file: URIs, as stock takes them."""
    cert, der, p12 = pki.good_rsa, tmp_path / "cert.der", tmp_path / "cert.p12"
    must(stock("x509", "-in", cert.pem, "-outform", "DER", "-out", der))
    must(stock("pkcs12", "-export", "-in", cert.pem, "-inkey", cert.key, "-out", p12,
               "-passout", "pass:"))
    for name in (der, f"file:{der}", f"file://{der}", p12):
        assert command("encrypt", "-in", mail, name).rc == DONE, name
    assert command("sign", "-in", mail, "-signer", p12, "-passin", "pass:").rc == DONE
    bad = tmp_path / "bad.p12"
    must(stock("pkcs12", "-export", "-in", pki.expired.pem, "-inkey", pki.expired.key,
               "-out", bad, "-passout", "pass:"))
    result = command("sign", "-in", mail, "-signer", bad, "-passin", "pass:")
    assert result.rc == REFUSED and lines(result, "expired")


def test_passphrases(pki, mail, tmp_path):
    """A key is judged if its passphrase can be read without using anything up."""
    locked, words = tmp_path / "locked.key", tmp_path / "words"
    must(stock("pkey", "-in", pki.good_p256.key, "-aes128", "-passout", "pass:open", "-out",
               locked))
    words.write_text("open\nsecond line\n")
    mismatch = ["sign", "-in", mail, "-signer", pki.good_rsa.pem, "-inkey", locked]
    for source, env in (("pass:open", {}), ("env:WORDS", {"WORDS": "open"}),
                        (f"file:{words}", {})):
        result = command(*mismatch, "-passin", source, env=env)
        assert result.rc == REFUSED and lines(result, "private-key-match")
    match = ["sign", "-in", mail, "-signer", pki.good_p256.pem, "-inkey", locked]
    assert command(*match, "-passin", "pass:open").rc == DONE
    # Left to stock, which reads it once.
    assert command(*match, "-passin", "stdin", stdin=b"open\n").rc == DONE
    assert command(*match, "-passin", "pass:wrong").rc == INPUT
    assert command(*match, "-passin", f"file:{tmp_path / 'missing'}").rc == INPUT


# --- the stock program and its environment


def test_runs_no_other_configuration(pki, mail, trap):
    """Configuration, modules and trust in the environment are not passed on."""
    env = {"OPENSSL_CONF": trap, "OPENSSL_MODULES": "/nowhere", "OPENSSL_ENGINES": "/nowhere"}
    result = sign(pki.good_rsa, mail, env=env)
    assert result.rc == DONE, result
    assert command("check", "--for", "sign", pki.good_rsa.pem, env=env).rc == DONE


def test_environment_and_words_of_the_child(pki, mail, post, fake, tmp_path):
    """The arguments and environment of stock."""
    seen = tmp_path / "seen"
    env = fake(f'env > {seen}; echo "$@" >> {seen}; cat "$OPENSSL_CONF" >> {seen}; cat >/dev/null; echo message\n')
    env.update({"OPENSSL_CONF": "/x", "OPENSSL_MODULES": "/x", "OPENSSL_ENGINES": "/x",
                "SSL_CERT_FILE": "/x", "SSL_CERT_DIR": "/x", "OTHER": "/x", "LC_TIME": "kept"})
    assert sign(pki.good_rsa, mail, env=env).rc == DONE
    text = seen.read_text()
    assert "LC_TIME=kept" in text and "=/x" not in text
    assert "OPENSSL_CONF=/proc/self/fd/" in text
    assert "unknown_keys = refuse" in text and "raw_keys = judge" in text
    assert re.search(r"^cms -provider-path /\S+ -provider smimepolicy -sign ", text, re.MULTILINE)
    assert re.search(r"^module = /\S+/smimepolicy\.so$", text, re.MULTILINE)
    for words in (["verify"], ["cms", "-verify"], ["smime", "-verify"]):
        assert command(*words, "-in", post.signed("good_rsa"), "-CAfile", pki.ca,
                       env=env).rc == DONE
        if words == ["verify"]:
            assert "unverified_signers = refuse" in seen.read_text()
            assert "own_anchors = first" in seen.read_text()
        assert "-no-CAfile -no-CApath -no-CAstore" in seen.read_text()
    assert command("cms", "-verify", "-in", mail, env=env).rc == DONE
    text = seen.read_text()
    assert "unknown_keys = refuse" in text and "unverified_signers = refuse" not in text
    assert "own_anchors = first" not in text


def test_a_module_that_cannot_load_is_an_error(pki, mail, tmp_path):
    """Never a run without the policy."""
    place = tmp_path / "shim"
    place.mkdir()
    alone = copy_command(place)
    provider = tmp_path / "provider"
    provider.mkdir()
    (provider / "smimepolicy.so").write_text("no module")
    out = tmp_path / "out"
    result = run(alone, "sign", "-signer", pki.good_rsa.pem, "-inkey", pki.good_rsa.key,
                 "-in", mail, "-out", out)
    assert result.rc != DONE and not out.exists()
    assert str(provider) in result.err


def test_never_runs_itself(pki, mail, tmp_path):
    """Neither directly nor by another name."""
    link = tmp_path / "openssl"
    link.symlink_to(COMMAND)
    for name in (COMMAND, link):
        result = sign(pki.good_rsa, mail, env={"SMIME_POLICY_OPENSSL": name})
        assert result.rc == SYSTEM and "itself" in result.err
    for name in (tmp_path / "missing", mail):
        result = sign(pki.good_rsa, mail, env={"SMIME_POLICY_OPENSSL": name})
        assert result.rc == SYSTEM and "cannot run" in result.err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_signals_reach_stock(number, pki, mail, fake, tmp_path):
    """They end it, and nothing is left behind."""
    out = tmp_path / "d" / "out"
    out.parent.mkdir()
    started = tmp_path / "started"
    env = environment(**fake(f"touch {started}; exec sleep 3600"))
    # Under nohup SIGHUP is ignored, and stays so.
    before = signal.signal(number, signal.SIG_DFL)
    try:
        process = subprocess.Popen([COMMAND, "sign", "-signer", pki.good_rsa.pem, "-inkey",
                                    pki.good_rsa.key, "-in", mail, "-out", out], env=env)
    finally:
        signal.signal(number, before)
    with process:
        wait_for(started.exists)
        process.send_signal(number)
        assert process.wait(PATIENCE) == SYSTEM
    assert os.listdir(out.parent) == []


def test_stock_dies_with_us(pki, mail, fake, tmp_path):
    """Stock dies with us, as nobody would read its result."""
    child = tmp_path / "child"
    env = environment(**fake(f"echo $$ > {child}.new; mv {child}.new {child}; exec sleep 3600"))
    with subprocess.Popen([COMMAND, "sign", "-signer", pki.good_rsa.pem, "-inkey",
                           pki.good_rsa.key, "-in", mail], env=env) as process:
        wait_for(child.exists)
        pidfd = os.pidfd_open(int(child.read_text()))
        process.kill()
    try:
        assert ends(pidfd)
    finally:
        os.close(pidfd)


# --- settings


def test_policy_file(pki, mail, tmp_path):
    """--policy loosens what may be loosened, in the command and the provider."""
    policy = tmp_path / "policy.cnf"
    policy.write_text("missing_key_usage = accept\n")
    assert sign(pki.no_ku, mail).rc == REFUSED
    for words in ([f"--policy={policy}"], ["--policy", policy]):
        assert command(*words, "sign", "-signer", pki.no_ku.pem, "-inkey", pki.no_ku.key,
                       "-in", mail).rc == DONE
        assert command(*words, "check", "--for", "sign", pki.no_ku.pem).rc == DONE


@pytest.mark.parametrize("text, said", [("expired = warn\n", "expired"),
                                        ("mode = maybe\n", "maybe"), ("colour = red\n", "colour"),
                                        ("distrust_default = warn\n", "distrust_default"),
                                        ("[section\n", "policy.cnf"), (None, "policy.cnf")])
def test_bad_policy_file_refuses_everything(text, said, pki, mail, tmp_path):
    """If the settings are in doubt nothing is done; the reason names file and key."""
    policy = tmp_path / "policy.cnf"
    if text is not None:
        policy.write_text(text)
    for words in (["sign", "-signer", pki.good_rsa.pem, "-inkey", pki.good_rsa.key, "-in", mail],
                  ["cms", "-verify", "-in", mail], ["check", pki.good_rsa.pem],
                  ["config", "--print"]):
        result = command("--policy", policy, *words)
        assert result.rc == REFUSED and result.out == b"", result
        assert str(policy) in result.err and said in result.err


def test_observe(pki, mail, tmp_path):
    """Everything is reported, and only distrust is refused."""
    policy = tmp_path / "policy.cnf"
    policy.write_text("mode = observe\n")
    result = command("--policy", policy, "sign", "-signer", pki.expired.pem, "-inkey",
                     pki.expired.key, "-in", mail)
    assert result.rc == DONE and lines(result, "expired") and b"smime.p7s" in result.out
    assert "mode = observe" in result.err


# --- check


def check(*args, **kwargs):
    """`smime-policy check`."""
    return command("check", *args, **kwargs)


def test_check_text(pki):
    """A headline, every use, every finding."""
    result = check(pki.guide.pem)
    text = result.out.decode()
    assert result.rc == REFUSED and result.err == ""
    assert "CN=guide" in text and "addresses: guide@example.com" in text
    assert "valid: 2023-08-01T14:20:28Z to 2024-07-31T14:20:28Z" in text
    uses = dict(re.findall(r"^  (upload|sign|encrypt|verify|decrypt) +(\w+)$", text, re.MULTILINE))
    assert uses == {"upload": "usable", "sign": "refused", "encrypt": "refused",
                    "verify": "usable", "decrypt": "usable"}
    assert text.count("refused: ") == 2 and "[expired]" in text


def test_check_json(pki):
    """One object, which includes the answer of the exit code."""
    result = check("--json", "--for", "sign", "--for", "decrypt", "--key", pki.guide.key,
                   pki.guide.pem, pki.modern.pem)
    assert result.rc == REFUSED and result.out.count(b"\n") == 1
    answer = json.loads(result.out)
    assert answer["allowed"] is False
    first, second = answer["certificates"]
    assert [verdict["use"] for verdict in first["verdicts"]] == ["sign", "decrypt"]
    assert [verdict["allowed"] for verdict in first["verdicts"]] == [False, True]
    assert first["verdicts"][0]["findings"][0]["rule"] == "expired"
    assert second["file"] == str(pki.modern.pem)
    assert answer["key"]["verdict"]["allowed"] is True
    assert json.loads(check("--json", "--for", "sign", pki.modern.pem).out)["allowed"] is True


def test_check_at(pki):
    """Any time can be asked about, to the second."""
    for at, code in (("2024-07-31T14:20:28Z", DONE), ("2024-07-31T14:20:29Z", REFUSED),
                     ("2023-08-01T14:20:28Z", DONE), ("2023-08-01T14:20:27Z", REFUSED),
                     ("1704067200", DONE)):
        assert check("--for", "sign", "--at", at, pki.guide.pem).rc == code, at


def test_check_forms(pki, tmp_path):
    """PEM, DER, PKCS#12, PKCS#7 and bundles: every certificate in them."""
    good, root = pki.modern, pki.root
    forms = {name: tmp_path / name for name in ("der", "p12", "p7b", "p7c", "bundle")}
    must(stock("x509", "-in", good.pem, "-outform", "DER", "-out", forms["der"]))
    must(stock("pkcs12", "-export", "-in", good.pem, "-inkey", good.key, "-certfile", root.pem,
               "-out", forms["p12"], "-passout", "pass:open"))
    for name, form in (("p7b", "PEM"), ("p7c", "DER")):
        must(stock("crl2pkcs7", "-nocrl", "-certfile", good.pem, "-certfile", root.pem,
                   "-outform", form, "-out", forms[name]))
    forms["bundle"].write_text(good.pem.read_text() + root.pem.read_text())
    for name, path in forms.items():
        result = check("--json", "--for", "upload", "--passin", "pass:open", path)
        assert result.rc == DONE, result
        subjects = [cert["verdicts"][0]["certificate"]["subject"]
                    for cert in json.loads(result.out)["certificates"]]
        assert "CN=modern" in subjects[0]
        assert len(subjects) == (1 if name == "der" else 2), name


def test_check_unreadable(pki, tmp_path):
    """The message has file, fault and remedy; what can be read is judged all the same."""
    damaged, locked = tmp_path / "damaged.pem", tmp_path / "locked.p12"
    text = pki.modern.pem.read_text()
    damaged.write_text(text + "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n" +
                       text)
    must(stock("pkcs12", "-export", "-in", pki.modern.pem, "-inkey", pki.modern.key, "-out",
               locked, "-passout", "pass:open"))
    empty = tmp_path / "empty"
    empty.touch()
    for path, words, said in ((damaged, [], "damaged"), (locked, [], "--passin"),
                              (locked, ["--passin", "pass:wrong"], "passphrase is wrong"),
                              (tmp_path / "missing", [], "No such file"),
                              (tmp_path, [], "directory"), (empty, [], "PEM, DER"),
                              (pki.modern.key, [], "no certificate")):
        result = check("--for", "sign", *words, path, pki.modern.pem)
        assert result.rc == INPUT, result
        assert str(path) in result.err and said in result.err and "; " in result.err
        assert b"CN=modern" in result.out


def test_check_key(pki, tmp_path):
    """Every fault of a private key has its own words."""
    cert, public, locked = pki.modern, tmp_path / "public", tmp_path / "locked"
    must(stock("pkey", "-in", cert.key, "-pubout", "-out", public))
    must(stock("pkey", "-in", cert.key, "-aes128", "-passout", "pass:open", "-out", locked))
    assert check("--for", "sign", "--key", cert.key, cert.pem).rc == DONE
    assert check("--key", cert.key).rc == DONE
    assert check("--for", "sign", "--key", locked, "--passin", "pass:open", cert.pem).rc == DONE
    for key, rule, said in ((pki.dsa.key, "private-key-algorithm", "DSA"),
                            (pki.ed25519.key, "private-key-algorithm", "ED25519"),
                            (public, "private-key-algorithm", "public key"),
                            (pki.good_rsa.key, "private-key-match", "does not belong")):
        result = check("--for", "sign", "--key", key, cert.pem)
        refused(result, rule)
        assert result.rc == REFUSED and said in result.text
    for key, words, said in ((locked, [], "--passin"), (cert.pem, [], "no private key"),
                             (locked, ["--passin", "pass:no"], "passphrase is wrong"),
                             (tmp_path / "missing", [], "No such file")):
        result = check("--for", "sign", "--key", key, *words, cert.pem)
        assert result.rc == INPUT and said in result.err and str(key) in result.err


def test_check_key_among_several(pki):
    """With several certificates the key must be one of theirs."""
    both = [pki.modern.pem, pki.good_p256.pem]
    assert check("--for", "sign", "--key", pki.good_p256.key, *both).rc == DONE
    result = check("--for", "sign", "--key", pki.good_rsa.key, *both)
    assert result.rc == REFUSED and "[private-key-match]" in result.text
