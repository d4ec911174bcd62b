# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
"""integration/ci/mutate finds the changes that no unit test notices, in a tree of one function."""

import sys
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader

import pytest

from harness import REPO, run

MUTATE = REPO / "integration" / "ci" / "mutate"

CODE = """\
#include <stdbool.h>

bool is_fit(int length, bool known)
{
    /* if (length > 9 && known) return true; */
    if (known && length != 0)
        return length < 2;
    return length > 3 ? false : known;
}
"""

# Every change of it, as the report and the list of equivalent ones have them: |length < 3| would be
# |length <= 2| again.
CHANGES = {
    "if (known && length != 0) => if (!(known && length != 0))",
    "if (known && length != 0) => if (known)",
    "if (known && length != 0) => if (length != 0)",
    "if (known && length != 0) => if (known && length == 0)",
    "if (known && length != 0) => if (known && length != 1)",
    "if (known && length != 0) return length < 2; => if (known && length != 0) ;",
    "if (known && length != 0) return length < 2; => if (known && length != 0) return true;",
    "if (known && length != 0) return length < 2; => if (known && length != 0) return length <= 2;",
    "return length > 3 ? false : known; => return !(length > 3) ? false : known;",
    "return length > 3 ? false : known; => return length >= 3 ? false : known;",
    "return length > 3 ? false : known; => return length > 4 ? false : known;",
    "return length > 3 ? false : known; => return true;",
}

# What is not known never fits, and 0 and 1 do, whichever line answers.
EQUIVALENT = {
    "if (known && length != 0) => if (known)",
    "if (known && length != 0) => if (known && length != 1)",
    "return length > 3 ? false : known; => return length >= 3 ? false : known;",
    "return length > 3 ? false : known; => return length > 4 ? false : known;",
}

THOROUGH = "!is_fit(0, false) && is_fit(0, true) && is_fit(1, true) && !is_fit(2, true) && " \
           "!is_fit(9, true) && !is_fit(1, false) && !is_fit(4, false)"


@pytest.fixture(name="tree")
def plant(tmp_path):
    tree = tmp_path / "tree"
    for folder in "provider/fits", "tests/fits", "integration/ci":
        (tree / folder).mkdir(parents=True)
    (tree / "CMakeLists.txt").write_text(
        "cmake_minimum_required(VERSION 3.25)\nproject(tiny C)\nenable_testing()\n"
        "add_compile_options(-Wall -Werror)\nadd_subdirectory(tests/fits)\n")
    (tree / "provider/fits/fit.c").write_text(CODE)
    (tree / "tests/fits/CMakeLists.txt").write_text(
        "add_executable(test_fit test_fit.c ../../provider/fits/fit.c)\n"
        "add_test(NAME test_fit COMMAND test_fit)\n")
    return tree


def mutate(tree, notices, *options):
    (tree / "tests/fits/test_fit.c").write_text(
        "#include <fcntl.h>\n#include <stdbool.h>\n#include <unistd.h>\nbool is_fit(int length, bool known);\n"
        f"int main(void)\n{{\n    return ({notices}) ? 0 : 1;\n}}\n")
    return run(MUTATE, "--tree", tree, "--count", 100, *options)


def survivors(done):
    lines = [line for line in done.text.splitlines() if line.startswith("survives")]
    return {line.split(" is_fit: ")[1] for line in lines}


def test_a_test_that_notices_nothing(tree):
    done = mutate(tree, "is_fit(0, true) || true")
    assert done.rc == 1
    # Falling out of a function that returns something is no code that compiles.
    assert survivors(done) == CHANGES
    assert "survives  provider/fits/fit.c:8 is_fit: return length > 3 ? " in done.text
    assert "0.0 % noticed" in done.text
    assert (tree / "provider/fits/fit.c").read_text() == CODE


def test_what_makes_no_difference_does_not_count(tree):
    done = mutate(tree, THOROUGH)
    assert (done.rc, survivors(done)) == (1, EQUIVALENT)
    (tree / "integration/ci/equivalent.txt").write_text(
        "# As above.\n" + "".join(f"fit.c is_fit: {change}\n" for change in EQUIVALENT))
    done = mutate(tree, THOROUGH)
    assert (done.rc, survivors(done)) == (0, set())
    assert "4 known as equivalent: 100.0 % noticed" in done.text


def test_a_sample_is_the_same_for_the_same_seed(tree):
    one, same, other = (mutate(tree, "is_fit(0, true) || true", "--count", 3, "--seed", seed)
                        for seed in (1, 1, 2))
    assert len(survivors(one)) == 3
    assert survivors(one) == survivors(same) != survivors(other)


def test_a_tree_that_fails_as_it_is(tree):
    done = mutate(tree, "false")
    assert done.rc == 1 and "fits: the tests fail as it is" in done.text
    done = run(MUTATE, "--tree", tree, "--room", "nowhere")
    assert done.rc == 1 and "no such room: nowhere" in done.text


def test_a_change_that_leaves_something(tree):
    """All changes after it would seem to be noticed."""
    notices = "access(\"left\", F_OK) != 0 && (is_fit(0, true) || (creat(\"left\", 0600), false))"
    done = mutate(tree, notices)
    assert done.rc == 1 and "fits: after these changes the tests fail as it is" in done.text


def test_a_room_of_the_launcher(tree):
    (tree / "shim/stock").mkdir(parents=True)
    (tree / "provider/fits/fit.c").rename(tree / "shim/stock/fit.c")
    (tree / "tests/fits").rename(tree / "tests/shim")
    for file in tree / "CMakeLists.txt", tree / "tests/shim/CMakeLists.txt":
        file.write_text(file.read_text().replace("tests/fits", "tests/shim")
                        .replace("provider/fits", "shim/stock"))
    (tree / "tests/shim/test_fit.c").write_text(
        "#include <stdbool.h>\nbool is_fit(int length, bool known);\n"
        f"int main(void)\n{{\n    return ({THOROUGH}) ? 0 : 1;\n}}\n")
    done = run(MUTATE, "--tree", tree, "--count", 100, "--room", "shim/stock", "--least", 50)
    assert (done.rc, survivors(done)) == (0, EQUIVALENT)
    assert "survives  shim/stock/fit.c:" in done.text


@pytest.mark.slow
def test_what_is_listed_is_a_change_of_the_code():
    """An entry for code that has changed would hide nothing, and tell nothing."""
    loader = SourceFileLoader("mutate", str(MUTATE))
    module = module_from_spec(spec_from_loader("mutate", loader))
    sys.modules["mutate"] = module  # for its dataclass
    loader.exec_module(module)
    changes = {change.key for _, files in module.rooms_of(REPO) for file in files
               for change in module.changes_of(REPO, file)}
    lines = (REPO / "integration" / "ci" / "equivalent.txt").read_text().splitlines()
    listed = [line for line in lines if line and not line.startswith("#")]
    assert len(listed) == len(set(listed))
    assert not set(listed) - changes
