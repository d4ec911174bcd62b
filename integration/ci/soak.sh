#!/bin/sh
# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
#
# soak.sh [SECONDS]: mixed load on one keyring, four processes at a time, some of them killed.  At
# the end nothing may be lost, left behind or have grown.  Five minutes without SECONDS.
exec /usr/bin/python3 "$(dirname "$0")/soak.py" "$@"
