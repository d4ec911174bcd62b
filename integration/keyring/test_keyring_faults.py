# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
"""Nothing is lost: writers are killed, the disk is full, the file is damaged."""

import os
import random
import re
import shutil
import signal
import sqlite3
import subprocess
import tempfile
import time
from contextlib import closing
from concurrent.futures import ThreadPoolExecutor
from itertools import cycle, islice
from pathlib import Path

import pytest

from harness import BUILD, COMMAND, PATIENCE, REPO, environment, must, run

DONE, SYSTEM = 0, 5
STRACE = shutil.which("strace")
MAKE_CONTACTS = BUILD / "tests" / "keyring" / "make_contacts"
LOOKUP = BUILD / "tests" / "keyring" / "bench_lookup"
AT_ONCE = 4
# The calls of a commit: each of these may be the last one.
WRITES = "pwrite64,fsync,fdatasync,unlink,rename,ftruncate,mkdir,fchmod,chmod"
NOBODY = ["/usr/bin/setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]


@pytest.fixture
def room():
    """A directory in memory that other users may enter: killed programs need no disk."""
    where = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    at = Path(tempfile.mkdtemp(prefix="keyring-", dir=where))
    at.chmod(0o711)
    yield at
    shutil.rmtree(at)


@pytest.fixture(scope="module")
def contacts():
    """The certificates of many contacts, as PEM."""
    text = must(run(MAKE_CONTACTS, 1200)).out.decode()
    return re.findall(r"-----BEGIN.*?END CERTIFICATE-----\n", text, re.S)


def upload(keyring, *words, **kwargs):
    """`smime-policy upload`."""
    return run(COMMAND, "--keyring", keyring, "upload", *words, **kwargs)


def ask(keyring, database, sql):
    """The only column of every row."""
    with sqlite3.connect(keyring / database, timeout=PATIENCE) as db:
        rows = db.execute(sql).fetchall()
    db.close()
    return [row[0] for row in rows]


def change(keyring, sql, database="certificates.db"):
    """Change a database without the keyring's functions."""
    with sqlite3.connect(keyring / database) as db:
        db.execute(sql)
    db.close()


def addresses(keyring):
    """The addresses of everything that is stored."""
    return ask(keyring, "certificates.db", "SELECT address FROM address ORDER BY 1")


def intact(keyring):
    """Both databases are sound, and every reference in their tables is valid."""
    for database in ("certificates.db", "keys.db"):
        assert ask(keyring, database, "PRAGMA integrity_check") == ["ok"]
    for table in ("address", "recipient"):
        assert ask(keyring, "certificates.db", f"SELECT count(*) FROM {table} WHERE certificate"
                   " NOT IN (SELECT id FROM certificate)") == [0]
    return True


# --- killed


def pairs(contacts, room, count):
    """Files with two contacts each, so that half an upload would be noticed."""
    files = []
    for number in range(count):
        path = room / f"pair{number}.pem"
        path.write_text(contacts[2 * number] + contacts[2 * number + 1])
        files.append(path)
    return files


def addresses_of_pair(number):
    """The addresses of a pair, as make_contacts makes them."""
    return {f"contact{2 * number + i:010d}@example.org" for i in range(2)}


def all_or_nothing(keyring, results):
    """Each upload is stored completely or not at all, and what was reported is stored; returns both numbers."""
    there = set(addresses(keyring)) if (keyring / "certificates.db").exists() else set()
    for number, rc in results.items():
        found = len(addresses_of_pair(number) & there)
        assert found in (0, 2), (number, rc, found)
        assert found == 2 or rc != DONE, number
        assert rc in (DONE, -signal.SIGKILL), (number, rc)
    return (sum(rc != DONE for rc in results.values()),
            sum(len(addresses_of_pair(number) & there) == 2 for number in results))


def upload_and_kill(keyring, path, after):
    """The exit code of an upload that is killed after that many seconds, unless it has ended."""
    with subprocess.Popen([str(COMMAND), "--keyring", str(keyring), "upload", str(path)],
                          stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                          env=environment()) as process:
        try:
            return process.wait(timeout=after)
        except subprocess.TimeoutExpired:
            process.kill()
            return process.wait()


def test_killed_at_random(room, contacts):
    """Two hundred, four at a time, in one keyring."""
    keyring, dice = room / "keyring", random.Random(1)
    results, killed = {}, 0
    files = pairs(contacts, room, 500)
    must(upload(keyring, files[0]))
    with ThreadPoolExecutor(AT_ONCE) as pool:
        # The time to kill depends on how long an upload takes beside others.  If the machine stands still once, that
        # is not it.
        whole = PATIENCE
        for first in range(0, 3 * AT_ONCE, AT_ONCE):
            begun = time.monotonic()
            list(pool.map(lambda n: must(upload(keyring, files[n])), range(first, first + AT_ONCE)))
            whole = min(whole, time.monotonic() - begun)
        for first in range(3 * AT_ONCE, len(files), 50):
            numbers = range(first, min(first + 50, len(files)))
            codes = pool.map(lambda n: upload_and_kill(keyring, files[n], dice.uniform(0, whole / 3)),
                             numbers)
            results.update(zip(numbers, codes))
            before, (killed, _) = killed, all_or_nothing(keyring, results)
            assert intact(keyring)
            if killed >= 200:
                break
            # The machine may be faster now.
            if killed - before < len(numbers) * 2 / 3:
                whole /= 2
    assert killed >= 200
    must(upload(keyring, *files))
    assert len(addresses(keyring)) == 2 * len(files) and intact(keyring)
    assert not [path.name for path in keyring.iterdir() if path.name.endswith("-journal")]


def traced(*argv):
    """[(system call, how many of that name came before and with it)] of those in WRITES."""
    with tempfile.NamedTemporaryFile() as log:
        result = run(STRACE, "-o", log.name, "-e", f"trace={WRITES}", *argv)
        if "ptrace" in result.err:
            pytest.skip(f"nothing can be traced here: {result.err.splitlines()[0]}")
        must(result)
        seen, points = {}, []
        for line in Path(log.name).read_text(errors="replace").splitlines():
            name = re.match(r"(\w+)\(", line)
            if name:
                seen[name[1]] = seen.get(name[1], 0) + 1
                points.append((name[1], seen[name[1]]))
    return points


def kill_at(point, *argv):
    """The exit code of a program that is killed at that system call."""
    name, count = point
    return run(STRACE, "-o", "/dev/null", "-e", f"trace={name}",
               "-e", f"inject={name}:signal=KILL:when={count}", *argv).rc


@pytest.mark.skipif(STRACE is None, reason="strace is not installed")
def test_killed_at_every_write(room, contacts):
    """Killed at each system call of a commit, with four uploads at a time in one keyring."""
    keyring = room / "keyring"
    *files, last = pairs(contacts, room, 131)
    must(upload(keyring, files[0]))
    points = traced(COMMAND, "--keyring", keyring, "upload", files[1])
    assert {"pwrite64", "unlink"} <= {name for name, _ in points}

    def one(number, point):
        # A reader undoes what the last upload left, so that this one reaches its point.
        must(lookup(keyring))
        return kill_at(point, COMMAND, "--keyring", keyring, "upload", files[number])

    numbers = range(2, len(files))
    with ThreadPoolExecutor(AT_ONCE) as pool:
        results = dict(zip(numbers, pool.map(one, numbers, cycle(points))))
    # If it is killed after the journal is gone the upload is stored.  Alone, it surely gets there.
    files.append(last)
    results[len(files) - 1] = one(len(files) - 1, points[-1])
    killed, stored = all_or_nothing(keyring, results)
    assert killed > 100 and 0 < stored < len(results)
    assert intact(keyring)
    must(upload(keyring, *files))
    assert len(addresses(keyring)) == 2 * len(files) and intact(keyring)


@pytest.mark.skipif(STRACE is None, reason="strace is not installed")
def test_killed_with_a_private_key(room, pki):
    """An identity and its key, in two databases, or neither; also for a new keyring."""
    words = ["upload", pki.good_p256.pem, pki.good_p256.key, "--no-passphrase"]
    points = traced(COMMAND, "--keyring", room / "traced", *words)
    assert len(points) > 30
    points = list(islice(cycle(points), 150))

    def one(number):
        keyring = room / f"keyring{number}"
        rc = kill_at(points[number], COMMAND, "--keyring", keyring, *words)
        killed = rc == -signal.SIGKILL
        # The next upload repairs what this one has left.
        must(run(COMMAND, "--keyring", keyring, *words))
        assert ask(keyring, "certificates.db", "SELECT role FROM certificate") == [1]
        assert ask(keyring, "keys.db", "SELECT encrypted FROM private_key") == [0]
        assert intact(keyring)
        shutil.rmtree(keyring)
        return killed

    with ThreadPoolExecutor(AT_ONCE) as pool:
        assert sum(pool.map(one, range(len(points)))) > 140


@pytest.mark.skipif(STRACE is None, reason="strace is not installed")
def test_both_databases_or_neither(room, pki, contacts):
    """What a reader sees after a kill, before anybody writes again."""
    first = pairs(contacts, room, 1)[0]
    words = ["upload", pki.good_p256.pem, pki.good_p256.key, "--no-passphrase"]
    model = room / "model"
    must(upload(model, first))
    shutil.copytree(model, room / "traced")
    points = traced(COMMAND, "--keyring", room / "traced", *words)
    states = set()

    def one(number):
        keyring = room / f"keyring{number}"
        shutil.copytree(model, keyring)
        kill_at(points[number], COMMAND, "--keyring", keyring, *words)
        db = sqlite3.connect(keyring / "certificates.db", timeout=PATIENCE)
        db.execute("ATTACH ? AS keys", (str(keyring / "keys.db"),))
        identities = db.execute("SELECT count(*) FROM certificate WHERE role = 1").fetchone()[0]
        try:
            keys = db.execute("SELECT count(*) FROM keys.private_key").fetchone()[0]
        except sqlite3.OperationalError:
            keys = 0  # there is no table yet
        db.close()
        states.add((identities, keys))
        assert intact(keyring)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(one, range(len(points))))
    assert states == {(0, 0), (1, 1)}


# --- several


def test_two_writers(room, contacts):
    """Each waits for the other."""
    keyring, parts = room / "keyring", []
    for number in range(AT_ONCE):
        part = room / f"part{number}.pem"
        part.write_text("".join(contacts[number * 100:(number + 1) * 100]))
        parts.append(part)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for result in pool.map(lambda part: upload(keyring, part), parts):
            must(result)
    assert len(addresses(keyring)) == 100 * AT_ONCE and intact(keyring)


def lookup(keyring, user=(), what="address", of=2):
    """A reader, like `encrypt --to` without stock."""
    return run(*user, LOOKUP, keyring, of, what, 4)


@pytest.fixture
def kept(room, contacts):
    """A keyring of two contacts, and one more to upload."""
    (room / "two.pem").write_text("".join(contacts[:2]))
    (room / "three.pem").write_text("".join(contacts[:3]))
    must(upload(room / "keyring", room / "two.pem"))
    return room / "keyring"


@pytest.fixture
def as_nobody(room):
    """Run as another user, who can reach our programs."""
    if os.geteuid() != 0 or not os.access(NOBODY[0], os.X_OK):
        pytest.skip("only the superuser can be somebody else")
    if run(*NOBODY, LOOKUP).rc == 127 or run(*NOBODY, "/usr/bin/test", "-x", LOOKUP).rc != 0:
        pytest.skip(f"{LOOKUP} cannot be run by other users")
    return NOBODY


def test_reader_of_another_user(kept, as_nobody, room):
    must(lookup(kept, as_nobody))
    result = run(*as_nobody, COMMAND, "--keyring", kept, "upload", room / "three.pem")
    assert result.rc == SYSTEM and str(kept) in result.err, result
    assert "it cannot be written; correct the permissions" in result.err
    must(lookup(kept, as_nobody))
    assert len(addresses(kept)) == 2


@pytest.mark.skipif(STRACE is None, reason="strace is not installed")
def test_reader_of_another_user_after_a_kill(kept, as_nobody, room):
    """Only the owner can undo an interrupted write; others get a message."""
    words = ["--keyring", kept, "upload", room / "three.pem"]
    shutil.copytree(kept, room / "copy")
    points = traced(COMMAND, "--keyring", room / "copy", "upload", room / "three.pem")
    hot = 0
    for point in points:
        kill_at(point, COMMAND, *words)
        result = lookup(kept, as_nobody)
        if result.rc == 0:
            continue
        hot += 1
        assert str(kept) in result.err and "a write was interrupted" in result.err, result
        assert "its owner has to undo it: 'smime-policy keyring check'" in result.err
        # The owner's next read undoes it.
        must(lookup(kept))
        must(lookup(kept, as_nobody))
        if len(addresses(kept)) == 3:
            break
    assert hot > 0 and intact(kept)


# --- no room, no leave


@pytest.fixture
def small(room):
    """A file system of a quarter of a megabyte."""
    at = room / "small"
    at.mkdir()
    if run("/bin/mount", "-t", "tmpfs", "-o", "size=256k,mode=755", "tmpfs", at).rc != 0:
        pytest.skip("no file system can be mounted here")
    yield at
    must(run("/bin/umount", at))


def fill(at):
    """Fill the disk."""
    with (at / "filler").open("wb", buffering=0) as filler:
        try:
            while filler.write(b"x" * 512):
                pass
        except OSError:
            pass


def test_full_disk(small, room, contacts):
    keyring = small / "keyring"
    (room / "two.pem").write_text("".join(contacts[:2]))
    (room / "many.pem").write_text("".join(contacts[:30]))
    must(upload(keyring, room / "two.pem"))
    fill(small)
    result = upload(keyring, room / "many.pem")
    assert result.rc == SYSTEM and str(keyring) in result.err, result
    assert "make room on the disk; the keyring is as it was" in result.err
    must(lookup(keyring))
    assert len(addresses(keyring)) == 2 and intact(keyring)
    (small / "filler").unlink()
    must(upload(keyring, room / "many.pem"))
    assert len(addresses(keyring)) == 30 and intact(keyring)


def test_full_disk_at_first(small, room, contacts):
    """On a full disk no keyring is made; with room it is."""
    keyring = small / "keyring"
    (room / "two.pem").write_text("".join(contacts[:2]))
    fill(small)
    result = upload(keyring, room / "two.pem")
    assert result.rc == SYSTEM and str(keyring) in result.err, result
    (small / "filler").unlink()
    must(upload(keyring, room / "two.pem"))
    assert len(addresses(keyring)) == 2 and intact(keyring)


def test_read_only_disk(small, room, contacts):
    keyring = small / "keyring"
    (room / "two.pem").write_text("".join(contacts[:2]))
    (room / "three.pem").write_text("".join(contacts[:3]))
    must(upload(keyring, room / "two.pem"))
    must(run("/bin/mount", "-o", "remount,ro", small))
    result = upload(keyring, room / "three.pem")
    assert result.rc == SYSTEM and str(keyring) in result.err, result
    assert "it cannot be written" in result.err
    must(lookup(keyring))
    must(run("/bin/mount", "-o", "remount,rw", small))
    must(upload(keyring, room / "three.pem"))


@pytest.mark.parametrize("what", ["certificates.db", "."])
def test_read_only_file(what, kept, as_nobody, room):
    """The owner may not write the file, or the directory of the journal."""
    for path in (kept, *kept.iterdir()):
        os.chown(path, 65534, 65534)
    mode = (kept / what).stat().st_mode
    (kept / what).chmod(mode & 0o555)
    words = [*as_nobody, COMMAND, "--keyring", kept, "upload", room / "three.pem"]
    result = run(*words)
    assert result.rc == SYSTEM and str(kept) in result.err, result
    assert "correct the permissions of the file and its directory" in result.err
    must(lookup(kept, as_nobody))
    (kept / what).chmod(mode)
    must(run(*words))
    assert len(addresses(kept)) == 3


# --- damaged, or of another form


PAGE = 4096


@pytest.mark.parametrize("garbage", [b"\0" * PAGE, b"\xff" * PAGE, b"smime" * 900],
                         ids=["zero", "ones", "text"])
def test_corrupted_pages(garbage, room, contacts):
    """Each page is damaged once: reported or not noticed; never a crash or wrong data."""
    model = room / "model"
    (room / "many.pem").write_text("".join(contacts[:60]))
    (room / "more.pem").write_text("".join(contacts[60:62]))
    must(upload(model, room / "many.pem"))
    size = (model / "certificates.db").stat().st_size
    assert size > 10 * PAGE
    with closing(sqlite3.connect(model / "certificates.db")) as db:
        # There is no hub, so these tables are empty, and nothing reads them.
        unread, = db.execute("SELECT count(*) FROM sqlite_schema WHERE tbl_name LIKE 'hub%'").fetchone()
    told = 0
    for page in range(size // PAGE):
        keyring = room / f"page{page}"
        shutil.copytree(model, keyring)
        with (keyring / "certificates.db").open("r+b") as file:
            file.seek(page * PAGE)
            file.write(garbage[:PAGE])
        for result in (lookup(keyring, of=60), lookup(keyring, what="key", of=60),
                       upload(keyring, room / "more.pem")):
            assert result.rc in (0, 1, SYSTEM), result
            if result.rc == 0 or "not found" in result.err:
                continue
            told += 1
            assert str(keyring) in result.err, result
            assert "'smime-policy keyring check' tells where" in result.err
        shutil.rmtree(keyring)
    assert told > (size // PAGE - unread) // 2


@pytest.mark.parametrize("sql, words", [
    ("PRAGMA user_version = 99", "was written by a newer smime-policy"),
    ("PRAGMA application_id = 99", "is a database of something else; move it away"),
])
def test_another_form(sql, words, kept, room):
    old = (kept / "certificates.db").read_bytes()
    change(kept, sql)
    new = (kept / "certificates.db").read_bytes()
    assert old != new
    for result in (upload(kept, room / "three.pem"), lookup(kept)):
        assert result.rc in (1, SYSTEM) and words in result.err, result
        assert str(kept) in result.err
    assert (kept / "certificates.db").read_bytes() == new


def test_keys_of_another_form(kept, room, pki):
    """The certificates can be used without keys.db."""
    must(upload(kept, pki.good_p256.pem, pki.good_p256.key, "--no-passphrase"))
    change(kept, "PRAGMA user_version = 99", "keys.db")
    must(lookup(kept))
    result = upload(kept, pki.good_rsa.pem, pki.good_rsa.key, "--no-passphrase")
    assert result.rc == SYSTEM, result
    assert "keys.db was written by a newer smime-policy" in result.err
    assert ask(kept, "certificates.db", "SELECT count(*) FROM certificate") == [3]


# --- the benchmark


def test_benchmark():
    """The benchmark works; its numbers are not tested."""
    result = must(run(REPO / "integration" / "bench" / "keyring.sh", 200, BUILD,
                      env={"SP_ROUNDS": 1, "SP_LOOKUPS": 20, "SP_COUNTS": "no"}))
    text = result.out.decode()
    assert "200 certificates uploaded: " in text
    for row in ("look-up by address", "look-up by key", "look-up by subject", "encrypt --to", "maintain"):
        assert re.search(rf"^\| {row} \|.*\| [0-9.]+ \|$", text, re.M), text
