# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
"""
version_table.py VERSION=OPENSSL=UNIT.xml=RESULTS.xml…: what ctest and pytest found, by program.

One column for each argument, one row for each program.  A program that
did not run in any of its tests is shown with the reason.
"""

import ast
import re
import sys
import xml.etree.ElementTree as ElementTree
from collections import defaultdict

# A test belongs to the first of these that is in its name.
PROGRAMS = (
    ("openssl cms -provider", r"\[(.*-)?openssl cms -provider"),
    ("openssl cms", r"\[(.*-)?openssl cms"),
    ("openssl smime", r"\[(.*-)?openssl smime"),
    ("smime-policy cms", r"\[(.*-)?smime-policy cms"),
    ("smime-policy smime", r"\[(.*-)?smime-policy smime"),
    ("smime-policy (verbs)", r"\[(.*-)?smime-policy"),
    ("PHP pkcs7", r"\[(.*-)?PHP pkcs7"),
    ("PHP cms", r"\[(.*-)?PHP cms"),
    ("PHP, other work", r"test_\w*php"),
)


def program_of(case):
    """The row of a test."""
    if case.get("classname") == case.get("name"):
        return "unit tests"
    # A class of tests belongs to its module; a module that is skipped is its own test.
    parts = (case.get("classname") or case.get("name")).split(".")
    module = next((part for part in reversed(parts) if part.startswith("test_")), parts[-1])
    if module.startswith("test_program_"):
        return module.removeprefix("test_program_")
    for program, pattern in PROGRAMS:
        if re.search(pattern, case.get("name", "")):
            return program
    return module.removeprefix("test_").replace("_", " ") + ", other tests"


def outcome(case):
    """("passed" | "failed" | "skipped", why)."""
    for tag in ("failure", "error"):
        if case.find(tag) is not None:
            return "failed", ""
    skip = case.find("skipped")
    if skip is None:
        return "passed", ""
    if skip.get("message") == "collection skipped":
        return "skipped", ast.literal_eval(skip.text)[-1].removeprefix("Skipped: ")
    return "skipped", skip.get("message", "")


def read(*paths):
    """{program: {outcome: [why, …]}}."""
    found = defaultdict(lambda: defaultdict(list))
    for path in paths:
        for case in ElementTree.parse(path).iter("testcase"):
            what, why = outcome(case)
            found[program_of(case)][what].append(why)
    return found


def cell(found):
    """The text of one program under one version."""
    if not found:
        return ""
    if set(found) == {"skipped"}:
        return "not run: " + "; ".join(sorted(set(found["skipped"])))
    return ", ".join(f"{len(found[what])} {what}" for what in ("failed", "passed", "skipped")
                     if found.get(what))


def table(columns):
    """Markdown; columns: [(title, {program: …})]."""
    order = [program for program, _ in PROGRAMS]
    programs = sorted({program for _, found in columns for program in found},
                      key=lambda p: (order.index(p) if p in order else len(order), p))
    lines = ["| program | " + " | ".join(title for title, _ in columns) + " |",
             "|---|" + "---|" * len(columns)]
    lines += [f"| {program} | " +
              " | ".join(cell(found.get(program)) for _, found in columns) + " |"
              for program in programs]
    skips = sorted({why for _, found in columns for outcomes in found.values()
                    if set(outcomes) != {"skipped"} for why in outcomes.get("skipped", [])})
    return "\n".join(lines + (["", "Skipped:", ""] + [f"- {why}" for why in skips] if skips else []))


def main(arguments):
    """Print the table; 1 if a test failed."""
    columns = []
    for argument in arguments:
        version, openssl, *paths = argument.split("=")
        number = re.match(r"OpenSSL (\S+)", openssl)
        columns.append((f"{number[1] if number else openssl} ({version})", read(*paths)))
    print(table(columns))
    return 1 if any("failed" in outcomes for _, found in columns
                    for outcomes in found.values()) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
