# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
"""
docs/use/guide.md, run from top to bottom.

In a block ```console a line after `$ ` is a command, lines after `>` go on
with it, and what follows is what it prints: `…` stands for anything, on a line
of its own for any lines.  `(exit code N)` ends the output of a command that
does not succeed.
"""

import re
import subprocess

import pytest

from harness import COMMAND, PATIENCE, REPO, environment

PAGE = REPO / "docs" / "use" / "guide.md"
END = "--- end of command %d ---"


def blocks():
    return re.findall(r"^```console\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)


def commands():
    """(command, expected output, exit code) in order."""
    steps = []
    for line in "".join(blocks()).splitlines():
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


def pattern(lines):
    parts = []
    for line in lines:
        if line == "…":
            parts.append(r"(?:.*\n)*")
        else:
            parts.append(".*".join(re.escape(piece) for piece in line.split("…")) + r"\n")
    return "".join(parts)


@pytest.fixture(scope="module")
def transcript(tmp_path_factory):
    """The output of one shell, command by command."""
    directory = tmp_path_factory.mktemp("guide")
    script = ["exec 2>&1"]
    for number, (command, _, _) in enumerate(commands()):
        script += [command, f'echo "{END % number} $?"']
    env = environment()
    env["PATH"] = f"{COMMAND.parent}:{env['PATH']}"
    done = subprocess.run(["bash", "-c", "\n".join(script)], cwd=directory, env=env, check=False,
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PATIENCE)
    parts = re.split(r"^--- end of command \d+ --- (\d+)\n", done.stdout, flags=re.MULTILINE)
    return list(zip(parts[0::2], [int(code) for code in parts[1::2]]))


def test_every_command_ran(transcript):
    assert len(transcript) == len(commands()) > 50


@pytest.mark.parametrize("number", range(len(commands())))
def test_step(transcript, number):
    command, expected, code = commands()[number]
    output, found = transcript[number]
    output = output.replace("\r\n", "\n")
    assert found == code, f"$ {command}\n{output}"
    assert re.fullmatch(pattern(expected), output), \
        f"$ {command}\n--- printed\n{output}--- the page says\n" + "\n".join(expected)


def test_every_rule_of_the_guide_is_shown():
    rules = re.findall(r"SEED\(\w+, \w+, \"([a-z-]+)\"",
                       (REPO / "provider" / "settings" / "rule_ids.h").read_text().replace("\\\n", ""))
    page = "".join(blocks())
    missing = [rule for rule in rules if f"[{rule}]" not in page]
    assert len(rules) > 15 and missing == []
