# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
"""One system call or allocation of a program fails, then the next, until each has failed once."""

import functools
import os
import re
import shutil
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from harness import OPENSSL, REPO, TOOL, must, run

STRACE = shutil.which("strace")
DONE, USAGE, INPUT, REFUSED, CRYPTO, SYSTEM = range(6)
AT_ONCE = 4
OLD = b"what was there before\n"

# The errors with which each call may fail.  Errors that are an answer are left out: ENOENT means that a file
# does not exist.
FAULTS = {
    "open": "EMFILE", "openat": "EMFILE", "read": "EIO", "pread64": "EIO", "getdents64": "EIO",
    "newfstatat": "EIO",
    "lseek": "EIO", "write": "ENOSPC", "pwrite64": "ENOSPC", "fsync": "EIO", "fdatasync": "EIO",
    "ftruncate": "EIO", "truncate": "EIO", "rename": "EXDEV", "renameat2": "EXDEV",
    "link": "EPERM", "unlink": "EPERM", "unlinkat": "EPERM", "rmdir": "EPERM", "mkdir": "ENOSPC",
    "chmod": "EPERM", "fchmod": "EPERM", "fchown": "EPERM", "fcntl": "ENOLCK", "getcwd": "ENOMEM",
    "fork": "EAGAIN", "vfork": "EAGAIN", "clone": "EAGAIN", "clone3": "EAGAIN",
    "execve": "ENOMEM", "wait4": "ECHILD", "pipe2": "EMFILE", "dup": "EMFILE", "dup2": "EMFILE",
    "poll": "ENOMEM", "memfd_create": "EMFILE", "signalfd4": "EMFILE", "mmap": "ENOMEM",
    "mprotect": "ENOMEM",
}
# These calls come mostly from loading libraries and from SQLite's locks, so only some of them fail.
SAMPLED = ("fcntl", "newfstatat", "mmap", "mprotect")
SAMPLES = 16
# After these calls a temporary file may stay.
REMOVING = ("unlink", "unlinkat", "rmdir")


@dataclass(frozen=True)
class Point:
    """The system call that fails: its name, and its number among the calls of that name."""

    name: str
    number: int

    def __str__(self):
        return f"{self.name} {self.number} {FAULTS[self.name]}"

    @property
    def options(self):
        """The options for strace."""
        return ["-o", "/dev/null", "-e", f"trace={self.name}", "-e",
                f"inject={self.name}:error={FAULTS[self.name]}:when={self.number}"]


def _read_points(log):
    """The system calls of a strace log that are in FAULTS, from where the program itself begins."""
    text = log.read_text(errors="replace")
    seen, points, loaded = {}, [], None if "/ld.so.cache" in text else 0
    for line in text.splitlines():
        name = re.match(r"(\w+)\(", line)
        if name and name[1] in FAULTS:
            seen[name[1]] = seen.get(name[1], 0) + 1
            points.append(Point(name[1], seen[name[1]]))
        # The last call of the dynamic loader: earlier failures are not the program's.
        if name and name[1] == "munmap" and loaded is None:
            loaded = len(points)
    return _sampled(points[loaded:])


def _sampled(points):
    """A few of the frequent calls, spread over the run."""
    for name in SAMPLED:
        every = len([point for point in points if point.name == name]) // SAMPLES + 1
        points = [point for point in points if point.name != name or point.number % every == 0]
    return points


class Room:
    """A directory for one run, with its content before and after."""

    def __init__(self, case):
        where = "/dev/shm" if Path("/dev/shm").is_dir() else None
        self.at = Path(tempfile.mkdtemp(prefix="faults-", dir=where))
        self.temporary = self.at / "temporary"
        self.temporary.mkdir()
        case.furnish(self)
        self.before = self.names()

    def names(self):
        """Everything in it."""
        return {str(path.relative_to(self.at)) for path in self.at.rglob("*")}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.at)


class Case:
    """One command line: what it needs, and how to see whether it was done."""

    # The launcher becomes the tool for most.  What the dynamic loader says when it fails is not ours.
    program = TOOL
    rc = DONE  # the exit code when nothing fails
    makes = frozenset()  # the new names in the room when it is done
    env = {}
    lines = 6  # the most lines of an error
    codes = range(DONE, SYSTEM + 1)

    def furnish(self, room):
        """Make what must exist before."""

    def words(self, room):
        """The command's arguments."""
        raise NotImplementedError

    def is_done(self, room, result):
        """Is all of its output there?"""
        raise NotImplementedError

    def is_undone(self, room, result):
        """Is none of its output there?"""
        raise NotImplementedError

    def may_leave(self, name):
        """May this new name stay in the room in any case?"""
        return False

    def run(self, room, *traced, env=None):
        """The command; |traced| are options for strace, if any."""
        before = [STRACE, *traced] if traced else []
        return run(*before, self.program, *self.words(room),
                   env={"TMPDIR": room.temporary, **self.env, **(env or {})})

    def complaint(self, room, result, failed):
        """What is wrong with the result of a fault, or None."""
        if result.rc not in self.codes:
            return "it crashed"
        done = self.is_done(room, result)
        if result.rc == DONE and not done:
            return "success, and not all of it is there"
        if result.rc != DONE and not done and not self.is_undone(room, result):
            return "failure, and something is left"
        said = len(result.err.strip().splitlines())
        if result.rc != DONE and not (0 < said <= self.lines or said == 0 and failed == "write"):
            return "no clear error"
        # The text of errno 0: errno was not set.
        if "Success" in result.err:
            return "a fault of which no reason is known"
        new = room.names() - room.before - (self.makes if done else set())
        new = sorted(name for name in new if not self.may_leave(name))
        if new and failed not in REMOVING:
            return f"left behind: {new}"
        return None


class InOpenssl:
    """For a Case: the failing system call is one of the openssl that the command runs."""

    lines = 40

    def furnish(self, room):
        super().furnish(room)
        (room.at / "openssl").touch(0o755)

    def run(self, room, *traced):
        script = room.at / "openssl"
        script.write_text(f'#!/bin/sh\nexec {STRACE} {" ".join(map(str, traced))} {OPENSSL} "$@"\n'
                          if traced else f'#!/bin/sh\nexec {OPENSSL} "$@"\n')
        return super().run(room, env={"SMIME_POLICY_OPENSSL": script})


def build_starve(directory):
    """The library that starves the command of memory."""
    compiler = shutil.which("cc", path=os.defpath)
    if compiler is None:
        pytest.skip("no C compiler is installed")
    library = directory / "starve.so"
    must(run(compiler, "-shared", "-fPIC", "-Wall", "-Wextra", "-Werror", "-o", library,
             REPO / "integration" / "lib" / "starve.c", "-lcrypto", "-ljansson"))
    return library


@functools.cache
def _why_no_strace():
    if STRACE is None:
        return "strace is not installed"
    result = run(STRACE, "-o", "/dev/null", "/bin/true")
    return None if result.rc == 0 else f"nothing can be traced here: {result.err.splitlines()[0]}"


def skip_without_strace():
    """Skip with a reason instead of failing."""
    if why := _why_no_strace():
        pytest.skip(why)


def _points_of(case):
    """Every system call of an undisturbed run, which must succeed."""
    with Room(case) as room:
        log = room.at / "log"
        result = case.run(room, "-o", log)
        points = _read_points(log)
        log.unlink()
        assert result.rc == case.rc and case.complaint(room, result, None) is None, result
    return points


def _each(points, fail):
    """Call |fail| for every point and report all complaints; returns how many runs failed."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        results = list(pool.map(fail, points))
    told = [f"{point}: {complaint}: {result}" for point, (complaint, result)
            in zip(points, results) if complaint]
    assert not told, "\n\n".join(told)
    return sum(result.rc != DONE for _, result in results)


def fail_each(case, leave=(), only=FAULTS):
    """Each system call in |only| but not in |leave| fails once; returns how many runs failed by that."""
    def fail(point):
        with Room(case) as room:
            result = case.run(room, *point.options)
            return case.complaint(room, result, point.name), result

    return _each([point for point in _points_of(case)
                  if point.name not in leave and point.name in only], fail)


def starve_each(case, library):
    """Each allocation of the command's own fails once; returns how many runs failed by that."""
    def starve(number):
        with Room(case) as room:
            log = room.at / "log"
            result = case.run(room, env={"LD_PRELOAD": library, "STARVE": number,
                                         "STARVE_LOG": log})
            *place, count = log.read_text().split() or ["the end of it"]
            log.unlink()
            complaint = case.complaint(room, result, "allocation")
            return place and complaint and f"at {place[0]}: {complaint}", result, count

    complaint, result, count = starve(0)
    assert result.rc == case.rc and not complaint, result
    return _each(range(1, int(count) + 1), lambda number: starve(number)[:2])
