# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
"""Keyrings for tests, made without asking the rules."""

from harness import BUILD, must, run

MAKE_KEYRING = BUILD / "tests" / "provider" / "make_keyring"


def make_keyring(directory, *kept):
    """Make a keyring of "role:certificate" and "role:certificate:key"; the key may be a URI."""
    must(run(MAKE_KEYRING, directory, *kept, conf="/dev/null"))
    return directory
