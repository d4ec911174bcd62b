#!/bin/bash
# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
#
# fuzz.sh [SECONDS] [TARGET…]: build the fuzzers of tests/fuzz and run them, two at a time.
set -euo pipefail

cd "$(dirname "$0")/.."
seconds=${1:-60}
shift || true
all=(certificate incoming mail message settings split tree trust upload uri uses words)
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

# Seeds: what the tests have, in every form that is read.
pki=build/fuzz/tests/provider/pki
for pem in "$pki"/*.pem; do
    openssl x509 -in "$pem" -outform DER -out "$work/certificate/$(basename "$pem" .pem)"
done
cp "$pki"/*.sig "$pki"/*.enc "$work/message"
cp "$pki"/*.sig "$work/trust"

signer=(-signer "$pki/good-ec.pem" -inkey "$pki/good-ec.key" -from bob@example.org -to a@b.example)
echo hello >"$work/text"
openssl cms -sign -in "$work/text" -text "${signer[@]}" -out "$work/incoming/detached"
openssl cms -sign -in "$work/text" -nodetach "${signer[@]}" -out "$work/incoming/opaque"
openssl cms -sign -in "$work/text" "${signer[@]}" -outform PEM -out "$work/incoming/pem"
{
    printf 'From: bob@example.org\nContent-Type: multipart/mixed; boundary=a\n\n--a\n\none\n--a\n'
    cat "$work/incoming/opaque"
    printf -- '\n--a--\n'
} >"$work/incoming/part"
cp "$pki/good-rsa.sig" "$pki/good-ec.enc" "$work/incoming"

key=(-inkey "$pki/good-ec.key" -in "$pki/good-ec.pem" -passout pass:x)
cp "$pki/good-ec.pem" "$pki/good-ec.key" "$pki/good-rsa.key" "$work/certificate/good-rsa" "$work/upload"
openssl pkcs12 -export "${key[@]}" -iter 1 -nomaciter -certfile "$pki/ca.pem" -out "$work/upload/p12"
openssl pkcs12 -export "${key[@]}" -iter 1 -nomaciter -descert -out "$work/upload/p12-3des"
openssl pkcs12 -export "${key[@]}" -legacy -iter 1 -nomaciter -out "$work/upload/p12-legacy"
# Nothing but the format stands between these and what is read of them.
openssl pkcs12 -export "${key[@]}" -nomac -keypbe NONE -certpbe NONE -certfile "$pki/ca.pem" -out "$work/upload/p12-open"
{ echo '-----BEGIN PKCS12-----'; base64 "$work/upload/p12-open"; echo '-----END PKCS12-----'; } >"$work/upload/p12-pem"
openssl crl2pkcs7 -nocrl -certfile "$pki/ca.pem" -certfile "$pki/good-ec.pem" -out "$work/upload/p7b"
openssl crl2pkcs7 -nocrl -certfile "$pki/ca.pem" -outform DER -out "$work/upload/p7b-der"
openssl pkcs8 -topk8 -in "$pki/good-ec.key" -passout pass:x -iter 1 -out "$work/upload/pkcs8"
openssl pkcs8 -topk8 -in "$pki/good-ec.key" -passout pass:x -iter 1 -outform DER -out "$work/upload/pkcs8-der"
openssl ec -in "$pki/good-ec.key" -aes128 -passout pass:x -out "$work/upload/old-style" 2>/dev/null
openssl ec -in "$pki/good-ec.key" -des -passout pass:x -provider legacy -provider default -out "$work/upload/old-cipher" 2>/dev/null
openssl ec -in "$pki/good-ec.key" -pubout -out "$work/upload/public" 2>/dev/null
openssl ecparam -name P-256 -out "$work/upload/parameters"
openssl x509 -in "$pki/good-ec.pem" -addtrust emailProtection -setalias a -trustout -out "$work/upload/trusted"

# Whose key, then fields: an address, a Key Usage, E-mail Protection; no CA; the dates.
address='\x00\x13\x30\x11\x81\x0fbob@example.org'
mail='\x02\x0c\x30\x0a\x06\x08\x2b\x06\x01\x05\x05\x07\x03\x04'
dates='\x07\x0d240101000000Z\x08\x0f20990101000000Z'
printf '%b' "\x00$address\x81\x04\x03\x02\x03\xa8$mail\x83\x02\x30\x00" >"$work/uses/ec"
printf '%b' "\x01$address\x81\x04\x03\x02\x05\xa0$mail$dates" >"$work/uses/rsa"
printf '%b' "\x01$address\x01\x04\x03\x02\x06\x40\x09\x07a@b.com" >"$work/uses/non-repudiation"
printf '%b' "\x00$address$dates\x02\x08\x30\x06\x06\x04\x55\x1d\x25\x00" >"$work/uses/any"

printf 'mode = observe\nmissing_key_usage = accept\nweak_key = deny # why\n[other]\nkeyring = /x\n' >"$work/settings/settings"
printf -- '-sign\n-signer\na.pem\n-inkey=k\n--out\nx\n-aes256\n-to\nb@c.example\n--\nd.pem\n' >"$work/words/sign"
printf -- '-verify\n-noverify\n-CAfile\nca.pem\n-sender\na@b.example\n' >"$work/words/verify"
printf -- '--for\nsign\n--at=2024-07-31T14:20:28Z\n--key\nk\n--passin=file:x\n--json\na.pem\n' >"$work/words/check"
printf 'From: "A" <a@b.example>, g: c@d.example;\r\nSender: =?utf-8?q?x?= <a@b.example>\r\nTo: x@y.example\r\nContent-Type: multipart/signed; boundary="a"\r\n' >"$work/mail/mail"
printf 'From x@y Mon Jan 5\nFrom: =?utf-8?q?=22=3Ca=40b=3E?= <"a"@b\xc3\xbc.example>,\n (c(d)) e@[1.2.3.4]\n\r\n' >"$work/mail/odd"
printf -- '--b\none\n--b\ntwo\n--b--\n' >"$work/split/parts"
printf 'Content-Type: multipart/mixed; boundary=a\n\n--a\nContent-Type: multipart/signed; boundary="b"\n\n--b\n\none\n--b\nContent-Type: application/octet-stream; name=a.p7s\nContent-Transfer-Encoding: base64\n\ntwo\n--b--\n--a\n\nthree\n--a--\n' >"$work/tree/parts"
printf 'smimepolicy:identity/a%%25@b.example' >"$work/uri/identity"
printf 'smimepolicy:cert/%064d' 0 >"$work/uri/cert"

# fuzz TARGET OPTION…: on the seeds, and on what was found beyond them.
fuzz() {
    local target=$1
    shift
    # What is wrong with a command line is told on standard error.
    build/fuzz/tests/fuzz/fuzz_"$target" -close_fd_mask=2 -timeout=20 -rss_limit_mb=2048 -detect_leaks=0 \
        -print_final_stats=1 -artifact_prefix="build/fuzz/corpus/$target-" "$@" "build/fuzz/corpus/$target"
}

# A look for leaks after every input takes most of the time, and libFuzzer gives it up after a
# thousand: the sanitizer looks once, at the end.
one() { # SECONDS TARGET
    local log=build/fuzz/corpus/$2.log
    if ASAN_OPTIONS=detect_leaks=1 fuzz "$2" -max_total_time="$1" >"$log" 2>&1; then
        printf 'ok      %s %s\n' "$2" "$(grep -o 'number_of_executed_units.*' "$log")"
    else
        tail -n 40 "$log"*
        printf 'FAILED  %s\n' "$2"
        return 1
    fi
}
export -f fuzz one
printf '%s\n' "$@" | xargs -P 2 -I{} bash -c 'one "$@"' _ "$seconds" {}
