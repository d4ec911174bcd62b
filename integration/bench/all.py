# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
"""
What the policy costs over stock OpenSSL: see all.sh.

What a program needs from start to end, and an operation in a process, is counted in instructions by
callgrind.  Times are taken in turns, one of stock and one of ours, and their ratio is the median of what
each turn has: a machine that is busy, or slower for a while, disturbs both sides of a turn.  With stock on
both sides (--null) most of these ratios are within a per cent of 1 and a few are off by two to four, so that
a target of one or two per cent is asked of instructions, and the ratio of times is shown beside.
"""

import argparse
import base64
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))

from harness import BUILD, COMMAND, MODULE, OPENSSL, REPO, environment  # noqa: E402

OPERATIONS = BUILD / "tests" / "bench_operations"
CONTACTS = BUILD / "tests" / "keyring" / "make_contacts"
VALGRIND = shutil.which("valgrind")
PAGE = REPO / "docs" / "results" / "performance.md"
SECTION = "Over stock"

EXTENSIONS = ("keyUsage=critical,digitalSignature,keyEncipherment,keyAgreement",
              "basicConstraints=critical,CA:FALSE", "extendedKeyUsage=emailProtection",
              "subjectAltName=email:bench@example.com")
POLICY = f"""openssl_conf = init
[init]
providers = providers
[providers]
smimepolicy = policy
[policy]
module = {MODULE}
activate = 1
"""


@dataclass(frozen=True)
class Sizes:
    """The sizes of the measurements."""

    counts: bool = VALGRIND is not None  # counted in instructions, else in processor time
    turns: int = 100        # repetitions of what takes milliseconds
    long_turns: int = 3      # repetitions of what takes seconds
    operations: int = 20     # operations of one kind in a process, when counted
    certificates: int = 1000  # certificates as recipients, or in a message
    parsed: int = 200000     # certificates that eight threads parse
    live: int = 2000         # certificates that stay alive while others are looked up
    megabytes: int = 100
    checked: int = 10000     # certificates in one call


MICROSECONDS = 20000  # at least, for one turn of an operation without the start of its process

SMALL = Sizes(False, 2, 1, 2, 5, 80, 20, 1, 20)


def call(*argv, conf="/dev/null", out=None):
    """Run a program that has to succeed; returns its standard error."""
    done = subprocess.run([str(arg) for arg in argv], env=environment(conf, TMPDIR=os.getcwd()),
                          stdin=subprocess.DEVNULL, stdout=out or subprocess.PIPE,
                          stderr=subprocess.PIPE, check=False)
    if done.returncode != 0:
        sys.exit(f"{argv}: exit {done.returncode}\n{done.stderr.decode(errors='replace')}")
    return done


def spawn(*argv, conf):
    """The milliseconds that a program takes from start to end, and those of processor time.  It has to succeed."""
    null = [(os.POSIX_SPAWN_OPEN, fd, "/dev/null", os.O_RDWR, 0) for fd in range(3)]
    env = environment(conf, TMPDIR=os.getcwd())
    argv = [str(arg) for arg in argv]
    start = time.monotonic()
    _, status, used = os.wait4(os.posix_spawn(argv[0], argv, env, file_actions=null), 0)
    taken = time.monotonic() - start
    if status != 0:
        call(*argv, conf=conf)  # it prints what is wrong
        sys.exit(f"{argv}: failed once: {os.waitstatus_to_exitcode(status)}")
    return taken * 1e3, (used.ru_utime + used.ru_stime) * 1e3


def openssl_version():
    return call(OPENSSL, "version").stdout.decode().strip()


def make_identity(name, *algorithm):
    Path("req.cnf").write_text("[req]\ndistinguished_name = dn\n[dn]\n", encoding="ascii")
    added = [part for extension in EXTENSIONS for part in ("-addext", extension)]
    call(OPENSSL, "req", "-x509", *algorithm, "-noenc", "-keyout", f"{name}.key", "-out",
         f"{name}.pem", "-days", "365", "-sha256", "-subj", "/CN=bench", *added, conf="req.cnf")


def repeat(name, count):
    """A file with |count| times the same certificate."""
    path = Path(f"{name}{count}.pem")
    path.write_bytes(Path(f"{name}.pem").read_bytes() * count)
    return path


class Bench:
    """Measures rows and prints them as they come."""

    def __init__(self, sizes, only, policy):
        self.sizes = sizes
        self.only = only
        self.policy = policy  # the configuration file of our side
        self.mail = policy.replace("policy", "mail")  # the same with `keys = mail`
        self.lines = []

    def say(self, line):
        print(line, flush=True)
        self.lines.append(line)

    def head(self):
        self.say("| what | unit | stock | policy | ratio | target | ratio of times |")
        self.say("|---|---|---|---|---|---|---|")

    def row(self, what, unit, stock, policy, target=None, *, ratio=None, at_most=None, times=None):
        """
        |target|: of the ratio, which is taken from the two numbers unless it is given; |at_most|: of the
        policy's own number; |times|: the ratio of times, to show where the numbers are instructions.
        """
        if ratio is None:
            ratio = policy / stock if stock else 0.0
        goal = "" if target is None else f"≤ {target}"
        if at_most is not None:
            goal = f"≤ {at_most} {unit}"
        if self.sizes.operations == SMALL.operations:
            goal, target, at_most = "", None, None  # too few for a statement

        def shown(number, limit):
            return f"{number:.3f}{' **missed**' if limit is not None and round(number, 3) > limit else ''}"

        self.say(f"| {what} | {unit} | {stock:.3f} | {shown(policy, at_most)} | {shown(ratio, target)} | "
                 f"{goal} | {'' if times is None else f'{times:.3f}'} |")

    def wants(self, what):
        return self.only is None or self.only in what

    # --- ways to measure

    @staticmethod
    def instructions(*argv, conf, options=()):
        """The millions of instructions of a process and its children."""
        done = call(VALGRIND, "--tool=callgrind", "--trace-children=yes",
                    "--callgrind-out-file=/dev/null", *options, *argv, conf=conf)
        counted = re.findall(rb"Collected : (\d+)", done.stderr)
        return sum(int(number) for number in counted) / 1e6

    @staticmethod
    def in_turns(stock, policy, turns):
        """Medians of what the two return, and of their ratio in each turn."""
        seen = [(stock(), policy()) for _ in range(turns)]
        return (*(statistics.median(side) for side in zip(*seen)),
                statistics.median(ours / theirs for theirs, ours in seen))

    def timed(self, what, stock, policy, target=None, spent=None, *, conf="stock.cnf", turns=None):
        """
        Add two rows: the time from start to end of |stock| and |policy|, the latter with |conf|, and their
        processor time, whose target is |spent|.
        """
        seen = [(spawn(*stock, conf="stock.cnf"), spawn(*policy, conf=conf))
                for _ in range(turns or self.sizes.turns)]
        for unit, at, goal in (("ms", 0, target), ("ms of processor time", 1, spent)):
            sides = [(theirs[at], ours[at]) for theirs, ours in seen]
            self.row(what, unit, *(statistics.median(side) for side in zip(*sides)), goal,
                     ratio=statistics.median(ours / theirs for theirs, ours in sides))

    @staticmethod
    def peak(*argv):
        """The largest MiB of a process or of one of its children."""
        call("/usr/bin/time", "-o", "time", "-f", "%M", *argv, conf="stock.cnf")
        return int(Path("time").read_text("ascii")) / 1024

    def operation(self, what, name, count, certs, key, *, target=None, live=()):
        """Add a row: the instructions of one operation of many, and the ratio of processor times."""
        if not self.wants(what):
            return

        def argv(rounds):
            return (OPERATIONS, name, rounds, certs, key, 1, *live)

        def counted(conf):
            return self.instructions(*argv(count), conf=conf,
                                     options=["--toggle-collect=measured"]) * 1e3 / count

        def spent(conf, rounds):
            return float(call(*argv(rounds), conf=conf).stdout.split()[0])

        rounds = count
        if self.sizes.operations != SMALL.operations:
            rounds = max(1, int(MICROSECONDS / spent("stock.cnf", count)))
        *taken, ratio = self.in_turns(lambda: spent("stock.cnf", rounds),
                                      lambda: spent(self.policy, rounds), self.sizes.turns)
        if self.sizes.counts:
            self.row(what, "k instructions", counted("stock.cnf"), counted(self.policy), target,
                     times=ratio)
        else:
            self.row(what, "µs", *taken, target, ratio=ratio)

    # --- the rows

    def programs(self):
        """`openssl cms` with the provider from the configuration file, and the verbs."""
        # Since 3.5 a provider's algorithms are more, and stock starts with fewer instructions.
        target, fewer = ((1.05, 1.0) if openssl_version().startswith("OpenSSL 3.0.") else
                         (1.10, None))
        identity = ("-signer", "rsa.pem", "-inkey", "rsa.key")
        operations = {
            "sign": ("-in", "mail", *identity, "-out", "out"),
            "encrypt": ("-aes256", "-in", "mail", "-out", "out", "rsa.pem"),
            "verify": ("-in", "signed", "-CAfile", "rsa.pem", "-out", "out"),
            "decrypt": ("-in", "sealed", "-recip", "rsa.pem", "-inkey", "rsa.key", "-out", "out"),
        }
        for name, options in operations.items():
            what = f"`openssl cms -{name}`, 10 KB"
            argv = (OPENSSL, "cms", f"-{name}", *options)
            if self.wants(what) and self.sizes.counts:
                self.row(what, "M instructions", self.instructions(*argv, conf="stock.cnf"),
                         self.instructions(*argv, conf=self.policy), target)
            if self.wants(what):
                self.timed(what, argv, argv, conf=self.policy)
            what += ", `keys = mail`"
            if self.wants(what) and self.sizes.counts:
                self.row(what, "M instructions", self.instructions(*argv, conf="stock.cnf"),
                         self.instructions(*argv, conf=self.mail), fewer)
        for name, options in operations.items():
            what = f"`smime-policy {name}`, 10 KB"
            if not self.wants(what):
                continue
            more = ("-no-sender",) if name == "verify" else ()
            stock = (OPENSSL, "cms", f"-{name}", *options)
            policy = (COMMAND, name, *options, *more)
            self.timed(what, stock, policy, *((1.45, 1.65) if name == "verify" else (1.20, 1.20)))
            self.row(what, "MiB", self.peak(*stock), self.peak(*policy), 1.2)
        by_address = {"sign": ("--from", "bench@example.com", "-in", "mail"),
                      "encrypt": ("--to", "bench@example.com", "-in", "mail")}
        for name, words in by_address.items():
            for form in (words, ("--headers", "-in", "mail.eml")):
                what = f"`smime-policy {name} {form[0]}`, by address, 10 KB"
                if self.wants(what):
                    call(COMMAND, "--keyring", "ring", "upload", "--no-passphrase", "rsa.pem", "rsa.key")
                    self.timed(what, (OPENSSL, "cms", f"-{name}", *operations[name]),
                               (COMMAND, "--keyring", "ring", name, *form, "-out", "out"), 1.35)
        what = "`smime-policy --version`, over `openssl cms -encrypt`"
        if self.wants(what):
            self.timed(what, (OPENSSL, "cms", "-encrypt", *operations["encrypt"]),
                       (COMMAND, "--version"))

    def library(self):
        """Operations in one process."""
        count, many = self.sizes.operations, self.sizes.certificates
        hundred = min(100, many)
        for kind, name in (("rsa", "RSA-2048"), ("ec", "P-256")):
            pem, key = f"{kind}.pem", f"{kind}.key"
            crowd = repeat(kind, hundred)
            for api in ("cms", "pkcs7"):
                prefix = {"cms": "CMS", "pkcs7": "PKCS7"}[api]
                self.operation(f"{prefix}_sign, {name}", f"{api}-sign", count, pem, key, target=1.02)
                self.operation(f"{prefix}_verify, {name}", f"{api}-verify", count, pem, key,
                               target=1.02)
                if api == "pkcs7" and kind == "ec":
                    continue  # PKCS#7 knows no key agreement
                self.operation(f"{prefix}_encrypt, {name}", f"{api}-encrypt", count, pem, key,
                               target=1.02)
                self.operation(f"{prefix}_encrypt, {name}, {hundred} recipients", f"{api}-encrypt",
                               max(1, count // 10), crowd, key, target=1.02)
            self.operation(f"CMS_decrypt, {name}", "cms-decrypt", count, pem, key, target=1.02)
            self.operation(f"TLS 1.3 handshake, {name}", "tls", count, pem, key, target=1.01)
        self.operation("SHA-256, 1 MiB", "sha256", count, "rsa.pem", "rsa.key", target=1.01)
        self.operation("AES-256-GCM, 1 MiB", "aes-gcm", count, "rsa.pem", "rsa.key", target=1.01)

    def many_certificates(self):
        many, count = self.sizes.certificates, max(1, self.sizes.operations // 10)
        self.operation(f"CMS_encrypt, {many} recipients", "cms-encrypt", count, "contacts.pem",
                       "ec.key", target=1.05)
        self.operation(f"CMS_verify, {many} certificates in the message", "cms-verify", count,
                       "contacts.pem", "ec.key", target=1.05)

    def register(self):
        count = self.sizes.operations
        for kind, name in (("rsa", "RSA-2048"), ("ec", "P-256")):
            self.operation(f"parse and free a certificate, {name}", "parse", count, f"{kind}.pem",
                           f"{kind}.key", target=1.05)
        self.parsed_in_threads(f"{self.sizes.parsed} certificates parsed and freed by 8 threads")
        self.operation(f"CMS_encrypt beside {self.sizes.live} live certificates", "cms-encrypt",
                       count, "rsa.pem", "rsa.key", live=["live.pem"], target=1.02)

    def parsed_in_threads(self, what):
        """Time: of a part of them in each turn.  Memory: of all in one process."""
        if not self.wants(what):
            return

        def parsed(conf, count):
            done = call(OPERATIONS, "parse", count, "rsa.pem", "rsa.key", 8, conf=conf)
            return [float(number) for number in done.stdout.split()]

        part = max(8, self.sizes.parsed // self.sizes.turns)
        *taken, ratio = self.in_turns(lambda: parsed("stock.cnf", part)[0],
                                      lambda: parsed(self.policy, part)[0], self.sizes.turns)
        self.row(what, "µs each, of processor time", *taken, 1.05, ratio=ratio)
        stock, policy = (parsed(conf, self.sizes.parsed) for conf in ("stock.cnf", self.policy))
        self.row(what, "KiB grown after a tenth", stock[3] - stock[2], policy[3] - policy[2])

    def large(self):
        size = self.sizes.megabytes
        rows = {name: f"`smime-policy {name}`, {size} MB"
                for name in ("sign", "encrypt", "verify", "decrypt")}
        if not any(map(self.wants, rows.values())):
            return
        with open("large", "wb") as out:
            for _ in range(size):
                out.write(base64.encodebytes(os.urandom(740000)))
        identity = ("-signer", "rsa.pem", "-inkey", "rsa.key")
        call(OPENSSL, "cms", "-sign", "-stream", "-in", "large", *identity, "-out", "large.signed")
        call(OPENSSL, "cms", "-encrypt", "-stream", "-aes256", "-in", "large", "-out",
             "large.sealed", "rsa.pem")
        operations = {
            "sign": ("-in", "large", *identity, "-out", "out"),
            "encrypt": ("-aes256", "-in", "large", "-out", "out", "rsa.pem"),
            "verify": ("-in", "large.signed", "-CAfile", "rsa.pem", "-out", "out"),
            "decrypt": ("-in", "large.sealed", "-recip", "rsa.pem", "-inkey", "rsa.key", "-out",
                        "out"),
        }
        for name, what in rows.items():
            if not self.wants(what):
                continue
            options = operations[name]
            more = ("-no-sender",) if name == "verify" else ()
            stock = (OPENSSL, "cms", f"-{name}", *options)
            policy = (COMMAND, name, *options, *more)
            self.timed(what, stock, policy, 0.25 if name == "verify" else None,
                       turns=self.sizes.long_turns)
            used = (self.peak(*stock), self.peak(*policy))
            if name == "decrypt":
                self.row(what, "MiB", *used, 1.0)
            else:
                self.row(what, "MiB", *used, at_most=16)

    def check(self):
        """One call for many certificates, compared with a loop of one `openssl x509` for each."""
        count = self.sizes.checked
        what = f"`smime-policy check` of {count} certificates, each"
        if not self.wants(what):
            return
        sample = min(200, count)
        start = time.monotonic()
        for _ in range(sample):
            call(OPENSSL, "x509", "-in", "rsa.pem", "-noout", "-text")
        stock = (time.monotonic() - start) / sample
        start = time.monotonic()
        with open("checked", "wb") as out:
            call(COMMAND, "check", "--for", "encrypt", "checked.pem", out=out)
        policy = (time.monotonic() - start) / count
        self.row(what, "ms", stock * 1e3, policy * 1e3, 0.05)

    def prepare(self):
        make_identity("rsa", "-newkey", "rsa:2048")
        make_identity("ec", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256")
        Path("stock.cnf").write_text("", encoding="ascii")
        Path("policy.cnf").write_text(POLICY, encoding="utf-8")
        Path("mail.cnf").write_text(POLICY + "keys = mail\n", encoding="utf-8")
        Path("mail").write_bytes(base64.encodebytes(os.urandom(7500)))
        Path("mail.eml").write_bytes(b"From: bench@example.com\nTo: bench@example.com\nSubject: bench\n\n" +
                                     Path("mail").read_bytes())
        for name, count in (("contacts.pem", self.sizes.certificates - 1),
                            ("live.pem", self.sizes.live), ("checked.pem", self.sizes.checked)):
            with open(name, "wb") as out:
                if name == "contacts.pem":
                    out.write(Path("ec.pem").read_bytes())
                    out.flush()
                call(CONTACTS, count, out=out)
        listed = call(OPENSSL, "list", "-providers", conf="policy.cnf").stdout
        if b"smimepolicy" not in listed:
            sys.exit("the provider is not loaded: there is nothing to measure")
        call(OPENSSL, "cms", "-sign", "-in", "mail", "-signer", "rsa.pem", "-inkey", "rsa.key",
             "-out", "signed")
        call(OPENSSL, "cms", "-encrypt", "-aes256", "-in", "mail", "-out", "sealed", "rsa.pem")

    def run(self):
        self.prepare()
        self.say(openssl_version() + "\n")
        self.head()
        for part in (self.programs, self.library, self.many_certificates, self.register, self.large,
                     self.check):
            part()


def document(lines, more):
    """Put the table in place of the section's old one, or at the end.  |more|: further words of the command."""
    page = PAGE.read_text("utf-8") if PAGE.exists() else "# Measurements\n"
    section = "\n".join([f"## {SECTION}", "", "Times are those of the machine it ran on; what "
                         "counts are the ratios of one run. Made by", "",
                         f"    integration/bench/all.sh --document{more}", "", *lines, ""])
    place = re.search(rf"^## {SECTION}\n.*?(?=^## |\Z)", page, re.M | re.S)
    if place is None:
        page = page.rstrip("\n") + "\n\n" + section
    else:
        page = page[:place.start()] + section + "\n" + page[place.end():]
    PAGE.write_text(page.rstrip("\n") + "\n", encoding="utf-8")


def main():
    parser = argparse.ArgumentParser(prog="all.sh")
    parser.add_argument("--document", action="store_true", help="write docs/results/performance.md")
    parser.add_argument("--small", action="store_true", help="only show that it works")
    parser.add_argument("--only", metavar="WORD", help="the rows that have WORD in them")
    parser.add_argument("--turns", type=int, help=f"how often most times are taken; {Sizes.turns}")
    parser.add_argument("--null", action="store_true",
                        help="stock's configuration for `policy` too: what is noise where the "
                        "two sides are one program")
    args = parser.parse_args()
    if args.document and (args.small or args.only or args.null):
        parser.error("--document takes all of it")
    sizes = SMALL if args.small else Sizes()
    bench = Bench(replace(sizes, turns=args.turns) if args.turns else sizes, args.only,
                  "stock.cnf" if args.null else "policy.cnf")
    here = os.getcwd()
    with tempfile.TemporaryDirectory(prefix="bench.", dir=os.environ.get("TMPDIR", "/var/tmp")) as work:
        os.chdir(work)
        try:
            bench.run()
        finally:
            os.chdir(here)
    if args.document:
        document(bench.lines, f" --turns {args.turns}" if args.turns else "")


main()
