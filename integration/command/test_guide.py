# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
"""The pages that go step by step are run, and print what they say; so is the session in README."""

import os
import re

import pytest

from harness import REPO, must, run
from steps import before, blocks, commands, pattern, transcript

DOCS = REPO / "docs"
GUIDE = DOCS / "use" / "guide.md"
PAGES = [GUIDE, GUIDE.with_name("rolling-out.md"), GUIDE.with_name("migrating.md"), *sorted(GUIDE.parent.glob("start-*.md"))]
SESSION = DOCS / "use" / "session.txt"


def steps_of(page):
    return commands("".join(blocks(page)))


STEPS = [(page, number) for page in PAGES for number in range(len(steps_of(page)))]


@pytest.fixture(scope="module")
def transcripts(tmp_path_factory):
    """The output of one shell for each page, command by command."""
    return {page: transcript(before(page), [step[0] for step in steps_of(page)],
                             tmp_path_factory.mktemp(page.stem)) for page in PAGES}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_command_ran(transcripts, page):
    assert len(transcripts[page]) == len(steps_of(page)) > (50 if page == GUIDE else 3)


@pytest.mark.parametrize("page, number", STEPS, ids=lambda value: getattr(value, "stem", value))
def test_step(transcripts, page, number):
    command, expected, code = steps_of(page)[number]
    output, found = transcripts[page][number]
    assert found == code, f"$ {command}\n{output}"
    assert re.fullmatch(pattern(expected), output), \
        f"$ {command}\n--- printed\n{output}--- the page says\n" + "\n".join(expected)


def test_every_rule_of_the_guide_is_shown():
    rules = re.findall(r"SEED\(\w+, \w+, \"([a-z-]+)\"",
                       (REPO / "provider" / "settings" / "rule_ids.h").read_text().replace("\\\n", ""))
    page = "".join(blocks(GUIDE))
    missing = [rule for rule in rules if f"[{rule}]" not in page]
    assert len(rules) > 15 and missing == []


# What the session begins with.  The dates are fixed, so that every run prints the same.
BEFORE_SESSION = """
make() { # NAME ADDRESS DAYS
    openssl req -x509 -newkey rsa:3072 -noenc -keyout $1.key -out $1.pem -days $3 -subj "/CN=$1" \\
        -set_serial 0x1f -extensions usr_cert -addext "subjectAltName=email:$2" \\
        -addext keyUsage=critical,digitalSignature,keyEncipherment
}
faketime -f '2024-07-01 14:20:28' bash -c "$(declare -f make); make Bob bob@example.org 30"
mv Bob.pem bob.pem
make Alice alice@example.com 365
make Carol carol@example.net 365
smime-policy upload Alice.pem Alice.key Carol.pem --no-passphrase
printf 'From: Alice <alice@example.com>\nTo: Carol <carol@example.net>\nSubject: the contract\n\nIt is ready.\n' >mail.eml
smime-policy config >openssl.cnf
"""


def test_the_session_is_what_is_printed(tmp_path):
    """SP_UPDATE_SESSION=1 writes the text and its picture anew."""
    steps = [step[0] for step in commands(SESSION.read_text())]
    printed = transcript(BEFORE_SESSION, steps, tmp_path)
    text = "".join("$ " + command.replace("\n", "\n> ") + "\n" + output
                   for command, (output, _) in zip(steps, printed))
    if os.environ.get("SP_UPDATE_SESSION") == "1":
        SESSION.write_text(text)
    assert len(printed) == len(steps) > 5
    assert SESSION.read_text() == text
    drawn = must(run(DOCS / "develop" / "draw", "--terminal", SESSION)).out
    if os.environ.get("SP_UPDATE_SESSION") == "1":
        SESSION.with_suffix(".svg").write_bytes(drawn)
    assert SESSION.with_suffix(".svg").read_bytes() == drawn
