# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
"""
Who may vouch for others: an issuer needs a readable CA:TRUE.  An anchor is a ca, or is named by the user
of the program and is no person's own certificate.
"""

import dataclasses
import json

import pytest

import paths
from harness import BUILD, COMMAND, NEW_KEY, OPENSSL, must, refused, run, stock, write_conf
from keyrings import make_keyring
from test_keyring_upload import Ring

PROGRAM = BUILD / "tests" / "api" / "verify_program"  # the callback of the library
STRICT = "trust = keyring\nsender = refuse\nunverified_signers = refuse\n"
NO_CA = "a certificate that is no CA's cannot vouch for others"
NO_ISSUER = "a contact's own certificate cannot vouch for others"
ADDRESS = "contact@x.example"
BOTH = "digitalSignature,keyEncipherment"
CERTIFIES = BOTH + ",keyCertSign"
ISSUES = "keyCertSign,cRLSign"

# Certificates of a supposed contact, and their extensions.
CONTACTS = {
    "no Basic Constraints": dict(keyUsage=CERTIFIES),
    "CA:FALSE": dict(basicConstraints="CA:FALSE", keyUsage=CERTIFIES),
    "the Netscape type": dict(nsCertType="client,email,emailCA", keyUsage=CERTIFIES),
    "CA:TRUE": dict(basicConstraints="critical,CA:TRUE", keyUsage=CERTIFIES),
    "CA:TRUE, Non Repudiation": dict(basicConstraints="critical,CA:TRUE",
                                     keyUsage="nonRepudiation,keyCertSign",
                                     extendedKeyUsage="emailProtection"),
    "CA:TRUE, names that cannot be read": dict(basicConstraints="critical,CA:TRUE",
                                               keyUsage=CERTIFIES,
                                               subjectAltName="DER:30:02:81:05"),
    "CA:TRUE, an address that is none": dict(basicConstraints="critical,CA:TRUE",
                                             keyUsage=CERTIFIES, subjectAltName="email:nobody"),
}
# Those that the client rules accept.
STORED = ("no Basic Constraints", "the Netscape type", "CA:TRUE")


class Forge:
    """Certificates by their extensions, each with a key of its own."""

    def __init__(self, directory):
        self.directory = directory
        self.made = {}

    def __call__(self, name, issuer=None, days="365", newkey=NEW_KEY, **extensions):
        if name in self.made:
            return self.made[name]
        pem, key, conf = (self.directory / f"{name}.{suffix}" for suffix in ("pem", "key", "cnf"))
        extensions.setdefault("subjectAltName", f"email:{name}")
        conf.write_text("[req]\ndistinguished_name=dn\n[dn]\n[ext]\nsubjectKeyIdentifier=hash\n" +
                        "".join(f"{k}={v}\n" for k, v in extensions.items() if v))
        by = ("-CA", issuer.pem, "-CAkey", issuer.key) if issuer else ()
        at = ("faketime", "2015-06-01") if days == "past" else ()
        must(run(*at, OPENSSL, "req", "-x509", "-config", conf, "-extensions", "ext",
                 *newkey, "-keyout", key, "-out", pem, "-subj", f"/CN={name}",
                 "-days", "365" if days == "past" else days, *by, conf="/dev/null"))
        self.made[name] = Cert(name, pem, key)
        return self.made[name]

    def leaf(self, name, issuer, newkey=NEW_KEY):
        return self(name, issuer, newkey=newkey, basicConstraints="CA:FALSE", keyUsage=BOTH,
                    extendedKeyUsage="emailProtection")


@dataclasses.dataclass
class Cert:
    name: str
    pem: object
    key: object

    @property
    def signs(self):
        return ("-signer", self.pem, "-inkey", self.key)


@pytest.fixture(scope="module")
def forge(tmp_path_factory):
    return Forge(tmp_path_factory.mktemp("forge"))


class Reader:
    """The reader of the mail, with a keyring, on every path."""

    def __init__(self, directory):
        self.directory = directory
        self.ring = Ring(directory)
        self.out = directory / "out"
        self.strict = directory / "strict.cnf"
        self.strict.write_text(STRICT)

    def sign(self, sender, *signers, certs=()):
        """A mail from |sender|, with what is sent along."""
        mail, along, signed = (self.directory / name for name in ("mail", "along", "signed"))
        mail.write_bytes(b"Content-Type: text/plain\r\n\r\nPay the invoice.\r\n")
        along.write_text("".join(cert.pem.read_text() for cert in certs))
        must(stock("cms", "-sign", "-in", mail, "-out", signed, "-from", sender, "-to",
                   "bob@example.com", "-subject", "invoice",
                   *(("-certfile", along) if certs else ()),
                   *[word for signer in signers for word in signer.signs]))
        return signed

    def conf(self, **settings):
        return write_conf(self.directory / "openssl.cnf",
                          {"keyring": self.ring.path, **settings}
                          if self.ring.path.exists() else settings)

    def ways(self, signed, named=None):
        """(name, what it does) of every way to verify."""
        by_name = ("-CAfile", named.pem) if named else ()
        ours = ("-in", signed, "-out", self.out, *by_name)
        for policy in (), ("--policy", self.strict):
            if policy and named:
                continue  # what is named on the command line is not in the keyring
            for words in ("verify",), ("cms", "-verify"), ("smime", "-verify"):
                yield (*policy, *words), lambda p=policy, w=words: run(
                    COMMAND, *p, "--keyring", self.ring.path, *w, *ours)
        for api in "cms", "smime":
            if named:
                yield f"stock {api}", lambda a=api: run(
                    OPENSSL, a, "-verify", *ours, conf=self.conf())
                yield f"stock {api}, partial chain", lambda a=api: run(
                    OPENSSL, a, "-verify", *ours, "-partial_chain", conf=self.conf())
                yield f"library, {api}", lambda a=api: self.library(a, named, signed)
                php = paths.Php(api, api, conf=self.conf())
                yield f"PHP {api}", lambda p=php: p.verify(signed, named.pem, self.out)
            else:
                for trust in "caller", "keyring":
                    yield f"stock {api}, trust = {trust}", lambda a=api, t=trust: run(
                        OPENSSL, a, "-verify", *ours, "-CAstore", "smimepolicy:trust",
                        "-partial_chain", conf=self.conf(trust=t))

    def library(self, api, named, signed):
        """The library's callback shows no content; its text for an accepted signer is ignored."""
        policy = self.directory / "library.cnf"
        policy.write_text(f"keyring = {self.ring.path}\n" if self.ring.path.exists() else "")
        result = run(PROGRAM, "cms" if api == "cms" else "pkcs7", named.pem, signed, policy)
        if result.rc == 0:
            self.out.write_bytes(b"Pay the invoice.")
        return result

    def all_refuse(self, text, signed, named=None):
        for way, go in self.ways(signed, named):
            self.out.unlink(missing_ok=True)
            result = go()
            assert result.rc != 0, (way, result)
            if text is not None:
                refused(result, "distrust-default")
                # The verbs do not offer it as an anchor; PHP prints no details of an error.
                told = way[:5] in ("stock", "libra")
                assert text in result.text or not told, (way, result)
            assert b"invoice" not in result.out, (way, result)
            assert not self.out.exists() or self.out.read_bytes() == b"", (way, result)

    def all_pass(self, signed, named=None, but=()):
        for way, go in self.ways(signed, named):
            if way in but:
                continue
            self.out.unlink(missing_ok=True)
            result = go()
            assert result.rc == 0, (way, result)
            assert b"Pay the invoice." in self.out.read_bytes(), (way, result)


@pytest.fixture
def reader(tmp_path):
    return Reader(tmp_path)


def contact(forge, kind):
    number = list(CONTACTS).index(kind)
    extensions = dict(CONTACTS[kind])
    extensions.setdefault("subjectAltName", f"email:{ADDRESS}")
    mother = forge(f"contact{number}", **extensions)
    return mother, forge.leaf(f"ceo{number}@bank.example", mother)


@pytest.mark.parametrize("kind", STORED)
def test_a_contact_mints_no_certificates(kind, forge, reader):
    """A contact verifies its own mail, and nobody else's."""
    mother, minted = contact(forge, kind)
    result = must(reader.ring.upload(mother.pem))
    assert f"stored as contact: {ADDRESS}" in result.text, result
    assert ("--as ca" in result.text) == (kind == "CA:TRUE"), result
    reader.all_pass(reader.sign(ADDRESS, mother))
    signed = reader.sign(minted.name, minted, certs=[mother])
    reader.all_refuse(NO_ISSUER if kind == "CA:TRUE" else NO_CA, signed)
    # Both sign, so the contact's own certificate is an anchor for itself.
    reader.all_refuse(NO_ISSUER if kind == "CA:TRUE" else NO_CA,
                      reader.sign(minted.name, minted, mother))


@pytest.mark.parametrize("kind", CONTACTS)
def test_named_as_an_anchor_it_mints_none_either(kind, forge, reader):
    mother, minted = contact(forge, kind)
    signed = reader.sign(minted.name, minted, certs=[mother])
    # If libcrypto finds no issuer either, our reason is not needed.
    text = {"CA:FALSE": None, "CA:TRUE": NO_ISSUER, "CA:TRUE, Non Repudiation": NO_ISSUER,
            "CA:TRUE, an address that is none": NO_ISSUER,
            "CA:TRUE, names that cannot be read": None}.get(kind, NO_CA)
    reader.all_refuse(text, signed, named=mother)


def test_version_1_is_no_issuer(tmp_path, forge, reader):
    key, request, pem = (tmp_path / name for name in ("old.key", "old.csr", "old.pem"))
    must(stock("req", *NEW_KEY, "-keyout", key, "-out", request, "-subj",
               "/CN=old root", "-config", forge("unused", keyUsage=BOTH).pem.with_suffix(".cnf")))
    # `x509 -req` writes version 1 where it is given no extensions; later releases add some.
    must(stock("x509", "-req", "-in", request, "-signkey", key, "-days", "365", "-out", pem,
               "-extfile", "/dev/null"))
    old = Cert("old root", pem, key)
    if "Version: 1" not in stock("x509", "-in", pem, "-noout", "-text").text:
        pytest.skip("this openssl writes no certificate of version 1")
    minted = forge.leaf("ceo-v1@bank.example", old)
    reader.all_refuse(NO_CA, reader.sign(minted.name, minted), named=old)


@pytest.fixture(scope="module")
def company(forge):
    """Its intermediate has an address and signs mail itself, as some do."""
    root = forge("root", basicConstraints="critical,CA:TRUE", keyUsage=ISSUES, subjectAltName=None)
    middle = forge("middle@company.example", root, basicConstraints="critical,CA:TRUE",
                   keyUsage="digitalSignature,keyCertSign")
    lower = forge("lower@company.example", middle, basicConstraints="critical,CA:TRUE",
                  keyUsage="digitalSignature,keyCertSign")
    return dict(root=root, middle=middle, lower=lower,
                clerk=forge.leaf("clerk@company.example", middle),
                low=forge.leaf("low@company.example", lower))


def test_below_an_anchor_a_ca_needs_no_more_than_ca_true(company, reader):
    signed = reader.sign("clerk@company.example", company["clerk"], certs=[company["middle"]])
    reader.all_pass(signed, named=company["root"])
    must(reader.ring.upload(company["root"].pem))
    reader.all_pass(signed)


def test_a_company_s_ca_that_is_named_vouches(company, reader):
    """The user has named this CA; another CA issued it, so it is no person's own."""
    signed = reader.sign("clerk@company.example", company["clerk"])
    words = ("-in", signed, "-out", reader.out, "-CAfile", company["middle"].pem, "-partial_chain")
    for api in "cms", "smime":
        must(run(OPENSSL, api, "-verify", *words, conf=reader.conf()))
        must(run(COMMAND, api, "-verify", *words))
    must(run(COMMAND, "verify", *words))


@pytest.mark.parametrize("role", ["contact", "identity"])
def test_kept_as_a_contact_it_is_no_anchor_for_others(role, company, reader):
    """A contact is no anchor for others, whoever issued it or names it."""
    middle = company["middle"]
    make_keyring(reader.ring.path, f"{role}:{middle.pem}" +
                 (f":{middle.key}" if role == "identity" else ""))
    signed = reader.sign("clerk@company.example", company["clerk"], certs=[middle])
    for words in ("-CAfile", middle.pem, "-partial_chain"), ("-CAstore", "smimepolicy:trust",
                                                            "-partial_chain"):
        for api in "cms", "smime":
            for trust in "caller", "keyring":
                result = run(OPENSSL, api, "-verify", "-in", signed, "-out", reader.out, *words,
                             conf=reader.conf(trust=trust))
                refused(result, "distrust-default")
                assert NO_ISSUER in result.text and result.rc == 4, result
        reader.out.unlink(missing_ok=True)
        result = run(COMMAND, "--keyring", reader.ring.path, "verify", "-in", signed, "-out",
                     reader.out, *words)
        assert result.rc == 3 and "[distrust-default]" in result.err, result
        assert not reader.out.exists()
    # Its own mail verifies.
    reader.all_pass(reader.sign(middle.name, middle))


def test_kept_as_a_contact_below_a_ca(company, reader):
    """The ca above it vouches, if libcrypto's chain goes on to it."""
    make_keyring(reader.ring.path, f"contact:{company['middle'].pem}", f"ca:{company['root'].pem}")
    signed = reader.sign("clerk@company.example", company["clerk"], certs=[company["middle"]])
    both = reader.directory / "both.pem"
    both.write_text(company["middle"].pem.read_text() + company["root"].pem.read_text())
    for trust in "caller", "keyring":
        for api in "cms", "smime":
            must(run(OPENSSL, api, "-verify", "-in", signed, "-out", reader.out, "-CAfile", both,
                     conf=reader.conf(trust=trust)))
    must(run(COMMAND, "--keyring", reader.ring.path, "verify", "-in", signed, "-out", reader.out))


def test_a_contact_vouches_for_itself_whatever_else_is_near(forge, company, reader):
    """A contact vouches for itself: also if its issuer is a contact that signs, too, or an expired ca."""
    mother = forge("mother@x.example", basicConstraints="critical,CA:TRUE", keyUsage=CERTIFIES)
    child = forge.leaf("child@x.example", mother)
    must(reader.ring.upload(mother.pem, child.pem))
    signed = reader.sign(child.name, child, mother)
    for words in ("verify",), ("--policy", reader.strict, "verify"):
        must(run(COMMAND, "--keyring", reader.ring.path, *words, "-in", signed, "-out",
                 reader.out))
    old = forge("old-root", days="past", basicConstraints="critical,CA:TRUE", keyUsage=ISSUES,
                subjectAltName=None)
    orphan = forge.leaf("orphan@x.example", old)
    must(reader.ring.upload(old.pem, orphan.pem))
    signed = reader.sign(orphan.name, orphan, certs=[old])
    must(run(COMMAND, "--keyring", reader.ring.path, "verify", "-in", signed, "-out", reader.out))


# Certificates, and the result and messages of a plain upload.
UPLOADS = {"pure": ("ca", "--as contact"), "person": ("contact", "--as ca"),
           "no address": ("ca", None)}


def made(forge, kind):
    extensions = {
        "pure": dict(keyUsage=ISSUES),
        "person": dict(keyUsage=CERTIFIES),
        "no address": dict(keyUsage="digitalSignature," + ISSUES, subjectAltName="DNS:x.example"),
    }[kind]
    return forge(kind.replace(" ", "-") + "@x.example", basicConstraints="critical,CA:TRUE",
                 **extensions)


@pytest.mark.parametrize("kind", UPLOADS)
def test_a_role_that_was_a_decision_is_told(kind, forge, reader):
    role, other = UPLOADS[kind]
    cert = made(forge, kind)
    result = must(reader.ring.upload(cert.pem))
    assert f"stored as {role}" in result.text, result
    assert [line for line in result.err.splitlines() if "--as" in line] == \
        [line for line in result.err.splitlines() if other and other in line], result
    assert "everybody it issues to" in result.err, result
    found = json.loads(must(Ring(reader.directory / "json").upload("--json", cert.pem)).out)
    assert found["certificates"][0]["role"] == role
    # With --as the user has decided, and gets no note.
    as_ca = must(Ring(reader.directory / "said").upload("--as", "ca", cert.pem))
    assert "--as" not in as_ca.text and "stored as ca" in as_ca.text


def test_every_address_of_an_upload_is_told(forge, reader):
    """Every address is printed, as each one vouches."""
    cert = forge("two", basicConstraints="CA:FALSE", keyUsage=BOTH,
                 subjectAltName="email:contact@x.example,email:ceo@bank.example")
    result = must(reader.ring.upload(cert.pem))
    assert "stored as contact: contact@x.example, ceo@bank.example (" in result.text, result
    found = json.loads(must(Ring(reader.directory / "json").upload("--json", cert.pem)).out)
    assert found["certificates"][0]["addresses"] == ["contact@x.example", "ceo@bank.example"]


# Stock's text for another purpose than that of a mail's signer.
@pytest.mark.parametrize("purpose", ["any", "smimeencrypt"])
@pytest.mark.parametrize("kind", STORED)
def test_another_purpose_makes_no_issuer(kind, purpose, forge, reader):
    mother, minted = contact(forge, kind)
    must(reader.ring.upload(mother.pem))
    signed = reader.sign(minted.name, minted, certs=[mother])
    for words in ("-CAfile", mother.pem), ("-CAstore", "smimepolicy:trust", "-partial_chain"):
        for trust in "caller", "keyring":
            for api in "cms", "smime":
                result = run(OPENSSL, api, "-verify", "-in", signed, "-out", reader.out, *words,
                             "-purpose", purpose, conf=reader.conf(trust=trust))
                assert result.rc == 4, result
                assert "[distrust-default]" in result.text, result


def test_the_purpose_of_a_tls_client_is_another_matter(forge, reader):
    """libcrypto then asks for the trust of TLS, and not for that of mail: a limit, and its remedy."""
    mother, _ = contact(forge, "CA:TRUE")
    both = forge("both@bank.example", mother, basicConstraints="CA:FALSE", keyUsage=BOTH,
                 extendedKeyUsage="emailProtection,clientAuth")
    signed = reader.sign(both.name, both, certs=[mother])
    words = ("cms", "-verify", "-in", signed, "-out", reader.out, "-CAfile", mother.pem,
             "-purpose", "sslclient")
    assert run(OPENSSL, *words, conf=reader.conf()).rc == 0
    result = run(OPENSSL, *words, conf=reader.conf(unverified_signers="refuse"))
    refused(result, "distrust-default")
    assert run(COMMAND, *words).rc != 0


@pytest.mark.parametrize("extension", ["basicConstraints", "keyUsage", "subjectAltName"])
def test_an_anchor_that_cannot_be_read(extension, forge, reader, tmp_path):
    """libcrypto accepts it without asking for its purpose."""
    broken = Forge(tmp_path)("odd@x.example", **{
        "keyUsage": BOTH, "subjectAltName": "email:odd@x.example", extension: "DER:04:00"})
    signed = reader.sign(broken.name, broken)
    for conf in reader.conf(), reader.conf(trust="caller"):
        for api in "cms", "smime":
            for more in (), ("-partial_chain",):
                words = ("-verify", "-in", signed, "-out", reader.out, "-CAfile", broken.pem, *more)
                result = run(OPENSSL, api, *words, conf=conf)
                assert result.rc == 4, result
                # Without the option libcrypto finds no chain to it, and reports that itself.
                assert not more or "[signer-certificate]" in result.text, result
        for api in "cms", "pkcs7":
            assert run(PROGRAM, api, broken.pem, signed).rc != 0


def test_non_repudiation_makes_no_ca(forge, reader):
    """By its content it is a person's own, and the rules for persons refuse it."""
    mother, _ = contact(forge, "CA:TRUE, Non Repudiation")
    result = reader.ring.upload(mother.pem)
    assert result.rc == 3 and "[key-usage]" in result.err, result
    assert not (reader.ring.path / "certificates.db").exists() or reader.ring.contents() == []


def test_a_ca_with_an_address_that_another_one_issued(company, reader):
    """Alone it is refused; with its CA before it, behind it or in the keyring it becomes a ca."""
    middle, lower, root = (company[name].pem for name in ("middle", "lower", "root"))
    result = reader.ring.upload(middle)
    assert result.rc == 3, result
    assert "[ca-exempt]" in result.err and "--as ca" in result.err and "--as contact" in result.err
    assert reader.ring.contents() == []
    for number, files in enumerate(([lower, middle, root], [root, middle, lower])):
        ring = Ring(reader.directory / str(number))
        result = must(ring.upload(*files))
        assert ring.contents() == [("ca", "lower@company.example"),
                                   ("ca", "middle@company.example"), ("ca", None)]
        assert result.err.count("below a ca") == 2 and "--as contact" in result.err, result
    must(reader.ring.upload(root))
    must(reader.ring.upload(middle))
    # It is stored already: its role is not asked again.
    again = must(reader.ring.upload(middle, lower))
    assert "already there as ca: middle@company.example" in again.text, again
    for role, ring in (("contact", Ring(reader.directory / "c")), ("ca", Ring(reader.directory / "a"))):
        must(ring.upload("--as", role, middle))
        assert ring.contents() == [(role, "middle@company.example")]
        must(ring.upload(middle))
        assert ring.contents() == [(role, "middle@company.example")]


def test_a_path_to_a_namesake_is_none(forge, company, reader):
    """A ca of the same name with another key, and a person's CA, decide nothing."""
    other = Forge(reader.directory)("root", basicConstraints="critical,CA:TRUE", keyUsage=ISSUES,
                                    subjectAltName=None)
    must(reader.ring.upload(other.pem))
    assert reader.ring.upload(company["middle"].pem).rc == 3
    person = forge("mother@x.example", basicConstraints="critical,CA:TRUE", keyUsage=CERTIFIES)
    below = forge("below@x.example", person, basicConstraints="critical,CA:TRUE",
                  keyUsage=CERTIFIES)
    result = reader.ring.upload(person.pem, below.pem)
    assert result.rc == 3 and "a person's, or a CA's" in result.err, result
    assert reader.ring.contents() == [("ca", None)]


def test_a_ca_with_an_address_and_its_key_is_an_identity(company, reader):
    result = must(reader.ring.upload(company["middle"].pem, company["middle"].key,
                                     "--no-passphrase"))
    assert "stored as identity: middle@company.example" in result.text, result


def test_the_ambiguous_are_imported_as_they_were(company, reader):
    """It is taken in the role that the file names; without one it is refused as by an upload."""
    must(reader.ring.upload("--as", "contact", company["middle"].pem))
    saved = reader.directory / "saved.pem"
    must(reader.ring("export", "--all", "--out", saved))
    other = Ring(reader.directory / "other")
    must(other.upload("--as", "exported", saved))
    assert other.contents() == [("contact", "middle@company.example")]
    bare = Ring(reader.directory / "bare")
    result = bare.upload("--as", "exported", company["middle"].pem)
    assert result.rc == 3 and "[ca-exempt]" in result.err, result
    assert bare.contents() == []
