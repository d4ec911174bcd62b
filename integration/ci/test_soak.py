# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
"""A few seconds of soak.sh, which runs for minutes by itself."""

import shutil

import pytest

from harness import BUILD, REPO, run

TIME = shutil.which("time", path="/usr/bin")


@pytest.mark.slow
@pytest.mark.skipif(TIME is None, reason="time(1) is not installed")
def test_soak():
    result = run(REPO / "integration" / "ci" / "soak.sh", "6", env={"SP_BUILD": BUILD})
    assert result.rc == 0 and b"nothing lost, nothing left behind, nothing grew" in result.out, result
    assert b"| upload |" in result.out and b"FAULT" not in result.out, result
