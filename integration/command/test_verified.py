# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
"""What `verify` prints about signers, and what it and `decrypt` look up in the keyring."""

import itertools
import json
import re

import pytest

from harness import COMMAND, OPENSSL, must, run, stock, write_conf
from keyrings import make_keyring
from test_issuers import BOTH, ISSUES, Forge
from test_keyring_upload import Ring

DONE, USAGE, INPUT, REFUSED, CRYPTO, SYSTEM = range(6)


# For what OpenSSL does with no other key.
RSA = ("-newkey", "rsa:2048", "-noenc")


@pytest.fixture(scope="module")
def forge(tmp_path_factory):
    return Forge(tmp_path_factory.mktemp("forge"))


@pytest.fixture(scope="module")
def root(forge):
    return forge("root", basicConstraints="critical,CA:TRUE", keyUsage=ISSUES, subjectAltName=None)


class Desk:
    """A keyring, mails that stock signs or encrypts, and the command."""

    def __init__(self, directory):
        self.directory = directory
        self.ring = Ring(directory)
        self.out = directory / "out"

    def keep(self, *kept):
        make_keyring(self.ring.path, *[f"{role}:{cert.pem}" + (
            f":{cert.key}" if role == "identity" else "") for role, cert in kept])

    def sign(self, sender, *signers, certs=(), options=(), body=b"Pay the invoice.\r\n"):
        mail, along, signed = (self.directory / name for name in ("mail", "along", "signed"))
        mail.write_bytes(b"Content-Type: text/plain\r\n\r\n" + body)
        along.write_text("".join(cert.pem.read_text() for cert in certs))
        must(stock("cms", "-sign", "-in", mail, "-out", signed, *options,
                   *(("-from", sender, "-to", "bob@example.com") if sender else ()),
                   *(("-certfile", along) if certs else ()),
                   *[word for cert in signers
                     for word in ("-signer", cert.pem, "-inkey", cert.key)]))
        return signed

    def verify(self, signed, *options, words=("verify",)):
        self.out.unlink(missing_ok=True)
        result = self.ring(*words, "-in", signed, "-out", self.out, *options)
        assert self.out.exists() == (result.rc == DONE), result
        return result

    def told(self, signed, *options):
        """The report as JSON."""
        result = self.verify(signed, "--json", *options)
        return json.loads(result.out), result

    def refuses(self, signed, *texts, options=()):
        result = self.verify(signed, *options)
        assert result.rc == REFUSED and "successful" not in result.err, result
        for text in texts:
            assert text in result.err, (text, result)
        return result


@pytest.fixture
def desk(tmp_path):
    return Desk(tmp_path)


def address_of(cert):
    return f"{cert.recipe.name}@example.com"


# The line on who signed.

def test_who_signed_when_and_through_whom(desk, forge, root):
    leaf = forge.leaf("leaf@x.example", root)
    desk.keep(("ca", root))
    signed = desk.sign(leaf.name, leaf)
    lines = [line for line in desk.verify(signed).err.splitlines() if line.startswith("verified: ")]
    assert len(lines) == 1, lines
    assert re.fullmatch(r"verified: leaf@x\.example \(CN=leaf@x\.example, serial 0x[0-9a-f]+\), "
                        r"signed on \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ by the signer's clock, "
                        r"through CN=root",
                        lines[0]), lines
    for quiet in "-q", "--quiet":
        assert "verified:" not in desk.verify(signed, quiet).err
    answer, result = desk.told(signed)
    assert "verified:" not in result.err
    (signer,) = answer["signers"]
    assert signer["passed"] and signer["fits"] and signer["address"] == leaf.name
    assert signer["anchor"]["subject"] == "CN=root" and not signer["anchor"]["own"]
    assert signer["signed"]


def test_its_own_certificate_is_the_anchor(desk, forge, root):
    leaf = forge.leaf("leaf@x.example", root)
    desk.keep(("contact", leaf))
    signed = desk.sign(leaf.name, leaf)
    assert ", through that certificate, which was provided\n" in desk.verify(signed).err
    assert desk.told(signed)[0]["signers"][0]["anchor"]["own"]
    # The stock names print what stock prints.
    result = desk.verify(signed, words=("cms", "-verify"))
    assert result.rc == DONE and "verified:" not in result.err, result


def test_without_a_signing_time(desk, forge, root):
    leaf = forge.leaf("leaf@x.example", root)
    desk.keep(("contact", leaf))
    signed = desk.sign(leaf.name, leaf, options=("-noattr",))
    assert "signed at a time that it does not say" in desk.verify(signed).err
    assert desk.told(signed)[0]["signers"][0]["signed"] is None


# Certificates beside a contact's own.

def issuers_that_spoil(forge):
    old = forge("old", days="past", basicConstraints="critical,CA:TRUE", keyUsage=ISSUES,
                subjectAltName=None)
    web = forge("web", basicConstraints="critical,CA:TRUE", keyUsage=ISSUES,
                extendedKeyUsage="serverAuth", subjectAltName=None)
    none = forge("none@x.example", basicConstraints=None, keyUsage=BOTH + ",keyCertSign")
    return {"expired": old, "for TLS": web, "no CA": none}


@pytest.mark.parametrize("near", ["sent", "-CAfile", "keyring"])
@pytest.mark.parametrize("kind", ["expired", "for TLS", "no CA"])
def test_no_issuer_spoils_a_contact(kind, near, desk, forge):
    issuer = issuers_that_spoil(forge)[kind]
    leaf = forge.leaf(f"of-{issuer.name}".replace("@", "-") + "@x.example", issuer)
    desk.keep(("contact", leaf), *([("ca", issuer)] if near == "keyring" else []))
    signed = desk.sign(leaf.name, leaf, certs=[issuer] if near == "sent" else [])
    words = ("-CAfile", issuer.pem) if near == "-CAfile" else ()
    assert must(desk.ring("trust", leaf.name)).text.count("an anchor for its own addresses") == 1
    result = desk.verify(signed, *words)
    assert result.rc == DONE, result
    # Together with a second signer, for whom a CA vouches.
    other = forge("other-root", basicConstraints="critical,CA:TRUE", keyUsage=ISSUES,
                  subjectAltName=None)
    clerk = forge.leaf("clerk@other.example", other)
    must(desk.ring.upload(other.pem))
    both = desk.sign(leaf.name, leaf, clerk, certs=[issuer] if near == "sent" else [])
    assert desk.verify(both, *words).rc == DONE


def test_what_the_rules_refuse_stays_refused_beside_it(desk, forge):
    """The own certificate is no anchor for the mail of another, nor if it may not sign."""
    mother = forge("mother@x.example", basicConstraints="critical,CA:TRUE",
                   keyUsage=BOTH + ",keyCertSign")
    child = forge.leaf("minted@x.example", mother)
    encrypts = forge("encrypts@x.example", mother, basicConstraints="CA:FALSE",
                     keyUsage="keyEncipherment", extendedKeyUsage="emailProtection")
    desk.keep(("contact", mother), ("contact", encrypts))
    desk.refuses(desk.sign(child.name, child), "[distrust-default]")
    desk.refuses(desk.sign(encrypts.name, encrypts), "[signer-certificate]")
    assert "verifies nothing" in desk.ring("trust", encrypts.name).text


def test_a_critical_extension_that_nobody_knows(desk, forge):
    """`trust` and `verify` agree if libcrypto refuses the certificate itself."""
    odd = forge("odd@x.example", basicConstraints="CA:FALSE", keyUsage=BOTH,
                **{"1.2.3.4": "critical,ASN1:NULL"})
    desk.keep(("contact", odd))
    desk.refuses(desk.sign(odd.name, odd), "[distrust-default]", "the signer's own certificate",
                 "unhandled critical extension")
    result = desk.ring("trust", odd.name)
    assert result.rc == REFUSED and "verifies nothing" in result.text, result


def test_a_program_may_look_there_first(desk, forge):
    """Stock `cms` and `smime` under the provider: by default libcrypto's own chain is used."""
    issuer = issuers_that_spoil(forge)["for TLS"]
    leaf = forge.leaf("spoiled@x.example", issuer)
    desk.keep(("contact", leaf))
    signed = desk.sign(leaf.name, leaf, certs=[issuer])
    for trust in "caller", "keyring":
        for place, passes in ("last", False), ("first", True):
            conf = write_conf(desk.directory / f"{trust}-{place}.cnf", {
                "keyring": desk.ring.path, "trust": trust, "own_anchors": place})
            for api in "cms", "smime":
                result = run(OPENSSL, api, "-verify", "-in", signed, "-out", desk.out, "-CAstore",
                             "smimepolicy:trust", "-partial_chain", conf=conf)
                assert (result.rc == 0) == passes, result
    # A certificate that is not stored as a person's gains nothing.
    minted = forge.leaf("minted-too@x.example", leaf)
    result = run(OPENSSL, "cms", "-verify", "-in", desk.sign(minted.name, minted), "-out", desk.out,
                 "-CAstore", "smimepolicy:trust", "-partial_chain", conf=conf)
    assert result.rc != 0, result


# Every fault, with its certificate.

def test_the_certificate_at_fault_is_named(desk, forge, root):
    web = forge("web-only", root, basicConstraints="critical,CA:TRUE", keyUsage=ISSUES,
                extendedKeyUsage="serverAuth", subjectAltName=None)
    narrow = forge("narrow", root, basicConstraints="critical,CA:TRUE", keyUsage=ISSUES,
                   nameConstraints="critical,permitted;email:elsewhere.example",
                   subjectAltName=None)
    desk.keep(("ca", root))
    for issuer, text in (web, "unsuitable certificate purpose"), (narrow, "permitted subtree"):
        leaf = forge.leaf(f"below-{issuer.name}@x.example", issuer)
        signed = desk.sign(leaf.name, leaf, certs=[issuer])
        result = desk.refuses(signed, "[distrust-default]", text)
        named = issuer.name if issuer is web else "the signer's own certificate"
        assert [line for line in result.err.splitlines() if text in line and named in line], result
        answer, _ = desk.told(signed)
        assert text in json.dumps(answer["verdicts"]) and not answer["signers"][0]["passed"]
        must(desk.ring.upload(leaf.pem, "--as", "contact"))
        assert desk.verify(signed).rc == DONE
        if issuer is web:
            must(desk.ring.upload(web.pem))
            assert "through no CA: CN=web-only: unsuitable" in desk.ring("trust", leaf.name).text


NOTES = [("ku_nr", "Non Repudiation alone"), ("no_ku", "no Key Usage"), ("weak_key", "[weak-key]"),
         ("sha1", "[weak-digest]"), ("any_too", "[eku-any]")]


@pytest.mark.parametrize("name, text", NOTES)
def test_notes_on_the_signer(name, text, pki, desk):
    """The notes of `check --for verify`."""
    signed = desk.sign(address_of(pki[name]), pki[name])
    checked = run(COMMAND, "check", "--for", "verify", pki[name].pem)
    assert text in checked.text, checked
    result = desk.verify(signed, "-CAfile", pki.ca)
    assert result.rc == DONE and text in result.err, result
    answer, _ = desk.told(signed, "-CAfile", pki.ca)
    assert any(text.strip("[]") in json.dumps(finding) for verdict in answer["verdicts"]
               for finding in verdict["findings"]), answer


def test_every_fault_at_once(pki, desk):
    """Another sender, a certificate that is not for mail, and no anchor."""
    signed = desk.sign("mallory@example.com", pki.eku_server)
    desk.refuses(signed, "[sender-match]", "(extended-key-usage) [signer-certificate]",
                 "[distrust-default]")
    answer, result = desk.told(signed)
    rules = {finding["rule"] for verdict in answer["verdicts"] for finding in verdict["findings"]
             if finding["severity"] == "deny"}
    assert rules == {"sender-match", "signer-certificate", "distrust-default"}, result
    # Under a stock name, with the setting that refuses senders.
    policy = desk.directory / "policy"
    policy.write_text("sender = refuse\n")
    result = run(COMMAND, "--policy", policy, "cms", "-verify", "-in", signed, "-out", desk.out,
                 "-CAfile", pki.ca)
    assert result.rc == REFUSED and not desk.out.exists(), result
    assert "[sender-match]" in result.err and "[signer-certificate]" in result.err, result


def test_of_several_signers_the_one_that_fails(pki, desk):
    good, bad = pki.good_rsa, pki.ku_ke
    signed = desk.sign(address_of(good), good, bad)
    result = desk.refuses(signed, "[signer-certificate]", options=("-CAfile", pki.ca))
    lines = result.err.splitlines()
    for cert, state in (good, "passed"), (bad, "refused"):
        assert [line for line in lines
                if "of 2" in line and address_of(cert) in line and state in line], result
    answer, _ = desk.told(signed, "-CAfile", pki.ca)
    passed = {signer["address"]: signer["passed"] for signer in answer["signers"]}
    assert passed == {address_of(good): True, address_of(bad): False}, answer
    # A signer for whom nobody vouches.
    signed = desk.sign(address_of(good), good, pki.foreign)
    desk.refuses(signed, "foreign@example.com: nobody provided", options=("-CAfile", pki.ca))
    answer, _ = desk.told(signed, "-CAfile", pki.ca)
    passed = {signer["address"]: signer["passed"] for signer in answer["signers"]}
    assert passed == {address_of(good): True, "foreign@example.com": False}, answer


def by_rules(kept, named, trust):
    """Does a signer pass whose own certificate or issuer is kept, and whose issuer is named?"""
    return kept != "nothing" or (named and trust == "caller")


@pytest.mark.parametrize("trust", ["caller", "keyring"])
@pytest.mark.parametrize("named", [False, True], ids=["", "-CAfile"])
def test_who_passed_is_who_is_vouched_for(named, trust, desk, forge, root, pki, tmp_path):
    """The exit code, the lines and the JSON say the same, whoever of two signers is known."""
    signers = {"own@x.example": (forge.leaf("own@x.example", root), root.pem),
               "good_rsa@example.com": (pki.good_rsa, pki.ca)}
    signed = desk.sign("own@x.example", *[cert for cert, _ in signers.values()])
    policy, roots = tmp_path / "policy", tmp_path / "roots"
    policy.write_text(f"trust = {trust}\n")
    roots.write_text(root.pem.read_text() + pki.ca.read_text())
    for kept in itertools.product(("nothing", "contact", "ca"), repeat=2):
        ring = tmp_path / "-".join(kept)
        files = {"contact": lambda cert, _: cert.pem, "ca": lambda _, issuer: issuer}
        make_keyring(ring, *[f"{role}:{files[role](*signer)}"
                             for role, signer in zip(kept, signers.values()) if role != "nothing"])
        expected = {address: by_rules(role, named, trust) for address, role in zip(signers, kept)}
        words = (COMMAND, "--policy", policy, "--keyring", ring, "verify", "--no-sender", "-in",
                 signed, "-out", desk.out, *(("-CAfile", roots) if named else ()))
        result = run(*words)
        assert result.rc == (DONE if all(expected.values()) else REFUSED), (kept, result)
        if result.rc != DONE:
            lines = [line for line in result.err.splitlines() if " of 2, " in line]
            assert {address: line.endswith(": passed") for address in expected for line in lines
                    if address in line} == expected, (kept, result)
            assert all(f"{address}: " in result.err for address, passed in expected.items()
                       if not passed), (kept, result)
        told = json.loads(run(*words, "--json").out)
        assert (told["exit"], told["done"]) == (result.rc, result.rc == DONE), (kept, told)
        assert {signer["address"]: signer["passed"] for signer in told["signers"]} == expected, told
        assert told["allowed"] == all(expected.values()), (kept, told)


@pytest.mark.parametrize("named", [False, True], ids=["", "-CAfile"])
def test_who_is_not_vouched_for_is_logged_once(named, desk, forge, root, tmp_path):
    """Observed or not: of the certificate that was not uploaded the provider knows, too."""
    signed = desk.sign("own@x.example", forge.leaf("own@x.example", root))
    policy, log = tmp_path / "policy", tmp_path / "log"
    for mode in ("enforce", "observe"):
        policy.write_text(f"trust = keyring\nmode = {mode}\ndecision_log = {log}\n")
        result = desk.ring("--policy", policy, "verify", "-in", signed, "-out", desk.out,
                           *(("-CAfile", root.pem) if named else ()))
        assert result.rc != DONE and not desk.out.exists(), result
        rules = [finding["rule"] for line in log.read_text().splitlines()
                 for finding in json.loads(line)["findings"]]
        assert rules.count("distrust-default") == 1, (mode, log.read_text())
        log.unlink()


def test_a_way_through_what_is_only_named(desk, forge, root, tmp_path):
    """With `trust = keyring` a named intermediate leads to a root that was uploaded."""
    between = forge("only named", root, basicConstraints="critical,CA:TRUE", keyUsage=ISSUES,
                    subjectAltName=None)
    leaf = forge.leaf("below@x.example", between)
    desk.keep(("ca", root))
    policy, named = tmp_path / "policy", tmp_path / "named"
    policy.write_text("trust = keyring\n")
    named.write_text(between.pem.read_text() + root.pem.read_text())
    words = ("--policy", policy, "verify", "-in", desk.sign("below@x.example", leaf), "-out", desk.out)
    must(desk.ring(*words, "-CAfile", named))
    result = desk.ring(*words)
    assert result.rc == REFUSED and "with trust = keyring nothing else vouches" in result.err, result
    assert "-CAfile" not in result.err, result


def test_of_several_signatures_the_one_that_does_not_fit(pki, desk):
    """One of the signatures is of another mail."""
    one = desk.sign(address_of(pki.good_rsa), pki.good_rsa, options=("-nodetach",))
    both = desk.directory / "both"
    must(stock("cms", "-resign", "-in", one, "-out", both, "-signer", pki.good_p256.pem, "-inkey",
               pki.good_p256.key, "-nodetach"))
    text = both.read_bytes()
    head, _, body = text.partition(b"\n\n")
    der = bytearray(must(run("openssl", "base64", "-d", stdin=body)).out)
    # The RSA signature is the longest octet string.
    at = der.index(b"\x04\x82\x01\x00")
    der[at + 100] ^= 1
    both.write_bytes(head + b"\n\n" + must(run("openssl", "base64", stdin=bytes(der))).out)
    result = desk.verify(both, "-CAfile", pki.ca, "--no-sender")
    assert result.rc == CRYPTO, result
    lines = result.err.splitlines()
    assert [line for line in lines if "good_rsa@" in line and "does not fit" in line], result
    assert [line for line in lines if "good_p256@" in line and "passed" in line], result
    answer, _ = desk.told(both, "-CAfile", pki.ca, "--no-sender")
    assert {signer["address"]: signer["fits"] for signer in answer["signers"]} == {
        "good_rsa@example.com": False, "good_p256@example.com": True}, answer


def test_an_expired_issuer_of_the_keyring(desk, forge):
    """The expired issuer was never in -certfile."""
    old = forge("old", days="past", basicConstraints="critical,CA:TRUE", keyUsage=ISSUES,
                subjectAltName=None)
    leaf = forge.leaf("of-old@x.example", old)
    desk.keep(("ca", old), ("identity", leaf))
    mail = desk.directory / "plain"
    mail.write_text("hello\n")
    result = desk.ring("sign", "--from", leaf.name, "-in", mail, "-out", desk.out)
    assert result.rc == REFUSED and not desk.out.exists(), result
    assert "[expired]" in result.err and "-certfile" not in result.err, result
    assert "upload" in result.err, result


# Looking up.

def test_a_given_sender_is_looked_up(desk, forge, root):
    """The mail has neither a certificate nor a From field."""
    leaf = forge.leaf("leaf@x.example", root)
    desk.keep(("contact", leaf))
    signed = desk.sign(None, leaf, options=("-nocerts",))
    assert desk.verify(signed, "--sender", leaf.name).rc == DONE
    result = desk.verify(signed, "--sender", "other@x.example")
    assert result.rc != DONE, result
    # One signer is in -certfile, the other in the keyring.
    other = forge.leaf("second@x.example", root)
    must(desk.ring.upload(root.pem))
    signed = desk.sign(leaf.name, leaf, other, options=("-nocerts",))
    assert desk.verify(signed, "-certfile", other.pem).rc == DONE


@pytest.fixture(scope="module")
def renewed(forge, root):
    """The certificate of an identity, and one that the CA made later with the same key."""
    old = forge.leaf("renewed@x.example", root, RSA)
    new = forge.directory / "renewed-new.pem"
    request = forge.directory / "renewed.csr"
    must(run("openssl", "req", "-new", "-key", old.key, "-subj", "/CN=renewed", "-out", request,
             conf="/dev/null"))
    ext = forge.directory / "renewed.ext"
    ext.write_text(f"keyUsage={BOTH}\nsubjectKeyIdentifier=hash\nsubjectAltName=email:{old.name}\n")
    must(run("openssl", "x509", "-req", "-in", request, "-CA", root.pem, "-CAkey", root.key,
             "-days", "99", "-extfile", ext, "-out", new, conf="/dev/null"))
    return old, new


@pytest.mark.parametrize("options", [[], ["-keyid"], ["-keyopt", "rsa_padding_mode:oaep"]])
def test_a_message_to_a_renewed_certificate(options, desk, forge, root, renewed):
    """The key is the same, and decrypts it."""
    old, new = renewed
    other = forge.leaf("another@x.example", root, RSA)
    desk.keep(("identity", other), ("identity", old))
    mail, secret = desk.directory / "plain", desk.directory / "encrypted"
    mail.write_text("hello\n")
    must(stock("cms", "-encrypt", "-in", mail, "-out", secret, "-aes256", "-recip", new, *options))
    result = desk.ring("decrypt", "-in", secret, "-out", desk.out)
    assert result.rc == DONE and desk.out.read_text().split() == ["hello"], result
    # The message names nobody who is stored.
    desk.out.unlink()
    must(stock("cms", "-encrypt", "-in", mail, "-out", secret, "-aes256", root.pem))
    result = desk.ring("decrypt", "-in", secret, "-out", desk.out)
    assert result.rc == CRYPTO and "to none of the identities" in result.err, result
    assert not desk.out.exists()


# Which certificate was chosen.

def test_a_choice_is_told_where_it_changed_or_when_asked(desk, forge, root):
    """Two certificates of one address: the choice is not reported each time."""
    for days in "100", "300":
        cert = forge(f"twice-{days}", root, days=days, basicConstraints="CA:FALSE", keyUsage=BOTH,
                     extendedKeyUsage="emailProtection", subjectAltName="email:twice@x.example")
        must(desk.ring.upload(cert.pem))
    mail = desk.directory / "plain"
    mail.write_text("hello\n")

    def encrypt(*options, then=None):
        words = ("encrypt", "--to", "twice@x.example", "-in", mail, "-out", desk.out, *options)
        at = ("faketime", then) if then else ()
        # The environment with another clock does not reach stock.
        clock = desk.directory / "clock"
        clock.write_text(f"#!/bin/sh\nexec {' '.join(at[:1])} {repr(then) if then else ''} {OPENSSL} \"$@\"\n")
        clock.chmod(0o755)
        return must(run(*at, COMMAND, "--keyring", desk.ring.path, *words,
                        env={"SMIME_POLICY_OPENSSL": clock})).err

    assert "of 2 certificates" not in encrypt()
    assert "of 2 certificates" in encrypt("-v") and "of 2 certificates" in encrypt("--verbose")
    # The new certificate is chosen: reported after a week, not after a month.
    newest = forge("twice-900", root, days="900", basicConstraints="CA:FALSE", keyUsage=BOTH,
                   extendedKeyUsage="emailProtection", subjectAltName="email:twice@x.example")
    must(run("faketime", "20 days", COMMAND, "--keyring", desk.ring.path, "upload", newest.pem))
    assert "of 3 certificates CN=twice-900" in encrypt(then="21 days")
    assert "of 3 certificates" not in encrypt(then="29 days")


# Algorithms that few use: the command starts without what it seldom needs.

@pytest.mark.parametrize("where", ["ca", "file", "file with its key"])
def test_an_issuer_may_have_any_key(where, desk, forge, tmp_path):
    """Of the kinds that the rules refuse to mail, too: it signs no mail."""
    issuer = forge("ed25519", newkey=("-newkey", "ed25519", "-noenc"), basicConstraints="critical,CA:TRUE",
                   keyUsage=ISSUES, subjectAltName=None)
    leaf = forge.leaf("ed25519@x.example", issuer)
    desk.keep(*([("ca", issuer)] if where == "ca" else []))
    bundle = tmp_path / "bundle"
    bundle.write_text((issuer.key.read_text() if "key" in where else "") + issuer.pem.read_text())
    result = desk.verify(desk.sign(leaf.name, leaf), *(("-CAfile", bundle) if where != "ca" else ()))
    assert result.rc == DONE and ", through CN=ed25519" in result.err, result


@pytest.mark.parametrize("digest, name", [("md5", "MD5"), ("sha1", "SHA1"), ("ripemd160", None),
                                          ("sha3-256", None), ("sha512-256", None)])
def test_digests_are_named(digest, name, desk, forge, root):
    """Of a message, in a refusal; and those that nothing refuses are known."""
    leaf = forge.leaf("rsa@x.example", root, RSA)
    desk.keep(("ca", root))
    (desk.directory / "policy.cnf").write_text("weak_digest = deny\n")
    signed = desk.sign(leaf.name, leaf, options=("-md", digest))
    result = desk.verify(signed, words=("--policy", desk.directory / "policy.cnf", "verify"))
    if name is None:
        assert result.rc == DONE and "verified: rsa@x.example" in result.err, result
    else:
        assert result.rc == REFUSED and f"message is signed with {name} [weak-digest]" in result.err, result


def test_what_cannot_be_read_has_a_reason(desk):
    """libcrypto's, in its words."""
    broken = desk.directory / "broken"
    broken.write_bytes(b"\x30\x03\x02\x01")
    result = desk.verify(broken, "-inform", "DER")
    assert result.rc == INPUT and "the message cannot be read as DER (" in result.err, result
