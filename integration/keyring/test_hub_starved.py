# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
"""Writing through the hub when memory runs out: each allocation fails once, and hub and host agree in the end."""

import hashlib
import itertools
import sqlite3

import pytest

from crl_maker import Ca, entry
from faults import DONE, starve_each
from hubs import Fleet, Host, a_cluster
from test_faults_keyring import CRLS, Keyring, state
from test_hub_faults import Syncing, check_sums

pytestmark = pytest.mark.slow

cluster = pytest.fixture(scope="module", name="cluster")(a_cluster)
NUMBERS = itertools.count()

COPY = """
INSERT INTO smime_policy.realm SELECT '{new}', revision, oldest, certificates, digest, crls, crl_digest
  FROM smime_policy.realm WHERE realm = '{old}';
INSERT INTO smime_policy.admission SELECT '{new}', login FROM smime_policy.admission WHERE realm = '{old}';
INSERT INTO smime_policy.certificate SELECT '{new}', fingerprint, revision, sum, payload, role, origin, uploaded,
  addresses, narrowed FROM smime_policy.certificate WHERE realm = '{old}';
INSERT INTO smime_policy.journal SELECT '{new}', revision, ordinal, epoch, what, name, payload, role, origin, uploaded,
  addresses, narrowed, who, made FROM smime_policy.journal WHERE realm = '{old}';
INSERT INTO smime_policy.private_key SELECT '{new}', key, revision, pkcs8, uri FROM smime_policy.private_key
  WHERE realm = '{old}';
INSERT INTO smime_policy.crl SELECT '{new}', name, revision, content, delta, pieces FROM smime_policy.crl
  WHERE realm = '{old}';
INSERT INTO smime_policy.crl_piece SELECT '{new}', pieces, number, bytes FROM smime_policy.crl_piece
  WHERE realm = '{old}';
"""


class Writing(Keyring):
    """A command that writes through, on a copy of a keyring; each run has a copy of the realm."""

    def __init__(self, cluster, host, realm, *words, changes=True):
        self.cluster, self.host = cluster, host
        self.env = {"PGSERVICEFILE": host.services}
        self.realm = realm
        self.revision = self._revision(self.realm)
        super().__init__(host.keyring, words, changes=changes)

    def _revision(self, realm):
        return self.cluster.sql(f"SELECT revision FROM smime_policy.realm WHERE realm = '{realm}'")

    def furnish(self, room):
        super().furnish(room)
        room.realm = f"{self.realm}-{next(NUMBERS)}"
        self.cluster.sql("BEGIN; " + COPY.format(old=self.realm, new=room.realm) + "COMMIT")
        with sqlite3.connect(room.at / "keyring" / "certificates.db") as db:
            db.execute("UPDATE hub SET realm = ?", (room.realm,))
        db.close()
        (room.at / "policy.cnf").write_text(self.host.policy.read_text().replace(
            f"hub_realm = {self.realm}\n", f"hub_realm = {room.realm}\n"))

    def words(self, room):
        return ["--policy", room.at / "policy.cnf", *super().words(room)]

    def complaint(self, room, result, failed):
        check_sums(self.cluster, room.realm)
        if self._revision(room.realm) == self.revision:
            return "success, and the hub has it not" if result.rc == DONE else super().complaint(room, result, failed)
        if result.rc == DONE or result.rc not in self.codes:
            return super().complaint(room, result, failed)
        # The hub has it: the next sync brings the rest.
        synced = Host(room.at / "policy.cnf", room.at / "keyring", self.host.services).call("sync")
        if synced.rc != DONE or state(room.at / "keyring") != self._new:
            return f"the hub has it, and the host has not: {synced}"
        return self._check(room.at / "keyring")


@pytest.fixture(scope="module")
def hosts(cluster, tmp_path_factory, pki):
    """A host that may have keys and has a CA, its CRL and an identity, all of the hub; and its files."""
    at = tmp_path_factory.mktemp("hosts")
    fleet = Fleet(cluster, at, "model").open()
    ca = Ca(at, "Issuer")
    for name, made in (("old", ca.crl(entry(7))), ("new", ca.crl(*map(entry, range(100)), crl_number=2))):
        (at / name).write_bytes(made)
        CRLS[name] = hashlib.sha256(made).digest()
    for word in "first", "second":
        (at / word).write_text(word + "\n")
    host = fleet.host("host", "keeper")
    host.must("upload", ca.pem, at / "old")
    host.must("upload", "--passout", f"file:{at / 'first'}", pki.good_rsa.pem, pki.good_rsa.key)
    host.must("sync")
    return fleet, host, ca, at


@pytest.mark.parametrize("name", ["certificate and CRL", "remove a CRL", "key", "passphrase"])
def test_writing(name, hosts, cluster, pki, starve):
    fleet, host, ca, at = hosts
    first, second = (f"file:{at / word}" for word in ("first", "second"))
    words, changes = {
        "certificate and CRL": (["upload", pki.good_chain.pem, at / "new"], True),
        "remove a CRL": (["remove", "--crls", ca.fingerprint()], True),
        "key": (["upload", "--passout", second, pki.good_p256.pem, pki.good_p256.key], True),
        "passphrase": (["keyring", "passphrase", "--passin", first, "--passout", second, "good_rsa@example.com"],
                       False),
    }[name]
    assert starve_each(Writing(cluster, host, fleet.realm, *words, changes=changes), starve) > 10


def test_reading_a_crl(hosts, starve):
    """The CRL that the hub has anew is stored, or the copy is as before."""
    fleet, host, _, at = hosts
    reader = fleet.host("reader", "reader", hub_anchors="yes")
    reader.must("sync")
    host.must("upload", at / "new")
    for words in (), ("--whole",):
        assert starve_each(Syncing(reader, reader.keyring, *words), starve) > 10
