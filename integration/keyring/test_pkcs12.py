# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
"""
PKCS#12 as `upload` and `check` read it: every bag of every content, and words of its own for what
cannot be read.  What programs really write is in interoperability.py; these are written byte by byte.
"""

import hashlib
import hmac
import json
import re

import pytest

import der
from der import integer, oid, tlv
from harness import COMMAND, must, run, stock

INPUT, REFUSED, DONE = 2, 3, 0
SECRET, OTHER = "correct horse", "battery staple"
BAG = "1.2.840.113549.1.12.10.1."
PBES2 = "1.2.840.113549.1.5.13"
AES = tlv(der.SEQUENCE, oid("2.16.840.1.101.3.4.1.42"), tlv(der.OCTETS, bytes(16)))
NOWHERE = "1.3.6.1.4.1.99999.1"
WRONG = "the passphrase is wrong"
# Messages of libcrypto for programmers.
RAW = re.compile(r"asn1|nested|error:|routines|decode|unsupported|header too long|malloc|system lib", re.I)


# --- writing one


def children(element):
    """The elements inside of an element."""
    return der.elements(der.split(element)[1])


def info(kind, *content):
    return tlv(der.SEQUENCE, oid(kind), tlv(0xa0, *content))


def bag(number, *value):
    return tlv(der.SEQUENCE, oid(BAG + str(number)), tlv(0xa0, *value))


def cert_bag(data):
    return bag(3, tlv(der.SEQUENCE, oid("1.2.840.113549.1.9.22.1"), tlv(0xa0, tlv(der.OCTETS, data))))


SECRET_BAG = bag(5, tlv(der.SEQUENCE, oid(NOWHERE), tlv(0xa0, tlv(der.OCTETS, b"secret"))))


def open_content(*bags):
    return info(der.DATA, tlv(der.OCTETS, tlv(der.SEQUENCE, *bags)))


def closed_content(algorithm, octets=bytes(64)):
    return info("1.2.840.113549.1.7.6", tlv(der.SEQUENCE, integer(0), tlv(
        der.SEQUENCE, oid(der.DATA), algorithm, tlv(0x80, octets))))


def pbes2(kdf, cipher=AES):
    return tlv(der.SEQUENCE, oid(PBES2), tlv(der.SEQUENCE, kdf, cipher))


def pbkdf2(*more):
    return tlv(der.SEQUENCE, oid("1.2.840.113549.1.5.12"),
               tlv(der.SEQUENCE, tlv(der.OCTETS, b"saltsalt"), integer(1), *more))


def derive(password, salt):
    """RFC 7292, B.2, with SHA-1, for a MAC, of one iteration."""
    def filled(data):
        return (data * 64)[:(len(data) + 63) // 64 * 64]
    wide = password.encode("utf-16-be") + b"\0\0"
    return hashlib.sha1(b"\x03" * 64 + filled(salt) + filled(wide)).digest()


def pfx(*contents, mac=None, digest="1.3.14.3.2.26"):
    """A PKCS#12 of |contents|, with a MAC under the passphrase |mac|."""
    safe = tlv(der.SEQUENCE, *contents)
    salt = b"saltsalt"
    data = b""
    if mac is not None:
        value = hmac.new(derive(mac, salt), safe, "sha1").digest()
        data = tlv(der.SEQUENCE, tlv(der.SEQUENCE, der.algorithm(digest), tlv(der.OCTETS, value)),
                   tlv(der.OCTETS, salt))
    return tlv(der.SEQUENCE, integer(3), info(der.DATA, tlv(der.OCTETS, safe)), data)


class Files:
    """Certificates and keys in DER, and the files that tests make of them."""

    def __init__(self, pki, directory):
        self.pki, self.directory = pki, directory
        self.secret = directory / "secret"
        self.secret.write_text(SECRET + "\n")
        self.path = directory / "a.p12"
        self.ring = directory / "ring"

    def cert(self, name):
        return must(stock("x509", "-in", self.pki[name].pem, "-outform", "DER")).out

    def key(self, name):
        return must(stock("pkcs8", "-topk8", "-nocrypt", "-in", self.pki[name].key, "-outform",
                          "DER")).out

    def closed_key(self, name, secret):
        return must(stock("pkcs8", "-topk8", "-in", self.pki[name].key, "-outform", "DER", "-iter",
                          "1", "-passout", f"pass:{secret}")).out

    def exported(self, secret, *options):
        """The contents that openssl writes: certificates encrypted, then keys."""
        path = self.directory / "exported"
        cert = self.pki.good_rsa
        must(stock("pkcs12", "-export", "-in", cert.pem, "-inkey", cert.key, "-nomac", "-certpbe",
                   "AES-256-CBC", "-keypbe", "AES-256-CBC", "-iter", "1", "-passout",
                   f"pass:{secret}", *options, "-out", path))
        safe = children(children(children(path.read_bytes())[1])[1])[0]
        return children(children(safe)[0])

    def write(self, data):
        self.path.write_bytes(data)
        return self.path

    def upload(self, *words, passin=True, **kwargs):
        given = ["--passin", f"file:{self.secret}"] if passin else ["--no-passphrase"]
        return run(COMMAND, "--keyring", self.ring, "upload", *given, *words, **kwargs)

    def check(self, *words, passin=True, **kwargs):
        given = ["--passin", f"file:{self.secret}"] if passin else []
        return run(COMMAND, "check", "--for", "upload", *given, *words, **kwargs)

    def stored(self):
        """{address: (role, how its key is kept)}; empty if there is no keyring."""
        if not self.ring.exists():
            return {}
        out = must(run(COMMAND, "--keyring", self.ring, "list", "--json")).out
        rows = [json.loads(line) for line in out.splitlines()]
        shown = {row["fingerprint"]: json.loads(must(run(
            COMMAND, "--keyring", self.ring, "show", "--json", row["fingerprint"])).out) for row in rows}
        return {row["addresses"][0]: (row["role"], shown[row["fingerprint"]]["private_key"])
                for row in rows}


@pytest.fixture
def files(pki, tmp_path):
    return Files(pki, tmp_path)


def place(part):
    """Where a part stands: the file and the number in it."""
    return part["file"], part["part"]


def not_read(files, *said, **kwargs):
    """Neither command reads it: exit code, the expected message and no other, and nothing is stored."""
    for result in (files.upload(files.path, **kwargs), files.check(files.path, **kwargs)):
        assert result.rc == INPUT, result
        for words in (str(files.path), *said):
            assert words in result.err, result
        assert not RAW.search(result.err) and b"usable" not in result.out, result
    assert files.stored() == {}
    return result


# --- every bag


def identity(files, name):
    return cert_bag(files.cert(name)), bag(1, files.key(name))


def test_two_identities(files):
    """Both identities are read with their keys, in any order."""
    one, two = identity(files, "good_rsa"), identity(files, "good_p256")
    files.write(pfx(open_content(one[1], two[1]), open_content(two[0], one[0]), mac=SECRET))
    result = must(files.upload(files.path))
    assert b"2 stored, 0 already there, 2 private keys" in result.out
    assert files.stored() == {"good_rsa@example.com": ("identity", "encrypted"),
                              "good_p256@example.com": ("identity", "encrypted")}
    shown = must(files.check("--json", files.path))
    told = json.loads(shown.out)
    assert [len(told[what]) for what in ("certificates", "keys")] == [2, 2] and told["allowed"]


def test_bags_in_a_bag(files):
    """A nested content counts as any other."""
    files.write(pfx(open_content(bag(6, tlv(der.SEQUENCE, *identity(files, "good_rsa")))), mac=SECRET))
    must(files.upload(files.path))
    assert files.stored() == {"good_rsa@example.com": ("identity", "encrypted")}


@pytest.mark.parametrize("name, rule", [("ed25519", "private-key-algorithm"),
                                        ("good_p256", "private-key-match")])
def test_a_second_key_without_a_certificate(files, name, rule):
    files.write(pfx(open_content(*identity(files, "good_rsa"), bag(1, files.key(name))), mac=SECRET))
    result = files.upload(files.path)
    assert result.rc == REFUSED and f"{files.path}:3: refused" in result.err, result
    assert f"[{rule}]" in result.err and files.stored() == {}
    result = files.check("--json", files.path)
    told = json.loads(result.out)
    assert result.rc == REFUSED and told["allowed"] is False, result
    assert [key["verdict"]["allowed"] for key in told["keys"]] == [True, False]
    assert told["keys"][1]["part"] == 3 and f'"{rule}"' in result.text


def test_what_is_neither_is_passed_over_with_a_note(files):
    files.write(pfx(open_content(*identity(files, "good_rsa"), SECRET_BAG), mac=SECRET))
    for result in (files.upload("--json", files.path), files.check("--json", files.path)):
        assert result.rc == DONE and f"note: {files.path}: it holds something else" in result.err
        assert "something else" in json.loads(result.out)["notes"][0]["note"], result


def test_a_damaged_bag_is_named_and_the_rest_judged(files):
    files.write(pfx(open_content(*identity(files, "good_rsa"), cert_bag(b"\x30\x03\x02\x01\x01"),
                                 cert_bag(files.cert("good_p256"))), mac=SECRET))
    result = files.upload("--json", files.path)
    assert result.rc == INPUT and f"{files.path}, part 3: it is no certificate" in result.err, result
    assert json.loads(result.out)["allowed"] is False and files.stored() == {}
    result = files.upload("--json", "--keep-going", files.path)
    told = json.loads(result.out)
    assert result.rc == INPUT and not told["allowed"] and told["stored"] == 2, result
    assert place(told["unreadable"][0]) == (str(files.path), 3)
    result = files.check("--json", files.path)
    told = json.loads(result.out)
    assert result.rc == INPUT and not told["allowed"] and len(told["certificates"]) == 2, result
    assert place(told["unreadable"][0]) == (str(files.path), 3)


# --- MAC and passphrase


def test_no_mac(files):
    """Without a MAC the passphrase is right if it decrypts."""
    files.write(pfx(*files.exported(SECRET)))
    must(files.check(files.path))
    must(files.upload(files.path))
    assert files.stored() == {"good_rsa@example.com": ("identity", "encrypted")}


def test_no_mac_and_another_passphrase(files):
    files.write(pfx(*files.exported(OTHER)))
    not_read(files, "it is wrong, or this is damaged, which no MAC of this PKCS#12 could tell")


def test_neither_mac_nor_encryption(files):
    """No passphrase is asked for."""
    files.write(pfx(open_content(*identity(files, "good_rsa"))))
    for result in (files.check(files.path, passin=False), files.upload(files.path, passin=False)):
        assert result.rc == DONE and "passphrase of" not in result.err, result
    assert files.stored() == {"good_rsa@example.com": ("identity", "plain")}


def test_a_wrong_passphrase(files):
    files.write(pfx(*files.exported(OTHER), mac=OTHER))
    not_read(files, WRONG + "; give the one that it was exported with")


def test_no_passphrase_at_hand(files):
    files.write(pfx(*files.exported(SECRET), mac=SECRET))
    for words in (["upload", "--keyring", files.ring], ["check"]):
        result = run("setsid", COMMAND, *words, files.path)
        assert result.rc == INPUT and "it needs a passphrase" in result.err, result
        assert "--passin" in result.err and WRONG not in result.err and not RAW.search(result.err)


def test_another_passphrase_inside(files):
    """The passphrase of the MAC is right, and is not called wrong."""
    files.write(pfx(*files.exported(OTHER), mac=SECRET))
    result = not_read(files, "the passphrase fits the PKCS#12 as a whole", "another one")
    assert WRONG not in result.err


def test_another_passphrase_of_the_key_alone(files):
    closed = files.closed_key("good_rsa", OTHER)
    files.write(pfx(open_content(cert_bag(files.cert("good_rsa")), bag(2, closed)), mac=SECRET))
    result = files.upload(files.path)
    assert result.rc == INPUT and f"{files.path}, part 2: the passphrase fits" in result.err, result
    assert WRONG not in result.err and files.stored() == {}
    result = files.check(files.path)
    assert result.rc == INPUT and "part 2: the passphrase fits" in result.err, result
    assert b"usable" in result.out


def test_an_empty_mac_passphrase_and_another_inside(files):
    """The given passphrase is tried for the contents."""
    files.write(pfx(*files.exported(SECRET), mac=""))
    must(files.check(files.path))
    must(files.upload(files.path))


# --- algorithms


UNKNOWN = {
    "a MAC": (lambda: pfx(open_content(), mac=SECRET, digest=NOWHERE), f"its MAC is made with {NOWHERE}"),
    "a MAC with MD2": (lambda: pfx(open_content(), mac=SECRET, digest="1.2.840.113549.2.2"), "made with MD2"),
    "a scheme": (lambda: pfx(closed_content(der.algorithm(NOWHERE))), NOWHERE),
    "a cipher": (lambda: pfx(closed_content(pbes2(pbkdf2(), der.algorithm(NOWHERE)))), NOWHERE),
    "a derivation": (lambda: pfx(closed_content(pbes2(der.algorithm(NOWHERE)))), NOWHERE),
    "a digest": (lambda: pfx(closed_content(pbes2(pbkdf2(der.algorithm(NOWHERE))))), NOWHERE),
    "no parameters": (lambda: pfx(closed_content(tlv(der.SEQUENCE, oid(PBES2)))), "the parameters"),
    "a certificate as its key": (lambda: pfx(info("1.2.840.113549.1.7.3", tlv(
        der.SEQUENCE, integer(0), tlv(der.SET), tlv(der.SEQUENCE, oid(der.DATA), der.algorithm(NOWHERE))))),
        "or not encrypted under a passphrase"),
    "another content": (lambda: pfx(info("1.2.840.113549.1.7.5", tlv(
        der.SEQUENCE, integer(0), der.algorithm(der.SHA256), info(der.DATA, tlv(der.OCTETS)),
        tlv(der.OCTETS)))), "or not encrypted under a passphrase"),
}


@pytest.mark.parametrize("what", UNKNOWN)
def test_unknown(files, what):
    """An own message, which does not call the passphrase wrong."""
    make, said = UNKNOWN[what]
    files.write(make())
    assert WRONG not in not_read(files, said).err


def test_a_signature_in_the_place_of_a_mac(files):
    """RFC 7292 calls it the public-key integrity mode."""
    cert, safe = files.pki.good_rsa, files.directory / "safe"
    safe.write_bytes(tlv(der.SEQUENCE))
    signed = must(stock("cms", "-sign", "-binary", "-nodetach", "-in", safe, "-signer", cert.pem,
                        "-inkey", cert.key, "-outform", "DER")).out
    files.write(tlv(der.SEQUENCE, integer(3), signed))
    assert WRONG not in not_read(files, "signed with a key and not under a passphrase").err


def test_pbmac1(files):
    """RFC 9579: read where OpenSSL can, and else named."""
    cert = files.pki.good_rsa
    if "pbmac1" in stock("pkcs12", "-help").text:
        must(stock("pkcs12", "-export", "-pbmac1_pbkdf2", "-in", cert.pem, "-inkey", cert.key, "-passout",
                   f"file:{files.secret}", "-out", files.path))
        must(files.check(files.path))
    else:
        files.write(pfx(open_content(), mac=SECRET, digest="1.2.840.113549.1.5.14"))
        assert WRONG not in not_read(files, "its MAC is made with PBMAC1").err


def test_nothing_in_it(files):
    files.write(pfx(open_content(), mac=SECRET))
    not_read(files, "a PKCS#12 that holds neither")


def test_a_thousand_contents(files):
    files.write(pfx(*[open_content()] * 1001, mac=SECRET))
    not_read(files, "more than 1,000 contents")


def test_a_key_of_another_kind(files):
    key = tlv(der.SEQUENCE, integer(0), der.algorithm(NOWHERE), tlv(der.OCTETS, b"key"))
    files.write(pfx(open_content(bag(1, key)), mac=SECRET))
    not_read(files, f"of a kind that cannot be read ({NOWHERE}); RSA and EC can")


# --- old ciphers


OLD = {"rc2-40": ["-legacy"], "rc4": ["-legacy", "-certpbe", "PBE-SHA1-RC4-128", "-keypbe", "PBE-SHA1-RC4-128"],
       "rc2-128": ["-legacy", "-certpbe", "PBE-SHA1-RC2-128", "-keypbe", "PBE-SHA1-RC2-128"]}


def old_pkcs12(files, form):
    cert = files.pki.good_rsa
    must(stock("pkcs12", "-export", "-in", cert.pem, "-inkey", cert.key, *OLD[form], "-passout",
               f"file:{files.secret}", "-out", files.path))


def old_key(files, how):
    cert = files.pki.good_rsa
    legacy = ["-provider", "legacy", "-provider", "default"]
    words = {"des": ["rsa", "-des", "-traditional"], "rc2": ["rsa", "-rc2-cbc", "-traditional"],
             "md5-des": ["pkcs8", "-topk8", "-v1", "PBE-MD5-DES"]}[how]
    must(stock(*words, *legacy, "-in", cert.key, "-passout", f"file:{files.secret}", "-out",
               files.path))


@pytest.mark.parametrize("form", OLD)
def test_old_ciphers(files, form):
    """Old ciphers are read with a note, and the key is stored under AES."""
    old_pkcs12(files, form)
    for words in ([], ["--json"]):
        for result in (files.upload(*words, files.path), files.check(*words, files.path)):
            assert result.rc == DONE, result
            assert re.search(rf"note: {files.path}: it is encrypted with RC.*legacy provider", result.err)
            if words:
                assert "legacy provider" in json.loads(result.out)["notes"][0]["note"]
    assert files.stored() == {"good_rsa@example.com": ("identity", "encrypted")}
    exported = files.directory / "export.pem"
    must(run(COMMAND, "--keyring", files.ring, "export", "--keys", "--out", exported,
             "good_rsa@example.com"))
    must(stock("pkey", "-in", exported, "-passin", f"file:{files.secret}", "-noout"))


@pytest.mark.parametrize("options", [OLD["rc2-40"], [], ["-nomac"]],
                         ids=["old", "new", "without a MAC"])
def test_in_the_place_of_a_certificate(files, mail, post, options):
    """Stock takes no passphrase for it: the words lead to what does."""
    cert, out = files.pki.good_rsa, files.directory / "out"
    must(stock("pkcs12", "-export", "-in", cert.pem, "-inkey", cert.key, *options, "-passout",
               f"file:{files.secret}", "-out", files.path))
    ours = (COMMAND, "--keyring", files.ring)
    passin = ("-passin", f"file:{files.secret}")
    sealed = post.encrypted("good_rsa")
    for words, instead in (
            (("sign", "-signer", files.path, "-in", mail), "--from then names the signer"),
            (("encrypt", "-recip", files.path, "-in", mail), "--to then names the recipient"),
            (("decrypt", "-recip", files.path, "-in", sealed), "'smime-policy decrypt' then finds it")):
        result = run(*ours, *words, *passin, "-out", out)
        assert result.rc == INPUT and not out.exists(), result
        assert f"smime-policy: openssl does not open {files.path}: " in result.err, result
        assert instead in result.err and "parse error" not in result.err.splitlines()[-1], result
    must(files.upload(files.path))
    for words in (("sign", "--from", "good_rsa@example.com", "-in", mail),
                  ("encrypt", "--to", "good_rsa@example.com", "-in", mail),
                  ("decrypt", "-in", sealed)):
        must(run(*ours, *words, *passin, "-out", out))


@pytest.mark.parametrize("how", ["des", "md5-des", "rc2"])
def test_old_ciphers_of_a_key(files, how):
    """The key in a file of its own, in the old forms too."""
    old_key(files, how)
    cert = files.pki.good_rsa.pem
    for result in (files.upload(cert, files.path), files.check(cert, "--key", files.path)):
        assert result.rc == DONE and "legacy provider" in result.err, result
    files.secret.write_text(OTHER)
    for result in (files.upload(cert, files.path), files.check(cert, "--key", files.path)):
        assert result.rc == INPUT and WRONG in result.err and "legacy provider" not in result.err


@pytest.mark.parametrize("make", [lambda files: old_pkcs12(files, "rc2-40"), lambda files: old_key(files, "des")],
                         ids=["PKCS#12", "key"])
def test_no_legacy_provider(files, make):
    """If the provider is missing, the message says what to install."""
    make(files)
    without = {"OPENSSL_MODULES": files.directory}
    for result in (files.upload(files.path, env=without),
                   files.check(files.pki.good_rsa.pem, files.path, env=without)):
        assert result.rc == INPUT and "openssl-provider-legacy" in result.err, result
        assert WRONG not in result.err and not RAW.search(result.err)
    assert files.stored() == {}


def test_the_legacy_provider_is_for_that_file_alone(files):
    """The legacy provider is used neither for the next file nor for the keyring."""
    old_pkcs12(files, "rc2-40")
    other = files.directory / "new.p12"
    cert = files.pki.modern
    must(stock("pkcs12", "-export", "-in", cert.pem, "-inkey", cert.key, "-passout",
               f"file:{files.secret}", "-out", other))
    result = must(files.upload("--json", files.path, other))
    notes = json.loads(result.out)["notes"]
    assert [place(note) for note in notes] == [(str(files.path), 0)]


# --- cut and damaged input of every kind


def pem(label, data):
    return must(run("base64", stdin=data)).out.join(
        [b"-----BEGIN %s-----\n" % label, b"-----END %s-----\n" % label])


def kinds(files):
    """{kind: what `upload` and `check` take of it}."""
    cert, root = files.pki.good_rsa, files.pki.root
    path = files.directory / "made"

    def made(*words):
        must(stock(*words, "-out", path))
        return path.read_bytes()
    secret = ("-passout", f"file:{files.secret}")
    bundle = ("crl2pkcs7", "-nocrl", "-certfile", cert.pem, "-certfile", root.pem)
    p12 = made("pkcs12", "-export", "-in", cert.pem, "-inkey", cert.key, "-iter", "1", *secret)
    return {"certificate in PEM": cert.pem.read_bytes(), "certificate in DER": files.cert("good_rsa"),
            "key in PEM": cert.key.read_bytes(), "key in DER": files.key("good_rsa"),
            "encrypted key": made("pkcs8", "-topk8", "-in", cert.key, "-iter", "1", *secret),
            "encrypted key, old": made("rsa", "-aes128", "-traditional", "-in", cert.key, *secret),
            "PKCS#7 in PEM": made(*bundle), "PKCS#7 in DER": made(*bundle, "-outform", "DER"),
            "PKCS#12": p12, "PKCS#12 in PEM": pem(b"PKCS12", p12)}


KINDS = ["certificate in PEM", "certificate in DER", "key in PEM", "key in DER", "encrypted key",
         "encrypted key, old", "PKCS#7 in PEM", "PKCS#7 in DER", "PKCS#12", "PKCS#12 in PEM"]


@pytest.mark.parametrize("kind", KINDS)
def test_cut(files, kind):
    """The exit code, the place in the file, and no other file lost; JSON does not report success."""
    whole = kinds(files)[kind]
    good = files.pki.good_p256.pem
    bad = [files.directory / f"cut-{share}" for share in (1, 30, 50, 90, 99)]
    for path in bad:
        share = int(path.name[4:])
        path.write_bytes(whole[:max(len(whole) * share // 100, 20)])
    mixed = files.directory / "mixed.pem"
    mixed.write_bytes(b"text before\n" + good.read_bytes() + whole[:len(whole) * 2 // 3] + b"\n")
    result = files.upload("--json", "--keep-going", *bad, mixed, good)
    told = json.loads(result.out)
    assert result.rc == INPUT and told["exit"] == INPUT and told["allowed"] is False, result
    assert told["done"] is True and told["stored"] == 1, told
    assert {str(path) for path in bad} <= {part["file"] for part in told["unreadable"]}, result
    assert files.stored() == {"good_p256@example.com": ("contact", "none")}
    shown = files.check("--json", *bad, mixed, good)
    told = json.loads(shown.out)
    assert shown.rc == INPUT and told["allowed"] is False, shown
    assert [cert["file"] for cert in told["certificates"]][-1] == str(good)
    assert {str(path) for path in bad} <= {part["file"] for part in told["unreadable"]}, shown
    assert not RAW.search(result.err + shown.err), (result, shown)


@pytest.mark.parametrize("kind", KINDS)
def test_damaged(files, kind):
    """One damaged byte in the middle of each kind of file, as a file and through a pipe."""
    whole = kinds(files)[kind]
    at = len(whole) // 3
    files.write(whole[:at] + (b"!!" if b"-----" in whole else b"\xff\xff") + whole[at + 2:])
    for result in (files.upload("--json", files.path), files.check("--json", files.path),
                   files.upload("--json", "-", stdin=files.path.read_bytes())):
        told = json.loads(result.out)
        # With another name or key the certificate may still be complete: then it is refused, or is another
        # one.
        assert result.rc in (INPUT, REFUSED, DONE) and told["allowed"] == (result.rc == DONE), result
        assert not RAW.search(result.err), result
        assert result.rc != INPUT or "; " in result.err or ": fetch it anew" in result.err, result


@pytest.mark.parametrize("content, said", [
    (b"", "it is empty; give PEM"), (b"\x30\x82\x10\x00\x02\x01", "it is cut"),
    (b"\xff\xd8\xff\xe0 a picture", "neither a certificate nor a private key"),
    (b"-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nmQ==\n-----END PGP PUBLIC KEY BLOCK-----\n", "leave it out"),
], ids=["empty", "cut", "a picture", "PGP"])
def test_something_else(files, content, said):
    files.write(content)
    not_read(files, said, passin=True)
    result = files.upload("-", stdin=content)
    assert result.rc == INPUT and said in result.err and "standard input" in result.err, result


def test_two_in_der(files):
    files.write(files.cert("good_rsa") + files.cert("good_p256"))
    not_read(files, "more follows behind its end; give one certificate or key in each file, or PEM")


def test_a_file_that_is_not_there(files):
    result = files.upload("--keep-going", files.path, files.pki.good_p256.pem)
    assert result.rc == INPUT and "No such file or directory; " in result.err, result
    assert files.stored() == {"good_p256@example.com": ("contact", "none")}


# --- options behind file names


@pytest.mark.parametrize("out_first", [True, False])
def test_options_behind_recipients(files, mail, out_first):
    """Options behind recipients, under a verb; for `smime-policy cms` such a word is a recipient, as for
    stock."""
    out = files.directory / "out"
    given = [files.pki.good_rsa.pem, "-out", out, files.pki.good_p256.pem, "-in", mail]
    must(run(COMMAND, "encrypt", *(given if not out_first else given[1:] + given[:1])))
    for name in ("good_rsa", "good_p256"):
        cert = files.pki[name]
        must(stock("cms", "-decrypt", "-in", out, "-recip", cert.pem, "-inkey", cert.key, "-out",
                   files.directory / name))
    out.unlink()
    result = run(COMMAND, "cms", "-encrypt", "-in", mail, files.pki.good_rsa.pem, "-out", out)
    assert result.rc != DONE and not out.exists(), result


@pytest.mark.parametrize("words", [
    ["upload", "{cert}", "--keyring", "{ring}", "--json"], ["check", "{cert}", "--json"],
    ["check", "{cert}", "--for", "sign", "{cert}", "--json"]])
@pytest.mark.parametrize("posix", [False, True], ids=["", "POSIXLY_CORRECT"])
def test_options_behind_files(files, words, posix):
    """Whatever the environment says: an option must not become the name of a file."""
    names = {"cert": files.pki.good_rsa.pem, "ring": files.ring}
    result = must(run(COMMAND, *[word.format(**names) for word in words],
                      env={"POSIXLY_CORRECT": "1"} if posix else {}))
    assert json.loads(result.out)["allowed"] is True


@pytest.mark.parametrize("words", [
    ["show", "{address}", "--json", "--keyring", "{ring}"],
    ["trust", "{address}", "--keyring", "{ring}"], ["export", "{address}", "--keyring", "{ring}"],
    ["remove", "{address}", "--keyring", "{ring}"], ["keyring", "check", "--keyring", "{ring}"],
    ["upload", "{export}", "--as", "exported", "--keyring", "{ring}"]],
    ids=lambda words: words[0])
def test_options_behind_other_operands(files, words):
    export = files.directory / "export.pem"
    must(run(COMMAND, "upload", files.pki.good_rsa.pem, "--keyring", files.ring))
    must(run(COMMAND, "--keyring", files.ring, "export", "--all", "--out", export))
    names = {"address": "good_rsa@example.com", "ring": files.ring, "export": export}
    for env in ({}, {"POSIXLY_CORRECT": "1"}):
        before = [file.read_bytes() for file in sorted(files.ring.iterdir())]
        must(run(COMMAND, *[word.format(**names) for word in words], env=env))
        if before != [file.read_bytes() for file in sorted(files.ring.iterdir())]:
            must(run(COMMAND, "upload", export, "--keyring", files.ring, env=env))


@pytest.mark.parametrize("posix", [False, True], ids=["", "POSIXLY_CORRECT"])
@pytest.mark.parametrize("name", ["check", "upload"])
def test_no_options_behind_two_dashes(files, name, posix):
    result = run(COMMAND, "--keyring", files.ring, name, "--", files.pki.good_rsa.pem, "--json",
                 env={"POSIXLY_CORRECT": "1"} if posix else {})
    assert result.rc == INPUT and "cannot read --json" in result.err, result
