# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
"""docs/results/enforcement-matrix.md is what the tests see, and has no hole where we say yes."""

import os

import pytest

import matrix
from harness import REPO, why_no_php

KEPT = REPO / "docs" / "results" / "enforcement-matrix.md"


@pytest.fixture(scope="module")
def cells(tmp_path_factory, pki, post, mail, stock_can):
    """Every cell, each found out by running programs."""
    return matrix.table(matrix.World(pki, post, mail, tmp_path_factory.mktemp("matrix"), stock_can))


every_row = pytest.mark.parametrize(
    "entry", [pytest.param(entry, id=entry.name.replace("`", "")) for entry in matrix.ROWS])


@every_row
def test_no_hole_where_the_rules_say_yes(entry, cells):
    """The table "Where each rule can be enforced" is kept."""
    holes = {path: text for path, (promised, text) in cells[entry.name].items()
             if promised and text != "yes" and not text.startswith("(")}
    assert not holes


@every_row
def test_every_row_is_shown(entry, cells):
    """A row without any result would prove nothing."""
    assert "yes" in [text for promised, text in cells[entry.name].values() if promised]


@pytest.mark.skipif(why_no_php() is not None, reason=f"not all columns: {why_no_php()}")
def test_matrix_is_the_one_we_publish(cells, capsys):
    """Print it; compare it with the file that is kept."""
    text = matrix.markdown(cells)
    with capsys.disabled():
        print("\n" + text)
    if os.environ.get("SP_UPDATE_MATRIX") == "1":
        KEPT.parent.mkdir(exist_ok=True)
        KEPT.write_text(text)
    assert KEPT.read_text() == text
