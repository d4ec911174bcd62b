# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
"""
Only S/MIME is judged: everything else that a process does works under `mode = enforce`
with certificates that the rules refuse for mail.
"""

import selectors
import subprocess
import time
from contextlib import contextmanager

import pytest

from harness import OPENSSL, PATIENCE, PHP, REPO, environment, must, refused, run, stock, write_ca, write_conf

PHP_TLS = REPO / "integration" / "programs" / "tls.php"
PHP_SIGN = REPO / "integration" / "programs" / "not_mail.php"

# `openssl req`, `ca` and `ts` want sections of their own in the configuration.
# The `openssl x509` of 4.0 adds the `extensions`, and the whole default section without such a line.
SECTIONS = """
extensions = no_extensions
[no_extensions]
[req]
distinguished_name = dn
x509_extensions = v3_ca
[dn]
[v3_ca]
basicConstraints = critical,CA:TRUE
keyUsage = keyCertSign,cRLSign
"""


@pytest.fixture(scope="module")
def strict(tmp_path_factory):
    """The strictest settings with which raw keys can still be used."""
    return write_conf(tmp_path_factory.mktemp("strict") / "openssl.cnf",
                      {"mode": "enforce"}, extra=SECTIONS)


@pytest.fixture(scope="module", autouse=True)
def guarded(strict, pki, mail):
    """The certificates of these tests are refused for mail under the same configuration."""
    for name in ("web_rsa", "web_ec", "stamper", "root"):
        cert = pki[name]
        refused(run(OPENSSL, "cms", "-sign", "-in", mail, "-signer", cert.pem, "-inkey", cert.key,
                    conf=strict), "san-email", "key-usage")


@contextmanager
def serving(*argv, conf, stdin=subprocess.DEVNULL):
    """A server on 127.0.0.1; gives the address that it prints when it is ready."""
    with subprocess.Popen([str(arg) for arg in argv], env=environment(conf), stdin=stdin,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as server:
        try:
            yield address_of(server)
        finally:
            server.kill()


def address_of(server):
    """Read the server's output up to the line that says where it listens."""
    seen, deadline = b"", time.monotonic() + PATIENCE
    with selectors.DefaultSelector() as ready:
        ready.register(server.stdout, selectors.EVENT_READ)
        while time.monotonic() < deadline and ready.select(deadline - time.monotonic()):
            more = server.stdout.read1()
            seen += more
            for line in seen.splitlines(keepends=True):
                if line.startswith(b"ACCEPT ") and line.endswith(b"\n"):
                    return line.split()[1].decode()
            if not more:
                break
    raise AssertionError(f"the server did not start:\n{seen.decode(errors='replace')}")


TLS = {
    "1.2 RSA key exchange": ("web_rsa", "-tls1_2", "-cipher", "AES128-SHA256:@SECLEVEL=0"),
    "1.0 RSA key exchange": ("web_rsa", "-tls1", "-cipher", "AES128-SHA:@SECLEVEL=0"),
    "1.1 RSA key exchange": ("web_rsa", "-tls1_1", "-cipher", "AES128-SHA:@SECLEVEL=0"),
    "1.2 RSA key exchange and a shared key": (
        "web_rsa", "-tls1_2", "-cipher", "RSA-PSK-AES128-GCM-SHA256", "-psk", "1a2b3c4d"),
    "1.2 ECDHE-RSA": ("web_rsa", "-tls1_2", "-cipher", "ECDHE-RSA-AES128-GCM-SHA256"),
    "1.2 ECDHE-ECDSA": ("web_ec", "-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-GCM-SHA256"),
    "1.3 RSA": ("web_rsa", "-tls1_3"),
    "1.3 EC": ("web_ec", "-tls1_3"),
}


@pytest.mark.parametrize("client", ["web_rsa", "web_ec"])
@pytest.mark.parametrize("how", TLS, ids=str)
def test_tls(how, client, pki, strict):
    """Server and client, each with a certificate, both under the policy."""
    server, *options = TLS[how]
    mine, theirs = pki[client], pki[server]
    with serving(OPENSSL, "s_server", "-accept", "127.0.0.1:0", "-rev", "-naccept", "1",
                 "-cert", theirs.pem, "-key", theirs.key, "-CAfile", pki.ca, "-Verify", "1",
                 "-verify_return_error", *options, conf=strict) as address:
        result = run(OPENSSL, "s_client", "-connect", address, "-cert", mine.pem, "-key", mine.key,
                     "-CAfile", pki.ca, "-verify_return_error", "-quiet", "-ign_eof",
                     "-no-CApath", *options, conf=strict, stdin=b"policy\nCLOSE\n")
    assert b"ycilop" in result.out, result


DTLS = {
    "1.2 RSA key exchange": ("web_rsa", "-dtls1_2", "-cipher", "AES128-SHA"),
    "1.0 RSA key exchange": ("web_rsa", "-dtls1", "-cipher", "AES128-SHA:@SECLEVEL=0"),
    "1.2 RSA key exchange and a shared key": (
        "web_rsa", "-dtls1_2", "-cipher", "RSA-PSK-AES128-GCM-SHA256", "-psk", "1a2b3c4d"),
    "1.2 ECDHE-RSA": ("web_rsa", "-dtls1_2", "-cipher", "ECDHE-RSA-AES128-GCM-SHA256"),
    "1.2 ECDHE-ECDSA": ("web_ec", "-dtls1_2", "-cipher", "ECDHE-ECDSA-AES128-GCM-SHA256"),
}


@pytest.mark.parametrize("guarded", ["client", "server", "both"])
@pytest.mark.parametrize("how", DTLS, ids=str)
def test_dtls(how, guarded, pki, strict):
    """The client encrypts to the server's certificate, and the server decrypts."""
    name, *options = DTLS[how]
    cert = pki[name]
    conf = {side: strict if guarded in (side, "both") else "/dev/null"
            for side in ("client", "server")}
    with serving(OPENSSL, "s_server", "-accept", "127.0.0.1:0", "-cert", cert.pem, "-key", cert.key,
                 *options, conf=conf["server"], stdin=subprocess.PIPE) as address:
        result = run(OPENSSL, "s_client", "-connect", address, "-CAfile", pki.ca, "-no-CApath",
                     "-verify_return_error", *options, conf=conf["client"], stdin=b"Q\n")
    cipher = options[2].partition(":")[0]
    assert f"Cipher is {cipher}" in must(result).text, result
    assert "Verify return code: 0 (ok)" in result.text, result


@pytest.mark.parametrize("name", ["web_rsa", "web_ec"])
def test_php_tls(name, pki, strict):
    """PHP's tls:// server and client, both under the policy."""
    cert = pki[name]
    with serving(PHP, "-n", PHP_TLS, "server", pki.ca, cert.pem, cert.key, conf=strict) as address:
        result = run(PHP, "-n", PHP_TLS, "client", pki.ca, cert.pem, cert.key, address, conf=strict)
    assert result.out == b"ycilop\n", result


@pytest.mark.parametrize("name", ["web_rsa", "web_ec", "expired"])
def test_php_raw_signature(name, pki, strict):
    """`openssl_sign`, as DKIM and JWT libraries call it: a key, and no certificate."""
    result = run(PHP, "-n", PHP_SIGN, pki[name].key, conf=strict)
    assert result.out == b"signed\n", result


def test_php_raw_signature_beside_its_certificate(pki, strict):
    """
    A raw signature shows no sign of a mail (`cms -sign -noattr` makes one).  So if this process has parsed
    a certificate of its key, the certificate is judged.
    """
    version = run(PHP, "-n", "-r", "echo PHP_VERSION_ID;")
    if int(version.out) >= 80400:
        pytest.skip("this PHP's openssl_sign() signs with a digest, which shows its bytes")
    for name, signs in (("good_rsa", True), ("web_rsa", False)):
        cert = pki[name]
        result = run(PHP, "-n", PHP_SIGN, cert.key, cert.pem, conf=strict)
        assert (result.out == b"signed\n") == signs, result


@pytest.fixture(scope="module")
def authority(tmp_path_factory, strict):
    """An RSA CA, made under the policy: `openssl req -x509`."""
    directory = tmp_path_factory.mktemp("authority")
    must(run(OPENSSL, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30",
             "-subj", "/CN=Authority", "-keyout", directory / "ca.key",
             "-out", directory / "ca.pem", conf=strict))
    (directory / "crlnumber").write_text("01\n")
    write_ca(directory, f"crlnumber = {directory}/crlnumber\ndefault_crl_days = 30")
    must(run(OPENSSL, "req", "-new", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=www",
             "-keyout", directory / "www.key", "-out", directory / "www.csr", conf=strict))
    return directory


def test_openssl_ca(authority, strict):
    """`openssl ca` issues, revokes and signs its list."""
    conf = ("-config", authority / "ca.cnf")
    must(run(OPENSSL, "ca", "-batch", "-notext", *conf, "-in", authority / "www.csr",
             "-out", authority / "www.pem", conf=strict))
    must(stock("verify", "-CAfile", authority / "ca.pem", authority / "www.pem"))
    must(run(OPENSSL, "ca", *conf, "-revoke", authority / "www.pem", conf=strict))
    must(run(OPENSSL, "ca", *conf, "-gencrl", "-out", authority / "crl.pem", conf=strict))
    must(stock("crl", "-in", authority / "crl.pem", "-CAfile", authority / "ca.pem", "-noout"))


def test_x509_req(authority, strict, tmp_path):
    """`openssl x509 -req -CA` issues."""
    must(run(OPENSSL, "x509", "-req", "-in", authority / "www.csr", "-CA", authority / "ca.pem",
             "-CAkey", authority / "ca.key", "-days", "30", "-out", tmp_path / "www.pem",
             conf=strict))
    must(stock("verify", "-CAfile", authority / "ca.pem", tmp_path / "www.pem"))


def test_x509_req_by_an_expired_issuer(authority, pki, strict, tmp_path):
    """The policy does not decide whether an expired CA may still issue."""
    old = pki.old_intermediate
    must(run(OPENSSL, "x509", "-req", "-in", authority / "www.csr", "-CA", old.pem,
             "-CAkey", old.key, "-days", "30", "-out", tmp_path / "www.pem", conf=strict))


def test_ocsp(authority, strict, tmp_path):
    """`openssl ocsp` answers from the authority's index."""
    must(run(OPENSSL, "x509", "-req", "-in", authority / "www.csr", "-CA", authority / "ca.pem",
             "-CAkey", authority / "ca.key", "-out", tmp_path / "www.pem", conf=strict))
    must(run(OPENSSL, "ocsp", "-no_nonce", "-issuer", authority / "ca.pem",
             "-cert", tmp_path / "www.pem", "-reqout", tmp_path / "req", conf=strict))
    must(run(OPENSSL, "ocsp", "-index", authority / "index.txt", "-CA", authority / "ca.pem",
             "-rsigner", authority / "ca.pem", "-rkey", authority / "ca.key",
             "-reqin", tmp_path / "req", "-respout", tmp_path / "resp", conf=strict))
    result = stock("ocsp", "-respin", tmp_path / "resp", "-CAfile", authority / "ca.pem",
                   "-no_nonce", "-issuer", authority / "ca.pem", "-cert", tmp_path / "www.pem")
    assert "Response verify OK" in result.text, result


def test_time_stamp(pki, strict, tmp_path, mail):
    """`openssl ts -reply`: CMS with signed attributes, and still no mail."""
    conf = tmp_path / "tsa.cnf"
    (tmp_path / "serial").write_text("01\n")
    conf.write_text(f"""
[tsa]
default_tsa = here
[here]
serial = {tmp_path}/serial
signer_cert = {pki.stamper.pem}
signer_key = {pki.stamper.key}
signer_digest = sha256
default_policy = 1.2.3.4
digests = sha256
ess_cert_id_alg = sha256
""")
    must(run(OPENSSL, "ts", "-query", "-data", mail, "-sha256", "-cert",
             "-out", tmp_path / "query", conf=strict))
    must(run(OPENSSL, "ts", "-reply", "-config", conf, "-queryfile", tmp_path / "query",
             "-out", tmp_path / "reply", conf=strict))
    must(stock("ts", "-verify", "-queryfile", tmp_path / "query", "-in", tmp_path / "reply",
               "-CAfile", pki.ca))


@pytest.mark.parametrize("name", ["web_rsa", "web_ec"])
def test_dgst(name, pki, strict, mail, tmp_path):
    """`openssl dgst -sign`, as DKIM scripts and firmware builds do it."""
    cert, signature = pki[name], tmp_path / "signature"
    must(run(OPENSSL, "dgst", "-sha256", "-sign", cert.key, "-out", signature, mail, conf=strict))
    must(stock("x509", "-in", cert.pem, "-noout", "-pubkey", "-out", tmp_path / "pub"))
    must(stock("dgst", "-sha256", "-verify", tmp_path / "pub", "-signature", signature, mail))


@pytest.mark.parametrize("name", ["web_rsa", "web_ec"])
def test_pkeyutl(name, pki, strict, tmp_path):
    """`openssl pkeyutl -sign`: a raw signature by a key of no known certificate."""
    cert, signature = pki[name], tmp_path / "signature"
    digest = tmp_path / "digest"
    digest.write_bytes(bytes(range(32)))
    must(run(OPENSSL, "pkeyutl", "-sign", "-inkey", cert.key, "-in", digest, "-out", signature,
             conf=strict))
    must(stock("pkeyutl", "-verify", "-inkey", cert.key, "-in", digest, "-sigfile", signature))


def test_pkeyutl_encrypt(pki, strict, tmp_path):
    """RSA encryption with a bare public key, and back."""
    must(run(OPENSSL, "pkeyutl", "-encrypt", "-inkey", pki.web_rsa.key, "-out", tmp_path / "c",
             conf=strict, stdin=b"session key"))
    result = run(OPENSSL, "pkeyutl", "-decrypt", "-inkey", pki.web_rsa.key, "-in", tmp_path / "c",
                 conf=strict)
    assert result.out == b"session key", result


def test_pkeyutl_derive(pki, strict, tmp_path):
    """ECDH between two bare keys."""
    must(stock("pkey", "-in", pki.web_ec.key, "-pubout", "-out", tmp_path / "peer"))
    must(run(OPENSSL, "pkeyutl", "-derive", "-inkey", pki.good_p256.key,
             "-peerkey", tmp_path / "peer", "-out", tmp_path / "secret", conf=strict))
    assert len((tmp_path / "secret").read_bytes()) == 32


@pytest.mark.parametrize("algorithm", ["rsa2048", "ecdsap256", "ecdhp256", "ed25519"])
def test_speed(algorithm, strict):
    """`openssl speed` finds every algorithm."""
    result = must(run(OPENSSL, "speed", "-seconds", "1", algorithm, conf=strict))
    assert "rror" not in result.err, result
