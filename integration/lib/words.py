# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
"""
The messages of the command: command lines as users type them, run by a shell, and the output of each.

A section is a command.  Its lines run in order, in a home of its own with a keyring, so a line may change
what the next one finds.
"""

import datetime
import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

from crl_maker import DAY, NOW, crl, delta_of, entry, issuer_of_entry, scope
from der import subject_of
from harness import COMMAND, OPENSSL, REPO, environment, must, run, stock
from terminal import Terminal

# Every command of the program.
COMMANDS = re.findall(r'\{ "(\w+)", (?:NULL|shim_run_)', (REPO / "shim" / "tool" / "tool.c").read_text())
assert {"sign", "cms", "keyring", "doctor"} <= set(COMMANDS)

# A day for which every certificate of the page is judged, as if it were today.
WHEN = re.compile(r"\b(\d{4})-(\d\d)-(\d\d)(T\d\d:\d\d:\d\dZ)?\b")
ERROR = re.compile(r"^[0-9A-F]+:error:[0-9A-F]+:([^:]*):([^:]*):([^:]*):[^:]*:\d+:(.*)$", re.M)

MAIL = "Content-Type: text/plain\n\nDear Bob,\n\nthe contract is ready.\n"
LETTER = "From: Alice <alice@example.com>\nTo: Bob <bob@example.com>\nSubject: contract\n" + MAIL


@dataclass(frozen=True)
class Line:
    """A command line; |typed| is what its user types at a terminal, if it runs at one."""

    words: str
    typed: tuple = ()


def section(name, *lines):
    return name, [Line(line) if isinstance(line, str) else line for line in lines]


SECTIONS = [
    section(
        "smime-policy",
        "smime-policy", "smime-policy frobnicate", "smime-policy --frobnicate", "smime-policy --policy",
        "smime-policy --policy nosuch.cnf list", "smime-policy --policy bad.cnf list",
        "smime-policy help frobnicate", "smime-policy version extra",
        "smime-policy --keyring /dev/null list"),
    section(
        "sign",
        "smime-policy sign", "smime-policy sign -in mail.eml", "smime-policy sign --frobnicate",
        "smime-policy sign -in", "smime-policy sign -verify -in mail.eml",
        "smime-policy sign --from alice@example.com -passin file:secret -in nosuch.eml",
        "smime-policy sign --from alice@example.com -passin file:secret -in mail.eml -out signed.eml",
        "smime-policy sign --from alice@example.com -passin file:wrong -in mail.eml -out out.eml",
        "smime-policy sign --from carol@example.com -in mail.eml -out out.eml",
        "smime-policy sign --from nobody@example.com -in mail.eml -out out.eml",
        "smime-policy sign --from alice -in mail.eml -out out.eml",
        "smime-policy sign --headers -in mail.eml -out out.eml",
        "smime-policy sign -signer carol.pem -inkey carol.key -in mail.eml -out out.eml",
        "smime-policy sign -signer dave.pem -inkey dave.key -in mail.eml -out out.eml",
        "smime-policy sign -signer erin.pem -inkey bob.key -in mail.eml -out out.eml",
        "smime-policy sign -signer nosuch.pem -in mail.eml -out out.eml",
        "smime-policy sign -signer garbage -in mail.eml -out out.eml",
        "smime-policy sign -signer smimepolicy:identity/alice@example.com -passin file:secret "
        "-in mail.eml -out signed2.eml",
        "smime-policy --explain sign --from alice@example.com -in mail.eml -out out.eml",
        "smime-policy sign --from alice@example.com -passin file:secret -in mail.eml -out /nosuch/out.eml",
        "smime-policy --keyring /nosuch sign --from alice@example.com -in mail.eml -out out.eml"),
    section(
        "encrypt",
        "smime-policy encrypt", "smime-policy encrypt -in mail.eml",
        "smime-policy encrypt -to bob@example.com -in mail.eml -out out.eml",
        "smime-policy encrypt --to bob@example.com -in mail.eml -out sealed.eml",
        "smime-policy encrypt --to nobody@example.com --to bob@example.com -in mail.eml -out out.eml",
        "smime-policy encrypt --headers -in mail.eml -out out.eml",
        "smime-policy encrypt --headers -in hidden.eml -out out.eml",
        "smime-policy encrypt --headers --bcc separate -in hidden.eml -out apart.eml",
        "smime-policy encrypt --headers --bcc separate -in hidden.eml -out apart.eml",
        "smime-policy encrypt --headers --bcc separate -in hidden.eml",
        "smime-policy encrypt --headers --bcc hide -in hidden.eml -out out.eml",
        "smime-policy encrypt --bcc separate --to bob@example.com -in mail.eml -out out.eml",
        "smime-policy encrypt --headers --bcc separate -in hidden.eml -out out.eml carol.pem",
        "smime-policy encrypt -in mail.eml -out out.eml carol.pem",
        "smime-policy encrypt -in mail.eml -out out.eml dave.pem",
        "smime-policy encrypt -in mail.eml -out out.eml nosuch.pem",
        "smime-policy encrypt -in mail.eml -out out.eml garbage",
        "smime-policy encrypt -in mail.eml -out sealed2.eml smimepolicy:contact/bob@example.com",
        "smime-policy encrypt -in mail.eml -out out.eml smimepolicy:contact/nobody@example.com",
        "smime-policy encrypt -in mail.eml -out out.eml smimepolicy:bob@example.com",
        "smime-policy --keyring /nosuch encrypt -in mail.eml -out out.eml "
        "smimepolicy:contact/bob@example.com",
        "smime-policy encrypt -pwri_password secret -in mail.eml -out out.eml"),
    section(
        "decrypt",
        "smime-policy decrypt -in sealed-mail.eml -passin file:secret",
        "smime-policy decrypt -in sealed-mail.eml -passin file:wrong",
        "smime-policy decrypt -in sealed-stranger.eml", "smime-policy decrypt -in mail.eml",
        "smime-policy decrypt -in garbage", "smime-policy decrypt </dev/null",
        "smime-policy decrypt -in nosuch.eml",
        "smime-policy --keyring /nosuch decrypt -in sealed-mail.eml"),
    section(
        "verify",
        "smime-policy verify -in signed-mail.eml", "smime-policy verify -in signed-letter.eml",
        "smime-policy verify -in signed-mail.eml --sender bob@example.com",
        "smime-policy verify -in forged.eml", "smime-policy verify -in changed.eml",
        "smime-policy verify -in signed-stranger.eml", "smime-policy verify -in mail.eml",
        "smime-policy verify -in sealed-mail.eml", "smime-policy verify </dev/null",
        "smime-policy verify -in garbage", "smime-policy verify -in nosuch.eml",
        "smime-policy verify -noverify -in signed-mail.eml",
        "smime-policy verify -in two.eml", "smime-policy verify --any-signer -in two.eml",
        "smime-policy verify --any-signer -in signed-stranger.eml",
        "smime-policy verify -CAfile nosuch.pem -in signed-mail.eml",
        "smime-policy --keyring /nosuch verify -in signed-mail.eml"),
    section(
        "cms and smime",
        "smime-policy cms -frobnicate", "smime-policy cms -encrypt -in mail.eml -out out.eml carol.pem",
        "smime-policy smime -encrypt -in mail.eml -out out.eml dave.pem",
        "smime-policy smime -verify -in forged.eml"),
    section(
        "openssl with the installed configuration",
        "openssl cms -encrypt -aes256 -in mail.eml -out sealed3.eml smimepolicy:contact/bob@example.com",
        "openssl cms -encrypt -aes256 -in mail.eml -out out.eml smimepolicy:contact/nobody@example.com",
        "openssl cms -encrypt -aes256 -in mail.eml -out out.eml carol.pem",
        "HOME=/nosuch openssl cms -encrypt -aes256 -in mail.eml -out out.eml "
        "smimepolicy:contact/bob@example.com",
        "env -u HOME openssl cms -encrypt -aes256 -in mail.eml -out out.eml "
        "smimepolicy:contact/bob@example.com"),
    section(
        "check",
        "smime-policy check", "smime-policy check --for bake bob.pem", "smime-policy check --frobnicate",
        "smime-policy check --at yesterday bob.pem", "smime-policy check --for encrypt bob.pem",
        "smime-policy check --for sign --for encrypt carol.pem", "smime-policy check --for encrypt dave.pem",
        "smime-policy check --key bob.key erin.pem", "smime-policy check --key alice.key alice.pem",
        "smime-policy check --key alice.key --passin file:wrong alice.pem",
        "smime-policy check --key alice.key --passin file:secret --for sign alice.pem",
        "smime-policy check --passin stdin alice.p12 <wrong", "smime-policy check --passin secret alice.p12",
        "smime-policy check alice.p12", "smime-policy check nosuch.pem", "smime-policy check folder",
        "smime-policy check garbage", "smime-policy check garbage.der", "smime-policy check empty",
        "smime-policy check cut.pem", "smime-policy check mail.eml", "smime-policy check alice.key",
        "smime-policy check - <bob.pem"),
    section(
        "new",
        "smime-policy new", "smime-policy new alice", "smime-policy new --frobnicate",
        "smime-policy new erin@example.com --days 1000", "smime-policy new erin@example.com --key dsa",
        "smime-policy new erin@example.com --passout pass:secret",
        "smime-policy new erin@example.com --request nosuch/erin.csr --key ec:P-256 --passout file:secret",
        Line("smime-policy --keyring new new erin@example.com --key ec:P-256", ("one\n", "two\n") * 3),
        "smime-policy new --renew nobody@example.com", "smime-policy new --issuer Nobody erin@example.com",
        "smime-policy new --ca 'Example team'"),
    section(
        "upload",
        "smime-policy upload", "smime-policy upload --as friend bob.pem", "smime-policy upload --frobnicate",
        "smime-policy upload --passin secret alice.p12", "smime-policy upload --passout pass:secret alice.p12",
        "smime-policy upload erin.pem",
        "smime-policy upload erin.pem", "smime-policy upload dave.pem bob.pem",
        "smime-policy upload --keep-going dave.pem käthe.pem", "smime-policy upload carol.pem",
        "true | smime-policy upload -", "smime-policy upload emptydir", "smime-policy upload nosuch.pem",
        "smime-policy upload garbage", "smime-policy upload garbage.der", "smime-policy upload empty",
        "smime-policy upload cut.pem", "smime-policy upload mail.eml", "smime-policy upload public.pem",
        "smime-policy upload frank.key", "smime-policy upload alice.p12",
        "smime-policy upload --passin file:wrong alice.p12",
        "smime-policy upload --passin file:nosuch alice.p12",
        "smime-policy upload --passin file:secret alice.p12",
        "smime-policy upload --no-passphrase frank.pem frank.key",
        Line("smime-policy --keyring new upload frank.pem frank.key", ("one\n", "two\n") * 3),
        Line("smime-policy --keyring new upload frank.pem frank.key", ("\x03",)),
        Line("smime-policy --keyring new upload alice.p12", ("no\n", "no\n", "no\n")),
        Line("smime-policy --keyring new upload alice.p12", ("no\n", "secret\n")),
        "smime-policy --keyring other upload dave.pem; ls other",
        "smime-policy --keyring other upload --dry-run frank.pem frank.key; ls other"),
    section(
        "CRLs",
        "smime-policy upload ca.crl", "smime-policy upload ca.crl", "smime-policy upload old.crl",
        "smime-policy upload --keep-going spoiled.crl strange.crl named.crl unnamed.crl", "smime-policy upload stale.crl",
        "smime-policy upload indirect.crl", "smime-policy upload delta.crl", "smime-policy upload part.crl",
        "smime-policy upload reasons.crl",
        "smime-policy list --crls --role ca", "smime-policy remove --crls 12345678",
        "smime-policy remove --crls --all 12345678"),
    section(
        "import",
        "smime-policy import", "smime-policy import --from gpgsm alice.p12", "smime-policy import --from nosuch",
        "smime-policy import --from emptydir", "HOME=$PWD smime-policy --keyring new import --from smime_keys",
        "PATH=/nosuch $(command -v smime-policy) import --from gpgsm",
        "smime-policy --keyring new import --from folder", "smime-policy --keyring new import --cas --from folder"),
    section(
        "collect",
        "smime-policy collect", "smime-policy collect nosuch.eml", "smime-policy collect mail.eml",
        "smime-policy collect garbage", "smime-policy collect signed-mail.eml",
        "smime-policy collect forged.eml", "smime-policy upload signed-mail.eml",
        "smime-policy collect nobody@example.com",
        "echo 'contacts = ldapi://%2Fnosuch' >directory.cnf",
        "smime-policy --policy directory.cnf collect nobody@example.com",
        "smime-policy --policy directory.cnf collect nobody@",
        "smime-policy --policy directory.cnf encrypt --to nobody@example.com -in mail.eml -out out.eml",
        "echo 'contacts_bind = /nosuch' >>directory.cnf",
        "smime-policy --policy directory.cnf collect nobody@example.com"),
    section(
        "list, show and trust",
        "smime-policy list", "smime-policy list -help | head -1", "smime-policy list -frob",
        "smime-policy list --frobnicate", "smime-policy list --role", "smime-policy list --role friend",
        "smime-policy list --role contact --role ca", "smime-policy list --state asleep",
        "smime-policy list --expiring soon", "smime-policy list --expiring 1d", "smime-policy list bob@example.com",
        "smime-policy --keyring /nosuch list",
        "smime-policy show", "smime-policy show bob@example.com", "smime-policy show nobody@example.com",
        "smime-policy show bob", "smime-policy trust", "smime-policy trust bob@example.com",
        "smime-policy trust alice@example.com", "smime-policy trust nobody@example.com"),
    section(
        "remove and export",
        "smime-policy remove", "smime-policy remove nobody@example.com",
        "smime-policy remove alice@example.com",
        "smime-policy remove --dry-run --with-key alice@example.com", "smime-policy remove bob@example.com",
        "smime-policy export", "smime-policy export nobody@example.com",
        "smime-policy export --all --keys --output everything.pem", "smime-policy upload --as exported nosuch.pem",
        "smime-policy upload --as exported garbage",
        "smime-policy upload --as exported --replace everything.pem",
        "smime-policy upload --as exported everything.pem"),
    section(
        "keyring",
        "smime-policy keyring", "smime-policy keyring frobnicate", "smime-policy keyring path",
        "smime-policy keyring check", "smime-policy keyring backup copy",
        "smime-policy keyring backup copy", "smime-policy keyring backup",
        "smime-policy keyring path alice@example.com", "smime-policy keyring check --passin file:secret",
        "smime-policy keyring passphrase", "smime-policy keyring passphrase nobody@example.com",
        "smime-policy keyring passphrase bob@example.com",
        Line("smime-policy keyring passphrase alice@example.com", ("no\n", "no\n", "no\n")),
        Line("smime-policy keyring passphrase alice@example.com", ("secret\n", "\x03")),
        Line("smime-policy keyring passphrase alice@example.com", ("secret\n", "secret\n", "secret\n")),
        "smime-policy keyring passphrase alice@example.com --passin file:wrong --passout file:secret",
        "smime-policy keyring passphrase alice@example.com --passin file:secret --passout file:empty",
        "smime-policy keyring passphrase alice@example.com --passin file:secret --no-passphrase",
        "smime-policy keyring passphrase alice@example.com --passout file:secret",
        "smime-policy --keyring /nosuch keyring check"),
    section(
        "config",
        "smime-policy config --frobnicate", "smime-policy config --lint", "smime-policy config --lint nosuch.cnf",
        "smime-policy config --lint garbage",
        "printf 'moode = observe\\ntrace = maybe\\n' >policy.cnf; smime-policy config --lint policy.cnf",
        "smime-policy config --self-test nosuch.cnf"),
    section(
        "demo and doctor",
        "smime-policy demo now", "smime-policy demo | tail -5", "smime-policy doctor now",
        "smime-policy doctor | tail -3", "smime-policy --policy bad.cnf doctor | grep ^fail -A1",
        "OPENSSL_CONF=nosuch.cnf smime-policy doctor | grep ^fail -A1",
        "TMPDIR=/nosuch smime-policy doctor | grep ^fail -A1", "TMPDIR=/nosuch smime-policy demo",
        "SMIME_POLICY_OPENSSL=/nosuch smime-policy demo 2>&1 | tail -3"),
    section(
        "maintain",
        "smime-policy maintain now", "smime-policy maintain --mail-to admin@example.com",
        "smime-policy maintain --passin file:secret", "smime-policy maintain --html -",
        "smime-policy maintain --mail-to 'a, b' --mail-from robot@example.com",
        "smime-policy --explain maintain", "smime-policy --keyring /nosuch maintain"),
    section(
        "hub and sync",
        "smime-policy hub", "smime-policy hub now", "smime-policy hub init now", "smime-policy hub status --single",
        "smime-policy hub status", "smime-policy sync", "smime-policy sync now", "smime-policy sync --whole --follow", "smime-policy --explain sync",
        "smime-policy --explain hub push",
        "echo 'hub = postgresql:///x?host=/nosuch' >hub.cnf; smime-policy --policy hub.cnf sync",
        "smime-policy --policy hub.cnf upload bob.pem",
        "echo 'hub = postgresql://me:secret@localhost/x' >hub.cnf; smime-policy --policy hub.cnf sync"),
    section(
        "report",
        "smime-policy report", "smime-policy report --html page.html --json", "smime-policy report now --json",
        "smime-policy report --html /nosuch/page.html", "smime-policy --explain report --json",
        "smime-policy --keyring /nosuch report --json"),
]

CONF = """
[req]
distinguished_name = dn
[dn]
[leaf]
basicConstraints = CA:FALSE
keyUsage = {usage}
{more}
subjectAltName = {names}
[ca]
basicConstraints = critical,CA:TRUE
keyUsage = keyCertSign,cRLSign
"""


class World:
    """The files that the command lines name, and a home with a keyring."""

    def __init__(self, directory):
        self.directory = Path(directory)
        self.here = self.directory / "here"
        self.here.mkdir()
        self.bin = self.directory / "bin"
        self.bin.mkdir()
        for name, program in (("smime-policy", COMMAND), ("openssl", OPENSSL)):
            (self.bin / name).symlink_to(program)
        self.env = environment(HOME=self.directory / "home") | {
            "PATH": f"{self.bin}:{os.defpath}", "LC_ALL": "C.UTF-8", "COLUMNS": "100"}
        self._make()

    def _certificate(self, name, *, made=(), issuer="ca", extensions="leaf", subject=None, names=None,
                     usage="digitalSignature,keyEncipherment", more="extendedKeyUsage = emailProtection"):
        at = self.here
        conf = self.directory / "leaf.cnf"
        conf.write_text(CONF.format(usage=usage, more=more,
                                    names=names or f"email:{name}@example.com"))
        must(stock("genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out",
                   at / f"{name}.key"))
        must(stock("req", "-new", "-utf8", "-config", conf, "-key", at / f"{name}.key", "-subj",
                   f"/CN={subject or name.capitalize()}", "-out", self.directory / "csr"))
        by = (["-signkey", at / f"{name}.key"] if issuer is None else
              ["-CA", at / f"{issuer}.pem", "-CAkey", at / f"{issuer}.key"])
        must(run(*made, OPENSSL, "x509", "-req", "-in", self.directory / "csr", *by, "-set_serial",
                 len(list(at.glob("*.pem"))) + 1, "-days", 700, "-extfile", conf, "-extensions",
                 extensions, "-out", at / f"{name}.pem", conf="/dev/null"))

    def _make(self):
        at = self.here
        self._certificate("ca", issuer=None, extensions="ca", subject="Commercial CA")
        for name in ("alice", "bob", "erin"):
            self._certificate(name)
        self._certificate("carol", made=["faketime", "2020-01-01 00:00:00"])
        self._certificate("dave", names="DNS:www.example.com", more="extendedKeyUsage = serverAuth")
        for name in ("frank", "stranger"):
            self._certificate(name, issuer=None)
        self._certificate("käthe", subject="Käthe", names="email:kaethe@example.com")
        (at / "secret").write_text("secret\n")
        (at / "wrong").write_text("wrong\n")
        must(stock("pkcs12", "-export", "-in", at / "alice.pem", "-inkey", at / "alice.key", "-passout",
                   "pass:secret", "-out", at / "alice.p12"))
        must(stock("pkey", "-in", at / "bob.key", "-pubout", "-out", at / "public.pem"))
        plain = at / "alice.plain"
        (at / "alice.key").rename(plain)
        must(stock("pkey", "-in", plain, "-aes256", "-passout", "pass:secret", "-out", at / "alice.key"))
        (at / "garbage").write_text("This is no certificate.\n")
        (at / "garbage.der").write_bytes(b"\x30\x82\x05\x00" + b"\x30\x03" * 40)
        (at / "empty").write_bytes(b"")
        (at / "cut.pem").write_text("".join((at / "bob.pem").read_text().splitlines(True)[:9]))
        (at / "bad.cnf").write_text("mode = sometimes\n")
        self._crls()
        for name in ("folder", "emptydir"):
            (at / name).mkdir()
        (at / "folder" / "bob.pem").write_bytes((at / "bob.pem").read_bytes())
        self._mails()
        must(self._run(f"smime-policy upload --passin file:secret --passout file:secret "
                       f"alice.p12 bob.pem carol.pem carol.key ca.pem"))
        for name in ("home", "here"):
            shutil.copytree(self.directory / name, self.directory / f"{name}.kept")

    def _crls(self):
        ca, stranger = (SimpleNamespace(pem=self.here / f"{name}.pem", key=self.here / f"{name}.key")
                        for name in ("ca", "stranger"))
        for name, made in (
                ("ca", crl(ca, [entry(7)], crl_number=5)), ("old", crl(ca, crl_number=4)),
                ("spoiled", crl(ca, crl_number=6, spoil=True)), ("strange", crl(stranger)),
                ("stale", crl(ca, crl_number=6, this=NOW - 9 * DAY, until=NOW - DAY)),
                ("named", crl(ca, [entry(1, extensions=[issuer_of_entry(subject_of(ca.pem))])], crl_number=7)),
                ("unnamed", crl(ca, [entry(1, extensions=[issuer_of_entry(b"\x30\0")])], crl_number=7,
                                extensions=[scope(indirect=True)])),
                ("indirect", crl(ca, crl_number=7, extensions=[scope(indirect=True)])),
                ("delta", crl(ca, crl_number=9, extensions=[delta_of(8)])),
                ("part", crl(ca, crl_number=9, extensions=[scope(point=b"http://ca.example/1.crl")])),
                ("reasons", crl(ca, crl_number=9, extensions=[scope(reasons=b"\x06\x40")]))):
            (self.here / f"{name}.crl").write_bytes(made)

    def _mails(self):
        at = self.here
        (at / "mail.eml").write_text(MAIL)
        (at / "hidden.eml").write_text(LETTER.replace("Subject:", "Bcc: alice@example.com\nSubject:"))
        (at / "letter.eml").write_text(LETTER)

        def sign(name, text, out, key=None):
            must(stock("cms", "-sign", "-in", at / text, "-signer", at / f"{name}.pem", "-inkey",
                       key or at / f"{name}.key", "-out", at / out))

        sign("alice", "mail.eml", "signed-mail.eml", at / "alice.plain")
        sign("stranger", "mail.eml", "signed-stranger.eml")
        must(stock("cms", "-sign", "-in", at / "letter.eml", "-out", at / "two.eml", "-from", "alice@example.com", *[
            word for name, key in (("alice", "alice.plain"), ("stranger", "stranger.key"))
            for word in ("-signer", at / f"{name}.pem", "-inkey", at / key)]))
        (at / "alice.plain").unlink()
        signed = (at / "signed-mail.eml").read_text()
        (at / "signed-letter.eml").write_text("From: Alice <alice@example.com>\n" + signed)
        (at / "forged.eml").write_text("From: Mallory <mallory@example.com>\n" + signed)
        (at / "changed.eml").write_text(signed.replace("contract", "contrast"))
        for name, out in (("alice", "sealed-mail.eml"), ("stranger", "sealed-stranger.eml")):
            must(stock("cms", "-encrypt", "-aes256", "-in", at / "mail.eml", "-out", at / out,
                       at / f"{name}.pem"))

    def _run(self, words):
        return run("/bin/bash", "-c", words, env=self.env, cwd=self.here)

    def fresh(self):
        for name in ("home", "here"):
            shutil.rmtree(self.directory / name)
            shutil.copytree(self.directory / f"{name}.kept", self.directory / name)
        with open(self.directory / "openssl.cnf", "wb") as conf:
            conf.write(must(self._run("smime-policy config")).out)

    def _type(self, line):
        """Run it at a terminal; each answer is typed when it is asked for."""
        with Terminal.start(["/bin/bash", "-c", f"cd {self.here}; {line.words}"], self.env) as terminal:
            for answer in line.typed:
                if terminal.wait(r"(passphrase[^:]*|Once more): *$") is None:
                    break
                terminal.press_unseen(answer.encode())
            terminal.wait("(?!)")
            return terminal.shown.decode(errors="replace").replace("\r\n", "\n"), terminal.code()

    def says(self, line):
        """The output of |line|, standard error behind standard output, and its exit code."""
        if line.typed:
            text, code = self._type(line)
        else:
            more = ({"OPENSSL_CONF": str(self.directory / "openssl.cnf")}
                    if "openssl cms" in line.words else {})
            result = run("/bin/bash", "-c", line.words, env=self.env | more, cwd=self.here)
            text, code = result.text, result.rc
        return self.steady(text), code

    def steady(self, text):
        """The text without what differs from run to run: dates, keys, paths, and openssl's line numbers."""
        today = datetime.datetime.now(datetime.timezone.utc).date()

        def day(match):
            years = (datetime.date(*map(int, match.groups()[:3])) - today).days
            name = "past" if years < -1 else "tomorrow" if years > 1 else "today"
            return f"<{name}>"
        text = WHEN.sub(day, text)
        text = re.sub(r"\x1b\[\d*[A-Za-z]|\r", "", text)
        text = ERROR.sub(lambda m: f"<openssl: {m[1]}: {m[3]}{': ' + m[4].rstrip(':') if m[4] else ''}>",
                         text)
        text = re.sub(r"\b[0-9a-f]{64}\b", "<SHA-256>", text)
        text = re.sub(r"\b(SHA-256 )[0-9a-f]{16}\b", r"\1<16 digits>", text)
        text = re.sub(r"\b[0-9a-f]{16}\b", "<16 digits>", text)
        text = re.sub(r"(?:[0-9A-F]{2}:){19,31}[0-9A-F]{2}", "<digits>", text)
        for path, name in ((self.here, "/here"), (self.directory / "home", "/home/user"),
                           (self.bin, "/bin")):
            text = text.replace(str(path), name)
        return text


HEAD = """\
# What the command says

For users who look for a message: command lines, what each printed (standard error behind standard
output), and its exit code. Generated by
`{command}`;
the test fails when a message changes.

"""


def page(world, command):
    """The file docs/results/messages.md."""
    parts = [HEAD.format(command=command)]
    for name, lines in SECTIONS:
        world.fresh()
        parts.append(f"## {name}\n\n")
        for line in lines:
            text, code = world.says(line)
            shown = "".join(f"    {one}".rstrip() + "\n" for one in text.splitlines())
            typed = "".join(f"    (typed: {answer.strip() if answer != chr(3) else 'Ctrl-C'})\n"
                            for answer in line.typed)
            parts.append(f"    $ {line.words}\n{typed}{shown}    (exit code {code})\n\n")
    return "".join(parts).rstrip("\n") + "\n"
