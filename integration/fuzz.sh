#!/bin/bash
# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
#
# fuzz.sh [SECONDS] [TARGET…]: build the fuzzers of tests/fuzz and run them, two at a time.
set -euo pipefail

cd "$(dirname "$0")/.."
seconds=${1:-60}
shift || true
all=(certificate mail message settings split upload uri words)
[ $# -gt 0 ] || set -- "${all[@]}"

if ! echo 'int LLVMFuzzerTestOneInput(void); int LLVMFuzzerTestOneInput(void) { return 0; }' |
    clang -fsanitize=fuzzer -x c - -o /dev/null 2>/dev/null; then
    echo "skipped: clang has no libFuzzer (libclang-rt-14-dev)"
    exit 0
fi
cmake --preset fuzz >/dev/null
cmake --build --preset fuzz -j2 >/dev/null

work=$PWD/build/fuzz/corpus
rm -rf "$work"
for target in "${all[@]}"; do
    mkdir -p "$work/$target"
done
pki=build/fuzz/tests/provider/pki
for pem in "$pki"/*.pem; do
    openssl x509 -in "$pem" -outform DER -out "$work/certificate/$(basename "$pem" .pem)"
done
cp "$pki"/*.sig "$pki"/*.enc "$work/message"
key=(-inkey "$pki/good-ec.key" -in "$pki/good-ec.pem" -passout pass:x -iter 1 -nomaciter)
cp "$pki/good-ec.pem" "$pki/good-ec.key" "$pki/good-rsa.key" "$work/certificate/good-rsa" "$work/upload"
openssl pkcs12 -export "${key[@]}" -certfile "$pki/ca.pem" -out "$work/upload/p12"
openssl pkcs12 -export "${key[@]}" -descert -out "$work/upload/p12-3des"
openssl crl2pkcs7 -nocrl -certfile "$pki/ca.pem" -certfile "$pki/good-ec.pem" -out "$work/upload/p7b"
openssl crl2pkcs7 -nocrl -certfile "$pki/ca.pem" -outform DER -out "$work/upload/p7b-der"
openssl pkcs8 -topk8 -in "$pki/good-ec.key" -passout pass:x -iter 1 -out "$work/upload/pkcs8"
openssl x509 -in "$pki/good-ec.pem" -addtrust emailProtection -setalias a -trustout -out "$work/upload/trusted"
printf 'mode = observe\nmissing_key_usage = accept\nweak_key = deny # why\n[other]\nkeyring = /x\n' >"$work/settings/settings"
printf -- '-sign\n-signer\na.pem\n-inkey=k\n--out\nx\n-aes256\n-to\nb@c.example\n--\nd.pem\n' >"$work/words/sign"
printf -- '-verify\n-noverify\n-CAfile\nca.pem\n-sender\na@b.example\n' >"$work/words/verify"
printf 'From: "A" <a@b.example>, g: c@d.example;\r\nSender: =?utf-8?q?x?= <a@b.example>\r\nTo: x@y.example\r\nContent-Type: multipart/signed; boundary="a"\r\n' >"$work/mail/mail"
printf -- '--b\none\n--b\ntwo\n--b--\n' >"$work/split/parts"
printf 'smimepolicy:identity/a%%25@b.example' >"$work/uri/identity"
printf 'smimepolicy:cert/%064d' 0 >"$work/uri/cert"

one() { # SECONDS TARGET
    local log=build/fuzz/corpus/$2.log
    # A known leak of GMime's is told by its frames, which the quick unwinder does not find.
    [ "$2" != mail ] || export ASAN_OPTIONS=fast_unwind_on_malloc=0
    # What is wrong with a command line is told on standard error.
    if build/fuzz/tests/fuzz/fuzz_"$2" -close_fd_mask=2 -max_total_time="$1" -timeout=20 -rss_limit_mb=2048 \
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
