#!/bin/bash
# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
#
# collect.sh [N] [BUILD]: `collect` over a Maildir of N mails (10000) of a hundred senders, nine of
# ten of them signed, beside one of a tenth of that: mails per second and memory.  Informs, never
# fails on a number.
set -euo pipefail

n=${1:-10000}
root=$(cd "$(dirname "$0")/../.." && pwd)
build=$(realpath "${2:-${SP_BUILD:-$root/build/release}}")
command=$build/shim/smime-policy
senders=100
work=$(mktemp -d "${TMPDIR:-/var/tmp}/collect.XXXXXX")
trap 'rm -rf "$work"' EXIT
cd "$work"
export LC_ALL=C OPENSSL_CONF=/dev/null

certificate() { # NAME CA-OPTION… : NAME.pem and NAME.key
    local name=$1
    shift
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc -keyout "$name.key" \
        -out "$name.pem" -days 30 -subj "/CN=$name" "$@" 2>/dev/null
}

# A signed mail of each sender, with 4 KB of text.
certificate ca -addext keyUsage=critical,keyCertSign,cRLSign -addext basicConstraints=critical,CA:TRUE
openssl rand -base64 3000 >text
for ((i = 0; i < senders; i++)); do
    certificate "s$i" -CA ca.pem -CAkey ca.key -addext basicConstraints=critical,CA:FALSE \
        -addext keyUsage=digitalSignature,keyEncipherment -addext "subjectAltName=email:s$i@example.org"
    openssl cms -sign -in text -signer "s$i.pem" -inkey "s$i.key" -from "s$i@example.org" -out "mail$i"
done
{ printf 'From: x@example.org\nSubject: x\n\n'; cat text; } >plain

fill() { # DIRECTORY MAILS
    local i
    mkdir -p "$1/cur" "$1/new" "$1/tmp"
    for ((i = 0; i < $2; i++)); do
        if ((i % 10 == 9)); then
            ln plain "$1/cur/$i" 2>/dev/null || cp plain "$1/cur/$i"
        else
            ln "mail$((i % senders))" "$1/cur/$i" 2>/dev/null || cp "mail$((i % senders))" "$1/cur/$i"
        fi
    done
}

measure() { # MAILS: a line
    fill "box$1" "$1"
    "$command" --keyring "$work/k$1" upload -q ca.pem 2>/dev/null
    /usr/bin/time -f '%e %U %S %M' -o time "$command" --keyring "$work/k$1" collect "box$1" >log
    tail -1 log | grep -q "^$((senders * 9 / 10)) collected, .* 0 not collected, .* of $1 mails" ||
        { cat log >&2; exit 1; }
    awk -v n="$1" '{ printf "| %d | %.0f | %.0f | %.0f |\n", n, n / $1, n / ($2 + $3), $4 / 1024 }' time
    rm -rf "box$1"
}

echo "| mails | per second | per second of processor | MB of memory |"
echo "|---|---|---|---|"
measure $((n / 10))
measure "$n"
