# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
"""
What the tests of mail programs share.

A program is given a directory for PATH that holds our command as `smime-policy`
and as `openssl`, and a `sendmail` that keeps what it is given.  Its configuration
is taken out of its guide, so that the guide is what was tested.
"""

import fcntl
import os
import pty
import re
import select
import shutil
import signal
import struct
import termios
import time

import pytest

from harness import COMMAND, MODULE, OPENSSL, PATIENCE, REPO, must, run, stock

# Where the guides say that the command is, and the directory of the link named openssl.
INSTALLED_COMMAND = "/usr/local/bin/smime-policy"
INSTALLED_LINKS = "/usr/local/libexec/smime-policy"

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
    """The block of docs/guides/|page| that is marked `<!-- test: NAME -->`."""
    text = (REPO / "docs" / "guides" / page).read_text()
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
        command = directory / "shim" / "smime-policy"
        shutil.copy(COMMAND, command)
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


class Terminal:
    """
    A program in a terminal of its own, and what its screen shows.

    Each wait ends when the screen shows what is waited for.
    """

    def __init__(self, *argv, env, lines=60, columns=300):
        pyte = pytest.importorskip("pyte", reason="python3-pyte is not installed")
        self.screen = pyte.Screen(columns, lines)
        self.stream = pyte.ByteStream(self.screen)
        self.code = None
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            try:
                size = struct.pack("HHHH", lines, columns, 0, 0)
                fcntl.ioctl(0, termios.TIOCSWINSZ, size)
                os.execvpe(str(argv[0]), [str(arg) for arg in argv], env | {"TERM": "vt100"})
            finally:
                os._exit(127)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.code is None:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        os.close(self.fd)

    @property
    def text(self):
        """The screen, without what is blank."""
        return "\n".join(line.rstrip() for line in self.screen.display if line.strip())

    def _read(self, deadline):
        """Read its next output; False at its end."""
        ready, _, _ = select.select([self.fd], [], [], max(0, deadline - time.monotonic()))
        assert ready, f"nothing came for {PATIENCE} s\n{self.text}"
        try:
            data = os.read(self.fd, 65536)
        except OSError:  # Linux: the other end is closed
            data = b""
        self.stream.feed(data)
        return data != b""

    def wait(self, *texts):
        """Until the screen shows one of |texts|, which is returned."""
        deadline = time.monotonic() + PATIENCE
        while True:
            for text in texts:
                if text in self.text:
                    return text
            assert self._read(deadline), f"ended, and {texts} was not shown\n{self.text}"

    def type(self, keys, *texts):
        """Clear the screen, type and wait: for programs that draw it again."""
        self.screen.reset()
        os.write(self.fd, keys.encode())
        return self.wait(*texts) if texts else None

    def press(self, keys, *texts):
        """Type, then wait."""
        os.write(self.fd, keys.encode())
        return self.wait(*texts) if texts else None

    def end(self):
        """Until it ends: its exit code."""
        deadline = time.monotonic() + PATIENCE
        while self._read(deadline):
            pass
        self.code = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        return self.code
