#!/bin/sh
# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
#
# all.sh [--document] [--small] [--only WORD] [--turns N] [--null]: what the policy costs over stock
# OpenSSL, side by side in one run, as a table with the targets.  Informs, never fails on a number.
# --document writes docs/results/performance.md; --small only shows that it works; --null takes
# stock's configuration for both sides, and shows what is noise.
exec /usr/bin/python3 "$(dirname "$0")/all.py" "$@"
