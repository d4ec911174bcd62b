# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
"""docs/results/messages.md has all that the command says, and no line sends its reader elsewhere."""

import contextlib
import os
import re
import shutil
import sqlite3
import subprocess
import tempfile
import time

import pytest

import words
from harness import COMMAND, MODULE, OPENSSL, REPO, environment, must, run, stock, write_conf
from keyrings import make_keyring

KEPT = REPO / "docs" / "results" / "messages.md"
COMMAND_LINE = "SP_UPDATE_MESSAGES=1 /usr/bin/python3 -m pytest -q integration/command/test_words.py -k messages"
DONE, USAGE, INPUT, REFUSED, CRYPTO, SYSTEM = range(6)


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    return words.World(tmp_path_factory.mktemp("words"))


@pytest.fixture
def home(world):
    world.fresh()
    return world


@pytest.mark.skipif(not re.match("OpenSSL 3.0", stock("version").text), reason="other words of openssl's own")
def test_messages_are_the_ones_we_publish(world):
    """Every command line is run; the page has its output."""
    text = words.page(world, COMMAND_LINE)
    if os.environ.get("SP_UPDATE_MESSAGES") == "1":
        KEPT.write_text(text)
    assert KEPT.read_text() == text, f"the messages have changed; read them, and then: {COMMAND_LINE}"


def said(world, line, code):
    text, found = world.says(words.Line(line))
    assert found == code, (line, found, text)
    return text


# --- the keyring of the user, in stock programs

URI = "smimepolicy:contact/bob@example.com"


def encrypt(world, out, **env):
    conf = world.directory / "openssl.cnf"
    return run(OPENSSL, "cms", "-encrypt", "-aes256", "-in", world.here / "mail.eml", "-out", out, URI,
               conf=conf, env=env)


def test_uri_as_installed(home, tmp_path):
    """The installed configuration sets no keyring: it is the one that `upload` made."""
    path = home.directory / "home" / ".local" / "share" / "smime-policy"
    for env in ({"HOME": home.directory / "home"}, {"SMIME_POLICY_KEYRING": path},
                {"XDG_DATA_HOME": path.parent}):
        out = tmp_path / "out"
        must(encrypt(home, out, **env))
        assert b"pkcs7-mime" in out.read_bytes()
        out.unlink()


@pytest.mark.parametrize("env, text", [
    ({"HOME": "/nosuch"}, "there is no keyring in /nosuch/.local/share/smime-policy; 'smime-policy upload'"),
    ({"HOME": ""}, "neither the setting keyring nor HOME says where it is"),
    ({"SMIME_POLICY_KEYRING": "keyring"}, "neither the setting keyring nor HOME says where it is")])
def test_uri_without_a_keyring(env, text, home, tmp_path):
    result = encrypt(home, tmp_path / "out", **env)
    assert result.rc == 2 and text in result.err and not (tmp_path / "out").exists(), result


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_another_users_home(home, tmp_path):
    """After `sudo` or `su`, HOME does not tell whom to trust; the setting may."""
    path = home.directory / "home" / ".local" / "share" / "smime-policy"
    for each in [path, *path.iterdir()]:
        os.chown(each, 12345, 12345)
    result = encrypt(home, tmp_path / "out", HOME=home.directory / "home")
    assert result.rc == 2 and "belongs to somebody else (uid 12345)" in result.err, result
    assert "in the setting keyring" in result.err and not (tmp_path / "out").exists(), result
    conf = write_conf(tmp_path / "openssl.cnf", {"keyring": path})
    must(run(OPENSSL, "cms", "-encrypt", "-in", home.here / "mail.eml", "-out", tmp_path / "out", URI, conf=conf))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a set-user-ID program")
def test_a_set_user_id_program_has_no_keyring(home, tmp_path):
    """Its caller would choose the keyring of another user's program."""
    program = home.directory / "openssl-of-others"
    shutil.copy(OPENSSL, program)
    os.chown(program, 12345, 12345)
    program.chmod(0o4755)
    # Such a program ignores OPENSSL_CONF, too, so the module is named, where that user may read it.
    with tempfile.TemporaryDirectory() as place:
        os.chmod(place, 0o755)
        shutil.copy(MODULE, place)
        result = run(program, "storeutl", "-noout", "-provider-path", place, "-provider",
                     "smimepolicy", "smimepolicy:trust", env={"HOME": home.directory / "home"})
    assert result.rc != 0 and "neither the setting keyring nor HOME" in result.err, result


@pytest.mark.parametrize("verb, uri, code, text", [
    ("encrypt", "smimepolicy:contact/bob@example.com", DONE, ""),
    ("encrypt", "smimepolicy:contact/carol@example.com", REFUSED, "[expired]"),
    ("encrypt", "smimepolicy:contact/nobody@example.com", INPUT, "no contact has this address"),
    ("sign -signer", "smimepolicy:identity/alice@example.com -passin file:secret", DONE, ""),
    ("sign -signer", "smimepolicy:identity/carol@example.com -passin file:secret", REFUSED, "[expired]")])
def test_uri_under_a_verb(verb, uri, code, text, home):
    verb, _, option = verb.partition(" ")
    answer = said(home, f"smime-policy {verb} -in mail.eml -out out {option} {uri}", code)
    assert text in answer and "store loader" not in answer
    assert (home.here / "out").exists() == (code == DONE)


# --- words that mislead

@pytest.mark.parametrize("line, code, text", [
    ("smime-policy list -frob", USAGE, "list: unknown option -frob\n"),
    ("smime-policy export --al", USAGE, "export: unknown option --al; did you mean --all?"),
    ("smime-policy upload --keep erin.pem", USAGE, "unknown option --keep; did you mean --keep-going?"),
    ("smime-policy encrypt --hedaers", USAGE, "unknown option --hedaers; did you mean --headers?"),
    ("smime-policy cms -sing -in mail.eml", USAGE, "unknown option -sing; did you mean -sign?"),
    ("smime-policy --polcy=x list", USAGE, "unknown option --polcy; did you mean --policy?"),
    ("smime-policy uplaod erin.pem", USAGE, "no such command: uplaod; did you mean upload?"),
    ("smime-policy help lst", USAGE, "help: no such command: lst; did you mean list?"),
    ("smime-policy check --pasin=pass:secret alice.p12", USAGE, "unknown option --pasin; did you mean --passin?"),
    ("smime-policy config --print --lint x", USAGE, "config: takes one of --print, "),
    ("smime-policy list --json --addresses", USAGE, "list: --json and --addresses exclude each other"),
    ("smime-policy list --json=x", USAGE, "list: option --json does not take a value"),
    ("smime-policy list --role contact --role ca", USAGE, "--role was given twice"),
    ("smime-policy list --frob", USAGE, "Try 'smime-policy list --help'"),
    ("smime-policy check --frob", USAGE, "Try 'smime-policy check --help'"),
    ("smime-policy encrypt --frob", USAGE, "Try 'smime-policy encrypt --help'"),
    ("smime-policy frob", USAGE, "Try 'smime-policy --help'"),
    ("smime-policy upload emptydir", INPUT, "no file is in this folder"),
    ("smime-policy upload erin.pem emptydir", INPUT, "nothing was stored"),
    ("smime-policy encrypt -to bob@example.com -in mail.eml", REFUSED, "--to (two dashes"),
    ("smime-policy encrypt --headers -in mail.eml", REFUSED, "the mail names nobody in To, Cc or Bcc"),
    ("smime-policy --keyring new upload frank.pem >/dev/null; smime-policy --keyring new trust "
     "frank@example.com", DONE, "through no CA: it has signed itself"),
    ("smime-policy upload --no-passphrase frank.pem frank.key", DONE, "1 private key ("),
    ("smime-policy upload käthe.pem", DONE, "CN=Käthe"),
    ("smime-policy upload käthe.pem >/dev/null; smime-policy list", DONE, "CN=Käthe"),
    ("smime-policy upload käthe.pem --json", DONE, '"subject":"CN=K\\u00E4the"')])
def test_text(line, code, text, home):
    assert text in said(home, line, code)


@pytest.mark.parametrize("name", ["", *(name for name in words.COMMANDS if name not in ("cms", "smime"))])
def test_help(name):
    """Help in every spelling that people try."""
    shown = must(run(COMMAND, *[name][:len(name)], "--help")).out
    assert shown.startswith(b"Usage: smime-policy") and name.encode() in shown
    for words_ in ([name, "-help"], [name, "-h"], ["help", name]):
        assert must(run(COMMAND, *filter(None, words_))).out == shown, words_


SPELLED = ["--out=out", "-out=out", "--output=out", "--out out", "-output out", "-o out", "-o=out"]


@pytest.mark.parametrize("option", SPELLED)
@pytest.mark.parametrize("line", [
    "export --all {}", "encrypt bob.pem -in mail.eml {}", "encrypt {} -in mail.eml bob.pem",
    "sign -in mail.eml {} -signer alice.pem -inkey alice.key -passin file:secret"])
def test_output(line, option, home):
    """One name for the file that is written, in every command that writes one."""
    assert said(home, f"smime-policy {line.format(option)}", DONE) == ""
    assert (home.here / "out").stat().st_size > 100


def test_output_in_a_plan(home):
    """What is explained can be run: stock has no -o."""
    text = said(home, "smime-policy encrypt --explain -o out -in mail.eml bob.pem", DONE)
    assert " -out out" in text and " -o " not in text and not (home.here / "out").exists()


@pytest.mark.parametrize("line, code", [
    ("upload erin.pem", DONE), ("upload carol.pem nosuch.pem", INPUT), ("check bob.pem", DONE),
    ("check --for sign carol.pem", REFUSED), ("trust bob@example.com", DONE),
    ("keyring check", DONE), ("keyring backup copy", DONE), ("list", DONE),
    ("list --expiring 9999w", REFUSED), ("remove --dry-run bob@example.com", DONE),
    ("remove bob@example.com", DONE), ("remove nobody@example.com", INPUT)])
@pytest.mark.parametrize("option", ["-q", "--quiet"])
def test_quiet(line, code, option, home):
    """Nothing is told on standard output; faults are, and the exit code is the same."""
    loud, found = home.says(words.Line(f"smime-policy {line}"))
    assert found == code and loud != ""
    home.fresh()
    faults, found = home.says(words.Line(f"smime-policy {line} 2>&1 >/dev/null"))
    home.fresh()
    assert found == code and said(home, f"smime-policy {line} {option}", code) == faults


def test_addresses(home):
    """For scripts and for the completion of the shells."""
    text = said(home, "smime-policy list --addresses --role contact", DONE)
    assert text.split() == sorted(text.split()) and "bob@example.com" in text.split()
    assert "alice" not in text
    assert said(home, "smime-policy list --addresses --address bob@example.com", DONE) == "bob@example.com\n"
    assert said(home, "smime-policy list --addresses --state unusable --role ca", DONE) == ""


@pytest.mark.parametrize("word", ["version", "--version", "-version"])
def test_version(word):
    version = re.search(r"VERSION ([0-9.]+)", (REPO / "CMakeLists.txt").read_text().partition("project(")[2])[1]
    assert must(run(COMMAND, word)).out.startswith(f"smime-policy {version} (OpenSSL ".encode())


@pytest.mark.parametrize("source", ["pass:secret", "env:SECRET", "file:secret", "fd:3", "stdin"])
@pytest.mark.parametrize("line", ["check --for sign {} alice.p12", "upload {} alice.p12",
                                  "keyring passphrase {} --no-passphrase alice@example.com",
                                  "sign -in mail.eml {} -signer alice.pem -inkey alice.key"])
def test_passin(line, source, home):
    """The same forms of -passin in every command."""
    said(home, f"SECRET=secret smime-policy {line} 3<secret <secret".format(f"--passin {source}"), DONE)


@pytest.mark.parametrize("source, text, code", [
    ("secret", "--passin takes pass:TEXT", USAGE), ("fd:x", "--passin takes pass:TEXT", USAGE),
    ("file:nosuch", "from file:nosuch: No such file or directory; correct --passin", INPUT),
    ("file:folder", "from file:folder: Is a directory; correct --passin", INPUT),
    ("env:NOSUCH", "from env:NOSUCH: no such variable is in the environment; ", INPUT),
    ("fd:9", "from fd:9: Bad file descriptor; correct --passin", INPUT)])
@pytest.mark.parametrize("line", [
    "check {} alice.p12", "upload {} alice.p12", "encrypt -in mail.eml -out out.eml bob.pem {}",
    "sign -in mail.eml -out out.eml {} -signer alice.pem -inkey alice.key",
    "decrypt -in sealed-mail.eml -out out.eml {} -recip bob.pem -inkey bob.key"])
def test_passin_that_gives_none(line, source, text, code, home):
    """One fault, one code and one set of words, in every command."""
    assert text in said(home, f"smime-policy {line.format('--passin ' + source)}", code)


@pytest.mark.parametrize("source, code", [
    ("pass:x", USAGE), ("env:HOME", USAGE), ("secret", USAGE), ("fd:x", USAGE),
    ("file:nosuch", INPUT), ("fd:9", INPUT)])
def test_passout_that_gives_none(source, code, home):
    line = f"smime-policy upload --passout {source} frank.pem frank.key"
    assert "--passout" in said(home, line, code)


@pytest.mark.parametrize("source", ["secret", "fd:x", "file:nosuch", "env:NOSUCH", "fd:9"])
def test_passin_under_a_stock_name(source, home):
    """Stock's words and its code."""
    line = f"cms -sign -in mail.eml -signer alice.pem -inkey alice.key -passin {source}"
    _, code = home.says(words.Line(f"openssl {line}"))
    assert code == USAGE and "smime-policy:" not in said(home, f"smime-policy {line}", code)


@pytest.mark.parametrize("typed, text, code", [
    (["one\n", "two\n", "one\n", "two\n", "one\n", "two\n"], "private key of frank.key differ", INPUT),
    (["one\n", "two\n", "one\n", "one\n"], "these two differ; type both again", DONE),
    (["\x03"], "interrupted: the new passphrase", INPUT)])
def test_new_passphrase(typed, text, code, home):
    """Different messages for two different passphrases, an interrupt, and no terminal."""
    answer, found = home.says(words.Line("smime-policy --keyring new upload frank.pem frank.key", tuple(typed)))
    assert found == code and text in answer and "cannot ask" not in answer, (found, answer)


def test_no_terminal(home):
    done = subprocess.run(
        ["setsid", "-w", COMMAND, "--keyring", "new", "upload", "frank.pem", "frank.key"], cwd=home.here,
        env=environment(), stdin=subprocess.DEVNULL, capture_output=True, check=False)
    assert done.returncode == INPUT and b"cannot ask for the new passphrase" in done.stderr, done


# --- what runs inside of a keyring that somebody else made

COMPUTED = """
ALTER TABLE certificate ADD COLUMN big BLOB GENERATED ALWAYS AS (zeroblob(900000000)) VIRTUAL"""
INSTEAD = """
CREATE TABLE kept AS SELECT * FROM certificate; DROP TABLE certificate;
CREATE TABLE certificate (id INTEGER PRIMARY KEY, fingerprint, role, key, subject, uploaded,
    der BLOB GENERATED ALWAYS AS (zeroblob(900000000)) VIRTUAL);
INSERT INTO certificate SELECT id, fingerprint, role, key, subject, uploaded FROM kept; DROP TABLE kept"""


@pytest.mark.parametrize("sql", [COMPUTED, INSTEAD], ids=["one more", "in the place of ours"])
def test_keyring_that_computes(sql, pki, mail, tmp_path):
    ring = make_keyring(tmp_path / "ring", f"contact:{pki.good_rsa.pem}")
    with contextlib.closing(sqlite3.connect(ring / "certificates.db")) as database:
        database.executescript(sql)
    begun = time.monotonic()
    for line in (["list"], ["show", "good_rsa@example.com"], ["keyring", "check"],
                 ["upload", pki.good_p256.pem],
                 ["encrypt", "--to", "good_rsa@example.com", "-in", mail, "-out", tmp_path / "out"]):
        result = run("prlimit", "--as=1500000000", COMMAND, "--keyring", ring, *line)
        assert result.rc == SYSTEM and "columns that are computed" in result.err, (line, result)
        assert not (tmp_path / "out").exists()
    conf = write_conf(tmp_path / "openssl.cnf", {"keyring": ring})
    result = run(OPENSSL, "storeutl", "-noout", "smimepolicy:trust", conf=conf)
    assert result.rc != DONE and "columns that are computed" in result.err, result
    assert time.monotonic() - begun < 120


def test_a_value_that_is_too_long(pki, tmp_path):
    """A stored value without computed columns cannot be larger than what was read."""
    ring = make_keyring(tmp_path / "ring", f"contact:{pki.good_rsa.pem}")
    with contextlib.closing(sqlite3.connect(ring / "certificates.db")) as database:
        database.execute("UPDATE certificate SET der = zeroblob(40000000)")
        database.commit()
    result = run(COMMAND, "--keyring", ring, "list")
    assert result.rc == SYSTEM and "too big" in result.err, result


# --- a user namespace

def test_a_user_namespace_without_root(home, pki):
    """The superuser's directories have no known owner there, and no owner could be corrected."""
    line = ["unshare", "-U", "--map-current-user"]
    if os.geteuid() == 0:
        line = ["setpriv", "--reuid", "12345", "--regid", "12345", "--clear-groups", *line]
    if run(*line, "true").rc != 0:
        pytest.skip("no user namespaces here")
    result = run(*line, COMMAND, "--keyring", "/usr/share/nosuch", "upload", pki.good_rsa.pem)
    assert result.rc == SYSTEM and "this user namespace does not know" in result.err, result
    assert "correct its owner" not in result.err
