# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
"""
The certificates of the tests, made with stock openssl, each with its own key.

Every recipe names the rules that may refuse each use; none if the use is allowed.  These are the expectations
of the tests: they were written down from the rules, and no code of ours computes them.  For `verify` it is
the upload rule that `signer-certificate` finds violated, or that rule itself.
"""

import copy
import datetime
import fcntl
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from harness import must, stock

# A failure of stock itself, without a rule id of ours.
STOCK = "stock"

GOOD = ("20200101000000Z", "20991231235959Z")
EXPIRED = ("20150101000000Z", "20210101000000Z")
FUTURE = ("20900101000000Z", "20991231235959Z")
# The dates of the guide's own example.
GUIDE = ("20230801142028Z", "20240731142028Z")

BOTH = "digitalSignature,keyEncipherment"


def around_now(first_day, last_day):
    """Dates relative to now, for the two rules that need them."""
    now = datetime.datetime.now(datetime.timezone.utc)
    return tuple((now + datetime.timedelta(days=days)).strftime("%Y%m%d%H%M%SZ")
                 for days in (first_day, last_day))


@dataclass(frozen=True)
class Recipe:
    """One certificate and what the rules say of it."""

    name: str
    key: str = "rsa2048"
    dates: tuple = GOOD
    usage: str | None = BOTH
    extended: str | None = "emailProtection"
    san: str | None = "email:{name}@example.com"
    constraints: str = "CA:FALSE"
    issuer: str = "root"
    digest: str = "sha256"
    same_key_as: str | None = None
    sign: tuple = ()
    encrypt: tuple = ()
    verify: tuple = ()
    test: bool = True  # every path is tried with this certificate

    @property
    def address(self):
        return f"{self.name}@example.com"


def _unusable(name, *rules, **how):
    """A certificate refused by the same rules for every use but decryption."""
    return Recipe(name, sign=rules, encrypt=rules, verify=rules, **how)


def _recipes():
    yield Recipe("root", key="p256", usage="keyCertSign,cRLSign", extended=None, san=None,
                 constraints="critical,CA:TRUE", issuer="root", test=False)
    yield Recipe("foreign_root", key="p256", usage="keyCertSign,cRLSign", extended=None, san=None,
                 constraints="critical,CA:TRUE", issuer="foreign_root", test=False)
    yield Recipe("intermediate", key="p256", usage="keyCertSign,cRLSign", extended=None, san=None,
                 constraints="critical,CA:TRUE", test=False)
    yield Recipe("old_intermediate", key="p256", usage="keyCertSign,cRLSign", extended=None,
                 san=None, constraints="critical,CA:TRUE", dates=EXPIRED, test=False)
    # A person's own certificate, with more rights than a person needs.
    yield Recipe("person_ca", usage=BOTH + ",keyCertSign", extended=None, constraints="CA:TRUE",
                 issuer="person_ca", test=False)

    yield Recipe("good_rsa")
    yield Recipe("good_p256", key="p256")
    yield Recipe("good_p384", key="p384")
    yield Recipe("good_p521", key="p521")
    yield Recipe("good_chain", issuer="intermediate")
    yield Recipe("rsa_pss", key="rsapss", encrypt=("key-algorithm",))
    yield Recipe("dsa", key="dsa", usage="digitalSignature", sign=("key-algorithm",),
                 encrypt=("key-algorithm",), verify=("key-algorithm",))
    yield _unusable("ed25519", "key-algorithm", key="ed25519")

    yield Recipe("expired", dates=EXPIRED, sign=("expired",), encrypt=("expired",),
                 verify=(STOCK,))
    yield Recipe("expired_ec", key="p256", dates=EXPIRED, sign=("expired",),
                 encrypt=("expired",), verify=(STOCK,))
    yield Recipe("future", dates=FUTURE, sign=("not-yet-valid",), encrypt=("not-yet-valid",),
                 verify=(STOCK,))
    yield Recipe("guide", dates=GUIDE, usage="digitalSignature,nonRepudiation,keyEncipherment",
                 sign=("expired",), encrypt=("expired",), verify=(STOCK,))
    yield Recipe("renewed_old", dates=EXPIRED, san="email:renewed@example.com",
                 sign=("expired",), encrypt=("expired",), verify=(STOCK,))
    yield Recipe("renewed_new", san="email:renewed@example.com", same_key_as="renewed_old")

    yield _unusable("no_san", "san-email", san=None)
    yield _unusable("san_dns", "san-email", san="DNS:mail.example.com")
    yield _unusable("san_uri", "san-email", san="URI:mailto:san_uri@example.com")
    yield _unusable("san_dns_trick", "san-email", san="@trick")
    yield _unusable("san_upn", "san-email",
                    san="otherName:1.3.6.1.4.1.311.20.2.3;UTF8:san_upn@example.com")

    yield Recipe("no_ku", usage=None, sign=("key-usage",), encrypt=("key-usage",))
    yield Recipe("ku_ds", usage="digitalSignature", encrypt=("usage-encrypt",))
    yield Recipe("ku_ke", usage="keyEncipherment", sign=("usage-sign",), verify=("signer-certificate",))
    yield Recipe("ku_nr", usage="nonRepudiation", sign=("key-usage",), encrypt=("key-usage",))
    yield Recipe("ku_de", usage="dataEncipherment", sign=("key-usage",), encrypt=("key-usage",),
                 verify=("signer-certificate",))
    yield Recipe("ku_ka", usage="keyAgreement", sign=("key-usage",), encrypt=("key-usage",),
                 verify=("signer-certificate",))
    yield Recipe("ku_ds_ec", key="p256", usage="digitalSignature", encrypt=("usage-encrypt",))
    yield Recipe("ku_ke_ec", key="p256", usage="keyEncipherment", sign=("usage-sign",),
                 verify=("signer-certificate",))
    yield Recipe("ku_ka_ec", key="p256", usage="keyAgreement", sign=("key-usage",),
                 encrypt=("key-usage",), verify=("signer-certificate",))
    yield Recipe("ku_ds_ka_ec", key="p256", usage="digitalSignature,keyAgreement")

    yield Recipe("no_eku", extended=None)
    yield Recipe("eku_both", extended="serverAuth,emailProtection")
    yield Recipe("eku_any_too", extended="anyExtendedKeyUsage,emailProtection")
    yield _unusable("eku_server", "extended-key-usage", extended="serverAuth")
    yield _unusable("eku_any", "extended-key-usage", extended="anyExtendedKeyUsage")

    yield Recipe("self_ca", usage=BOTH, extended=None, constraints="CA:TRUE", issuer="self_ca")
    yield Recipe("self_leaf", issuer="self_leaf")
    yield _unusable("self_no_san", "san-email", san=None, issuer="self_no_san")
    yield _unusable("self_ca_web", "extended-key-usage", extended="serverAuth",
                    constraints="CA:TRUE", issuer="self_ca_web")
    yield _unusable("ca_only", "san-email", usage="keyCertSign,cRLSign", extended=None, san=None,
                    constraints="critical,CA:TRUE")

    yield Recipe("foreign", issuer="foreign_root", test=False)
    yield Recipe("old_chain", issuer="old_intermediate", test=False)
    # Several certificates of one address, and issuers that only a keyring tells apart.
    yield Recipe("split_sign", usage="digitalSignature", san="email:split@example.com",
                 encrypt=("usage-encrypt",), test=False)
    yield Recipe("split_encrypt", usage="keyEncipherment", san="email:split@example.com",
                 sign=("usage-sign",), verify=("signer-certificate",), test=False)
    yield Recipe("minted", issuer="person_ca", test=False)
    # Certificates of servers: good for their own work, none of it mail.
    yield _unusable("web_rsa", "san-email", san="DNS:localhost,IP:127.0.0.1",
                    extended="serverAuth,clientAuth", test=False)
    yield _unusable("web_ec", "san-email", key="p256", usage="digitalSignature",
                    san="DNS:localhost,IP:127.0.0.1", extended="serverAuth,clientAuth", test=False)
    yield _unusable("stamper", "san-email", key="p256", usage="digitalSignature", san=None,
                    extended="critical,timeStamping", test=False)
    # What the rules beyond the guide's look at.  `modern` has nothing to remark on.
    yield Recipe("modern", dates=around_now(-1, 700), test=False)
    yield Recipe("weak_key", key="rsa1024", dates=around_now(-1, 700), test=False)
    yield Recipe("sha1", digest="sha1", dates=around_now(-1, 700), test=False)
    yield Recipe("any_too", extended="anyExtendedKeyUsage,emailProtection",
                 dates=around_now(-1, 700), test=False)
    yield Recipe("long_lived", dates=around_now(-1, 2000), test=False)
    yield Recipe("ending", dates=around_now(-100, 10), test=False)


RECIPES = {recipe.name: recipe for recipe in _recipes()}
TESTED = [recipe for recipe in RECIPES.values() if recipe.test]

KEYS = {
    "rsa2048": ["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"],
    "rsa1024": ["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:1024"],
    "rsapss": ["genpkey", "-algorithm", "RSA-PSS", "-pkeyopt", "rsa_keygen_bits:2048"],
    "p256": ["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"],
    "p384": ["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384"],
    "p521": ["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-521"],
    "dsa": ["dsaparam", "-genkey", "-noout", "1024"],
    "ed25519": ["genpkey", "-algorithm", "ED25519"],
}

CA_CONF = """
[req]
distinguished_name = dn
[dn]
[ca]
default_ca = authority
[authority]
database = {dir}/index.txt
new_certs_dir = {dir}
rand_serial = yes
unique_subject = no
default_md = sha256
policy = anything
[anything]
commonName = supplied
emailAddress = optional
[leaf]
basicConstraints = {constraints}
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
{extensions}
[trick]
DNS.1 = "foo.example, email:victim@example.org"
"""


class Certificate:
    """A recipe with its files."""

    def __init__(self, directory, recipe):
        self.recipe = recipe
        self.name = recipe.name
        self.directory = directory
        self.pem = directory / f"{recipe.name}.pem"
        self.key = directory / f"{recipe.same_key_as or recipe.name}.key"
        # The certificates that must be sent along and trusted.
        intermediate = RECIPES[recipe.issuer].issuer != recipe.issuer
        self.chain = directory / f"{recipe.issuer}.pem" if intermediate else None
        self.anchor = directory / ("root.pem" if intermediate else f"{recipe.issuer}.pem")

    def __repr__(self):
        return f"<{self.name}>"

    def beside(self, **files):
        """The same certificate with another key or chain file."""
        other = copy.copy(self)
        other.__dict__.update(files)
        return other


class Pki:
    """All certificates; `pki.good_rsa.pem`, `pki["good_rsa"]`."""

    def __init__(self, directory):
        self.directory = Path(directory)
        self._certs = {name: Certificate(self.directory, recipe)
                       for name, recipe in RECIPES.items()}
        self.ca = self["root"].pem
        self.intermediate = self["intermediate"].pem
        self.directory.mkdir(exist_ok=True)
        # Whoever comes second, in another process, waits and finds all of it.
        with open(self.directory / "made", "a+", encoding="ascii") as made:
            fcntl.flock(made, fcntl.LOCK_EX)
            if made.seek(0, os.SEEK_END) == 0:
                self._make()
                made.write("yes")

    def _make(self):
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(self._make_key, [c for c in self._certs.values()
                                           if c.recipe.same_key_as is None]))
            # Issuers come first in the table; the rest is independent.
            certs = list(self._certs.values())
            for cert in certs[:5]:
                self._make_cert(cert)
            list(pool.map(self._make_cert, certs[5:]))

    def __getitem__(self, name):
        return self._certs[name]

    def __getattr__(self, name):
        if name.startswith("_"):
            raise AttributeError(name)
        return self._certs[name]

    @staticmethod
    def _make_key(cert):
        program, *how = KEYS[cert.recipe.key]
        must(stock(program, "-out", cert.key, *how))

    def _make_cert(self, cert):
        recipe = cert.recipe
        work = self.directory / f"{cert.name}.ca"
        work.mkdir()
        (work / "index.txt").write_text("")
        extensions = [f"keyUsage = {recipe.usage}"] if recipe.usage else []
        if recipe.extended:
            extensions.append(f"extendedKeyUsage = {recipe.extended}")
        if recipe.san:
            extensions.append("subjectAltName = " + recipe.san.format(name=recipe.name))
        conf = work / "ca.cnf"
        conf.write_text(CA_CONF.format(dir=work, constraints=recipe.constraints,
                                       extensions="\n".join(extensions)))
        # An address in the subject must never count.
        subject = f"/CN={cert.name}/emailAddress={recipe.address}"
        must(stock("req", "-new", "-config", conf, "-key", cert.key, "-subj", subject,
                   "-out", work / "csr"))
        issuer = self[recipe.issuer]
        by = (["-selfsign", "-keyfile", cert.key] if issuer is cert else
              ["-cert", issuer.pem, "-keyfile", issuer.key])
        must(stock("ca", "-batch", "-notext", "-config", conf, "-extensions", "leaf",
                   "-md", recipe.digest, "-startdate", recipe.dates[0],
                   "-enddate", recipe.dates[1], *by, "-in", work / "csr", "-out", cert.pem))
