#!/bin/bash
# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
#
# first_refusal.sh [--document] [SUITE…]: how long a new user waits, from `git clone` to the first
# refusal, in bare roots of each SUITE (bookworm and trixie): from source, by packages that are built
# from the clone, and by packages that are there.  As root.  Informs, never fails on a number.  With
# --document it writes docs/results/first-refusal.md.  It needs 3 GB below TMPDIR (/var/tmp).
set -euo pipefail

here=$(cd "$(dirname "$0")/.." && pwd)
repository=$(dirname "$here")
document=
if [ "${1:-}" = --document ]; then
    document=$repository/docs/results/first-refusal.md
    shift
fi
[ $# -gt 0 ] || set -- bookworm trixie
work=$(mktemp -d "${TMPDIR:-/var/tmp}/first-refusal.XXXXXX")
sources=$work/shared
mkdir "$sources"

child=
# shellcheck source=integration/ci/roots.sh
. "$here/ci/roots.sh"
trap '[ -z "$child" ] || kill -KILL "$child" 2>/dev/null || true; rm -rf "$work"' EXIT

git clone -q --bare --no-local "$repository" "$sources/repository.git"

# since STEP START: a row of the table, in a file for each suite.
since() {
    printf '%s\t%s s\n' "$1" $((SECONDS - $2)) | tee -a "$work/$suite.rows"
}

# A root that has never seen this, with the git that the user has already.
fresh() { # SUITE
    if [ ! -e "$work/$1" ]; then
        bare "$work/$1" "$1"
        inside "$work/$1" apt-get install -y -q --no-install-recommends git
    fi >>"$work/log" 2>&1
    rm -rf "$work/root"
    cp -a "$work/$1" "$work/root"
}

from_source() {
    local start=$SECONDS from seconds
    inside "$work/root" git clone -q /src/repository.git /clone
    since "source: \`git clone\`" "$start"
    from=$SECONDS
    inside "$work/root" /clone/integration/quickstart.sh >"$work/said" 2>&1 || {
        tail -n 40 "$work/said" >&2
        return 1
    }
    seconds=$(sed -nE 's/^\(the first refusal, ([0-9]+) s after the start\)$/\1/p' "$work/said")
    printf '%s\t%s s\n' "source: \`quickstart.sh\`, to the refusal" "$seconds" | tee -a "$work/$suite.rows"
    since "source: \`quickstart.sh\`, to its end" "$from"
}

# The user's own machine builds them: package.sh makes its roots there.
build_packages() {
    local start=$SECONDS
    git clone -q "$sources/repository.git" "$work/clone"
    "$work/clone/integration/package.sh" -q -d "$work/roots" -o "$sources/packages" "$suite" \
        >>"$work/log" 2>&1
    since "packages: \`git clone\`, \`package.sh -q\`" "$start"
    rm -rf "$work/clone" "$work/roots"
}

install_packages() {
    local start=$SECONDS
    inside "$work/root" sh -c "apt-get install -y -q /src/packages/$suite/*.deb && smime-policy demo" \
        >"$work/said" 2>&1
    grep -qF '[expired]' "$work/said"
    since "packages: \`apt install ./*.deb\`, \`smime-policy demo\`" "$start"
}

for suite; do
    fresh "$suite"
    from_source
    build_packages
    fresh "$suite"
    install_packages
done

page() {
    local columns='' rule='|---|' first
    for suite; do
        columns+=" $suite |" rule+='---|'
    done
    cat <<PAGE
# The first refusal

For users who choose how to install it: how long it takes from \`git clone\` until the first
certificate is refused. Written by

    integration/bench/first_refusal.sh --document $*

Each way begins in a bare root of the release, where only git is installed. The clone is of a local
repository; packages come from a mirror of Debian. The machine has $(nproc) processors and did other work
too: a load of $(cut -d ' ' -f 1 /proc/loadavg) at the end.

| |$columns
$rule
PAGE
    first=$work/$1.rows
    cut -f 1 "$first" | while IFS= read -r row; do
        printf '| %s |' "$row"
        for suite; do
            awk -F '\t' -v row="$row" '$1 == row { printf " %s |", $2 }' "$work/$suite.rows"
        done
        echo
    done
    cat <<'PAGE'

`quickstart.sh` installs the packages that a build needs, builds, installs below `/usr/local`, and
refuses first; then it shows the rest. `package.sh -q` makes a bare root, installs the compiler in it,
and builds there; without `-q` it builds twice and tests the packages, which takes several
times as long.
PAGE
}

[ -z "$document" ] || page "$@" >"$document"
