# shellcheck shell=bash
# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
#
# stages.sh: what test-all.sh and test-long.sh are made of; they source it.

set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$here/.."
unset "${!OPENSSL_@}" "${!SSL_CERT_@}"
export LC_ALL=C
log=$(mktemp)
trap 'rm -f "$log"' EXIT

# Which stages run: all, those from one on, or one; none while they are listed.
from='' only='' list=''
while [ $# -gt 0 ]; do
    case $1:$# in
    --list:1) list=yes ;;
    --from:2) from=$2 && shift ;;
    --only:2) only=$2 && shift ;;
    *)
        printf 'usage: %s [--list | --from STAGE | --only STAGE]\n' "$0" >&2
        exit 1
        ;;
    esac
    shift
done

# stage NAME LINES COMMAND…: quiet if it succeeds, except for those LINES (a pattern); else
# everything that it said, and the end.  One line a stage, with its seconds.
stage() {
    local name=$1 lines=$2 start=$SECONDS status
    shift 2
    if [ -n "$list" ]; then
        printf '%s\n' "$name"
        return
    fi
    [ "$name" != "$from" ] || from=''
    [ -z "$from" ] && { [ -z "$only" ] || [ "$name" = "$only" ]; } || return 0
    [ "$name" != "$only" ] || found=yes
    # In no condition, where the shell would not stop at what fails.
    set +e
    (set -e && "$@") >"$log" 2>&1
    status=$?
    set -e
    # Whoever is root can replace a device, and everything after it goes wrong.
    [ -n "$(find /dev/null -type c -perm -666)" ] ||
        { status=1 && echo '/dev/null is no device any more, or not for everybody' >>"$log"; }
    if [ $status -ne 0 ]; then
        cat "$log"
        printf 'FAILED  %s (%d s)\n' "$name" $((SECONDS - start))
        exit 1
    fi
    printf 'ok      %s (%d s)\n' "$name" $((SECONDS - start))
    [ -z "$lines" ] || { grep -E "$lines" "$log" || true; } | sed 's/^/        /'
}

# finish: after the last stage.
finish() {
    [ -z "$list" ] || exit 0
    if [ -n "$from" ] || { [ -n "$only" ] && [ -z "${found-}" ]; }; then
        printf '%s: no stage is called "%s"; --list names them\n' "$0" "$from$only" >&2
        exit 1
    fi
    [ -n "$only" ] || printf 'all tests of %s passed, with %s, in %d s\n' "$(basename "$0")" \
        "$(openssl version)" "$SECONDS"
}

packages() { # LIST…: beside the two that all tests need
    "$here/ci/install-packages.sh" "$here/ci/packages.txt" "$here/ci/packages-test.txt" "$@"
}

build() { # PRESET [OPTION…]
    local preset=$1
    shift
    cmake --preset "$preset" -DBUILD_TESTING=ON
    cmake --build --preset "$preset" "$@"
}

# What libcheck and CTest say at the end.
# shellcheck disable=SC2034  # for those who source this
checks='[0-9]+%: Checks: |[0-9]+% tests passed'

# unit_tests PRESET [OPTION…]: two at a time.
unit_tests() {
    local preset=$1 prefix=()
    shift
    # Addresses that are random in a wider range than the thread sanitizer knows kill it.
    if [ "$preset" = tsan ] && setarch -R true 2>/dev/null; then
        prefix=(setarch -R)
    fi
    "${prefix[@]}" ctest --test-dir "build/$preset" -j2 -V "$@" | tee "build/$preset/unit-tests.log"
    grep -q '%: Checks:' "build/$preset/unit-tests.log" || { echo 'no test ran' && return 1; }
}

# with VARIABLE=VALUE PROGRAM…: lines for memcheck.
with() {
    local variable=$1
    shift
    [ $# -gt 0 ] || { echo 'no test ran' >&2 && return 1; }
    printf "$variable %s\n" "$@"
}

# memcheck: the test programs of the lines, each with its variable, under valgrind, two at a time.
# A thread that sleeps gets its turn again: else those that spin may keep it for minutes.
memcheck() {
    # shellcheck disable=SC2016  # for the shell that xargs runs
    xargs -r -P 2 -n 2 bash -c 'exec env "$0" valgrind -q --fair-sched=yes --error-exitcode=9 \
        --leak-check=full --errors-for-leak-kinds=definite "$1"'
}

# What pytest says at the end: skips with their reasons, what stock does, how many passed.
# shellcheck disable=SC2034  # for those who source this
summary='^(SKIPPED|- |OpenSSL )|[0-9]+ (passed|failed)'

# integration_tests [OPTION…]: with pytest; a file's tests in one process, and one process more than
# processors, as some wait for a terminal.
integration_tests() {
    build release
    SP_BUILD=build/release /usr/bin/python3 -m pytest -q -n 3 --dist loadfile "$@" integration
}
