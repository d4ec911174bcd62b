# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
"""`smime-policy import`: what gpgsm, mutt's smime_keys and a folder have, taken from the real programs."""

import json
import os
import shutil
import tempfile
from copy import copy as copy_of
from pathlib import Path

import pytest

from harness import COMMAND, environment, must, run, stock
from terminal import Terminal
from test_keyring_upload import Ring

DONE, USAGE, INPUT, REFUSED = range(4)
SECRET = "correct horse"
OWN = ("identity", "good_rsa@example.com")
FRIEND = ("contact", "good_p256@example.com")
CHAINED = ("contact", "good_chain@example.com")
ROOT, MIDDLE = ("ca", None), ("ca", None)


@pytest.fixture
def secret(tmp_path):
    path = tmp_path / "secret"
    path.write_text(SECRET + "\n")
    return path


class Gpgsm:
    """gpgsm with a home of its own: its agent needs a short path."""

    def __init__(self, pki):
        self.home = Path(tempfile.mkdtemp(prefix="gp"))
        self.env = {"GNUPGHOME": self.home, "LC_ALL": "C.UTF-8"}
        cert = pki.good_rsa
        must(stock("pkcs12", "-export", "-legacy", "-inkey", cert.key, "-in", cert.pem, "-certfile", pki.ca,
                   "-passout", f"pass:{SECRET}", "-out", self.home / "own.p12"))
        self("--pinentry-mode", "loopback", "--passphrase-fd", "0", "--import", self.home / "own.p12",
             stdin=SECRET.encode())
        for other in ("good_p256", "intermediate", "good_chain", "foreign_root", "foreign", "self_leaf", "expired"):
            self("--import", pki[other].pem)
        self.trust(pki.root)

    def __call__(self, *words, stdin=b""):
        return must(run("gpgsm", "--batch", "--disable-dirmngr", *words, stdin=stdin, env=self.env))

    def trust(self, cert):
        shown = must(stock("x509", "-in", cert.pem, "-noout", "-fingerprint", "-sha1")).text
        (self.home / "trustlist.txt").write_text(shown.split("=")[1].strip() + " S\n")
        run("gpgconf", "--kill", "gpg-agent", env=self.env)

    def forget(self):
        """The agent forgets the passphrases."""
        run("gpgconf", "--kill", "gpg-agent", env=self.env)

    def end(self):
        run("gpgconf", "--kill", "all", env=self.env)
        shutil.rmtree(self.home, ignore_errors=True)


@pytest.fixture(scope="module")
def gpgsm(pki):
    if shutil.which("gpgsm") is None:
        pytest.skip("gpgsm is not installed")
    made = Gpgsm(pki)
    yield made
    made.end()


@pytest.fixture
def ring(tmp_path):
    return Ring(tmp_path)


@pytest.fixture
def theirs(tmp_path, gpgsm):
    gpgsm.forget()
    return Ring(tmp_path, **gpgsm.env)


def left_out(result, *which):
    """Each of |which| is named in one line that says that it is left out, and no other."""
    lines = [line for line in result.err.splitlines() if " is left out" in line or " are left out" in line]
    assert len(lines) == len(which), result
    for text in which:
        assert sum(text in line for line in lines) == 1, (text, result)


# --- gpgsm

def test_gpgsm(theirs, secret):
    """Own keys and what gpgsm calls valid; no CA, no stranger."""
    result = must(theirs("import", "--from", "gpgsm", "--passin", f"file:{secret}", "--passout", f"file:{secret}"))
    assert theirs.contents() == sorted([OWN, FRIEND, CHAINED])
    left_out(result, "CN=root is left out; gpgsm trusts it, and --cas takes it", "CN=intermediate is left out",
             "CN=foreign_root is left out", "foreign@example.com", "self_leaf@example.com", "expired@example.com")
    assert "3 stored, 0 already there, 1 private key; 6 left out (" in result.text
    assert [encrypted for encrypted, _, _ in theirs.keys()] == [1]
    again = must(theirs("import", "--from", "gpgsm", "--passin", f"file:{secret}"))
    assert "0 stored, 3 already there, 0 private keys; 6 left out (" in again.text


def test_the_key_of_gpgsm_signs(theirs, secret, tmp_path):
    must(theirs("import", "--from", "gpgsm", "--passin", f"file:{secret}", "--no-passphrase"))
    must(theirs("sign", "--from", OWN[1], "-out", tmp_path / "signed", stdin=b"hello\n"))
    assert b"pkcs7-signature" in (tmp_path / "signed").read_bytes()


def test_gpgsm_with_cas(theirs, secret):
    """The root of trustlist.txt, and what it has issued."""
    result = must(theirs("import", "--from", "gpgsm", "--cas", "--passin", f"file:{secret}", "--no-passphrase"))
    assert theirs.contents() == sorted([OWN, FRIEND, CHAINED, ROOT, MIDDLE, ("contact", "expired@example.com")],
                                       key=str)
    left_out(result, "CN=foreign_root is left out: gpgsm does not trust it", "foreign@example.com",
             "self_leaf@example.com")


def test_gpgsm_in_json(theirs, secret):
    result = must(theirs("import", "--json", "--from", "gpgsm", "--passin", f"file:{secret}", "--dry-run",
                         "--no-passphrase"))
    report = json.loads(result.out)
    assert (report["operation"], report["dry_run"], report["stored"], report["left_out"]) == ("import", True, 3, 6)
    assert len(report["notes"]) == 6 and theirs.contents() == [] and theirs.keys() == []


@pytest.mark.parametrize("given", ["wrong", None])
def test_a_key_that_gpgsm_does_not_give(theirs, given, tmp_path):
    """The rest is stored, and the exit code says that something is missing."""
    (tmp_path / "given").write_text("wrong\n")
    passin = ["--passin", f"file:{tmp_path}/given"] if given else []
    result = theirs("import", "--from", "gpgsm", *passin)
    assert result.rc == INPUT and "gpgsm did not give its private key" in result.err, result
    assert theirs.contents() == sorted([("contact", OWN[1]), FRIEND, CHAINED]) and theirs.keys() == []


def test_the_agent_asks(theirs, gpgsm, tmp_path):
    """At a terminal the agent asks for the passphrase of the key, and the command for a new one."""
    env = environment(**{**gpgsm.env, "TERM": "xterm", "PINENTRY_USER_DATA": "USE_CURSES=1"})
    words = [COMMAND, "--keyring", theirs.path, "import", "--from", "gpgsm"]
    with Terminal.start(words, env, columns=100) as terminal:
        assert terminal.wait("to unlock|Passphrase")
        terminal.press(SECRET.encode() + b"\r")
        for question in ("new passphrase for the private key", "Once more"):
            assert terminal.wait(question), terminal.text
            terminal.press_unseen(b"new\r")
        assert terminal.wait("1 private key"), terminal.text
    assert OWN in theirs.contents()


def test_a_gpgsm_that_is_not_there(ring, tmp_path):
    result = run(COMMAND, "--keyring", ring.path, "import", "--from", "gpgsm", env={"PATH": tmp_path})
    assert result.rc == INPUT and "gpgsm is not there" in result.err and result.out == b"", result
    assert not (ring.path / "keys.db").exists() or ring.keys() == []


FAKES = {
    "fails": ("exit 3", "gpgsm has failed"),
    "says nothing": (":", "nothing is there to import"),
    "lists garbage": ("head -c 100000 /dev/urandom", "cannot read"),
    "lists without end": ("head -c 3000000 /dev/zero | tr '\\0' :", "cannot read"),
}


@pytest.mark.parametrize("which", FAKES)
def test_a_gpgsm_that_is_broken(which, ring, tmp_path):
    script, text = FAKES[which]
    (tmp_path / "gpgsm").write_text(f"#!/bin/sh\n{script}\n")
    (tmp_path / "gpgsm").chmod(0o755)
    result = run(COMMAND, "--keyring", ring.path, "import", "--from", "gpgsm",
                 env={"PATH": f"{tmp_path}:{os.defpath}"})
    assert result.rc == INPUT and text in result.err and ring.contents() == [], result


# --- smime_keys

class Mutt:
    """~/.smime as smime_keys makes it."""

    def __init__(self, pki, home):
        self.home = home
        home.mkdir()
        (home / ".muttrc").write_text('set smime_certificates="~/.smime/certificates"\n'
                                      'set smime_keys="~/.smime/keys"\n'
                                      'set smime_ca_location="~/.smime/ca-bundle.crt"\n')
        self.folder = home / ".smime"
        self("init")
        shutil.copy(pki.ca, self.folder / "ca-bundle.crt")
        key = home / "own.key"
        must(stock("pkcs8", "-topk8", "-in", pki.good_rsa.key, "-passout", f"pass:{SECRET}", "-out", key))
        self("add_chain", key, pki.good_rsa.pem, pki.intermediate)
        for other in ("good_p256", "foreign", "self_leaf"):
            self("add_cert", pki[other].pem)

    def __call__(self, *words):
        return must(run("smime_keys", *words, stdin=b"label\n", env={"HOME": self.home}))

    @property
    def index(self):
        return self.folder / "certificates" / ".index"


@pytest.fixture(scope="module")
def made(pki, tmp_path_factory):
    if shutil.which("smime_keys") is None or shutil.which("mutt") is None:
        pytest.skip("mutt is not installed")
    return Mutt(pki, tmp_path_factory.mktemp("mutt") / "home")


@pytest.fixture
def mutt(made, tmp_path):
    """A copy to spoil."""
    copy = copy_of(made)
    copy.home = tmp_path / "home"
    copy.folder = copy.home / ".smime"
    shutil.copytree(made.home, copy.home)
    return copy


@pytest.fixture
def muttish(tmp_path, mutt):
    return Ring(tmp_path, HOME=mutt.home)


NAMED = ["smime_keys", "folder"]


@pytest.mark.parametrize("named", NAMED)
def test_smime_keys(named, muttish, mutt, secret):
    source = "smime_keys" if named == "smime_keys" else mutt.folder
    result = must(muttish("import", "--from", source, "--passin", f"file:{secret}"))
    assert muttish.contents() == sorted([OWN, FRIEND])
    left_out(result, "ca-bundle.crt: these CAs, which mutt trusts, are left out", "CN=intermediate is left out",
             "foreign@example.com", "self_leaf@example.com")
    assert [encrypted for encrypted, _, _ in muttish.keys()] == [1]


def test_smime_keys_with_cas(muttish, mutt, secret):
    result = must(muttish("import", "--from", "smime_keys", "--cas", "--passin", f"file:{secret}"))
    assert muttish.contents() == sorted([OWN, FRIEND, ROOT, MIDDLE], key=str)
    left_out(result, "foreign@example.com", "self_leaf@example.com")
    assert mutt.folder.exists()


def test_what_was_revoked(muttish, mutt, secret):
    """smime_keys marks a revoked certificate in its index."""
    mutt.index.write_text(mutt.index.read_text().replace(" t se\n", " r se\n"))
    result = must(muttish("import", "--from", "smime_keys", "--passin", f"file:{secret}"))
    assert muttish.contents() == [OWN]
    left_out(result, "mutt trusts", "CN=intermediate", "good_p256@example.com", "foreign@example.com",
             "self_leaf@example.com")


INDEXES = {
    "a path": "x@example.com ../../../etc/passwd - ? t se\n",
    "an absolute path": "x@example.com /etc/passwd - ? t se\n",
    "control characters": "x\x1b[31m@example.com \x1b[31m.0 - ? t se\n",
    "no fields": "\n\n \t\nx\n",
    "no end": "x" * 100000,
    "NULs": "\0" * 5000,
    "no text": "\udcff\udcfe x.0 \udc80 ? t se\n",
}


@pytest.mark.parametrize("which", INDEXES)
def test_a_hostile_index(which, muttish, mutt, secret):
    """The index names nothing that is opened: its words are compared with names of files alone."""
    with open(mutt.index, "a", encoding="utf-8", errors="surrogateescape") as index:
        index.write(INDEXES[which])
    result = must(muttish("import", "--from", "smime_keys", "--passin", f"file:{secret}"))
    assert muttish.contents() == sorted([OWN, FRIEND]) and "\x1b" not in result.text, result


def test_one_bad_word_is_enough(muttish, mutt, secret):
    """A second line for the same file does not make it valid."""
    lines = mutt.index.read_text().splitlines()
    mutt.index.write_text("\n".join(lines + [line.replace(" i se", " t se") for line in lines]) + "\n")
    must(muttish("import", "--from", "smime_keys", "--passin", f"file:{secret}"))
    assert muttish.contents() == sorted([OWN, FRIEND])


def test_words_in_an_address(muttish, mutt, secret):
    """smime_keys copies addresses of the certificate into its index, words and all."""
    lines = mutt.index.read_text().splitlines()
    stranger = next(line for line in lines if line.startswith("self_leaf@"))
    address, name = stranger.split()[:2]
    for word in ("self_leaf@example.com", f"{address} {name} - ? t se", f"{address}\t{name} - ? t" + " " * 5000):
        index = [line for line in lines if line != stranger] + [stranger.replace(address, word, 1)]
        mutt.index.write_text("\n".join(index) + "\n")
        result = must(muttish("import", "--from", "smime_keys", "--passin", f"file:{secret}"))
        assert muttish.contents() == sorted([OWN, FRIEND]) and "self_leaf@example.com" in result.err, result


def make_fifo(path):
    path.unlink()
    os.mkfifo(path)


def make_huge(path):
    os.truncate(path, 17 << 20)


def make_folder(path):
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize("spoil", [make_fifo, make_huge, make_folder])
def test_an_index_that_cannot_be_read(spoil, muttish, mutt, secret):
    """Then nothing is known to be valid but what has a key."""
    spoil(mutt.index)
    result = muttish("import", "--from", "smime_keys", "--passin", f"file:{secret}")
    assert result.rc == INPUT and f"cannot read {mutt.index}" in result.err, result
    assert muttish.contents() == [OWN]


def test_no_smime_keys(ring, tmp_path):
    result = run(COMMAND, "--keyring", ring.path, "import", "--from", "smime_keys", env={"HOME": tmp_path})
    assert result.rc == INPUT and "/.smime/certificates/.index" in result.err, result
    assert ring.contents() == []


def test_what_else_is_in_the_folders(muttish, mutt, secret, pki):
    """Pipes, links that lead nowhere or back, and garbage."""
    certificates = mutt.folder / "certificates"
    os.mkfifo(certificates / "11111111.0")
    (certificates / "22222222.0").symlink_to("/nosuch")
    (certificates / "33333333.0").symlink_to(".")
    (mutt.folder / "keys" / "44444444.0").write_text("garbage\n")
    result = muttish("import", "--from", "smime_keys", "--passin", f"file:{secret}")
    assert result.rc == INPUT and muttish.contents() == sorted([OWN, FRIEND]), result
    for name in ("11111111.0", "22222222.0", "33333333.0", "44444444.0"):
        assert result.err.count(name) == 1, result


# --- a folder

@pytest.fixture
def desk(tmp_path, pki):
    """What a help desk has: PEM, DER, PKCS#7 and PKCS#12 in folders, a CA, and what a rule refuses."""
    at = tmp_path / "desk"
    deep = at / "a" / "b" / "c"
    deep.mkdir(parents=True)
    shutil.copy(pki.good_p256.pem, at / "friend.pem")
    must(stock("x509", "-in", pki.good_p384.pem, "-outform", "DER", "-out", deep / "other.cer"))
    must(stock("crl2pkcs7", "-nocrl", "-certfile", pki.good_chain.pem, "-certfile", pki.intermediate, "-outform",
               "DER", "-out", at / "a" / "chain.p7b"))
    must(stock("pkcs12", "-export", "-inkey", pki.good_rsa.key, "-in", pki.good_rsa.pem, "-passout",
               f"pass:{SECRET}", "-out", at / "own.p12"))
    shutil.copy(pki.no_san.pem, at / "refused.pem")
    (at / "README").write_text("our certificates\n")
    return at


TAKEN = [OWN, FRIEND, CHAINED, ("contact", "good_p384@example.com")]


def test_a_folder(ring, desk, secret):
    result = ring("import", "--from", desk, "--passin", f"file:{secret}")
    assert result.rc == REFUSED and ring.contents() == sorted(TAKEN), result
    left_out(result, "CN=intermediate is left out; --cas takes it")
    assert f"{desk}/refused.pem" in result.err and "[san-email]" in result.err, result
    assert result.err.count("README") == 1 and f"cannot read {desk}/README" in result.err, result


def test_a_folder_with_cas(ring, desk, secret):
    result = ring("import", "--cas", "--from", desk, "--passin", f"file:{secret}")
    assert result.rc == REFUSED and ring.contents() == sorted(TAKEN + [MIDDLE], key=str), result
    left_out(result)


def test_below_a_ca_of_the_keyring(ring, desk, secret, pki):
    """A CA that a stored one has issued needs no --cas."""
    must(ring.upload(pki.ca))
    ring("import", "--from", desk, "--passin", f"file:{secret}")
    assert ring.contents() == sorted(TAKEN + [ROOT, MIDDLE], key=str)


def test_a_dry_run(ring, desk, secret):
    result = ring("import", "--dry-run", "--from", desk, "--passin", f"file:{secret}")
    assert result.rc == REFUSED and result.text.count("would be stored as ") == 4 and ring.contents() == [], result
    assert result.text == ring("--explain", "import", "--from", desk, "--passin", f"file:{secret}").text


def test_what_is_no_file(ring, desk, secret):
    """Pipes, links that lead nowhere or back, and folders without end are named; nothing waits."""
    os.mkfifo(desk / "pipe")
    (desk / "a" / "dead").symlink_to("/nosuch")
    (desk / "a" / "round").symlink_to("..")
    deep = desk / "/".join(["d"] * 40)
    deep.mkdir(parents=True)
    shutil.copy(desk / "friend.pem", deep)
    result = ring("import", "--from", desk, "--passin", f"file:{secret}")
    assert result.rc == REFUSED and ring.contents() == sorted(TAKEN), result
    left_out(result, f"{desk}/pipe: it is left out: it is no file", f"{desk}/a/dead: it is left out",
             f"{desk}/a/round: it is left out: it leads back", "nested more than 32 deep", "CN=intermediate")


@pytest.mark.parametrize("source, text", [("nosuch", "No such file or directory"),
                                          ("empty", "nothing is there to import")])
def test_no_folder(source, text, ring, tmp_path):
    (tmp_path / "empty").mkdir()
    result = ring("import", "--from", tmp_path / source)
    assert result.rc == INPUT and text in result.err and ring.contents() == [], result


def test_many_cas(ring, tmp_path, pki):
    """More than may wait are left out, each in a line; none is taken by mistake."""
    bundle = tmp_path / "bundle.pem"
    bundle.write_text(pki.foreign_root.pem.read_text() * 1100 + pki.good_p256.pem.read_text())
    result = must(ring("import", "--from", bundle))
    assert ring.contents() == [FRIEND] and result.err.count("CN=foreign_root is left out") == 1100


@pytest.mark.parametrize("words, text", [
    ([], "--from is missing"), (["--from", "gpgsm", "x"], "takes no operand"),
    (["--from", "x", "--passout", "file:x", "--no-passphrase"], "exclude each other"),
    (["--from", "x", "--frob"], "unknown option --frob")])
def test_usage(words, text, ring):
    result = ring("import", *words)
    assert result.rc == USAGE and text in result.err and result.out == b"", result
