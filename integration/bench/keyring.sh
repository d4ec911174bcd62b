#!/bin/bash
# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
#
# keyring.sh [--document] [N] [BUILD]: a keyring of N contacts (1000000) over one of 10, side by side
# in one run: uploading, look-ups, a whole `encrypt --to`, and `maintain`.  Informs, never fails on a number.
# --document writes the table into docs/results/performance.md.  N of a million needs 3 GB in TMPDIR.
set -euo pipefail

document=
[ "${1:-}" != --document ] || { document=yes; shift; }
n=${1:-1000000}
root=$(cd "$(dirname "$0")/../.." && pwd)
build=$(realpath "${2:-${SP_BUILD:-$root/build/release}}")
command=$build/shim/smime-policy
rounds=${SP_ROUNDS:-15}
counts=$(command -v valgrind || true)
[ "${SP_COUNTS:-yes}" = yes ] || counts=
work=$(mktemp -d "${TMPDIR:-/var/tmp}/keyring.XXXXXX")
trap 'rm -rf "$work"' EXIT
cd "$work"
export LC_ALL=C OPENSSL_CONF=/dev/null SQLITE_TMPDIR=$work

# upload NAME COUNT: makes the keyring NAME; "seconds processor-seconds KiB certificates/s".
upload() {
    "$build/tests/keyring/make_contacts" "$2" >"$1.pem"
    /usr/bin/time -f '%e %U %S %M' -o time "$command" --keyring "$work/$1" upload "$1.pem" >"$1.log"
    tail -1 "$1.log" | grep -q "^$2 stored" || { cat "$1.log" >&2; exit 1; }
    rm "$1.pem"
    awk -v n="$2" '{ printf "%.2f %.2f %d %.0f %.0f\n", $1, $2 + $3, $4, n / $1, n / ($2 + $3) }' time
}

# median: of the numbers on standard input.
median() {
    sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'
}

# instructions COMMAND…: millions of them, of all its processes.
instructions() { # COMMAND…
    valgrind --tool=callgrind --trace-children=yes --callgrind-out-file=/dev/null "$@" 2>&1 >/dev/null |
        awk '/Collected/ { sum += $NF } END { printf "%.3f\n", sum / 1e6 }'
}

lookup() { # KEYRING CONTACTS WHAT LOOKUPS
    "$build/tests/keyring/bench_lookup" "$work/$1" "$2" "$3" "$4"
}

encrypt() { # KEYRING NUMBER
    "$command" --keyring "$work/$1" encrypt --to "$(printf 'contact%010d@example.org' "$2")" \
        -in mail -out sealed
}

milliseconds() { # COMMAND…
    local start
    start=$(date +%s%N)
    "$@"
    echo $(($(date +%s%N) - start)) | awk '{ print $1 / 1e6 }'
}

# row NAME UNIT FEW MANY
row() {
    awk -v name="$1" -v unit="$2" -v few="$3" -v many="$4" \
        'BEGIN { printf "| %s | %s | %s | %s | %.2f |\n", name, unit, few, many, many / few }'
}

# The two in turns, so that a busy machine disturbs both; once before, to warm the page cache.
compare_lookups() { # WHAT
    local lookups=${SP_LOOKUPS:-2000}
    lookup few 10 "$1" "$lookups" >/dev/null
    lookup many "$n" "$1" "$lookups" >/dev/null
    : >few.us
    : >many.us
    for ((i = 0; i < rounds; i++)); do
        lookup few 10 "$1" "$lookups" >>few.us
        lookup many "$n" "$1" "$lookups" >>many.us
    done
    row "look-up by $1" µs "$(median <few.us)" "$(median <many.us)"
    if [ -n "$counts" ]; then
        row "look-up by $1, 100 times" "M instructions" \
            "$(instructions "$build/tests/keyring/bench_lookup" "$work/few" 10 "$1" 100)" \
            "$(instructions "$build/tests/keyring/bench_lookup" "$work/many" "$n" "$1" 100)"
    fi
}

compare_encrypt() {
    local last=$((n - 1))
    encrypt few 9
    encrypt many "$last"
    : >few.ms
    : >many.ms
    for ((i = 0; i < rounds; i++)); do
        milliseconds encrypt few $((i % 10)) >>few.ms
        milliseconds encrypt many $((RANDOM * 32768 % n)) >>many.ms
    done
    row "encrypt --to" ms "$(median <few.ms)" "$(median <many.ms)"
    if [ -n "$counts" ]; then
        row "encrypt --to" "M instructions" "$(instructions "$command" --keyring "$work/few" \
            encrypt --to contact0000000009@example.org -in mail -out sealed)" \
            "$(instructions "$command" --keyring "$work/many" encrypt --to \
                "$(printf 'contact%010d@example.org' "$last")" -in mail -out sealed)"
    fi
}

# maintain NAME: "seconds KiB"
maintain() {
    # It ends with 3 if something needs a person.
    /usr/bin/time -q -f '%e %M' -o time "$command" --keyring "$work/$1" maintain >"$1.log" ||
        [ $? = 3 ] || { cat "$1.log" >&2; exit 1; }
    cat time
}

compare_maintain() {
    local few many
    read -r -a few <<<"$(maintain few)"
    read -r -a many <<<"$(maintain many)"
    row "maintain" "KiB at most" "${few[1]}" "${many[1]}"
    printf "\n%s certificates judged by maintain in %s s: %.0f a second\n" "$n" "${many[0]}" \
        "$(awk -v n="$n" -v s="${many[0]}" 'BEGIN { print n / (s > 0 ? s : 0.01) }')"
}

compare() {
    local few many
    read -r -a few <<<"$(upload few 10)"
    read -r -a many <<<"$(upload many "$n")"
    printf '%s certificates uploaded: %s a second (%s a second of processor time), %s KiB at most\n\n' \
        "$n" "${many[3]}" "${many[4]}" "${many[2]}"
    printf '| | unit | 10 contacts | %s contacts | ratio |\n|---|---|---|---|---|\n' "$n"
    row upload "KiB at most" "${few[2]}" "${many[2]}"
    compare_lookups address
    compare_lookups key
    compare_lookups subject
    compare_encrypt
    compare_maintain
}

head -c 7500 /dev/urandom | base64 >mail
compare | tee table
[ -n "$document" ] || exit 0
page=$root/docs/results/performance.md
[ -f "$page" ] || printf '# Measurements\n' >"$page"
{
    # Every section but this one stays.
    awk '/^## / { ours = $0 == "## Keyring" } !ours' "$page"
    printf '## Keyring\n\nTimes are those of the machine it ran on; what counts are the ratios of one run. Made by\n\n'
    printf '    integration/bench/keyring.sh --document %s\n\n' "$n"
    cat table
} >rewritten
cat -s rewritten >"$page"
