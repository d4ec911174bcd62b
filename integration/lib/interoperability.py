# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
"""
What other programs write, made by them during the test, and what we read of it.

A section is a function that yields rows.  To add one:

    @section("Mails", "What is said above the table.")
    def mails(world):
        yield Row("mutt", version("mutt", "-v"), "how it was made", "what became of it")

Rows of a program that is not installed are left out; the page then keeps those it has.
"""

import json
import os
import re
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

import interoperability_certificates as certificates
import interoperability_mail
from harness import COMMAND, must, run, stock

SECRET = "correct horse"


@dataclass(frozen=True)
class Row:
    """One kind of input.  The version is shown, and not compared."""

    program: str
    version: str
    form: str
    result: str

    def cells(self):
        return (self.program, self.version, self.form, self.result)


@dataclass(frozen=True)
class Section:
    title: str
    words: str
    rows: object  # function of a World, which yields rows


@dataclass
class World:
    """The certificates and the directory that the sections work with."""

    pki: object
    directory: Path


SECTIONS = []


def section(title, words):
    """Register a function that yields rows."""
    def register(rows):
        SECTIONS.append(Section(title, words, rows))
        return rows
    return register


def version(*argv):
    """The first number with a dot in the program's version text."""
    found = re.search(r"\d+\.\d[\w.]*", run(*argv).text)
    return found[0] if found else "?"


def package_version(package):
    """The version of a package, for programs that do not print theirs."""
    number = run("dpkg-query", "-W", "-f", "${Version}", package).text.split(":")[-1]
    return re.split("[-+~]", number)[0] or "?"


# --- PKCS#12


class Maker:
    """Writes a PKCS#12 in a directory of its own, under the passphrase in |secret|."""

    def __init__(self, world, index, secret=SECRET):
        self.pki = world.pki
        self.directory = world.directory / f"p12-{index}"
        self.directory.mkdir(parents=True)
        self.out = self.directory / "out.p12"
        self.secret = self.directory / "secret"
        self.secret.write_text(secret + "\n")
        self.utf8 = {"LC_ALL": "C.UTF-8", "HOME": str(self.directory)}

    def openssl(self, *options, names=("good_rsa",), out=None):
        """`openssl pkcs12 -export` of the first of |names|, with the certificates of the others."""
        first, *more = [self.pki[name] for name in names]
        bundle = self.joined("along.pem", [cert.pem for cert in more])
        along = ["-certfile", bundle] if more else []
        return must(stock("pkcs12", "-export", "-inkey", first.key, "-in", first.pem, *along,
                          "-name", first.name, "-passout", f"file:{self.secret}", *options,
                          "-out", out or self.out))

    def joined(self, name, paths):
        path = self.directory / name
        path.write_text("".join(part.read_text() for part in paths))
        return path

    def nss(self, *options):
        """In an NSS database, as Firefox and Thunderbird have it, and out of it again."""
        db = f"sql:{self.directory}"
        must(run("certutil", "-N", "-d", db, "--empty-password", env=self.utf8))
        one = self.directory / "one.p12"
        self.openssl(out=one)
        must(run("pk12util", "-d", db, "-i", one, "-w", self.secret, env=self.utf8))
        must(run("pk12util", "-d", db, "-o", self.out, "-n", "good_rsa", "-w", self.secret, *options,
                 env=self.utf8))

    def gnutls(self, *options, names=("good_rsa",)):
        """certtool has no file for a passphrase."""
        certs = [self.pki[name] for name in names]
        must(run("certtool", "--load-certificate", self.joined("certs", [c.pem for c in certs]),
                 "--load-privkey", self.joined("keys", [c.key for c in certs]), "--to-p12",
                 "--outder", "--p12-name", "alice", "--password", self.secret.read_text().rstrip("\n"),
                 *options, "--outfile", self.out, env=self.utf8))

    def gpgsm(self):
        """gpgsm's agent needs a short path.  gpgsm stores no certificate without its issuer."""
        cert = self.pki.self_leaf
        home = Path(tempfile.mkdtemp(prefix="gp"))
        gpgsm = ("gpgsm", "--homedir", home, "--batch", "--pinentry-mode", "loopback",
                 "--passphrase-fd", "0")
        one = self.directory / "one.p12"
        must(stock("pkcs12", "-export", "-legacy", "-inkey", cert.key, "-in", cert.pem,
                   "-passout", f"file:{self.secret}", "-out", one))
        try:
            must(run(*gpgsm, "--import", one, stdin=self.secret.read_bytes(), env=self.utf8))
            must(run(*gpgsm, "-o", self.out, "--export-secret-key-p12", cert.recipe.address,
                     stdin=self.secret.read_bytes(), env=self.utf8))
        finally:
            run("gpgconf", "--homedir", home, "--kill", "all", env=self.utf8)
            shutil.rmtree(home, ignore_errors=True)

    def keytool(self, *options, names=("good_rsa",)):
        for name in names:
            one = self.directory / f"{name}.p12"
            self.openssl(names=(name,), out=one)
            must(run("keytool", *options, "-importkeystore", "-srckeystore", one,
                     "-srcstorepass:file", self.secret, "-destkeystore", self.out,
                     "-deststoretype", "PKCS12", "-deststorepass:file", self.secret, env=self.utf8))


OLD = ("-legacy", "-macalg", "sha1")
NSS_OLD = ("-c", "PKCS #12 V2 PBE With SHA-1 And 3KEY Triple DES-CBC",
           "-C", "PKCS #12 V2 PBE With SHA-1 And 40 Bit RC2 CBC")
UMLAUTS = "Grüße aus Köln"

# (program, what it needs, version, form, how it is made, passphrase)
PKCS12 = [
    ("OpenSSL", "openssl", ("openssl", "version"), "as it is by default: AES-256, MAC SHA-256",
     Maker.openssl, SECRET),
    ("OpenSSL", "openssl", ("openssl", "version"), "two certificates and their issuers along",
     lambda m: m.openssl(names=("good_rsa", "good_p256", "root")), SECRET),
    ("OpenSSL", "openssl", ("openssl", "version"), "`-legacy`, as OpenSSL 1 wrote: RC2-40 and 3DES, MAC SHA-1",
     lambda m: m.openssl("-legacy"), SECRET),
    ("OpenSSL, in the form of Windows", "openssl", ("openssl", "version"),
     "RC2-40 and 3DES, MAC SHA-1, 2,000 iterations, with the name of a Microsoft provider",
     lambda m: m.openssl(*OLD, "-iter", "2000", "-LMK", "-CSP",
                         "Microsoft Enhanced Cryptographic Provider v1.0"), SECRET),
    ("OpenSSL, in the form of Windows", "openssl", ("openssl", "version"),
     "3DES for both, MAC SHA-1, 2,000 iterations (TripleDES-SHA1)",
     lambda m: m.openssl("-descert", "-keypbe", "PBE-SHA1-3DES", "-macalg", "sha1", "-iter", "2000"),
     SECRET),
    ("OpenSSL, in the form of macOS", "openssl", ("openssl", "version"),
     "RC2-40 and 3DES, MAC SHA-1 of one iteration", lambda m: m.openssl(*OLD, "-nomaciter"), SECRET),
    ("OpenSSL, in the form of old programs", "openssl", ("openssl", "version"), "RC4-128 for both",
     lambda m: m.openssl("-legacy", "-certpbe", "PBE-SHA1-RC4-128", "-keypbe", "PBE-SHA1-RC4-128"),
     SECRET),
    ("OpenSSL", "openssl", ("openssl", "version"), "an empty passphrase", Maker.openssl, ""),
    ("OpenSSL", "openssl", ("openssl", "version"), "a passphrase with other letters than ASCII",
     Maker.openssl, UMLAUTS),
    ("OpenSSL", "openssl", ("openssl", "version"), "no MAC, both encrypted",
     lambda m: m.openssl("-nomac", "-certpbe", "AES-256-CBC", "-keypbe", "AES-256-CBC"), SECRET),
    ("OpenSSL", "openssl", ("openssl", "version"), "no MAC, nothing encrypted",
     lambda m: m.openssl("-nomac", "-certpbe", "NONE", "-keypbe", "NONE"), None),
    ("NSS (Firefox, Thunderbird)", "pk12util", "libnss3-tools", "as it is by default: AES, MAC SHA-256",
     Maker.nss, SECRET),
    ("NSS (Firefox, Thunderbird)", "pk12util", "libnss3-tools", "as it was: RC2-40 and 3DES",
     lambda m: m.nss(*NSS_OLD), SECRET),
    ("NSS (Firefox, Thunderbird)", "pk12util", "libnss3-tools",
     "a passphrase with other letters than ASCII", Maker.nss, UMLAUTS),
    ("GnuTLS certtool", "certtool", ("certtool", "--version"), "as it is by default: AES-128, MAC SHA-256",
     Maker.gnutls, SECRET),
    ("GnuTLS certtool", "certtool", ("certtool", "--version"), "`--pkcs-cipher 3des-pkcs12`",
     lambda m: m.gnutls("--pkcs-cipher", "3des-pkcs12"), SECRET),
    ("GnuTLS certtool", "certtool", ("certtool", "--version"), "`--pkcs-cipher rc2-40`",
     lambda m: m.gnutls("--pkcs-cipher", "rc2-40"), SECRET),
    ("GnuTLS certtool", "certtool", ("certtool", "--version"), "`--pkcs-cipher arcfour`",
     lambda m: m.gnutls("--pkcs-cipher", "arcfour"), SECRET),
    ("GnuTLS certtool", "certtool", ("certtool", "--version"), "two identities in one file",
     lambda m: m.gnutls(names=("good_rsa", "good_p256")), SECRET),
    ("gpgsm", "gpgsm", ("gpgsm", "--version"), "`--export-secret-key-p12`: RC2-40 and 3DES",
     Maker.gpgsm, SECRET),
    ("gpgsm", "gpgsm", ("gpgsm", "--version"), "a passphrase with other letters than ASCII",
     Maker.gpgsm, UMLAUTS),
    ("Java keytool", "keytool", ("java", "-version"), "as it is by default", Maker.keytool, SECRET),
    ("Java keytool", "keytool", ("java", "-version"), "`keystore.pkcs12.legacy`: RC2-40 and 3DES",
     lambda m: m.keytool("-J-Dkeystore.pkcs12.legacy"), SECRET),
    ("Java keytool", "keytool", ("java", "-version"), "two identities in one file",
     lambda m: m.keytool(names=("good_rsa", "good_p256")), SECRET),
]


def counted(number, what):
    return f"{number} {what}{'' if number == 1 else 's'}"


def read_pkcs12(maker, secret):
    """What `upload` stores of it and `check` shows of it.  Both must agree."""
    given = [] if secret is None else ["--passin", f"file:{maker.secret}"]
    ring = maker.directory / "ring"
    kept = run(COMMAND, "--keyring", ring, "upload", "--json", *given,
               *([] if secret else ["--no-passphrase"]), maker.out)
    shown = run(COMMAND, "check", "--json", "--for", "upload", *given, maker.out)
    assert kept.out and shown.out, (kept, shown)
    stored, checked = json.loads(kept.out), json.loads(shown.out)
    assert (kept.rc, stored["unreadable"]) == (shown.rc, checked["unreadable"]), (kept, shown)
    if kept.rc != 0:
        return "; ".join(part["why"] for part in stored["unreadable"]) or "refused by a rule"
    assert (stored["stored"], stored["keys"]) == (len(checked["certificates"]), len(checked["keys"]))
    assert stored["notes"] == checked["notes"]
    note = ", by the legacy provider, with a note" if "legacy provider" in str(stored["notes"]) else ""
    return (f"read: {counted(stored['stored'], 'certificate')}, "
            f"{counted(stored['keys'], 'private key')}{note}")


@section("PKCS#12 files", "Given to `upload` and to `check`, which read the same of each. What a program "
         "does that does not run here was made in its form by one that does.")
def pkcs12_files(world):
    for index, (program, needs, told, form, make, secret) in enumerate(PKCS12):
        if shutil.which(needs, path=os.defpath) is None:
            continue
        maker = Maker(world, index, secret or "")
        make(maker)
        number = package_version(told) if isinstance(told, str) else version(*told)
        yield Row(program, number, form, read_pkcs12(maker, secret))


@section("Mails", "Signed and encrypted by stock `openssl`, sent through a program, and given to `verify` "
         "and `decrypt`. A mail that is attached is another mail, and no part of this one.")
def sent_mails(world):
    directory = world.directory / "mails"
    directory.mkdir()
    for row in interoperability_mail.mails(world.pki, directory):
        yield Row(*row)


@section("Certificates", "Made with the shortest instructions of the program's own manual, and given "
         "to `check --for sign`. Where a program leaves something out, the rule says which.")
def issued_certificates(world):
    for issuer in certificates.ISSUERS:
        if certificates.missing(issuer) is None:
            directory = world.directory / f"certificate-{issuer.package}"
            directory.mkdir()
            program, package, form, result = certificates.row(issuer, directory)
            yield Row(program, package_version(package), form, result)


# --- the page


HEAD = """\
# Interoperability

For users and administrators: what other programs write, and what was read of it. When the tests
run, the programs make every input anew.
Generated by `SP_UPDATE_INTEROPERABILITY=1 /usr/bin/python3 -m pytest -q integration/keyring/test_interoperability.py`;
the tests fail when anything but a version changes.
"""


def tables(world):
    """{title: [rows]}, by running everything."""
    return {part.title: list(part.rows(world)) for part in SECTIONS}


def markdown(found):
    """The file docs/results/interoperability.md."""
    lines = [HEAD]
    for part in SECTIONS:
        lines += [f"## {part.title}", "", part.words, "", "| program | version | form | result |",
                  "|---|---|---|---|"]
        lines += ["| " + " | ".join(row.cells()) + " |" for row in found[part.title]]
        lines.append("")
    return "\n".join(lines)


def without_versions(text):
    """{title: [(program, form, result)]} of a page."""
    found = {}
    for line in text.splitlines():
        if line.startswith("## "):
            rows = found.setdefault(line[3:], [])
        elif line.startswith("| ") and not line.startswith("| program "):
            program, _, form, result = line.strip("| ").split(" | ")
            rows.append((program, form, result))
    return found
