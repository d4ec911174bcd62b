# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
"""sign, encrypt, verify and decrypt with the keyring."""

import json

import pytest

from harness import COMMAND, must, run, stock
from test_keyring_upload import Ring

MAIL = (b"From: %s\r\nTo: %s\r\nSubject: the contract\r\nMIME-Version: 1.0\r\n"
        b"Content-Type: text/plain; charset=utf-8\r\n\r\nGr\xc3\xbc\xc3\x9fe,\r\n\r\nAlice\r\n")
TEXT = b"Gr\xc3\xbc\xc3\x9fe,\r\n\r\nAlice\r\n"


class Box(Ring):
    """A keyring with files beside it."""

    def __init__(self, directory, pki):
        super().__init__(directory)
        self.directory = directory
        self.pki = pki

    def file(self, name):
        return self.directory / name

    def give(self, *contacts, identities=(), cas=()):
        for name in identities:
            must(self.upload(self.pki[name].pem, self.pki[name].key, "--no-passphrase"))
        for name in (*contacts, *cas):
            must(self.upload(self.pki[name].pem))
        return self

    def mail(self, sender="good_rsa@example.com", to="good_p256@example.com", name="mail.eml"):
        path = self.file(name)
        path.write_bytes(MAIL % (sender.encode(), to.encode()))
        return path


@pytest.fixture
def box(tmp_path, pki):
    return Box(tmp_path, pki)


def stopped(result, out, *rules, rc=3):
    """Check a refusal: its exit code, its rules, and that no output is left."""
    assert result.rc == rc, result
    for rule in rules:
        assert f"[{rule}]" in result.err, result
    assert not out.exists() and result.out == b"", result
    return result


def recipients(message, *, form="SMIME"):
    """The serial numbers of a message's recipients, as stock finds them."""
    shown = must(stock("cms", "-cmsout", "-print", "-noout", "-inform", form, "-in", message)).text
    return {line.split(":", 1)[1].strip() for line in shown.splitlines()
            if "serialNumber:" in line}


def serial(cert):
    number = must(stock("x509", "-in", cert.pem, "-noout", "-serial")).text.strip().split("=")[1]
    return "0x" + number


# Signing.

def test_sign_from(box, pki):
    box.give(identities=["good_rsa"])
    out = box.file("signed.eml")
    must(box("sign", "--from", "good_rsa@example.com", "-in", box.mail(), "-out", out))
    must(stock("cms", "-verify", "-in", out, "-CAfile", pki.ca, "-out", box.file("text")))
    assert box.file("text").read_bytes().endswith(TEXT)


@pytest.mark.parametrize("address", ["GOOD_RSA@Example.COM", "Alice <good_rsa@example.com>",
                                     '"good_rsa"@example.com'])
def test_addresses_are_compared_as_the_rules_compare_them(box, address):
    box.give(identities=["good_rsa"])
    must(box("sign", "--from", address, "-in", box.mail(), "-out", box.file("out")))


def test_sign_asks_for_the_passphrase_where_stock_does(box, pki):
    secret = box.file("secret")
    secret.write_text("secret\n")
    must(box.upload(pki.good_rsa.pem, pki.good_rsa.key, "--passout", f"file:{secret}"))
    out = box.file("out")
    must(box("sign", "--from", "good_rsa@example.com", "-in", box.mail(), "-out", out, "-passin",
             f"file:{secret}"))
    wrong = box.file("wrong")
    wrong.write_text("wrong\n")
    out.unlink()
    result = stopped(box("sign", "--from", "good_rsa@example.com", "-in", box.mail(), "-out", out,
                         "-passin", f"file:{wrong}"), out, rc=2)
    assert "passphrase" in result.err


@pytest.mark.parametrize("name, rule", [("expired", "expired"), ("future", "not-yet-valid"),
                                        ("ku_ke", "usage-sign")])
def test_an_identity_that_may_not_sign(box, pki, name, rule):
    box.give(identities=[name])
    out = box.file("out")
    stopped(box("sign", "--from", pki[name].recipe.address, "-in", box.mail(), "-out", out), out,
            rule)


def test_a_contact_does_not_sign(box):
    box.give("good_rsa")
    out = box.file("out")
    result = stopped(box("sign", "--from", "good_rsa@example.com", "-in", box.mail(), "-out", out),
                     out, "certificate-required")
    assert "no certificate with a private key of this address" in result.err


def test_without_a_keyring_nobody_is_known(box):
    out = box.file("out")
    stopped(box("sign", "--from", "good_rsa@example.com", "-in", box.mail(), "-out", out), out,
            "certificate-required")
    assert not box.path.exists()


def test_intermediates_are_sent_along_and_the_root_is_not(box, pki):
    box.give(identities=["good_chain"], cas=["intermediate", "root"])
    out = box.file("out")
    must(box("sign", "--from", "good_chain@example.com", "-in", box.mail(), "-out", out))
    must(stock("cms", "-verify", "-in", out, "-CAfile", pki.ca, "-out", "/dev/null"))
    certs = must(stock("cms", "-cmsout", "-print", "-noout", "-in", out)).text
    assert certs.count("subject: ") == 2 and "subject: CN=root" not in certs


def test_an_issuer_that_has_expired_stops_the_signature(box, pki):
    box.give(identities=["old_chain"], cas=["old_intermediate", "root"])
    out = box.file("out")
    result = stopped(box("sign", "--from", "old_chain@example.com", "-in", box.mail(), "-out",
                         out), out, "expired")
    assert "CN=old_intermediate" in result.err


# Choosing.

def test_an_expired_certificate_never_hides_a_valid_one(box, pki):
    box.give(identities=["renewed_old", "renewed_new"])
    out = box.file("out")
    words = ("sign", "--from", "renewed@example.com", "-in", box.mail(), "-out", out)
    assert "certificates" not in must(box(*words)).err
    result = must(box(*words, "-v"))
    assert "of 2 certificates" in result.err and "CN=renewed_new" in result.err
    assert "not" in result.err and "certificate expired on 2021-01-01T00:00:00Z [expired]" in \
        result.err
    must(stock("cms", "-verify", "-in", out, "-CAfile", pki.ca, "-out", "/dev/null"))


def test_sign_only_and_encrypt_only_are_told_apart(box, pki):
    box.give(identities=["split_sign", "split_encrypt"])
    signed, sealed = box.file("signed"), box.file("sealed")
    mail = box.mail()
    must(box("sign", "--from", "split@example.com", "-in", mail, "-out", signed))
    must(stock("cms", "-verify", "-in", signed, "-CAfile", pki.ca, "-signer", box.file("signer"),
               "-out", "/dev/null"))
    assert "CN=split_sign" in must(stock("x509", "-in", box.file("signer"), "-noout", "-subject",
                                         "-nameopt", "RFC2253")).text
    must(box("encrypt", "--to", "split@example.com", "-in", mail, "-out", sealed))
    assert recipients(sealed) == {serial(pki.split_encrypt)}
    must(box("decrypt", "-in", sealed, "-out", box.file("opened")))
    assert box.file("opened").read_bytes() == mail.read_bytes()


def test_the_choice_is_explained(box):
    box.give(identities=["renewed_old", "renewed_new"])
    result = must(box("sign", "--explain", "--json", "--from", "renewed@example.com", "-in",
                      box.mail()))
    report = json.loads(result.out)
    (choice,) = report["choices"]
    assert (choice["address"], choice["use"]) == ("renewed@example.com", "sign")
    by_name = {row["subject"].rsplit("CN=")[-1]: row for row in choice["candidates"]}
    assert by_name["renewed_new"]["chosen"] and by_name["renewed_new"]["usable"]
    assert not by_name["renewed_old"]["usable"]
    assert by_name["renewed_old"]["reason"].endswith("[expired]")
    assert f"smimepolicy:cert/{by_name['renewed_new']['fingerprint']}" in report["would_run"]


# Encrypting.

def test_encrypt_to_many(box, pki):
    box.give("good_rsa", "good_p256", identities=["good_p384"])
    out = box.file("out")
    must(box("encrypt", "--to", "good_rsa@example.com, good_p256@example.com", "--cc",
             "good_p384@example.com", "-in", box.mail(), "-out", out))
    assert recipients(out) == {serial(pki[name]) for name in
                               ("good_rsa", "good_p256", "good_p384")}
    must(stock("cms", "-decrypt", "-in", out, "-recip", pki.good_rsa.pem, "-inkey",
               pki.good_rsa.key, "-out", box.file("text")))
    assert box.file("text").read_bytes() == box.mail().read_bytes()


def test_every_missing_recipient_is_named_and_nothing_sent(box):
    box.give("good_rsa", "expired", "ku_ds")
    out = box.file("out")
    result = stopped(box("encrypt", "--to", "good_rsa@example.com", "--to", "a@example.net",
                         "--cc", "b@example.net,expired@example.com,ku_ds@example.com", "-in",
                         box.mail(), "-out", out), out,
                     "certificate-required", "expired", "usage-encrypt")
    for address in ("a@example.net", "b@example.net", "expired@example.com", "ku_ds@example.com"):
        assert f"encrypt: {address}: " in result.err
    assert "refused: encrypt: good_rsa@example.com" not in result.err


def test_files_and_addresses_together(box, pki):
    box.give("good_rsa")
    out = box.file("out")
    must(box("encrypt", "--to", "good_rsa@example.com", "-in", box.mail(), "-out", out,
             pki.good_p256.pem))
    assert recipients(out) == {serial(pki.good_rsa), serial(pki.good_p256)}


def test_to_self(box, pki):
    box.give("good_p256", identities=["good_rsa"])
    out = box.file("out")
    must(box("encrypt", "--to", "good_p256@example.com", "--to-self", "--from",
             "good_rsa@example.com", "-in", box.mail(), "-out", out))
    assert recipients(out) == {serial(pki.good_rsa), serial(pki.good_p256)}
    must(box("decrypt", "-in", out, "-out", box.file("text")))
    assert box.file("text").read_bytes() == box.mail().read_bytes()


def test_a_recipient_twice_is_one(box, pki):
    box.give("good_rsa")
    out = box.file("out")
    must(box("encrypt", "--to", "good_rsa@example.com", "--to", "GOOD_RSA@example.com", "-in",
             box.mail(), "-out", out))
    assert must(stock("cms", "-cmsout", "-print", "-noout", "-in", out)).text.count(
        "serialNumber:") == 1


# Header fields.

def fields(path):
    return path.read_bytes().replace(b"\r\n", b"\n").partition(b"\n\n")[0].decode()


def test_headers_sign_and_encrypt_a_mail_as_a_mail(box, pki):
    box.give("good_p256", "good_p384", identities=["good_rsa"], cas=["root"])
    mail = box.mail(to="Bob <good_p256@example.com>\r\nCc: good_p384@example.com")
    signed, sealed = box.file("signed"), box.file("sealed")
    must(box("sign", "--headers", "-in", mail, "-out", signed))
    header = fields(signed)
    assert header.startswith("From: good_rsa@example.com\nTo: Bob <good_p256@example.com>\n"
                             "Cc: good_p384@example.com\nSubject: the contract\nMIME-Version: 1.0")
    assert header.count("MIME-Version") == 1 and "text/plain" not in header
    assert box("verify", "-in", signed, "-out", box.file("text")).rc == 0
    assert box.file("text").read_bytes() == (b"Content-Type: text/plain; charset=utf-8\r\n\r\n"
                                             + TEXT)
    must(box("encrypt", "--headers", "--to-self", "-in", signed, "-out", sealed))
    assert recipients(sealed) == {serial(pki[name]) for name in
                                  ("good_rsa", "good_p256", "good_p384")}
    assert "Subject: the contract" in fields(sealed)
    must(box("decrypt", "-in", sealed, "-out", box.file("opened")))
    assert b"multipart/signed" in box.file("opened").read_bytes()


@pytest.mark.parametrize("option", ["-from", "-to", "-subject"])
@pytest.mark.parametrize("verb", ["sign", "encrypt"])
def test_headers_and_a_field_of_ones_own(verb, option, box):
    """`verify` refuses two From fields: either the mail's own field or the given one is used."""
    out = box.file("out")
    result = stopped(box(verb, "--headers", option, "x@example.org", "-in", box.mail(), "-out", out),
                     out, rc=1)
    assert f"leave {option} out" in result.err, result


def test_the_message_among_the_recipients(box):
    out = box.file("out")
    result = stopped(box("encrypt", "--to", "good_rsa@example.com", "-out", out, box.mail(),
                         stdin=box.mail().read_bytes()), out, rc=2)
    assert "-in names the message" in result.err, result


def test_headers_through_a_pipe(box):
    box.give("good_p256", identities=["good_rsa"])
    signed = must(box("sign", "--headers", stdin=box.mail().read_bytes())).out
    sealed = must(box("encrypt", "--headers", stdin=signed)).out
    assert sealed.startswith(b"From: good_rsa@example.com\n")


@pytest.mark.parametrize("fault, header", [
    ("does not say clearly who sends it", b"To: good_p256@example.com\r\n\r\ntext"),
    ("does not say clearly who sends it", b"From: a@example.com, b@example.com\r\n\r\ntext"),
    ("does not say clearly who sends it",
     b"From: good_rsa@example.com\r\nFrom: b@example.com\r\n\r\ntext")])
def test_an_unclear_sender(box, fault, header):
    box.give(identities=["good_rsa"])
    mail, out = box.file("mail.eml"), box.file("out")
    mail.write_bytes(header)
    result = stopped(box("sign", "--headers", "-in", mail, "-out", out), out, rc=2)
    assert fault in result.err


@pytest.mark.parametrize("field, fault", [
    (b"To: good_p256@example.com\r\nBcc: good_rsa@example.com", "Bcc"),
    (b"To: good_p256@example.com, no address", "no address that can be read"),
    (b"To: a: b: good_p256@example.com;;", "holds a group"),
    (b"To: " + b"(" * 80000 + b" good_p256@example.com", "more than 10 deep"),
    (b"To: good_p256@example.com\r\n\xef\xbb\xbfCc: good_rsa@example.com",
     "neither is a field")])
def test_unclear_recipients(box, field, fault):
    box.give("good_p256", "good_rsa")
    mail, out = box.file("mail.eml"), box.file("out")
    mail.write_bytes(b"From: good_rsa@example.com\r\n" + field + b"\r\n\r\ntext")
    result = stopped(box("encrypt", "--headers", "-in", mail, "-out", out), out, rc=2)
    assert fault in result.err


@pytest.mark.parametrize("verb", ["sign", "encrypt"])
@pytest.mark.parametrize("field, fault", [
    (b"X: a\rTo: good_rsa@example.com", "carriage return"),
    (b"X: a\0b", "holds a NUL"),
    (b"X: a\r\njunk", "neither is a field"),
    (b"X: " + b"x" * (1 << 20), "longer than 1 MB")])
def test_a_header_that_cannot_be_read(box, verb, field, fault):
    box.give("good_p256", identities=["good_rsa"])
    mail, out = box.file("mail.eml"), box.file("out")
    mail.write_bytes(b"From: good_rsa@example.com\r\nTo: good_p256@example.com\r\n" + field +
                     b"\r\n\r\ntext")
    result = stopped(box(verb, "--headers", "-in", mail, "-out", out), out, rc=2)
    assert "the header of the mail" in result.err and fault in result.err


def test_groups_of_recipients(box, pki):
    box.give("good_p256", "good_p384")
    mail = box.mail(to="friends: good_p256@example.com, good_p384@example.com;, nobody:;")
    must(box("encrypt", "--headers", "-in", mail, "-out", box.file("sealed")))
    assert recipients(box.file("sealed")) == {serial(pki[name]) for name in
                                              ("good_p256", "good_p384")}


def test_no_recipient_at_all(box):
    box.give("good_p256")
    mail, out = box.file("mail.eml"), box.file("out")
    mail.write_bytes(b"From: good_rsa@example.com\r\n\r\ntext")
    stopped(box("encrypt", "--headers", "-in", mail, "-out", out), out, "certificate-required")


@pytest.mark.parametrize("args, fault", [
    (["sign", "--to", "a@example.com"], "for encrypt"),
    (["sign", "--to-self"], "for encrypt"),
    (["encrypt", "--from", "a@example.com"], "--to-self"),
    (["encrypt", "--to-self", "--to", "a@example.com"], "needs to know the sender"),
    (["sign", "--from", "nonsense"], "not an address"),
    (["encrypt", "--to", "a@example.com, nonsense"], "not an address")])
def test_usage(box, args, fault):
    result = box(*args, "-in", box.mail(), "-out", box.file("out"))
    assert result.rc == 1 and fault in result.err, result
    assert not box.file("out").exists()


def test_one_dash_is_still_stock(box, pki):
    """`-from` and `-to` write header fields, as in `openssl cms`."""
    out = box.file("out")
    must(box("sign", "-signer", pki.good_rsa.pem, "-inkey", pki.good_rsa.key, "-from",
             "x@example.com", "-to", "y@example.com", "-in", box.mail(), "-out", out))
    assert fields(out).startswith("To: y@example.com\nFrom: x@example.com\n")


# Decrypting.

@pytest.mark.parametrize("name", ["good_rsa", "good_p256", "expired", "no_eku"])
def test_decrypt_finds_the_key(box, pki, post, name):
    box.give(identities=["good_p384", name, "good_p521"])
    out = box.file("out")
    result = must(box("decrypt", "-in", post.encrypted(name), "-out", out))
    assert out.read_bytes() == post.mail.read_bytes()
    assert ("[decrypt-expired]" in result.err) == (name == "expired")


def test_decrypt_by_key_identifier(box, pki, mail):
    box.give(identities=["good_p384", "good_rsa"])
    sealed, out = box.file("sealed"), box.file("out")
    must(stock("cms", "-encrypt", "-keyid", "-aes256", "-in", mail, "-out", sealed,
               pki.good_rsa.pem))
    must(box("decrypt", "-in", sealed, "-out", out))
    assert out.read_bytes() == mail.read_bytes()


@pytest.mark.parametrize("form", ["DER", "PEM"])
def test_decrypt_other_forms(box, pki, mail, form):
    box.give(identities=["good_rsa"])
    sealed, out = box.file("sealed"), box.file("out")
    must(stock("cms", "-encrypt", "-outform", form, "-binary", "-aes256", "-in", mail, "-out",
               sealed, pki.good_rsa.pem))
    must(box("decrypt", "-inform", form, "-in", sealed, "-out", out))
    assert out.read_bytes() == mail.read_bytes()


def test_decrypt_from_a_pipe(box, post):
    box.give(identities=["good_rsa"])
    result = must(box("decrypt", stdin=post.encrypted("good_rsa").read_bytes()))
    assert result.out == post.mail.read_bytes()


def test_decrypt_for_somebody_else(box, post):
    box.give("good_rsa", identities=["good_p256"])
    out = box.file("out")
    result = stopped(box("decrypt", "-in", post.encrypted("good_rsa"), "-out", out), out, rc=4)
    assert "to none of the identities in the keyring" in result.err


def test_decrypt_with_a_key_that_stays_in_its_file(box, pki, post):
    must(box.upload(pki.good_rsa.pem, "--key-uri", f"file:{pki.good_rsa.key}"))
    must(box("decrypt", "-in", post.encrypted("good_rsa"), "-out", box.file("out")))
    assert box.file("out").read_bytes() == post.mail.read_bytes()


@pytest.mark.parametrize("content", [b"", b"no message\n", b"MIME-Version: 1.0\n\n!!"])
def test_decrypt_what_is_no_message(box, content):
    box.give(identities=["good_rsa"])
    mail, out = box.file("mail"), box.file("out")
    mail.write_bytes(content)
    stopped(box("decrypt", "-in", mail, "-out", out), out, rc=2)


# Verifying.

def verified(box, message, *args, rc=0):
    out = box.file("content")
    out.unlink(missing_ok=True)
    result = box("verify", "-in", message, "-out", out, *args)
    assert result.rc == rc, result
    assert out.exists() == (rc == 0)
    return result


def test_verify_by_a_ca_of_the_keyring(box, post):
    verified(box.give(cas=["root"]), post.signed("good_rsa"))


def test_verify_by_an_intermediate_alone(box, post):
    verified(box.give(cas=["intermediate"]), post.signed("good_chain"))


def test_verify_by_the_contact_itself(box, post):
    verified(box.give("good_rsa"), post.signed("good_rsa"))


def test_verify_by_ones_own_identity(box, post):
    verified(box.give(identities=["self_leaf"]), post.signed("self_leaf"))


@pytest.mark.parametrize("kept", [[], ["good_p256"], ["foreign_root"], ["intermediate"]])
def test_a_stranger_is_distrusted(box, post, kept):
    box.give("good_p384", *kept)
    result = verified(box, post.signed("good_rsa"), rc=3)
    assert "[distrust-default]" in result.err and "upload the certificate" in result.err


def test_the_command_line_adds_and_the_keyring_stays(box, pki, post):
    box.give(cas=["foreign_root"])
    verified(box, post.signed("foreign"), "-CAfile", pki.ca)
    verified(box, post.signed("good_rsa"), "-CAfile", pki.ca)
    verified(box, post.signed("good_rsa"), "-CAstore", pki.ca)
    verified(box, post.signed("good_rsa"), rc=3)


def test_a_contact_vouches_for_nobody_else(box, pki, post):
    box.give("person_ca")
    verified(box, post.signed("person_ca"))
    result = verified(box, post.signed("minted"), rc=3)
    assert "[distrust-default]" in result.err
    must(box.upload("--as", "ca", pki.person_ca.pem))
    verified(box, post.signed("minted"))


def test_the_system_creates_no_trust_beside_the_keyring(box, pki, post):
    box.give("good_p384")
    box.env = {"SSL_CERT_FILE": pki.ca, "SSL_CERT_DIR": pki.directory}
    assert "[distrust-default]" in verified(box, post.signed("good_rsa"), rc=3).err


def test_a_missing_chain_is_completed(box, pki, mail):
    box.give(cas=["intermediate", "root"])
    signed = box.file("signed")
    must(stock("cms", "-sign", "-signer", pki.good_chain.pem, "-inkey", pki.good_chain.key, "-in",
               mail, "-out", signed))
    verified(box, signed)


def test_a_missing_signer_certificate_is_completed(box, pki, mail):
    signed = box.file("signed")
    must(stock("cms", "-sign", "-nocerts", "-signer", pki.good_rsa.pem, "-inkey",
               pki.good_rsa.key, "-from", "good_rsa@example.com", "-in", mail, "-out", signed))
    box.give("good_p256")
    verified(box, signed, rc=4)
    box.give("good_rsa")
    verified(box, signed)


def test_what_is_rejected_for_mail_does_not_vouch(box, pki, post):
    path = box.file("trusted.pem")
    must(stock("x509", "-in", pki.root.pem, "-trustout", "-addreject", "emailProtection", "-out",
               path))
    must(box.upload(path))
    result = verified(box, post.signed("good_rsa"), rc=3)
    assert "[distrust-default]" in result.err and "the issuing certificate" in result.err, result
    assert "certificate rejected" in result.err, result


def test_the_sender_is_compared_all_the_same(box, post):
    box.give(cas=["root"])
    verified(box, post.sent("good_rsa", "good_rsa@example.com"))
    result = verified(box, post.sent("good_rsa", "eve@example.com"), rc=3)
    assert "[sender-match]" in result.err


def test_mail_signed_before_expiry_verifies_by_the_keyring(box, post):
    box.give(cas=["root"])
    result = verified(box, post.signed_then("guide", "2024-01-01 12:00:00"))
    assert "[signer-validity]" in result.err


def test_trust_keyring_holds_for_the_command_line_too(box, pki, post):
    """With `trust = keyring`, anchors that are only named do not count."""
    box.give("good_p256")
    policy = box.file("policy.cnf")
    policy.write_text(f"trust = keyring\nkeyring = {box.path}\n")
    ours = (COMMAND, "--policy", policy)
    out = box.file("out")
    stopped(run(*ours, "verify", "-in", post.signed("good_rsa"), "-CAfile", pki.ca, "-out", out),
            out, "distrust-default")
    must(run(*ours, "verify", "-in", post.signed("good_p256"), "-out", out))
    must(box.upload(pki.root.pem))
    must(run(*ours, "verify", "-in", post.signed("good_rsa"), "-out", out))


def test_a_named_issuer_ends_no_chain_of_the_keyring(box, pki, post):
    """With `trust = keyring` the chain goes on past an intermediate that -CAfile names, to the root."""
    box.give(cas=["root"])
    policy, out = box.file("policy.cnf"), box.file("out")
    policy.write_text(f"trust = keyring\nkeyring = {box.path}\n")
    must(run(COMMAND, "--policy", policy, "verify", "-in", post.signed("good_chain"), "-CAfile",
             pki.intermediate, "-out", out))


def test_stock_names_know_the_keyring(box, pki, post):
    box.give(cas=["root"])
    out = box.file("out")
    for api in ("cms", "smime"):
        must(box(api, "-verify", "-in", post.signed("good_rsa"), "-out", out))
        assert out.read_bytes()
        out.unlink()
        result = box(api, "-verify", "-in", post.signed("foreign"), "-out", out)
        assert result.rc != 0 and not out.exists(), result


def test_uris_under_the_stock_names(box):
    box.give("good_rsa")
    out = box.file("out")
    must(box("cms", "-encrypt", "-aes256", "-in", box.mail(), "-out", out,
             "smimepolicy:contact/good_rsa@example.com"))
    assert out.exists()


# The keyring in trouble.

@pytest.mark.parametrize("verb", [["sign", "--from", "good_rsa@example.com"],
                                  ["encrypt", "--to", "good_rsa@example.com"],
                                  ["decrypt"], ["verify"]])
def test_a_damaged_keyring_stops_everything(box, post, verb):
    box.give(identities=["good_rsa"])
    database = box.path / "certificates.db"
    database.write_bytes(b"no database " * 1000)
    out = box.file("out")
    message = post.encrypted("good_rsa") if verb == ["decrypt"] else post.signed("good_rsa")
    result = stopped(box(*verb, "-in", message, "-out", out), out, rc=5)
    assert str(box.path) in result.err and "keyring check" in result.err
