# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
"""Loading the provider, its settings, and wrong ones."""

import datetime
import hashlib
import json
import re
import resource
import subprocess

import pytest

import paths
from harness import (MODULE, OPENSSL, PATIENCE, PHP, PREFER_OURS, environment, must, refused, run, stock,
                     write_conf)

@pytest.fixture
def cms(tmp_path):
    """cms(settings, …): `openssl cms` under a configuration of its own."""
    def make(settings=None, **how):
        return paths.CommandLine("cms", (OPENSSL, "cms"), "cms",
                                 conf=write_conf(tmp_path / "openssl.cnf", settings, **how))
    return make


def enforced(path, pki, mail, out):
    """Signing and encrypting: good certificates pass, bad ones are refused."""
    assert path.sign(pki.good_rsa, mail, out).rc == 0
    assert path.encrypt([pki.good_rsa], mail, out).rc == 0
    refused(path.sign(pki.expired, mail, out), "expired")
    refused(path.encrypt([pki.no_san], mail, out), "san-email")


# Loading


def test_alone_nothing_else_is_active(conf):
    """The configuration activates our provider, and not the backend."""
    listed = must(run(OPENSSL, "list", "-providers", conf=conf)).text
    assert "smimepolicy" in listed and "status: active" in listed
    assert "\n  default\n" not in listed


@pytest.mark.parametrize("default", ["before", "after"])
def test_beside_default(default, cms, pki, mail, tmp_path):
    """With the property preference the order in the file does not matter."""
    enforced(cms(default=default), pki, mail, tmp_path / "out")


@pytest.mark.parametrize("order", [("default", "smimepolicy"), ("smimepolicy", "default")])
def test_provider_options_beside_default(order, pki, mail, tmp_path):
    """The same on the command line."""
    options = ["-provider-path", MODULE.parent, "-propquery", PREFER_OURS]
    for name in order:
        options += ["-provider", name]
    path = paths.CommandLine("cms", (OPENSSL, "cms"), "cms", conf="/dev/null",
                             options=tuple(options))
    enforced(path, pki, mail, tmp_path / "out")


def test_loaded_twice(conf, pki, mail, tmp_path):
    """By the configuration and by -provider, in one process."""
    path = paths.CommandLine("cms", (OPENSSL, "cms"), "cms", conf=conf,
                             options=("-provider-path", MODULE.parent, "-provider", "smimepolicy"))
    enforced(path, pki, mail, tmp_path / "out")


def test_included_after_the_system_file(tmp_path, pki, mail, cms):
    """`.include` of the system's file keeps its sections and our activation."""
    path = cms(extra="")
    text = path.conf.read_text()
    path.conf.write_text(".include /etc/ssl/openssl.cnf\n[default]\n" + text)
    enforced(path, pki, mail, tmp_path / "out")
    must(run(OPENSSL, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=x",
             "-keyout", tmp_path / "k", "-out", tmp_path / "c", conf=path.conf))


def test_missing_module_fails_closed(cms, pki, mail, tmp_path):
    """If ours is the only provider and its module is missing, the program fails."""
    path, out = cms(module="/nonexistent/smimepolicy.so"), tmp_path / "out"
    assert path.sign(pki.good_rsa, mail, out).rc != 0
    assert path.encrypt([pki.good_rsa], mail, out).rc != 0
    result = paths.Php("php", "cms", conf=path.conf).sign(pki.good_rsa, mail, out)
    assert result.rc != 0, result


def test_explicit_provider_that_cannot_load_fails(pki, mail, tmp_path):
    """With -provider it is an error."""
    result = run(OPENSSL, "cms", "-sign", "-provider-path", tmp_path, "-provider", "smimepolicy",
                 "-signer", pki.good_rsa.pem, "-inkey", pki.good_rsa.key, "-in", mail,
                 conf="/dev/null")
    assert result.rc != 0 and "unable to load provider" in result.err, result


def test_one_exported_symbol():
    """The module exports only its entry point."""
    listed = must(run("nm", "-D", "--defined-only", MODULE)).out.decode()
    assert [line.split()[-1] for line in listed.splitlines()] == ["OSSL_provider_init"]


def test_tls_groups_are_offered(conf):
    """Capabilities of the backend reach libssl."""
    assert "TLS_AES_128_GCM_SHA256" in must(run(OPENSSL, "ciphers", "-s", "-tls1_3", conf=conf)).text


@pytest.mark.parametrize("kind", ["-digest-algorithms", "-cipher-algorithms", "-signature-algorithms",
                                  "-key-exchange-algorithms", "-kdf-algorithms", "-key-managers"])
def test_nothing_is_missing(kind, conf):
    """Every algorithm of `default` is there under ours."""
    def names(text):
        return {line.split(" @ ")[0].strip() for line in text.splitlines() if " @ " in line}

    before = names(must(stock("list", kind)).text)
    after = names(must(run(OPENSSL, "list", kind, conf=conf)).text)
    assert before and before == after


# Settings


BAD_SETTINGS = [("mode", "enforced"), ("unknown_keys", "maybe"), ("unverified_signers", ""),
                ("trust", "system"), ("missing_key_usage", "yes"), ("ec_key_agreement", "ACCEPT"),
                ("weak_key", "fatal"), ("expires_soon", "off"), ("decision_log", "log.json"),
                ("backend", "nosuchprovider"), ("expired", "ignore"), ("san_email", "warn"),
                ("distrust_default", "ignore")]


@pytest.mark.parametrize("key,value", BAD_SETTINGS, ids=lambda text: text or "empty")
def test_bad_setting_locks(key, value, cms, pki, mail, post, tmp_path):
    """It is loaded, and refuses everything with the file, the key and the value."""
    path, out, cert = cms({key: value}), tmp_path / "out", pki.good_rsa
    for result in (path.sign(cert, mail, out), path.sign(cert, mail, out, "-noattr"),
                   path.encrypt([cert], mail, out), path.sign(pki.good_p256, mail, out),
                   path.encrypt([pki.good_p256], mail, out),
                   path.verify(post.signed("good_rsa"), cert.anchor, out)):
        assert result.rc != 0, result
        for part in (str(path.conf), key, value):
            assert part in result.err, result


def test_bad_setting_locks_php(cms, pki, mail, tmp_path):
    """The same in-process; PHP shows the reason and leaves out which setting it was."""
    path = paths.Php("php", "cms", conf=cms({"mode": "enforced"}).conf)
    result = path.sign(pki.good_rsa, mail, tmp_path / "out")
    assert result.rc != 0 and "policy is locked" in result.err, result


@pytest.mark.parametrize("setting,certificate", [("missing_key_usage", "no_ku"),
                                                 ("ec_key_agreement", "ku_ka_ec")])
def test_leniency(setting, certificate, cms, pki, mail, tmp_path):
    """The two settings that let more certificates pass."""
    cert, out = pki[certificate], tmp_path / "out"
    refused(cms({setting: "reject"}).encrypt([cert], mail, out), "key-usage")
    result = cms({setting: "accept"}).encrypt([cert], mail, out)
    assert result.rc == 0, result
    refused(cms({setting: "accept"}).encrypt([pki.no_san], mail, out), "san-email")


def test_missing_key_usage_accepted_means_both(cms, pki, mail, tmp_path):
    """An old certificate without Key Usage may then sign, too."""
    result = cms({"missing_key_usage": "accept"}).sign(pki.no_ku, mail, tmp_path / "out")
    assert result.rc == 0, result


def test_key_agreement_accepted_does_not_sign(cms, pki, mail, tmp_path):
    """Key Agreement is no Digital Signature."""
    refused(cms({"ec_key_agreement": "accept"}).sign(pki.ku_ka_ec, mail, tmp_path / "out"),
            "usage-sign")


BEYOND = [("weak_key", "weak_key", "weak-key"), ("weak_digest", "sha1", "weak-digest"),
          ("eku_any", "any_too", "eku-any"), ("validity_too_long", "long_lived", "validity-too-long"),
          ("expires_soon", "ending", "expires-soon")]


@pytest.mark.parametrize("setting,certificate,rule", BEYOND)
def test_severity(setting, certificate, rule, cms, pki, mail, tmp_path):
    """The rules beyond the guide's: a warning by default, and silent on stderr."""
    cert, out = pki[certificate], tmp_path / "out"
    for severity in ("warn", "ignore"):
        result = cms({setting: severity}).sign(cert, mail, out)
        assert result.rc == 0 and result.err == "", result
    refused(cms({setting: "deny"}).sign(cert, mail, out), rule)
    assert cms({setting: "deny"}).sign(pki.modern, mail, out).rc == 0


# unknown_keys


@pytest.mark.parametrize("name", ["good_rsa", "good_p256"])
def test_unknown_key_signs_unless_refused(name, cms, pki, tmp_path):
    """A raw signature by a key of no known certificate."""
    (tmp_path / "digest").write_bytes(bytes(32))
    argv = (OPENSSL, "pkeyutl", "-sign", "-inkey", pki[name].key, "-in", tmp_path / "digest",
            "-out", tmp_path / "signature")
    must(run(*argv, conf=cms({"unknown_keys": "pass"}).conf))
    refused(run(*argv, conf=cms({"unknown_keys": "refuse"}).conf), "certificate-required")


def test_unknown_key_encrypts_unless_refused(cms, pki, tmp_path):
    """RSA encryption to a key of no known certificate."""
    argv = (OPENSSL, "pkeyutl", "-encrypt", "-inkey", pki.good_rsa.key, "-out", tmp_path / "c")
    must(run(*argv, conf=cms({"unknown_keys": "pass"}).conf, stdin=b"x"))
    refused(run(*argv, conf=cms({"unknown_keys": "refuse"}).conf, stdin=b"x"),
            "certificate-required")


def test_known_keys_under_unknown_keys_refuse(cms, pki, mail, post, tmp_path):
    """Mail with known certificates is not affected."""
    path, out = cms({"unknown_keys": "refuse"}), tmp_path / "out"
    enforced(path, pki, mail, out)
    assert path.sign(pki.good_rsa, mail, out, "-noattr").rc == 0
    assert path.encrypt([pki.good_p256], mail, out).rc == 0
    assert path.verify(post.signed("good_p256"), pki.ca, out).rc == 0
    assert path.decrypt(post.encrypted("good_rsa"), pki.good_rsa, out).rc == 0
    assert path.decrypt(post.encrypted("good_p256"), pki.good_p256, out).rc == 0


# unverified_signers


ROUND_THE_PURPOSE = {
    "cms -noverify": ("cms", "-noverify"),
    "cms -purpose any": ("cms", "-purpose", "any"),
    "cms -verify_name ssl_client": ("cms", "-verify_name", "ssl_client"),
    "smime -noverify": ("smime", "-noverify"),
    "smime -purpose any": ("smime", "-purpose", "any"),
    "smime -verify_name ssl_client": ("smime", "-verify_name", "ssl_client"),
}


@pytest.mark.parametrize("how", ROUND_THE_PURPOSE)
@pytest.mark.parametrize("name", ["good_rsa", "web_rsa", "web_ec"])
def test_unverified_signer(how, name, cms, post, pki, tmp_path):
    """Verification without the purpose check: passes by default, refused by the setting."""
    api, *options = ROUND_THE_PURPOSE[how]
    if name == "good_rsa" and "ssl_client" in options:
        pytest.skip("a certificate for mail alone fails the purpose of TLS by itself")
    argv = (OPENSSL, api, "-verify", "-in", post.signed(name), "-CAfile", pki.ca,
            "-out", tmp_path / "out", *options)
    must(run(*argv, conf=cms({"unverified_signers": "pass"}).conf))
    refused(run(*argv, conf=cms({"unverified_signers": "refuse"}).conf), "distrust-default")


def test_unverified_signer_in_php(cms, post, pki, tmp_path):
    """PKCS7_NOVERIFY."""
    code = "exit(openssl_pkcs7_verify($argv[1], PKCS7_NOVERIFY) === true ? 0 : 1);"
    argv = (PHP, "-n", "-r", code, post.signed("good_rsa"))
    must(run(*argv, conf=cms({"unverified_signers": "pass"}).conf))
    result = run(*argv, conf=cms({"unverified_signers": "refuse"}).conf)
    assert result.rc != 0, result


@pytest.mark.parametrize("api", ["cms", "smime"])
def test_verified_signer_under_unverified_signers_refuse(api, cms, post, pki, tmp_path):
    """A signer that was checked verifies, and so does the work of TLS and CAs."""
    conf = cms({"unverified_signers": "refuse"}).conf
    for name in ("good_rsa", "good_p256", "good_chain", "self_ca"):
        must(run(OPENSSL, api, "-verify", "-in", post.signed(name), "-CAfile", pki[name].anchor,
                 "-out", tmp_path / "out", conf=conf))
    must(run(OPENSSL, "req", "-new", "-subj", "/CN=x", "-key", pki.web_rsa.key, "-verify",
             "-out", tmp_path / "csr", conf=write_conf(tmp_path / "req.cnf",
             {"unverified_signers": "refuse"}, extra="[req]\ndistinguished_name = dn\n[dn]")))


# observe, and the decision log


def decisions(path):
    """The log: every line one JSON object."""
    return [json.loads(line) for line in path.read_text().splitlines()]


def fingerprint(cert):
    """SHA-256 of the certificate, as the log spells it."""
    return hashlib.sha256(must(stock("x509", "-in", cert.pem, "-outform", "DER")).out).hexdigest()


def test_observe_refuses_nothing_and_logs(cms, pki, mail, post, tmp_path):
    """In observe mode the operation is done, and the refusal is logged."""
    log, out = tmp_path / "decisions.json", tmp_path / "out"
    path = cms({"mode": "observe", "decision_log": log})
    for result in (path.sign(pki.expired, mail, out), path.encrypt([pki.no_san], mail, out),
                   path.verify(post.signed("san_dns"), pki.ca, out)):
        assert result.rc == 0 and "refused" not in result.err, result
    seen = [(line["operation"], line["verdict"], [finding["rule"] for finding in line["findings"]])
            for line in decisions(log)]
    for operation, rule in (("sign", "expired"), ("encrypt", "san-email"), ("verify", "signer-certificate")):
        assert any(line[0] == operation and line[1] == "observed" and rule in line[2]
                   for line in seen), (operation, seen)


def test_decision_log(cms, pki, mail, tmp_path):
    """A line for each decision, with everything that an auditor needs."""
    log, out = tmp_path / "decisions.json", tmp_path / "out"
    path = cms({"decision_log": log})
    def now():
        return datetime.datetime.now(datetime.timezone.utc)
    begun = now().replace(microsecond=0)
    assert path.sign(pki.good_rsa, mail, out).rc == 0
    refused(path.encrypt([pki.expired], mail, out), "expired")
    ended = now()
    allowed, denied = decisions(log)
    for line in (allowed, denied):
        when = datetime.datetime.strptime(line["time"], "%Y-%m-%dT%H:%M:%S%z")
        assert begun <= when <= ended
        assert line["program"] == "openssl" and line["pid"] > 1 and line["policy"]
    assert (allowed["operation"], allowed["verdict"]) == ("sign", "allowed")
    assert allowed["certificate"] == fingerprint(pki.good_rsa)
    assert (denied["operation"], denied["verdict"]) == ("encrypt", "refused")
    assert denied["certificate"] == fingerprint(pki.expired)
    assert "expired" in [finding["rule"] for finding in denied["findings"]]
    assert allowed["pid"] != denied["pid"]


def test_only_a_decision_log_loads_jansson(conf, pki, mail, tmp_path):
    """No other program pays for it.  If it cannot be loaded, the log locks the policy."""
    assert "jansson" not in must(run("readelf", "-d", MODULE)).text
    logging = write_conf(tmp_path / "logging.cnf", {"decision_log": tmp_path / "log"})

    def sign(conf, **env):
        return run(OPENSSL, "cms", "-sign", "-in", mail, "-signer", pki.good_rsa.pem, "-inkey", pki.good_rsa.key,
                   conf=conf, env={**env, "LD_DEBUG": "files"})

    assert "jansson" not in must(sign(conf)).err and "jansson" in must(sign(logging)).err
    (tmp_path / "libjansson.so.4").touch()
    result = sign(logging, LD_LIBRARY_PATH=str(tmp_path))
    assert result.rc != 0 and b"smime.p7s" not in result.out, result
    assert "decision_log: libjansson cannot be loaded" in result.err, result


def test_decision_log_tells_certificates_of_one_key_apart(cms, pki, mail, tmp_path):
    """The renewed certificate and the old one have the same key, but different fingerprints."""
    log, out = tmp_path / "decisions.json", tmp_path / "out"
    path = cms({"decision_log": log})
    assert path.encrypt([pki.renewed_new], mail, out).rc == 0
    refused(path.encrypt([pki.renewed_old], mail, out), "expired")
    assert [line["certificate"] for line in decisions(log)] == \
        [fingerprint(pki.renewed_new), fingerprint(pki.renewed_old)]


def test_decision_log_holds_the_warnings(cms, pki, mail, tmp_path):
    """Warnings go to the log and nowhere else."""
    log = tmp_path / "decisions.json"
    result = cms({"decision_log": log}).sign(pki.weak_key, mail, tmp_path / "out")
    assert result.rc == 0 and result.err == "", result
    assert "weak-key" in [finding["rule"] for finding in decisions(log)[0]["findings"]]


def test_decision_log_follows_rotation(cms, pki, mail, tmp_path):
    """After rotation a new log is begun."""
    log, out = tmp_path / "decisions.json", tmp_path / "out"
    path = cms({"decision_log": log})
    assert path.sign(pki.good_rsa, mail, out).rc == 0
    log.rename(tmp_path / "decisions.json.1")
    assert path.sign(pki.good_rsa, mail, out).rc == 0
    assert len(decisions(log)) == 1


@pytest.mark.parametrize("log", ["/nonexistent/log", "/dev/full", "/tmp"])
def test_decision_log_never_fails_the_operation(log, cms, pki, mail, tmp_path):
    """A log that cannot be written does not stop the mail."""
    result = cms({"decision_log": log}).sign(pki.good_rsa, mail, tmp_path / "out")
    assert result.rc == 0 and result.err == "", result


@pytest.mark.parametrize("program", ["openssl", "perl"])
def test_decision_log_beyond_a_limit(program, cms, pki, mail, tmp_path):
    """SIGXFSZ, which ends a program that has no plans for it, does not come of the log."""
    if program == "perl":
        maps = run("perl", "-MCrypt::SMIME", "-e", "open F, '/proc/self/maps'; print <F>").text
        ours = re.search(r"OpenSSL (\d+)", stock("version").text)[1]
        if f"libcrypto.so.{ours}" not in maps:
            # It waits for random numbers, of which the provider offers none there.
            pytest.skip(f"Crypt::SMIME has no libcrypto.so.{ours}")
    log, out, limit = tmp_path / "decisions.json", tmp_path / "out", 1 << 20
    log.write_bytes(b"\n" * limit)
    conf = cms({"decision_log": log}).conf
    sign = [OPENSSL, "cms", "-sign", "-signer", pki.good_rsa.pem, "-inkey", pki.good_rsa.key,
            "-in", mail, "-out", out]
    if program == "perl":
        sign = ["perl", "-MCrypt::SMIME", "-e", """
            my ($cert, $key, $mail) = map { local (@ARGV, $/) = $_; <> } @ARGV;
            my $smime = Crypt::SMIME->new;
            $smime->setPrivateKey($key, $cert);
            print $smime->sign($mail);""", pki.good_rsa.pem, pki.good_rsa.key, mail]
    done = subprocess.run([str(word) for word in sign], env=environment(conf), check=False,
                          capture_output=True, timeout=PATIENCE, preexec_fn=lambda: resource.setrlimit(
                              resource.RLIMIT_FSIZE, (limit, limit)))
    assert done.returncode == 0, done
    assert b"-----" in (done.stdout or out.read_bytes())
    assert log.stat().st_size == limit


def test_tls_and_ca_work_is_not_logged(cms, pki, tmp_path):
    """Work that is not mail is not logged."""
    log = tmp_path / "decisions.json"
    must(run(OPENSSL, "dgst", "-sign", pki.good_rsa.key, "-out", tmp_path / "s", pki.ca,
             conf=cms({"decision_log": log}).conf))
    assert not log.exists() or decisions(log) == []


# What a refusal says


def test_refusal_names_certificate_and_date(cms, pki, mail, tmp_path):
    """Serial, name and date are in the text that stock prints."""
    result = refused(cms().encrypt([pki.guide], mail, tmp_path / "out"), "expired")
    serial = must(stock("x509", "-in", pki.guide.pem, "-noout", "-serial")).text
    serial = serial.strip().split("=")[1].lower().lstrip("0")
    assert f"0x{serial}" in result.err and "2024-07-31T14:20:28Z" in result.err, result
    assert "guide@example.com" in result.err, result


def test_all_faults_are_told(cms, pki, mail, tmp_path):
    """Not only the first."""
    result = cms().sign(pki.ca_only, mail, tmp_path / "out")
    refused(result, "san-email")
    refused(result, "key-usage")


@pytest.mark.parametrize("name", ["good_rsa", "good_p256"])
def test_success_adds_nothing(name, cms, pki, mail, post, tmp_path):
    """Callers take any more line on stderr for an error."""
    path, out, cert = cms(), tmp_path / "out", pki[name]
    for result in (path.sign(cert, mail, out), path.encrypt([cert], mail, out),
                   path.decrypt(post.encrypted(name), cert, out)):
        assert (result.rc, result.out, result.err) == (0, b"", ""), result
    assert path.verify(post.signed(name), cert.anchor, out).err == \
        path.bare().verify(post.signed(name), cert.anchor, out).err
