# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
"""quickstart.sh --prefix: for whoever wants to try it and is not root."""

import os
import re

import pytest

from harness import REPO, run

SCRIPT = REPO / "integration" / "quickstart.sh"


@pytest.mark.slow
def test_everything_is_below_the_prefix(tmp_path):
    prefix = tmp_path / "try"
    result = run(SCRIPT, "--prefix", prefix, timeout=1800,
                 env={"PATH": os.environ["PATH"], "HOME": str(tmp_path)})
    assert result.rc == 0, result
    assert "All as promised" in result.text
    assert re.search(r"\(the first refusal, \d+ s after the start\)", result.text)
    assert {path.name for path in prefix.iterdir()} == {"bin", "build", "etc", "include", "lib",
                                                         "libexec", "share"}


@pytest.mark.parametrize("words", [["--prefix"], ["somewhere"], ["--prefix", "a", "b"]], ids=str)
def test_wrong_words(words):
    result = run(SCRIPT, *words)
    assert (result.rc, result.err) == (1, "usage: quickstart.sh [--prefix DIRECTORY]\n")
