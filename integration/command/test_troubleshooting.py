# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
"""docs/use/troubleshooting.md: every reason has an entry, and every entry is something that is said."""

import re

import pytest

from harness import REPO

PAGE = (REPO / "docs" / "use" / "troubleshooting.md").read_text()
RULES = re.findall(r'^    \w+\(\w+, \w+, "([a-z-]+)",\s+"([^"]+)"\)', (
    REPO / "provider" / "settings" / "rule_ids.h").read_text().replace("\\\n", "\n"), re.M)
OWN = re.findall(r'^    X\(SP_REASON_\w+, "([^"]+)"\)',
                 (REPO / "provider" / "policy" / "reasons.h").read_text(), re.M)


def section(title):
    return PAGE.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def rows(title):
    """The cells of a table, without its head."""
    return [line.strip("| ").split(" | ") for line in section(title).splitlines()
            if line.startswith("| `")]


def test_every_rule_has_an_entry():
    assert len(RULES) > 20
    assert [(row[1], row[0]) for row in rows("A rule refused")] == [
        (f"`{rule}`", f"`{reason}`") for rule, reason in RULES]


def test_every_other_reason_has_an_entry():
    assert len(OWN) > 5
    assert [row[0] for row in rows("No rule, but the policy refused")] == [
        f"`{reason}`" for reason in OWN]


@pytest.mark.parametrize("text", [row[0].strip("`") for row in rows("The command could not begin")])
def test_the_command_says_it(text):
    assert text in (REPO / "docs" / "results" / "messages.md").read_text()
