#!/bin/bash
# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
#
# fuzz.sh [SECONDS] [TARGET…]: build the fuzzers of tests/fuzz and run them, two at a time.
set -euo pipefail

cd "$(dirname "$0")/.."
seconds=${1:-60}
shift || true
[ $# -gt 0 ] || set -- certificate mail split uri

if ! echo 'int LLVMFuzzerTestOneInput(void); int LLVMFuzzerTestOneInput(void) { return 0; }' |
    clang -fsanitize=fuzzer -x c - -o /dev/null 2>/dev/null; then
    echo "skipped: clang has no libFuzzer (libclang-rt-14-dev)"
    exit 0
fi
cmake --preset fuzz >/dev/null
cmake --build --preset fuzz -j2 >/dev/null

work=$PWD/build/fuzz/corpus
rm -rf "$work"
mkdir -p "$work"/{certificate,mail,split,uri}
for pem in build/fuzz/tests/provider/pki/*.pem; do
    openssl x509 -in "$pem" -outform DER -out "$work/certificate/$(basename "$pem" .pem)"
done
printf 'From: "A" <a@b.example>, g: c@d.example;\r\nSender: =?utf-8?q?x?= <a@b.example>\r\nTo: x@y.example\r\nContent-Type: multipart/signed; boundary="a"\r\n' >"$work/mail/mail"
printf -- '--b\none\n--b\ntwo\n--b--\n' >"$work/split/parts"
printf 'smimepolicy:identity/a%%25@b.example' >"$work/uri/identity"
printf 'smimepolicy:cert/%064d' 0 >"$work/uri/cert"

one() { # SECONDS TARGET
    local log=build/fuzz/corpus/$2.log
    # A known leak of GMime's is told by its frames, which the quick unwinder does not find.
    [ "$2" != mail ] || export ASAN_OPTIONS=fast_unwind_on_malloc=0
    if build/fuzz/tests/fuzz/fuzz_"$2" -max_total_time="$1" -timeout=20 -rss_limit_mb=2048 \
        -print_final_stats=1 -artifact_prefix="build/fuzz/corpus/$2-" \
        "build/fuzz/corpus/$2" >"$log" 2>&1; then
        printf 'ok      %s %s\n' "$2" "$(grep -o 'number_of_executed_units.*' "$log")"
    else
        tail -40 "$log"
        printf 'FAILED  %s\n' "$2"
        return 1
    fi
}
export -f one
printf '%s\n' "$@" | xargs -P 2 -I{} bash -c 'one "$@"' _ "$seconds" {}
