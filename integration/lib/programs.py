# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
"""
What the tests of mail programs share.

A program is given a directory for PATH that holds our command as `smime-policy`
and as `openssl`, and a `sendmail` that keeps what it is given.  Its configuration
is taken out of its guide, so that the guide is what was tested.
"""

import os
import re
import shutil
import time

import pytest

from harness import COMMAND, MODULE, OPENSSL, PATIENCE, REPO, copy_command, must, run, stock
from terminal import Terminal

# Where the guides say that the command is, and the directory of the link named openssl.
INSTALLED_COMMAND = "/usr/bin/smime-policy"
INSTALLED_LINKS = "/usr/libexec/smime-policy"

# Certificates that may neither sign nor be encrypted to, and the rule that says so.
REFUSED = {"expired": "expired", "eku_server": "extended-key-usage", "no_san": "san-email",
           "no_ku": "key-usage"}
PASSPHRASE = "secret"

# Faults of an installation, and their messages.
FAULTS = {
    "module missing": "unable to load provider smimepolicy",
    "module broken": "unable to load provider smimepolicy",
    "bad setting": "mode = enforced: accepted is enforce or observe",
    "stock missing": "cannot run /nonexistent/openssl",
}


def needs(program):
    """A mark: skip, and say which program is missing."""
    missing = shutil.which(program, path=os.defpath) is None
    return pytest.mark.skipif(missing, reason=f"{program} is not installed")


def guide(page, name):
    """The block of docs/use/guides/|page| that is marked `<!-- test: NAME -->`."""
    text = (REPO / "docs" / "use" / "guides" / page).read_text()
    return re.search(rf"<!-- test: {name} -->\n```\w*\n(.*?)```", text, re.DOTALL)[1]


def locked_key(cert, path):
    """The key of |cert| under a passphrase, as users keep it."""
    must(stock("pkey", "-in", cert.key, "-aes256", "-passout", f"pass:{PASSPHRASE}", "-out", path))
    return path


class Bin:
    """A directory for PATH with our command under both of its names."""

    def __init__(self, directory, fault=None, settings=""):
        self.path = directory / "bin"
        self.path.mkdir()
        self.sent = directory / "sent"
        command, real = COMMAND, OPENSSL
        if fault in ("module missing", "module broken"):
            command = self._without_module(directory, broken=fault == "module broken")
        elif fault == "bad setting":
            settings = "mode = enforced\n"
        elif fault == "stock missing":
            real = "/nonexistent/openssl"
        if settings or fault == "stock missing":
            self._wrap(directory / "policy.cnf", settings, real)
        else:
            for name in ("smime-policy", "openssl"):
                (self.path / name).symlink_to(command)
        self._script("sendmail", f"cat > {self.sent}.part && mv {self.sent}.part {self.sent}")

    @staticmethod
    def _without_module(directory, broken):
        """The command in a directory of its own, beside a module that is broken or missing."""
        for name in ("shim", "provider"):
            (directory / name).mkdir()
        command = copy_command(directory / "shim")
        if broken:
            (directory / "provider" / MODULE.name).touch()
            return command
        found = re.search(r"^module = (.*)$", must(run(command, "config")).text, re.MULTILINE)[1]
        if os.path.exists(found):
            pytest.skip(f"{found} is installed, and would be used")
        return command

    def _script(self, name, text):
        path = self.path / name
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)

    def _wrap(self, policy, settings, real):
        """Give the command the settings of a test; an installation has them in /etc/smime-policy/policy.cnf."""
        policy.write_text(settings)
        ours = f'SMIME_POLICY_OPENSSL={real} exec {COMMAND} --policy {policy} "$@"'
        self._script("smime-policy", ours)
        self._script("openssl", f'case $1 in cms|smime) {ours};; esac\nexec {OPENSSL} "$@"')

    def configuration(self, page, name="configuration"):
        """The guide's configuration with our paths."""
        text = guide(page, name)
        return text.replace(INSTALLED_COMMAND, str(self.path / "smime-policy")) \
                   .replace(INSTALLED_LINKS, str(self.path))

    @property
    def env(self):
        """The environment, with our directory first in PATH."""
        return {"PATH": f"{self.path}:{os.defpath}"}


class Screen(Terminal):
    """A program in a terminal of its own, and what its screen shows."""

    @classmethod
    def start(cls, argv, env):
        pyte = pytest.importorskip("pyte", reason="python3-pyte is not installed")
        rows, columns = 60, 300
        self = super().start(argv, env | {"TERM": "vt100"}, rows, columns)
        self.screen = pyte.Screen(columns, rows)
        self.stream = pyte.ByteStream(self.screen)
        return self

    @property
    def text(self):
        """The screen, without what is blank: the cells that were written, as most never are."""
        rows = [self.screen.buffer[number] for number in range(self.screen.lines)]
        lines = ["".join(row[column].data for column in range(max(row, default=-1) + 1)) for row in rows]
        return "\n".join(line.rstrip() for line in lines if line.strip())

    def _read(self):
        before = len(self.shown)
        super()._read()
        self.stream.feed(self.shown[before:])

    def wait(self, *texts):
        """Until the screen shows one of |texts|, which is returned."""
        deadline = time.monotonic() + PATIENCE
        while True:
            screen = self.text
            for text in texts:
                if text in screen:
                    return text
            assert not self.ended, f"ended, and {texts} was not shown\n{screen}"
            assert time.monotonic() < deadline, f"none of {texts} in:\n{screen}"
            self._read()

    def wait_printed(self, *texts):
        """Until one of |texts| was printed, which is returned: it may be overwritten since."""
        deadline = time.monotonic() + PATIENCE
        while True:
            for text in texts:
                if text in self.text or text.encode() in self.shown:
                    return text
            assert not self.ended, f"ended, and {texts} was not printed\n{self.text}"
            assert time.monotonic() < deadline, f"none of {texts} in:\n{self.text}"
            self._read()

    def type(self, keys, *texts):
        """Clear the screen, type and wait: for programs that draw it again."""
        self.screen.reset()
        return self.press(keys, *texts)

    def press(self, keys, *texts):
        """Type, then wait."""
        super().press(keys.encode())
        return self.wait(*texts) if texts else None

    def end(self):
        """Until it ends: its exit code."""
        while not self.ended:
            self._read()
        return self.code()
