# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
"""Programs that want a terminal: wait for what they show, press keys, and read the screen."""

import bisect
import fcntl
import os
import pty
import re
import select
import signal
import struct
import termios
import time
from dataclasses import dataclass
from pathlib import Path

from harness import PATIENCE

CONTROL = re.compile(rb"\x1b\[[0-9;?]*[A-Za-z]|\x1b[()=>][A-Z0-9]?|[\x00\x07\x0e\x0f]")


@dataclass
class Terminal:
    """A program in a terminal of its own; use it in a `with`."""

    pid: int
    handle: int
    shown: bytes = b""  # everything so far
    looked_at: int = 0
    ended: bool = False

    @classmethod
    def start(cls, argv, env, rows=40, columns=120):
        argv = [os.fsencode(str(arg)) for arg in argv]
        pid, handle = pty.fork()
        if pid == 0:
            try:
                # A program may give up if the size changes while it begins.
                fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
                os.execvpe(argv[0], argv, env)
            finally:
                os._exit(127)
        return cls(pid, handle)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        os.close(self.handle)
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)

    def status(self):
        """The wait status of a program that has ended; it can still be waited for."""
        done = os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOWAIT)
        return f"{done.si_code}, {done.si_status}"

    def code(self):
        """Its exit code, or minus the signal that ended it."""
        done = os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOWAIT)
        return done.si_status if done.si_code == os.CLD_EXITED else -done.si_status

    @property
    def text(self):
        """The output without cursor movements."""
        return " ".join(CONTROL.sub(b" ", self.shown).decode(errors="replace").split())

    def _text_to(self, end):
        """The output since the last call of wait(), up to there."""
        return " ".join(CONTROL.sub(b" ", self.shown[self.looked_at:end]).decode(
            errors="replace").split())

    def wait(self, *patterns):
        """Wait for one of the patterns; returns the first found, or None at the end of the program."""
        deadline = time.monotonic() + PATIENCE
        while True:
            for pattern in patterns:
                if re.search(pattern, self._text_to(len(self.shown))):
                    # Output behind the match is for the next call.
                    self.looked_at = bisect.bisect_left(
                        range(len(self.shown)), True, self.looked_at,
                        key=lambda end: bool(re.search(pattern, self._text_to(end))))
                    return pattern
            if self.ended:
                return None
            assert time.monotonic() < deadline, f"none of {patterns} in:\n{self.text}"
            self._read()

    def _read(self, seconds=1):
        if select.select([self.handle], [], [], seconds)[0]:
            try:
                more = os.read(self.handle, 65536)
            except OSError:  # how Linux says that the other end is closed
                more = b""
            self.shown += more
            self.ended = not more

    def _listens(self):
        """Is the echo off, and does the program sleep?  A ^C between the one and the other would be lost."""
        state = Path(f"/proc/{self.pid}/stat").read_text(errors="replace").rpartition(") ")[2][0]
        return not termios.tcgetattr(self.handle)[3] & termios.ECHO and state in "SZ"

    def press_unseen(self, keys):
        """Type a passphrase, after the program has switched the echo off, which it does after asking."""
        deadline = time.monotonic() + PATIENCE
        while not self._listens():
            assert time.monotonic() < deadline, "what is typed is shown"
            self._read(0.01)
        self.press(keys)

    def press(self, keys):
        os.write(self.handle, keys)
