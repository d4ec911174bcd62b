# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
"""A hub: a real PostgreSQL in a temporary folder, and hosts that share it."""

import json
import os
import pwd
import select
import shutil
import socket
import subprocess
import tempfile
import threading
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from harness import COMMAND, PATIENCE, environment, must, run

PROGRAMS = max(Path("/usr/lib/postgresql").glob("*/bin"), default=Path("/nonexistent"),
               key=lambda path: int(path.parent.name))
# What is tested with this is not what survives a power failure.
FAST = ("-c fsync=off -c full_page_writes=off -c max_connections=300 -c shared_buffers=16MB -c autovacuum=off "
        "-c jit=off -c max_wal_senders=0 -c wal_level=minimal")
LOGINS = {"writer": "smime_policy_writer", "other": "smime_policy_writer",
          "reader": "smime_policy_reader", "keeper": "smime_policy_writer, smime_policy_keys"}


class Cluster:
    """A server on a Unix socket, which runs as `postgres` if we are root.  With |tcp| it has a port of 127.0.0.1, too."""

    def __init__(self, options=FAST, tcp=False):
        self.folder = Path(tempfile.mkdtemp(prefix="sp-hub-", dir="/tmp"))
        self.options, self.port = options, 5432
        # It is bound and does not listen: nobody gets the port but a server that asks for this one.
        self.keeper = socket.socket()
        self.keeper.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if tcp:
            self.options += " -c listen_addresses=127.0.0.1"
            self.keeper.bind(("127.0.0.1", 0))
            self.port = self.keeper.getsockname()[1]
        self.data = self.folder / "data"
        self.server = None
        if os.geteuid() == 0:
            shutil.chown(self.folder, "postgres")
        self.folder.chmod(0o755)

    def command(self, *words):
        """Run one of PostgreSQL's programs as the server's user."""
        user = {"user": "postgres", "group": "postgres", "extra_groups": []} if os.geteuid() == 0 else {}
        return subprocess.run([str(PROGRAMS / words[0]), *map(str, words[1:])], cwd=self.folder, check=True,
                              capture_output=True, timeout=PATIENCE, env=environment(), **user)

    def make(self):
        self.command("initdb", "-D", self.data, "-A", "trust", "-U", "postgres", "--no-sync", "-E", "UTF8")
        return self

    def start(self):
        self.command("pg_ctl", "-D", self.data, "-l", self.folder / "log", "-w", "-t", PATIENCE, "-o",
                     f"-k {self.folder} -p {self.port} -h '' {self.options}", "start")
        return self

    def stop(self, mode="immediate"):
        if (self.data / "postmaster.pid").exists():
            self.command("pg_ctl", "-D", self.data, "-m", mode, "-w", "stop")

    def end(self):
        self.stop()
        self.keeper.close()
        shutil.rmtree(self.folder)

    def sql(self, text, database="postgres"):
        """The rows that SQL gives, as text."""
        done = must(run(PROGRAMS / "psql", "-h", self.folder, "-p", self.port, "-U", "postgres", "-d", database,
                        "-qAtX", "-v", "ON_ERROR_STOP=1", "-c", text))
        return done.out.decode().strip()


@dataclass
class Host:
    """A host: its policy file and its keyring."""

    policy: Path
    keyring: Path
    services: Path
    env: dict = field(default_factory=dict)

    def call(self, *words, **kwargs):
        return run(COMMAND, "--policy", self.policy, "--keyring", self.keyring, *words,
                   env={"PGSERVICEFILE": self.services, **self.env}, **kwargs)

    def must(self, *words, **kwargs):
        return must(self.call(*words, **kwargs))

    def json(self, *words):
        return json.loads(self.must(*words, "--json").out)

    def set(self, **settings):
        """Change settings of its policy file."""
        lines = [line for line in self.policy.read_text().splitlines()
                 if line.partition(" = ")[0] not in settings]
        lines += [f"{key} = {value}" for key, value in settings.items() if value is not None]
        self.policy.write_text("\n".join(lines) + "\n")

    def rows(self):
        """What it holds: fingerprint, role and origin."""
        lines = self.must("list", "--json").out.splitlines() if self.keyring.exists() else []
        return sorted((row["subject"].rpartition("CN=")[2], row["role"], row["origin"])
                      for row in map(json.loads, lines))


class Fleet:
    """Hosts that share a realm of a hub."""

    def __init__(self, cluster, folder, realm):
        self.cluster, self.folder, self.realm = cluster, folder, realm
        self.services = folder / "services"
        self.services.write_text("".join(
            f"[{login}]\nhost={cluster.folder}\nport={cluster.port}\nuser={login}\ndbname=postgres\n"
            for login in ("postgres", *LOGINS)))

    def host(self, name, login="writer", **settings):
        policy = self.folder / f"{name}.cnf"
        settings = {"hub": f"service={login}", "hub_realm": self.realm, **settings}
        policy.write_text("".join(f"{key} = {value}\n" for key, value in settings.items()))
        return Host(policy, self.folder / name, self.services)

    def _admission(self, logins):
        return "INSERT INTO smime_policy.admission VALUES " + ", ".join(
            f"('{self.realm}', '{login}')" for login in logins)

    def admit(self, *logins):
        self.cluster.sql(self._admission(logins))

    def open(self):
        """Make the realm, and admit all logins."""
        self.host("admin", "postgres").must("hub", "init", "--single")
        self.cluster.sql("DO $$ BEGIN " + "".join(
            f"IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{login}') THEN CREATE ROLE {login} LOGIN; "
            f"GRANT {roles} TO {login}; END IF; " for login, roles in LOGINS.items()) + "END $$; "
                         + self._admission(LOGINS))
        return self


def has_postgres():
    try:
        pwd.getpwnam("postgres")
    except KeyError:
        return False
    return PROGRAMS.exists()


def a_cluster():
    """For a fixture: a cluster that runs, and ends with it."""
    if not has_postgres():
        pytest.skip("PostgreSQL is not installed (packages-test.txt)")
    cluster = Cluster()
    try:
        yield cluster.make().start()
    finally:
        cluster.end()


class Tap:
    """A socket in front of the server's that keeps what clients send, and counts the bytes of both directions."""

    def __init__(self, folder, target):
        self.folder, self.target, self.sent, self.bytes = folder, target, bytearray(), 0
        folder.mkdir()
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(folder / ".s.PGSQL.5432"))
        self.listener.listen()
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
                data = ready.recv(1 << 16)
                if not data:
                    client.close()
                    server.close()
                    return
                self.bytes += len(data)
                if ready is client:
                    self.sent += data
                (client if ready is server else server).sendall(data)
