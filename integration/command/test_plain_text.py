# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
"""What is printed can be read aloud: 80 columns, no colour that says more than the words, nothing drawn."""

import os
import pty
import re
import shutil
import subprocess
import sysconfig
import unicodedata

import pytest

from harness import BUILD, COMMAND, REPO, environment, must, run, wait_for
from terminal import Terminal

COMMANDS = sorted(path.stem for path in (REPO / "shim" / "common" / "help").glob("*.txt")
                  if path.stem not in ("general", "names")) + ["cms"]
CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
# What a screen reader spells out, sign by sign.
FAKETIME = f"/usr/lib/{sysconfig.get_config_var('MULTIARCH')}/faketime/libfaketime.so.1"
DRAWN = re.compile(r"([-=_*#~+.|])\1{3,}")


@pytest.fixture(scope="module")
def ring(pki, tmp_path_factory):
    folder = tmp_path_factory.mktemp("plain")
    must(run(COMMAND, "--keyring", folder / "ring", "upload", "--no-passphrase", pki.good_rsa.pem,
             pki.good_rsa.key, pki.expired.pem, pki.ca))
    (folder / "mail").write_text("From: good_rsa@example.com\nTo: expired@example.com\n\nhello\n")
    (folder / "many.pem").write_text(pki.good_p256.pem.read_text() * 3)
    return folder


def on_a_terminal(folder, words, **env):
    """What a terminal of 80 columns gets from a command, and the exit code."""
    ours, theirs = pty.openpty()
    subprocess.run(["stty", "cols", "80", "-onlcr"], stdin=theirs, check=True)
    with subprocess.Popen([COMMAND, "--keyring", folder / "ring", *words], stdin=theirs, stdout=theirs,
                          stderr=theirs, env=environment(**env), cwd=folder) as child:
        os.close(theirs)
        text = b""
        while True:
            try:
                block = os.read(ours, 4096)
            except OSError:
                break
            text += block
    os.close(ours)
    return text.decode(), child.returncode


SAID = {
    "a list": "list", "a certificate": "show expired@example.com", "trust": "trust good_rsa@example.com",
    "a refusal": "encrypt --headers -in mail -out out", "a plan": "sign --explain --from good_rsa@example.com -in mail",
    "a check": "check --for encrypt many.pem", "an upload": "upload --dry-run many.pem",
    "an import": "import --dry-run --from many.pem", "doctor": "doctor", "config": "config --print",
    "the keyring": "keyring check", "no command": "lst",
}


@pytest.mark.parametrize("which", SAID)
def test_a_screen_reader_gets_the_same(which, ring):
    """With colours, without, and on a dumb terminal: the same words, and no control characters."""
    words = SAID[which].split()
    coloured, code = on_a_terminal(ring, words, TERM="xterm")
    plain, same = on_a_terminal(ring, words, TERM="dumb")
    assert CONTROL.sub("", coloured) == plain and same == code
    assert plain == on_a_terminal(ring, words, TERM="xterm", NO_COLOR="1")[0]
    assert "\x1b" not in plain and "\r" not in plain
    assert not DRAWN.search(plain), plain
    assert not any(unicodedata.category(sign) == "So" or "BOX" in unicodedata.name(sign, "") for sign in plain)


# yasr says these words for signs, and of an empty line that it is blank.
NAMES = re.compile(r"\b(at|blank|number|star|less than|greater than|(left|right) (bracket|brace)|bar|quote|underscore|tilde)\b")
READ = ["a list", "a certificate", "a refusal", "a plan", "an upload", "doctor", "help"]


def letters(text):
    """What a voice says and what was printed, both without signs, their names and spaces."""
    return re.sub(r"[\W_]", "", NAMES.sub("", re.sub(r"[\W_]", " ", text)))


def spoken(said):
    """What the voice was given, which may be in pieces, in one line."""
    return " ".join(" ".join(re.findall(r"^q \{(.*)\}$", said.read_text(), re.M)).split())


@pytest.mark.parametrize("which", READ)
def test_a_screen_reader_reads_it(which, ring, tmp_path):
    """yasr, with a file in the place of the voice: it says every word that is printed, once and in order."""
    if shutil.which("yasr") is None:
        pytest.fail("yasr is not installed: integration/ci/packages-test.txt")
    words = SAID.get(which, "help trust").split()
    (tmp_path / "voice").write_text(f"#!/bin/sh\nexec cat >{tmp_path}/said\n")
    (tmp_path / "job").write_text(f"#!/bin/sh\ncd {ring}\n{COMMAND} --keyring {ring}/ring {' '.join(words)}\n"
                                  f"echo that is all\nread line <{tmp_path}/end\n")
    os.mkfifo(tmp_path / "end")
    for script in ("voice", "job"):
        (tmp_path / script).chmod(0o755)
    env = environment(TERM="linux", HOME=str(tmp_path))
    said = tmp_path / "said"
    said.touch()
    with Terminal.start(["yasr", "-s", "emacspeak server", "-p", f"|{tmp_path}/voice", tmp_path / "job"], env,
                        rows=50, columns=80) as reader:
        assert reader.wait("that is all"), reader.text
        wait_for(lambda: letters(spoken(said)).endswith("thatisall"))
        # yasr hands its end of the terminal on, so the program does not end with it.
        (tmp_path / "end").write_text("\n")
    printed, _ = on_a_terminal(ring, words, TERM="dumb")
    assert letters(spoken(said)) == letters(printed + "that is all"), said.read_text()


@pytest.mark.parametrize("name", ["", *COMMANDS])
def test_help_fits(name):
    """In 80 columns, without tabs."""
    text = must(run(COMMAND, "help", *filter(None, [name]))).out.decode()
    assert [line for line in text.splitlines() if len(line) > 80 or line != line.rstrip()] == []
    assert "\t" not in text and not DRAWN.search(text.replace("...", "")), text


def test_help_of_every_command():
    assert len(COMMANDS) >= 17


@pytest.mark.parametrize("which", ["a list", "config"])
def test_tables_fit(which, ring):
    """What is not prose about one certificate fits in 80 columns."""
    text, _ = on_a_terminal(ring, SAID[which].split(), TERM="dumb")
    assert [line for line in text.splitlines() if len(line) > 80] == []


@pytest.mark.parametrize("terminal, shown", [("xterm", True), ("dumb", False)])
def test_the_count_of_an_upload(terminal, shown, ring, pki, tmp_path):
    """From the first second on, on a terminal that can erase it again; messages are whole."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    script = f"exec >{pipe}; sleep 1.1; cat {pki.good_p384.pem} {pki.no_san.pem}"
    with subprocess.Popen(["sh", "-c", script], env=environment()) as writer:
        text, code = on_a_terminal(ring, ["upload", "--dry-run", "--keep-going", pipe], TERM=terminal)
        assert writer.wait() == 0
    assert code == 3 and ("\r\x1b[K1 certificates and keys read\r\x1b[K" in text) == shown, text
    assert re.search(r"(^|\n|\x1b\[K)" + re.escape(f"{pipe}:2: "), text), text
    assert ("\x1b" in text) == shown


@pytest.mark.parametrize("words, said", [(["check"], r"\d+ certificates checked"), (["backup", "copy"], r"\d+ MB copied")])
@pytest.mark.parametrize("terminal, shown", [("xterm", True), ("dumb", False)])
def test_the_count_of_a_large_keyring(words, said, terminal, shown, tmp_path):
    """A clock that runs ten thousand times as fast makes it take more than a second."""
    (tmp_path / "many.pem").write_bytes(must(run(BUILD / "tests" / "keyring" / "make_contacts", 3000)).out)
    must(run(COMMAND, "--keyring", tmp_path / "ring", "upload", tmp_path / "many.pem"))
    text, code = on_a_terminal(tmp_path, ["keyring", *words], TERM=terminal, LD_PRELOAD=FAKETIME,
                               FAKETIME="+0 x10000")
    assert code == 0 and bool(re.search(r"\r\x1b\[K" + said + r"\r\x1b\[K", text)) == shown, text
    assert ("\x1b" in text) == shown
