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
source=$(dirname "$(dirname "$here")")
roots=${TMPDIR:-/var/tmp}/smime-policy-versions
verbose=
command=

# What the provider suite is: the files that ask stock openssl and little else.
provider_suite=(test_uses.py test_matrix.py test_not_mail.py test_lifecycle.py test_engines.py)

fail() {
    printf 'versions: %s\n' "$*" >&2
    exit 1
}

mirror() { # LABEL
    # shellcheck disable=SC2016  # for apt-get
    apt-get indextargets --format '$(REPO_URI)' \
        'Created-By: Packages' 'Origin: Debian' "Label: $1" | head -n 1
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

# inside ROOT COMMAND…: run there, with the sources at /src, in a namespace that ends with it.
inside() {
    local root=$1 status=0
    shift
    # shellcheck disable=SC2016  # for the shell in the namespace
    unshare --mount --pid --fork --kill-child bash -ec '
        root=$1 source=$2
        shift 2
        mount --make-rprivate /
        mount -t proc proc "$root/proc"
        mount --rbind /dev "$root/dev"
        mkdir -p "$root/src"
        mount --bind "$source" "$root/src"
        mount -o remount,bind,ro "$root/src"
        # The shell stays, as the first process: Alpine ends when its parent is that one.
        chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 \
            DEBIAN_FRONTEND=noninteractive PYTHONDONTWRITEBYTECODE=1 "$@" || exit $?
        ' inside "$root" "$source" "$@" &
    child=$!
    wait "$child" || status=$?
    child=
    return "$status"
}

# What was interrupted goes at once, and its mounts with it.
child=
trap '[ -z "$child" ] || kill -KILL "$child" 2>/dev/null || true' EXIT
trap 'exit 1' INT TERM HUP

# prepare VERSION: a root with the packages of the lists, the newest that there are.
prepare() {
    local version=$1 root=$roots/$1 suite=$1 from security install
    [ "$version" != experimental ] || suite=sid
    from=$(mirror Debian)
    security=$(mirror Debian-Security)
    [ -n "$from" ] || fail "apt knows no Debian mirror"
    if [ ! -e "$root/.bootstrapped" ]; then
        rm -rf "$root"
        debootstrap --variant=minbase --include=ca-certificates "$suite" "$root" "$from"
        touch "$root/.bootstrapped"
    fi
    case $version in
    bookworm | trixie)
        [ -z "$security" ] || printf 'deb %s %s-security main\n' "$security" "$version" \
            >"$root/etc/apt/sources.list.d/security.list"
        ;;
    esac
    packages "$version" >"$root/.wanted"
    cp -L /etc/resolv.conf "$root/etc/resolv.conf"
    # No package may start a service.
    printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
    chmod +x "$root/usr/sbin/policy-rc.d"
    inside "$root" apt-get -o Acquire::Check-Valid-Until=false update -q || return 1
    # What that release does not have is a named skip of the tests that need it.
    mapfile -t install <"$root/.wanted"
    inside "$root" apt-cache policy "${install[@]}" |
        awk '/^[^ ]/ { name = $1; sub(":", "", name) } /Candidate: [^(]/ { print name }' |
        sort >"$root/.available" || return 1
    printf 'not in %s: %s\n' "$version" "$(comm -23 "$root/.wanted" "$root/.available" | tr '\n' ' ')"
    mapfile -t install <"$root/.available"
    inside "$root" apt-get install -y -q --no-install-recommends "${install[@]}" || return 1
    if [ "$version" = experimental ]; then
        printf 'deb %s experimental main\n' "$from" >"$root/etc/apt/sources.list.d/experimental.list"
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
    inside "$roots/$1" env SP_BUILD=/build /usr/bin/python3 -m pytest -q -rs -p no:cacheprovider \
        --junitxml=/results.xml "${files[@]}" || [ $? -eq 1 ]
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
