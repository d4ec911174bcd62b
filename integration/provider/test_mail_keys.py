# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
"""
`keys = mail`: no key is read from a file or a certificate that the rules refuse to all mail.  Everything
else works as with `keys = all`; docs/use/settings.md.
"""

import pytest

from harness import OPENSSL, must, refused, run, stock, write_conf
from in_process import PYTHON

OAEP = ("-keyopt", "rsa_padding_mode:oaep", "-keyopt", "rsa_oaep_md:sha3-256")

HANDSHAKE = """
import ssl, sys
cert, key, ca = sys.argv[1:]
server, client = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
server.load_cert_chain(cert, key)
client.load_verify_locations(ca)
there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
ends = [server.wrap_bio(there, back, server_side=True), client.wrap_bio(back, there, server_hostname="localhost")]
for _ in range(9):
    for end in list(ends):
        try:
            end.do_handshake()
            ends.remove(end)
        except ssl.SSLWantReadError:
            pass
sys.exit(len(ends))
"""


@pytest.fixture(name="keys", params=["all", "mail"])
def a_configuration(request, tmp_path):
    """The value of the setting, and a configuration with it."""
    return request.param, write_conf(tmp_path / "openssl.cnf", {"keys": request.param})


@pytest.mark.parametrize("name", ["good_rsa", "good_p256", "good_p521"])
def test_keys_of_mail_sign(name, keys, pki, mail, tmp_path):
    """They sign, and what they sign is verified."""
    cert, out = pki[name], tmp_path / "out"
    must(run(OPENSSL, "cms", "-sign", "-in", mail, "-signer", cert.pem, "-inkey", cert.key, "-out", out,
             conf=keys[1]))
    must(stock("cms", "-verify", "-in", out, "-CAfile", pki.ca))
    must(run(OPENSSL, "cms", "-verify", "-in", out, "-CAfile", pki.ca, conf=keys[1]))


@pytest.mark.parametrize("name, options", [("good_rsa", ("-aes256",)), ("good_rsa", ("-camellia256",)),
                                           ("good_rsa", ("-aes256", "-recip", OAEP)),
                                           ("good_p256", ("-aes256",))])
def test_keys_of_mail_are_encrypted_to(name, options, keys, pki, mail, tmp_path):
    """With each cipher and padding, and back."""
    cert, out = pki[name], tmp_path / "out"
    how = (*options[:2], cert.pem, *OAEP) if OAEP in options else (*options, cert.pem)
    must(run(OPENSSL, "cms", "-encrypt", "-in", mail, "-out", out, *how, conf=keys[1]))
    for decrypt in (stock, lambda *argv: run(OPENSSL, *argv, conf=keys[1])):
        text = must(decrypt("cms", "-decrypt", "-in", out, "-recip", cert.pem, "-inkey", cert.key)).out
        assert text.replace(b"\r\n", b"\n") == mail.read_bytes().replace(b"\r\n", b"\n")


@pytest.mark.parametrize("name", ["good_rsa", "good_p256"])
def test_files_with_a_passphrase(name, keys, pki, mail, tmp_path):
    """PKCS#12 and PKCS#8 with scrypt."""
    cert, store, key = pki[name], tmp_path / "store.p12", tmp_path / "key.pem"
    must(run(OPENSSL, "pkcs12", "-export", "-in", cert.pem, "-inkey", cert.key, "-out", store, "-passout",
             "pass:x", conf=keys[1]))
    text = must(run(OPENSSL, "pkcs12", "-in", store, "-passin", "pass:x", "-noenc", conf=keys[1])).out
    assert b"BEGIN PRIVATE KEY" in text and b"BEGIN CERTIFICATE" in text
    must(run(OPENSSL, "pkcs8", "-topk8", "-scrypt", "-in", cert.key, "-out", key, "-passout", "pass:x",
             conf=keys[1]))
    must(run(OPENSSL, "cms", "-sign", "-in", mail, "-signer", cert.pem, "-inkey", key, "-passin",
             "pass:x", conf=keys[1]))


def test_random_generator(keys, pki, mail, tmp_path):
    """The one that is made of AES-CTR."""
    with keys[1].open("a") as conf:
        conf.write("[random]\nrandom = CTR-DRBG\ncipher = AES-256-CTR\n")
    keys[1].write_text(keys[1].read_text().replace("[init_sect]", "[init_sect]\nrandom = random"))
    cert = pki.good_rsa
    must(run(OPENSSL, "cms", "-sign", "-in", mail, "-signer", cert.pem, "-inkey", cert.key, conf=keys[1]))
    must(run(OPENSSL, "rand", "-hex", "16", conf=keys[1]))


def test_tls_with_other_keys(keys, pki):
    """A handshake makes its own keys, and reads none: X25519 remains."""
    theirs = run(PYTHON, "-I", "-c", "import ssl; print(ssl.OPENSSL_VERSION.split()[1])").out.decode()
    if theirs.strip() not in stock("version").text:
        pytest.skip(f"Python has OpenSSL {theirs.strip()} in it")
    with keys[1].open("a") as conf:
        conf.write("[ssl]\nsystem_default = groups\n[groups]\nGroups = X25519\n")
    keys[1].write_text(keys[1].read_text().replace("[init_sect]", "[init_sect]\nssl_conf = ssl"))
    must(run(PYTHON, "-I", "-c", HANDSHAKE, pki.web_ec.pem, pki.web_ec.key, pki.ca, conf=keys[1]))


def is_nothing(result, out):
    """It failed, and has written nothing."""
    assert result.rc != 0 and (not out.exists() or out.read_bytes() == b""), result
    return result


@pytest.mark.parametrize("name", ["dsa", "ed25519"])
def test_other_keys_are_not_read(name, keys, pki, mail, tmp_path):
    """They are refused with both settings: by the rule, or because nothing reads them."""
    cert, out = pki[name], tmp_path / "out"
    shown = run(OPENSSL, "x509", "-in", cert.pem, "-noout", "-pubkey", conf=keys[1])
    assert (b"PUBLIC KEY" in shown.out) == (keys[0] == "all"), shown
    for options in ((), ("-noattr",)):
        is_nothing(run(OPENSSL, "cms", "-sign", *options, "-outform", "DER", "-nodetach", "-in", mail,
                       "-signer", cert.pem, "-inkey", cert.key, "-out", out, conf=keys[1]), out)
    is_nothing(run(OPENSSL, "cms", "-encrypt", "-in", mail, "-out", out, cert.pem, conf=keys[1]), out)


def test_recipient_of_x25519(keys, pki, mail, tmp_path):
    """Nobody is encrypted to with it."""
    key, out, pem = tmp_path / "x.key", tmp_path / "out", tmp_path / "x.pem"
    must(stock("genpkey", "-algorithm", "X25519", "-out", key))
    must(stock("pkey", "-in", key, "-pubout", "-out", tmp_path / "x.pub"))
    must(stock("x509", "-new", "-force_pubkey", tmp_path / "x.pub", "-subj", "/CN=x", "-CA", pki.ca,
               "-CAkey", pki.root.key, "-out", pem))
    is_nothing(run(OPENSSL, "cms", "-encrypt", "-in", mail, "-out", out, pem, conf=keys[1]), out)


@pytest.mark.parametrize("default", ["before", "after"])
@pytest.mark.parametrize("name, rule", [("dsa", "key-algorithm"), ("expired", "expired")])
@pytest.mark.parametrize("options", [(), ("-noattr",)])
def test_beside_default_nothing_is_hidden(options, name, rule, default, pki, mail, tmp_path):
    """Or `default` would read the key, and nobody would judge what is made with it."""
    conf, out, cert = tmp_path / "openssl.cnf", tmp_path / "out", pki[name]
    write_conf(conf, {"keys": "mail"}, default=default)
    active = "OpenSSL Default Provider" in run(OPENSSL, "list", "-providers", conf=conf).text
    result = is_nothing(run(OPENSSL, "cms", "-sign", *options, "-outform", "DER", "-nodetach", "-in", mail,
                            "-signer", cert.pem, "-inkey", cert.key, "-out", out, conf=conf), out)
    if active or name == "expired":
        refused(result, rule)
