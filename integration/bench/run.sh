#!/bin/bash
# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
#
# run.sh [ROUNDS]: what the provider costs `openssl cms` on a 10 KB mail, stock against policy in
# the same run: ratios of wall time and, where valgrind is installed, of instructions.
# Informs, never fails on a number.
set -euo pipefail

rounds=${1:-50}
root=$(cd "$(dirname "$0")/../.." && pwd)
module=$(realpath "${SP_BUILD:-$root/build/release}/provider/smimepolicy.so")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
export LC_ALL=C

export OPENSSL_CONF=/etc/ssl/openssl.cnf
openssl req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out cert.pem -days 30 -subj /CN=bench \
    -addext subjectAltName=email:bench@example.com \
    -addext keyUsage=digitalSignature,keyEncipherment 2>/dev/null
head -c 7500 /dev/urandom | base64 >mail.txt

: >stock.cnf
cat >policy.cnf <<CONF
openssl_conf = init
[init]
providers = providers
[providers]
smimepolicy = policy
[policy]
module = $module
activate = 1
CONF

sign=(openssl cms -sign -in mail.txt -signer cert.pem -inkey key.pem -out signed.eml)
encrypt=(openssl cms -encrypt -aes256 -in mail.txt -out sealed.eml cert.pem)
verify=(openssl cms -verify -in signed.eml -CAfile cert.pem -out verified.txt)

OPENSSL_CONF=policy.cnf "${sign[@]}"
OPENSSL_CONF=policy.cnf openssl list -providers | grep -q smimepolicy

# once CONFIGURATION COMMAND…: nanoseconds of one run.
once() {
    local conf=$1 start
    shift
    start=$(date +%s%N)
    OPENSSL_CONF=$conf "$@" 2>/dev/null
    echo $(($(date +%s%N) - start))
}

# median: of the numbers on standard input.
median() {
    sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'
}

# milliseconds COMMAND…: medians, the two taken in turns so that a busy machine disturbs both.
milliseconds() {
    local i
    : >stock.ns
    : >policy.ns
    for ((i = 0; i < rounds; i++)); do
        once stock.cnf "$@" >>stock.ns
        once policy.cnf "$@" >>policy.ns
    done
    echo "$(median <stock.ns) $(median <policy.ns)" | awk '{ printf "%.2f %.2f", $1 / 1e6, $2 / 1e6 }'
}

# millions CONFIGURATION COMMAND…: instructions of the whole process.
millions() {
    local conf=$1
    shift
    OPENSSL_CONF=$conf valgrind --tool=callgrind --callgrind-out-file=/dev/null "$@" 2>&1 |
        awk '/Collected/ { printf "%.1f", $NF / 1e6 }'
}

instructions() { # COMMAND…
    echo "$(millions stock.cnf "$@") $(millions policy.cnf "$@")"
}

# row OPERATION UNIT MEASURE COMMAND…
row() {
    local operation=$1 unit=$2 measure=$3
    shift 3
    "$measure" "$@" | awk -v operation="$operation" -v unit="$unit" \
        '{ printf "%-8s %-16s %9s %9s %7.3f\n", operation, unit, $1, $2, $2 / $1 }'
}

printf '%-8s %-16s %9s %9s %7s\n' "" "" stock policy ratio
row sign "ms" milliseconds "${sign[@]}"
row encrypt "ms" milliseconds "${encrypt[@]}"
row verify "ms" milliseconds "${verify[@]}"
if command -v valgrind >/dev/null; then
    row sign "M instructions" instructions "${sign[@]}"
    row encrypt "M instructions" instructions "${encrypt[@]}"
    row verify "M instructions" instructions "${verify[@]}"
else
    echo "valgrind is not installed: no instructions counted"
fi
