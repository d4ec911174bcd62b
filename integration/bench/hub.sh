#!/bin/bash
# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
#
# hub.sh [N] [HOSTS] [BUILD]: a hub of N contacts (100000) and HOSTS hosts (50) that follow it, on this
# machine: the push, the first copy, a sync without a change, and how long a change takes to be on the
# last host.  Informs, never fails on a number.  As root, with PostgreSQL; N of a million needs 6 GB.
set -euo pipefail

root=$(cd "$(dirname "$0")/../.." && pwd)
n=${1:-100000}
hosts=${2:-50}
build=$(realpath "${3:-${SP_BUILD:-$root/build/release}}")
work=$(mktemp -d "${TMPDIR:-/var/tmp}/hub.XXXXXX")
trap 'rm -rf "$work"' EXIT
export LC_ALL=C SP_BUILD=$build PYTHONPATH=$root/integration/lib SQLITE_TMPDIR=$work

"$build/tests/keyring/make_contacts" "$n" >"$work/contacts.pem"
"$build/tests/keyring/make_contacts" 21 >"$work/few.pem"
/usr/bin/python3 - "$work" "$n" "$hosts" <<'END'
import resource
import subprocess
import sys
import threading
import time
from pathlib import Path

from harness import COMMAND, environment
from hubs import Cluster, Fleet

work, count, number = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
# What a server of today has; durable, as a hub is.
cluster = Cluster("-c max_connections=300 -c shared_buffers=256MB").make().start()


def timed(what, host, *words):
    """Run it; print its seconds, its processor seconds and the memory of the largest child so far."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    host.must(*words)
    took, after = time.monotonic() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    print(f"{what}: {took:.2f} s, {after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime:.2f} s of a "
          f"processor here, largest process so far {after.ru_maxrss // 1024} MB", flush=True)
    return took


try:
    fleet = Fleet(cluster, work, "default").open()
    writer, reader = fleet.host("writer"), fleet.host("reader", "reader")
    timed(f"upload of {count} contacts, local", writer, "upload", "--local", "-q", work / "contacts.pem")
    took = timed("push", writer, "hub", "push")
    print(f"push: {count / took:.0f} certificates a second")
    took = timed("first copy", reader, "sync")
    print(f"first copy: {count / took:.0f} certificates a second")
    timed("sync without a change", reader, "sync")
    timed("sync that compares everything", reader, "sync", "--whole")

    # A realm of its own for those who follow: 50 copies of the other one would only need disk.
    small = Fleet(cluster, work, "small").open()
    lines, ready = [], threading.Barrier(number + 1)

    def follow(process):
        process.stdout.readline()
        ready.wait()
        for _ in process.stdout:
            lines.append(time.monotonic())

    running = []
    for i in range(number):
        host = small.host(f"f{i}", "reader")
        running.append(subprocess.Popen(
            [COMMAND, "--policy", host.policy, "--keyring", host.keyring, "sync", "--follow"], stdout=subprocess.PIPE,
            env={**environment(), "PGSERVICEFILE": str(host.services)}))
        threading.Thread(target=follow, args=(running[-1],), daemon=True).start()
    ready.wait()
    parts = (work / "few.pem").read_text().split("-----END CERTIFICATE-----\n")
    source, last = small.host("source", "other"), []
    for i, part in enumerate(parts[1:21]):
        (work / "one.pem").write_text(part + "-----END CERTIFICATE-----\n")
        lines.clear()
        source.must("upload", work / "one.pem")
        committed = time.monotonic()
        while len(lines) < number:
            time.sleep(0.001)
        last.append(max(max(lines) - committed, 0))
    last.sort()
    print(f"from the writer's end to the last of {number} hosts: median {last[len(last) // 2]:.3f} s, "
          f"longest of {len(last)} {last[-1]:.3f} s")
    for process in running:
        process.terminate()
        process.wait()
finally:
    cluster.end()
END
