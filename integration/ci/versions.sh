#!/bin/bash
# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
#
# versions.sh [-d DIRECTORY] [-v] [-x COMMAND] [VERSION…]: build and test with the OpenSSL of other
# Debian releases, as root, and print a table of programs and versions.
#
#   bookworm 3.0, trixie 3.5: unit tests, and the whole integration suite, RT 5 included;
#   sid 3.6, experimental 4.0: unit tests, and the provider with stock openssl.
#
# Without a VERSION: trixie, sid and experimental.  Roots are made with debootstrap from the mirror
# that apt uses here, and kept in DIRECTORY (${TMPDIR:-/var/tmp}/smime-policy-versions) for the next
# time, when they are brought up to date; remove it to start afresh.  Mounts are in a namespace of
# their own and go with the process.
# -v shows what pytest says; -x runs a shell's COMMAND in the sources instead of the tests, e.g.
# -x 'integration/bench/all.sh --only "openssl cms"'.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck disable=SC2034  # for roots.sh
sources=$(dirname "$(dirname "$here")")
roots=${TMPDIR:-/var/tmp}/smime-policy-versions
verbose=
command=

# shellcheck source=integration/ci/roots.sh
. "$here/roots.sh"

# What the provider suite is: the files that ask stock openssl and little else.
provider_suite=(test_uses.py test_matrix.py test_not_mail.py test_lifecycle.py test_engines.py)

fail() {
    printf 'versions: %s\n' "$*" >&2
    exit 1
}

# packages VERSION: what the lists hold.  Analysers are of no use there, and big.
packages() {
    local lists=("$here/packages.txt" "$here/packages-test.txt")
    case $1 in
    bookworm | trixie) lists+=("$here/packages-rt.txt") ;;
    esac
    {
        grep -hvxE '#.*|clang.*|cppcheck|shellcheck' "${lists[@]}"
        # Later releases have it in a package of its own.
        [ "$1" = bookworm ] || echo openssl-provider-legacy
    } | sort -u
}

# prepare VERSION: a root with the packages of the lists, the newest that there are.
prepare() {
    local version=$1 root=$roots/$1 suite=$1 install
    [ "$version" != experimental ] || suite=sid
    bare "$root" "$suite" || return 1
    packages "$version" >"$root/.wanted"
    # What that release does not have is a named skip of the tests that need it.
    mapfile -t install <"$root/.wanted"
    inside "$root" apt-cache policy "${install[@]}" |
        awk '/^[^ ]/ { name = $1; sub(":", "", name) } /Candidate: [^(]/ { print name }' |
        sort >"$root/.available" || return 1
    printf 'not in %s: %s\n' "$version" "$(comm -23 "$root/.wanted" "$root/.available" | tr '\n' ' ')"
    mapfile -t install <"$root/.available"
    inside "$root" apt-get install -y -q --no-install-recommends "${install[@]}" || return 1
    if [ "$version" = experimental ]; then
        printf 'deb %s experimental main\n' "$(mirror Debian)" >"$root/etc/apt/sources.list.d/experimental.list"
        inside "$root" apt-get -o Acquire::Check-Valid-Until=false update -q || return 1
        inside "$root" apt-get -o Acquire::Check-Valid-Until=false install -y -q \
            --no-install-recommends -t experimental openssl libssl-dev || return 1
    fi
}

build() { # VERSION
    inside "$roots/$1" cmake -S /src -B /build -G Ninja -DSP_WERROR=ON \
        -DCMAKE_BUILD_TYPE=RelWithDebInfo -DCMAKE_INSTALL_PREFIX=/usr/local \
        -DCMAKE_INSTALL_SYSCONFDIR=/etc || return 1
    inside "$roots/$1" cmake --build /build
}

# Failing tests are for the table to show.
run_tests() { # VERSION
    local files=(/src/integration)
    rm -f "$roots/$1/unit.xml" "$roots/$1/results.xml"
    inside "$roots/$1" ctest --test-dir /build -j 2 --output-on-failure --output-junit /unit.xml ||
        [ -e "$roots/$1/unit.xml" ]
    case $1 in
    sid | experimental) files=("${provider_suite[@]/#//src/integration/provider/}") ;;
    esac
    inside "$roots/$1" env SP_BUILD=/build /usr/bin/python3 -m pytest -q -rs -p no:cacheprovider -n 3 \
        --dist loadfile --junitxml=/results.xml "${files[@]}" || [ $? -eq 1 ]
}

# quietly VERSION STEP: its last words if it fails.
quietly() {
    local log=$roots/$1.log
    printf '%s: %s\n' "$1" "$2" >&2
    if [ -n "$verbose" ]; then
        "$2" "$1" >&2
    elif ! "$2" "$1" >"$log" 2>&1; then
        tail -n 40 "$log" >&2
        fail "$1: $2 failed; all of it is in $log"
    fi
}

while getopts d:vx: option; do
    case $option in
    d) roots=$OPTARG ;;
    v) verbose=yes ;;
    x) command=$OPTARG ;;
    *) exit 1 ;;
    esac
done
shift $((OPTIND - 1))
[ $# -gt 0 ] || set -- trixie sid experimental
for version; do
    case $version in
    bookworm | trixie | sid | experimental) ;;
    *) fail "$version is none of bookworm, trixie, sid, experimental" ;;
    esac
done
"$here/install-packages.sh" "$here/packages-versions.txt" >&2
mkdir -p "$roots"
results=()
for version; do
    quietly "$version" prepare
    quietly "$version" build
    if [ -n "$command" ]; then
        inside "$roots/$version" env SP_BUILD=/build sh -c "cd /src && $command"
        continue
    fi
    quietly "$version" run_tests
    openssl=$(inside "$roots/$version" openssl version)
    results+=("$version=$openssl=$roots/$version/unit.xml=$roots/$version/results.xml")
done
[ ${#results[@]} -eq 0 ] || /usr/bin/python3 "$here/../lib/version_table.py" "${results[@]}"
