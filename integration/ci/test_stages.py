# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
"""test-all.sh and test-long.sh: which stages they have, and what they say of one that fails."""

import re

import pytest

from harness import REPO, run

SCRIPTS = ["test-all.sh", "test-long.sh"]
THREE = f"""#!/bin/bash
. {REPO}/integration/ci/stages.sh
fails() {{
    echo said before
    false
    echo never said
}}
stage "first of all" '^[0-9]+ passed' echo '7 passed'
stage second '' "$SECOND"
stage third '' true
finish
"""


def stages(tmp_path, *args, second="true"):
    """A script of three stages."""
    script = tmp_path / "three.sh"
    script.write_text(THREE)
    return run("/bin/bash", script, *args, env={"SECOND": second, "PATH": "/usr/bin:/bin"})


def names(result):
    """How each stage ended."""
    return re.findall(r"^(ok|FAILED) +(.*) \(\d+ s\)$", result.out.decode(), re.M)


FIRST, SECOND, THIRD = ("ok", "first of all"), ("ok", "second"), ("ok", "third")


def test_all_of_them(tmp_path):
    """A line each, the closing lines of a stage, and the end."""
    result = stages(tmp_path)
    assert result.rc == 0 and names(result) == [FIRST, SECOND, THIRD], result
    assert "\n        7 passed\n" in result.out.decode()
    assert "all tests of three.sh passed, with OpenSSL " in result.out.decode()


def test_stops_at_what_fails(tmp_path):
    """Inside a stage too; everything that it said is shown, and nobody says that all passed."""
    result = stages(tmp_path, second="fails")
    assert result.rc == 1 and names(result) == [FIRST, ("FAILED", "second")], result
    text = result.out.decode()
    assert "said before" in text and "never said" not in text and "all tests" not in text


@pytest.mark.parametrize("args, ran", [(["--from", "second"], [SECOND, THIRD]),
                                       (["--from", "first of all"], [FIRST, SECOND, THIRD]),
                                       (["--only", "second"], [SECOND])])
def test_goes_on_at_a_stage(args, ran, tmp_path):
    result = stages(tmp_path, *args)
    assert result.rc == 0 and names(result) == ran, result


@pytest.mark.parametrize("args, said", [(["--from", "fourth"], 'no stage is called "fourth"'),
                                        (["--only", "fourth"], 'no stage is called "fourth"'),
                                        (["--only"], "usage: "), (["all"], "usage: "),
                                        (["--list", "x"], "usage: ")])
def test_refuses_what_it_does_not_know(args, said, tmp_path):
    """A word that is mistyped runs nothing, and is no success."""
    result = stages(tmp_path, *args)
    assert result.rc == 1 and names(result) == [] and said in result.err, result


@pytest.mark.parametrize("script", SCRIPTS)
def test_lists_its_stages(script):
    """Without running any; each name stands once."""
    result = run(REPO / "integration" / script, "--list")
    listed = result.out.decode().splitlines()
    assert result.rc == 0 and listed[0] == "packages" and len(set(listed)) == len(listed) > 10, result


def test_ci_runs_the_short_one():
    assert (REPO / ".ci" / "run").read_text().splitlines()[-1].endswith('/integration/test-all.sh"')
