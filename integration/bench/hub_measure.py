#!/usr/bin/python3
# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
"""
hub_measure.py DIRECTORY N HOSTS: what a hub of N contacts with HOSTS hosts costs on this machine, as one
JSON object.  hub.sh calls it, with the certificates in DIRECTORY.  What it does goes to standard error.
"""

import json
import os
import resource
import subprocess
import sys
import threading
import time
from pathlib import Path

from harness import COMMAND, environment
from hubs import Cluster, Fleet, Tap

CHANGES = 100  # whose way to the last host is measured
IDLE = 100  # seconds in which an idle host is watched: three polls
SYNCS = 50  # without a change
TICKS = os.sysconf("SC_CLK_TCK")


def of_children():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def of_processes(cluster, name):
    """A file of /proc of the server and of each of its connections."""
    main = (cluster.data / "postmaster.pid").read_text().split()[0]
    for process in (main, *Path(f"/proc/{main}/task/{main}/children").read_text().split()):
        try:
            yield Path(f"/proc/{process}/{name}").read_text()
        except OSError:  # it has ended
            pass


def of_server(cluster):
    """Processor seconds of the server and of its connections."""
    return sum(sum(map(int, text.rpartition(")")[2].split()[11:15]))
               for text in of_processes(cluster, "stat")) / TICKS


def memory_of_server(cluster):
    """Bytes of the server and all its connections; what they share counts once."""
    return sum(1024 * int(line.split()[1]) for text in of_processes(cluster, "smaps_rollup")
               for line in text.splitlines() if line.startswith("Pss:"))


def size_of(folder):
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def timed(what, host, *words):
    """Run it; its seconds and its processor seconds."""
    before, start = of_children(), time.monotonic()
    host.must(*words)
    took, used = time.monotonic() - start, of_children() - before
    print(f"{what}: {took:.2f} s, {used:.2f} s of a processor", file=sys.stderr, flush=True)
    return took, used


def memory_of(host, *words):
    """The most memory of one run."""
    done = subprocess.run(["/usr/bin/time", "-f", "%M", COMMAND, "--policy", host.policy, "--keyring", host.keyring,
                           *words], env={**environment(), "PGSERVICEFILE": str(host.services)}, check=True,
                          capture_output=True, text=True)
    return 1024 * int(done.stderr.split()[-1])


def measure_copies(cluster, work, count):
    """From one writer to the hub, and from the hub to readers."""
    fleet = Fleet(cluster, work, "default").open()
    writer, reader, counted = fleet.host("writer"), fleet.host("reader", "reader"), fleet.host("counted")
    empty = int(cluster.sql("SELECT pg_database_size('postgres')"))
    timed(f"upload of {count} contacts, local", writer, "upload", "--local", "-q", work / "contacts.pem")
    push = timed("push", writer, "hub", "push")[0]
    hub_size = int(cluster.sql("SELECT pg_database_size('postgres')")) - empty
    copy = timed("first copy", reader, "sync")[0]
    before, server, start = of_children(), of_server(cluster), time.monotonic()
    for _ in range(SYNCS):
        reader.must("sync")
    sync, sync_cpu = (time.monotonic() - start) / SYNCS, (of_children() - before) / SYNCS
    sync_server = (of_server(cluster) - server) / SYNCS
    whole = timed("sync that compares everything", reader, "sync", "--whole")[0]
    front = Tap(work / "front", f"{cluster.folder}/.s.PGSQL.{cluster.port}")
    counted.set(hub=f"postgresql:///postgres?host={front.folder}&user=reader")
    memory = memory_of(counted, "sync")
    wire, front.bytes = front.bytes, 0
    counted.must("sync")
    once = front.bytes
    with subprocess.Popen([COMMAND, "--policy", counted.policy, "--keyring", counted.keyring, "sync", "--follow"],
                          stdout=subprocess.DEVNULL, env={**environment(), "PGSERVICEFILE": str(counted.services)}
                          ) as process:
        time.sleep(5)
        front.bytes = 0
        time.sleep(IDLE)
        idle = front.bytes
        process.terminate()
    return {"push_s": push, "copy_s": copy, "copy_memory": memory, "copy_wire": wire, "whole_s": whole,
            "sync_s": sync, "sync_cpu_s": sync_cpu, "sync_server_cpu_s": sync_server, "sync_wire": once,
            "idle_s": IDLE, "idle_wire": idle, "hub_size": hub_size, "keyring_size": size_of(reader.keyring)}


def follow(fleet, number, told):
    """Start hosts that follow; |told| is called for each line after the first, when all are there."""
    running, ready = [], threading.Barrier(number + 1)

    def read(process):
        process.stdout.readline()
        ready.wait()
        for _ in process.stdout:
            told()

    for i in range(number):
        host = fleet.host(f"{fleet.realm}-{i}", "reader")
        running.append(subprocess.Popen(
            [COMMAND, "--policy", host.policy, "--keyring", host.keyring, "sync", "--follow"], stdout=subprocess.PIPE,
            env={**environment(), "PGSERVICEFILE": str(host.services)}))
        threading.Thread(target=read, args=(running[-1],), daemon=True).start()
    ready.wait()
    return running


def end(running):
    for process in running:
        process.terminate()
        process.wait()


def changes(work, source):
    """Upload one certificate after the other; the seconds of each, before it is visible elsewhere."""
    parts = (work / "few.pem").read_text().split("-----END CERTIFICATE-----\n")
    for part in parts[1:CHANGES + 1]:
        (work / "one.pem").write_text(part + "-----END CERTIFICATE-----\n")
        begun = time.monotonic()
        source.must("upload", work / "one.pem")
        yield time.monotonic() - begun


def measure_changes(cluster, work, number):
    """How long a change takes from its commit to the last of |number| hosts that follow."""
    # A realm of its own: so many copies of the other one would only need disk.
    small = Fleet(cluster, work, "small").open()
    lines, uploads, last, alone = [], [], [], memory_of_server(cluster)
    running = follow(small, number, lambda: lines.append(time.time()))
    memory = (memory_of_server(cluster) - alone) / number
    server = of_server(cluster)
    for took in changes(work, small.host("source", "other")):
        uploads.append(took)
        committed = float(cluster.sql("SELECT extract(epoch FROM pg_xact_commit_timestamp(xmin)) FROM "
                                      "smime_policy.journal WHERE realm = 'small' ORDER BY revision DESC LIMIT 1"))
        while len(lines) < number:
            time.sleep(0.001)
        last.append(max(lines) - committed)
        lines.clear()
    told_cpu = (of_server(cluster) - server) / CHANGES / number
    last.sort()
    end(running)
    return {"upload_s": sorted(uploads)[len(uploads) // 2], "changes": len(last), "visible_median_s": last[len(last) // 2],
            "visible_p99_s": last[int(len(last) * 0.99) - 1], "visible_longest_s": last[-1], "told_server_cpu_s": told_cpu,
            "connection_memory": memory}


def measure_others(cluster, work, number):
    """What a change of one realm costs the server for each host that follows another one."""
    apart, used = Fleet(cluster, work, "apart").open(), []
    for hosts in 0, number:
        source = Fleet(cluster, work, f"lone-{hosts}").open().host(f"lone-{hosts}", "other")
        running = follow(apart, hosts, lambda: None)
        server = of_server(cluster)
        for _ in changes(work, source):
            pass
        used.append(of_server(cluster) - server)
        end(running)
    return {"other_server_cpu_s": max(0, used[1] - used[0]) / CHANGES / number}


def main():
    work, count, number = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    # What a server of today has; durable, as a hub is.
    cluster = Cluster("-c max_connections=300 -c shared_buffers=256MB -c track_commit_timestamp=on").make().start()
    try:
        print(json.dumps({"contacts": count, "hosts": number, "processors": len(os.sched_getaffinity(0)),
                          **measure_copies(cluster, work, count), **measure_changes(cluster, work, number),
                          **measure_others(cluster, work, number)}, indent=1))
    finally:
        cluster.end()


if __name__ == "__main__":
    main()
