# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
"""A hub whose parts die: nothing acknowledged is lost, nothing half is seen, and all hosts agree in the end."""

import contextlib
import json
import os
import resource
import select
import signal
import socket
import subprocess
import threading
import time

import pytest

from faults import starve_each
from harness import COMMAND, PATIENCE, environment, must, run, stock
from hubs import Cluster, Fleet, a_cluster, has_postgres
from test_faults_keyring import Keyring

pytestmark = pytest.mark.slow

DONE, USAGE, INPUT, REFUSED, CRYPTO, SYSTEM = range(6)

cluster = pytest.fixture(scope="module", name="cluster")(a_cluster)
REALMS = iter(range(1000))


@pytest.fixture
def fleet(cluster, tmp_path):
    return Fleet(cluster, tmp_path, f"realm-{next(REALMS)}").open()


@pytest.fixture(scope="module")
def people(tmp_path_factory):
    """Certificates of 64 people, of one key."""
    folder = tmp_path_factory.mktemp("people")
    key = folder / "key"
    must(stock("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", key))
    for i in range(64):
        must(stock("req", "-x509", "-key", key, "-subj", f"/CN=p{i}", "-days", 30, "-addext",
                   f"subjectAltName=email:p{i}@example.org", "-addext", "keyUsage=digitalSignature,keyAgreement,"
                   "keyEncipherment", "-addext", "basicConstraints=critical,CA:FALSE", "-out", folder / f"{i}.pem"))
    return [folder / f"{i}.pem" for i in range(64)]


def start(host, *words):
    """Start the command, without waiting for it."""
    return subprocess.Popen([COMMAND, "--policy", host.policy, "--keyring", host.keyring, *map(str, words)],
                            env={**environment(), "PGSERVICEFILE": str(host.services), **host.env},
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def held(host):
    """The common names of what a host holds."""
    return {row[0] for row in host.rows()}


def check_sums(cluster, realm):
    """Number and digest of the hub are those of its rows, and the journal tells the same."""
    assert cluster.sql(
        "SELECT r.certificates = count(c.*) AND r.digest = coalesce(bit_xor(smime_policy.bits_of(c.sum)), "
        "repeat('0', 256)::bit(256)) FROM smime_policy.realm r LEFT JOIN smime_policy.certificate c USING (realm) "
        f"WHERE r.realm = '{realm}' GROUP BY r.realm, r.certificates, r.digest") == "t"
    assert cluster.sql(
        "SELECT count(*) FROM (SELECT DISTINCT ON (name) name, what FROM smime_policy.journal "
        f"WHERE realm = '{realm}' AND what IN ('certificate', 'removal') ORDER BY name, revision DESC) j FULL JOIN "
        f"(SELECT * FROM smime_policy.certificate WHERE realm = '{realm}') c ON c.fingerprint = j.name "
        "WHERE (j.what = 'certificate') IS DISTINCT FROM (c.fingerprint IS NOT NULL)") == "0"


def test_writers_that_are_killed(fleet, people, cluster):
    """Killed at any moment, an upload is there whole or not at all."""
    hosts = [fleet.host(f"h{i}") for i in range(4)]
    for number, paths in enumerate(zip(*[iter(people)] * 4)):
        process = start(hosts[number % 4], "upload", *paths)
        time.sleep(0.01 * number)  # the moment is any; nothing depends on it
        process.kill()
        process.communicate()
    reader = fleet.host("reader", "reader")
    reader.must("sync")
    names = held(reader)
    for number in range(16):
        group = {f"p{number * 4 + i}" for i in range(4)}
        assert group <= names or not group & names
    check_sums(cluster, fleet.realm)
    for host in hosts:
        host.must("sync")
        assert held(host) == names
        host.must("keyring", "check")


def test_a_sync_that_is_killed(fleet, people):
    """The copy is as before or as after, and the next sync mends it."""
    writer = fleet.host("writer")
    writer.must("upload", *people)
    for number in range(12):
        host = fleet.host(f"s{number}", "reader")
        process = start(host, "sync")
        time.sleep(0.01 * number)
        process.kill()
        process.communicate()
        assert len(held(host)) in (0, 64)
        host.must("sync")
        assert len(held(host)) == 64
        host.must("keyring", "check")


def test_a_server_that_is_killed(tmp_path, people):
    """It comes back with what it has acknowledged."""
    if not has_postgres():
        pytest.skip("PostgreSQL is not installed")
    own = Cluster(options="-c max_connections=50").make().start()
    try:
        fleet = Fleet(own, tmp_path, "default").open()
        hosts = [fleet.host(f"h{i}") for i in range(8)]
        acknowledged = set()
        for round_ in range(4):
            running = [(host, start(host, "upload", people[round_ * 8 + i])) for i, host in enumerate(hosts)]
            if round_ % 2:
                time.sleep(0.05)
                own.command("pg_ctl", "-D", own.data, "-m", "immediate", "stop")
                own.start()
            for i, (_, process) in enumerate(running):
                process.communicate()
                if process.returncode == DONE:
                    acknowledged.add(f"p{round_ * 8 + i}")
        for host in hosts:
            host.must("sync")
        assert acknowledged and acknowledged <= held(hosts[0])
        assert all(held(host) == held(hosts[0]) for host in hosts)
        check_sums(own, "default")
    finally:
        own.end()


def test_a_promotion_under_sixteen_writers(tmp_path, people):
    """The primary dies, its standby takes over, and every host ends with the same; the epoch is another."""
    if not has_postgres():
        pytest.skip("PostgreSQL is not installed")
    options = "-c fsync=off -c max_connections=100 -c wal_level=replica -c hot_standby=on"
    primary, standby = Cluster(options, tcp=True), Cluster(options, tcp=True)
    try:
        primary.make()
        with open(primary.data / "pg_hba.conf", "a", encoding="utf-8") as rules:
            rules.write("host replication all 127.0.0.1/32 trust\n")
        primary.start()
        primary.command("pg_basebackup", "-h", primary.folder, "-p", primary.port, "-U", "postgres", "-D", standby.data,
                        "-R", "-c", "fast")
        standby.start()
        primary.sql("ALTER SYSTEM SET synchronous_standby_names = '*'")
        primary.stop("fast")
        primary.start()
        fleet = Fleet(primary, tmp_path, "default")
        servers = f"127.0.0.1:{primary.port},127.0.0.1:{standby.port}"
        admin = fleet.host("admin", hub=f"postgresql://postgres@{servers}/postgres")
        admin.must("hub", "init")
        assert not admin.json("hub", "status")["single"]
        primary.sql("CREATE ROLE writer LOGIN; GRANT smime_policy_writer TO writer; "
                    "INSERT INTO smime_policy.admission VALUES ('default', 'writer')")
        hosts = [fleet.host(f"h{i}", hub=f"postgresql://writer@{servers}/postgres") for i in range(16)]
        before = hosts[0].json("sync")["epoch"]
        acknowledged, lock, queue = set(), threading.Lock(), list(enumerate(people))

        def work(host):
            while True:
                with lock:
                    if not queue:
                        return
                    number, path = queue.pop()
                end = time.monotonic() + PATIENCE / 2
                while (result := host.call("upload", path)).rc != DONE:
                    assert time.monotonic() < end, result
                    time.sleep(0.1)
                with lock:
                    acknowledged.add(f"p{number}")

        writers = [threading.Thread(target=work, args=(host,)) for host in hosts]
        for writer in writers:
            writer.start()
        while len(acknowledged) < 8:
            time.sleep(0.05)
        primary.stop("immediate")
        standby.command("pg_ctl", "-D", standby.data, "-w", "promote")
        standby.sql("ALTER SYSTEM RESET synchronous_standby_names")
        standby.sql("SELECT pg_reload_conf()")
        for writer in writers:
            writer.join()
        assert len(acknowledged) == 64
        told = [host.json("sync") for host in hosts]
        assert {row["epoch"] for row in told} == {told[0]["epoch"]} and told[0]["epoch"] != before
        for host in hosts:
            assert acknowledged <= held(host)
            host.must("keyring", "check")
        check_sums(standby, "default")
    finally:
        standby.end()
        primary.end()


class Stalling:
    """A proxy that lets so many bytes of the server through, and then holds all back."""

    def __init__(self, target, most):
        self.target, self.left = target, most
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            server = socket.socket(socket.AF_UNIX)
            server.connect(self.target)
            threading.Thread(target=self._pump, args=(client, server), daemon=True).start()

    def _pump(self, client, server):
        while True:
            for ready in select.select([client, server], [], [])[0]:
                data = ready.recv(256)
                if not data:
                    return
                if ready is server:
                    self.left -= len(data)
                    if self.left < 0:
                        select.select([client], [], [])
                        return
                (client if ready is server else server).sendall(data)


@pytest.mark.parametrize("most", [100, 600, 2500, 6000])
def test_a_network_that_stalls(most, fleet, people, cluster):
    """Wherever it stops, the command ends by itself, and the copy is as before."""
    fleet.host("writer").must("upload", *people)
    host = fleet.host("stalled", "reader")
    proxy = Stalling(f"{cluster.folder}/.s.PGSQL.{cluster.port}", most)
    host.set(hub=f"postgresql://reader@127.0.0.1:{proxy.port}/postgres?connect_timeout=2&sslmode=disable"
                 "&gssencmode=disable")
    assert host.call("sync").rc == SYSTEM
    assert held(host) == set()
    proxy.listener.close()
    host.set(hub="service=reader")
    host.must("sync")
    assert len(held(host)) == 64


def test_a_full_disk_here(fleet, people, tmp_path):
    """The hub has it, and the copy follows when there is room."""
    fleet.host("writer").must("upload", *people)
    host = fleet.host("full", "reader")

    def small():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (20000, 20000))

    done = subprocess.run([COMMAND, "--policy", host.policy, "--keyring", host.keyring, "sync"], check=False,
                          env={**environment(), "PGSERVICEFILE": str(host.services)}, capture_output=True,
                          preexec_fn=small)
    assert done.returncode == SYSTEM, done
    assert held(host) == set()
    host.must("sync")
    assert len(held(host)) == 64


@pytest.fixture
def small_disk(cluster):
    """A file system of 12 MB."""
    folder = cluster.folder / "small"
    folder.mkdir()
    if run("mount", "-t", "tmpfs", "-o", "size=12m,mode=755,uid=postgres", "none", folder).rc != DONE:
        pytest.skip("nothing can be mounted here")
    yield folder
    must(run("umount", folder))


def fill(folder):
    """Write until nothing fits any more: how much that is depends on what the server writes meanwhile."""
    with open(folder / "filler", "wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(1 << 16))


def test_a_full_disk_of_the_hub(cluster, people, small_disk, tmp_path):
    """Who is told that it was stored finds it again; nobody else's is there, and with room all goes on."""
    cluster.sql(f"CREATE TABLESPACE small LOCATION '{small_disk}'")
    cluster.sql("CREATE DATABASE small TABLESPACE small")
    try:
        hub = f"postgresql:///small?host={cluster.folder}&user=postgres"
        fleet = Fleet(cluster, tmp_path, "default")
        one, two = fleet.host("one", hub=hub), fleet.host("two", hub=hub)
        one.must("hub", "init", "--single")
        cluster.sql("INSERT INTO smime_policy.admission VALUES ('default', 'postgres')", "small")
        one.must("upload", people[0])
        fill(small_disk)
        stored = {"p0"}
        for i in range(1, 64):
            result = one.call("upload", people[i])
            if result.rc != DONE:
                break
            stored.add(f"p{i}")
        assert result.rc == SYSTEM and "No space left" in result.text, result
        two.must("sync")
        assert held(one) == held(two) == stored
        (small_disk / "filler").unlink()
        one.must("upload", *people)
        two.must("sync")
        assert len(held(two)) == 64
    finally:
        cluster.sql("DROP DATABASE small WITH (FORCE)")
        cluster.sql("DROP TABLESPACE small")


class Syncing(Keyring):
    """`sync` on a copy of a keyring.  A contact is noted if all was done, and not before."""

    def __init__(self, host, model, *words):
        self.env = {"PGSERVICEFILE": host.services}
        self.contact = model / "hub-contact" if model else None
        super().__init__(model, ["--policy", host.policy, "sync", *words], changes=True,
                         makes=() if model else ["keyring/hub-contact"])

    def is_as_before(self, room):
        now = room.at / "keyring" / "hub-contact"
        return now.stat().st_mtime_ns == self.contact.stat().st_mtime_ns if self.contact else not now.exists()

    def is_done(self, room, result):
        return super().is_done(room, result) and not (result.rc == DONE and self.is_as_before(room))

    def is_undone(self, room, result):
        return super().is_undone(room, result) and self.is_as_before(room)


def test_memory_that_fails_in_sync(fleet, people, starve):
    """Each allocation once, in a first copy and in one that follows: the copy is as before or as after."""
    writer, reader = fleet.host("writer"), fleet.host("reader", "reader")
    writer.must("upload", *people[:3])
    assert starve_each(Syncing(reader, None), starve) > 10
    reader.must("sync")
    writer.must("remove", "p1@example.org")
    writer.must("upload", people[3])
    for words in (), ("--json",), ("--whole",):
        assert starve_each(Syncing(reader, reader.keyring, *words), starve) > 10


def test_two_hundred_hosts(fleet, people):
    """All of them at once, and each has the whole."""
    writer = fleet.host("writer")
    writer.must("upload", *people)
    hosts = [fleet.host(f"n{i}", "reader") for i in range(200)]
    running = [start(host, "sync", "--json") for host in hosts]
    told = [json.loads(process.communicate()[0]) for process in running]
    assert {(row["certificates"], row["revision"], row["done"]) for row in told} == {(64, 1, True)}


def test_clocks_that_differ(fleet, people):
    """Revisions do not follow clocks: a host whose clock is wrong gets all the same."""
    writer, reader = fleet.host("writer"), fleet.host("reader", "reader")
    writer.must("upload", people[0])
    for clock in "-3d", "+3d":
        done = run("faketime", "-f", clock, COMMAND, "--policy", reader.policy, "--keyring", reader.keyring, "sync",
                   env={"PGSERVICEFILE": reader.services})
        assert done.rc == DONE, done
    writer.must("upload", people[1])
    reader.must("sync")
    assert len(held(reader)) == 2 and os.path.exists(reader.keyring / "hub-contact")
