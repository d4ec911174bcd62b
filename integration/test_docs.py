# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
"""The documents: every link leads somewhere, and the index in docs/README.md has every page."""

import re

import pytest

from harness import REPO

DOCS = REPO / "docs"
INDEX = DOCS / "README.md"
PAGES = sorted(DOCS.rglob("*.md")) + [REPO / name for name in (
    "README.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md")]
LINK = re.compile(r"\]\(([^)\s]*)\)")
CODE = re.compile(r"^```.*?^```|^ {4}.*?$|`[^`\n]*`", re.M | re.S)


def name(page):
    return str(page.relative_to(REPO))


def links(page):
    """(file, anchor) of every link to a file of the repository."""
    for target in LINK.findall(CODE.sub("", page.read_text())):
        if not re.match(r"\w+:", target):
            path, _, anchor = target.partition("#")
            yield (page.parent / path).resolve() if path else page, anchor


def anchors(page):
    """The headings, written as a link has to name them."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(), re.M)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_links_lead_somewhere(page):
    for target, anchor in links(page):
        assert target.exists(), target
        assert not anchor or anchor in anchors(target), (target, anchor)


def test_the_index_has_every_page():
    listed = {target for target, _ in links(INDEX)}
    missing = [name(page) for page in PAGES if page != INDEX and page not in listed]
    assert not missing
