#!/bin/bash
# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
#
# tested.sh [BUILD]: the versions that are tested here, in a few lines: the system, OpenSSL and who
# uses which one, and every package of the lists.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)

line() { # NAME TEXT…
    local name=$1
    shift
    printf '%s: %s\n' "$name" "$*" | fold -s -w 96 | sed 's/ *$//; 2,$s/^/    /'
}

# packages NAME…: those that are installed, with their versions, without epochs.
packages() {
    # shellcheck disable=SC2016  # for dpkg-query, which fails where one is not there
    { dpkg-query -W -f '${db:Status-Abbrev} ${Package} ${Version}\n' "$@" 2>/dev/null || true; } |
        sed -nE 's/^ii +([^ ]+) ([0-9]+:)?/\1 /p' | sort -u | paste -sd, | sed 's/,/, /g'
}

# shellcheck disable=SC1091  # what os-release holds is known
line system "$(. /etc/os-release && echo "$PRETTY_NAME"), Debian $(cat /etc/debian_version)," \
    "$(uname -srm), $(nproc) processors"
line OpenSSL "$(openssl version)"
[ $# -eq 0 ] || line command "$("$1/shim/smime-policy" --version | head -n 1)"
line PHP "$(php -n -r 'echo PHP_VERSION, " with ", OPENSSL_VERSION_TEXT;' 2>/dev/null || echo none)"
line compilers "$(gcc --version | head -n 1); $(clang --version 2>/dev/null | head -n 1 || echo 'no clang')"
line libraries "$(packages libssl3 libssl3t64 libsqlite3-0 libcurl3-gnutls libcurl3t64-gnutls libidn2-0 libjansson4 libldap-2.5-0 libldap2 libpq5 libc6)"
mapfile -t listed < <(grep -hv '^#' "$here/packages.txt" "$here/packages-test.txt")
line packages "$(packages "${listed[@]}")"
