# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
"""No mail goes out when the policy cannot work; docs/results/fail-closed.md has the rest."""

import functools
import importlib
import os
from pathlib import Path

import pytest

import fail_closed
from harness import REPO

KEPT = REPO / "docs" / "results" / "fail-closed.md"

# Every program registers itself where its other tests are.
for path in sorted(Path(__file__).parent.glob("test_program_*.py")):
    importlib.import_module(path.stem)

CELLS = [(name, fault) for name in sorted(fail_closed.ROWS, key=str.lower)
         for fault in fail_closed.FAULTS]


@pytest.fixture(scope="module")
def faults(tmp_path_factory):
    """fault(name): made once."""
    directory = tmp_path_factory.mktemp("faults")
    return functools.cache(lambda name: fail_closed.make(
        name, directory / str(list(fail_closed.FAULTS).index(name))))


@pytest.fixture(scope="module")
def cell(tmp_path_factory, pki, mail, faults):
    """cell(program, fault): the text of a cell, each found out once; skips what cannot run."""
    def find(name, fault):
        row = fail_closed.ROWS[name]
        if row.missing():
            pytest.skip(row.missing())
        world = fail_closed.World(pki, mail, tmp_path_factory.mktemp("cell"))
        return fail_closed.cell(row, world, faults(fault))

    return functools.cache(find)


@pytest.mark.parametrize("name, fault", CELLS, ids=lambda text: text.replace("`", ""))
def test_no_mail_goes_out_unguarded(name, fault, cell, faults):
    """No mail goes out, except where the row names the reason, and then it does."""
    text = cell(name, fault)
    guarded = text in (fail_closed.STOPS, fail_closed.SPINS)
    assert guarded == fail_closed.expected(fail_closed.ROWS[name], faults(fault)), text


@pytest.mark.parametrize("fault", fail_closed.FAULTS)
def test_start_up_check_finds_it(fault, faults):
    """The check that a guide runs before the program finds the fault."""
    assert fail_closed.self_test(faults(fault))


def test_table_is_the_one_we_publish(cell, faults, capsys):
    """Print it; compare it with the file that is kept."""
    cells = {name: {fault: cell(name, fault) for fault in fail_closed.FAULTS}
             for name in fail_closed.ROWS}
    text = fail_closed.markdown(cells, {name: fail_closed.self_test(faults(name))
                                        for name in fail_closed.FAULTS})
    with capsys.disabled():
        print("\n" + text)
    if os.environ.get("SP_UPDATE_FAIL_CLOSED") == "1":
        KEPT.write_text(text)
    assert KEPT.read_text() == text
