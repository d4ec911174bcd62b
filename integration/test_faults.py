# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
"""
Every system call of the command fails once: it ends with a reason, or with a complete output. What
becomes of it when it is killed instead is in test_output.py and test_keyring_faults.py.
"""

import re
import shutil
import sqlite3
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest

from harness import COMMAND, must, run, stock
from keyrings import make_keyring

STRACE = shutil.which("strace", path="/usr/bin")
pytestmark = pytest.mark.skipif(STRACE is None, reason="strace is not installed")

TEXT = b"the quick brown fox"
AT_ONCE = 4
MOST = 60  # points of one system call; more are sampled

# What each fails with: the disk, the limits of the process, the kernel's memory.
FAILURES = {"openat": "EMFILE", "read": "EIO", "write": "ENOSPC", "pwrite64": "ENOSPC",
            "fsync": "EIO", "fdatasync": "EIO", "rename": "EIO", "renameat2": "EIO",
            "ftruncate": "ENOSPC", "lseek": "EINVAL", "fcntl": "EINVAL", "pipe2": "EMFILE",
            "clone3": "EAGAIN", "vfork": "EAGAIN", "clone": "EAGAIN", "execve": "ENOMEM",
            "unlink": "EIO", "newfstatat": "EACCES", "dup2": "EMFILE"}


@pytest.fixture(scope="module", autouse=True)
def traceable():
    """Containers may forbid it."""
    result = run(STRACE, "-o", "/dev/null", "true")
    if "ptrace" in result.err:
        pytest.skip(f"nothing can be traced here: {result.err.splitlines()[0]}")


@dataclass
class Case:
    """One command line; OUT and RING are filled in for each try."""

    words: tuple
    out: bool = True

    def argv(self, out, ring):
        places = {"OUT": out, "RING": ring}
        return [COMMAND, *(places.get(word, word) for word in self.words)]


@pytest.fixture(scope="module")
def cases(pki, mail, tmp_path_factory):
    place = tmp_path_factory.mktemp("faults")
    cert = pki.good_rsa
    signed, sealed = place / "signed", place / "sealed"
    must(stock("cms", "-sign", "-in", mail, "-signer", cert.pem, "-inkey", cert.key, "-out", signed))
    must(stock("cms", "-encrypt", "-aes256", "-in", mail, "-out", sealed, cert.pem))
    return {
        "sign": Case(("sign", "-in", mail, "-signer", cert.pem, "-inkey", cert.key, "-out", "OUT")),
        "encrypt": Case(("encrypt", "-in", mail, "-out", "OUT", cert.pem)),
        "verify": Case(("verify", "-no-sender", "-in", signed, "-CAfile", pki.ca, "-out", "OUT")),
        "decrypt": Case(("decrypt", "-in", sealed, "-recip", cert.pem, "-inkey", cert.key, "-out",
                         "OUT")),
        "encrypt --to": Case(("--keyring", "RING", "encrypt", "--to", "good_rsa@example.com", "-in",
                              mail, "-out", "OUT")),
        "upload": Case(("--keyring", "RING", "upload", pki.good_p256.pem), out=False),
        "remove": Case(("--keyring", "RING", "remove", "good_rsa@example.com"), out=False),
        "export": Case(("--keyring", "RING", "export", "--all", "--out", "OUT")),
        "backup": Case(("--keyring", "RING", "keyring", "backup", "OUT")),
    }


def points_of(argv, log):
    """[(system call, which one)] of a run without a fault, of the process itself."""
    must(run(STRACE, "-o", log, "-e", f"trace=?{',?'.join(FAILURES)}", *argv))
    seen, points = Counter(), []
    for line in log.read_text(errors="replace").splitlines():
        name = re.match(r"(\w+)\(", line)
        if name:
            seen[name[1]] += 1
            points.append((name[1], seen[name[1]]))
    sampled = {name: max(1, -(-count // MOST)) for name, count in seen.items()}
    # The program is there before its first call: the loader reports its own failures.
    return [(name, count) for name, count in points if count % sampled[name] == 0]


def addresses(ring):
    """What is stored; a journal that was left behind is rolled back."""
    db = sqlite3.connect(ring / "certificates.db")
    try:
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        return {address for (address,) in db.execute("SELECT address FROM address")}
    finally:
        db.close()


def is_complete(verb, out, pki):
    """The output of one that says that all went well."""
    data = b"" if out.is_dir() else out.read_bytes()
    if verb == "sign":
        return TEXT in must(stock("cms", "-verify", "-in", out, "-CAfile", pki.ca)).out
    if verb.startswith("encrypt"):
        return TEXT in must(stock("cms", "-decrypt", "-in", out, "-inkey", pki.good_rsa.key)).out
    if verb == "backup":
        return "good_rsa@example.com" in addresses(out)
    return data.rstrip().endswith(b"-----END CERTIFICATE-----") if verb == "export" else TEXT in data


VERBS = ("sign", "encrypt", "verify", "decrypt", "encrypt --to", "upload", "remove", "export", "backup")


@pytest.mark.parametrize("verb", VERBS)
def test_every_system_call_fails_once(verb, cases, pki, tmp_path):
    case = cases[verb]
    model = make_keyring(tmp_path / "model", f"contact:{pki.good_rsa.pem}")
    before = addresses(model)

    def place_of(number):
        place = tmp_path / str(number)
        place.mkdir()
        shutil.copytree(model, place / "ring")
        return place

    def one(number, point):
        name, count = point
        place = place_of(number)
        out, ring = place / "out", place / "ring"
        result = run(STRACE, "-o", "/dev/null", "-e", f"trace={name}", "-e",
                     f"inject={name}:error={FAILURES[name]}:when={count}", *case.argv(out, ring))
        what = (point, result)
        assert result.rc >= 0, what
        left = [path.name for path in place.iterdir() if path.name not in ("out", "ring")]
        assert not left or name == "unlink", (left, what)
        if result.rc != 0:
            assert result.err.strip(), what
            # Only the last word of a backup that is done may fail to be said.
            assert not case.out or not out.exists() or (
                verb == "backup" and "standard output" in result.err and
                is_complete(verb, out, pki)), what
        elif case.out:
            assert is_complete(verb, out, pki), what
        if "RING" in case.words:
            after = addresses(ring)
            changed = {"upload": before | {"good_p256@example.com"}, "remove": set()}.get(verb, before)
            assert after in (before, changed), what
            assert result.rc != 0 or after == changed, what
        return result.rc

    first = place_of("clean")
    points = points_of(case.argv(first / "out", first / "ring"), tmp_path / "trace")
    assert len(points) > 30
    with ThreadPoolExecutor(AT_ONCE) as pool:
        codes = Counter(pool.map(one, range(len(points)), points))
    # It noticed more than it could do without.
    assert codes.total() - codes[0] > 10, codes


def test_a_target_that_cannot_be_looked_at(cases, tmp_path):
    """It is not taken for a new file: renaming would put one in the place of a link, or of a device."""
    target, link = tmp_path / "target", tmp_path / "link"
    target.write_bytes(b"old")
    link.symlink_to(target)
    result = run(STRACE, "-o", "/dev/null", "-P", link, "-e", "trace=newfstatat", "-e",
                 "inject=newfstatat:error=EACCES", *cases["encrypt"].argv(link, None))
    assert result.rc == 5 and f"cannot write {link}: Permission denied" in result.err, result
    assert link.is_symlink() and target.read_bytes() == b"old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link", "target"]
