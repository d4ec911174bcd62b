# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
"""
What programs do when the policy cannot work, found out by running them.

A row is a program.  test_program_*.py registers it:

    @fail_closed.program("mutt")
    def _(world, fault):
        yield world.sent(...)    # once for each try: did a protected mail come out?

`fault` says what is wrong: its configuration file is `fault.conf`, or build another one with
`write_conf(path, fault.settings, module=fault.module)`.  Each program tries a certificate that the
rules refuse; where everything has to be refused a good one too (`fault.certificates`).
"""

import signal
from dataclasses import dataclass, field, replace
from pathlib import Path

from harness import COMMAND, MODULE, run, write_conf
from in_process import nothing_left, send

STOPS = "stops"
SPINS = "stops, but never ends"
UNGUARDED = "goes out"
# A program that spins is recognised by its processor time, which is many times that of any other on a slow
# machine: they take a tenth of a second.
LIMIT = ("prlimit", "--core=0", "--cpu=3:20")


class Spins(Exception):
    """The program spins, and had to be stopped."""


@dataclass(frozen=True)
class Fault:
    """One fault, made in a directory."""

    name: str
    conf: Path
    certificates: tuple = ("expired", "good_rsa")
    module: Path = MODULE
    settings: dict = field(default_factory=dict)
    # Nothing of ours runs under these faults, so every program may go on.
    hopeless: str | None = None


def _module_missing(directory, name):
    gone = directory / "gone.so"
    return Fault(name, write_conf(directory / "openssl.cnf", module=gone), module=gone)


def _no_module(directory, name):
    other = directory / "openssl.cnf"
    return Fault(name, write_conf(other, module=other), module=other)


def _bad_setting(directory, name):
    settings = {"mode": "enforced"}
    return Fault(name, write_conf(directory / "openssl.cnf", settings), settings=settings)


def _broken_keyring(directory, name):
    """Certificates that the program brings are judged without the keyring; others must not pass."""
    keyring = directory / "keyring"
    keyring.mkdir(exist_ok=True)
    (keyring / "certificates.db").write_bytes(b"no database " * 100)
    settings = {"keyring": keyring, "trust": "keyring"}
    return Fault(name, write_conf(directory / "openssl.cnf", settings), settings=settings,
                 certificates=("expired",))


def _default_beside(directory, name):
    gone = directory / "gone.so"
    return Fault(name, write_conf(directory / "openssl.cnf", module=gone, default="after"),
                 module=gone, hopeless="OpenSSL goes on with `default`")


def _no_file(directory, name):
    return Fault(name, directory / "openssl.cnf", hopeless="OpenSSL goes on without it")


# The columns.
FAULTS = {"module missing": _module_missing,
          "`module` names something else": _no_module,
          "setting not accepted": _bad_setting,
          "keyring damaged": _broken_keyring,
          "module missing, `default` active beside it": _default_beside,
          "no configuration file": _no_file}


def make(name, directory):
    """Make the fault of a column."""
    directory.mkdir(parents=True, exist_ok=True)
    return FAULTS[name](directory, name)


@dataclass(frozen=True)
class Row:
    """A program, and the faults under which it behaves differently from others."""

    name: str
    tries: object
    missing: object  # a function that says why the program cannot run here, or None
    goes_on: dict  # {fault: why mail goes out all the same}
    immune: tuple  # hopeless faults that do not concern it: it stops, as the drop-in command does


ROWS = {}


def program(name, *, missing=lambda: None, goes_on=None, immune=()):
    """Register a generator of answers to "did a protected mail come out?"."""
    def register(tries):
        ROWS[name] = Row(name, tries, missing, goes_on or {}, tuple(immune))
        return tries
    return register


@dataclass
class World:
    """The objects that the tries work with."""

    pki: object
    mail: Path
    directory: Path

    def protected(self, out):
        """Did a protected mail come out?  It is removed for the next try."""
        came = not nothing_left(out)
        out.unlink(missing_ok=True)
        return came


def driven(driver, *, operations=("sign", "encrypt"), **how):
    """Register a program of in_process.py."""
    @program(driver.name, missing=driver.missing, **how)
    def _(world, fault):
        out = world.directory / "out"
        limited = replace(driver.under(fault.conf), prefix=LIMIT)
        for operation in operations:
            for name in fault.certificates:
                result = send(limited, operation, world.pki[name], world.mail, out)
                yield world.protected(out)
                if result.rc == -signal.SIGXCPU:
                    raise Spins


def cell(row, world, fault):
    """The text of one cell."""
    try:
        if not any(row.tries(world, fault)):
            return STOPS
    except Spins:
        return SPINS
    return f"{UNGUARDED}: {row.goes_on.get(fault.name) or fault.hopeless or 'NOT EXPECTED'}"


def expected(row, fault):
    """Must the program stop under this fault?"""
    return fault.name in row.immune or not (fault.hopeless or fault.name in row.goes_on)


def self_test(fault):
    """Does the start-up check of the guides find the fault?"""
    return run(COMMAND, "config", "--self-test", fault.conf).rc != 0


HEAD = """\
# When the policy cannot work

For administrators: what each program does with a mail if something is wrong with the configuration
that should guard it. Every cell was found out by running the program. Generated by
`SP_UPDATE_FAIL_CLOSED=1 /usr/bin/python3 -m pytest -q integration/programs/test_fail_closed.py`;
the tests fail when it changes.

- stops: nothing was signed or encrypted with an expired certificate and, where everything has to
  stop, with a good one neither.
- stops, but never ends: nothing goes out, and the process runs until something ends it.
- goes out: signed or encrypted without the policy, and why.

No module can stop what the last two columns show, because OpenSSL does not load it. The last row is
the check that finds all of these faults: run it before a program is started.

"""


def markdown(cells, found):
    """The document; |cells| is {program: {fault: text}}, |found| is {fault: bool}."""
    lines = ["| program | " + " | ".join(FAULTS) + " |", "|---" * (len(FAULTS) + 1) + "|"]
    lines += ["| " + " | ".join([name, *cells[name].values()]) + " |"
              for name in sorted(cells, key=str.lower)]
    lines += ["| `smime-policy config --self-test FILE` | " +
              " | ".join("finds it" if found[name] else "does NOT find it" for name in FAULTS) +
              " |"]
    return HEAD + "\n".join(lines) + "\n"
