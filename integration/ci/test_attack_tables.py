# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
"""adversarial.md and bypasses.md in docs/security name tests that exist, and all that belong there."""

import re

import pytest

from harness import REPO

PAGES = [REPO / "docs" / "security" / name for name in ("adversarial.md", "bypasses.md")]
TESTS = {path.name: path for folder in ("integration", "tests") for path in
         (REPO / folder).rglob("*") if re.fullmatch(r"(test|fuzz)_\w+\.(py|c)", path.name)}
NAMED = re.compile(r"`((?:test|fuzz)_\w+\.(?:py|c))(?:::(\w+)(?:\[(.+?)\])?)?`")
ROW = re.compile(r"\*\*.+?\*\*: .+ Tests: (.+)\.")
# Written for these pages: every test in them is named there.
THEIRS = ["test_adversarial.py", "test_bounds.py", "test_bypasses.py", "test_limits.c", "test_ways_encrypt.c",
          "test_ways_sign.c", "test_ways_verify.c"]


def rows():
    """Every item of a list, on one line, by page."""
    for page in PAGES:
        for item in re.findall(r"^- (.*(?:\n  .*)*)", page.read_text(), re.M):
            yield page.name, " ".join(item.split())


def defined(name):
    """The tests in a file."""
    return re.findall(r"^def (test_\w+)|^START_TEST\((\w+)\)", TESTS[name].read_text(), re.M)


@pytest.mark.parametrize("page, row", rows(), ids=lambda value: value[:60])
def test_row(page, row):
    """What is attacked, what happens, and a test that is there."""
    found = ROW.fullmatch(row)
    assert found, row
    tests = NAMED.findall(found[1])
    assert tests, row
    for name, test, case in tests:
        assert name in TESTS, name
        assert not test or test in {a or b for a, b in defined(name)}, (name, test)
        assert not case or f'"{case}"' in TESTS[name].read_text(), (name, case)


@pytest.mark.parametrize("name", THEIRS)
def test_all_are_named(name):
    text = "".join(row for _, row in rows())
    missing = {a or b for a, b in defined(name)} - {
        test for file, test, _ in NAMED.findall(text) if file == name}
    assert not missing


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_what_passes_is_no_secret(page):
    """A page that names a hole is one that docs/security/security.md leads to."""
    assert page.name in (REPO / "docs" / "security" / "security.md").read_text()
