# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
"""The tested OpenSSL is the newest of Debian, and there is only one of it."""

import os
import re
import shutil

import pytest

from harness import BUILD, COMMAND, MODULE, OPENSSL, REPO, must, run, stock

CI = REPO / "integration" / "ci"
VERSION = re.compile(r"OpenSSL (\S+ \d+ \w+ \d{4})")


def libcrypto(program):
    """The file that a program or a module loads."""
    found = re.search(r"libcrypto\S* => (\S+)", must(run("ldd", program)).text)
    return os.path.realpath(found[1])


def versions(package):
    """(the installed version, the newest that apt's sources have), or a skip that says why not."""
    if shutil.which("apt-cache") is None:
        pytest.skip("no apt to ask for the newest OpenSSL")
    text = must(run("apt-cache", "policy", package)).text
    if not re.search(r"^ +\d+ (?!/var/lib/dpkg/status)\S+ ", text, re.M):
        pytest.skip(f"apt has no list in which {package} is: run `apt-get update`")
    return [re.search(rf"{word}: (\S+)", text)[1] for word in ("Installed", "Candidate")]


def test_the_newest_openssl_of_the_distribution():
    """install-packages.sh brings the newest."""
    owner = must(run("dpkg-query", "-S", libcrypto(OPENSSL))).text.split(":")[0]
    for package in (owner, "openssl", "libssl-dev"):
        installed, newest = versions(package)
        assert installed == newest, f"{package}: run integration/ci/install-packages.sh"


def test_one_libcrypto():
    """The program, the module and the command use the same libcrypto, and were built with its headers."""
    assert libcrypto(OPENSSL) == libcrypto(MODULE)
    program, library = VERSION.findall(stock("version").text)
    assert program == library
    assert VERSION.findall(must(run(COMMAND, "--version")).text) == [library]


def test_versions_are_told():
    text = must(run(CI / "tested.sh", BUILD)).text
    for start in ("system: ", "OpenSSL: OpenSSL ", "command: smime-policy ", "PHP: ", "compilers: gcc",
                  "libraries: ", "packages: "):
        assert re.search(rf"^{start}", text, re.M), text
    assert VERSION.findall(text)[0] == VERSION.findall(stock("version").text)[0]
    assert re.search(r"\bpython3-pytest\s+\d", text) and re.search(r"\blibsqlite3-0\s+\d", text), text


@pytest.fixture
def install(tmp_path):
    """install(script of an apt-get): what install-packages.sh does with it, and its words."""
    packages = tmp_path / "packages.txt"
    packages.write_text("# a comment\nopenssl\nlibssl-dev\n")

    def ask(script):
        apt, words = tmp_path / "apt-get", tmp_path / "words"
        words.unlink(missing_ok=True)
        apt.write_text(f'#!/bin/sh\necho "$@" >>{words}\n{script}\n')
        apt.chmod(0o755)
        result = run(CI / "install-packages.sh", packages,
                     env={"PATH": f"{tmp_path}:{os.defpath}"})
        return result, words.read_text().splitlines() if words.exists() else []
    return ask


def test_what_is_installed_is_brought_up_to_date(install):
    result, words = install("exit 0")
    assert result.rc == 0 and result.text == "", result
    assert [re.search(r" (update|install) .*", line)[0] for line in words] == [
        " update --error-on=any", " install -y --no-install-recommends openssl libssl-dev"]


def test_lists_that_cannot_be_read(install):
    """A warning: with all packages installed one may test without a network."""
    result, words = install('case " $* " in *" update "*) exit 100;; esac')
    assert result.rc == 0 and result.text.startswith("warning: apt cannot read all of its sources"), result
    assert len(words) == 2


def test_packages_that_cannot_be_had(install):
    result, _ = install('case " $* " in *" install "*) echo why; exit 100;; esac')
    assert result.rc == 1 and b"why\n" in result.out, result
    assert "install-packages: apt cannot install the packages of " in result.err
