# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
"""Private keys and a hub: an open one never leaves its host, and a changed passphrase reaches all."""

import itertools
import json

import pytest

from harness import OPENSSL, must, run, stock, write_conf
from hubs import Fleet, Tap, a_cluster
from test_hub import age
from test_json import validator

DONE, USAGE, INPUT, REFUSED, CRYPTO, SYSTEM = range(6)
REALMS = itertools.count()

cluster = pytest.fixture(scope="module", name="cluster")(a_cluster)


@pytest.fixture
def fleet(cluster, tmp_path):
    return Fleet(cluster, tmp_path, f"realm-{next(REALMS)}").open()


@pytest.fixture
def tap(cluster, tmp_path):
    tap = Tap(tmp_path / "tap", f"{cluster.folder}/.s.PGSQL.{cluster.port}")
    yield tap
    tap.listener.close()


@pytest.fixture
def pass_file(tmp_path):
    def write(text):
        path = tmp_path / text
        path.write_text(text + "\n")
        return f"file:{path}"
    return write


def secret_of(key, password=None):
    """The private octets of an RSA key: its first prime."""
    text = must(stock("rsa", "-in", key, "-noout", "-text", *(["-passin", password] if password else []))).text
    prime = text.partition("prime1:")[2].partition("prime2:")[0]
    return bytes.fromhex(prime.replace(":", "").replace("\n", "").replace(" ", "")).lstrip(b"\0")


def exported(host, address, password):
    """The private key that a host has, under |password|; None if that is not its passphrase."""
    out = host.policy.with_suffix(".out")
    out.unlink(missing_ok=True)
    signed = host.call("sign", "--from", address, "-in", host.policy, "-out", out, "-passin", password)
    return signed.rc == DONE


def test_an_open_key_never_leaves(fleet, tap, pki, pass_file):
    """Not by upload, push, a renewal or a passphrase that is taken off; and the hub has no such row."""
    host = fleet.host("host", hub=f"postgresql:///postgres?host={tap.folder}&user=keeper")
    secrets = [secret_of(pki.good_rsa.key)]
    refused = "has no passphrase, and no hub takes such a key"

    def is_refused(*words):
        result = host.call(*words)
        assert result.rc == SYSTEM and refused in result.text, result

    is_refused("upload", "--no-passphrase", pki.good_rsa.pem, pki.good_rsa.key)
    assert not host.rows()
    host.must("upload", "--local", "--no-passphrase", pki.good_rsa.pem, pki.good_rsa.key)
    is_refused("hub", "push")
    host.must("remove", "--local", "--with-key", "good_rsa@example.com")
    host.must("upload", "--passout", pass_file("first"), pki.good_rsa.pem, pki.good_rsa.key)
    is_refused("keyring", "passphrase", "--passin", pass_file("first"), "--no-passphrase", "good_rsa@example.com")
    assert exported(host, "good_rsa@example.com", pass_file("first"))
    host.must("keyring", "passphrase", "--local", "--passin", pass_file("first"), "--no-passphrase",
              "good_rsa@example.com")
    is_refused("hub", "push")
    host.must("new", "--renew", "--key", "same", "--self-signed", "good_rsa@example.com")
    for secret in secrets:
        for form in secret, secret.hex().encode(), secret.hex().upper().encode():
            assert len(secret) > 100 and form not in tap.sent
    assert b"first" not in tap.sent
    assert fleet.cluster.sql("SELECT count(*) FROM smime_policy.private_key WHERE NOT "
                             "smime_policy.is_encrypted(pkcs8)") == "0"


def test_a_changed_passphrase(fleet, pki, pass_file):
    """It reaches each host that may have keys; --local stays; no hub: nothing is changed."""
    address = "good_rsa@example.com"
    one, two = fleet.host("one", "keeper"), fleet.host("two", "keeper")
    one.must("upload", "--passout", pass_file("first"), pki.good_rsa.pem, pki.good_rsa.key)
    two.must("sync")
    change = "keyring", "passphrase", "--passin", pass_file("first"), "--passout", pass_file("second"), address
    one.set(hub="postgresql:///x?host=/nonexistent")
    result = one.call(*change)
    assert result.rc == SYSTEM and "nothing was changed, on the hub or here" in result.text, result
    one.set(hub="service=keeper")
    told = one.json(*change)
    validator("keyring_passphrase", strict=True).validate(told)
    assert told["done"] and exported(one, address, pass_file("second"))
    assert two.json("sync")["keys"] == 1
    two.must("keyring", "passphrase", "--local", "--passin", pass_file("second"), "--passout", pass_file("third"),
             address)
    one.must("sync", "--whole")
    assert exported(one, address, pass_file("second"))
    for host in one, two:
        host.must("keyring", "check")


@pytest.mark.slow
def test_a_passphrase_of_this_hosts_own_key(fleet, pki, pass_file, cluster):
    """The hub is not asked about a key that it has not."""
    host = fleet.host("host", "keeper")
    host.must("upload", "--local", "--passout", pass_file("first"), pki.good_rsa.pem, pki.good_rsa.key)
    host.set(hub="postgresql:///x?host=/nonexistent")
    host.must("keyring", "passphrase", "--passin", pass_file("first"), "--passout", pass_file("second"),
              "good_rsa@example.com")
    # One whose certificate alone is there.
    host = fleet.host("writer")
    host.must("upload", "--passout", pass_file("first"), pki.good_rsa.pem, pki.good_rsa.key)
    host.must("keyring", "passphrase", "--passin", pass_file("first"), "--passout", pass_file("second"),
              "good_rsa@example.com")
    assert cluster.sql(f"SELECT count(*) FROM smime_policy.private_key WHERE realm = '{fleet.realm}'") == "0"


@pytest.mark.parametrize("trust", ["caller", "keyring"])
def test_trust_of_a_stale_keyring(trust, fleet, pki, mail, tmp_path):
    """A program that takes smimepolicy:trust for its anchors gets none of a keyring that is too old."""
    host = fleet.host("host")
    host.must("upload", pki.root.pem)
    signed, out = tmp_path / "signed", tmp_path / "out"
    must(run("openssl", "cms", "-sign", "-in", mail, "-signer", pki.good_chain.pem, "-inkey", pki.good_chain.key,
             "-certfile", pki.intermediate, "-out", signed, conf="/dev/null"))
    for mode, seconds, passes in (("enforce", 0, True), ("enforce", 86500, False), ("observe", 86500, True)):
        age(host, seconds)
        conf = write_conf(tmp_path / "openssl.cnf", {"keyring": host.keyring, "trust": trust, "hub": "service=x",
                                                     "mode": mode})
        out.unlink(missing_ok=True)
        result = run(OPENSSL, "cms", "-verify", "-in", signed, "-CAstore", "smimepolicy:trust", "-out", out, conf=conf)
        assert (result.rc == 0) == passes, result
        assert passes or ("keyring-stale" in result.text and (not out.exists() or out.read_bytes() == b""))


def test_doctor_and_the_hub(fleet, pki):
    """It names the hub, how old the copy is, and what to do; the policy is no less enforced."""
    host = fleet.host("host")

    def look(rc):
        result = host.call("doctor", "--json")
        assert result.rc == rc, result
        return {check["check"]: check for check in json.loads(result.out)["checks"]}

    never = look(REFUSED)
    assert never["hub"]["state"] == "fail" and "has never been in touch" in never["hub"]["said"]
    assert "smime-policy sync" in never["hub"]["remedy"] and "smime-policy sync" in never["keyring"]["remedy"]
    assert never["command"]["state"] == "ok"
    host.must("upload", pki.good_chain.pem)
    assert look(DONE)["hub"]["said"].startswith("service=writer: last contact: 20")
    age(host, 86500)
    assert "not been in touch with its hub since 20" in look(REFUSED)["hub"]["said"]
