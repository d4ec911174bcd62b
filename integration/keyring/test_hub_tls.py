# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
"""A hub by TLS with client certificates: who it is and who asks is checked by both, or nothing is changed."""

import os
import shutil

import pytest

from harness import must, stock
from hubs import FAST, Cluster, Fleet, has_postgres

DONE, USAGE, INPUT, REFUSED, CRYPTO, SYSTEM = range(6)
NAME = "hub.test"


def issue(folder, name, issuer=None, extension=None):
    """A certificate and its key; self-signed, or of |issuer|."""
    cert, key = folder / f"{name}.crt", folder / f"{name}.key"
    by = ["-CA", folder / f"{issuer}.crt", "-CAkey", folder / f"{issuer}.key"] if issuer else []
    must(stock("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc", "-keyout", key, "-out",
               cert, "-subj", f"/CN={name.partition('@')[0]}", "-days", 30, *by,
               *(["-addext", extension] if extension else [])))
    key.chmod(0o600)
    return cert, key


@pytest.fixture(scope="module", name="files")
def make_files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tls")
    for root in "root", "stranger":
        issue(folder, root, extension="basicConstraints=critical,CA:TRUE")
    issue(folder, NAME, "root", f"subjectAltName=DNS:{NAME}")
    for name, root in ("writer", "root"), ("other", "root"), ("writer@stranger", "stranger"):
        issue(folder, name, root)
    open_key = folder / "open.key"
    shutil.copy(folder / "writer.key", open_key)
    open_key.chmod(0o644)
    return folder


@pytest.fixture(scope="module", name="cluster")
def start_cluster(files):
    """It takes TLS with a client certificate alone, but for its administrator."""
    if not has_postgres():
        pytest.skip("PostgreSQL is not installed (packages-test.txt)")
    own = Cluster(FAST + " -c ssl=on -c ssl_cert_file=hub.crt -c ssl_key_file=hub.key -c ssl_ca_file=root.crt "
                  "-c log_connections=on", tcp=True)
    try:
        own.make()
        for source, target in (f"{NAME}.crt", "hub.crt"), (f"{NAME}.key", "hub.key"), ("root.crt", "root.crt"):
            shutil.copy(files / source, own.data / target)
            (own.data / target).chmod(0o600)
            if os.geteuid() == 0:
                shutil.chown(own.data / target, "postgres", "postgres")
        (own.data / "pg_hba.conf").write_text("local all all trust\nhostssl all all 127.0.0.1/32 cert\n")
        yield own.start()
    finally:
        own.end()


@pytest.fixture
def host(cluster, files, tmp_path):
    """A host whose service can be changed."""
    fleet = Fleet(cluster, tmp_path, "default")
    if cluster.sql("SELECT to_regclass('smime_policy.hub')") == "":
        fleet.open()

    def with_service(**changed):
        words = {"host": NAME, "hostaddr": "127.0.0.1", "port": cluster.port, "user": "writer", "dbname": "postgres",
                 "sslmode": "verify-full", "sslrootcert": files / "root.crt", "sslcert": files / "writer.crt",
                 "sslkey": files / "writer.key", **changed}
        fleet.services.write_text("[tls]\n" + "".join(f"{key}={value}\n" for key, value in words.items()))
        return fleet.host("host", hub="service=tls")
    return with_service


def test_both_sides_are_known(host, cluster, pki):
    one = host()
    one.must("upload", pki.good_chain.pem)
    assert one.json("sync")["certificates"] == 1
    assert 'connection authenticated: identity="CN=writer" method=cert' in (cluster.folder / "log").read_text()


FAULTS = {
    "another name": ({"host": "elsewhere.test"}, "does not match host name"),
    "another root": ({"sslrootcert": "{files}/stranger.crt"}, "certificate verify failed"),
    "no root": ({"sslrootcert": "{files}/none.crt"}, "does not exist"),
    "no client certificate": ({"sslcert": "{files}/none.crt", "sslkey": "{files}/none.key"},
                              "connection requires a valid client certificate"),
    "a stranger's client certificate": ({"sslcert": "{files}/writer@stranger.crt",
                                         "sslkey": "{files}/writer@stranger.key"}, "unknown ca"),
    "another login's client certificate": ({"sslcert": "{files}/other.crt", "sslkey": "{files}/other.key"},
                                           "certificate authentication failed"),
    "a key that all can read": ({"sslkey": "{files}/open.key"}, "has group or world access"),
    "no TLS": ({"sslmode": "disable"}, "no encryption"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_who_is_not_known(fault, host, cluster, files, pki):
    """One line names the fault, nothing waits for ever, and nothing is changed on either side."""
    changed, why = FAULTS[fault]
    host().must("sync")
    before = cluster.sql("SELECT revision FROM smime_policy.realm")
    one = host(**{key: value.format(files=files) for key, value in changed.items()})
    rows, contact = one.rows(), (one.keyring / "hub-contact").stat().st_mtime_ns
    result = one.call("sync")
    assert result.rc == SYSTEM and result.out == b"", result
    assert result.err.count("\n") == 1 and why in result.err and "the keyring is as it was" in result.err, result
    assert ("sslrootcert" in result.err) == (fault != "no TLS"), result
    result = one.call("upload", pki.ku_ds.pem)
    assert result.rc == SYSTEM and why in result.err and "nothing was changed" in result.err, result
    assert one.rows() == rows and (one.keyring / "hub-contact").stat().st_mtime_ns == contact
    assert cluster.sql("SELECT revision FROM smime_policy.realm") == before
