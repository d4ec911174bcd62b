#!/bin/bash
# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
#
# directory.sh [N] [BUILD]: questions to a slapd with N entries (1000000) that all have a certificate:
# `collect ADDRESS` and `encrypt --to` beside ldapsearch and beside a contact that is stored.  By hand
# alone: a million entries take some minutes and 3 GB below TMPDIR (/var/tmp).  Informs, never fails on
# a number.
set -euo pipefail

n=${1:-1000000}
root=$(cd "$(dirname "$0")/../.." && pwd)
build=$(realpath "${2:-${SP_BUILD:-$root/build/release}}")
command=$build/shim/smime-policy
slapd=$(PATH=$PATH:/usr/sbin command -v slapd)
people=100
base=dc=example,dc=org
work=$(mktemp -d "${TMPDIR:-/var/tmp}/directory.XXXXXX")
server=
trap '[ -z "$server" ] || { kill "$server"; wait "$server" || true; }; rm -rf "$work"' EXIT
cd "$work"
export LC_ALL=C OPENSSL_CONF=/dev/null LDAPNOINIT=1

certificate() { # NAME CA-OPTION… : NAME.pem and NAME.key
    local name=$1
    shift
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc -keyout "$name.key" \
        -out "$name.pem" -days 90 -subj "/CN=$name" "$@" 2>/dev/null
}

certificate ca -addext keyUsage=critical,keyCertSign,cRLSign -addext basicConstraints=critical,CA:TRUE
for ((i = 0; i < people; i++)); do
    certificate "p$i" -CA ca.pem -CAkey ca.key -addext basicConstraints=critical,CA:FALSE \
        -addext keyUsage=digitalSignature,keyEncipherment -addext extendedKeyUsage=emailProtection \
        -addext "subjectAltName=email:p$i@example.org"
    openssl x509 -in "p$i.pem" -outform DER | base64 -w 0 >"p$i.b64"
    echo >>"p$i.b64"
done

mkdir db
cat >slapd.conf <<END
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
modulepath /usr/lib/ldap
moduleload back_mdb
database mdb
maxsize 17179869184
suffix $base
directory $work/db
index objectClass,mail eq
END
cat p?.b64 p??.b64 2>/dev/null | awk -v n="$n" -v base="$base" '
    BEGIN {
        printf "dn: %s\nobjectClass: dcObject\nobjectClass: organization\no: x\ndc: example\n\n", base
    }
    { cert[NR - 1] = $0 }
    END {
        for (i = 0; i < n; i++)
            printf "dn: cn=p%d,%s\nobjectClass: inetOrgPerson\ncn: p%d\nsn: p%d\nmail: p%d@example.org\n" \
                   "userCertificate;binary:: %s\n\n", i, base, i, i, i, cert[i % NR]
    }' >entries.ldif
begun=$SECONDS
"$slapd" -T add -q -f slapd.conf -l entries.ldif
echo "slapd: $n entries, made in $((SECONDS - begun)) s, $(du -sm db | cut -f 1) MB"
rm entries.ldif
"$slapd" -f slapd.conf -h "ldapi://${work//\//%2F}%2Fs" -d 0 >/dev/null 2>&1 &
server=$!
url=ldapi://${work//\//%2F}%2Fs
until ldapsearch -x -LLL -H "$url" -b "$base" -s base 1.1 >/dev/null 2>&1; do sleep 0.1; done

echo "contacts = $url/$base" >policy.cnf
"$command" --keyring ring upload -q ca.pem 2>/dev/null
echo hello >mail

ask_ldapsearch() {
    ldapsearch -x -LLL -H "$url" -b "$base" "(mail=p$1@example.org)" 'userCertificate;binary' | grep -q '^userC'
}
ask_collect() {
    "$command" --policy policy.cnf --keyring ring collect -q "p$1@example.org" >/dev/null
}
ask_encrypt() {
    "$command" --policy policy.cnf --keyring "$2" encrypt --to "p$1@example.org" -in mail -out sealed 2>/dev/null
}
ask_nobody() {
    ! "$command" --policy policy.cnf --keyring ring collect "nobody$1@example.org" >/dev/null 2>&1
}

measure() { # WHAT FUNCTION ARGUMENT… : a row
    local what=$1 begun i
    shift
    begun=$(date +%s%N)
    for ((i = 0; i < people; i++)); do "$1" "$i" "${@:2}"; done
    echo "| $what | $((($(date +%s%N) - begun) / people / 10000))" | sed -E 's/([0-9]*)([0-9]{2})$/\1.\2 |/'
}

"$command" --keyring other upload -q ca.pem 2>/dev/null
echo "| $n entries, each of $people addresses | ms |"
echo "|---|---|"
# shellcheck disable=SC2016  # names of programs
{
    measure '`ldapsearch`' ask_ldapsearch
    measure '`collect`, an address that is there' ask_collect
    measure '`collect`, one that is stored already' ask_collect
    measure '`collect`, one that nobody has' ask_nobody
    measure '`encrypt --to`, fetched' ask_encrypt other
    measure '`encrypt --to`, stored' ask_encrypt other
}
