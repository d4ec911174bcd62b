# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
"""
The pages that go step by step, each run from top to bottom in one shell.

In a block ```console a line after `$ ` is a command, lines after `>` go on
with it, and what follows is what it prints: `…` stands for anything, on a line
of its own for any lines.  `(exit code N)` ends the output of a command that
does not succeed.  A comment `<!-- before` holds a script that makes what the
reader of the page has already.
"""

import re
import subprocess

import pytest

from harness import COMMAND, PATIENCE, REPO, environment

USE = REPO / "docs" / "use"
GUIDE = USE / "guide.md"
PAGES = [GUIDE, USE / "rolling-out.md", *sorted(USE.glob("start-*.md"))]
END = "--- end of command %d ---"


def before(page):
    """The script that is run first."""
    return "".join(re.findall(r"^<!-- before\n(.*?)^-->$", page.read_text(), re.MULTILINE | re.DOTALL))


def blocks(page):
    return re.findall(r"^```console\n(.*?)^```$", page.read_text(), re.MULTILINE | re.DOTALL)


def commands(page):
    """(command, expected output, exit code) in order."""
    steps = []
    for line in "".join(blocks(page)).splitlines():
        code = re.fullmatch(r"\(exit code (\d+)\)", line)
        if line.startswith("$ "):
            steps.append([line[2:], [], 0])
        elif line == ">" or line.startswith("> "):
            steps[-1][0] += "\n" + line[2:]
        elif code:
            steps[-1][2] = int(code[1])
        else:
            steps[-1][1].append(line)
    return [tuple(step) for step in steps]


STEPS = [(page, number) for page in PAGES for number in range(len(commands(page)))]


def pattern(lines):
    parts = []
    for line in lines:
        if line == "…":
            parts.append(r"(?:.*\n)*")
        else:
            parts.append(".*".join(re.escape(piece) for piece in line.split("…")) + r"\n")
    return "".join(parts)


@pytest.fixture(scope="module")
def transcripts(tmp_path_factory):
    """The output of one shell for each page, command by command."""
    return {page: transcript(page, tmp_path_factory.mktemp(page.stem)) for page in PAGES}


def transcript(page, directory):
    script = [f"{{ {before(page) or ':'}\n}} >/dev/null 2>&1", "exec 2>&1"]
    for number, (command, _, _) in enumerate(commands(page)):
        script += [command, f'echo "{END % number} $?"']
    env = environment(HOME=directory)
    env["PATH"] = f"{COMMAND.parent}:{env['PATH']}"
    done = subprocess.run(["bash", "-c", "\n".join(script)], cwd=directory, env=env, check=False,
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PATIENCE)
    parts = re.split(r"^--- end of command \d+ --- (\d+)\n", done.stdout, flags=re.MULTILINE)
    return list(zip(parts[0::2], [int(code) for code in parts[1::2]]))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_command_ran(transcripts, page):
    assert len(transcripts[page]) == len(commands(page)) > (50 if page == GUIDE else 5)


@pytest.mark.parametrize("page, number", STEPS, ids=lambda value: getattr(value, "stem", value))
def test_step(transcripts, page, number):
    command, expected, code = commands(page)[number]
    output, found = transcripts[page][number]
    output = output.replace("\r\n", "\n")
    assert found == code, f"$ {command}\n{output}"
    assert re.fullmatch(pattern(expected), output), \
        f"$ {command}\n--- printed\n{output}--- the page says\n" + "\n".join(expected)


def test_every_rule_of_the_guide_is_shown():
    rules = re.findall(r"SEED\(\w+, \w+, \"([a-z-]+)\"",
                       (REPO / "provider" / "settings" / "rule_ids.h").read_text().replace("\\\n", ""))
    page = "".join(blocks(GUIDE))
    missing = [rule for rule in rules if f"[{rule}]" not in page]
    assert len(rules) > 15 and missing == []
