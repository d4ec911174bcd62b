# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
"""
Keys that an engine uses: Debian's pkcs11 engine and a token of SoftHSM.

What an engine signs reaches no gate, so that any engine that may take RSA or EC
keys locks the policy, wherever it is seen.
"""

import json

import pytest

from harness import COMMAND, MODULE, OPENSSL, REPO, must, refused, run, stock

SOFTHSM = "/usr/lib/softhsm/libsofthsm2.so"
PIN = "1234"
LOCKED = "S/MIME policy is locked"
REASON = "refused: {}: the engine pkcs11 uses RSA and EC keys past the policy"
NAMES = ("good_rsa", "expired", "good_p256", "expired_ec")


@pytest.fixture(scope="module", autouse=True)
def engines():
    """OpenSSL 4 has none."""
    result = stock("engine", "pkcs11")
    if result.rc != 0:
        pytest.skip("no engine pkcs11 for OpenSSL " + stock("version").text.split()[1])


class Token:
    """A token with the keys of some certificates."""

    def __init__(self, directory, pki):
        conf = directory / "softhsm2.conf"
        (directory / "tokens").mkdir()
        conf.write_text(f"directories.tokendir = {directory}/tokens\nobjectstore.backend = file\n")
        self.env = {"SOFTHSM2_CONF": conf}
        must(run("softhsm2-util", "--init-token", "--free", "--label", "mail", "--pin", PIN,
                 "--so-pin", PIN, env=self.env))
        for number, name in enumerate(NAMES, 1):
            key = directory / f"{name}.p8"
            must(stock("pkcs8", "-topk8", "-nocrypt", "-in", pki[name].key, "-out", key))
            must(run("softhsm2-util", "--import", key, "--token", "mail", "--label", name, "--id",
                     f"{number:02}", "--pin", PIN, env=self.env))

    @staticmethod
    def uri(name):
        return f"pkcs11:token=mail;object={name}?pin-value={PIN}"

    def run(self, *argv, conf):
        return run(*argv, conf=conf, env=self.env)

    def options(self, name):
        """For stock openssl: the key in the token."""
        return ("-engine", "pkcs11", "-keyform", "engine", "-inkey", self.uri(name))


@pytest.fixture(scope="module")
def token(tmp_path_factory, pki):
    """A token with the keys of NAMES."""
    return Token(tmp_path_factory.mktemp("token"), pki)


OURS = "providers = provs\n"
WHERE = {"before": f"engines = engs\n{OURS}", "after": f"{OURS}engines = engs\n", "none": OURS}


def write(path, where, *lines, log=None):
    """An openssl.cnf with the engine before or behind the providers, or none."""
    engine = "\n".join((f"MODULE_PATH = {SOFTHSM}", f"PIN = {PIN}", *lines, "init = 1"))
    path.write_text(f"""\
openssl_conf = init
[init]
{WHERE[where]}\
[provs]
smimepolicy = pol
[pol]
module = {MODULE}
activate = 1
{f"decision_log = {log}" if log else ""}
[engs]
pkcs11 = p11
[p11]
engine_id = pkcs11
{engine}
""")
    return path


def sign(name, pki, mail, out, *key):
    """The command line for stock openssl."""
    return (OPENSSL, "cms", "-sign", "-signer", pki[name].pem, *key, "-in", mail, "-out", out)


def nothing_signed(result, out):
    """Refused with the reason, and no signature is left."""
    assert result.rc != 0 and LOCKED in result.err and REASON.format("sign") in result.err, result
    assert not out.exists() or out.read_bytes() == b""


ALL = "default_algorithms = ALL"


@pytest.mark.parametrize("name", NAMES)
def test_the_danger_is_real(name, token, pki, mail, tmp_path):
    """Without the policy the engine signs with every one of them."""
    out = tmp_path / "out"
    must(token.run(*sign(name, pki, mail, out, *token.options(name)), conf="/dev/null"))
    assert out.stat().st_size > 0


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("where, lines", [("before", [ALL]), ("after", [ALL]), ("before", []),
                                          ("after", [])],
                         ids=["before, default", "after, default", "before", "after"])
def test_configured_engine_locks(where, lines, name, token, pki, mail, tmp_path):
    """Keys in the token and keys in files, of a good certificate too."""
    out, conf = tmp_path / "out", write(tmp_path / "openssl.cnf", where, *lines)
    for key in (token.options(name), ("-inkey", pki[name].key)):
        nothing_signed(token.run(*sign(name, pki, mail, out, *key), conf=conf), out)


@pytest.mark.parametrize("where", ["before", "after"])
def test_configured_engine_locks_encryption(where, token, pki, mail, tmp_path):
    """The engine would get the recipients' public keys, too; newer versions leave them to the gates."""
    out, conf = tmp_path / "out", write(tmp_path / "openssl.cnf", where, ALL)
    for name in ("expired", "expired_ec"):
        result = token.run(OPENSSL, "cms", "-encrypt", "-in", mail, "-out", out, pki[name].pem,
                           conf=conf)
        assert result.rc != 0, result
        assert REASON.format("encrypt") in result.err or "[expired]" in result.err, result


@pytest.mark.parametrize("name", NAMES)
def test_engine_of_the_command_line_locks(name, token, conf, pki, mail, tmp_path):
    """`openssl -engine`, long after the provider was loaded."""
    out = tmp_path / "out"
    nothing_signed(token.run(*sign(name, pki, mail, out, *token.options(name)), conf=conf), out)


def test_engine_that_is_no_default_locks(token, conf, pki, tmp_path):
    """A program that gets one key from an engine and nothing else."""
    program = tmp_path / "engine_key"
    must(run("cc", "-Wno-deprecated-declarations", REPO / "integration" / "lib" / "engine_key.c", "-o",
             program, "-lcrypto"))
    for name in NAMES:
        argv = (program, pki[name].pem, SOFTHSM, token.uri(name))
        assert token.run(*argv, conf="/dev/null").out == b"signed\n"
        result = token.run(*argv, conf=conf)
        assert result.rc != 0 and result.out == b"not signed\n", result
        assert REASON.format("sign") in result.err, result


def test_locked_engine_is_logged(token, pki, mail, tmp_path):
    """The decision log has the reason."""
    log, out = tmp_path / "log", tmp_path / "out"
    conf = write(tmp_path / "openssl.cnf", "after", log=log)
    nothing_signed(token.run(*sign("expired", pki, mail, out, *token.options("expired")),
                             conf=conf), out)
    (line,) = [json.loads(text) for text in log.read_text().splitlines()]
    assert line["operation"] == "sign" and line["verdict"] == "refused"
    assert "engine pkcs11" in line["note"]


def test_locked_engine_is_shown(token, tmp_path):
    """`openssl list -providers`, where the engine comes first."""
    conf = write(tmp_path / "openssl.cnf", "before", ALL)
    assert "status: inactive" in must(token.run(OPENSSL, "list", "-providers", conf=conf)).text


def test_engine_without_keys_is_left_alone(conf, pki, mail, tmp_path):
    """libcrypto always has the engine `dynamic`, which locks nothing."""
    out = tmp_path / "out"
    must(run(OPENSSL, "cms", "-sign", "-engine", "dynamic", "-signer", pki.good_rsa.pem, "-inkey",
             pki.good_rsa.key, "-in", mail, "-out", out, conf=conf))
    refused(run(OPENSSL, "cms", "-sign", "-engine", "dynamic", "-signer", pki.expired.pem,
                "-inkey", pki.expired.key, "-in", mail, "-out", out, conf=conf), "expired")


@pytest.mark.parametrize("options", [
    lambda token: token.options("expired"),
    lambda token: ("-inkey", "org.openssl.engine:pkcs11:" + token.uri("expired"))],
    ids=["-engine", "org.openssl.engine"])
def test_verbs_refuse_before_stock_runs(options, token, pki, mail, tmp_path):
    """There is no openssl to run; the reason is the command's own."""
    out = tmp_path / "out"
    for command in (("sign",), ("cms", "-sign"), ("smime", "-sign")):
        result = run(COMMAND, *command, "-signer", pki.expired.pem, *options(token), "-in",
                     mail, "-out", out, env={**token.env, "SMIME_POLICY_OPENSSL": "/nonexistent"})
        assert result.rc == 3 and result.out == b"", result
        assert "would take the operation out of the policy's hands" in result.err, result
        assert not out.exists()


def test_verbs_do_not_load_configured_engines(token, pki, mail, tmp_path):
    """The configuration of the process has no effect on them."""
    conf, out = write(tmp_path / "openssl.cnf", "after", ALL), tmp_path / "out"
    argv = (COMMAND, "sign", "-signer", pki.expired.pem, "-inkey", pki.expired.key, "-in", mail,
            "-out", out)
    refused(token.run(*argv, conf=conf), "expired")
    assert not out.exists()


@pytest.mark.parametrize("where", ["before", "after"])
def test_lint_refuses_engines(where, tmp_path):
    """The lint refuses engines, with a remedy."""
    conf = write(tmp_path / "openssl.cnf", where, ALL)
    result = run(COMMAND, "config", "--lint", conf)
    assert result.rc == 3 and b"engines: an engine that uses keys locks the policy" in result.out, result
    assert b"remove it" in result.out
