# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
"""
Mixed load with kills: see soak.sh.

Four workers sign, verify, encrypt, decrypt and upload with one keyring; one process in six is killed
at a random moment. Beside them a process signs and encrypts for as long as it all takes.
"""

import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
from harness import BUILD, COMMAND, OPENSSL, environment, write_conf

CONTACTS = BUILD / "tests" / "keyring" / "make_contacts"
OPERATIONS = BUILD / "tests" / "bench_operations"
WORKERS = 4
KILLED = 1 / 6  # of the processes
GROWTH = 1.15  # growth of the largest process of a kind: last third over first third
LONG_LIVED_GROWTH = 2048  # KiB
MAIL = b"From: alice@example.com\r\nTo: alice@example.com\r\n\r\nthe quick brown fox\r\n"
TEXT = b"the quick brown fox"


def must(*argv, conf="/dev/null"):
    done = subprocess.run([str(arg) for arg in argv], env=environment(conf), capture_output=True,
                          stdin=subprocess.DEVNULL, check=False)
    if done.returncode != 0:
        sys.exit(f"soak: {argv}: exit {done.returncode}\n{done.stderr.decode(errors='replace')}")
    return done.stdout


class Soak:
    """The directory, what was done in it, and what went wrong."""

    def __init__(self, place, seconds):
        self.place = place
        self.keyring = place / "keyring"
        self.begun = time.monotonic()
        self.end = self.begun + seconds
        self.lock = threading.Lock()
        self.done, self.killed = Counter(), Counter()
        self.largest = {}  # (kind, third): KiB
        self.uploads = {}  # number of the pair: exit code
        self.faults = []
        self.made = {"sign": [], "encrypt": []}  # messages that are whole
        self.count = 0

    def fault(self, text):
        with self.lock:
            self.faults.append(text)

    def next_number(self):
        with self.lock:
            self.count += 1
            return self.count

    # --- the work of one process

    def run(self, kind, *words, dice):
        """The exit code: 0, or -SIGKILL if it was killed."""
        # A process that Python forks begins with Python's memory; time(1) is small.
        measured = self.place / f"time.{self.next_number()}"
        process = subprocess.Popen(["/usr/bin/time", "-q", "-o", str(measured), "-f", "%M", str(COMMAND),
                                    "--keyring", str(self.keyring), *map(str, words)],
                                   env=environment("/dev/null"), stdin=subprocess.DEVNULL,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                                   start_new_session=True)
        killer = threading.Timer(dice.uniform(0, 0.08), os.killpg, (process.pid, signal.SIGKILL))
        is_killed = dice.random() < KILLED
        if is_killed:
            killer.start()
        said = process.stderr.read()
        killer.cancel()
        # Killed before it is waited for: afterwards its number may belong to another process.
        if is_killed:
            killer.join()
        code = process.wait()
        with self.lock:
            if code == -signal.SIGKILL:
                self.killed[kind] += 1
            else:
                self.done[kind] += 1
                key = (kind, min(2, int(3 * (time.monotonic() - self.begun) / (self.end - self.begun))))
                self.largest[key] = max(self.largest.get(key, 0), int(measured.read_text()))
        measured.unlink(missing_ok=True)
        if code not in (0, -signal.SIGKILL):
            self.fault(f"{kind}: exit {code}: {said.decode(errors='replace').strip()}")
        return code

    def make(self, kind, dice, *words):
        out = self.place / f"{kind}.{self.next_number()}"
        code = self.run(kind, *words, "-in", self.place / "mail", "-out", out, dice=dice)
        if code == 0 and not out.exists():
            self.fault(f"{kind}: exit 0 and no output")
        # The output of a killed process is complete or missing.
        if out.exists():
            with self.lock:
                self.made[kind].append(out)

    def sign(self, dice):
        self.make("sign", dice, "sign", "--from", "alice@example.com")

    def encrypt(self, dice):
        self.make("encrypt", dice, "encrypt", "--to", "alice@example.com")

    def read(self, kind, source, dice, *words):
        with self.lock:
            if not self.made[source]:
                return
            message = self.made[source].pop(dice.randrange(len(self.made[source])))
        out = self.place / f"{kind}.{self.next_number()}"
        code = self.run(kind, kind, *words, "-in", message, "-out", out, dice=dice)
        if code == 0 and TEXT not in out.read_bytes():
            self.fault(f"{kind}: exit 0 and another content")
        if out.exists() and TEXT not in out.read_bytes():
            self.fault(f"{kind}: a part of the content")
        out.unlink(missing_ok=True)
        if code == 0:
            message.unlink()
        else:  # another process reads it
            with self.lock:
                self.made[source].append(message)

    def verify(self, dice):
        self.read("verify", "sign", dice)

    def decrypt(self, dice):
        self.read("decrypt", "encrypt", dice)

    def upload(self, dice):
        with self.lock:
            number = len(self.uploads)
            if number >= len(self.pairs):
                return
            self.uploads[number] = None
        code = self.run("upload", "upload", self.pairs[number], dice=dice)
        with self.lock:
            self.uploads[number] = code

    def worker(self, seed):
        dice = random.Random(seed)
        works = [self.sign, self.sign, self.encrypt, self.encrypt, self.verify, self.verify,
                 self.decrypt, self.decrypt, self.upload]
        try:
            while time.monotonic() < self.end:
                dice.choice(works)(dice)
        except Exception as error:  # a failing thread must be reported
            self.fault(f"worker {seed}: {error!r}")

    def long_lived(self):
        """Run processes that make messages; each reports its growth."""
        while time.monotonic() < self.end:
            for kind in ("cms-sign", "cms-encrypt"):
                told = must(OPERATIONS, kind, 1000, self.place / "alice.pem", self.place / "alice.key",
                            conf=self.place / "policy.cnf").split()
                grown = int(told[3]) - int(told[2])
                self.done["in process: " + kind] += 1000
                if grown > LONG_LIVED_GROWTH:
                    self.fault(f"{kind}: a process grew by {grown} KiB")

    # --- before and after

    def prepare(self, pairs):
        (self.place / "req.cnf").write_text("[req]\ndistinguished_name = dn\n[dn]\n")
        must(OPENSSL, "req", "-x509", "-newkey", "rsa:2048", "-noenc", "-days", "365", "-subj",
             "/CN=Alice", "-addext", "basicConstraints=critical,CA:FALSE", "-addext",
             "keyUsage=critical,digitalSignature,keyEncipherment", "-addext",
             "extendedKeyUsage=emailProtection", "-addext",
             "subjectAltName=email:alice@example.com", "-keyout", self.place / "alice.key", "-out",
             self.place / "alice.pem", conf=self.place / "req.cnf")
        (self.place / "mail").write_bytes(MAIL)
        write_conf(self.place / "policy.cnf", {"keyring": self.keyring})
        must(COMMAND, "--keyring", self.keyring, "upload", "--no-passphrase",
             self.place / "alice.pem", self.place / "alice.key")
        certificates = must(CONTACTS, 2 * pairs).split(b"-----END CERTIFICATE-----\n")[:-1]
        self.pairs = []
        for number in range(pairs):
            path = self.place / f"pair.{number}"
            path.write_bytes(b"".join(part + b"-----END CERTIFICATE-----\n"
                                      for part in certificates[2 * number:2 * number + 2]))
            self.pairs.append(path)

    def nothing_lost(self):
        """Everything reported as stored is there, and nothing else in part; the keyring is sound."""
        must(COMMAND, "--keyring", self.keyring, "keyring", "check")
        listed = must(COMMAND, "--keyring", self.keyring, "list").decode()
        for number, code in self.uploads.items():
            there = sum(f"contact{2 * number + i:010d}@example.org" in listed for i in range(2))
            if there == 1 or (code == 0 and there != 2):
                self.fault(f"upload {number}: exit {code}, {there} of 2 certificates are there")
        # No lock is left.
        must(COMMAND, "--keyring", self.keyring, "upload", *self.pairs[:len(self.uploads) + 1])

    def nothing_left(self):
        """At most one hidden file for each killed process; no journal."""
        hidden = list(self.place.glob(".smime-policy.*"))
        kills = sum(count for kind, count in self.killed.items() if kind != "upload")
        if len(hidden) > kills:
            self.fault(f"{len(hidden)} files are left behind by {kills} kills")
        if list(self.keyring.glob("*-journal")):
            self.fault("a journal is left behind")
        return len(hidden)

    def nothing_grew(self):
        for kind in sorted({kind for kind, _ in self.largest}):
            first, last = (self.largest.get((kind, third)) for third in (0, 2))
            if first and last and last > first * GROWTH:
                self.fault(f"{kind}: {first} KiB at first, {last} KiB at last")

    def report(self, hidden):
        print("| | done | killed | KiB at first | KiB at last |")
        print("|---|---|---|---|---|")
        for kind in ("sign", "verify", "encrypt", "decrypt", "upload"):
            print(f"| {kind} | {self.done[kind]} | {self.killed[kind]} | "
                  f"{self.largest.get((kind, 0), '')} | {self.largest.get((kind, 2), '')} |")
        for kind in ("in process: cms-sign", "in process: cms-encrypt"):
            print(f"| {kind} | {self.done[kind]} | | | |")
        print(f"{hidden} hidden files of killed processes")
        for fault in self.faults:
            print(f"FAULT: {fault}")
        if not self.faults:
            print("nothing lost, nothing left behind, nothing grew")


def main():
    seconds = int(sys.argv[1]) if len(sys.argv) > 1 else 300
    with tempfile.TemporaryDirectory(prefix="soak.", dir=os.environ.get("TMPDIR", "/var/tmp")) as name:
        soak = Soak(Path(name), seconds)
        soak.prepare(pairs=max(50, seconds * 5))
        soak.begun, soak.end = time.monotonic(), time.monotonic() + seconds
        threads = [threading.Thread(target=soak.worker, args=(seed,)) for seed in range(WORKERS)]
        threads.append(threading.Thread(target=soak.long_lived))
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        soak.nothing_lost()
        hidden = soak.nothing_left()
        soak.nothing_grew()
        soak.report(hidden)
    sys.exit(1 if soak.faults else 0)


main()
