# shellcheck shell=bash
# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
#
# roots.sh: bare roots of Debian releases, made with debootstrap from the mirror that apt uses here.
# Mounts are in a namespace of their own and go with the process.  It is sourced, with `sources`
# set to a folder that is seen at /src there, read-only.

mirror() { # LABEL
    # shellcheck disable=SC2016  # for apt-get
    apt-get indextargets --format '$(REPO_URI)' \
        'Created-By: Packages' 'Origin: Debian' "Label: $1" | head -n 1
}

# inside ROOT COMMAND…: run there, with the sources at /src, in a namespace that ends with it.
inside() {
    local root=$1 status=0
    shift
    # shellcheck disable=SC2016  # for the shell in the namespace
    unshare --mount --pid --fork --kill-child bash -ec '
        root=$1 source=$2
        shift 2
        mount --make-rprivate /
        mount -t proc proc "$root/proc"
        mount --rbind /dev "$root/dev"
        mkdir -p "$root/src"
        mount --bind "$source" "$root/src"
        mount -o remount,bind,ro "$root/src"
        # The shell stays, as the first process: Alpine ends when its parent is that one.
        chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 \
            DEBIAN_FRONTEND=noninteractive PYTHONDONTWRITEBYTECODE=1 "$@" || exit $?
        ' inside "$root" "${sources:?}" "$@" &
    child=$!
    wait "$child" || status=$?
    child=
    return "$status"
}

# What was interrupted goes at once, and its mounts with it.
child=
trap '[ -z "$child" ] || kill -KILL "$child" 2>/dev/null || true' EXIT
trap 'exit 1' INT TERM HUP

# bare ROOT SUITE: make it, unless it is there.  No package in it may start a service.
bare() {
    local root=$1 suite=$2 from security
    from=$(mirror Debian)
    security=$(mirror Debian-Security)
    [ -n "$from" ] || { echo 'apt knows no Debian mirror' >&2 && return 1; }
    if [ ! -e "$root/.bootstrapped" ]; then
        rm -rf "$root"
        debootstrap --variant=minbase --include=ca-certificates "$suite" "$root" "$from" || return 1
        touch "$root/.bootstrapped"
    fi
    case $suite in
    bookworm | trixie)
        [ -z "$security" ] || printf 'deb %s %s-security main\n' "$security" "$suite" \
            >"$root/etc/apt/sources.list.d/security.list"
        ;;
    esac
    cp -L /etc/resolv.conf "$root/etc/resolv.conf"
    printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
    chmod +x "$root/usr/sbin/policy-rc.d"
    inside "$root" apt-get -o Acquire::Check-Valid-Until=false update -q
}
