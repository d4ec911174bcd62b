# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
"""
libsmimepolicy has every function that was released, with the same types: libsmimepolicy.abi.

SP_UPDATE_ABI=1 with a debug build writes that file anew; do it for a release, after functions were added.
"""

import os
import platform
import re
import shutil

import pytest

from harness import BUILD, REPO, must, run

KEPT = REPO / "integration" / "packaging" / "libsmimepolicy.abi"
LIBRARY = BUILD / "provider" / "libsmimepolicy.so.0"
PUBLIC = ("--drop-private-types", "--exported-interfaces-only")
# Bits of the exit code of abidiff.
CHANGED, INCOMPATIBLE = 4, 8

pytestmark = pytest.mark.skipif(shutil.which("abidiff") is None or platform.machine() != "x86_64",
                                reason="no abidiff, or not the architecture of the file")


def written():
    text = must(run("abidw", "--no-corpus-path", "--no-show-locs", "--no-comp-dir-path", "--no-elf-needed",
                    "--no-parameter-names", "--type-id-style", "hash", *PUBLIC, "--headers-dir",
                    REPO / "include", LIBRARY)).out.decode()
    return text.replace(f"path='{REPO}/", "path='")


def compare(kept):
    return run("abidiff", *PUBLIC, "--headers-dir2", REPO / "include", kept, LIBRARY)


def test_nothing_is_gone():
    """What was added is no fault."""
    if os.environ.get("SP_UPDATE_ABI") == "1":
        KEPT.write_text(written())
    result = compare(KEPT)
    assert result.rc in (0, CHANGED), result


def test_a_function_that_is_gone_is_noticed(tmp_path):
    """The last release had one that this library lacks."""
    kept = tmp_path / "kept.abi"
    kept.write_text(KEPT.read_text().replace("smimepolicy_use_name", "smimepolicy_use_names"))
    result = compare(kept)
    assert result.rc & INCOMPATIBLE and "1 Removed" in result.text, result
    assert "[D] 'function const char* smimepolicy_use_names" in result.text


@pytest.mark.skipif(".debug_info" not in run("readelf", "-SW", LIBRARY).text, reason="no debug information")
def test_another_type_is_noticed(tmp_path):
    """The last release took one parameter more."""
    kept = tmp_path / "kept.abi"
    one = re.compile(r"(name='smimepolicy_use_name' .*\n)( +<parameter .*\n)")
    text, count = one.subn(r"\1\2\2", KEPT.read_text())
    assert count == 1
    kept.write_text(text)
    result = compare(kept)
    assert result.rc & CHANGED and "1 Changed" in result.text, result
