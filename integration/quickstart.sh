#!/bin/bash
# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
#
# quickstart.sh [--prefix DIRECTORY]: on a bare Debian 12, as root: install the packages, build,
# install, and do the main job on a real mail.  Ends non-zero if anything is not as promised.
#
# With --prefix nothing outside of the DIRECTORY is written and no package is installed, so that
# every user can try it; remove the DIRECTORY to be rid of it.
set -euo pipefail

prefix=
case $#:${1-} in
0:) ;;
2:--prefix) prefix=$(realpath -m -- "$2") ;;
1:--prefix=*) prefix=$(realpath -m -- "${1#--prefix=}") ;;
*)
    echo 'usage: quickstart.sh [--prefix DIRECTORY]' >&2
    exit 1
    ;;
esac

here=$(cd "$(dirname "$0")" && pwd)
cd "$here/.."
unset "${!OPENSSL_@}" "${!SSL_CERT_@}"
export LC_ALL=C
# Where the command goes: not every shell of root looks there.
export PATH=${prefix:-/usr/local}/bin:$PATH

say() {
    printf '\n== %s\n' "$*"
}

fail() {
    printf 'quickstart: %s\n' "$*" >&2
    exit 1
}

# show COMMAND…: print it, then run it.
show() {
    printf '$ %s\n' "$*"
    "$@"
}

# refused RULE COMMAND…: it must fail, name the rule and leave no file out.eml behind.
refused() {
    local rule=$1 rc=0
    shift
    rm -f out.eml
    printf '$ %s\n' "$*"
    "$@" >stdout.txt 2>stderr.txt || rc=$?
    cat stderr.txt
    echo "(exit code $rc)"
    [ $rc -ne 0 ] || fail "was not refused: $*"
    grep -qF "[$rule]" stderr.txt || fail "the reason [$rule] is missing"
}

if [ -z "$prefix" ]; then
    say "Packages"
    "$here/ci/install-packages.sh" "$here/ci/packages.txt"
else
    mapfile -t wanted < <(grep -v '^#' "$here/ci/packages.txt")
    missing=$(dpkg-query -W -f '${Package} ${db:Status-Status}\n' "${wanted[@]}" 2>&1 |
        awk '/no packages found/ { print $NF } !/ installed$/ && NF == 2 { print $1 }')
    [ -z "$missing" ] || fail "these packages are missing; ask the administrator: $missing"
fi
show openssl version

say "Build and install"
build=build/release
options=(-DBUILD_TESTING=OFF)
if [ -n "$prefix" ]; then
    build=$prefix/build
    options+=(-B "$build" -DCMAKE_INSTALL_PREFIX="$prefix" -DCMAKE_INSTALL_SYSCONFDIR=etc
        -DCMAKE_INSTALL_LIBDIR=lib -DSP_CONFIG_DIR="$prefix/etc/smime-policy"
        -DSP_MODULES_DIR="$prefix/lib/ossl-modules")
fi
cmake --preset release "${options[@]}"
cmake --build "$build"
cmake --install "$build"
[ -n "$prefix" ] || ldconfig

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

say "Certificates: Alice and Bob; Carol's has expired, Dave's is a web server's"
certificate() { # NAME DAYS EXTENSION…
    local name=$1 days=$2 signing
    shift 2
    openssl req -newkey rsa:2048 -nodes -keyout "$name.key" -out "$name.csr" \
        -subj "/CN=$name" 2>/dev/null
    printf '%s\n' "$@" >"$name.ext"
    signing=(openssl x509 -req -in "$name.csr" -signkey "$name.key" -extfile "$name.ext" -out "$name.pem")
    # OpenSSL 3.5 takes dates, and no negative number of days any more.
    "${signing[@]}" -days "$days" 2>/dev/null ||
        "${signing[@]}" -not_before 20200101000000Z -not_after 20210101000000Z 2>/dev/null
}
mail_key='keyUsage=digitalSignature,keyEncipherment'
for name in alice bob; do
    certificate $name 365 "$mail_key" "subjectAltName=email:$name@example.com"
done
certificate carol -1 "$mail_key" "subjectAltName=email:carol@example.com"
certificate dave 365 "$mail_key" "subjectAltName=DNS:www.example.com" "extendedKeyUsage=serverAuth"
ls ./*.pem

cat >mail.eml <<'MAIL'
Content-Type: text/plain; charset=utf-8

Dear Bob,

the contract is ready.

Alice
MAIL

same_text() {
    diff <(tr -d '\r' <"$1") <(tr -d '\r' <"$2") >/dev/null || fail "$2 differs from $1"
}

say "Stock openssl under the policy: nothing but OPENSSL_CONF"
smime-policy config >openssl.cnf
show export OPENSSL_CONF="$work/openssl.cnf"
show openssl cms -sign -in mail.eml -signer alice.pem -inkey alice.key -out signed.eml
show openssl cms -verify -in signed.eml -CAfile alice.pem -out verified.txt
same_text mail.eml verified.txt
show openssl cms -encrypt -aes256 -in signed.eml -out sealed.eml bob.pem
show openssl cms -decrypt -in sealed.eml -recip bob.pem -inkey bob.key -out opened.eml
same_text signed.eml opened.eml

say "Two refusals, by stock openssl"
refused expired openssl cms -encrypt -aes256 -in mail.eml -out out.eml carol.pem
echo "(the first refusal, $SECONDS s after the start)"
refused san-email openssl cms -sign -in mail.eml -signer dave.pem -inkey dave.key -out out.eml

unset OPENSSL_CONF
say "The command, with certificates of its own"
show smime-policy demo

say "The keyring in stock openssl: upload once, then addresses are enough"
export SMIME_POLICY_KEYRING="$work/keyring"
printf 'a passphrase\n' >passphrase
show smime-policy upload alice.pem alice.key bob.pem bob.key --passout file:passphrase
# As README shows it: the installed configuration, and the keyring of the user.
OPENSSL_CONF="$work/openssl.cnf" show openssl cms -encrypt -aes256 -in mail.eml -out sealed.eml \
    smimepolicy:contact/bob@example.com
show smime-policy decrypt -in sealed.eml -passin file:passphrase -out opened.eml
same_text mail.eml opened.eml
refused certificate-required smime-policy encrypt --to carol@example.com -in mail.eml -out out.eml
[ ! -e out.eml ] || fail "a refusal left out.eml behind"
show smime-policy doctor

say "All as promised"
[ -z "$prefix" ] || echo "smime-policy is $prefix/bin/smime-policy, and its configuration for programs" \
    "$prefix/etc/smime-policy/openssl.cnf"
