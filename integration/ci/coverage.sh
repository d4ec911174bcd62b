#!/bin/bash
# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
#
# coverage.sh [--all]: which lines and branches the unit tests reach, file by file.  Fails if they
# leave more than one in twenty lines of the rules, their settings and the base out.  --all runs the integration tests as well,
# which is where the command is tested.
set -euo pipefail

cd "$(dirname "$0")/../.."
build=build/coverage
least=95

count() { # FILTER OPTION…
    local filter=$1
    shift
    gcovr -r . --object-directory "$build" --filter "$filter" "$@"
}

cmake --preset coverage -DBUILD_TESTING=ON >/dev/null
cmake --build --preset coverage >/dev/null
find "$build" -name '*.gcda' -delete
ctest --test-dir "$build" >/dev/null
if [ "${1-}" = --all ]; then
    SP_BUILD=$build /usr/bin/python3 -m pytest -q integration
fi
count "provider/(base|settings|rules)/" --fail-under-line "$least"
for part in "provider/(base|settings|rules)/" provider/ shim/; do
    printf '%s\n' "$part"
    # No /dev/null: root's gcovr removes a device and writes a file in its place.
    count "$part" -s -o "$build/report" | grep -E '^(lines|branches):'
done
