#!/bin/bash
# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
#
# package.sh [-q] [-d DIRECTORY] [-o OUTPUT] [SUITE…]: Debian packages of the last commit, as root,
# built and tested in bare roots of each SUITE (bookworm and trixie), and left in OUTPUT/SUITE
# (build/packages).
#
# They are built twice, and have to be the same bits; lintian has to be content; autopkgtest runs
# the tests of packaging/debian/tests; and packages are installed, upgraded, removed and purged.
# With -q they are built once, and nothing is tested: for whoever wants to install them.
# Roots are kept in DIRECTORY (${TMPDIR:-/var/tmp}/smime-policy-packages) for the next time.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
cd "$here/.."
roots=${TMPDIR:-/var/tmp}/smime-policy-packages
output=$PWD/build/packages
sources=$PWD
turns=(first second)
steps=(build reproducible lint autopkgtests installation leave)
tools=(lintian autopkgtest)

fail() {
    printf 'package: %s\n' "$*" >&2
    exit 1
}

while getopts qd:o: option; do
    case $option in
    q)
        turns=(first)
        steps=(build leave)
        tools=()
        ;;
    d) roots=$OPTARG ;;
    o) output=$OPTARG ;;
    *) exit 1 ;;
    esac
done
shift $((OPTIND - 1))
[ $# -gt 0 ] || set -- bookworm trixie
for suite; do
    case $suite in
    bookworm | trixie) ;;
    *) fail "$suite is none of bookworm, trixie" ;;
    esac
done

# shellcheck source=integration/ci/roots.sh
. "$here/ci/roots.sh"

# quietly STEP SUITE: what it prints goes to a log, whose last lines are shown if it fails.
quietly() {
    local log=$roots/$2.$1.log start=$SECONDS
    "$1" "$2" >"$log" 2>&1 || {
        tail -n 40 "$log" >&2
        fail "$2: $1 failed; all of it is in $log"
    }
    printf 'ok      %s: %s (%d s)\n' "$2" "$1" $((SECONDS - start))
}

# The last commit, with debian/ where Debian's tools look for it.
unpack() { # ROOT NAME
    local to=$1/work/$2/smime-policy
    mkdir -p "$to"
    git archive HEAD | tar -x -C "$to"
    cp -R "$to/integration/packaging/debian" "$to/debian"
}

build() {
    local root=$roots/$1 once
    bare "$root" "$1" || return 1
    inside "$root" apt-get install -y -q --no-install-recommends \
        build-essential debhelper "${tools[@]}" || return 1
    rm -rf "$root/work"
    for once in "${turns[@]}"; do
        unpack "$root" "$once"
        inside "$root" apt-get build-dep -y -q --no-install-recommends \
            "/work/$once/smime-policy" || return 1
        inside "$root" sh -c "cd /work/$once/smime-policy && dpkg-buildpackage -us -uc" || return 1
    done
}

# Another folder and another minute, and the same bits.
reproducible() {
    local work=$roots/$1/work deb
    for deb in "$work"/first/*.deb; do
        cmp "$deb" "$work/second/$(basename "$deb")" || return 1
    done
    sha256sum "$work"/first/*.deb
}

# Debian 12 knows no newer version of the standards than the one that control names.
lint() {
    inside "$roots/$1" sh -c 'lintian --allow-root --display-info --pedantic --show-overrides \
        --suppress-tags out-of-date-standards-version \
        --fail-on error,warning,info,pedantic /work/first/*.changes'
}

autopkgtests() {
    inside "$roots/$1" sh -c 'autopkgtest /work/first/*.changes -- null'
}

# older ROOT: the packages as a version that comes before this one.
older() {
    local deb
    for deb in "$1"/work/first/*.deb; do
        [[ $deb != *-dbgsym_* ]] || continue
        rm -rf "$1/work/unpacked"
        dpkg-deb -R "$deb" "$1/work/unpacked"
        sed -i -E 's/^(Version: .*)/\1~before/; s/\(= ([^)]*)\)/(= \1~before)/' \
            "$1/work/unpacked/DEBIAN/control"
        dpkg-deb -b "$1/work/unpacked" "$1/work/older/" >/dev/null
    done
}

# In a bare root that has never seen a compiler.
installation() {
    local root=$roots/$1-installed
    rm -rf "$root"
    bare "$root" "$1" || return 1
    mkdir -p "$root/work/first" "$root/work/older"
    cp "$roots/$1"/work/first/*.deb "$root/work/first/"
    rm -f "$root"/work/first/*-dbgsym_*
    older "$root" || return 1
    inside "$root" sh /src/integration/packaging/installation.sh
}

leave() {
    mkdir -p "$output/$1"
    cp "$roots/$1"/work/first/smime-policy_* "$roots/$1"/work/first/*.deb "$output/$1/"
    (cd "$output/$1" && sha256sum ./*.deb)
}

"$here/ci/install-packages.sh" "$here/ci/packages-versions.txt" >&2
mkdir -p "$roots"
for suite; do
    for step in "${steps[@]}"; do
        quietly "$step" "$suite"
    done
    ls -1 "$output/$suite"
done
