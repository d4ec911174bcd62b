# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
"""Names that look like lines of a configuration: they become one setting, or are refused."""

import os
import random
import re
import shutil
import subprocess

import pytest

from faults import DONE
from harness import COMMAND, MODULE, OPENSSL, REPO, copy_command, environment, must, run, stock

INJECTED = ["\nmode = observe", "\r\nmode = observe\r\n", "\nmode=observe\n#",
            "\n[smimepolicy_settings]\nmode = observe\n", "\n.include /nonexistent\nmode = observe"]
NAMES = [f"kr{text}" for text in INJECTED] + [
    "a\rmode = observe", "a\\\nmode = observe", "$mode", "${ENV::HOME}", "$(x)", "a$", "a\\",
    "a\\\\", '"', "'", "`", "a`b`c", "#a", "a #b", " a ", "a ", "\ta\t", "[default]", "a]", "=",
    "a = b", "smimepolicy_settings", "default", ".include x", "a;b", "a\x01b", "a\x7f", "\udcff\udc80",
    "ä", "\ufeffa", "x" * 255, "x/" * 300]
APIS = [("sign",), ("cms", "-sign"), ("smime", "-sign")]
# The certificate comes through a pipe, so that the module judges it with the settings it has.
SCRIPT = 'exec "$0" "$@" -signer <(cat "$CERT")'


def sign(cert, mail, out, *words, before=(), **env):
    return run("/bin/bash", "-c", SCRIPT, COMMAND, *before, *words, "-inkey", cert.key, "-in", mail,
               "-out", out, env={"CERT": cert.pem, **env})


def ways(name, tmp_path):
    """Every way to give the name: options before and behind the command, and variables."""
    path = f"{tmp_path or '/'}/{name}"
    return {
        "--keyring": ((f"--keyring={path}",), (), {}),
        "--keyring of the verb": ((), ("--keyring", path), {}),
        "SMIME_POLICY_KEYRING": ((), (), {"SMIME_POLICY_KEYRING": path}),
        "XDG_DATA_HOME": ((), (), {"XDG_DATA_HOME": path}),
        "HOME": ((), (), {"HOME": path}),
        "TMPDIR": ((), (), {"TMPDIR": path}),
        "SMIME_POLICY_OPENSSL": ((), (), {"SMIME_POLICY_OPENSSL": path}),
        "--policy": (("--policy", path), (), {}),
        "LC_ALL": ((), (), {"LC_ALL": name}),
        "a relative --keyring": ((f"--keyring={os.path.relpath(path)}",), (), {}),
    }


@pytest.fixture(scope="module")
def stored(pki, tmp_path_factory):
    """A keyring that exists: otherwise the module is not told of it."""
    path = tmp_path_factory.mktemp("stored") / "keyring"
    must(run(COMMAND, "--keyring", path, "upload", pki.ca))
    return path


def prepare(way, name, tmp_path, stored):
    """Make what the name refers to, so that the command comes as far as possible."""
    path = f"{tmp_path}/{name}"
    try:
        if way == "SMIME_POLICY_OPENSSL":
            os.makedirs(os.path.dirname(path), exist_ok=True)
            shutil.copy(OPENSSL, path)
        elif way == "--policy":
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "w", encoding="ascii") as file:
                file.write("trace = no\n")
        elif way != "LC_ALL":
            tail = {"XDG_DATA_HOME": "/smime-policy", "HOME": "/.local/share/smime-policy"}
            shutil.copytree(stored, path + tail.get(way, ""), dirs_exist_ok=True)
    except OSError:
        # A file of that name cannot exist, but the name is tried.
        pass


@pytest.mark.parametrize("way", ways("", ""))
@pytest.mark.parametrize("api", APIS[:2], ids=" ".join)
def test_expired_is_refused_whatever_the_name(api, way, pki, mail, stored, tmp_path):
    """A refusal is one line, and leaves nothing behind."""
    for number, name in enumerate(NAMES):
        out = tmp_path / f"out{number}"
        prepare(way, name, tmp_path, stored)
        before, words, env = ways(name, tmp_path)[way]
        if words and api != ("sign",):
            before, words = (f"--keyring={tmp_path}/{name}",), ()
        result = sign(pki.expired, mail, out, *api, *words, before=before, **env)
        assert result.rc != DONE and result.out == b"" and not out.exists(), (name, result)
        assert result.err.strip(), (name, result)


@pytest.mark.parametrize("name", INJECTED)
def test_the_reason_is_told(name, pki, mail, tmp_path):
    """The reason is one line, with the name in printable form."""
    path = f"{tmp_path}/kr{name}"
    os.makedirs(path, mode=0o700)
    for way in ("--keyring", "SMIME_POLICY_KEYRING"):
        before, _, env = ways(f"kr{name}", tmp_path)[way]
        for api in (*APIS, ("upload", pki.ca), ("list",)):
            if api in APIS:
                result = sign(pki.good_rsa, mail, tmp_path / "out", *api, before=before, **env)
            else:
                result = run(COMMAND, *before, *api, env=env)
            assert result.rc != DONE and result.out == b"" and not (tmp_path / "out").exists()
            lines = [line for line in result.err.splitlines() if "accepted is an absolute" in line]
            assert len(lines) == 1 and "\\0" in lines[0] and "keyring = " in lines[0], result


def test_random_names_reach_the_module(pki, mail, stored, tmp_path):
    """The module gets the name byte for byte, or the name is refused."""
    seed = random.Random(20260101)
    show = tmp_path / "openssl"
    show.write_text('#!/bin/sh\nprintf %s "$SMIME_POLICY_EXPECT" >"$0.promised"\n'
                    f'exec {OPENSSL} "$@"\n')
    show.chmod(0o755)
    accepted = 0
    for _ in range(60):
        name = bytes(seed.choice([seed.randrange(1, 256), *b"\\#$\"'` []=\t\n"])
                     for _ in range(seed.randrange(1, 24))).replace(b"/", b"_")
        keyring = os.fsencode(tmp_path) + b"/k-" + name
        shutil.copytree(os.fsencode(stored), keyring, dirs_exist_ok=True)
        env = os.environ | environment(SMIME_POLICY_OPENSSL=show)
        good, bad = (subprocess.run(
            [COMMAND, b"--keyring=" + keyring, "cms", "-sign", "-signer", cert.pem, "-inkey", cert.key,
             "-in", mail], capture_output=True, check=False, env=env)
            for cert in (pki.good_rsa, pki.expired))
        assert bad.returncode != DONE and bad.stdout == b"", (name, bad)
        printable = not re.search(rb"[\x00-\x1f\x7f]", name)
        # If it were read back differently the module would be locked.
        assert (good.returncode == DONE) == printable, (name, good)
        accepted += printable
    assert 10 < accepted < 60


@pytest.mark.parametrize("name", ["a b", "$x", "a#b", 'a"b', "a'b", "a`b", "a\\b", "[x] = y", "a ", " a"])
def test_config_of_a_module_anywhere(name, pki, mail, tmp_path):
    """The command and its module in a directory of that name: `config` writes what OpenSSL reads."""
    place = tmp_path / name
    for part in ("shim", "provider"):
        (place / part).mkdir(parents=True)
    shutil.copy(MODULE, place / "provider")
    command, conf = copy_command(place / "shim"), tmp_path / "openssl.cnf"
    conf.write_bytes(must(run(command, "config")).out)
    result = run(command, "config", "--self-test", conf)
    assert result.rc == DONE and b"enforced: openssl refuses" in result.out, result
    assert run(command, "sign", "-signer", pki.good_rsa.pem, "-inkey", pki.good_rsa.key, "-in",
               mail).rc == DONE


def test_config_of_a_module_that_cannot_be_named(tmp_path):
    """The path has a line end."""
    place = tmp_path / "a\nactivate = 0"
    for part in ("shim", "provider"):
        (place / part).mkdir(parents=True)
    shutil.copy(MODULE, place / "provider")
    command = copy_command(place / "shim")
    for words in (["config"], ["config", "--self-test"]):
        result = run(command, *words)
        assert result.rc != DONE and result.out == b"" and "control character" in result.err, result
        assert len(result.err.splitlines()) == 1, result


@pytest.fixture(scope="module")
def build(tmp_path_factory):
    """A directory for CMake, which looks at the compiler once."""
    return tmp_path_factory.mktemp("build")


@pytest.mark.parametrize("name", ["/a b", "/a$b", "/a#b", '/a"b', "/a;b"])
def test_no_such_path_is_installed(name, build):
    """The installed openssl.cnf is written by CMake, which refuses instead of quoting."""
    result = run("cmake", "-S", REPO, "-B", build, "-DBUILD_TESTING=OFF",
                 f"-DSP_CONFIG_DIR={name}", "-DCMAKE_C_COMPILER_LAUNCHER=", timeout=300)
    assert result.rc != DONE, result
    assert "cannot be written into an openssl.cnf" in " ".join(result.err.split()), result


def test_stock_reads_the_same(tmp_path):
    """This checks the test: without quoting, a line end makes a setting."""
    conf = tmp_path / "openssl.cnf"
    conf.write_text(f"openssl_conf = a\n[a]\nproviders = b\n[b]\nsmimepolicy = c\n[c]\n"
                    f"module = {MODULE}\nactivate = 1\nkeyring = /kr{INJECTED[0]}ed\n")
    result = run(OPENSSL, "list", "-providers", conf=conf)
    assert b"inactive" in result.out, result
    assert b"inactive" not in must(stock("list", "-providers")).out
