#!/bin/sh
# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
#
# installation.sh: in a bare root, with packages in /work/first and an older version of them in
# /work/older: install, upgrade, remove and purge, and see what is there and what is left.
set -eu

say() {
    printf '\n== %s\n' "$*"
}

fail() {
    printf 'installation: %s\n' "$*" >&2
    exit 1
}

install_from() {
    apt-get install -y -q "$@"
}

say "Install the older version; nothing switches the system over"
before=$(openssl version -a 2>/dev/null || echo "no openssl")
start=$(date +%s)
install_from /work/older/smime-policy_*.deb
smime-policy --version
smime-policy demo
echo "the first refusals, $(($(date +%s) - start)) s after the start of apt"
[ -z "${OPENSSL_CONF-}" ] || fail "OPENSSL_CONF is set"
! grep -rq smimepolicy /etc/ssl /usr/lib/ssl 2>/dev/null || fail "the system's openssl.cnf names us"
echo "before: $before" | head -1

say "Upgrade: what the administrator has set stays"
sed -i 's/^#weak_key = warn/weak_key = deny/' /etc/smime-policy/policy.cnf
openssl req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out cert.pem -days 30 -subj /CN=a \
    -addext "subjectAltName=email:a@example.com" -addext "basicConstraints=CA:FALSE" \
    -addext "keyUsage=digitalSignature,keyEncipherment" 2>/dev/null
printf 'a passphrase\n' >passphrase
smime-policy --keyring /root/keyring upload cert.pem key.pem --passout file:passphrase
install_from /work/first/smime-policy_*.deb </dev/null
grep -qx 'weak_key = deny' /etc/smime-policy/policy.cnf || fail "a setting was lost"
smime-policy --keyring /root/keyring list | grep -qF a@example.com || fail "the keyring is not read"
smime-policy demo
smime-policy doctor
smime-policy config --self-test /etc/smime-policy/openssl.cnf
[ -e /usr/lib/systemd/user/smime-policy-maintain.timer ] || fail "no timer for users"
[ -e /usr/lib/systemd/system/smime-policy-maintain@.timer ] || fail "no timer of the system"
enabled=$(find /etc/systemd -name 'smime-policy*')
[ -z "$enabled" ] || fail "enabled by itself: $enabled"
[ -e /usr/share/doc/smime-policy/docs/use/guide.md ] || fail "no guide"
man_page=$(dpkg -L smime-policy | grep -c '/man/man')
[ "$man_page" -gt 0 ] || fail "no manual page"

say "What is loaded when a setting needs it: recommended, or found missing and named"
printf '%s\n' 'ocsp = on' 'contacts = ldap://ldap.example.com/' >network.cnf
smime-policy --policy network.cnf doctor
apt-get purge -y -q 'libcurl3*' 'libldap*' libpq5
echo 'hub = service=mail' >>network.cnf
! smime-policy --policy network.cnf doctor >doctor.txt || fail "what is missing is no fault"
grep '^fail  library' doctor.txt
for library in libcurl3-gnutls libldap libpq5; do
    grep -q "^fail  library: .*install.*$library" doctor.txt || fail "$library is not named"
done
smime-policy demo

say "The library and its header, beside"
install_from /work/first/libsmimepolicy0_*.deb /work/first/libsmimepolicy-dev_*.deb
[ -e /usr/include/smimepolicy.h ] || fail "no header"

say "Remove: the command goes, the settings stay"
apt-get remove -y -q smime-policy libsmimepolicy0 libsmimepolicy-dev
[ ! -e /usr/bin/smime-policy ] || fail "the command is still there"
[ -e /etc/smime-policy/policy.cnf ] || fail "the settings are gone"
openssl version

say "Purge: the settings go, the keyring stays"
apt-get purge -y -q smime-policy
[ ! -e /etc/smime-policy ] || fail "the settings are still there"
[ -d /root/keyring ] || fail "the keyring is gone"
left=$(find / -xdev \( -path /proc -o -path /work -o -path /root -o -path /src -o -path /var/lib/dpkg \
    -o -path /var/log -o -path /dev \) -prune -o -iname '*smime*policy*' -print)
[ -z "$left" ] || fail "left behind: $left"

say "Installed, upgraded, removed and purged"
