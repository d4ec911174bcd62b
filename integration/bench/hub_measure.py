#!/usr/bin/python3
# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
"""
hub_measure.py [--rows] DIRECTORY N HOSTS FULL: what a hub of N contacts costs on this machine, as one JSON
object.  HOSTS hosts follow a small realm, and FULL hosts the realm with the contacts.  With --rows the hub
gets the contacts as rows from make_contacts, and not by a push.  hub.sh calls it.  What it does goes to
standard error.
"""

import json
import os
import random
import resource
import shutil
import statistics
import subprocess
import sys
import threading
import time
from pathlib import Path

from harness import BUILD, COMMAND, environment, must, run
from hubs import PROGRAMS, Cluster, Fleet, Tap

FEW = 10000  # contacts of the realm that the large one is compared with
BATCH = 10 ** 6  # rows of one transaction
CHANGES = 100  # whose way to the last host is measured
IDLE = 100  # seconds in which an idle host is watched: three polls
SYNCS = 50  # without a change
ROUNDS = 15  # of look-ups, in turns
LOOKUPS = 2000  # of one round
MAKE_CONTACTS = BUILD / "tests" / "keyring" / "make_contacts"
LOOK_UP = BUILD / "tests" / "keyring" / "bench_lookup"
TICKS = os.sysconf("SC_CLK_TCK")


def of_children():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def of_machine():
    """Processor seconds of everything that runs here."""
    user, nice, system = Path("/proc/stat").read_text().split()[1:4]
    return (int(user) + int(nice) + int(system)) / TICKS


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


def contacts(path, *words):
    with path.open("wb") as file:
        subprocess.run([MAKE_CONTACTS, *map(str, words)], stdout=file, check=True)
    return path


def timed(cluster, what, host, *words):
    """Run it.  Its seconds, its processor seconds and those of the server, and its memory."""
    before, server, start = of_children(), of_server(cluster), time.monotonic()
    done = subprocess.run(["/usr/bin/time", "-f", "%M", COMMAND, "--policy", host.policy, "--keyring", host.keyring,
                           *words], env={**environment(), "PGSERVICEFILE": str(host.services)}, check=True,
                          capture_output=True, text=True)
    took = {"s": time.monotonic() - start, "cpu_s": of_children() - before, "server_cpu_s": of_server(cluster) - server,
            "memory": 1024 * int(done.stderr.split()[-1])}
    print(f"{what}: {json.dumps(took)}", file=sys.stderr, flush=True)
    return took


def named(name, took, *keys):
    return {f"{name}_{key}": took[key] for key in keys or ("s", "cpu_s", "server_cpu_s")}


def psql(cluster, login):
    return [PROGRAMS / "psql", "-h", cluster.folder, "-U", login, "-d", "postgres", "-qAtX", "-v", "ON_ERROR_STOP=1"]


def vacuum(cluster):
    """What the server does by itself after a while; it may take long."""
    subprocess.run([*psql(cluster, "postgres"), "-c", "VACUUM (ANALYZE)"], env=environment(), check=True)


def push(cluster, work, fleet, count):
    """A keyring of |count| contacts is pushed."""
    writer = fleet.host(f"{fleet.realm}-writer")
    pem = contacts(work / "contacts.pem", count)
    timed(cluster, f"upload of {count} contacts, local", writer, "upload", "--local", "-q", pem)
    pem.unlink()
    took = timed(cluster, "push", writer, "hub", "push")
    shutil.rmtree(writer.keyring)
    return named("push", took)


def committed(cluster, fleet, revision):
    """When the "first" or the "last" revision of the realm was committed, in seconds."""
    order = {"first": "ASC", "last": "DESC"}[revision]
    return float(cluster.sql("SELECT extract(epoch FROM pg_xact_commit_timestamp(xmin)) FROM smime_policy.journal "
                             f"WHERE realm = '{fleet.realm}' ORDER BY revision {order} LIMIT 1"))


def fill(cluster, fleet, count):
    """Put |count| contacts there as rows, in several transactions; how fast those after the first one came."""
    turns = [(first, min(BATCH, count - first)) for first in range(0, count, BATCH)]

    def batches(number):
        while turns and number > 0:
            first, some = turns.pop(0)
            number -= 1
            with subprocess.Popen(psql(cluster, "writer"), stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
                                  env=environment()) as client:
                client.stdin.write(b"BEGIN; COPY smime_policy.incoming (what, name, payload, role, origin, uploaded, addresses,"
                                 b" narrowed) FROM STDIN;\n")
                client.stdin.flush()
                subprocess.run([MAKE_CONTACTS, "--rows", str(some), str(first)], stdout=client.stdin, check=True)
                client.stdin.write(f"\\.\nSELECT smime_policy.publish('{fleet.realm}');\nCOMMIT;\n".encode())
            print(f"rows from {first}: {client.returncode}", file=sys.stderr, flush=True)

    # After the first one the server has to learn that the realm is no longer empty.
    batches(1)
    vacuum(cluster)
    workers = [threading.Thread(target=batches, args=(len(turns),)) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    held = int(cluster.sql(f"SELECT certificates FROM smime_policy.realm WHERE realm = '{fleet.realm}'"))
    assert held == count, held
    took = committed(cluster, fleet, "last") - committed(cluster, fleet, "first")
    return {"rows_a_second": (count - BATCH) / took} if count > BATCH else {}


class Idle:
    """A host that follows and hears nothing, beside all else."""

    def __init__(self, host, front):
        self.result, self.thread = {}, threading.Thread(target=self._watch, args=(host, front))
        self.thread.start()

    def _watch(self, host, front):
        with subprocess.Popen([COMMAND, "--policy", host.policy, "--keyring", host.keyring, "sync", "--follow"],
                              stdout=subprocess.DEVNULL, env={**environment(), "PGSERVICEFILE": str(host.services)}
                              ) as process:
            time.sleep(5)
            front.bytes = 0
            time.sleep(IDLE)
            self.result = {"idle_s": IDLE, "idle_wire": front.bytes}
            process.terminate()

    def end(self):
        self.thread.join()
        return self.result


def measure_few(cluster, work):
    """A realm of FEW contacts: what goes over the wire, and a host to compare look-ups with."""
    fleet = Fleet(cluster, work, "few").open()
    counted = fleet.host("counted")
    push(cluster, work, fleet, FEW)
    front = Tap(work / "front", f"{cluster.folder}/.s.PGSQL.{cluster.port}")
    counted.set(hub=f"postgresql:///postgres?host={front.folder}&user=reader")
    counted.must("sync")
    wire, front.bytes = front.bytes, 0
    counted.must("sync")
    return {"few": FEW, "copy_wire": wire / FEW, "sync_wire": front.bytes}, counted, front


def milliseconds(policy, keyring, number):
    """Of a processor, for one mail."""
    before = of_children()
    must(run(COMMAND, "--policy", policy, "--keyring", keyring, "encrypt", "--to",
             f"contact{number:010}@example.org", stdin=b"Subject: a\n\n" + b"a line\n" * 1000))
    return (of_children() - before) * 1000


def measure_look_ups(work, few, host, count):
    """In the copy and in the small one; and with the hub and without it, in the same keyring."""
    alone = work / "alone.cnf"
    alone.write_text("\n".join(line for line in host.policy.read_text().splitlines() if not line.startswith("hub")))
    taken = {"few": [], "many": [], "hub": [], "alone": []}
    for turn in range(ROUNDS + 1):  # the first warms the page cache
        number = random.randrange(count)
        for name, value in (
                ("few", float(must(run(LOOK_UP, few.keyring, FEW, "address", LOOKUPS)).out)),
                ("many", float(must(run(LOOK_UP, host.keyring, count, "address", LOOKUPS)).out)),
                ("hub", milliseconds(host.policy, host.keyring, number)),
                ("alone", milliseconds(alone, host.keyring, number))):
            taken[name] += [value] * (turn > 0)
    median = {name: statistics.median(values) for name, values in taken.items()}
    return {"look_up_us": median["many"], "look_up_few_us": median["few"],
            "encrypt_ms": median["hub"], "encrypt_alone_ms": median["alone"]}


def measure_copies(cluster, work, count, rows):
    """From one writer to the hub, and from the hub to readers."""
    measured, counted, front = measure_few(cluster, work)
    idle = Idle(counted, front)
    fleet = Fleet(cluster, work, "default").open()
    reader = fleet.host("reader", "reader")
    vacuum(cluster)
    empty = int(cluster.sql("SELECT pg_database_size('postgres')"))
    measured |= fill(cluster, fleet, count) if rows else push(cluster, work, fleet, count)
    vacuum(cluster)
    measured["hub_size"] = int(cluster.sql("SELECT pg_database_size('postgres')")) - empty
    measured |= idle.end()
    measured |= named("copy", timed(cluster, "first copy", reader, "sync"), "s", "cpu_s", "server_cpu_s", "memory")
    before, server, start = of_children(), of_server(cluster), time.monotonic()
    for _ in range(SYNCS):
        reader.must("sync")
    measured |= {"sync_s": (time.monotonic() - start) / SYNCS, "sync_cpu_s": (of_children() - before) / SYNCS,
                 "sync_server_cpu_s": (of_server(cluster) - server) / SYNCS}
    measured |= named("whole", timed(cluster, "sync that compares everything", reader, "sync", "--whole"))
    measured["keyring_size"] = size_of(reader.keyring)
    measured |= measure_look_ups(work, counted, reader, count)
    return measured, fleet, reader


def follow(hosts, told, first=lambda: None):
    """Let |hosts| follow; |told| is called for each line after the first, when all are there.  A host that
    has the whole is silent until |first| has changed something."""
    running, ready = [], threading.Barrier(len(hosts) + 1)

    def read(process):
        process.stdout.readline()
        ready.wait()
        for _ in process.stdout:
            told()

    for host in hosts:
        running.append(subprocess.Popen(
            [COMMAND, "--policy", host.policy, "--keyring", host.keyring, "sync", "--follow"], stdout=subprocess.PIPE,
            env={**environment(), "PGSERVICEFILE": str(host.services)}))
        threading.Thread(target=read, args=(running[-1],), daemon=True).start()
    first()
    ready.wait()
    return running


def end(running):
    for process in running:
        process.terminate()
        process.wait()


def hosts_of(fleet, number):
    return [fleet.host(f"{fleet.realm}-{i}", "reader") for i in range(number)]


def changes(work, source, first):
    """Upload one certificate after the other; the seconds of each, before it is visible elsewhere."""
    for number in range(first, first + CHANGES):
        one = contacts(work / "one.pem", 1, number)
        begun = time.monotonic()
        source.must("upload", one)
        yield time.monotonic() - begun


def until_visible(cluster, work, fleet, source, hosts, first):
    """Seconds from the commit of each change to the last of |hosts| that follow, and more."""
    lines, uploads, last, alone = [], [], [], memory_of_server(cluster)
    running = follow(hosts, lambda: lines.append(time.time()),
                     lambda: source.must("upload", contacts(work / "one.pem", 1, first)))
    memory = (memory_of_server(cluster) - alone) / len(hosts)
    server = of_server(cluster)
    for took in changes(work, source, first + 1):
        uploads.append(took)
        begun = committed(cluster, fleet, "last")
        while len(lines) < len(hosts):
            time.sleep(0.001)
        last.append(max(lines) - begun)
        lines.clear()
    server = of_server(cluster) - server
    end(running)
    last.sort()
    return {"upload_s": statistics.median(uploads), "visible_median_s": last[len(last) // 2],
            "visible_p99_s": last[int(len(last) * 0.99) - 1], "visible_longest_s": last[-1],
            "told_server_cpu_s": server / CHANGES / len(hosts), "connection_memory": memory}


def measure_changes(cluster, work, number):
    """How long a change takes from its commit to the last of |number| hosts that follow."""
    # A realm of its own: so many copies of the other one would only need disk.
    small = Fleet(cluster, work, "small").open()
    return {"changes": CHANGES, **until_visible(cluster, work, small, small.host("source", "other"),
                                                hosts_of(small, number), 0)}


def measure_full(cluster, work, fleet, reader, full, count):
    """The same for hosts that have all contacts.  Their keyrings are copies of the first one's."""
    hosts = hosts_of(fleet, full)
    source = fleet.host("full-source", "other")
    for host in (*hosts[1:], source):
        shutil.copytree(reader.keyring, host.keyring)
    reader.keyring.rename(hosts[0].keyring)
    took = until_visible(cluster, work, fleet, source, hosts, count)
    return {f"full_{key}": took[key] for key in ("upload_s", "visible_median_s", "visible_p99_s", "visible_longest_s")}


def measure_others(cluster, work, number):
    """What a change of one realm costs the server for each host that follows another one."""
    apart, used = Fleet(cluster, work, "apart").open(), []
    for hosts in 0, number:
        source = Fleet(cluster, work, f"lone-{hosts}").open().host(f"lone-{hosts}", "other")
        running = follow(hosts_of(apart, hosts), lambda: None)
        server = of_server(cluster)
        for _ in changes(work, source, 0):
            pass
        used.append(of_server(cluster) - server)
        end(running)
    return {"other_server_cpu_s": max(0, used[1] - used[0]) / CHANGES / number}


def main():
    rows = sys.argv[1] == "--rows"
    work, count, number, full = (function(word) for function, word in zip((Path, int, int, int), sys.argv[1 + rows:]))
    start, busy = time.monotonic(), of_machine()
    # What a server of today has; durable, as a hub is.
    cluster = Cluster("-c max_connections=300 -c shared_buffers=1GB -c max_wal_size=4GB "
                      "-c track_commit_timestamp=on").make().start()
    try:
        copies, fleet, reader = measure_copies(cluster, work, count, rows)
        print(json.dumps(copies), file=sys.stderr, flush=True)
        if full > 0:
            copies |= {"full": full, **measure_full(cluster, work, fleet, reader, full, count)}
        if number > 0:
            copies |= {"hosts": number, **measure_changes(cluster, work, number), **measure_others(cluster, work, number)}
        ours = of_children() + of_server(cluster) + time.process_time()
        print(json.dumps({"contacts": count, "rows": rows, "processors": len(os.sched_getaffinity(0)), **copies,
                          "others": (of_machine() - busy - ours) / (time.monotonic() - start)}, indent=1))
    finally:
        cluster.end()


if __name__ == "__main__":
    main()
