#!/bin/bash
# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
#
# install-packages.sh LIST…: install the Debian packages of the lists, as root, and bring those that
# are there to the newest that apt's sources have: what is tested is what Debian ships today.
#
# Without a network it goes on, with a warning, if everything is there: the lists of packages are then
# as old as they are.  It fails if something has to be fetched and cannot be.
#
# A package that brings a service (slapd, nginx) does not start it.
set -euo pipefail

mapfile -t packages < <(grep -hv '^#' "$@")
export DEBIAN_FRONTEND=noninteractive
# Somebody else's apt is waited for.
apt=(apt-get -q -o DPkg::Lock::Timeout=600 -o Dpkg::Options::=--force-confold)
# The tests make clusters of PostgreSQL's of their own; none is to run because of the package.
conf=/etc/postgresql-common/createcluster.conf
if [ ! -e $conf ] && printf '%s\n' "${packages[@]}" | grep -qx 'postgresql.*'; then
    mkdir -p /etc/postgresql-common
    echo 'create_main_cluster = false' >$conf
fi

services=/usr/sbin/policy-rc.d
if [ ! -e "$services" ]; then
    trap 'rm -f "$services"' EXIT
    printf '#!/bin/sh\nexit 101\n' >"$services"
    chmod 755 "$services"
fi

"${apt[@]}" update --error-on=any ||
    echo "warning: apt cannot read all of its sources; what follows is the newest that it knows of, not of today" >&2
"${apt[@]}" install -y --no-install-recommends "${packages[@]}" || {
    echo "install-packages: apt cannot install the packages of $*; its reason is above" >&2
    exit 1
}
