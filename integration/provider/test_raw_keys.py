# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
"""
`raw_keys`: single sign-on (SAML) and the like beside mail, in programs that make raw signatures and
encrypt keys with certificates that are not for mail; docs/use/settings.md.
"""

import pytest

from harness import COMMAND, OPENSSL, PHP, must, refused, run, stock, write_conf
from in_process import DRIVERS, PYTHON, decisions, find, nothing_left

RUBY = find("ruby")
XMLSEC = find("xmlsec1")
PHP_DRIVER = (PHP, "-n", DRIVERS / "raw_keys.php")
RUBY_DRIVER = (RUBY, "--disable-gems", DRIVERS / "raw_keys.rb")
PYOPENSSL = (PYTHON, "-I", DRIVERS / "raw_keys.py", "pyopenssl")
PYTHON_XMLSEC = (PYTHON, "-I", DRIVERS / "raw_keys.py", "xmlsec")
DRIVEN = {"php": PHP_DRIVER, "ruby": RUBY_DRIVER, "pyopenssl": PYOPENSSL, "python-xmlsec": PYTHON_XMLSEC}
NEEDS = {"php": (PHP, "-n", "-r", "exit(function_exists('openssl_cms_sign') ? 0 : 1);"),
         "ruby": (RUBY, "-ropenssl", "-e", "0"),
         "pyopenssl": (PYTHON, "-I", "-c", "import M2Crypto; from OpenSSL.crypto import sign"),
         "python-xmlsec": (PYTHON, "-I", "-c", "import xmlsec, lxml, M2Crypto")}

SIGNATURE = """<ds:Signature xmlns:ds="http://www.w3.org/2000/09/xmldsig#"><ds:SignedInfo>
<ds:CanonicalizationMethod Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#"/>
<ds:SignatureMethod Algorithm="http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"/>
<ds:Reference URI=""><ds:Transforms>
<ds:Transform Algorithm="http://www.w3.org/2000/09/xmldsig#enveloped-signature"/>
<ds:Transform Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#"/></ds:Transforms>
<ds:DigestMethod Algorithm="http://www.w3.org/2001/04/xmlenc#sha256"/><ds:DigestValue/>
</ds:Reference></ds:SignedInfo><ds:SignatureValue/><ds:KeyInfo/></ds:Signature>"""
RESPONSE = ('<samlp:Response xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" ID="r1" Version="2.0">'
            f"{SIGNATURE}<samlp:Status/></samlp:Response>")
ENCRYPTED = """<xenc:EncryptedData xmlns:xenc="http://www.w3.org/2001/04/xmlenc#"
 Type="http://www.w3.org/2001/04/xmlenc#Element">
<xenc:EncryptionMethod Algorithm="http://www.w3.org/2001/04/xmlenc#aes256-cbc"/>
<ds:KeyInfo xmlns:ds="http://www.w3.org/2000/09/xmldsig#"><xenc:EncryptedKey>
<xenc:EncryptionMethod Algorithm="http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p"/><ds:KeyInfo/>
<xenc:CipherData><xenc:CipherValue/></xenc:CipherData></xenc:EncryptedKey></ds:KeyInfo>
<xenc:CipherData><xenc:CipherValue/></xenc:CipherData></xenc:EncryptedData>"""
WAY_OUT = "or set raw_keys = pass if this is no mail"
NO_MAIL = ("[san-email]", "[extended-key-usage]")


@pytest.fixture
def log(tmp_path):
    return tmp_path / "decisions"


@pytest.fixture
def under(tmp_path, log):
    """A configuration of ours with these settings, decisions logged."""
    def make(**settings):
        return write_conf(tmp_path / "openssl.cnf", {"decision_log": log, **settings})
    return make


@pytest.fixture(params=DRIVEN)
def driver(request):
    """One of the programs, or skipped."""
    try:
        must(run(*NEEDS[request.param], conf="/dev/null"))
    except (AssertionError, FileNotFoundError):
        pytest.skip(f"{request.param} is not installed")
    if request.param == "php" and int(run(PHP, "-n", "-r", "echo PHP_VERSION_ID;").out) >= 80400:
        pytest.skip("this PHP's openssl_sign() signs with a digest, which shows its bytes")
    return request.param


def answers(name, conf, pki, cert, mail, out):
    """{what: the answers of both rounds}."""
    result = must(run(*DRIVEN[name], pki.directory, cert, mail, out, conf=conf))
    told = {}
    for line in result.out.decode().splitlines():
        what, answer = line.split()
        told.setdefault(what, []).append(answer)
    assert len(told) >= 3, result
    return told, result


def write_signature(name, pki, cert, out):
    """What the program is to verify, made without the policy."""
    signature = out.with_name(out.name + ".signature")
    if name == "python-xmlsec":
        (out.parent / "r.xml").write_text(RESPONSE)
        must(run(XMLSEC, "--sign", "--privkey-pem", f"{pki[cert].key},{pki[cert].pem}", "--output",
                 signature, out.parent / "r.xml", conf="/dev/null"))
    else:
        must(stock("dgst", "-sha256", "-sign", pki[cert].key, "-out", signature, stdin=b"<saml/>"))


def is_mail(what):
    return "(" in what


def test_beside_refused_mail(driver, under, log, pki, mail, tmp_path):
    """In one process other work goes on, and mail with the same and other keys is refused."""
    out = tmp_path / "out"
    write_signature(driver, pki, "web_rsa", out)
    conf = under(raw_keys="pass", unverified_signers="refuse")
    told, result = answers(driver, conf, pki, "web_rsa", mail, out)
    refused_mail = {what: told for what, told in told.items() if is_mail(what)}
    raw = {what: told for what, told in told.items() if not is_mail(what)}
    assert "verify" in raw and len(raw) >= 2, result
    assert all(set(told) == {"yes"} for told in raw.values()), result
    # The disadvantage: mail may then be encrypted to the RSA key of a certificate that is not for mail.
    price = {what for what in refused_mail if "encrypt" in what and "web_rsa" in what}
    assert len(refused_mail) >= 4
    assert all(set(told) == {"yes" if what in price else "no"}
               for what, told in refused_mail.items()), result
    assert all("CN=expired" not in (line["subject"] or "") or line["verdict"] == "refused"
               for line in decisions(log))
    notes = [finding for line in decisions(log) if line["verdict"] == "allowed"
             for finding in line["findings"] if "raw_keys = pass" in finding["fault"]]
    assert notes, decisions(log)


def test_refused_by_default(driver, under, log, pki, mail, tmp_path):
    """A raw operation cannot be told from mail; the refusal names the setting."""
    told, result = answers(driver, under(), pki, "web_rsa", mail, tmp_path / "out")
    assert all(set(told) == {"no"} for told in told.values()), result
    remedies = [finding["remedy"] for line in decisions(log) for finding in line["findings"]
                if finding["rule"] == "san-email"]
    assert any(WAY_OUT in remedy for remedy in remedies)
    # Not for mail with signed attributes.
    assert any("raw_keys" not in remedy for remedy in remedies)


def test_certificate_for_mail(driver, under, pki, mail, tmp_path):
    """A certificate for mail has to satisfy the rules, even with the setting."""
    told, result = answers(driver, under(raw_keys="pass"), pki, "expired", mail, tmp_path / "out")
    assert all(set(told) == {"no"} for told in told.values()), result


def test_without_the_policy(driver, pki, mail, tmp_path):
    """Everything works: the refusals above are ours."""
    out = tmp_path / "out"
    write_signature(driver, pki, "web_rsa", out)
    told, result = answers(driver, "/dev/null", pki, "web_rsa", mail, out)
    assert all(set(told) == {"yes"} for told in told.values()), result


# --- the program xmlsec1


@pytest.fixture
def saml(tmp_path):
    """saml(operation, cert, conf): sign, verify or encrypt a document with xmlsec1."""
    (tmp_path / "response.xml").write_text(RESPONSE)
    (tmp_path / "encrypted.xml").write_text(ENCRYPTED)
    (tmp_path / "plain.xml").write_text("<Assertion/>")

    def go(operation, cert, conf):
        out = tmp_path / f"{operation}.xml"
        if operation == "sign":
            words = ("--privkey-pem", f"{cert.key},{cert.pem}", "--output", out, tmp_path / "response.xml")
        elif operation == "verify":
            must(run(XMLSEC, "--sign", "--privkey-pem", f"{cert.key},{cert.pem}", "--output", out,
                     tmp_path / "response.xml", conf="/dev/null"))
            words = ("--pubkey-cert-pem", cert.pem, out)
        else:
            words = ("--pubkey-cert-pem", cert.pem, "--session-key", "aes-256", "--xml-data",
                     tmp_path / "plain.xml", "--output", out, tmp_path / "encrypted.xml")
        result = run(XMLSEC, f"--{operation}", *words, conf=conf)
        return result, out
    return go


@pytest.mark.parametrize("operation", ["sign", "verify", "encrypt"])
def test_xmlsec1(operation, saml, under, log, pki):
    """SAML with the certificate of a server: refused by default, and the reason says what to do."""
    cert = pki.web_rsa
    rule = "distrust-default" if operation == "verify" else "san-email"
    conf = under(unverified_signers="refuse")
    result, out = saml(operation, cert, conf)
    refused(result, rule)
    assert operation == "verify" or nothing_left(out)
    assert WAY_OUT in decisions(log)[-1]["findings"][0]["remedy"]
    must(saml(operation, cert, under(unverified_signers="refuse", raw_keys="pass"))[0])
    must(saml(operation, cert, "/dev/null")[0])


@pytest.mark.parametrize("operation", ["sign", "verify", "encrypt"])
def test_xmlsec1_with_a_certificate_for_mail(operation, saml, under, pki):
    """The setting excuses no certificate for mail."""
    result, out = saml(operation, pki.expired, under(unverified_signers="refuse", raw_keys="pass"))
    refused(result, "distrust-default" if operation == "verify" else "expired")
    assert operation == "verify" or nothing_left(out)


# --- openssl, and the command


def test_without_attributes(under, pki, mail, tmp_path):
    """The disadvantage and its limits: stock `cms -sign -noattr` under the provider."""
    out = tmp_path / "out"
    def sign(cert, *options, **settings):
        out.unlink(missing_ok=True)
        return run(OPENSSL, "cms", "-sign", "-in", mail, "-signer", cert.pem, "-inkey", cert.key,
                   "-outform", "DER", "-out", out, *options, conf=under(**settings))
    result = refused(sign(pki.web_rsa, "-noattr"), "san-email")
    assert nothing_left(out) and WAY_OUT in result.err
    must(sign(pki.web_rsa, "-noattr", raw_keys="pass"))
    for cert, rule in ((pki.expired, "expired"), (pki.no_san, "san-email"), (pki.eku_any_too, None)):
        result = sign(cert, "-noattr", raw_keys="pass")
        if rule is None:
            must(result)
        else:
            refused(result, rule)
            assert nothing_left(out) and "raw_keys" not in result.err
    result = refused(sign(pki.web_rsa, raw_keys="pass"), "san-email")
    assert nothing_left(out) and "raw_keys" not in result.err


@pytest.mark.parametrize("api", ["cms", "smime"])
@pytest.mark.parametrize("attributes", [True, False])
def test_unverified_mail(api, attributes, under, pki, mail, tmp_path):
    """`-noverify` of mail: mail with attributes is refused, whoever signed it."""
    message = tmp_path / "message"
    for cert, passes in ((pki.web_rsa, not attributes), (pki.good_rsa, False)):
        must(stock(api, "-sign", "-in", mail, "-signer", cert.pem, "-inkey", cert.key, "-out", message,
                   *([] if attributes else ["-noattr"])))
        result = run(OPENSSL, api, "-verify", "-noverify", "-in", message, "-out", tmp_path / "out",
                     conf=under(unverified_signers="refuse", raw_keys="pass"))
        if passes:
            must(result)
        else:
            refused(result, "distrust-default")


def test_recipients(under, pki, mail, tmp_path):
    """The disadvantage for recipients: only RSA keys of certificates that are not for mail."""
    out = tmp_path / "out"
    def encrypt(cert, **settings):
        out.unlink(missing_ok=True)
        return run(OPENSSL, "cms", "-encrypt", "-in", mail, "-outform", "DER", "-out", out, cert.pem,
                   conf=under(**settings))
    assert WAY_OUT in refused(encrypt(pki.web_rsa), "san-email").err
    must(encrypt(pki.web_rsa, raw_keys="pass"))
    for cert, rule in ((pki.web_ec, "san-email"), (pki.expired, "expired"), (pki.eku_server, "extended-key-usage"),
                       (pki.no_san, "san-email")):
        refused(encrypt(cert, raw_keys="pass"), rule)
        assert nothing_left(out)


@pytest.mark.parametrize("words", [
    ["sign", "-noattr"], ["cms", "-sign", "-noattr"], ["smime", "-sign", "-noattr"], ["encrypt"],
    ["cms", "-encrypt"], ["smime", "-encrypt"]], ids=" ".join)
def test_the_command_judges(words, pki, mail, tmp_path):
    """With every `policy.cnf` a server's certificate neither signs nor is encrypted to."""
    policy, out = tmp_path / "policy.cnf", tmp_path / "out"
    policy.write_text("raw_keys = pass\n")
    cert = pki.web_rsa
    files = [cert.pem] if "encrypt" in words[0] + words[-1] else ["-signer", cert.pem, "-inkey", cert.key]
    result = refused(run(COMMAND, "--policy", policy, *words, "-in", mail, "-out", out, *files),
                     "san-email")
    assert not out.exists() and "raw_keys" not in result.err, result


def test_the_command_writes_judge(pki, mail, tmp_path):
    """The command tells the provider in stock to judge what it could not read before."""
    policy, seen = tmp_path / "policy.cnf", tmp_path / "seen"
    policy.write_text("raw_keys = pass\n")
    fake = tmp_path / "openssl"
    fake.write_text(f'#!/bin/sh\ncat "$OPENSSL_CONF" > {seen}\n')
    fake.chmod(0o755)
    cert = pki.good_rsa
    run(COMMAND, "--policy", policy, "sign", "-in", mail, "-signer", cert.pem, "-inkey", cert.key,
        env={"SMIME_POLICY_OPENSSL": fake})
    assert "raw_keys = judge" in seen.read_text()
