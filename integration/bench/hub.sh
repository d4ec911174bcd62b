#!/bin/bash
# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
#
# hub.sh [--document] [--rows] [N] [HOSTS] [FULL] [BUILD]: a hub of N contacts (100000) on this machine: the
# push, the first copy, a sync without a change, look-ups, what an idle host costs, and how long a change takes
# to be on the last host.  HOSTS hosts (50; 0: not measured) follow a small realm, and FULL hosts (2) all N
# contacts.  With --rows the contacts get into the hub as rows, and no push is measured.  Informs, never fails
# on a number.  With --document it keeps the numbers in hub_measured.json beside this script, in place of those
# of the same N, and writes docs/results/scale.md of all that is kept.  As root, with PostgreSQL; a million
# contacts need 5 GB and 1 GB for each of FULL, below TMPDIR (/var/tmp) and /tmp.
set -euo pipefail

root=$(cd "$(dirname "$0")/../.." && pwd)
document=
rows=()
[ "${1:-}" != --document ] || { document=$root/docs/results/scale.md; shift; }
[ "${1:-}" != --rows ] || { rows=(--rows); shift; }
build=$(realpath "${4:-${SP_BUILD:-$root/build/release}}")
work=$(mktemp -d "${TMPDIR:-/var/tmp}/hub.XXXXXX")
trap 'rm -rf "$work"' EXIT
export LC_ALL=C SP_BUILD=$build PYTHONPATH=$root/integration/lib

/usr/bin/python3 "$root/integration/bench/hub_measure.py" "${rows[@]}" "$work" "${1:-100000}" "${2:-50}" "${3:-2}" \
    >"$work/measured.json"
cat "$work/measured.json"
if [ -n "$document" ]; then
    /usr/bin/python3 "$root/integration/bench/hub_scale.py" "$root/integration/bench/hub_measured.json" \
        "$work/measured.json" >"$work/page"
    cp "$work/page" "$document"
fi
