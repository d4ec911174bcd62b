# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
"""CRLs through the hub: each host verifies them again, and their numbers only go up, whatever the hub says."""

import hashlib
import itertools
import json
import os
import signal
import sqlite3
import subprocess
from pathlib import Path

import pytest

from crl_maker import (DAY, NOW, REMOVE, Ca, delta_of, entry, issuer_of_entry, many_entries, scope,
                       serial_of)
from der import subject_of
from harness import COMMAND, environment, run
from hubs import Cluster, Fleet, a_cluster
from test_json import validator

DONE, USAGE, INPUT, REFUSED, CRYPTO, SYSTEM = range(6)
REALMS = itertools.count()
FORM_1 = Path(__file__).parents[2] / "shim" / "tool" / "hub" / "sql" / "1.sql"

cluster = pytest.fixture(scope="module", name="cluster")(a_cluster)


@pytest.fixture(scope="module")
def ca(tmp_path_factory):
    return Ca(tmp_path_factory.mktemp("cas"), "Issuer")


@pytest.fixture
def fleet(cluster, tmp_path):
    return Fleet(cluster, tmp_path, f"realm-{next(REALMS)}").open()


@pytest.fixture
def two(fleet, ca):
    """Two hosts that write; both hold the CA as their own."""
    hosts = fleet.host("one"), fleet.host("two", "other")
    hosts[0].must("upload", ca.pem)
    hosts[1].set(hub_anchors="yes")
    hosts[1].must("sync")
    return hosts


def upload(host, *crls, more=(), rc=DONE):
    paths = []
    for number, crl in enumerate(crls):
        paths.append(host.policy.with_suffix(f".{number}.crl"))
        paths[-1].write_bytes(crl)
    result = host.call("upload", *paths, *more)
    assert result.rc == rc, result
    return result


def crls(host):
    """What a host holds: the number, how many are revoked, and whether the hub has it."""
    lines = host.must("list", "--crls", "--json").out.splitlines()
    told = [json.loads(line) for line in lines]
    for one in told:
        validator("crl", strict=True).validate(one)
    return sorted((one["number"], one["entries"], one["origin"]) for one in told)


def done(host, *words):
    """What a sync has done of CRLs: those of the hub, stored, removed, refused."""
    told = host.json("sync", *words)
    validator("sync", strict=True).validate(told)
    return told["crls"], told["crls_stored"], told["crls_removed"], told["crls_refused"]


def check_sums(cluster, realm):
    assert cluster.sql(
        "SELECT r.crls = count(c.*) AND r.crl_digest = coalesce(bit_xor(smime_policy.bits_of("
        "smime_policy.sum_of_crl(c.name, c.content))), repeat('0', 256)::bit(256)) FROM smime_policy.realm r "
        f"LEFT JOIN smime_policy.crl c USING (realm) WHERE r.realm = '{realm}' GROUP BY r.realm, r.crls, "
        "r.crl_digest") == "t"
    assert cluster.sql(f"SELECT count(*) FROM smime_policy.crl_piece p WHERE realm = '{realm}' AND NOT EXISTS ("
                       "SELECT FROM smime_policy.crl c WHERE c.realm = p.realm AND c.pieces = p.pieces)") == "0"


def test_push_leaves_them_out(two, ca):
    """And says so; one that is the hub's is not counted."""
    one, _ = two
    assert one.json("hub", "push")["crls_kept"] == 0
    upload(one, ca.crl(entry(7)), more=("--local",))
    assert one.json("hub", "push")["crls_kept"] == 1
    assert "1 CRL of this host stays here alone; upload the files" in one.must("hub", "push").text
    upload(one, ca.crl(entry(7), crl_number=9))
    assert one.json("hub", "push")["crls_kept"] == 0 and "alone; upload" not in one.must("hub", "push").text


def test_uploaded_here_is_there(two, ca, cluster, fleet):
    """With a newer one, with a removal, and the journal tells of all three."""
    one, two = two
    assert "of the hub" in (upload(one, ca.crl(entry(7))), one.must("list", "--crls"))[1].text
    assert crls(one) == [("0x1", 1, "hub")]
    assert done(two) == (1, 1, 0, 0) and crls(two) == [("0x1", 1, "hub")]
    assert done(two) == (1, 0, 0, 0)
    upload(two, ca.crl(entry(7), entry(8), crl_number=2))
    assert done(one) == (1, 1, 0, 0) and crls(one) == [("0x2", 2, "hub")]
    status = one.json("hub", "status")
    assert status["crls"] == 1 and "1 CRLs" in one.must("hub", "status").text
    key = json.loads(one.must("list", "--crls", "--json").out)["key"]
    result = one.call("remove", "--crls", "--local", key[:16])
    assert result.rc == USAGE and "is the hub's; leave --local out" in result.text
    one.must("remove", "--crls", key[:16])
    assert crls(one) == [] and done(two) == (0, 0, 1, 0) and crls(two) == []
    assert cluster.sql("SELECT string_agg(what || ' ' || who || ' ' || coalesce(octet_length(payload), 0), ', ' "
                       f"ORDER BY revision) FROM smime_policy.journal WHERE realm = '{fleet.realm}'"
                       ).split(", ")[1:] == ["crl writer 0", "crl other 0", "crl-removal writer 0"]
    check_sums(cluster, fleet.realm)
    for host in one, two:
        host.must("keyring", "check")


def test_with_its_issuer_in_one_upload(fleet, ca):
    """The certificate and its CRL arrive together, where the setting takes the certificate."""
    one, two, three = fleet.host("one"), fleet.host("two", "other", hub_anchors="yes"), fleet.host("three", "reader")
    upload(one, ca.crl(entry(7)), more=[ca.pem])
    assert crls(one) == [("0x1", 1, "hub")] and done(one) == (1, 0, 0, 0)
    assert done(two) == (1, 1, 0, 0) and crls(two) == [("0x1", 1, "hub")]
    assert done(three) == (1, 0, 0, 1) and crls(three) == []


def test_who_does_not_trust_the_issuer(fleet, ca):
    """It is told once and not fetched again, until its issuer is stored here as a ca; then it is taken."""
    one, two = fleet.host("one"), fleet.host("two", "reader")
    upload(one, ca.crl(entry(7)), more=[ca.pem])
    first = two.must("sync")
    assert "note: hub service=reader: the CRL of CN=Issuer is not stored here: its issuer is not stored" in first.err
    # A person uploads the ca here alone: the next sync takes the CRL that was refused.
    for _ in range(3):
        again = two.must("sync")
    assert "note:" not in again.err and done(two) == (1, 0, 0, 0) and crls(two) == []
    two.must("upload", "--local", ca.pem)
    assert done(two) == (1, 1, 0, 0) and crls(two) == [("0x1", 1, "hub")]
    # And so does a change of the setting.
    three = fleet.host("three", "reader")
    assert done(three) == (1, 0, 0, 1)
    three.set(hub_anchors="yes")
    assert done(three) == (1, 1, 0, 0)


def test_deltas(two, fleet, ca):
    """A fresh host merges the complete one and the delta; a newer complete one ends the delta on the hub."""
    one, two = two
    upload(one, ca.crl(entry(7), entry(8)), ca.crl(entry(9), entry(7, reason=REMOVE), crl_number=2,
                                                   extensions=[delta_of(1)]))
    assert crls(one) == [("0x2", 2, "hub")] and done(two) == (2, 2, 0, 0) and crls(two) == [("0x2", 2, "hub")]
    fresh = fleet.host("fresh", "reader", hub_anchors="yes")
    assert done(fresh) == (2, 2, 0, 0) and crls(fresh) == [("0x2", 2, "hub")]
    assert done(fresh, "--whole") == (2, 0, 0, 1), "the merged one is newer than the complete one"
    upload(two, ca.crl(entry(1), crl_number=3))
    assert done(one) == (1, 1, 0, 0) and crls(one) == [("0x3", 1, "hub")]
    upload(one, ca.crl(entry(4), crl_number=4, extensions=[delta_of(3)]))
    assert done(two) == (2, 1, 0, 0) and crls(two) == [("0x4", 2, "hub")]
    two.must("remove", "--crls", ca_key(two))
    assert done(one) == (0, 0, 1, 0) and crls(one) == [] == crls(two)


def ca_key(host):
    return json.loads(host.must("list", "--crls", "--json").out.splitlines()[0])["key"]


def replace(cluster, realm, crl):
    """A hub that lies: it has another CRL under the same name, and all sums fit."""
    digest = hashlib.sha256(crl).hexdigest()
    cluster.sql(
        f"UPDATE smime_policy.crl SET content = '\\x{digest}' WHERE realm = '{realm}'; "
        f"UPDATE smime_policy.crl_piece SET bytes = '\\x{crl.hex()}' WHERE realm = '{realm}'; "
        "UPDATE smime_policy.realm r SET revision = revision + 1, crl_digest = (SELECT bit_xor(smime_policy.bits_of("
        "smime_policy.sum_of_crl(c.name, c.content))) FROM smime_policy.crl c WHERE c.realm = r.realm) "
        f"WHERE realm = '{realm}'")


def test_no_way_back(two, ca, cluster, fleet):
    """A hub that lies offers an older CRL; it takes the new one away first; neither brings the old one back."""
    one, two = two
    old = ca.crl(entry(7), this=NOW - 2 * DAY)
    upload(one, ca.crl(entry(7), entry(8), crl_number=2))
    two.must("sync")
    replace(cluster, fleet.realm, old)
    result = two.must("sync")
    assert "not stored here: a newer one of its issuer is stored" in result.err
    assert crls(two) == [("0x2", 2, "here")]
    replace(cluster, fleet.realm, ca.crl(entry(7), entry(8), crl_number=2))
    two.must("sync")
    assert crls(two)[0][:2] == ("0x2", 2)
    two.must("sync", "--whole")
    one.must("sync", "--whole")
    one.must("remove", "--crls", ca_key(one))
    assert done(two) == (0, 0, 1, 0)
    upload(one, old)
    result = two.must("sync")
    assert "a newer one was stored before it was removed" in result.err and crls(two) == []
    assert done(two) == (1, 0, 0, 0)
    upload(one, ca.crl(entry(9), crl_number=3))
    assert done(two) == (1, 1, 0, 0) and crls(two) == [("0x3", 1, "hub")]


LIES = {
    "another content": ("UPDATE smime_policy.crl_piece SET bytes = set_byte(bytes, 60, get_byte(bytes, 60) # 1) "
                        "WHERE realm = '{realm}'", "has not the SHA-256"),
    "no content": ("DELETE FROM smime_policy.crl_piece WHERE realm = '{realm}'", "has not the SHA-256"),
    "another name": ("UPDATE smime_policy.crl SET name = sha256('x') WHERE realm = '{realm}'; "
                     "UPDATE smime_policy.realm r SET crl_digest = (SELECT smime_policy.bits_of(smime_policy.sum_of_crl("
                     "name, content)) FROM smime_policy.crl c WHERE c.realm = r.realm) WHERE realm = '{realm}'",
                     "not the one that its row names"),
    "a delta": ("UPDATE smime_policy.crl SET delta = true WHERE realm = '{realm}'", "not the one that its row names"),
    "one that is missing": ("DELETE FROM smime_policy.crl WHERE realm = '{realm}'", "not as many"),
    "a count": ("UPDATE smime_policy.realm SET crls = 7 WHERE realm = '{realm}'", "not as many"),
}


def revision(host):
    with sqlite3.connect(host.keyring / "certificates.db") as db:
        return db.execute("SELECT revision FROM hub").fetchone()


@pytest.mark.parametrize("lie", LIES)
def test_a_damaged_hub(lie, two, ca, cluster, fleet):
    """Nothing of it gets in, and the copy does not count as up to date."""
    one, two = two
    upload(one, ca.crl(entry(7)))
    before = revision(two)
    change, why = LIES[lie]
    cluster.sql(change.format(realm=fleet.realm))
    result = two.call("sync")
    assert result.rc == INPUT and why in result.text, result
    assert revision(two) == before
    if lie not in ("a count", "one that is missing"):
        assert crls(two) == []


def test_one_that_is_forged(two, ca, cluster, fleet):
    """Its signature does not fit: it is not stored, and the rest is."""
    one, two = two
    upload(one, ca.crl(entry(7)))
    replace(cluster, fleet.realm, ca.crl(entry(9), crl_number=5, spoil=True))
    result = two.must("sync")
    assert "its signature does not fit" in result.err and crls(two) == []


def test_two_writers_meet(two, ca, cluster, fleet):
    """The slower one is told, and has the other's; then it goes on."""
    one, two = two
    upload(one, ca.crl(entry(7), entry(8), crl_number=2))
    result = upload(two, ca.crl(entry(7)), rc=SYSTEM)
    assert "another host has changed the CRL of this issuer" in result.text
    assert [number for number, *_ in crls(two)] == ["0x2"]
    assert "a newer one of its issuer is stored" in upload(two, ca.crl(entry(7)), rc=REFUSED).text
    third = ca.crl(entry(9), crl_number=3)
    upload(two, third)
    assert done(one) == (1, 1, 0, 0)
    check_sums(cluster, fleet.realm)
    # The same one again is no change.
    upload(one, third)
    assert one.json("hub", "status")["revision"] == 3


def test_what_is_this_hosts_own(two, ca, cluster, fleet):
    """--local stays here, a newer one of it stays, and no hub refuses before anything is changed."""
    one, two = two
    upload(two, ca.crl(entry(7), crl_number=5), more=["--local"])
    assert crls(two) == [("0x5", 1, "here")] and done(one) == (0, 0, 0, 0)
    upload(one, ca.crl(entry(7)))
    assert done(two) == (1, 0, 0, 1) and crls(two) == [("0x5", 1, "here")]
    two.set(hub="postgresql:///x?host=/nonexistent")
    for words in ("upload", two.policy.with_suffix(".0.crl")), ("remove", "--crls", ca_key(two)):
        two.policy.with_suffix(".0.crl").write_bytes(ca.crl(entry(7), crl_number=6))
        result = two.call(*words)
        assert result.rc == SYSTEM and "nothing was changed" in result.text, result
    assert crls(two) == [("0x5", 1, "here")]
    two.must("remove", "--crls", "--local", ca_key(two))
    assert crls(two) == []


def test_realms_and_roles(two, fleet, ca, cluster):
    """Who is not admitted sees neither rows nor content, and a reader writes none."""
    one, _ = two
    upload(one, ca.crl(entry(7)))
    reader = fleet.host("reader", "reader", hub_anchors="yes")
    reader.must("sync")
    assert "permission denied" in upload(reader, ca.crl(entry(7), crl_number=2), rc=SYSTEM).text
    assert crls(reader) == [("0x1", 1, "hub")]
    cluster.sql(f"DELETE FROM smime_policy.admission WHERE realm = '{fleet.realm}' AND login = 'other'")

    def ask(login, sql):
        asked = run("psql", "-h", cluster.folder, "-U", login, "-d", "postgres", "-qAtX", "-c", sql)
        return asked.rc, asked.out.decode().strip()

    for table in "crl", "crl_piece":
        assert ask("reader", f"SELECT count(*) FROM smime_policy.{table} WHERE realm = '{fleet.realm}'") == (0, "1")
        assert ask("other", f"SELECT count(*) FROM smime_policy.{table} WHERE realm = '{fleet.realm}'") == (0, "0")
    piece = f"INSERT INTO smime_policy.crl_piece VALUES ('{fleet.realm}', decode(repeat('00', 16), 'hex'), 0, 'x')"
    assert ask("writer", piece)[0] == 0
    for login in "other", "reader":
        assert ask(login, piece.replace("'x'", "'y'").replace("00", "01"))[0] != 0
    for change in "DELETE FROM smime_policy.crl", "UPDATE smime_policy.crl_piece SET bytes = 'x'":
        assert ask("writer", change)[0] != 0


def test_tables_of_form_one(tmp_path, cluster, ca):
    """They are refused by name, `hub upgrade` brings them up, and all goes on."""
    assert cluster
    own = Cluster().make().start()
    try:
        old = Fleet(own, tmp_path, "default")
        admin = old.host("admin", "postgres")
        own.sql("BEGIN; " + FORM_1.read_text() + "INSERT INTO smime_policy.hub (form, single) VALUES (1, true); COMMIT")
        old.open()
        host = old.host("h")
        result = host.call("sync")
        assert result.rc == SYSTEM and "bring them up with 'smime-policy hub upgrade'" in result.text, result
        admin.must("hub", "upgrade")
        admin.must("hub", "upgrade")
        assert admin.json("hub", "status")["form"] == 2
        upload(host, ca.crl(entry(7)), more=[ca.pem])
        other = old.host("o", "other", hub_anchors="yes")
        assert done(other) == (1, 1, 0, 0)
    finally:
        own.end()


def test_one_of_many_pieces(two, ca, cluster, fleet):
    """3 MB go in pieces of one MB, and the old ones leave."""
    one, two = two
    upload(one, ca.crl(*many_entries(90000)))
    pieces = f"SELECT count(*) FROM smime_policy.crl_piece WHERE realm = '{fleet.realm}'"
    assert cluster.sql(pieces) == "4"
    assert done(two) == (1, 1, 0, 0) and crls(two) == [("0x1", 90000, "hub")]
    upload(one, ca.crl(entry(7), crl_number=2))
    assert cluster.sql(pieces) == "1"
    assert done(two) == (1, 1, 0, 0)
    two.must("keyring", "check")


def test_below_a_revoked_ca(two, ca, tmp_path):
    """Each host finds out by itself who is below a ca that is revoked, and that it is so no more."""
    one, other = two
    lower = Ca(tmp_path, "Lower", issuer=ca)
    one.must("upload", lower.pem)
    upload(one, ca.crl(entry(serial_of(lower.pem))))
    assert done(other) == (1, 1, 0, 0)
    for host in two:
        assert len(list(host.keyring.glob("crls/*/*-40.crl"))) == 1
    upload(one, ca.crl(crl_number=2))
    assert done(other) == (1, 1, 0, 0)
    for host in two:
        assert list(host.keyring.glob("crls/*/*-40.crl")) == []
        host.must("keyring", "check")


def test_an_indirect_one(two, ca):
    """Its kind and the issuers that it may be about are found out by each host."""
    of_issuer = issuer_of_entry(subject_of(ca.pem))
    upload(two[0], ca.crl(entry(7, extensions=[of_issuer]), extensions=[scope(indirect=True)]))
    assert done(two[1]) == (1, 1, 0, 0)
    told = json.loads(two[1].must("list", "--crls", "--json").out)
    assert (told["scope"], told["entries"]) == ("all (indirect)", 1)


@pytest.mark.slow
def test_a_large_one_keeps_nobody_waiting(two, ca, cluster, fleet):
    """While 20 MB of a CRL are sent, and before they are published, others write to the realm."""
    one, two = two
    large = one.policy.with_suffix(".large")
    large.write_bytes(ca.crl(*many_entries(600000)))
    with subprocess.Popen([COMMAND, "--policy", one.policy, "--keyring", one.keyring, "upload", large],
                          env={**environment(), "PGSERVICEFILE": str(one.services)}, stderr=subprocess.PIPE) as process:
        waiting = ("SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'INSERT INTO smime_policy.crl_piece%' AND "
                   "usename = 'writer'")
        while cluster.sql(waiting) == "0" and process.poll() is None:
            pass
        os.kill(process.pid, signal.SIGSTOP)
        assert process.poll() is None and cluster.sql(f"SELECT crls FROM smime_policy.realm WHERE realm = '{fleet.realm}'"
                                                      ) == "0"
        upload(two, ca.crl(entry(7), crl_number=1))
        os.kill(process.pid, signal.SIGCONT)
        told = process.communicate()[1].decode()
    # The slower one of the same CRL is told, as ever.
    assert process.returncode == SYSTEM and "another host has changed the CRL" in told
    one.must("sync")
    larger = one.policy.with_suffix(".larger")
    larger.write_bytes(ca.crl(*many_entries(600000), crl_number=2))
    one.must("upload", larger)
    assert done(two) == (1, 1, 0, 0) and crls(two) == [("0x2", 600000, "hub")]
    check_sums(cluster, fleet.realm)
