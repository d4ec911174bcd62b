#!/bin/bash
# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
#
# test-all.sh [--list | --from STAGE | --only STAGE]: what has to pass before a commit, on a bare
# Debian 12 as root, in some ten minutes on two processors.  Stops at the first stage that fails.
#
# It leaves to test-long.sh: the thread sanitizer on programs without threads, most of valgrind,
# clang-tidy, cppcheck, coverage, fuzzing beyond the corpus, OpenSSL's own tests, the soak test, the
# integration tests that are marked `slow`, and other versions of OpenSSL.

# shellcheck source=integration/ci/stages.sh
. "$(dirname "$0")/ci/stages.sh"

sources() { # EXTENSION…
    local extension
    for extension; do
        git ls-files -co --exclude-standard "*.$extension"
    done
}

format() {
    sources c h | xargs clang-format --dry-run -Werror
}

shell() {
    sources sh | xargs shellcheck -x .ci/run integration/ci/pre-commit integration/packaging/debian/tests/{main-job,library}
}

threads() {
    build tsan --target tests_with_threads
    unit_tests tsan -L threads
}

# What no sanitizer sees: memory that is read before it is written, and a module and a library that
# come and go in programs that know nothing of them.
few_under_valgrind() {
    {
        with SP_FEW_FORKS=1 build/release/tests/module/test_{life,first}
        with CK_FORK=no build/release/tests/{api/test_verify,rules/test_raw,api/test_verify_cb}
    } | memcheck
}

stage packages '^warning:' packages
stage versions . "$here/ci/tested.sh"
stage format '' format
stage shellcheck '' shell
stage layers '' "$here/ci/layers"
stage "gcc release build" '' build release
stage "clang asan+ubsan build" '' build asan
stage "unit tests" "$checks" unit_tests release
stage "unit tests, asan+ubsan" "$checks" unit_tests asan
stage "tests with threads, tsan" "$checks" threads
stage "what sanitizers cannot see, valgrind" "$checks" few_under_valgrind
stage "corpus of the fuzzers" '^ok' "$here/ci/fuzz.sh" --replay
stage "integration tests" "$summary" integration_tests -m "not slow"
finish
