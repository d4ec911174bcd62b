# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
"""Revoked certificates on every path: verbs, stock names, and programs under the provider."""

import json
import shutil
import subprocess

import pytest

from crl_maker import DAY, HOLD, NOW, crl, entry, serial_of
from harness import (BUILD, COMMAND, OPENSSL, PHP, environment, must, refused, run, stock, why_no_php,
                     write_conf)
from matrix import Check, paths_under
from paths import PATH_NAMES, without_policy

RUBY = shutil.which("ruby", path="/usr/bin")
TEXT = b"the contract\n"


def serial(cert):
    return serial_of(cert.pem)


def upload(ring, *files):
    return must(run(COMMAND, "--keyring", ring, "upload", *files))


def store_crl(ring, ca, *entries, **how):
    """Upload a CRL of |ca|; each gets a higher number."""
    file = ring.parent / f"{ring.name}.crl"
    store_crl.number += 1
    file.write_bytes(crl(ca, entries, crl_number=store_crl.number, **how))
    upload(ring, file)


store_crl.number = 0


@pytest.fixture(scope="module")
def home(tmp_path_factory, pki):
    """A keyring in which the root's CRL names good_rsa and good_p256, with messages of both."""
    home = tmp_path_factory.mktemp("revoked")
    upload(home / "ring", pki.ca)
    store_crl(home / "ring", pki.root, entry(serial(pki.good_rsa), reason=1), entry(serial(pki.good_p256)))
    (home / "mail").write_bytes(TEXT)
    for name in ("good_rsa", "good_p256", "good_p384"):
        for api in ("cms", "smime"):
            if api == "smime" and name != "good_rsa":
                continue
            path = without_policy(api)
            must(path.sign(pki[name], home / "mail", home / f"{name}.{api}.signed"))
            must(path.encrypt([pki[name]], home / "mail", home / f"{name}.{api}.encrypted"))
    return home


@pytest.fixture
def paths(home, tmp_path):
    """The paths by their names, with the keyring and these settings."""
    def make(ring=home / "ring", **settings):
        directory = tmp_path / f"{len(list(tmp_path.iterdir()))}"
        directory.mkdir()
        return {path.name: path for path in
                paths_under(directory, (("keyring", ring), *settings.items()))}
    return make


def stopped(result, out, path, rule="revoked"):
    """A refusal that names the rule; no message is left."""
    refused(result, rule)
    if isinstance(path, Check):
        assert result.rc == 3 and not out.exists(), result
    elif path.ours:
        # Under a stock name a verification ends as stock ends it.
        assert result.rc == 3 or (result.rc == 4 and path.name != "smime-policy"), result
        assert result.out == b"" and not out.exists(), result
    elif out.exists():
        # Stock leaves what it had written before, and it is no message.
        for operation in (("-verify", "-noverify"), ("-cmsout", "-noout")):
            assert stock("cms", *operation, "-in", out).rc != 0, result
    out.unlink(missing_ok=True)
    return result


@pytest.mark.parametrize("name", [*PATH_NAMES, "check"])
def test_every_path(pki, home, paths, tmp_path, name):
    path, out = paths().get(name), tmp_path / "out"
    if path is None:
        pytest.skip(why_no_php())
    stopped(path.sign(pki.good_rsa, home / "mail", out), out, path)
    for who in ("good_rsa", "good_p256"):
        result = path.encrypt([pki[who]], home / "mail", out)
        if who == "good_p256" and path.name != "check" and path.api == "smime":
            assert result.rc != 0  # PKCS#7 has no key agreement
        else:
            stopped(result, out, path)
    if isinstance(path, Check):
        return
    signed = home / f"good_rsa.{path.api}.signed"
    stopped(path.verify(signed, pki.ca, out), out, path)
    must(path.decrypt(home / f"good_rsa.{path.api}.encrypted", pki.good_rsa, out))
    assert TEXT.strip() in out.read_bytes()
    out.unlink()
    must(path.encrypt([pki.modern], home / "mail", out))
    must(path.sign(pki.modern, home / "mail", out))
    must(path.verify(out, pki.ca, tmp_path / "read"))


def test_words(pki, home, paths, tmp_path):
    """Both clocks, the reason, the issuer's date, and what to do."""
    out = tmp_path / "out"
    path = paths()["smime-policy"]
    result = stopped(path.verify(home / "good_rsa.cms.signed", pki.ca, out), out, path)
    day = (NOW - DAY).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert f"certificate was revoked by its issuer on {day} (key compromise); the message was signed on" \
        in result.err and "by the signer's clock [revoked]" in result.err, result
    result = stopped(path.encrypt([pki.good_p256], home / "mail", out), out, path)
    assert f"certificate was revoked by its issuer on {day} [revoked]" in result.err
    assert "; ask the contact for another certificate" in result.err, result


def test_time_of_a_person(pki, home, paths, tmp_path):
    """With -attime before the revocation it is a note; after it, and without, a refusal."""
    path, out = paths()["smime-policy"], tmp_path / "out"
    before, after = (str(int((NOW + days).timestamp())) for days in (-2 * DAY, -DAY / 2))
    result = must(path.verify(home / "good_rsa.cms.signed", pki.ca, out, "-attime", before))
    assert "note: verify" in result.err and "later than the time that was given [revoked]" in result.err
    out.unlink()
    stopped(path.verify(home / "good_rsa.cms.signed", pki.ca, out, "-attime", after), out, path)
    # A program may have taken the time from the message.
    stock_path = paths()["openssl cms"]
    stopped(stock_path.verify(home / "good_rsa.cms.signed", pki.ca, out, "-attime", before), out,
            stock_path)


@pytest.mark.parametrize("name", ["smime-policy", "smime-policy cms", "openssl cms", "PHP cms"])
def test_settings(pki, home, paths, tmp_path, name):
    out = tmp_path / "out"
    if name == "PHP cms" and why_no_php() is not None:
        pytest.skip(why_no_php())
    for settings in ({"revocation": "off"}, {"mode": "observe"}):
        path = paths(**settings)[name]
        must(path.sign(pki.good_rsa, home / "mail", out))
        must(path.encrypt([pki.good_p256], home / "mail", out))
        must(path.verify(home / "good_rsa.cms.signed", pki.ca, out))
    path = paths(revocation="hard")[name]
    must(path.sign(pki.modern, home / "mail", out))
    must(path.encrypt([pki.modern], home / "mail", out))
    must(path.verify(home / "good_p384.cms.signed", pki.ca, out))
    out.unlink()
    stopped(path.sign(pki.good_rsa, home / "mail", out), out, path)


@pytest.mark.parametrize("name", ["smime-policy", "openssl cms"])
def test_nothing_is_known(pki, home, paths, tmp_path, name):
    """`hard` without a CRL refuses all but certificates that are their own issuer."""
    upload(tmp_path / "empty", pki.ca)
    path, out = paths(tmp_path / "empty", revocation="hard")[name], tmp_path / "out"
    stopped(path.sign(pki.modern, home / "mail", out), out, path, "revocation-unknown")
    stopped(path.encrypt([pki.modern], home / "mail", out), out, path, "revocation-unknown")
    stopped(path.verify(home / "good_p384.cms.signed", pki.ca, out), out, path, "revocation-unknown")
    must(path.encrypt([pki.self_leaf], home / "mail", out))
    path = paths(tmp_path / "empty")[name]
    must(path.sign(pki.modern, home / "mail", out))


@pytest.mark.parametrize("name", ["smime-policy", "openssl cms", "openssl smime", "PHP pkcs7"])
def test_revoked_issuer(pki, home, paths, tmp_path, name):
    """The signer's issuer is revoked: it is refused to sign, and what it has signed."""
    if name == "PHP pkcs7" and why_no_php() is not None:
        pytest.skip(why_no_php())
    upload(tmp_path / "ring", pki.ca)
    store_crl(tmp_path / "ring", pki.root, entry(serial(pki["intermediate"])))
    path, out = paths(tmp_path / "ring")[name], tmp_path / "out"
    must(without_policy(path.api).sign(pki.good_chain, home / "mail", tmp_path / "signed"))
    stopped(path.sign(pki.good_chain, home / "mail", out), out, path)
    stopped(path.verify(tmp_path / "signed", pki.ca, out), out, path)
    must(path.sign(pki.good_rsa, home / "mail", out))
    # Each issuer below the anchor needs a CRL; the anchor itself none.
    store_crl(tmp_path / "ring", pki.root)
    must(paths(tmp_path / "ring")[name].sign(pki.good_chain, home / "mail", out))
    path = paths(tmp_path / "ring", revocation="hard")[name]
    out.unlink()
    stopped(path.verify(tmp_path / "signed", pki.ca, out), out, path, "revocation-unknown")
    upload(tmp_path / "ring", pki.intermediate)
    store_crl(tmp_path / "ring", pki["intermediate"])
    must(path.verify(tmp_path / "signed", pki.ca, out))
    must(path.sign(pki.good_chain, home / "mail", out))


def test_raw_signature(pki, home, tmp_path):
    """Without attributes nothing but the key tells whose signature it is."""
    conf, out = write_conf(tmp_path / "openssl.cnf", {"keyring": home / "ring"}), tmp_path / "out"
    result = run(OPENSSL, "cms", "-sign", "-noattr", "-binary", "-outform", "DER", "-in", home / "mail",
                 "-signer", pki.good_rsa.pem, "-inkey", pki.good_rsa.key, "-out", out, conf=conf)
    refused(result, "revoked")
    assert not out.exists() or out.read_bytes() == b""


@pytest.mark.skipif(RUBY is None, reason="Ruby is not installed")
def test_ruby(pki, home, tmp_path):
    conf, out = write_conf(tmp_path / "openssl.cnf", {"keyring": home / "ring"}), tmp_path / "out"
    script = """
        OpenSSL.debug = true
        cert = OpenSSL::X509::Certificate.new(File.read(ARGV[0]))
        key = OpenSSL::PKey.read(File.read(ARGV[1]))
        done = ARGV[3] == 'sign' ? OpenSSL::PKCS7.sign(cert, key, 'hello') :
            OpenSSL::PKCS7.encrypt([cert], 'hello', OpenSSL::Cipher.new('AES-256-CBC'))
        File.write(ARGV[2], done.to_pem)"""  # debug: with what is in the error queue
    for use in ("sign", "encrypt"):
        refused(run(RUBY, "-ropenssl", "-e", script, pki.good_rsa.pem, pki.good_rsa.key, out, use,
                    conf=conf), "revoked")
        assert not out.exists()
        must(run(RUBY, "-ropenssl", "-e", script, pki.modern.pem, pki.modern.key, out, use, conf=conf))
        out.unlink()


LIVES = """
    for ($i = 0; $i < 3; $i++) {
        fgets(STDIN);
        $done = openssl_pkcs7_encrypt($argv[1], $argv[2], [file_get_contents($argv[3])], [], 0,
                                      OPENSSL_CIPHER_AES_256_CBC);
        echo $done ? "done\\n" : openssl_error_string() . "\\n";
        while (openssl_error_string()) {}
    }"""


@pytest.mark.skipif(why_no_php() is not None, reason=str(why_no_php()))
def test_running_program(pki, home, tmp_path):
    """A process that runs sees a new CRL at once, and that it is gone."""
    ring = tmp_path / "ring"
    upload(ring, pki.ca)
    conf = write_conf(tmp_path / "openssl.cnf", {"keyring": ring})
    (tmp_path / "lives.php").write_text("<?php" + LIVES)
    with subprocess.Popen([PHP, "-n", tmp_path / "lives.php", home / "mail", tmp_path / "out",
                           pki.modern.pem], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                          env=environment(conf)) as program:
        def ask():
            program.stdin.write("\n")
            program.stdin.flush()
            return program.stdout.readline()

        assert ask() == "done\n"
        store_crl(ring, pki.root, entry(serial(pki.modern), reason=HOLD))
        assert "certificate is revoked [revoked]" in ask()
        store_crl(ring, pki.root)
        assert ask() == "done\n"


def test_damaged(pki, home, paths, tmp_path):
    """A stored CRL that cannot be read refuses those of its issuer, and says what to do."""
    shutil.copytree(home / "ring", tmp_path / "ring")
    file, = (tmp_path / "ring").glob("crls/*/*.crl")
    content = file.read_bytes()
    file.write_bytes(content[:5000] + bytes((content[5000] ^ 1,)) + content[5001:])
    for name in ("smime-policy", "openssl cms"):
        path, out = paths(tmp_path / "ring")[name], tmp_path / "out"
        result = stopped(path.sign(pki.modern, home / "mail", out), out, path, "revocation-unknown")
        assert f"{file} is damaged [revocation-unknown]" in result.err, result
        assert "; remove it, and upload the CRL of its issuer again" in result.err
        must(path.decrypt(home / "good_rsa.cms.encrypted", pki.good_rsa, out))
        out.unlink()
        must(path.encrypt([pki.self_leaf], home / "mail", out))
        out.unlink()


def test_chosen_by_address(pki, home, tmp_path):
    """Of two certificates of an address the one that is not revoked is taken, and it is said why."""
    ring = tmp_path / "ring"
    upload(ring, pki.ca)
    ours = (COMMAND, "--keyring", ring)
    for name in ("one", "two"):
        must(stock("req", "-new", "-newkey", "rsa:2048", "-noenc", "-keyout", tmp_path / f"{name}.key",
                   "-subj", f"/CN={name}", "-out", tmp_path / f"{name}.csr"))
    conf = tmp_path / "ext.cnf"
    conf.write_text("keyUsage = digitalSignature,keyEncipherment\nsubjectAltName = email:carol@example.com\n"
                    "authorityKeyIdentifier = keyid\n")
    for number, (name, days) in enumerate((("one", 300), ("two", 200)), 0x4001):
        must(stock("x509", "-req", "-in", tmp_path / f"{name}.csr", "-CA", pki.ca, "-CAkey", pki.root.key,
                   "-set_serial", str(number), "-days", str(days), "-extfile", conf, "-out",
                   tmp_path / f"{name}.pem"))
        upload(ring, tmp_path / f"{name}.pem")
    out = tmp_path / "out"
    send = (*ours, "encrypt", "--to", "carol@example.com", "-in", home / "mail", "-out", out)
    assert "CN=one, serial 0x4001, is used" in must(run(*send, "-verbose")).err
    store_crl(ring, pki.root, entry(0x4001, reason=4))
    result = must(run(*send, "-verbose"))
    assert "CN=two, serial 0x4002, is used" in result.err
    assert "not CN=one, serial 0x4001: certificate was revoked by its issuer" in result.err, result
    listed = [json.loads(line) for line in
              must(run(*ours, "list", "--json", "--address", "carol@example.com")).out.decode().splitlines()]
    states = {one["serial"]: one["state"] for one in listed}
    assert states == {"0x4001": "revoked", "0x4002": "usable"}
    assert [one["rules"] for one in listed if one["state"] == "revoked"] == [["revoked"]]
    store_crl(ring, pki.root, entry(0x4001, reason=4), entry(0x4002))
    out.unlink()
    refused(run(*send), "revoked")
    assert not out.exists()


def test_upload_warns(pki, home):
    """Old mail may need it."""
    result = upload(home / "ring", pki.good_rsa.pem)
    assert "warning: upload: good_rsa@example.com: certificate was revoked" in result.err, result
    listed = json.loads(must(run(COMMAND, "--keyring", home / "ring", "list", "--json",
                                 "--address", "good_rsa@example.com")).out)
    assert listed["state"] == "revoked"
    must(run(COMMAND, "--keyring", home / "ring", "remove", listed["fingerprint"]))


@pytest.mark.slow
def test_a_million_entries():
    """Each of them is found, and no other."""
    must(run(BUILD / "tests" / "revocation" / "test_crl_numbers", env={
        "SP_TEST_ENTRIES": "1000000", "CK_DEFAULT_TIMEOUT": "600"}))


@pytest.mark.parametrize("keyring", [True, False])
def test_its_own_issuer_needs_no_crl(keyring, home, tmp_path):
    """Under `hard`, with a keyring and without one: nobody else could revoke it."""
    (tmp_path / "req.cnf").write_text("[req]\ndistinguished_name = dn\n[dn]\n")
    must(run(OPENSSL, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc",
             "-keyout", tmp_path / "key", "-out", tmp_path / "cert", "-days", "365", "-subj", "/CN=me",
             "-addext", "basicConstraints=critical,CA:FALSE", "-addext", "keyUsage=digitalSignature",
             "-addext", "subjectAltName=email:me@example.com", env=environment(tmp_path / "req.cnf")))
    conf = write_conf(tmp_path / "openssl.cnf",
                      {"revocation": "hard"} | ({"keyring": home / "ring"} if keyring else {}))
    must(run(OPENSSL, "cms", "-sign", "-in", home / "mail", "-signer", tmp_path / "cert", "-inkey", tmp_path / "key",
             "-out", tmp_path / "out", env=environment(conf)))
