# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
"""`smime-policy doctor`: each fault is found, told in words, and nothing is changed."""

import contextlib
import json
import os
import re
import sqlite3
import stat

import pytest

from harness import COMMAND, MODULE, copy_command, environment, must, run, skip_if_installed, write_conf
from keyrings import make_keyring
from terminal import Terminal

DONE, USAGE, INPUT, REFUSED = range(4)
LINE = re.compile(r"^(ok  |warn|fail)  ([^:]+): (.+)$")


@pytest.fixture
def home(tmp_path):
    (tmp_path / "home").mkdir()
    return tmp_path / "home"


def doctor(home, *words, conf=None, **env):
    """(result, {check: (state, said, remedy)}), of the JSON; the text says the same."""
    def ask(*more):
        return run(COMMAND, *words, "doctor", *more, conf=conf, env={"HOME": home, **env})
    result, text = ask("--json"), ask()
    report = json.loads(result.out)
    assert (result.rc, report["well"]) in ((DONE, True), (REFUSED, False)) and text.rc == result.rc, (result, text)
    assert report["exit"] == result.rc
    lines = text.out.decode().splitlines()
    told = [LINE.match(line) for line in lines if not line.startswith("      to do: ")]
    assert [(line[1].strip(), line[2]) for line in told[:-1]] == [
        (check["state"], check["check"]) for check in report["checks"]], text
    assert [line[13:] for line in lines if line.startswith("      to do: ")] == [
        check["remedy"] for check in report["checks"] if check["remedy"]], text
    assert "\x1b" not in text.text
    return result, {check["check"]: (check["state"], check["said"], check["remedy"]) for check in report["checks"]}


def fails(found, *names):
    """These checks fail, and no other."""
    assert {name for name, (state, _, _) in found.items() if state == "fail"} == set(names), found
    for name in names:
        assert found[name][2] or "; " in found[name][1], found[name]


def test_all_is_well(home):
    result, found = doctor(home)
    assert result.rc == DONE and result.err == "" and {state for state, _, _ in found.values()} == {"ok"}, found
    assert list(found) == ["version", "openssl", "module", "settings", "command", "OPENSSL_CONF", "decision log",
                           "/proc", "temporary directory", "keyring"]
    assert found["module"][1] == str(MODULE) and "enforced" in found["command"][1]
    assert "not set" in found["OPENSSL_CONF"][1] and "there is none in" in found["keyring"][1]
    assert not list(home.iterdir())


def test_settings(home, tmp_path):
    policy = tmp_path / "policy.cnf"
    policy.write_text("weak_key = deny\ntrace = no\n")
    result, found = doctor(home, "--policy", policy)
    assert result.rc == DONE and found["settings"][:2] == ("ok", f"{policy}: weak_key = deny; else the defaults"), found
    policy.chmod(0o666)
    assert f"{policy} can be written by everybody" in run(COMMAND, "--policy", policy, "doctor").text
    policy.chmod(0o644)
    policy.write_text("mode = observe\n")
    result, found = doctor(home, "--policy", policy)
    assert result.rc == DONE and found["settings"][0] == "warn" and "mode = enforce" in found["settings"][2]
    assert found["command"][0] == "warn" and "NOT enforced" in found["command"][1]
    policy.write_text("mode = enfroce\n")
    result, found = doctor(home, "--policy", policy)
    assert result.rc == REFUSED and "mode = enfroce" in found["settings"][1]
    fails(found, "settings")
    fails(doctor(home, "--policy", tmp_path / "none")[1], "settings")


def test_programs(home, tmp_path):
    result, found = doctor(home, conf=write_conf(tmp_path / "openssl.cnf"))
    assert result.rc == DONE and ": enforced: " in found["OPENSSL_CONF"][1]
    for text, said in (("", "NOT enforced"), ("openssl_conf = none\n", "NOT enforced")):
        (tmp_path / "openssl.cnf").write_text(text)
        result, found = doctor(home, conf=tmp_path / "openssl.cnf")
        assert result.rc == REFUSED and said in found["OPENSSL_CONF"][1], found
        fails(found, "OPENSSL_CONF")
    result, found = doctor(home, conf=tmp_path / "none.cnf")
    assert "cannot be read" in found["OPENSSL_CONF"][1]
    fails(found, "OPENSSL_CONF")


def test_log(home, tmp_path):
    policy = tmp_path / "policy.cnf"
    policy.write_text(f"decision_log = {tmp_path}\n")
    result, found = doctor(home, "--policy", policy)
    assert result.rc == DONE and found["decision log"][0] == "warn", found
    policy.write_text(f"decision_log = {tmp_path}/log\n")
    assert doctor(home, "--policy", policy)[1]["decision log"][:2] == ("ok", f"{tmp_path}/log")


NEEDS = {"fetch_from": ("crl.example.com", "libcurl-gnutls.so.4", "libcurl3-gnutls"),
         "ocsp": ("on", "libcurl-gnutls.so.4", "libcurl3-gnutls"),
         "contacts": ("ldap://ldap.example.org/dc=example", "libldap-2.5.so.0", "libldap-2.5-0 or libldap2"),
         "hub": ("service=mail", "libpq.so.5", "libpq5")}


@pytest.mark.parametrize("name", NEEDS)
def test_a_library_that_a_setting_needs(name, home, tmp_path):
    """Where it cannot be loaded, doctor and the lint of the file name the setting and the package."""
    value, library, package = NEEDS[name]
    policy = tmp_path / "policy.cnf"
    policy.write_text(f"{name} = {value}\n")
    before = doctor(home, "--policy", policy)[1]
    assert "library" not in before
    (tmp_path / "lib").mkdir()
    for path in {library, library.replace("-2.5.so.0", ".so.2")}:
        (tmp_path / "lib" / path).touch()
    lost = {"LD_LIBRARY_PATH": tmp_path / "lib"}
    result, found = doctor(home, "--policy", policy, **lost)
    state, said, _ = found.pop("library")
    assert state == "fail" and found == before
    assert result.rc == REFUSED and f"the setting {name} cannot be followed: " in said and package in said, said
    told = must(run(COMMAND, "config", "--lint", policy, env=lost)).text
    assert f"note: the setting {name} cannot be followed: " in told and package in told, told
    assert "note" not in must(run(COMMAND, "config", "--lint", policy)).text
    policy.write_text("")
    assert "library" not in doctor(home, "--policy", policy, **lost)[1]


def test_surroundings(home, tmp_path):
    _, found = doctor(home, TMPDIR=tmp_path / "none")
    fails(found, "temporary directory")
    _, found = doctor(home, SMIME_POLICY_OPENSSL="/nosuch")
    fails(found, "openssl")
    _, found = doctor(home, SMIME_POLICY_OPENSSL="/bin/false")
    fails(found, "openssl")


def test_a_lost_module(home, tmp_path):
    skip_if_installed("module", "SP_MODULES_DIR", MODULE.name)
    command = copy_command(tmp_path)
    result = run(command, "doctor", env={"HOME": home})
    assert result.rc == REFUSED and re.search("^fail  module: .* cannot be loaded", result.text, re.M), result
    assert "fail  command: smime-policy: NOT enforced" in result.text


@pytest.mark.slow
def test_openssl_that_never_ends(home, tmp_path):
    program = tmp_path / "openssl"
    program.write_text("#!/bin/sh\nexec sleep 100000\n")
    program.chmod(0o755)
    _, found = doctor(home, SMIME_POLICY_OPENSSL=program)
    assert "came to no end" in found["openssl"][1]
    fails(found, "openssl")


# --- the keyring


def test_a_good_keyring(home, pki):
    ring = make_keyring(home / "ring", f"contact:{pki.good_p256.pem}", f"identity:{pki.good_rsa.pem}:{pki.good_rsa.key}")
    result, found = doctor(home, "--keyring", ring)
    assert result.rc == DONE and found["keyring"][0] == "ok", found
    mode = stat.S_IMODE(ring.stat().st_mode)
    assert found["keyring"][1] == (f"{ring} (uid {os.getuid()}, mode {mode:04o}): "
                                   "identities: 1, contacts: 1, cas: 0, intermediates: 0")
    assert found["certificates"][1].startswith("2 usable, ") and found["entries"][0] == "ok", found
    assert found["entries"][1] == "sound; private keys: each has its certificate"


def test_expired_certificates(home, pki):
    ring = make_keyring(home / "ring", f"contact:{pki.good_rsa.pem}", f"contact:{pki.expired.pem}")
    result, found = doctor(home, "--keyring", ring)
    assert result.rc == DONE and found["certificates"][0] == "warn" and "1 expired" in found["certificates"][1], found


@pytest.mark.parametrize("database, sql, said", [
    ("certificates", "DELETE FROM certificate; DELETE FROM address; DELETE FROM recipient",
     "there is no identity with it"),
    ("keys", "DELETE FROM private_key", "an identity without a private key"),
    ("certificates", "UPDATE certificate SET der = x'3000'", "it is no certificate any more")])
def test_a_damaged_keyring(database, sql, said, home, pki):
    ring = make_keyring(home / "ring", f"identity:{pki.good_rsa.pem}:{pki.good_rsa.key}")
    with contextlib.closing(sqlite3.connect(ring / f"{database}.db")) as opened:
        opened.executescript(sql)
    result, found = doctor(home, "--keyring", ring)
    assert result.rc == REFUSED and found["entries"][0] == "fail" and said in found["entries"][1], found


def test_a_keyring_of_nobody(home, pki):
    """Others may write it; it is no keyring; there is no place for one."""
    ring = make_keyring(home / "ring", f"contact:{pki.good_rsa.pem}")
    ring.chmod(0o777)
    fails(doctor(home, "--keyring", ring)[1], "keyring")
    ring.chmod(0o700)
    (ring / "certificates.db").write_text("junk\n" * 1000)
    fails(doctor(home, "--keyring", ring)[1], "keyring")
    result = run(COMMAND, "doctor", env={"HOME": ""})
    assert result.rc == REFUSED and "fail  keyring: its place is not known" in result.text, result


def test_colour_is_not_all(home):
    """On a terminal the words are there, too; everywhere else there is no colour."""
    with Terminal.start([COMMAND, "doctor"], environment(HOME=home) | {"TERM": "xterm"}) as terminal:
        terminal.wait("(?!)")
        assert terminal.code() == DONE and b"\x1b[1;32mok  \x1b[0m  version: " in terminal.shown, terminal.shown


def test_words(home):
    result = run(COMMAND, "doctor", "now")
    assert result.rc == USAGE and result.out == b"" and "takes no argument" in result.err, result
    assert b"Exit code 3 if a line fails" in must(run(COMMAND, "doctor", "--help")).out
