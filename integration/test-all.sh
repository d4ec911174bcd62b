#!/bin/bash
# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
#
# test-all.sh: every test, on a bare Debian 12 as root.  Stops at the first runner that fails.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
cd "$here/.."
unset "${!OPENSSL_@}" "${!SSL_CERT_@}"
export LC_ALL=C
log=$(mktemp)
trap 'rm -f "$log"' EXIT

# run NAME COMMAND…: quiet if it succeeds; else everything it said.
run() {
    local name=$1 start=$SECONDS
    shift
    # Whoever is root can replace a device, and everything after it goes wrong.
    if "$@" >"$log" 2>&1 && [ -c /dev/null ]; then
        printf 'ok      %s (%d s)\n' "$name" $((SECONDS - start))
        return
    fi
    cat "$log"
    [ -c /dev/null ] || printf '/dev/null is no device any more\n'
    printf 'FAILED  %s\n' "$name"
    exit 1
}

build() { # PRESET
    cmake --preset "$1" -DSP_TESTS=ON && cmake --build --preset "$1"
}

# unit NAME PRESET [PREFIX…]: run the unit tests, show libcheck's closing lines.
unit() {
    local name=$1 preset=$2
    shift 2
    run "$name" "$@" ctest --test-dir "build/$preset" -V
    grep -ohE '[0-9]+%: Checks: .*|[0-9]+% tests passed.*' "$log" | sed 's/^/        /'
    grep -q '%: Checks:' "$log" || { printf 'FAILED  %s: no test ran\n' "$name"; exit 1; }
}

# Address randomisation that is too wide for the thread sanitizer makes it die at start.
fixed_addresses() {
    if setarch -R true 2>/dev/null; then setarch -R "$@"; else "$@"; fi
}

# memcheck DIRECTORY [VARIABLE=VALUE]: its test programs under valgrind, two at a time.
# A thread that sleeps gets its turn again: else those that spin may keep it for minutes.
memcheck() {
    local directory=build/release/tests/$1 programs
    shift
    mapfile -t programs < <(find "$directory" -type f -executable -name 'test_*')
    [ ${#programs[@]} -gt 0 ] || return
    printf '%s\n' "${programs[@]}" | xargs -P 2 -n 1 env "$@" \
        valgrind -q --fair-sched=yes --error-exitcode=9 --leak-check=full --errors-for-leak-kinds=definite
}

sources() { # EXTENSION…
    local extension
    for extension; do
        git ls-files -co --exclude-standard "*.$extension"
    done
}

format() {
    sources c h | xargs clang-format --dry-run -Werror
}

cppcheck_all() {
    cppcheck --quiet --error-exitcode=1 --std=c11 --enable=warning,performance,portability \
        --inline-suppr --suppress=missingIncludeSystem -I include -I provider -I provider/rules \
        provider shim
}

tidy() {
    run-clang-tidy -quiet -p build/clang "$PWD/(provider|shim)/"
}

shell() {
    sources sh | xargs shellcheck .ci/run
}

run "packages" "$here/install-packages.sh" "$here/packages.txt" "$here/packages-test.txt"
grep '^warning:' "$log" || true
"$here/tested.sh" | sed 's/^/        /'
run "format" format
run "shellcheck" shell
run "gcc release build" build release
unit "unit tests" release
run "coverage of the rules" "$here/coverage.sh"
grep -E '/$|^(lines|branches):' "$log" | sed 's/^/        /'
run "clang build" build clang
run "cppcheck" cppcheck_all
run "clang-tidy" tidy
run "asan+ubsan build" build asan
unit "unit tests, asan+ubsan" asan
run "tsan build" build tsan
unit "unit tests, tsan" tsan fixed_addresses
# A process a test is minutes under valgrind; the provider's tests need theirs, a policy each.
run "unit tests of the rules, valgrind" memcheck rules CK_FORK=no
run "unit tests of the keyring, valgrind" memcheck keyring CK_FORK=no
run "unit tests of the provider, valgrind" memcheck provider SP_FEW_FORKS=1
# A quick look; `integration/fuzz.sh 600` is a long one.
run "fuzzing" "$here/fuzz.sh" "${SP_FUZZ_SECONDS:-10}"
sed -n 's/^\(ok\|skipped\)/        \1/p' "$log"
run "OpenSSL's own tests" env SP_BUILD=build/release /usr/bin/python3 "$here/conformance.py"
sed 's/^/        /' "$log"
printf 'integration tests\n'
SP_BUILD=build/release /usr/bin/python3 -m pytest -q integration ||
    { printf 'FAILED  integration tests\n'; exit 1; }
[ -c /dev/null ] || { printf 'FAILED  /dev/null is no device any more\n'; exit 1; }
printf 'all tests passed, with %s\n' "$(openssl version)"
