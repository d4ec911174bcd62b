# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
"""Passphrases at the terminal: the question names the owner, and is asked again after a wrong one."""

import subprocess

import pytest

from harness import COMMAND, environment, must, run, stock
from terminal import Terminal

SECRET = "correct horse"
ADDRESS = "good_rsa@example.com"


class Desk:
    """A user whose keyring has a private key under a passphrase."""

    def __init__(self, directory, pki, mail):
        self.directory, self.pki, self.mail = directory, pki, mail
        self.ring, self.out = directory / "ring", directory / "out"
        self.pass_file = directory / "pass"
        self.pass_file.write_text(SECRET + "\n")

    def upload(self, name, *more):
        cert = self.pki[name]
        must(run(COMMAND, "--keyring", self.ring, "upload", *more, cert.pem, cert.key))

    def argv(self, *words):
        return COMMAND, "--keyring", self.ring, *words

    def types(self, *argv, answers):
        """Returns (exit code, output, number of questions)."""
        asked = 0
        with Terminal.start(argv, environment()) as terminal:
            while terminal.wait("passphrase of [^:]*: ?$", "pass phrase [^:]*:"):
                assert asked < len(answers), terminal.text
                terminal.press_unseen(answers[asked].encode() + b"\n")
                asked += 1
            return terminal.code(), terminal.text, asked

    def encrypted(self):
        path = self.directory / "encrypted"
        must(stock("cms", "-encrypt", "-in", self.mail, "-out", path, self.pki.good_rsa.pem))
        return path


@pytest.fixture
def desk(tmp_path, pki, mail):
    return Desk(tmp_path, pki, mail)


@pytest.fixture
def locked(desk):
    desk.upload("good_rsa", "--passout", f"file:{desk.pass_file}")
    return desk


def verb(desk, name):
    words = {"sign": ["sign", "--from", ADDRESS, "-in", desk.mail],
             "decrypt": ["decrypt", "-in", desk.encrypted() if name == "decrypt" else None]}[name]
    return desk.argv(*words, "-out", desk.out)


@pytest.mark.parametrize("name", ["sign", "decrypt"])
@pytest.mark.parametrize("answers, code", [
    ([SECRET], 0), (["wrong", SECRET], 0), (["", "wrong", SECRET], 0), (["a", "b", "c"], 2)],
    ids=["right", "wrong once", "wrong twice", "wrong"])
def test_a_stored_key(name, answers, code, locked):
    """There are three tries, and the question names the owner of the key."""
    found, said, asked = locked.types(*verb(locked, name), answers=answers)
    assert (found, asked) == (code, len(answers)), said
    assert f"passphrase of the private key of {ADDRESS}:" in said
    assert said.count("the passphrase is wrong; type it again") == asked - 1
    assert locked.out.exists() == (code == 0)
    if code != 0:
        assert f"the passphrase of the private key of {ADDRESS} is wrong" in said


@pytest.mark.parametrize("name", ["sign", "decrypt"])
def test_no_terminal(name, locked):
    done = subprocess.run(["setsid", "-w", *verb(locked, name)], env=environment(), check=False,
                          stdin=subprocess.DEVNULL, capture_output=True)
    assert done.returncode == 2 and not locked.out.exists(), done
    assert b"cannot ask for the passphrase of the private key of " + ADDRESS.encode() in done.stderr
    assert b"-passin" in done.stderr


@pytest.mark.parametrize("source", [f"pass:{SECRET}", "file", "fd"])
def test_a_source_is_not_asked_for(source, locked):
    source = {"file": f"file:{locked.pass_file}", "fd": "fd:0"}.get(source, source)
    with open(locked.pass_file, "rb") as given:
        done = subprocess.run(["setsid", "-w", *verb(locked, "sign"), "-passin", source],
                              env=environment(), check=False, stdin=given, capture_output=True)
    assert done.returncode == 0 and locked.out.exists(), done


def test_it_is_on_no_command_line_and_in_no_environment(locked, tmp_path):
    """A stand-in for openssl records what it was given."""
    seen = tmp_path / "seen"
    stand_in = tmp_path / "openssl"
    stand_in.write_text(f"#!/bin/sh\ntr '\\0' '\\n' </proc/$$/cmdline >{seen}\nenv >>{seen}\n"
                        'exec openssl "$@"\n')
    stand_in.chmod(0o755)
    with Terminal.start(verb(locked, "sign"),
                        environment(SMIME_POLICY_OPENSSL=stand_in)) as terminal:
        assert terminal.wait("passphrase of [^:]*: ?$")
        terminal.press_unseen(SECRET.encode() + b"\n")
        assert terminal.wait("never shown") is None and terminal.code() == 0, terminal.text
    assert "-passin" in seen.read_text() and "horse" not in seen.read_text()


def test_two_locked_keys_are_left_to_stock(locked):
    """Stock takes only one passphrase from us, and each key has its own."""
    other = locked.directory / "other"
    other.write_text("another horse\n")
    locked.upload("good_p256", "--passout", f"file:{other}")
    argv = locked.argv("sign", "--from", ADDRESS, "--from", "good_p256@example.com", "-in",
                       locked.mail, "-out", locked.out)
    code, said, asked = locked.types(*argv, answers=[SECRET, "another horse"])
    assert (code, asked) == (0, 2), said


# --- files

def files(desk, form, command):
    cert = desk.pki.good_rsa
    path = desk.directory / "file"
    if form == "PKCS#12":
        must(stock("pkcs12", "-export", "-in", cert.pem, "-inkey", cert.key, "-out", path,
                   "-passout", f"pass:{SECRET}"))
        return [path]
    how = {"PKCS#8": ["pkcs8", "-topk8", "-in", cert.key, "-out", path],
           "DER": ["pkcs8", "-topk8", "-in", cert.key, "-outform", "DER", "-out", path],
           "old PEM": ["rsa", "-traditional", "-aes128", "-in", cert.key, "-out", path]}[form]
    must(stock(*how, "-passout", f"pass:{SECRET}"))
    return [cert.pem, *(["--key"] if command == "check" else []), path]


@pytest.mark.parametrize("form", ["PKCS#12", "PKCS#8", "DER", "old PEM"])
@pytest.mark.parametrize("command", ["upload", "check"])
@pytest.mark.parametrize("answers, code", [([SECRET], 0), (["a", "b", SECRET], 0),
                                           (["a", "b", "c"], 2)], ids=["right", "third", "wrong"])
def test_a_file(command, form, answers, code, desk):
    found, said, asked = desk.types(*desk.argv(command, *files(desk, form, command)), answers=answers)
    assert (found, asked) == (code, len(answers)), said
    assert said.count("the passphrase is wrong; type it again") == asked - 1
    assert ("the passphrase is wrong; give the one" in said) == (code != 0), said
