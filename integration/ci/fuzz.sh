#!/bin/bash
# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
#
# fuzz.sh [SECONDS] [TARGET…]: run libFuzzer on the targets of tests/fuzz, two at a time, and keep
# what it finds in build/fuzz/found (or SP_FUZZ_FOUND), from where the next run goes on.
#
# fuzz.sh --replay: give the targets, built with the address sanitizer, every input that is kept, once.
#
# fuzz.sh --minimise: make tests/fuzz/corpus/TARGET, the inputs that the repository keeps, anew from
# these and from what was found: few and short ones that still reach what all of them reach.
set -euo pipefail

cd "$(dirname "$0")/../.."
corpus=$PWD/tests/fuzz/corpus
found=${SP_FUZZ_FOUND:-$PWD/build/fuzz/found}
bytes=40000 # of each target in the repository
export corpus found bytes

mapfile -t all < <(cd tests/fuzz && printf '%s\n' fuzz_*.c | sed 's/^fuzz_//; s/\.c$//')
mode=run seconds=60
case ${1-} in
--replay | --minimise) mode=${1#--} && shift ;;
?*) seconds=$1 && shift ;;
esac
[ $# -gt 0 ] || set -- "${all[@]}"
for target; do
    [ -e "tests/fuzz/fuzz_$target.c" ] || { echo "fuzz.sh: there is no target $target" >&2 && exit 1; }
    mkdir -p "$found/$target" "$corpus/$target"
done
export preset=fuzz
[ "$mode" != replay ] || preset=asan
cmake --preset $preset -DBUILD_TESTING=ON >/dev/null
cmake --build --preset $preset --target fuzzers

# fuzz TARGET OPTION…: what is wrong with a command line is told on standard error.  A look for leaks
# after every input takes most of the time, and libFuzzer gives it up after a thousand: the
# sanitizer looks once, at the end.
fuzz() {
    local target=$1
    shift
    ASAN_OPTIONS=detect_leaks=1 "build/$preset/tests/fuzz/fuzz_$target" -detect_leaks=0 \
        -close_fd_mask=2 -timeout=20 -rss_limit_mb=2048 -artifact_prefix="$found/$target-" "$@"
}

# What make_pki has just made: messages for keys that are nowhere else.
fresh() {
    printf '%s\n' "build/$preset/tests/provider/pki"
}

# tell TARGET WHAT LOG STATUS
tell() {
    if [ "$4" -eq 0 ]; then
        printf 'ok      %s: %s\n' "$1" "$2"
    else
        tail -n 40 "$3"
        printf 'FAILED  %s\n' "$1"
    fi
    return "$4"
}

run() { # TARGET SECONDS
    local target=$1 log=$found/$1.log status=0
    fuzz "$target" -max_total_time="$2" -print_final_stats=1 "$found/$target" "$corpus/$target" \
        "$(fresh)" >"$log" 2>&1 || status=$?
    tell "$target" "$(grep -o 'number_of_executed_units.*' "$log")" "$log" $status
}

replay() { # TARGET
    local target=$1 log=$found/$1.log status=0 inputs
    mapfile -t inputs < <(find "$corpus/$target" "$found/$target" "$(fresh)" -type f)
    fuzz "$target" "${inputs[@]}" >"$log" 2>&1 || status=$?
    tell "$target" "${#inputs[@]} inputs" "$log" $status
}

minimise() { # TARGET
    local target=$1 log=$found/$1.log status=0 new total=0 size file
    new=$(mktemp -d "$found/minimal.XXXXXX")
    fuzz "$target" -set_cover_merge=1 "$new" "$corpus/$target" "$found/$target" >"$log" 2>&1 || status=$?
    if [ $status -eq 0 ]; then
        rm -rf "${corpus:?}/$target"
        mkdir -p "$corpus/$target"
        # Named by their hashes: what fits is of every kind.
        while read -r size file; do
            [ $((total + size)) -le "$bytes" ] || continue
            total=$((total + size))
            cp "$file" "$corpus/$target"
        done < <(find "$new" -type f -printf '%s %p\n' | sort -k 2)
    fi
    rm -rf "$new"
    tell "$target" "$(find "$corpus/$target" -type f | wc -l) inputs" "$log" $status
}
export -f fuzz fresh tell run replay minimise
printf '%s\n' "$@" | xargs -P 2 -I{} bash -c '"$@"' _ "$mode" {} "$seconds"
