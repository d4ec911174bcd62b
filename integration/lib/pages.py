# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
"""The tests run what a document shows: the blocks after `<!-- test: NAME -->`."""

import re

from harness import REPO

BLOCK = r"^<!-- test: {} -->\n```\w*\n(.*?)^```$"


def block(page, name):
    """The text of one block of a page below the root of the repository."""
    found = re.findall(BLOCK.format(re.escape(name)), (REPO / page).read_text(),
                       re.MULTILINE | re.DOTALL)
    assert len(found) == 1, f"{page}: {len(found)} blocks for {name}"
    return found[0]
