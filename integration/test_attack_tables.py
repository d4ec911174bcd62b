# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
"""docs/adversarial.md and docs/bypasses.md name existing tests, and all tests that belong to them."""

import re

import pytest

from harness import REPO

PAGES = [REPO / "docs" / name for name in ("adversarial.md", "bypasses.md")]
TESTS = {path.name: path for folder in ("integration", "tests") for path in
         (REPO / folder).rglob("*") if re.fullmatch(r"(test|fuzz)_\w+\.(py|c)", path.name)}
NAMED = re.compile(r"`((?:test|fuzz)_\w+\.(?:py|c))(?:::(\w+)(?:\[(.+?)\])?)?`")
# Every test in these files is in a table.
THEIRS = ["test_adversarial.py", "test_bounds.py", "test_bypasses.py", "test_limits.c", "test_ways_encrypt.c",
          "test_ways_sign.c", "test_ways_verify.c"]


def rows():
    """Every row of a table below its heading, by page."""
    for page in PAGES:
        for line in page.read_text().splitlines():
            if line.startswith("| ") and not line.startswith(("| attack |", "| way |", "| reader |")):
                yield page.name, line


def defined(name):
    """The tests in a file."""
    return re.findall(r"^def (test_\w+)|^START_TEST\((\w+)\)", TESTS[name].read_text(), re.M)


@pytest.mark.parametrize("page, row", rows(), ids=lambda value: value[:60])
def test_row(page, row):
    """A row has the attack, the result, and an existing test."""
    assert row.count(" | ") == 2, row
    tests = NAMED.findall(row.rsplit(" | ", 1)[1])
    assert tests, row
    for name, test, case in tests:
        assert name in TESTS, name
        assert not test or test in {a or b for a, b in defined(name)}, (name, test)
        assert not case or f'"{case}"' in TESTS[name].read_text(), (name, case)


@pytest.mark.parametrize("name", THEIRS)
def test_all_are_named(name):
    text = "".join(page.read_text() for page in PAGES)
    missing = {a or b for a, b in defined(name)} - {
        test for file, test, _ in NAMED.findall(text) if file == name}
    assert not missing


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_what_passes_is_no_secret(page):
    """docs/security.md links every page that names a gap."""
    assert page.name in (REPO / "docs" / "security.md").read_text()
