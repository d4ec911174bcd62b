# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
"""
Documents that go step by step, run from top to bottom in one shell.

A line after `$ ` is a command, lines after `>` go on with it, and what follows is what it prints:
`…` stands for anything, on a line of its own for any lines.  `(exit code N)` ends the output of a
command that does not succeed.  In a page they stand in blocks ```console; and a comment
`<!-- before` holds a script that makes what the reader of the page has already.
"""

import re
import subprocess

from harness import COMMAND, PATIENCE, environment

END = "--- end of command %d ---"


def before(page):
    """The script that is run first."""
    return "".join(re.findall(r"^<!-- before\n(.*?)^-->$", page.read_text(), re.MULTILINE | re.DOTALL))


def blocks(page):
    return re.findall(r"^```console\n(.*?)^```$", page.read_text(), re.MULTILINE | re.DOTALL)


def commands(text):
    """(command, expected output, exit code) in order."""
    steps = []
    for line in text.splitlines():
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


def transcript(script, steps, directory):
    """
    (what was printed, exit code) of each of the commands |steps|, after the |script|.

    RSA keys that they make are shorter: one of 3072 bits takes four times as long, and nothing else differs.
    """
    lines = [f"{{ {script or ':'}\n}} >/dev/null 2>&1", "exec 2>&1"]
    for number, command in enumerate(steps):
        lines += [command, f'echo "{END % number} $?"']
    shell = re.sub(r"(rsa|rsa_keygen_bits):3072\b", r"\1:2048", "\n".join(lines))
    env = environment(HOME=directory)
    env["PATH"] = f"{COMMAND.parent}:{env['PATH']}"
    done = subprocess.run(["bash", "-c", shell], cwd=directory, env=env, check=False,
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PATIENCE)
    parts = re.split(r"^--- end of command \d+ --- (\d+)\n", done.stdout, flags=re.MULTILINE)
    return [(printed.replace("\r\n", "\n"), int(code))
            for printed, code in zip(parts[0::2], parts[1::2])]
