# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
"""
Every system call of the verbs fails once: all of the output or none, an error
that says so, and what is refused stays refused.
"""

import signal
import subprocess

import pytest

from faults import (CRYPTO, DONE, OLD, REFUSED, STRACE, SYSTEM, Case, InOpenssl, fail_each,
                    skip_without_strace, starve_each)
from harness import COMMAND, PATIENCE, environment, must, run, stock

# The output is a pipe to us, which breaks only if we are gone.
TO_US = ("write",)


@pytest.fixture(autouse=True)
def _strace():
    skip_without_strace()


class Verb(Case):
    """A verb: its output replaces a file, fills an empty one, or goes to standard output."""

    def __init__(self, words, whole, out="file", env=None):
        self._words = words
        self._whole = whole
        self._out = out
        self.env = env or {}

    @property
    def _before(self):
        return b"" if self._out == "empty" else OLD

    def furnish(self, room):
        (room.at / "out").write_bytes(self._before)

    def words(self, room):
        verb, *rest = self._words
        return [verb, *rest] if self._out == "stdout" else [verb, "-out", room.at / "out", *rest]

    def is_done(self, room, result):
        return self._whole(result.out if self._out == "stdout" else (room.at / "out").read_bytes())

    def is_undone(self, room, result):
        return result.out == b"" and (room.at / "out").read_bytes() == self._before


class Apart(Verb):
    """encrypt --bcc separate: both files are there, or none is new."""

    makes = frozenset({"out.bcc1"})

    def furnish(self, room):
        super().furnish(room)
        (room.at / "out.bcc1").unlink(missing_ok=True)

    def is_done(self, room, result):
        return super().is_done(room, result) and self._whole((room.at / "out.bcc1").read_bytes())

    def is_undone(self, room, result):
        return super().is_undone(room, result) and not (room.at / "out.bcc1").exists()


class Launched(Verb):
    """The same for the launcher.  After many faults it becomes the tool, which does it all the same."""

    program = COMMAND


class Stock(InOpenssl, Launched):
    """The same for the openssl that it runs."""


class OwnName(Stock):
    """Under its own name it has stock's exit codes: 6 means that a signature could not be written."""

    codes = range(7)


class Refused(Verb):
    """No fault turns a refusal into a success."""

    def __init__(self, words, rc):
        super().__init__(words, lambda output: False)
        self.rc = rc


class LaunchedRefused(Refused):
    """The same for the launcher, which has the tool tell why."""

    program = COMMAND


class StockRefused(InOpenssl, LaunchedRefused):
    """The same for the openssl that it runs."""


def like(path):
    """Random bytes of the same length."""
    clean = path.read_bytes()
    return lambda output: abs(len(output) - len(clean)) <= 8 and output[-2:] == clean[-2:]


@pytest.fixture(scope="module")
def keyring(pki, tmp_path_factory):
    """A contact and a CA."""
    at = tmp_path_factory.mktemp("kept") / "keyring"
    must(run(COMMAND, "--keyring", at, "upload", pki.good_rsa.pem, pki.ca))
    return {"SMIME_POLICY_KEYRING": at}


@pytest.fixture
def verbs(pki, mail, post, keyring):
    """{name: (words, whether that is the whole output, output, environment)}"""
    cert = pki.good_rsa
    signed, encrypted = post.signed("good_rsa"), post.encrypted("good_rsa")
    sign = ["sign", "-signer", cert.pem, "-inkey", cert.key, "-in", mail]
    encrypt = ["encrypt", "-in", mail, cert.pem]
    verify = ["verify", "-CAfile", pki.ca, "-in", signed]
    decrypt = ["decrypt", "-recip", cert.pem, "-inkey", cert.key, "-in", encrypted]
    content = mail.read_bytes().__eq__
    return {
        "sign": (sign, like(signed)),
        "sign into an empty file": (sign, like(signed), "empty"),
        "encrypt": (encrypt, like(encrypted)),
        "encrypt to standard output": (encrypt, like(encrypted), "stdout"),
        "encrypt by the keyring": (["encrypt", "--to", cert.recipe.address, "-in", mail],
                                   like(encrypted), "file", keyring),
        "verify": (verify, content),
        "verify to standard output": (verify, content, "stdout"),
        "verify by the keyring": (["verify", "-in", signed], content, "file", keyring),
        "decrypt": (decrypt, content),
        "decrypt to standard output": (decrypt, content, "stdout"),
    }


@pytest.mark.parametrize("name", [
    "sign", "sign into an empty file", "encrypt", "encrypt to standard output",
    "encrypt by the keyring", "verify", "verify to standard output", "verify by the keyring",
    "decrypt", "decrypt to standard output",
])
def test_verb(name, verbs):
    assert fail_each(Verb(*verbs[name])) > 10


@pytest.mark.parametrize("name", ["sign", "sign into an empty file", "encrypt", "encrypt to standard output",
                                  "encrypt by the keyring", "decrypt", "decrypt to standard output"])
def test_launched_verb(name, verbs):
    assert fail_each(Launched(*verbs[name])) > 2


@pytest.mark.parametrize("name", ["sign", "encrypt", "encrypt by the keyring", "verify",
                                  "verify by the keyring", "decrypt"])
def test_verb_starved(name, verbs, starve):
    assert starve_each(Verb(*verbs[name]), starve) > 10


@pytest.mark.parametrize("name", ["sign", "encrypt", "encrypt by the keyring", "verify",
                                  "verify by the keyring", "decrypt"])
def test_openssl_under_a_verb(name, verbs):
    """Stock takes a read error for the end of the mail; we do not."""
    assert fail_each(Stock(*verbs[name]), leave=TO_US) > 2


@pytest.mark.parametrize("way", ["cms", "smime"])
def test_openssl_under_its_own_name(way, verbs):
    def is_whole(output):
        return b"quick brown fox" in output and output.rstrip().endswith(b"--")

    assert fail_each(OwnName([way, "-sign", *verbs["sign"][0][1:]], is_whole), leave=TO_US) > 2


@pytest.fixture
def apart(pki, tmp_path):
    """A mail with a Bcc field, for which stock encrypts twice."""
    path, ring = tmp_path / "hidden.eml", tmp_path / "ring"
    path.write_bytes(b"From: a@example.org\nTo: good_rsa@example.com\nBcc: good_p256@example.com\n\n" + b"text\n" * 9)
    must(run(COMMAND, "--keyring", ring, "upload", pki.good_rsa.pem, pki.good_p256.pem))
    return Apart(["encrypt", "--headers", "--bcc", "separate", "-in", path],
                 lambda output: output.startswith(b"From: ") and output.endswith(b"\n\n") and b"Bcc:" not in output,
                 env={"SMIME_POLICY_KEYRING": ring})


def test_apart(apart):
    assert fail_each(apart) > 10


def test_apart_starved(apart, starve):
    assert starve_each(apart, starve) > 10


@pytest.fixture
def one_of_two(pki, mail, tmp_path):
    """A message with two signers, one of whom is refused."""
    signed = tmp_path / "signed.eml"
    must(stock("cms", "-sign", "-in", mail, "-out", signed, *[
        word for cert in (pki.good_rsa, pki.ku_ke) for word in ("-signer", cert.pem, "-inkey", cert.key)]))
    return Verb(["verify", "--any-signer", "-CAfile", pki.ca, "-in", signed], mail.read_bytes().__eq__)


def test_one_of_two(one_of_two):
    assert fail_each(one_of_two) > 10


def test_one_of_two_starved(one_of_two, starve):
    assert starve_each(one_of_two, starve) > 10


@pytest.fixture
def refusals(pki, mail, post):
    """{name: (words, exit code)}"""
    old = pki.expired
    sign = ["-signer", old.pem, "-inkey", old.key, "-in", mail]
    return {
        "sign": (["sign", *sign], REFUSED),
        "encrypt": (["encrypt", "-in", mail, old.pem], REFUSED),
        "signer": (["verify", "-CAfile", pki.ca, "-in", post.signed("eku_server")], REFUSED),
        "sender": (["verify", "-CAfile", pki.ca, "-in",
                    post.sent("good_rsa", "somebody@example.org")], REFUSED),
        "anchor": (["verify", "-CAfile", pki.foreign.anchor, "-in", post.signed("good_rsa")],
                   REFUSED),
    }


@pytest.mark.parametrize("name", ["sign", "encrypt", "signer", "sender", "anchor"])
def test_refusal(name, refusals):
    fail_each(Refused(*refusals[name]))


@pytest.mark.parametrize("name", ["sign", "encrypt"])
def test_launched_refusal(name, refusals):
    fail_each(LaunchedRefused(*refusals[name]))


@pytest.mark.parametrize("name", ["sign", "encrypt", "signer", "sender", "anchor"])
def test_refusal_starved(name, refusals, starve):
    starve_each(Refused(*refusals[name]), starve)


def test_refusal_by_the_provider(pki, post):
    """The command under stock's name leaves the signer of a mail to the provider."""
    words = ["cms", "-verify", "-CAfile", pki.ca, "-in", post.signed("eku_server")]
    fail_each(StockRefused(words, CRYPTO), leave=TO_US)


def test_child_whose_end_nobody_waits_for(verbs):
    """If SIGCHLD is ignored, a child inherits that; we get the exit code of openssl all the same."""
    argv = [str(word) for word in (COMMAND, *verbs["decrypt"][0])]
    done = subprocess.run(argv, env=environment(), capture_output=True, timeout=PATIENCE, check=False,
                          preexec_fn=lambda: signal.signal(signal.SIGCHLD, signal.SIG_IGN))
    assert done.returncode == DONE and verbs["decrypt"][1](done.stdout), done


def test_a_target_that_cannot_be_looked_at(verbs, tmp_path):
    """A target that cannot be looked at is not taken for a new file: renaming would replace a link or a
    device."""
    target, link = tmp_path / "target", tmp_path / "link"
    target.write_bytes(OLD)
    link.symlink_to(target)
    verb, *rest = verbs["encrypt"][0]
    result = run(STRACE, "-o", "/dev/null", "-P", link, "-e", "trace=newfstatat,stat", "-e",
                 "inject=newfstatat,stat:error=EACCES", COMMAND, verb, "-out", link, *rest)
    assert result.rc == SYSTEM and f"cannot write {link}: Permission denied" in result.err, result
    assert link.is_symlink() and target.read_bytes() == OLD
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link", "target"]
