#!/bin/bash
# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
#
# release.sh [--check] [-o OUTPUT]: make a release of the last commit, as root: tag, tarball, Debian
# packages, what is new, and checksums, in OUTPUT (build/release-VERSION).
#
# The version is that of CMakeLists.txt.  CHANGELOG.md and the packages' changelog have to name it
# with its day, nothing may be uncommitted, and no tag may have its name.  The release is built from
# a clone.  --check stops after that; test-all.sh and test-long.sh are run before.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
cd "$here/.."

fail() {
    printf 'release: %s\n' "$*" >&2
    exit 1
}

check='' output=''
while [ $# -gt 0 ]; do
    case $1 in
    --check) check=yes ;;
    -o)
        [ $# -gt 1 ] || fail "-o needs a folder"
        output=$2
        shift
        ;;
    *) fail "unknown option $1" ;;
    esac
    shift
done

version=$(sed -nE 's/^project\(smime-policy VERSION ([0-9.]+) .*/\1/p' CMakeLists.txt)
[ -n "$version" ] || fail "CMakeLists.txt names no version"
output=$(realpath -m -- "${output:-build/release-$version}")

[ -z "$(git status --porcelain)" ] || fail "something is not committed; see git status"
day=$(sed -nE "s/^## \[${version//./\\.}\]: ([0-9]{4}-[0-9]{2}-[0-9]{2})$/\1/p" CHANGELOG.md)
[ -n "$day" ] || fail "CHANGELOG.md has no '## [$version]: YYYY-MM-DD'"
head -n 1 integration/packaging/debian/changelog | grep -qF "smime-policy ($version)" ||
    fail "integration/packaging/debian/changelog does not begin with $version"
! git rev-parse -q --verify "refs/tags/v$version" >/dev/null || fail "the tag v$version is there"
git var GIT_COMMITTER_IDENT >/dev/null || fail "git does not know who makes the tag"
[ ! -e "$output" ] || fail "$output is there; remove it, or name another folder with -o"
echo "release $version of $day, commit $(git rev-parse --short HEAD)"
[ -z "$check" ] || exit 0

# What is new: the section of this version.
news=$(awk -v head="## [$version]" \
    'index($0, head) == 1 { on = 1; next } /^## / { on = 0 } on' CHANGELOG.md)

mkdir -p "$(dirname "$output")"
work=$(mktemp -d "$(dirname "$output")/.release-XXXXXX")
trap 'rm -rf "$work"' EXIT
git clone -q --no-local . "$work/clone"
mkdir "$work/release"
# The same bits whoever makes it: the commit's time, and no name and time of gzip's.
git -C "$work/clone" archive --prefix="smime-policy-$version/" HEAD |
    gzip -9n >"$work/release/smime-policy-$version.tar.gz"
printf '%s\n' "$news" >"$work/release/NEWS.md"
"$work/clone/integration/package.sh" -o "$work/release"
# shellcheck disable=SC2094  # it is left out
(cd "$work/release" && find . -type f ! -name SHA256SUMS -printf '%P\0' | sort -z |
    xargs -0 sha256sum >SHA256SUMS)
# Its headings are no comments.
git tag -a --cleanup=whitespace "v$version" -m "smime-policy $version" -m "$news"
mv "$work/release" "$output"
echo "made v$version and $output; push the tag, and publish the folder"
