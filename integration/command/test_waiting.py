# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
"""Who waits for the other end of a FIFO is ended by a signal, and leaves nothing behind."""

import os
import re
import signal
import subprocess
from pathlib import Path

import pytest

from faults import DONE, INPUT
from harness import COMMAND, OPENSSL, PATIENCE, environment, must, refused, run, wait_for

SIGNALS = [signal.SIGTERM, signal.SIGINT]
OUTPUTS = ["sign", "encrypt", "verify", "decrypt", "cms", "export"]
INPUTS = ["sign -in", "sign -signer", "sign -passin", "encrypt -in", "encrypt recipient",
          "verify -in", "verify -CAfile", "decrypt -in", "decrypt -inkey", "cms -in", "upload"]


@pytest.fixture
def ring(pki, tmp_path):
    path = tmp_path / "ring"
    must(run(COMMAND, "--keyring", path, "upload", "--no-passphrase", pki.good_rsa.pem, pki.good_rsa.key))
    return path


@pytest.fixture
def room(tmp_path):
    """A place with a FIFO, and nothing else but what the test may leave."""
    for name in ("tmp", "d"):
        (tmp_path / name).mkdir()
    os.mkfifo(tmp_path / "d" / "fifo")
    return tmp_path


def words_of(what, fifo, pki, mail, post, ring):
    """The words of a command that reads or writes |fifo|."""
    cert = pki.good_rsa
    me = ["-signer", cert.pem, "-inkey", cert.key]
    sealed = post.encrypted("good_rsa")
    return {
        "sign": ["sign", *me, "-in", mail, "-out", fifo],
        "encrypt": ["encrypt", "-in", mail, "-out", fifo, cert.pem],
        "verify": ["verify", "-CAfile", pki.ca, "-in", post.signed("good_rsa"), "-out", fifo],
        "decrypt": ["decrypt", "-recip", cert.pem, "-inkey", cert.key, "-in", sealed, "-out", fifo],
        "cms": ["cms", "-sign", *me, "-in", mail, "-out", fifo],
        "export": ["--keyring", ring, "export", "--all", "-o", fifo],
        "sign -in": ["sign", *me, "-in", fifo],
        "sign -signer": ["sign", "-signer", fifo, "-inkey", cert.key, "-in", mail],
        "sign -passin": ["sign", *me, "-in", mail, "-passin", f"file:{fifo}"],
        "encrypt -in": ["encrypt", "-in", fifo, cert.pem],
        "encrypt recipient": ["encrypt", "-in", mail, fifo],
        "verify -in": ["verify", "-CAfile", pki.ca, "-in", fifo],
        "verify -CAfile": ["verify", "-CAfile", fifo, "-in", post.signed("good_rsa")],
        "decrypt -in": ["decrypt", "-recip", cert.pem, "-inkey", cert.key, "-in", fifo],
        "decrypt -inkey": ["decrypt", "-recip", cert.pem, "-inkey", fifo, "-in", sealed],
        "cms -in": ["cms", "-encrypt", "-aes256", "-in", fifo, cert.pem],
        "upload": ["--keyring", ring, "upload", fifo],
    }[what]


def left(room):
    return sorted(str(path.relative_to(room)) for name in ("tmp", "d") for path in (room / name).iterdir())


def start(words, room, as_given=signal.SIG_DFL, **env):
    """Begin |words|, with the signals as a shell gives them."""
    before = {number: signal.signal(number, as_given) for number in SIGNALS}
    try:
        return subprocess.Popen([str(word) for word in (COMMAND, *words)], stdin=subprocess.DEVNULL,
                                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                env=environment(TMPDIR=room / "tmp", **env))
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def has_signal(process, number, which):
    status = Path(f"/proc/{process.pid}/status").read_text()
    return int(re.search(rf"{which}:\s*(\w+)", status)[1], 16) & 1 << number - 1


def holds(process, number):
    """Does the process hold this signal back?  It does while its output is put into its place."""
    return has_signal(process, number, "SigBlk")


def naps(process):
    """How often it has waited: it looks at what is pending each time."""
    return int(re.search(r"^voluntary_ctxt_switches:\s*(\d+)", Path(f"/proc/{process.pid}/status").read_text(), re.M)[1])


def is_pending(process, number):
    return has_signal(process, number, "ShdPnd")


def expect_end(process, number, room):
    process.send_signal(number)
    try:
        assert process.wait(PATIENCE) not in (DONE, -signal.SIGKILL)
    finally:
        process.kill()
    assert left(room) == ["d/fifo"]


@pytest.mark.parametrize("number", SIGNALS)
@pytest.mark.parametrize("what", OUTPUTS)
def test_nobody_reads(what, number, room, pki, mail, post, ring):
    """The output has no reader.  A signal that comes before the command waits for one is not lost either."""
    done = room / "done"
    after = room / "openssl"
    after.write_text(f'#!/bin/sh\n{OPENSSL} "$@"\ncode=$?\n: >{done}\nexit $code\n')
    after.chmod(0o755)
    words = words_of(what, room / "d" / "fifo", pki, mail, post, ring)
    with start(words, room, SMIME_POLICY_OPENSSL=after) as process:
        wait_for(lambda: holds(process, number) if what == "export" else done.exists())
        expect_end(process, number, room)


@pytest.mark.parametrize("number", SIGNALS)
@pytest.mark.parametrize("what", ["encrypt", "export"])
def test_a_signal_that_is_ignored(what, number, room, pki, mail, post, ring):
    """As under nohup: the command goes on to wait for its reader."""
    fifo = room / "d" / "fifo"
    with start(words_of(what, fifo, pki, mail, post, ring), room, signal.SIG_IGN) as process:
        def is_kept():
            """While stock runs, signals are taken; then they are kept back."""
            process.send_signal(number)
            return process.poll() is not None or is_pending(process, number)

        wait_for(is_kept)
        before = naps(process)
        wait_for(lambda: process.poll() is not None or naps(process) > before + 2)
        assert process.poll() is None, "it went on waiting"
        assert len(fifo.read_bytes()) > 100
        assert process.wait(PATIENCE) == DONE
    assert left(room) == ["d/fifo"]


@pytest.mark.parametrize("what", [each for each in OUTPUTS if each != "export"])
def test_a_signal_that_comes_as_stock_ends(what, room, pki, mail, post, ring):
    """Stock is not ended by it, and what stock has written is thrown away."""
    deaf = room / "openssl"
    deaf.write_text(f"#!/bin/sh\ntrap '' TERM\n{OPENSSL} \"$@\" && kill -TERM $PPID\n")
    deaf.chmod(0o755)
    words = words_of(what, room / "d" / "out", pki, mail, post, ring)
    with start(words, room, SMIME_POLICY_OPENSSL=deaf) as process:
        assert process.wait(PATIENCE) not in (DONE, -signal.SIGKILL)
    assert left(room) == ["d/fifo"]


@pytest.mark.parametrize("what", ["encrypt", "cms"])
def test_a_reader_that_stops(what, room, pki, post, ring):
    """What does not fit into the FIFO waits for its reader, who may come late or never."""
    fifo = room / "d" / "fifo"
    large = room / "large"
    large.write_bytes(b"a line of a large mail\r\n" * 20000)
    words = words_of(what, fifo, pki, large, post, ring)
    with start(words, room) as process:
        with open(fifo, "rb") as reader:
            assert len(reader.read(1000)) == 1000
            expect_end(process, signal.SIGTERM, room)
    with start(words, room) as process:
        whole = fifo.read_bytes()
        assert process.wait(PATIENCE) == DONE and len(whole) > len(large.read_bytes())
    assert left(room) == ["d/fifo"]


def test_what_is_read_twice_is_not_opened(room, pki, mail):
    """A FIFO could be read only once, and nobody waits for it."""
    fifo = room / "d" / "fifo"
    me = ["-signer", pki.good_rsa.pem, "-inkey", pki.good_rsa.key]
    refused(run(COMMAND, "sign", *me, "-in", mail, "-certfile", fifo), "certificate-required")
    result = run(COMMAND, "check", fifo)
    assert result.rc == INPUT and "it is not a regular file" in result.err, result


@pytest.mark.parametrize("what", INPUTS)
def test_nobody_writes(what, room, pki, mail, post, ring):
    """Who writes has opened the FIFO, and is silent."""
    fifo = room / "d" / "fifo"
    writers = []

    def has_reader():
        try:
            writers.append(os.open(fifo, os.O_WRONLY | os.O_NONBLOCK))
        except OSError:
            assert process.poll() is None, "it ended without the FIFO"
        return writers

    with start(words_of(what, fifo, pki, mail, post, ring), room) as process:
        try:
            wait_for(has_reader)
            expect_end(process, signal.SIGTERM, room)
        finally:
            process.kill()
            for writer in writers:
                os.close(writer)


def test_output_through_a_fifo(room, pki, mail, post, ring):
    """With a reader it gets all of it."""
    fifo = room / "d" / "fifo"
    for what in OUTPUTS:
        words = words_of(what, fifo, pki, mail, post, ring)
        with start(words, room) as process:
            got = fifo.read_bytes()
            assert process.wait(PATIENCE) == DONE and got, what
    assert left(room) == ["d/fifo"]
