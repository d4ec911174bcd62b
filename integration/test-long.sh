#!/bin/bash
# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
#
# test-long.sh [--list | --from STAGE | --only STAGE]: what takes hours, before a release, on a
# Debian 12 as root.  Stops at the first stage that fails; --from goes on there.
#
# It leaves to test-all.sh: format, shellcheck, gcc's release build and its unit tests, the address
# and undefined-behaviour sanitizers, and the integration tests that are not marked `slow`.
#
# SP_FUZZ_SECONDS (60) is for each target, SP_SOAK_SECONDS (300) for the soak test.

# shellcheck source=integration/ci/stages.sh
. "$(dirname "$0")/ci/stages.sh"

cppcheck_all() {
    cppcheck --quiet --error-exitcode=1 --std=c11 --enable=warning,performance,portability \
        --inline-suppr --suppress=missingIncludeSystem -I include -I provider -I shim \
        provider shim
}

tidy() {
    build clang
    run-clang-tidy -quiet -p build/clang "$PWD/(provider|shim)/"
}

all_under_tsan() {
    build tsan
    unit_tests tsan
}

# all_under_valgrind VARIABLE=VALUE ROOM…: the test programs of these rooms.
all_under_valgrind() {
    local variable=$1 programs
    shift
    build release
    mapfile -t programs < <(find "${@/#/build/release/tests/}" -type f -executable -name 'test_*')
    with "$variable" "${programs[@]}" | memcheck
}

own_tests_of_openssl() {
    build release
    SP_BUILD=build/release /usr/bin/python3 "$here/ci/conformance.py"
}

soak() {
    build release
    SP_BUILD=build/release "$here/ci/soak.sh" "${SP_SOAK_SECONDS:-300}"
}

stage packages '^warning:' packages "$here/ci/packages-browser.txt"
stage versions . "$here/ci/tested.sh"
stage cppcheck '' cppcheck_all
stage clang-tidy '' tidy
stage "coverage of the rules" '/$|^(lines|branches):' "$here/ci/coverage.sh"
stage "unit tests, tsan" "$checks" all_under_tsan
# A process a test is minutes under valgrind; the provider's tests need theirs, a policy each.
stage "unit tests of the rules, valgrind" "$checks" all_under_valgrind CK_FORK=no base settings rules choice revocation api
stage "unit tests of the keyring, valgrind" "$checks" all_under_valgrind CK_FORK=no keyring
stage "unit tests of the provider, valgrind" "$checks" all_under_valgrind SP_FEW_FORKS=1 \
    backend log policy register gates store module
[ ! -x "$here/ci/mutate" ] || stage mutations . "$here/ci/mutate"
stage fuzzing '^(ok|skipped)' "$here/ci/fuzz.sh" "${SP_FUZZ_SECONDS:-60}"
stage "OpenSSL's own tests" ' pass with stock|^skipped' own_tests_of_openssl
stage "slow integration tests" "$summary" integration_tests -m slow
stage soak '^\||^[0-9]+ hidden|^nothing' soak
stage "other versions of OpenSSL" . "$here/ci/versions.sh"
finish
