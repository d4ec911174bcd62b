# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
"""
`trust = keyring`: email trust is decided by what was uploaded, in stock programs.

What the keyring holds on the one hand, what the program trusts on the other:
the chain of a verified signer ends in a certificate that is in both.
"""

import itertools
from dataclasses import dataclass

import pytest

import paths
from harness import NEW_KEY, OPENSSL, PHP, refused, run, stock, must, write_conf
from keyrings import make_keyring

PARTIAL = ("-partial_chain",)
NOT_UPLOADED = "the chain ends in a certificate that was not uploaded"
NO_ISSUER = "a contact's own certificate cannot vouch for others"


@pytest.fixture(scope="module")
def family(tmp_path_factory, pki):
    """A person with a CA:TRUE certificate and one who is certified by it."""
    directory = tmp_path_factory.mktemp("family")
    made = {}
    for name, constraints, issuer in (("mother", "CA:TRUE", None), ("child", "CA:FALSE", "mother")):
        pem, key, conf = (directory / f"{name}.{suffix}" for suffix in ("pem", "key", "cnf"))
        conf.write_text(
            "[req]\ndistinguished_name=dn\n[dn]\n[ext]\n"
            f"basicConstraints=critical,{constraints}\nsubjectKeyIdentifier=hash\n"
            "keyUsage=digitalSignature,keyEncipherment"
            + (",keyCertSign" if issuer is None else "") +
            f"\nextendedKeyUsage=emailProtection\nsubjectAltName=email:{name}@example.com\n")
        by = () if issuer is None else ("-CA", made[issuer].pem, "-CAkey", made[issuer].key)
        must(stock("req", "-x509", "-config", conf, "-extensions", "ext", *NEW_KEY, "-keyout",
                   key, "-out", pem, "-days", "30", "-subj", f"/CN={name}", *by))
        made[name] = pki.good_rsa.beside(pem=pem, key=key, chain=None, anchor=pem, name=name)
    return made


@dataclass
class Desk:
    """A message is verified by a program that trusts |trusted|, with |kept| uploaded."""

    directory: object
    mail: object

    def __post_init__(self):
        self.numbers = itertools.count()

    def sign(self, cert, *more):
        out = self.directory / f"{cert.name}.{next(self.numbers)}.signed"
        must(paths.without_policy().sign(cert, self.mail, out, *more))
        return out

    def conf(self, *kept, **settings):
        number = next(self.numbers)
        keyring = make_keyring(self.directory / f"keyring{number}", *kept)
        return write_conf(self.directory / f"{number}.cnf",
                          {"trust": "keyring", "keyring": keyring, **settings})

    def bundle(self, *certs):
        path = self.directory / f"{next(self.numbers)}.pem"
        path.write_text("".join(cert.pem.read_text() for cert in certs))
        return path

    @property
    def out(self):
        return self.directory / "out"

    def verify(self, api, message, trusted, conf, *more, env=None):
        self.out.unlink(missing_ok=True)
        trust = ("-CAfile", trusted) if trusted else ()
        return run(OPENSSL, api, "-verify", "-in", message, *trust, "-out", self.out, *more,
                   conf=conf, env=env)

    def passes(self, result):
        assert result.rc == 0, result
        assert b"quick brown fox" in self.out.read_bytes()

    def refuses(self, result, text):
        refused(result, "distrust-default")
        assert result.rc == 4, result
        assert text in result.text, result
        assert not self.out.exists() or self.out.read_bytes() == b"", result


@pytest.fixture
def desk(tmp_path, mail):
    return Desk(tmp_path, mail)


both = pytest.mark.parametrize("api", ["cms", "smime"])


@both
@pytest.mark.parametrize("more", [(), PARTIAL])
def test_an_intermediate_that_was_not_uploaded(api, more, desk, pki):
    """
    -partial_chain: libcrypto is content with any certificate of the store that nobody rejects.
    Without it, nothing ends in a certificate that vouches either.
    """
    message = desk.sign(pki.good_chain)
    conf = desk.conf()
    trusted = desk.bundle(pki["intermediate"], pki.root) if not more else pki.intermediate
    assert stock(api, "-verify", "-in", message, "-CAfile", trusted, *more).rc == 0
    desk.refuses(desk.verify(api, message, trusted, conf, *more), NOT_UPLOADED)


@both
@pytest.mark.parametrize("more", [(), PARTIAL])
def test_an_end_entity_that_was_not_uploaded(api, more, desk, pki):
    """As an anchor of the program, and as one that is trusted explicitly."""
    message = desk.sign(pki.good_rsa)
    conf = desk.conf("contact:" + str(pki.good_p256.pem))
    trusted = pki.good_rsa.pem
    if not more:
        trusted = desk.directory / "trusted.pem"
        must(stock("x509", "-in", pki.good_rsa.pem, "-addtrust", "emailProtection",
                   "-trustout", "-out", trusted))
        more = PARTIAL
    assert stock(api, "-verify", "-in", message, "-CAfile", trusted, *more).rc == 0
    desk.refuses(desk.verify(api, message, trusted, conf, *more), NOT_UPLOADED)


@both
def test_a_chain_to_an_uploaded_root(api, desk, pki):
    """The intermediate comes from the program's store, and was not uploaded itself."""
    message = desk.sign(pki.good_chain.beside(chain=None))
    conf = desk.conf("ca:" + str(pki.ca))
    desk.passes(desk.verify(api, message, desk.bundle(pki["intermediate"], pki.root), conf))
    # The intermediate is sent along with the message.
    desk.passes(desk.verify(api, desk.sign(pki.good_chain), pki.ca, conf))


@both
def test_an_uploaded_intermediate_without_its_root(api, desk, pki):
    message = desk.sign(pki.good_chain)
    conf = desk.conf("ca:" + str(pki.intermediate))
    desk.passes(desk.verify(api, message, pki.intermediate, conf))
    desk.passes(desk.verify(api, message, pki.intermediate, conf, *PARTIAL))
    desk.passes(desk.verify(api, message, desk.bundle(pki["intermediate"], pki.root), conf))


@both
@pytest.mark.parametrize("role", ["contact", "identity"])
def test_an_uploaded_end_entity_vouches_for_itself(api, role, desk, pki):
    key = ":" + str(pki.good_rsa.key) if role == "identity" else ""
    conf = desk.conf(f"{role}:{pki.good_rsa.pem}{key}")
    desk.passes(desk.verify(api, desk.sign(pki.good_rsa), pki.good_rsa.pem, conf, *PARTIAL))
    # Other certificates of the same CA gain nothing.
    other = desk.sign(pki.good_p256)
    desk.refuses(desk.verify(api, other, desk.bundle(pki.good_rsa, pki.root), conf), NOT_UPLOADED)


@both
def test_an_uploaded_contact_must_satisfy_the_rules(api, desk, pki):
    """The rules hold for an anchor, too: libcrypto asks for no purpose of an explicitly trusted one."""
    message = desk.sign(pki.no_san)
    trusted = desk.directory / "trusted.pem"
    must(stock("x509", "-in", pki.no_san.pem, "-addtrust", "emailProtection", "-trustout",
               "-out", trusted))
    for conf in (desk.conf("contact:" + str(pki.no_san.pem)), desk.conf(trust="caller")):
        for anchor in (trusted, pki.no_san.pem):
            result = desk.verify(api, message, anchor, conf, *PARTIAL)
            refused(result, "signer-certificate")
            assert result.rc == 4 and not desk.out.exists() or desk.out.read_bytes() == b"", result


@both
def test_a_persons_ca(api, desk, family):
    """It vouches for itself alone, until it is uploaded as a CA."""
    mother, child = family["mother"], family["child"]
    conf = desk.conf(f"contact:{mother.pem}")
    desk.passes(desk.verify(api, desk.sign(mother), mother.pem, conf))
    desk.refuses(desk.verify(api, desk.sign(child), mother.pem, conf), NO_ISSUER)
    conf = desk.conf(f"ca:{mother.pem}")
    desk.passes(desk.verify(api, desk.sign(child), mother.pem, conf))
    # As in a program with its own trust store.
    for kept, done in (("contact", False), ("ca", True)):
        conf = desk.conf(f"{kept}:{mother.pem}", trust="caller")
        assert (desk.verify(api, desk.sign(child), mother.pem, conf).rc == 0) == done


@both
@pytest.mark.parametrize("purpose", [(), ("-purpose", "any"), ("-purpose", "sslclient")])
def test_another_purpose_is_no_way_round(api, purpose, desk, pki):
    message = desk.sign(pki.good_chain)
    conf = desk.conf()
    for trusted, more in ((pki.intermediate, PARTIAL), (pki.ca, ())):
        result = desk.verify(api, message, trusted, conf, *more, *purpose)
        if purpose == ("-purpose", "sslclient"):
            assert result.rc != 0, result
        else:
            desk.refuses(result, NOT_UPLOADED)


@both
def test_the_systems_store_does_not_count(api, desk, pki):
    message = desk.sign(pki.good_rsa)
    env = {"SSL_CERT_FILE": pki.ca}
    assert run(OPENSSL, api, "-verify", "-in", message, conf="/dev/null", env=env).rc == 0
    desk.refuses(desk.verify(api, message, None, desk.conf(), env=env), NOT_UPLOADED)
    desk.passes(desk.verify(api, message, None, desk.conf("ca:" + str(pki.ca)), env=env))


@both
def test_what_a_trusted_certificate_rejects_stays_rejected(api, desk, pki):
    rejecting = desk.directory / "rejecting.pem"
    must(stock("x509", "-in", pki.ca, "-addreject", "emailProtection", "-trustout",
               "-out", rejecting))
    result = desk.verify(api, desk.sign(pki.good_rsa), rejecting, desk.conf("ca:" + str(pki.ca)))
    assert result.rc == 4 and "certificate rejected" in result.text, result


@both
def test_a_keyring_that_cannot_be_read(api, desk, pki):
    message = desk.sign(pki.good_rsa)
    conf = desk.conf("ca:" + str(pki.ca))
    keyring = next(desk.directory.glob("keyring*"))
    keyring.chmod(0o777)
    result = desk.verify(api, message, pki.ca, conf)
    assert result.rc == 4 and "can be written by others than its owner" in result.text, result
    assert not desk.out.exists() or desk.out.read_bytes() == b"", result
    keyring.chmod(0o755)
    (keyring / "certificates.db").write_bytes(b"nonsense" * 1000)
    result = desk.verify(api, message, pki.ca, conf)
    assert result.rc == 4 and "keyring cannot be used" in result.text, result


def test_without_a_keyring_nobody_is_trusted(desk, pki):
    conf = write_conf(desk.directory / "none.cnf", {"trust": "keyring"})
    desk.refuses(desk.verify("cms", desk.sign(pki.good_rsa), pki.ca, conf), NOT_UPLOADED)
    missing = write_conf(desk.directory / "missing.cnf",
                         {"trust": "keyring", "keyring": desk.directory / "nowhere"})
    result = desk.verify("cms", desk.sign(pki.good_rsa), pki.ca, missing)
    assert result.rc == 4 and "there is no keyring in" in result.text, result


def test_the_decision_is_logged(desk, pki):
    log = desk.directory / "log"
    message = desk.sign(pki.good_rsa)
    desk.verify("cms", message, pki.ca, desk.conf(decision_log=log))
    assert '"distrust-default"' in log.read_text()
    conf = desk.conf("ca:" + str(pki.ca), decision_log=log)
    log.unlink()
    max(desk.directory.glob("keyring*"), key=lambda path: path.stat().st_mtime_ns).chmod(0o777)
    desk.verify("cms", message, pki.ca, conf)
    assert "can be written by others" in log.read_text()


@pytest.mark.parametrize("api", ["pkcs7", "cms"])
def test_php(api, desk, pki):
    """Also if PHP's default store has the CA."""
    message = desk.sign(pki.good_rsa)
    code = f"exit(openssl_{api}_verify($argv[1], 0) === true ? 0 : 1);"
    path = paths.Php("PHP", api, conf=desk.conf())
    env = {"SSL_CERT_FILE": pki.ca}
    assert run(PHP, "-n", "-r", code, message, conf="/dev/null", env=env).rc == 0
    assert run(PHP, "-n", "-r", code, message, conf=path.conf, env=env).rc == 1
    refused(path.verify(message, pki.ca, desk.out), "distrust-default")
    assert not desk.out.exists() or desk.out.read_bytes() == b""
    path.conf = desk.conf("ca:" + str(pki.ca))
    assert path.verify(message, pki.ca, desk.out).rc == 0
    assert run(PHP, "-n", "-r", code, message, conf=path.conf, env=env).rc == 0
