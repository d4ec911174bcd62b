# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
"""qcatool, which loads providers itself; docs/guides/qcatool.md."""
