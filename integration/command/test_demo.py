# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
"""`smime-policy demo`: it shows what is promised, notices if it is not so, and leaves nothing behind."""

import os
import signal
import subprocess

import pytest

from harness import COMMAND, OPENSSL, PATIENCE, REPORTS, environment, must, run, wait_for

DONE, USAGE, INPUT, REFUSED, CRYPTO, SYSTEM = range(6)


@pytest.fixture
def place(tmp_path):
    """The temporary directory of the demo, and a home."""
    for name in ("tmp", "home"):
        (tmp_path / name).mkdir()
    return tmp_path


def demo(place, *words, **env):
    result = run(COMMAND, *words, "demo", env={"TMPDIR": place / "tmp", "HOME": place / "home", **env})
    assert not list((place / "tmp").iterdir()) and not list((place / "home").iterdir()), result
    return result


def stand_in(place, text):
    program = place / "openssl"
    program.write_text(f"#!/bin/sh\n{text}")
    program.chmod(0o755)
    return program


def test_all_as_promised(place):
    """Eight command lines with their answers; nothing on standard error."""
    result = must(demo(place))
    lines = result.text.splitlines()
    assert result.err == "" and lines[-1] == "== All as promised"
    shown = [line.split()[2] for line in lines if line.startswith("$ smime-policy ")]
    assert shown == ["upload", "sign", "verify", "encrypt", "decrypt", "encrypt", "sign", "verify"]
    for rule in ("expired", "san-email", "sender-match"):
        assert f"[{rule}]" in result.text, rule
    assert result.text.count("(exit code 3, and nothing was written)") == 3
    assert "2 stored, 0 already there, 2 private keys" in result.text
    assert "verified: alice@example.com" in result.text


def test_it_runs_what_it_prints(place):
    """The same lines, typed by a user, do the same."""
    work = place / "work"
    program = stand_in(place, f'cp -rn "$PWD" {work} 2>/dev/null\nexec {OPENSSL} "$@"\n')
    shown = must(demo(place, SMIME_POLICY_OPENSSL=program)).text
    for path in work.iterdir():
        if path.name not in ("alice.pem", "bob.pem", "carol.pem", "web.pem", "letter.eml", "passphrase", "policy.cnf"):
            run("rm", "-r", path)
    for line in shown.splitlines():
        if line.startswith("$ smime-policy "):
            words = line.split()[2:]
            if "forged.eml" in words:
                signed = (work / "signed.eml").read_text()
                (work / "forged.eml").write_text("From: Eve <eve@example.com>\n" + signed.split("\n", 1)[1])
            result = run(COMMAND, "--policy", "policy.cnf", "--keyring", "keyring", *words, cwd=work)
            assert result.rc == (REFUSED if "refused.eml" in words else DONE), (line, result)
    assert not (work / "refused.eml").exists() and (work / "opened.eml").exists()


def test_settings_and_keyring_of_the_user(place):
    """They do not count, and are not touched."""
    policy = place / "policy.cnf"
    policy.write_text(f"mode = observe\nkeyring = {place}/mine\n")
    must(demo(place, "--policy", policy, SMIME_POLICY_KEYRING=place / "other"))
    must(demo(place, "--keyring", place / "third"))
    assert {path.name for path in place.iterdir()} == {"tmp", "home", "policy.cnf"}


@pytest.mark.parametrize("text, fault", [
    ("exit 1\n", "it failed"),
    # It ignores the policy, and reports what the provider would.
    (f'{REPORTS}\nexec env OPENSSL_CONF=/dev/null {OPENSSL} "$@"\n', "demo: it"),
    ("exit 0\n", "it failed")], ids=["fails", "no policy", "does nothing"])
def test_it_is_not_as_promised(text, fault, place):
    """The first line that does not keep its promise ends it."""
    result = demo(place, SMIME_POLICY_OPENSSL=stand_in(place, text))
    assert result.rc == REFUSED and b"All as promised" not in result.out, result
    assert fault in result.err and "'smime-policy doctor' looks for the cause" in result.err, result


def test_no_directory(tmp_path):
    result = run(COMMAND, "demo", env={"TMPDIR": tmp_path / "none"})
    assert result.rc == SYSTEM and result.out == b"" and "cannot make a directory" in result.err, result


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=str)
def test_a_signal_leaves_nothing(number, place):
    """While openssl works."""
    program = stand_in(place, f"touch {place}/begun\nexec sleep 1000\n")
    with subprocess.Popen([COMMAND, "demo"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environment(
            TMPDIR=place / "tmp", SMIME_POLICY_OPENSSL=program)) as started:
        wait_for((place / "begun").exists)
        assert list((place / "tmp").iterdir())
        started.send_signal(number)
        text = started.communicate(timeout=PATIENCE)[0]
    assert started.returncode != 0 and b"All as promised" not in text, text
    assert not list((place / "tmp").iterdir()), text


def test_nobody_reads(place):
    """`smime-policy demo | head -1`."""
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run([COMMAND, "demo"], stdout=writer, stderr=subprocess.PIPE, check=False,
                          env=environment(TMPDIR=place / "tmp"), timeout=PATIENCE)
    os.close(writer)
    assert done.returncode != 0 and not list((place / "tmp").iterdir()), done


def test_words(place):
    result = demo(place, "--explain")
    assert result.rc == USAGE and "--explain is refused" in result.err, result
    result = run(COMMAND, "demo", "now")
    assert result.rc == USAGE and result.out == b"" and "takes no argument" in result.err, result
