# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
"""`weak-digest`, asked of a message: in the verbs, under the stock names, and in stock programs."""

import shutil

import pytest

from harness import OPENSSL, must, refused, run, stock, write_conf
from in_process import decisions, find, logged, nothing_left
from test_command import DONE, REFUSED, command, lines

RUBY = (find("ruby"), "--disable-gems")
# The option of stock -> the name in the message.
WEAK = {("-md", "sha1"): "SHA1", ("-md", "md5"): "MD5", ("-md", "SHA-1"): "SHA1",
        ("-md", "SSL3-SHA1"): "SHA1", ("-md", "1.3.14.3.2.26"): "SHA1", ("-md=sha1",): "SHA1",
        ("-md", "sha256", "-md", "sha1"): "SHA1", ("-noattr", "-md", "sha1"): "SHA1",
        ("-noattr", "-md", "md5"): "MD5"}
STRONG = [(), ("-noattr",), ("-md", "sha256"), ("-md", "sha512", "-noattr"),
          ("-md", "sha1", "-md", "sha384")]
STOCK_NAMES = {"cms": ("cms", "-sign"), "smime": ("smime", "-sign")}


@pytest.fixture
def deny(tmp_path):
    """The option that makes the command refuse."""
    path = tmp_path / "deny.cnf"
    path.write_text("weak_digest = deny\n")
    return ("--policy", path)


@pytest.fixture
def under(tmp_path):
    """A configuration of ours for stock programs, decisions logged."""
    def make(**settings):
        return write_conf(tmp_path / "openssl.cnf",
                          {"decision_log": tmp_path / "decisions", **settings})
    return make


@pytest.fixture
def log(tmp_path):
    return tmp_path / "decisions"


@pytest.fixture
def out(tmp_path):
    return tmp_path / "out"


@pytest.fixture
def signed(tmp_path, pki, mail):
    """signed(options, certificate): a mail, signed by stock without the policy."""
    def make(*options, cert=pki.good_rsa, api="cms"):
        path = tmp_path / "signed"
        must(stock(api, "-sign", "-in", mail, "-signer", cert.pem, "-inkey", cert.key, *options,
                   "-out", path))
        return path
    return make


def signing(pki, mail, out):
    return ("-in", mail, "-signer", pki.good_rsa.pem, "-inkey", pki.good_rsa.key, "-out", out)


@pytest.mark.parametrize("how", [("sign",), *STOCK_NAMES.values()], ids=["sign", *STOCK_NAMES])
def test_what_is_signed(how, deny, pki, mail, out):
    """The verb warns, the stock names are silent; refused if the setting says so."""
    words = signing(pki, mail, out)
    for options, name in WEAK.items():
        result = must(command(*how, *options, *words))
        said = lines(result, "weak-digest")
        assert len(said) == (1 if how == ("sign",) else 0), result
        assert all(line.startswith(f"warning: sign: message would be signed with {name} ")
                   for line in said), result
        out.unlink()
        result = command(*deny, *how, *options, *words)
        assert result.rc == REFUSED and not out.exists() and not result.out, result
        assert lines(result, "weak-digest")[0].startswith(
            f"refused: sign: message would be signed with {name} "), result
    for options in STRONG:
        result = command(*deny, *how, *options, *words)
        assert result.rc == DONE and not lines(result, "weak-digest"), result


def test_resign(deny, pki, signed, out):
    """A second signature on a mail."""
    words = ("-resign", "-signer", pki.good_p256.pem, "-inkey", pki.good_p256.key, "-out", out,
             "-in", signed("-nodetach"))
    for api in ("cms", "smime"):
        result = command(*deny, api, *words, "-md", "sha1")
        assert result.rc == REFUSED and lines(result, "weak-digest") and not out.exists(), result
    must(command(*deny, "cms", *words))


@pytest.mark.parametrize("options", [("-md", "sha1"), ("-md", "sha256"), ("-md", "sha1", "-noattr")],
                         ids=" ".join)
def test_a_receipt(options, deny, under, pki, mail, out, tmp_path):
    """What it is signed with counts: stock's -md is for other signatures."""
    asks, signed = tmp_path / "asks", tmp_path / "signed"
    must(stock("cms", "-sign", "-in", mail, "-signer", pki.good_rsa.pem, "-inkey", pki.good_rsa.key,
               "-receipt_request_all", "-receipt_request_to", "good_rsa@example.com", "-nodetach",
               "-outform", "DER", "-out", asks))
    words = ("-sign_receipt", "-in", asks, "-inform", "DER", "-signer", pki.good_p256.pem, "-inkey",
             pki.good_p256.key, "-outform", "DER", "-out", signed, *options)
    must(stock("cms", *words))
    printed = must(stock("cms", "-cmsout", "-print", "-noout", "-inform", "DER", "-in", signed)).out
    weak = b"algorithm: sha1 " in printed
    for result in (command(*deny, "cms", *words),
                   run(OPENSSL, "cms", *words, conf=under(weak_digest="deny"))):
        assert (result.rc != DONE) == weak == ("weak-digest" in result.text), result


def test_a_key_that_asks_for_it(deny, pki, mail, out, tmp_path):
    """An RSASSA-PSS key may allow SHA-1 alone: then stock uses it without an option."""
    key, cert = tmp_path / "pss.key", tmp_path / "pss.pem"
    must(stock("genpkey", "-algorithm", "RSA-PSS", "-pkeyopt", "rsa_keygen_bits:2048", "-pkeyopt",
               "rsa_pss_keygen_md:sha1", "-pkeyopt", "rsa_pss_keygen_mgf1_md:sha1", "-out", key))
    must(stock("req", "-x509", "-new", "-key", key, "-sha1", "-subj", "/CN=pss", "-days", "200",
               "-addext", "subjectAltName=email:pss@example.com", "-addext",
               "keyUsage=digitalSignature", "-addext", "basicConstraints=CA:FALSE", "-out", cert))
    words = ("-in", mail, "-signer", cert, "-inkey", key, "-out", out)
    if stock("cms", "-sign", *words).rc != 0:
        pytest.skip("stock does not sign with this key")
    out.unlink()
    result = command(*deny, "cms", "-sign", *words)
    assert result.rc != DONE and lines(result, "weak-digest") and not out.exists(), result


@pytest.mark.parametrize("options", [("-md", "sha1"), ("-md", "md5"), ("-md", "sha1", "-noattr"),
                                     ("-md", "sha1", "-nodetach")], ids=" ".join)
@pytest.mark.parametrize("how", [("verify",), ("cms", "-verify"), ("smime", "-verify")], ids=" ".join)
def test_what_is_verified(how, options, deny, pki, signed, out):
    """By default the verb warns."""
    words = ("-in", signed(*options), "-CAfile", pki.ca, "-out", out)
    verb = how == ("verify",)
    words += ("--no-sender",) if verb else ()
    result = must(command(*how, *words))
    said = lines(result, "weak-digest")
    assert len(said) == (1 if verb else 0), result
    assert all(line.startswith("warning: verify: good_rsa@example.com: message is signed with ")
               for line in said), result
    out.unlink()
    result = command(*deny, *how, *words)
    assert result.rc == REFUSED and not out.exists() and not result.out, result
    assert lines(result, "weak-digest")[0].startswith(
        "refused: verify: good_rsa@example.com: message is signed with "), result
    assert "successful" not in result.text, result


@pytest.mark.parametrize("how", [("verify", "--no-sender"), ("cms", "-verify"), ("smime", "-verify")],
                         ids=lambda how: how[0])
def test_a_good_digest_is_verified(how, deny, pki, signed, out):
    for options in STRONG:
        result = command(*deny, *how, "-in", signed(*options), "-CAfile", pki.ca, "-out", out)
        assert result.rc == DONE and not lines(result, "weak-digest"), result


TWO_SIGNATURES = """
require "openssl"
mail = OpenSSL::PKCS7.new
mail.type = :signed
ARGV.drop(1).each_slice(3) do |cert, key, digest|
  cert = OpenSSL::X509::Certificate.new(File.read(cert))
  key = OpenSSL::PKey.read(File.read(key))
  mail.add_certificate(cert)
  mail.add_signer(OpenSSL::PKCS7::SignerInfo.new(cert, key, OpenSSL::Digest.new(digest)))
end
mail.add_data("Content-Type: text/plain\r\n\r\ntext\r\n")
File.write(ARGV[0], OpenSSL::PKCS7.write_smime(mail))
"""


def test_one_of_two_signatures(deny, pki, out, tmp_path):
    """A weak one beside a good one, in either order."""
    if shutil.which(RUBY[0]) is None:
        pytest.skip("ruby is not installed")
    both = tmp_path / "both"
    for digests in (("SHA1", "SHA256"), ("SHA256", "SHA1")):
        must(run(*RUBY, "-e", TWO_SIGNATURES, both, pki.good_rsa.pem, pki.good_rsa.key, digests[0],
                 pki.good_p256.pem, pki.good_p256.key, digests[1]))
        must(stock("cms", "-verify", "-in", both, "-CAfile", pki.ca))
        weak = "good_rsa" if digests[0] == "SHA1" else "good_p256"
        for how in (("verify", "--no-sender"), ("cms", "-verify")):
            result = command(*deny, *how, "-in", both, "-CAfile", pki.ca, "-out", out)
            assert result.rc == REFUSED and not out.exists(), result
            assert [f": {weak}@example.com: " in line
                    for line in lines(result, "weak-digest")] == [True], result


def test_json(deny, pki, signed, out):
    """The finding is in the report, allowed or not."""
    words = ("verify", "--no-sender", "--json", "-in", signed("-md", "sha1"), "-CAfile", pki.ca,
             "-out", out)
    assert b'"weak-digest"' in must(command(*words)).out
    result = command(*deny, *words)
    assert result.rc == REFUSED and b'"weak-digest"' in result.out, result


def test_extraction_is_no_verification(deny, pki, signed, out):
    """Mailers show a stranger's mail in this way; it is reported as unverified."""
    result = must(command(*deny, "cms", "-verify", "-noverify", "-in", signed("-md", "sha1"), "-out",
                          out))
    assert "Unverified" in result.text


def test_observed(pki, mail, signed, out, tmp_path):
    """It is reported, and done all the same."""
    policy = tmp_path / "observe.cnf"
    policy.write_text("weak_digest = deny\nmode = observe\n")
    observe = ("--policy", policy)
    must(command(*observe, "cms", "-sign", "-md", "sha1", *signing(pki, mail, out)))
    words = ("-in", signed("-md", "sha1"), "-CAfile", pki.ca, "-out", out)
    for how in (("verify", "--no-sender"), ("cms", "-verify")):
        must(command(*observe, *how, *words))


@pytest.mark.parametrize("options", [("-md", "sha1"), ("-md", "sha1", "-noattr")], ids=" ".join)
@pytest.mark.parametrize("how", [("sign",), ("cms", "-sign"), ("smime", "-sign"),
                                 ("verify", "--no-sender"), ("cms", "-verify"),
                                 ("smime", "-verify")], ids=" ".join)
def test_what_is_observed_is_logged_once(how, options, pki, mail, signed, out, log, tmp_path):
    """By the program, or by the command where no program can see it."""
    policy = tmp_path / "observe.cnf"
    policy.write_text(f"weak_digest = deny\nmode = observe\ndecision_log = {log}\n")
    words = (*options, *signing(pki, mail, out)) if "sign" in how[-1] else \
        ("-in", signed(*options), "-CAfile", pki.ca, "-out", out)
    must(command("--policy", policy, *how, *words))
    told = [(line["verdict"], finding["severity"]) for line in decisions(log)
            for finding in line["findings"] if finding["rule"] == "weak-digest"]
    assert told == [("observed", "deny")], decisions(log)


# --- in stock programs


def test_a_program_signs(under, pki, mail, out, log):
    """The digest of signed attributes is judged; without attributes it is an ordinary raw signature."""
    words = ("-sign", "-outform", "DER", *signing(pki, mail, out))
    for api in ("cms", "smime"):
        must(run(OPENSSL, api, "-md", "sha1", *words, conf=under()))
        assert [finding["severity"] for line in decisions(log) for finding in line["findings"]
                if finding["rule"] == "weak-digest"] == ["warn"], decisions(log)
        log.unlink()
        must(run(OPENSSL, api, "-md", "sha1", *words, conf=under(weak_digest="ignore")))
        assert "weak-digest" not in log.read_text()
        log.unlink()
        out.unlink()
        for digest in ("sha1", "md5"):
            result = run(OPENSSL, api, "-md", digest, *words, conf=under(weak_digest="deny"))
            refused(result, "weak-digest")
            assert nothing_left(out), result
            assert logged(log, "sign", "weak-digest"), decisions(log)
        must(run(OPENSSL, api, *words, conf=under(weak_digest="deny")))
        out.unlink()
        log.unlink()


@pytest.mark.parametrize("name", ["good_rsa", "good_p256", "rsa_pss"])
@pytest.mark.parametrize("api", ["cms", "smime"])
def test_a_program_verifies(api, name, under, pki, signed, out, log):
    """With attributes and without, through CMS_verify() and PKCS7_verify()."""
    for options in (("-md", "sha1"), ("-md", "sha1", "-noattr")):
        words = ("-verify", "-in", signed(*options, cert=pki[name]), "-CAfile", pki.ca, "-out", out)
        if stock(api, *words).rc != 0:
            pytest.skip("stock does not verify this")
        must(run(OPENSSL, api, *words, conf=under()))
        assert "weak-digest" in log.read_text()
        log.unlink()
        result = run(OPENSSL, api, *words, conf=under(weak_digest="deny"))
        refused(result, "weak-digest")
        assert logged(log, "verify", "weak-digest"), decisions(log)
        log.unlink()
    words = ("-verify", "-in", signed(cert=pki[name]), "-CAfile", pki.ca, "-out", out)
    must(run(OPENSSL, api, *words, conf=under(weak_digest="deny")))


NOT_MAIL = """
require "openssl"
cert = OpenSSL::X509::Certificate.new(File.read(ARGV[0]))
key = OpenSSL::PKey.read(File.read(ARGV[1]))
cert.check_private_key(key)
signature = key.sign("SHA1", "text")
abort "sign" unless cert.public_key.verify("SHA1", signature, "text")
digest = OpenSSL::Digest.digest("SHA1", "text")
signature = key.sign_raw("SHA1", digest)
abort "raw" unless cert.public_key.verify_raw("SHA1", signature, digest)
request = OpenSSL::X509::Request.new
request.version = 0
request.public_key = cert.public_key
request.sign(key, "SHA1")
abort "request" unless request.verify(cert.public_key)
"""


def test_what_is_no_mail_passes(under, pki, tmp_path):
    """Requests, certificates and signatures of other data, with the key of a mail certificate, pass."""
    if shutil.which(RUBY[0]) is None:
        pytest.skip("ruby is not installed")
    must(run(*RUBY, "-e", NOT_MAIL, pki.good_rsa.pem, pki.good_rsa.key,
             conf=under(weak_digest="deny")))
    conf, request = under(weak_digest="deny"), tmp_path / "request"
    must(run(OPENSSL, "dgst", "-sha1", "-sign", pki.good_rsa.key, "-out", tmp_path / "signature",
             request.parent / "openssl.cnf", conf=conf))
    must(run(OPENSSL, "verify", "-CAfile", pki.ca, pki.good_rsa.pem, conf=conf))
