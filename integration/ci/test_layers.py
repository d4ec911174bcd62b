# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
"""integration/ci/layers: what it must find."""

import re
import shutil

import pytest

from harness import REPO, run

LAYERS = REPO / "integration" / "ci" / "layers"


@pytest.fixture
def house(tmp_path):
    """A copy of the files that are checked."""
    for name in ("provider", "shim", "include", "tests"):
        shutil.copytree(REPO / name, tmp_path / name)
    (tmp_path / "docs" / "develop").mkdir(parents=True)
    shutil.copy(REPO / "docs" / "develop" / "architecture.md", tmp_path / "docs" / "develop")
    return tmp_path


def append(path, text):
    path.write_text(path.read_text() + text)


def insert_include(path, name):
    path.write_text(path.read_text().replace("#include", f'#include "{name}"\n#include', 1))


def test_the_house_is_in_order():
    result = run(LAYERS)
    assert result.rc == 0 and result.text == "ok\n", result


def count_sources(folder):
    return len(list(folder.glob("*.[ch]")))


PLANTED = {
    "upwards": (lambda house: insert_include(house / "provider/rules/choice.c", "gates/slots.h"),
                "provider/rules/choice.c: includes provider/gates/slots.h, a room below its own"),
    "a circle": (lambda house: insert_include(house / "shim/stock/stock.c", "tool/mail/mail.h"),
                 "shim/stock/stock.c: includes shim/tool/mail/mail.h, a room below its own"),
    "too many files": (lambda house: [(house / f"provider/log/more_{i}.c").write_text("")
                                      for i in range(31 - count_sources(house / "provider/log"))],
                       "provider/log: 31 files, and 30 are the most"),
    "declared elsewhere": (lambda house: append(house / "provider/base/text.h",
                                                "\nvoid sp_slots_open(void);\n") or
                           append(house / "provider/gates/slots.c",
                                  "\nvoid sp_slots_open(void)\n{\n}\n") or
                           append(house / "provider/gates/slots.h", "\nvoid sp_slots_open(void);\n"),
                           "provider/base/text.h: declares sp_slots_open(), which "
                           "provider/gates/slots.c defines"),
    "called nowhere": (lambda house: append(house / "provider/gates/slots.h",
                                            "\nvoid sp_slots_open(void);\n") or
                       append(house / "provider/gates/slots.c",
                              "\nvoid sp_slots_open(void)\n{\n}\n"),
                       "provider/gates/slots.h: declares sp_slots_open(), which only "
                       "provider/gates/slots.c names: make it static"),
    "one name twice": (lambda house: (house / "shim/verbs/facts.c").write_text(""),
                       "facts: the name of different things in provider/rules, shim/verbs"),
    "no room": (lambda house: (house / "shim/cellar").mkdir() or
                (house / "shim/cellar/wine.c").write_text(""),
                "shim/cellar/wine.c: the room shim/cellar is not in the table"),
    "tests of no room": (lambda house: (house / "tests/cellar").mkdir() or
                         (house / "tests/cellar/test_wine.c").write_text(""),
                         "tests/cellar: there is no room provider/cellar"),
    "too many tests": (lambda house: [(house / f"tests/log/test_more_{i}.c").write_text("")
                                      for i in range(31 - count_sources(house / "tests/log"))],
                       "tests/log: 31 files, and 30 are the most"),
    "no header": (lambda house: insert_include(house / "shim/main.c", "facts.h"),
                  'shim/main.c: "facts.h" is no header'),
    "a row of nothing": (lambda house: append(house / "docs/develop/architecture.md",
                                              "\n| `shim/attic` | empty |\n"),
                         "docs/develop/architecture.md: the room shim/attic is not there"),
}


@pytest.mark.parametrize("what", PLANTED)
def test_a_planted_fault_is_found(what, house):
    plant, fault = PLANTED[what]
    plant(house)
    result = run(LAYERS, house)
    assert result.rc == 1 and fault in result.text and result.text.count("\n") == 1, result


def test_refusals_are_worded_in_the_rules():
    """What makes a refusal from words is called in provider/rules alone."""
    sources = [path for room in ("provider", "shim") for path in (REPO / room).rglob("*.[ch]")]
    assert {str(path.parent.relative_to(REPO)) for path in sources if "sp_refuse(" in path.read_text()} == \
        {"provider/rules"}


def test_versions_are_asked_in_one_header():
    """What depends on the version of OpenSSL is a function of compat.h."""
    sources = [path for room in ("provider", "shim") for path in (REPO / room).rglob("*.[ch]")]
    assert {str(path.relative_to(REPO)) for path in sources
            if re.search("OpenSSL_version_num|OPENSSL_VERSION_(NUMBER|MAJOR|PREREQ)", path.read_text())} == \
        {"provider/base/compat.h"}
