#!/bin/bash
# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
#
# hub.sh [--document] [N] [HOSTS] [BUILD]: a hub of N contacts (100000) and HOSTS hosts (50) that follow
# it, on this machine: the push, the first copy, a sync without a change, what an idle host costs, and how
# long a change takes to be on the last host.  Informs, never fails on a number.  With --document it writes
# docs/results/scale.md.  As root, with PostgreSQL; N of a million needs 8 GB below TMPDIR (/var/tmp).
set -euo pipefail

root=$(cd "$(dirname "$0")/../.." && pwd)
document=
if [ "${1:-}" = --document ]; then
    document=$root/docs/results/scale.md
    shift
fi
n=${1:-100000}
hosts=${2:-50}
build=$(realpath "${3:-${SP_BUILD:-$root/build/release}}")
work=$(mktemp -d "${TMPDIR:-/var/tmp}/hub.XXXXXX")
trap 'rm -rf "$work"' EXIT
export LC_ALL=C SP_BUILD=$build PYTHONPATH=$root/integration/lib SQLITE_TMPDIR=$work

"$build/tests/keyring/make_contacts" "$n" >"$work/contacts.pem"
"$build/tests/keyring/make_contacts" 101 >"$work/few.pem"
/usr/bin/python3 "$root/integration/bench/hub_measure.py" "$work" "$n" "$hosts" >"$work/measured.json"
cat "$work/measured.json"
if [ -n "$document" ]; then
    /usr/bin/python3 "$root/integration/bench/hub_scale.py" "$work/measured.json" >"$work/page"
    cp "$work/page" "$document"
fi
