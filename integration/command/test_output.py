# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
"""The output is written completely or not at all, whatever happens in between."""

import re
import resource
import shutil
import signal
import subprocess

import pytest

from harness import COMMAND, PATIENCE, environment, must, run, stock, stock_does

DONE, USAGE, INPUT, REFUSED, CRYPTO, SYSTEM = range(6)
STRACE = shutil.which("strace")
VERBS = ["sign", "encrypt", "verify", "decrypt"]
OLD = b"what was there before\n"


def command(*args, **kwargs):
    """Our command."""
    return run(COMMAND, *args, **kwargs)


@pytest.fixture
def words(pki, mail, post):
    """The words of each verb, without -out."""
    cert = pki.good_rsa
    return {
        "sign": ["sign", "-signer", cert.pem, "-inkey", cert.key, "-in", mail],
        "encrypt": ["encrypt", "-in", mail, cert.pem],
        "verify": ["verify", "-CAfile", pki.ca, "-in", post.signed("good_rsa")],
        "decrypt": ["decrypt", "-recip", cert.pem, "-inkey", cert.key, "-in",
                    post.encrypted("good_rsa")],
    }


def with_out(words, out):
    """-out before the operands."""
    return [words[0], "-out", out, *words[1:]]


# --- killed


def calls(trace):
    """[(system call, how many of that name came before and with it)] of a strace log."""
    seen, points = {}, []
    for line in trace.read_text(errors="replace").splitlines():
        name = re.match(r"(\w+)\(", line)
        if name:
            seen[name[1]] = seen.get(name[1], 0) + 1
            points.append((name[1], seen[name[1]]))
    return points


@pytest.mark.skipif(STRACE is None, reason="strace is not installed")
@pytest.mark.parametrize("number", ["KILL", "TERM"])
@pytest.mark.parametrize("verb", VERBS)
def test_killed_at_any_moment(verb, number, words, tmp_path):
    """Killed at each of the last fifty system calls of a run: the output is old or new, never partial."""
    out, trace = tmp_path / "out", tmp_path / "trace"
    argv = with_out(words[verb], out)
    out.write_bytes(OLD)
    traced = run(STRACE, "-o", trace, COMMAND, *argv)
    if "ptrace" in traced.err:
        pytest.skip(f"nothing can be traced here: {traced.err.splitlines()[0]}")
    assert traced.rc == DONE, traced
    length = out.stat().st_size
    olds = news = 0
    for name, count in calls(trace)[-51:-1]:
        out.write_bytes(OLD)
        run(STRACE, "-o", "/dev/null", "-e", f"inject={name}:signal={number}:when={count}",
            COMMAND, *argv)
        content = out.read_bytes()
        olds += content == OLD
        news += content != OLD
        # The lengths of each kind: signatures and session keys are random, but not their sizes.
        assert content == OLD or abs(len(content) - length) <= 8, (name, count, len(content))
    assert olds > 0 and news > 0
    left = [path for path in tmp_path.iterdir() if path.name.startswith(".smime-policy")]
    assert not left or number == "KILL"


# --- no room


@pytest.fixture
def small(tmp_path):
    """A file system with almost no free space."""
    at = tmp_path / "small"
    at.mkdir()
    if run("/bin/mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", at).rc != 0:
        pytest.skip("no file system can be mounted here")
    try:
        (at / "out").write_bytes(OLD)
        with (at / "filler").open("wb", buffering=0) as filler:
            try:
                while filler.write(b"x" * 512):
                    pass
            except OSError:
                pass
        yield at
    finally:
        must(run("/bin/umount", at))


@pytest.mark.parametrize("verb", VERBS)
def test_full_disk(verb, words, small):
    """A full disk is no success, even if stock misses the failure of its last write: the output passes
    through us."""
    if verb == "decrypt":
        stock_does("takes a full disk for a success when it decrypts", stock(
            "cms", "-decrypt", *words["decrypt"][1:], "-out", small / "theirs").rc == 0)
        (small / "theirs").unlink(missing_ok=True)
    result = command(*with_out(words[verb], small / "out"))
    assert result.rc == SYSTEM and result.out == b"", result
    assert f"cannot write {small / 'out'}: No space left on device" in result.err
    assert (small / "out").read_bytes() == OLD
    assert {path.name for path in small.iterdir()} == {"out", "filler"}


@pytest.mark.parametrize("verb", VERBS)
def test_full_temporary_directory(verb, words, small):
    result = command(*words[verb], env={"TMPDIR": small})
    assert result.rc == SYSTEM and result.out == b"", result
    assert "No space left on device" in result.err


@pytest.mark.parametrize("option", ["-certsout", "-signer"])
def test_no_room_for_certificates(option, words, small, tmp_path):
    out = tmp_path / "content"
    result = command(*with_out(words["verify"], out), option, small / "out")
    assert result.rc == SYSTEM and "cannot write" in result.err, result
    assert (small / "out").read_bytes() == OLD


def test_full_device(words):
    for verb in VERBS:
        result = command(*with_out(words[verb], "/dev/full"))
        assert result.rc == SYSTEM and "cannot write /dev/full" in result.err, result


# --- what fails late


@pytest.fixture
def sealed(pki, tmp_path):
    """A large AES-GCM message whose tag is wrong."""
    body = tmp_path / "body"
    body.write_bytes(b"the quick brown fox.\n" * 10000)
    good, bad = tmp_path / "good", tmp_path / "bad"
    must(stock("cms", "-encrypt", "-aes-256-gcm", "-binary", "-in", body, "-outform", "DER",
               "-out", good, pki.good_rsa.pem))
    data = bytearray(good.read_bytes())
    data[-1] ^= 1
    bad.write_bytes(data)
    return bad


@pytest.fixture(params=["installed", "hasty"])
def openssl(request, tmp_path):
    """The environment of the command: with the installed openssl, or with one that writes before it fails."""
    if request.param == "installed":
        return {}
    hasty = tmp_path / "hasty-openssl"
    hasty.write_text("#!/bin/sh\nout=/dev/stdout\nwhile [ $# -gt 0 ]; do\n"
                     '[ "$1" != -out ] || out=$2\nshift\ndone\n'
                     'yes "the slow brown fox." | head -n 10000 >"$out"\nexit 4\n')
    hasty.chmod(0o755)
    return {"SMIME_POLICY_OPENSSL": hasty}


@pytest.mark.parametrize("how", [["decrypt"], ["cms", "-decrypt"]])
def test_not_a_byte_of_what_was_tampered_with(how, openssl, sealed, pki, tmp_path):
    """Nothing is written, even if stock writes the plain text of a message with a wrong tag."""
    words = ["-inform", "DER", "-in", sealed, "-recip", pki.good_rsa.pem, "-inkey",
             pki.good_rsa.key]
    stock_does("releases the plain text of AES-GCM before it has checked the tag",
               b"the quick brown fox." in stock("cms", "-decrypt", *words).out)
    ours = command(*how, *words, env=openssl)
    assert ours.rc == CRYPTO and ours.out == b"", ours
    out = tmp_path / "out"
    out.write_bytes(OLD)
    ours = command(*how, *words, "-out", out, env=openssl)
    assert ours.rc == CRYPTO and out.read_bytes() == OLD


@pytest.mark.parametrize("how", [["verify"], ["cms", "-verify"], ["smime", "-verify"]])
def test_not_a_byte_of_what_does_not_verify(how, openssl, pki, post, tmp_path):
    """Nothing is written of a message that was changed after signing."""
    broken = tmp_path / "broken"
    broken.write_bytes(post.signed("good_rsa").read_bytes().replace(b"quick", b"slow"))
    words = ["-in", broken, "-CAfile", pki.ca]
    stock_does("releases what was signed before it has verified it",
               b"slow" in stock("cms", "-verify", *words).out)
    out = tmp_path / "out"
    for more in ([], ["-out", out]):
        ours = command(*how, *words, *more, env=openssl)
        assert ours.rc == CRYPTO and ours.out == b"" and not out.exists(), ours


def test_a_pipe_gets_its_first_byte_after_the_decision(pki, post, tmp_path):
    """If it fails the reader of a pipe gets no byte."""
    go_on = tmp_path / "go-on"
    fake = tmp_path / "openssl"
    # It waits once: without a report the tool runs it again.
    fake.write_text(f"#!/bin/sh\necho early\n[ ! -p {go_on} ] || read line < {go_on}\nrm -f {go_on}\nexit 4\n")
    fake.chmod(0o755)
    must(run("/usr/bin/mkfifo", go_on))
    argv = [str(word) for word in (COMMAND, "cms", "-verify", "-in", post.signed("good_rsa"))]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                          env=environment(SMIME_POLICY_OPENSSL=fake)) as process:
        # The other end is opened when the child waits, so after it has written.
        go_on.write_text("\n")
        assert process.stdout.read() == b""
        assert process.wait(timeout=PATIENCE) == 4


def test_reader_gone(words):
    """SIGPIPE ends the command as it ends any filter."""
    argv = [str(word) for word in (COMMAND, *words["sign"])]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          env=environment()) as process:
        process.stdout.close()
        process.stderr.read()
        assert process.wait(timeout=PATIENCE) == -signal.SIGPIPE


@pytest.mark.skipif(STRACE is None, reason="strace is not installed")
def test_an_empty_file_that_cannot_be_filled_is_empty_again(pki, mail, tmp_path):
    """The file is written in place, and the disk is full at the second block."""
    out, long = tmp_path / "out", tmp_path / "mail"
    long.write_bytes(mail.read_bytes() + b"0123456789abcde\n" * 10000)
    argv = (COMMAND, "sign", "-signer", pki.good_rsa.pem, "-inkey", pki.good_rsa.key, "-in", long,
            "-out", out)
    for when, code in ((99, DONE), (2, SYSTEM)):
        out.write_bytes(b"")
        result = run(STRACE, "-o", "/dev/null", "-P", out, "-e",
                     f"inject=write:error=ENOSPC:when={when}", *argv)
        if "ptrace" in result.err:
            pytest.skip(f"nothing can be traced here: {result.err.splitlines()[0]}")
        assert result.rc == code, result
        assert (out.stat().st_size > 0) == (code == DONE)
    assert "No space left on device" in result.err
    assert {path.name for path in tmp_path.iterdir()} == {"out", "mail"}


# --- a limit on the size of files


def limited(*words, size=8192):
    """Our command under RLIMIT_FSIZE, with SIGXFSZ as it is at first."""
    return subprocess.run([str(word) for word in (COMMAND, *words)], check=False, timeout=PATIENCE,
                          capture_output=True, env=environment(), preexec_fn=lambda:
                          resource.setrlimit(resource.RLIMIT_FSIZE, (size, size)))


def test_limit_on_the_output(pki, tmp_path):
    """The output has a limit: an error message and no partial output, instead of a signal."""
    mail, out = tmp_path / "mail", tmp_path / "out"
    mail.write_bytes(b"line\n" * 20000)
    done = limited("encrypt", "-in", mail, "-out", out, pki.good_rsa.pem)
    assert done.returncode == SYSTEM, done
    assert f"cannot write {out}: File too large" in done.stderr.decode()
    assert {path.name for path in tmp_path.iterdir()} == {"mail"}


def test_limit_on_the_keyring(pki, tmp_path):
    done = limited("--keyring", tmp_path / "ring", "upload", pki.good_rsa.pem)
    assert done.returncode == SYSTEM and done.stdout == b"", done
    assert b"the keyring is as it was" in done.stderr and done.stderr.count(b"\n") == 1
    assert must(run(COMMAND, "--keyring", tmp_path / "ring", "list", "--json")).out == b""
