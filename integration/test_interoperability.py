# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
"""What other programs write is read as docs/interoperability.md says."""

import os

import pytest

import interoperability
from harness import REPO

KEPT = REPO / "docs" / "interoperability.md"


@pytest.fixture(scope="module")
def found(tmp_path_factory, pki):
    """Every row, each found out by running programs."""
    return interoperability.tables(
        interoperability.World(pki, tmp_path_factory.mktemp("interoperability")))


def test_page_is_the_one_we_publish(found, capsys):
    """Print it; compare it with the file that is kept, but for versions and what is not installed."""
    text = interoperability.markdown(found)
    with capsys.disabled():
        print("\n" + text)
    if os.environ.get("SP_UPDATE_INTEROPERABILITY") == "1":
        KEPT.write_text(text)
    ours, kept = (interoperability.without_versions(page) for page in (text, KEPT.read_text()))
    assert list(ours) == list(kept)
    for title, rows in ours.items():
        programs = {program for program, *_ in rows}
        assert rows == [row for row in kept[title] if row[0] in programs]


def test_whatever_was_made_is_read(found):
    """No row is an excuse."""
    assert found["PKCS#12 files"]
    for row in found["PKCS#12 files"]:
        assert row.result.startswith("read: "), row
