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

# milliseconds CONFIGURATION COMMAND…: wall time of one run, the mean of all rounds.
milliseconds() {
    local conf=$1 start i
    shift
    start=$(date +%s%N)
    for ((i = 0; i < rounds; i++)); do
        OPENSSL_CONF=$conf "$@" 2>/dev/null
    done
    echo "$start $(date +%s%N) $rounds" | awk '{ printf "%.2f", ($2 - $1) / $3 / 1e6 }'
}

# megainstructions CONFIGURATION COMMAND…: of the whole process.
megainstructions() {
    local conf=$1
    shift
    OPENSSL_CONF=$conf valgrind --tool=callgrind --callgrind-out-file=/dev/null "$@" 2>&1 |
        awk '/Collected/ { printf "%.1f", $NF / 1e6 }'
}

# row OPERATION UNIT MEASURE COMMAND…
row() {
    local operation=$1 unit=$2 measure=$3 stock policy
    shift 3
    stock=$("$measure" stock.cnf "$@")
    policy=$("$measure" policy.cnf "$@")
    printf '%-8s %-16s %9s %9s %7.3f\n' "$operation" "$unit" "$stock" "$policy" \
        "$(echo "$stock $policy" | awk '{ print $2 / $1 }')"
}

printf '%-8s %-16s %9s %9s %7s\n' "" "" stock policy ratio
row sign "ms" milliseconds "${sign[@]}"
row encrypt "ms" milliseconds "${encrypt[@]}"
row verify "ms" milliseconds "${verify[@]}"
if command -v valgrind >/dev/null; then
    row sign "M instructions" megainstructions "${sign[@]}"
    row encrypt "M instructions" megainstructions "${encrypt[@]}"
    row verify "M instructions" megainstructions "${verify[@]}"
else
    echo "valgrind is not installed: no instructions counted"
fi
