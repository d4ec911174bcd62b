# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
"""One keyring for many hosts: `hub` and `sync`, and writing where there is a hub."""

import itertools
import json
import os
import re
import shutil
import socket
import sqlite3
import subprocess
import threading
import time

import pytest

from harness import BUILD, COMMAND, MODULE, OPENSSL, PATIENCE, TOOL, environment, must, run, write_conf
from hubs import PROGRAMS, Fleet, a_cluster
from pages import block
from test_json import validator

DONE, USAGE, INPUT, REFUSED, CRYPTO, SYSTEM = range(6)
REALMS = itertools.count()

cluster = pytest.fixture(scope="module", name="cluster")(a_cluster)


@pytest.fixture
def fleet(cluster, tmp_path):
    return Fleet(cluster, tmp_path, f"realm-{next(REALMS)}").open()


@pytest.fixture
def two(fleet):
    """Two hosts that write."""
    return fleet.host("one"), fleet.host("two", "other")


def text_of(host, *words, rc):
    result = host.call(*words)
    assert result.rc == rc, result
    return result.text


# --- the tables


def test_init_says_what_is_lost_without_a_standby(cluster, tmp_path):
    """And makes nothing then; made twice it is as before."""
    fleet = Fleet(cluster, tmp_path, "unmade")
    admin = fleet.host("admin", "postgres")
    assert "no standby confirms what is written" in text_of(admin, "hub", "init", rc=REFUSED)
    admin.must("hub", "init", "--single")
    first = admin.json("hub", "status")
    admin.must("hub", "init", "--single")
    admin.must("hub", "upgrade")
    assert admin.json("hub", "status") == first
    assert first["single"] and first["revision"] == 0 and first["form"] == 2
    assert "it has no standby" in admin.must("hub", "status").text


def test_status_without_tables_realm_or_admission(fleet, cluster):
    cluster.sql("CREATE DATABASE empty")
    nobody = fleet.host("nobody", hub_realm="not-there")
    assert "the realm not-there is not there, or not open to this host" in text_of(nobody, "hub", "status", rc=SYSTEM)
    uri = f"postgresql:///empty?host={cluster.folder}&user=writer"
    assert "make its tables with 'smime-policy hub init'" in text_of(
        fleet.host("empty", hub=uri), "sync", rc=SYSTEM)
    cluster.sql("DROP DATABASE empty")


@pytest.mark.parametrize("form", [0, 1, 3])
def test_tables_of_another_form(form, two, pki, cluster):
    """Neither an older nor a newer form is written or read."""
    one, _ = two
    cluster.sql(f"UPDATE smime_policy.hub SET form = {form}")
    try:
        for words in ("sync",), ("upload", pki.good_chain.pem):
            assert "tables are of another form" in text_of(one, *words, rc=SYSTEM)
        assert not one.keyring.exists() or not one.rows()
    finally:
        cluster.sql("UPDATE smime_policy.hub SET form = 2")


def test_who_may_what(fleet, pki, cluster):
    """A reader reads, a writer writes, keys are for those who may have them, and realms are apart."""
    writer, reader = fleet.host("w"), fleet.host("r", "reader")
    writer.must("upload", pki.good_chain.pem)
    reader.must("sync")
    assert "permission denied" in text_of(reader, "upload", pki.ku_ds.pem, rc=SYSTEM)
    assert len(reader.rows()) == 1
    other = Fleet(cluster, fleet.folder, "apart")
    other.host("admin", "postgres").must("hub", "init", "--single")
    other.admit("other")
    apart = other.host("apart", "other")
    assert apart.json("sync")["certificates"] == 0
    assert "not open to this host" in text_of(fleet.host("peek", "other", hub_realm="apart2"), "sync", rc=SYSTEM)
    services = fleet.services.read_text()
    for login, table, rows in (("reader", "private_key", None), ("writer", "private_key", None),
                               ("reader", "journal", "1"), ("writer", "incoming", None)):
        assert login in services
        asked = run("psql", "-h", cluster.folder, "-U", login, "-d", "postgres", "-qAtX", "-c",
                    f"SELECT count(*) FROM smime_policy.{table} WHERE realm = '{fleet.realm}'" if rows
                    else f"SELECT count(*) FROM smime_policy.{table}")
        assert (asked.rc == 0 and asked.out.strip() == rows.encode()) if rows else asked.rc != 0, asked
    for change in ("DELETE FROM smime_policy.journal", "UPDATE smime_policy.realm SET revision = 0",
                   "INSERT INTO smime_policy.admission VALUES ('apart', 'writer')"):
        assert run("psql", "-h", cluster.folder, "-U", "writer", "-d", "postgres", "-c", change).rc != 0


def test_no_open_private_key_gets_in(fleet, pki, cluster):
    """Not past the command either."""
    pkcs8 = must(run("openssl", "pkcs8", "-topk8", "-nocrypt", "-in", pki.good_rsa.key, "-outform", "DER")).out
    locked = must(run("openssl", "pkcs8", "-topk8", "-passout", "pass:secret", "-in", pki.good_rsa.key, "-outform",
                      "DER")).out
    for key, is_locked in (pkcs8, "f"), (locked, "t"):
        assert cluster.sql(f"SELECT smime_policy.is_encrypted('\\x{key.hex()}')") == is_locked


# --- reading and writing


def test_uploaded_here_is_there(two, pki):
    """And removed there it is gone here; the journal tells who."""
    one, two = two
    one.must("upload", pki.good_chain.pem, pki.root.pem)
    told = two.json("sync")
    assert (told["stored"], told["certificates"], told["revision"], told["done"]) == (2, 2, 1, True)
    assert [row[1:] for row in two.rows()] == [("contact", "hub"), ("ca", "hub")]
    assert [row[1:] for row in one.rows()] == [("contact", "uploaded"), ("ca", "uploaded")]
    two.must("remove", "--all", "good_chain@example.com")
    assert len(two.rows()) == 1
    assert one.json("sync")["removed"] == 1
    assert [row[1] for row in one.rows()] == ["ca"]
    for host in one, two:
        host.must("keyring", "check")


def test_nothing_changed_costs_one_question(two, pki):
    """The keyring is not even written."""
    one, two = two
    one.must("upload", pki.good_chain.pem)
    two.must("sync")
    before = (two.keyring / "certificates.db").stat()
    told = two.json("sync")
    assert (told["stored"], told["removed"], told["whole"]) == (0, 0, False)
    assert (two.keyring / "certificates.db").stat().st_ctime_ns == before.st_ctime_ns


def test_anchors_of_the_hub(two, pki, mail, tmp_path):
    """Only those that the host's own setting names, and a change of it counts at once."""
    one, two = two
    signed = tmp_path / "signed"
    must(run("openssl", "cms", "-sign", "-in", mail, "-signer", pki.good_chain.pem, "-inkey", pki.good_chain.key,
             "-certfile", pki.intermediate, "-out", signed, conf="/dev/null"))
    one.must("upload", pki.root.pem)
    two.must("sync")
    one.must("verify", "-in", signed, "-out", tmp_path / "out")
    fingerprint = json.loads(two.must("list", "--json").out)["fingerprint"]
    for anchors, passes in (("no", False), ("yes", True), ("0" * 64, False), (fingerprint.upper(), True), (None, False)):
        two.set(hub_anchors=anchors)
        two.must("sync")
        result = two.call("verify", "-in", signed, "-out", tmp_path / "out")
        assert (result.rc == DONE) == passes, (anchors, result)
        assert passes or "[distrust-default]" in result.text
        assert [row[2] for row in two.rows()] == ["hub-anchor" if passes else "hub"]


def test_a_change_of_anchors_needs_no_hub(two, pki):
    one, two = two
    one.must("upload", pki.root.pem)
    two.set(hub_anchors="yes")
    two.must("sync")
    assert [row[2] for row in two.rows()] == ["hub-anchor"]
    two.set(hub_anchors="no", hub="postgresql:///x?host=/nonexistent")
    assert two.call("sync").rc == SYSTEM
    assert [row[2] for row in two.rows()] == ["hub"]


def test_private_keys(fleet, pki, tmp_path):
    """They go where they are open, encrypted alone; elsewhere their certificate is a contact's."""
    secret = tmp_path / "secret"
    secret.write_text("secret\n")
    keeper, other, reader = (fleet.host(name, name if name != "other" else "keeper")
                             for name in ("keeper", "other", "reader"))
    assert "has no passphrase" in text_of(keeper, "upload", "--no-passphrase", pki.good_rsa.pem, pki.good_rsa.key,
                                          rc=SYSTEM)
    assert not keeper.keyring.exists() or not keeper.rows()
    keeper.must("upload", "--passout", f"file:{secret}", pki.good_rsa.pem, pki.good_rsa.key)
    assert other.json("sync")["keys"] == 1 and reader.json("sync")["keys"] == 0
    assert [row[1:] for row in other.rows()] == [("identity", "hub")]
    assert [row[1:] for row in reader.rows()] == [("contact", "hub")]
    other.must("keyring", "check")
    address = "good_rsa@example.com"
    writer = fleet.host("writer")
    writer.must("sync")
    assert "an identity of another host" in text_of(writer, "remove", address, rc=USAGE)
    assert "its private key goes with it" in other.call("remove", address).text or \
        other.call("remove", address).rc == USAGE
    other.must("remove", "--with-key", address)
    keeper.must("sync")
    assert keeper.rows() == [] and keeper.must("keyring", "check").text.count("0 private keys") == 1


def test_push(two, pki, tmp_path):
    """A keyring moves to the hub, and is the hub's afterwards."""
    one, two = two
    one.must("upload", "--local", pki.good_chain.pem, pki.ku_ds.pem, pki.root.pem)
    one.must("upload", "--local", "--no-passphrase", pki.good_rsa.pem, pki.good_rsa.key)
    assert two.json("sync")["certificates"] == 0
    told = one.json("hub", "push")
    assert (told["certificates"], told["keys"], told["keys_kept"], told["revision"]) == (4, 0, 1, 1)
    assert one.json("hub", "push")["certificates"] == 0, "there was nothing left"
    assert two.json("sync")["stored"] == 4
    two.must("remove", "ku_ds@example.com")
    one.must("sync")
    assert len(one.rows()) == 3


def test_what_is_this_hosts_own(two, pki):
    """The hub neither changes nor removes it, and it is not removed from the copy alone."""
    one, two = two
    two.must("upload", "--local", pki.good_chain.pem)
    one.must("upload", pki.good_chain.pem, pki.ku_ds.pem)
    two.must("sync")
    assert [row[2] for row in two.rows()] == ["uploaded", "hub"]
    assert "is the hub's" in text_of(two, "remove", "--local", "ku_ds@example.com", rc=USAGE)
    one.must("remove", "good_chain@example.com")
    two.must("sync")
    assert [row[2] for row in two.rows()] == ["uploaded", "hub"]
    two.must("remove", "--local", "good_chain@example.com")
    assert [row[2] for row in two.rows()] == ["hub"]


def test_collected_certificates_stay_narrow(two, pki, mail, tmp_path):
    """Found by the sender's address alone, on the other host too."""
    one, two = two
    one.must("upload", pki.root.pem, pki.intermediate)
    signed = tmp_path / "signed"
    must(run("openssl", "cms", "-sign", "-in", mail, "-signer", pki.good_chain.pem, "-inkey", pki.good_chain.key,
             "-out", signed, conf="/dev/null"))
    text = signed.read_bytes().replace(b"MIME-Version", b"From: good_chain@example.com\nMIME-Version", 1)
    signed.write_bytes(text)
    one.must("collect", signed)
    two.must("sync")
    assert [row[1:] for row in two.rows()] == [("contact", "hub"), ("ca", "hub"), ("ca", "hub")]
    two.must("keyring", "check")


def test_two_writers_meet(two, pki, cluster, fleet):
    """The one who was slower is told, and nothing of his is stored; the next time he knows."""
    one, two = two
    one.must("upload", pki.self_ca.pem)
    two.must("sync")
    one.must("upload", "--as", "ca", pki.self_ca.pem)
    text = text_of(two, "upload", "--as", "identity", pki.self_ca.pem, pki.self_ca.key, "--no-passphrase", rc=SYSTEM)
    assert "another host has changed" in text and "nothing was stored" in text
    assert cluster.sql(f"SELECT revision FROM smime_policy.realm WHERE realm = '{fleet.realm}'") == "2"
    assert [row[1] for row in two.rows()] == ["ca"]
    two.must("upload", "--as", "identity", pki.self_ca.pem, pki.self_ca.key, "--no-passphrase")
    assert [row[1] for row in two.rows()] == ["identity"]
    one.must("sync")
    one.must("keyring", "check")


def test_json_fits_the_schema(two, pki):
    one, _ = two
    one.must("upload", "--local", pki.good_chain.pem)
    for words, definition in ((("hub", "status"), "hub_status"), (("hub", "push"), "hub_push"), (("sync",), "sync")):
        validator(definition, strict=True).validate(one.json(*words))
    one.set(hub="service=postgres")
    for words in ("hub", "init", "--single"), ("hub", "upgrade"), ("hub", "renew"):
        validator("hub_done", strict=True).validate(one.json(*words))


def test_the_guide(cluster, pki, tmp_path, mail):
    """The ten commands, on a server and two hosts."""
    page = "docs/use/guides/fleet.md"
    homes = {name: tmp_path / name for name in ("server", "host1", "host2")}
    for home in homes.values():
        home.mkdir()
        shutil.copy(pki.good_chain.pem, home / "bob.pem")
        shutil.copy(mail, home / "letter")

    def shell(where, name):
        text = block(page, name).replace("hub.example.org", str(cluster.folder)).replace(
            "bob@example.com", "good_chain@example.com")
        env = {"HOME": homes[where], "NAME": where, "PATH": f"{COMMAND.parent}:{PROGRAMS}:/usr/bin:/bin"}
        if where == "server":
            env |= {"PGHOST": cluster.folder, "PGUSER": "postgres"}
        return must(run("sh", "-e", "-c", text, cwd=homes[where], env=env))

    cluster.sql("DROP ROLE IF EXISTS host1; DROP ROLE IF EXISTS host2")
    shell("server", "hub")
    for host in "host1", "host2":
        shell(host, "host")
    shell("host1", "one")
    assert "hub" in shell("host2", "two").text
    assert (homes["host2"] / "letter.p7m").stat().st_size > 0
    shell("server", "backup")
    shell("host1", "gone")
    cluster.sql("DROP DATABASE smime")
    shell("server", "restore")
    assert "good_chain@example.com" in shell("host2", "two").text
    cluster.sql("DROP DATABASE smime")


def test_follow(two, pki, cluster, tmp_path):
    """It hears of each change, says to systemd that it lives, and comes back when its connection is lost."""
    one, two = two
    heard = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    heard.bind(str(tmp_path / "notify"))
    heard.settimeout(PATIENCE)
    process = subprocess.Popen([COMMAND, "--policy", two.policy, "--keyring", two.keyring, "sync", "--follow"],
                               env={**environment(), "PGSERVICEFILE": str(two.services),
                                    "NOTIFY_SOCKET": str(tmp_path / "notify")}, stdout=subprocess.PIPE, text=True)
    try:
        while heard.recv(100) != b"READY=1":
            pass
        assert "revision 0" in process.stdout.readline()
        one.must("upload", pki.good_chain.pem)
        assert "1 stored, 0 removed" in process.stdout.readline()
        cluster.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'other'")
        one.must("remove", "good_chain@example.com")
        assert "0 stored, 1 removed" in process.stdout.readline()
        process.terminate()
        assert process.wait(PATIENCE) == DONE
        assert b"WATCHDOG=1" in [heard.recv(100) for _ in range(3)]
    finally:
        process.kill()
        process.communicate()
        heard.close()


# --- without a hub


def test_no_hub(two, pki):
    """Everything that writes is refused, with what to do, and nothing is changed; --local works."""
    one, _ = two
    one.must("upload", pki.good_chain.pem)
    one.set(hub="postgresql:///x?host=/nonexistent")
    before = one.rows()
    for words in (("upload", pki.ku_ds.pem), ("remove", "good_chain@example.com"), ("hub", "push"), ("sync",),
                  ("new", "--key", "ec:P-256", "--passout", f"file:{pki.root.pem}", "x@example.org")):
        assert "it cannot be reached" in text_of(one, *words, rc=SYSTEM), words
    assert "--local changes this host's keyring alone" in one.call("upload", pki.ku_ds.pem).text
    assert one.rows() == before
    one.must("upload", "--local", pki.ku_ds.pem)
    one.set(hub=None)
    assert "no hub is set" in text_of(one, "sync", rc=USAGE)
    one.must("remove", "ku_ds@example.com")


def test_a_hub_that_holds_its_bytes_back(two, fleet):
    """It accepts the connection and says nothing: that ends by itself."""
    one, _ = two
    silent = socket.socket()
    silent.bind(("127.0.0.1", 0))
    silent.listen()
    held = []
    threading.Thread(target=lambda: held.append(silent.accept()), daemon=True).start()
    one.set(hub=f"postgresql://writer@127.0.0.1:{silent.getsockname()[1]}/x?connect_timeout=2")
    assert "it cannot be reached" in text_of(one, "sync", rc=SYSTEM)
    silent.close()


def test_no_password_in_our_files(two):
    one, _ = two
    one.set(hub="postgresql://writer:secret@127.0.0.1/x")
    result = one.call("sync")
    assert result.rc == REFUSED and "secret" not in result.text and "without a password" in result.text


# --- a copy that was not in touch


@pytest.fixture
def stale(two, pki, tmp_path, mail):
    """A host with an identity, and what it signed and encrypted while it was in touch."""
    one, _ = two
    one.must("upload", "--no-passphrase", pki.good_rsa.pem, pki.good_rsa.key)
    one.must("upload", pki.root.pem)
    one.must("sign", "-in", mail, "--from", "good_rsa@example.com", "-out", tmp_path / "signed")
    one.must("encrypt", "-in", mail, "--to", "good_rsa@example.com", "-out", tmp_path / "sealed")
    return one


def age(host, seconds):
    at = time.time() - seconds
    os.utime(host.keyring / "hub-contact", (at, at))


USES = {"sign": ("sign", "--from", "good_rsa@example.com", "-in", "{mail}"),
        "encrypt": ("encrypt", "--to", "good_rsa@example.com", "-in", "{mail}"),
        "verify": ("verify", "--no-sender", "-in", "{tmp}/signed"),
        "decrypt": ("decrypt", "-in", "{tmp}/sealed")}


def test_stale(stale, tmp_path, mail):
    """Nothing new goes out and nobody is vouched for; reading goes on, and a contact ends it."""
    out = tmp_path / "out"
    for seconds, passes in ((86000, True), (86500, False), (-1000, False), (0, True), (None, False)):
        if seconds is None:
            (stale.keyring / "hub-contact").unlink()
        else:
            age(stale, seconds)
        for use, words in USES.items():
            out.unlink(missing_ok=True)
            result = stale.call(*(word.format(mail=mail, tmp=tmp_path) for word in words), "-out", out)
            assert (result.rc == (DONE if passes or use == "decrypt" else REFUSED)), (seconds, use, result)
            assert out.exists() == (result.rc == DONE)
            assert result.rc == DONE or "[keyring-stale]" in result.text, result
    assert "has never been in touch" in stale.call("sign", *USES["sign"][1:-1], mail, "-out", out).text
    stale.must("sync")
    stale.must("sign", *USES["sign"][1:-1], mail, "-out", out)
    age(stale, 86500)
    stale.set(hub_max_age="2d")
    stale.must("sign", *USES["sign"][1:-1], mail, "-out", out)


def test_the_age_is_shown(two, pki):
    one, _ = two
    one.must("upload", pki.good_chain.pem)
    for words in ("list",), ("show", "good_chain@example.com"), ("maintain",):
        for seconds, stale in ((0, False), (86500, True)):
            age(one, seconds)
            told = one.call(*words).err
            assert "a copy of the hub service=writer; last contact: 20" in told
            assert ("it is stale" in told) == stale


def test_how_far_the_copy_reaches(fleet, two, pki, tmp_path):
    """In the report, in its page and in what `maintain` tells; before the first contact, too."""
    one, two = two
    one.must("upload", pki.good_chain.pem)
    two.must("upload", "--local", pki.root.pem)
    page = tmp_path / "page.html"
    for seconds, stale in ((None, True), (0, False), (86500, True)):
        if seconds is not None:
            epoch = two.json("sync")["epoch"]
            age(two, seconds)
        for name, words in ("report", ("report", "--json")), ("maintain", ("maintain", "--json", "--html", page)):
            told = json.loads(two.call(*words).out)
            validator(name, True).validate(told)
            at = told["copy"].pop("contact")
            assert (at is None) if seconds is None else re.match("20.*Z$", at), told
            assert told["copy"] == {
                "hub": "service=other", "realm": fleet.realm, "stale": stale,
                **({"epoch": None, "revision": 0, "certificates": 0} if seconds is None else
                   {"epoch": epoch, "revision": 1, "certificates": 1})}, told
        assert f'"stale":{str(stale).lower()},' in page.read_text()


@pytest.mark.parametrize("trust", ["caller", "keyring"])
def test_stale_in_stock_programs(trust, stale, pki, tmp_path, mail):
    """Where the program's own store vouches, the age of the keyring does not matter to it."""
    out = tmp_path / "out"
    conf = write_conf(tmp_path / "openssl.cnf", {"keyring": stale.keyring, "trust": trust, "hub": "service=x"})
    cases = {"sign": ("-sign", "-outform", "DER", "-nodetach", "-in", mail, "-signer", pki.good_rsa.pem, "-inkey", pki.good_rsa.key),
             "encrypt": ("-encrypt", "-in", mail, pki.good_rsa.pem),
             "verify": ("-verify", "-in", tmp_path / "signed", "-CAfile", pki.good_rsa.pem, "-partial_chain"),
             "decrypt": ("-decrypt", "-in", tmp_path / "sealed", "-inkey", pki.good_rsa.key)}
    for seconds in 0, 86500:
        age(stale, seconds)
        for use, words in cases.items():
            out.unlink(missing_ok=True)
            result = run(OPENSSL, "cms", "-out", out, *words, conf=conf)
            passes = seconds == 0 or use == "decrypt" or (use == "verify" and trust == "caller")
            assert (result.rc == 0) == passes, (seconds, use, result)
            assert passes or "keyring-stale" in result.text
            assert passes or not out.exists() or out.read_bytes() == b""


@pytest.mark.parametrize("api", ["cms", "pkcs7"])
def test_stale_in_the_library(api, two, pki, mail, tmp_path):
    stale, _ = two
    stale.must("upload", pki.person_ca.pem)
    signed, policy = tmp_path / "signed", tmp_path / "library.cnf"
    must(run(OPENSSL, "cms", "-sign", "-in", mail, "-signer", pki.person_ca.pem, "-inkey", pki.person_ca.key,
             "-out", signed, conf="/dev/null"))
    for trust, seconds, passes in (("keyring", 0, True), ("keyring", 86500, False), ("caller", 86500, True)):
        age(stale, seconds)
        policy.write_text(f"keyring = {stale.keyring}\ntrust = {trust}\nhub = service=x\n")
        result = run(BUILD / "tests" / "api" / "verify_program", api, pki.person_ca.pem, signed, policy)
        assert (result.rc == 0) == passes, result
        assert passes or "keyring-stale" in result.text or "in touch" in result.text, result


# --- what is not believed


LIES = {
    "another certificate": ("UPDATE smime_policy.certificate SET payload = "
                            "set_byte(payload, 200, get_byte(payload, 200) # 1) WHERE realm = '{realm}'",
                            "has not the fingerprint"),
    "another role": ("UPDATE smime_policy.certificate SET role = 3 WHERE realm = '{realm}'",
                     "has not the sum"),
    "one that is missing": ("DELETE FROM smime_policy.certificate WHERE realm = '{realm}'",
                            "not as many"),
    "a count": ("UPDATE smime_policy.realm SET certificates = 7 WHERE realm = '{realm}'", "not as many"),
    "an origin": ("UPDATE smime_policy.certificate SET origin = 6 WHERE realm = '{realm}'", "is no certificate"),
}


@pytest.mark.parametrize("lie", LIES)
def test_a_damaged_hub(lie, two, pki, cluster, fleet):
    """Nothing of it gets in."""
    one, two = two
    one.must("upload", pki.good_chain.pem)
    change, why = LIES[lie]
    cluster.sql(change.format(realm=fleet.realm))
    assert why in text_of(two, "sync", rc=INPUT)
    assert two.rows() == []


def test_a_row_that_is_not_known(two, pki, cluster, fleet):
    """A newer program has written it: this one does not go past it."""
    one, two = two
    one.must("upload", pki.good_chain.pem)
    two.must("sync")
    cluster.sql("INSERT INTO smime_policy.journal (realm, revision, ordinal, epoch, what, name, who, made) "
                f"VALUES ('{fleet.realm}', 2, 1, '', 'thing', sha256('x'), 'x', now()); "
                f"UPDATE smime_policy.realm SET revision = 2 WHERE realm = '{fleet.realm}'")
    assert "does not know (thing)" in text_of(two, "sync", rc=SYSTEM)
    assert len(two.rows()) == 1


# --- epochs, and a journal that does not reach back


def test_another_epoch(two, pki, cluster, fleet):
    """The whole is compared, and only what differs is copied."""
    one, two = two
    one.must("upload", pki.good_chain.pem, pki.ku_ds.pem)
    first = two.json("sync")
    fleet.host("admin", "postgres").must("hub", "renew")
    told = two.json("sync")
    assert told["epoch"] != first["epoch"] and told["whole"] and (told["stored"], told["removed"]) == (0, 0)
    assert not two.json("sync")["whole"]
    # The same numbers, and another content: what a restored database has.
    cluster.sql(f"DELETE FROM smime_policy.journal WHERE realm = '{fleet.realm}'; "
                f"DELETE FROM smime_policy.certificate WHERE realm = '{fleet.realm}'; "
                f"UPDATE smime_policy.realm SET revision = 0, certificates = 0, digest = repeat('0', 256)::bit(256) "
                f"WHERE realm = '{fleet.realm}'")
    fleet.host("three").must("upload", pki.root.pem)
    told = two.json("sync")
    assert told["whole"] and (told["stored"], told["removed"]) == (1, 2)
    assert [row[1] for row in two.rows()] == ["ca"]


def test_a_journal_that_was_cut(two, pki, cluster, fleet):
    one, two = two
    one.must("upload", pki.good_chain.pem)
    two.must("sync")
    one.must("upload", pki.ku_ds.pem)
    one.must("remove", "good_chain@example.com")
    assert cluster.sql(f"SELECT smime_policy.trim('{fleet.realm}', 2)") == "2"
    told = two.json("sync")
    assert told["whole"] and (told["stored"], told["removed"]) == (1, 1)
    one.must("upload", pki.ku_ke.pem)
    told = two.json("sync")
    assert not told["whole"] and told["stored"] == 1


def test_a_first_copy_goes_on(two, pki):
    """What an interrupted copy has stored is not fetched again."""
    one, two = two
    one.must("upload", pki.good_chain.pem, pki.ku_ds.pem)
    two.must("sync")
    with sqlite3.connect(two.keyring / "certificates.db") as db:
        db.execute("UPDATE hub SET revision = 0")
        db.execute("DELETE FROM hub_member WHERE fingerprint = (SELECT max(fingerprint) FROM hub_member)")
    db.close()
    told = two.json("sync")
    assert told["whole"] and told["stored"] == 1 and told["done"]


def test_what_is_kept_of_the_hub_is_damaged(two, pki):
    """It is told, and the way out that is told is one."""
    one, two = two
    one.must("upload", pki.root.pem)
    two.set(hub_anchors="yes")
    two.must("sync")
    for column in "crls", "digest":
        with sqlite3.connect(two.keyring / "certificates.db") as db:
            db.execute(f"UPDATE hub SET {column} = x'0102'")
        db.close()
        assert "'smime-policy sync --whole' mends it" in text_of(two, "sync", rc=SYSTEM)
        assert two.json("sync", "--whole")["done"] and not two.json("sync")["whole"]
        assert [row[2] for row in two.rows()] == ["hub-anchor"]


# --- what others pay


def rows_read(cluster):
    """What all indexes have given so far, when all connections have ended."""
    while cluster.sql("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'smime-policy'") != "0":
        time.sleep(0.01)
    return int(cluster.sql("SELECT sum(idx_tup_read) FROM pg_stat_user_indexes WHERE schemaname = 'smime_policy'"))


def test_many_certificates_of_a_new_realm(fleet, cluster, tmp_path):
    """The server reads each row a few times, also where its statistics know other realms alone."""
    count, new = 300, Fleet(cluster, tmp_path, f"realm-{next(REALMS)}").open()
    for number, (name, realm) in enumerate((("known", fleet), ("first", new), ("second", new))):
        (tmp_path / "many.pem").write_bytes(
            must(run(BUILD / "tests" / "keyring" / "make_contacts", count, number * count)).out)
        host, before = realm.host(name), rows_read(cluster)
        host.must("upload", "--local", "-q", tmp_path / "many.pem")
        host.must("hub", "push")
        assert rows_read(cluster) - before < 50 * count
        if realm is fleet:
            cluster.sql("ANALYZE")
    before = rows_read(cluster)
    assert new.host("reader", "reader").json("sync")["stored"] == 2 * count
    assert rows_read(cluster) - before < 50 * count

def test_libpq_is_the_tools_alone():
    """And is loaded when a hub is asked."""
    for program in MODULE, COMMAND, TOOL, next(BUILD.glob("provider/libsmimepolicy.so.*")):
        assert "libpq" not in run("ldd", program).text
    traced = run("strace", "-f", "-e", "trace=openat", COMMAND, "list")
    assert "libpq" not in traced.text and shutil.which("strace")
