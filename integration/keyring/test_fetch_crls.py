# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
"""`maintain` fetches the CRLs of the stored certificates: which ones, when, and what it tells."""

import json

import jsonschema
import pytest

from der import SEQUENCE, subject_of, tlv
from harness import COMMAND, REPO, must, run
from responders import Authority
from web import server

SCHEMA = json.loads((REPO / "docs" / "use" / "json.schema.json").read_text())
DONE, USAGE, INPUT, REFUSED, CRYPTO, SYSTEM = range(6)


@pytest.fixture(scope="module")
def ca(server, tmp_path_factory):
    """A CA with certificates that name its CRL in one way or another."""
    one = Authority(tmp_path_factory.mktemp("pki") / "ca", "Ca")
    here = f"URI:{server.url}"
    one.alice = one.issue("alice", f"crlDistributionPoints={here}/ca.crl")
    one.bob = one.issue("bob", f"crlDistributionPoints={here}/ca.crl")
    one.mirrored = one.issue("mirrored", f"crlDistributionPoints={here}/lost.crl,{here}/ca.crl")
    one.elsewhere = one.issue("elsewhere", "crlDistributionPoints=URI:http://crl.example.org/ca.crl,URI:ldap://x/,"
                                           "URI:file:///etc/passwd,URI:http://127.0.0.1:1/ca.crl")
    return one


@pytest.fixture(scope="module")
def other(tmp_path_factory):
    """Another CA of the same name."""
    return Authority(tmp_path_factory.mktemp("pki") / "other", "Ca")


@pytest.fixture(autouse=True)
def answers(server, ca):
    server.asked.clear()
    server.answers.clear()
    server.answers["/ca.crl"] = ca.crl(number=5)
    return server.answers


@pytest.fixture
def policy(server, tmp_path):
    (tmp_path / "policy.cnf").write_text(f"fetch_from = {server.place}\nfetch_private = yes\n")
    return tmp_path / "policy.cnf"


@pytest.fixture
def command(tmp_path, policy):
    def runs(*words, faked=None, policy=policy):
        before = ("faketime", "-f", faked) if faked else ()
        return run(*before, COMMAND, "--policy", policy, "--keyring", tmp_path / "keyring", *words)
    return runs


@pytest.fixture
def upload(command):
    return lambda *paths: must(command("upload", *paths))


@pytest.fixture
def maintain(command):
    def runs(*words, **how):
        done = command("maintain", "--json", *words, **how)
        report = json.loads(done.out)
        assert report["exit"] == done.rc == (REFUSED if report["events"] else DONE), done
        jsonschema.validate(report, {"$ref": "#/$defs/maintain", "$defs": SCHEMA["$defs"]})
        return report
    return runs


@pytest.fixture
def crls(command):
    """The numbers of the stored CRLs."""
    return lambda: [json.loads(line)["number"] for line in must(command("list", "--crls", "--json")).out.splitlines()]


def failures(report):
    return {one["url"]: one["why"] for one in report["events"] if one["event"] == "crl-not-fetched"}


def test_a_crl_is_fetched_once(ca, server, upload, maintain, crls):
    """Two certificates name it; it is fetched again when half of its time is over."""
    upload(ca.cert, ca.alice, ca.bob)
    report = maintain()
    assert (report["crls_fetched"], report["events"]) == (1, []) and crls() == ["0x5"]
    assert maintain()["crls_fetched"] == 0 and server.paths == ["/ca.crl"]
    server.answers["/ca.crl"] = ca.crl(number=6, faked="+16d")
    assert maintain(faked="+14d")["crls_fetched"] == 0 and maintain(faked="+16d")["crls_fetched"] == 1
    assert crls() == ["0x6"] and server.paths == ["/ca.crl"] * 2


def test_a_crl_with_a_point_is_fetched_once(ca, server, answers, upload, maintain, crls):
    """Some CAs write into each CRL which distribution point it is of."""
    answers["/ca.crl"] = ca.crl(number=5, point=[f"fullname=URI:{server.url}/ca.crl"])
    upload(ca.cert, ca.alice)
    assert maintain()["crls_fetched"] == 1 and crls() == ["0x5"]
    assert maintain()["crls_fetched"] == 0 and server.paths == ["/ca.crl"]


def test_an_indirect_crl(server, answers, upload, maintain, crls, tmp_path):
    """It is fetched from the point of a certificate that names its issuer, which has to be stored."""
    root = Authority(tmp_path / "root", "Root")
    issuing, lists = (Authority(tmp_path / name, name, root) for name in ("issuing", "lists"))
    place = tlv(0xa0, tlv(0xa0, tlv(0x86, f"{server.url}/lists.crl".encode())))
    point = tlv(SEQUENCE, tlv(SEQUENCE, place, tlv(0xa2, tlv(0xa4, subject_of(lists.cert)))))
    upload(root.cert, issuing.cert, issuing.issue("bob", f"crlDistributionPoints=DER:{point.hex()}",
                                                  "authorityKeyIdentifier=keyid"))
    answers["/lists.crl"] = lists.crl(number=9, point=["indirectCRL=TRUE"])
    assert [*failures(maintain("--all"))] == [f"{server.url}/lists.crl"] and crls() == []
    upload(lists.cert)
    assert maintain("--all")["crls_fetched"] == 1 and crls() == ["0x9"]
    assert maintain("--all")["crls_fetched"] == 0


def test_what_was_fetched_refuses(ca, server, upload, maintain, command, tmp_path):
    upload(ca.cert, ca.alice)
    ca.revoke("alice", "keyCompromise")
    try:
        server.answers["/ca.crl"] = ca.crl(number=7)
    finally:
        ca.issued["alice"][:3] = ["V", "351231235959Z", ""]
    assert maintain()["crls_fetched"] == 1
    (tmp_path / "mail").write_text("To: alice@example.org\n\nhello\n")
    done = command("encrypt", "--to", "alice@example.org", "-in", tmp_path / "mail", "-out", tmp_path / "out")
    assert done.rc == REFUSED and "[revoked]" in done.err and not (tmp_path / "out").exists(), done


def test_nothing_is_fetched_by_default(ca, server, upload, maintain, tmp_path):
    upload(ca.cert, ca.alice)
    for text in ("", "fetch_private = yes\n", "fetch_from = crl.example.org\n", "fetch_from = 127.0.0.1\n"):
        (tmp_path / "other.cnf").write_text(text)
        report = maintain("--all", policy=tmp_path / "other.cnf")
        assert (report["crls_fetched"], failures(report)) == (0, {})
    assert not server.asked


def test_private_networks(ca, server, upload, maintain, tmp_path):
    upload(ca.cert, ca.alice)
    (tmp_path / "other.cnf").write_text(f"fetch_from = {server.place}\n")
    failed = failures(maintain(policy=tmp_path / "other.cnf"))
    assert "private network" in failed[f"{server.url}/ca.crl"] and not server.asked


def test_only_below_a_ca_that_was_provided(ca, other, server, command, upload, maintain):
    """A certificate that nobody has vouched for sends the command nowhere."""
    upload(other.cert)
    must(command("upload", "--as", "contact", ca.alice))
    assert maintain()["events"] == [] and not server.asked
    upload(ca.cert)
    assert maintain()["crls_fetched"] == 1


def test_hosts_and_schemes_that_are_not_allowed(ca, server, upload, maintain):
    upload(ca.cert, ca.elsewhere)
    report = maintain()
    assert (report["crls_fetched"], report["events"]) == (0, []) and not server.asked


def test_a_mirror(ca, upload, maintain, server):
    """Of two URLs of one CRL one may be lost."""
    upload(ca.cert, ca.mirrored)
    report = maintain()
    assert (report["crls_fetched"], report["events"]) == (1, [])
    assert server.paths == ["/lost.crl", "/ca.crl"]


BAD = {
    "nothing": (None, "status 404"),
    "garbage": (b"<html>log in</html>", ""),
    "cut": (lambda ca, other: ca.crl()[:-3], ""),
    "of another": (lambda ca, other: other.crl(), ""),
    "from the future": (lambda ca, other: ca.crl(faked="+9d"), ""),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_no_crl(ca, other, answers, upload, maintain, crls, name):
    """It is told, nothing is stored, and the run goes on."""
    answer, text = BAD[name]
    answers["/ca.crl"] = answer(ca, other) if callable(answer) else answer
    upload(ca.cert, ca.alice)
    report = maintain()
    (url, why), = failures(report).items()
    assert url in why and text in why and ";" in why and "\n" not in why
    assert report["crls_fetched"] == 0 and report["sound"] and report["judged"] == 2 and crls() == []
    # It is told until it is done.
    assert failures(maintain())


def test_a_stale_one_is_told(ca, answers, upload, maintain, crls):
    """It is stored, as it may name somebody, and it is told that it has ended."""
    answers["/ca.crl"] = ca.crl(number=3, days=1, faked="-9d")
    upload(ca.cert, ca.alice)
    report = maintain()
    assert report["crls_fetched"] == 1 and [one["event"] for one in report["events"]] == ["crl-stale"]
    answers["/ca.crl"] = ca.crl(number=4)
    report = maintain()
    assert (report["crls_fetched"], report["events"]) == (1, []) and crls() == ["0x4"]


def test_an_older_one_changes_nothing(ca, answers, upload, maintain, crls):
    """Somebody on the network may replay a CRL that does not name who was revoked since."""
    old = ca.crl(number=4, days=60)
    answers["/ca.crl"] = ca.crl(number=9)
    upload(ca.cert, ca.alice)
    maintain()
    answers["/ca.crl"] = old
    report = maintain(faked="+16d")
    assert failures(report) and report["crls_fetched"] == 0 and crls() == ["0x9"]


def test_a_damaged_one_is_fetched_anew(ca, upload, maintain, crls, tmp_path):
    upload(ca.cert, ca.alice)
    maintain()
    path, = (tmp_path / "keyring" / "crls").rglob("*.crl")
    path.write_bytes(path.read_bytes()[:-1])
    report = maintain()
    assert report["crls_fetched"] == 1 and report["sound"] and crls() == ["0x5"]


def test_text(ca, answers, command, upload, server):
    """Without --json a line says it, with the URL and the way out."""
    answers.clear()
    upload(ca.cert, ca.alice)
    done = command("maintain")
    line, summary = done.out.decode().splitlines()
    assert done.rc == REFUSED and line == (
        f"CRL not fetched: {server.url}/ca.crl: the server answers with status 404; ask the CA")
    assert "1 needs attention" in summary and done.err == ""




def test_without_libcurl(ca, upload, command, tmp_path, policy, server):
    """It is told that nothing can be fetched; the rest is done."""
    upload(ca.cert, ca.alice)
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "libcurl-gnutls.so.4").touch()
    done = run(COMMAND, "--policy", policy, "--keyring", tmp_path / "keyring", "maintain", "--json",
               env={"LD_LIBRARY_PATH": tmp_path / "lib"})
    report = json.loads(done.out)
    (url, why), = failures(report).items()
    assert url is None and "install Debian's libcurl3-gnutls" in why and report["judged"] == 2, done
    assert done.rc == REFUSED and not server.asked
