#!/bin/bash
# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
#
# large.sh BUILD [MEGABYTES]: a large message through the verbs, over stock, side by side in one run.
# For each operation: seconds and peak memory (KiB) of both, best of five, and the ratio of the times.
set -euo pipefail

[ $# -ge 1 ] || { sed -n '4,6p' "$0" >&2; exit 1; }
command=$(realpath "$1/shim/smime-policy")
size=${2:-100}
work=$(mktemp -d "${TMPDIR:-/var/tmp}/large.XXXXXX")
trap 'rm -rf "$work"' EXIT
cd "$work"
export OPENSSL_CONF=/dev/null

openssl req -x509 -newkey rsa:2048 -noenc -keyout key -out cert -days 365 -sha256 -config /dev/stdin \
    -subj /CN=bench -addext keyUsage=critical,digitalSignature,keyEncipherment \
    -addext basicConstraints=critical,CA:FALSE -addext extendedKeyUsage=emailProtection \
    -addext subjectAltName=email:bench@example.com \
    <<<$'[req]\ndistinguished_name = dn\n[dn]\n' 2>keys.log || { cat keys.log >&2; exit 1; }
# Lines of 76 characters, as attachments are.
openssl rand $((size * 740000)) | base64 -w 76 >mail
openssl cms -sign -stream -in mail -signer cert -inkey key -out signed

# best NAME COMMAND…: "seconds KiB", of five runs.
best() {
    local name=$1
    shift
    for _ in 1 2 3 4 5; do
        rm -f out
        /usr/bin/time -f '%e %M' -o time "$@" -out out 2>"$name.log" || { cat "$name.log" >&2; exit 1; }
        cat time
    done | sort -n | head -1
}

# row OPERATION STOCK… -- VERB…
row() {
    local operation=$1 theirs=() ours
    shift
    while [ "$1" != -- ]; do
        theirs+=("$1")
        shift
    done
    shift
    read -r -a theirs <<<"$(best stock "${theirs[@]}")"
    read -r -a ours <<<"$(best ours "$@")"
    printf '%-8s  stock %6s s %7s KiB  smime-policy %6s s %7s KiB  time %s\n' "$operation" \
        "${theirs[0]}" "${theirs[1]}" "${ours[0]}" "${ours[1]}" \
        "$(awk "BEGIN { printf \"%.2f\", ${ours[0]} / ${theirs[0]} }")"
}

printf '%s MB, %s\n' "$size" "$(openssl version)"
row verify openssl cms -verify -in signed -CAfile cert -- \
    "$command" verify -in signed -CAfile cert -no-sender
row sign openssl cms -sign -in mail -signer cert -inkey key -- \
    "$command" sign -in mail -signer cert -inkey key
row encrypt openssl cms -encrypt -aes256 -in mail -recip cert -- \
    "$command" encrypt -in mail -recip cert
