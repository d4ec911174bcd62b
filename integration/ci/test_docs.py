# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
"""The documents: their links, the index in docs/README.md, their lines, what they name, and the pictures."""

import re

import pytest

from harness import COMMAND, REPO, must, run
from pages import block

DOCS = REPO / "docs"
INDEX = DOCS / "README.md"
PAGES = sorted(DOCS.rglob("*.md")) + [REPO / name for name in (
    "README.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md")]
COLUMNS = 100
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


@pytest.mark.parametrize("page", [page for page in PAGES if page.parent.name != "results"], ids=name)
def test_lines_are_short(page):
    """Prose, that is; tables and code are as long as they have to be."""
    prose = re.sub(r"^```.*?^```|^ {4}.*?$|^\|.*?$", "", page.read_text(), flags=re.M | re.S)
    long = [line for line in prose.splitlines() if len(line) > COLUMNS]
    assert not long


@pytest.mark.parametrize("page", sorted(set(DOCS.rglob("*.md")) - {INDEX}), ids=name)
def test_says_first_whom_it_is_for(page):
    assert re.match(r"# .+\n\nFor (users|administrators|auditors|contributors|authors|whoever)\b",
                    page.read_text())


def test_each_promise_names_tests_that_exist():
    rows = re.findall(r"^\| [^-].*", (DOCS / "use" / "promises.md").read_text(), re.M)[1:]
    assert len(rows) > 5
    for row in rows:
        last = row.rpartition(" | ")[2]
        python = re.findall(r"`(integration/\S+\.py)::(test_\w+)`", last)
        of_c = re.findall(r"`(tests/\S+\.c): (\w+)`", last)
        assert len(python + of_c) == last.count("`") // 2 > 0, row
        for file, test in python:
            assert f"\ndef {test}(" in (REPO / file).read_text(), (file, test)
        for file, test in of_c:
            assert f"\nSTART_TEST({test})" in (REPO / file).read_text(), (file, test)


def test_the_picture_is_current():
    folder = DOCS / "develop"
    drawn = must(run(folder / "draw", folder / "key.txt")).out
    assert drawn == (folder / "key.svg").read_bytes()


def test_a_picture_is_boxes_and_arrows(tmp_path):
    text = tmp_path / "text"
    text.write_text("0 0 a ask: one\na - b\n")
    result = run(DOCS / "develop" / "draw", text)
    assert result.rc == 1 and "neither a box nor an arrow: a - b" in result.err, result


def test_a_certificate_to_start_with(tmp_path):
    """The one line of the guide makes one that satisfies every rule."""
    must(run("sh", "-c", block("docs/use/guide.md", "self-signed"), cwd=tmp_path))
    result = must(run(COMMAND, "check", "--for", "sign", "--for", "encrypt", "--key",
                      tmp_path / "alice.key", tmp_path / "alice.pem"))
    assert "warning" not in result.text, result
