# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
"""The options of compiler and linker show in the files."""

import os
import re
import shutil

import pytest

from harness import BUILD, COMMAND, MODULE, REPO, TOOL, is_musl, must, run

LIBRARY = BUILD / "provider" / "libsmimepolicy.so.0"
BUILT = pytest.mark.parametrize("path", [COMMAND, TOOL, MODULE, LIBRARY], ids=lambda path: path.name)


def readelf(option, path):
    return must(run("readelf", "-W", option, path)).text


def is_instrumented():
    return re.search(r"SP_(SANITIZE|COVERAGE)\S*=(?!OFF|\s)", (BUILD / "CMakeCache.txt").read_text())


@BUILT
def test_loaded_anywhere(path):
    """PIE, as the libraries."""
    assert re.search(r"Type:\s+DYN ", readelf("-h", path))


@BUILT
def test_bound_at_once_and_read_only(path):
    if is_instrumented():
        pytest.skip("an instrumented build is not hardened")
    assert "GNU_RELRO" in readelf("-l", path)
    assert re.search(r"\(FLAGS_1\).*\bNOW\b", readelf("-d", path))


@BUILT
def test_no_memory_is_written_and_run(path):
    headers = readelf("-l", path)
    assert re.search(r"GNU_STACK.* RW +0x", headers)
    assert not re.search(r"LOAD.* RWE ", headers)


@BUILT
def test_no_path_of_the_build(path):
    """No path of the build is in the files: neither for libraries nor in messages."""
    assert not re.search(r"\(R(UN)?PATH\)", readelf("-d", path))
    assert str(REPO) not in must(run("readelf", "-W", "-p", ".rodata", path)).text


@BUILT
def test_checked_calls(path):
    """Stack protector and the checked variants of functions that write to buffers."""
    if is_instrumented():
        pytest.skip("an instrumented build is not hardened")
    if path == COMMAND and is_musl():
        assert "__stack_chk_fail" in must(run("nm", path)).text
        return  # musl has no such variants
    symbols = must(run("nm", "-D", "--undefined-only", path)).text
    assert "__stack_chk_fail" in symbols
    assert re.search(r"__\w+_chk\b(?<!__stack_chk_fail)", symbols)


@pytest.mark.parametrize("words", [[], ["-DBUILD_TESTING=OFF"]], ids=["without libcheck", "BUILD_TESTING"])
def test_plain_build_needs_no_test_packages(words, tmp_path):
    """It has no test programs then, and says why if nobody asked for that."""
    known = tmp_path / "pkgconfig"
    known.mkdir()
    for name in ("openssl", "libcrypto", "libssl", "jansson", "sqlite3", "libidn2", "libcurl", "ldap", "lber", "libpq"):
        where = must(run("pkg-config", "--variable=pcfiledir", name)).text.strip()
        shutil.copy(f"{where}/{name}.pc", known)
    result = must(run("cmake", "-S", REPO, "-B", tmp_path / "build", *words,
                      env={"PKG_CONFIG_LIBDIR": str(known), "PATH": os.environ["PATH"]}, timeout=300))
    assert ("Check is not installed: no unit tests" in result.text) == (not words), result
    assert not (tmp_path / "build" / "tests").exists()
