# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
"""CRLs of a distribution point: which certificates they cover."""

import pytest

from crl_maker import DAY, NOW, delta_of, entry, scope
from crl_maker import crl as make_crl
from harness import COMMAND, must, run
from responders import Authority

HERE, THERE = "http://crl.example.org/1.crl", "http://crl.example.org/2.crl"
RELATIVE = "a00ca10a300806035504030c0161"  # CN=a, relative to the issuer
UNKNOWN = "no stored CRL of its issuer covers it [revocation-unknown]"


@pytest.fixture(scope="module")
def ca(tmp_path_factory):
    one = Authority(tmp_path_factory.mktemp("pki") / "ca", "Ca")
    one.here = one.issue("here", f"crlDistributionPoints=URI:{HERE}")
    one.twice = one.issue("twice", f"crlDistributionPoints=URI:{THERE},URI:{HERE}")
    one.there = one.issue("there", f"crlDistributionPoints=URI:{THERE}")
    one.relative = one.issue("relative", f"crlDistributionPoints=DER:3010300e{RELATIVE}")
    one.nowhere = one.issue("nowhere")
    one.pem, one.private = one.cert, one.key(one.cert)
    return one


@pytest.fixture
def command(ca, tmp_path):
    (tmp_path / "policy.cnf").write_text("revocation = hard\n")

    def runs(*words, **how):
        return run(COMMAND, "--policy", tmp_path / "policy.cnf", "--keyring", tmp_path / "keyring", *words, **how)
    must(runs("upload", ca.cert))
    return runs


@pytest.fixture
def upload(command, tmp_path):
    def runs(*crls):
        paths = [tmp_path / f"{number}.crl" for number in range(len(crls))]
        for path, der in zip(paths, crls):
            path.write_bytes(der)
        return must(command("upload", *paths))
    return runs


@pytest.fixture
def sealed(command, tmp_path):
    """Encrypt to a certificate: is it covered, or what is said."""
    def runs(cert):
        out = tmp_path / "sealed"
        done = command("encrypt", cert, "-out", out, stdin=b"hello\n")
        assert out.exists() == (done.rc == 0) and done.rc in (0, 3), done
        out.unlink(missing_ok=True)
        return done.err if done.rc else True
    return runs


@pytest.mark.parametrize("point, covered, note", [
    ([f"fullname=URI:{HERE}"], {"here", "twice"}, "it covers the certificates that name its distribution point"),
    ([f"fullname=URI:{HERE},URI:{THERE}"], {"here", "twice", "there"}, "it covers the certificates that name"),
    ([f"fullname=URI:{HERE}", "onlyuser=TRUE"], {"here", "twice"}, "it covers the certificates that name"),
    ([f"fullname=URI:{HERE}", "onlyCA=TRUE"], set(), "it covers the certificates that name"),
    ([f"fullname=URI:{HERE}", "onlysomereasons=keyCompromise"], set(), "it covers a part of what its issuer revokes"),
    (["relativename=name", "[name]", "CN=a"], set(), "it covers a part of what its issuer revokes"),
], ids=["one", "two names", "users", "cas", "reasons", "relative"])
def test_covered(ca, upload, sealed, point, covered, note):
    """With `revocation = hard` who is not covered is refused."""
    assert note in upload(ca.crl(point=point)).err
    for name in ("here", "twice", "there", "relative", "nowhere"):
        said = sealed(getattr(ca, name))
        assert said is True if name in covered else UNKNOWN in said, (name, said)


def test_it_revokes_whoever_it_names(ca, upload, sealed):
    """Also one that does not name its point, and whatever another point says."""
    ca.revoke("there", "keyCompromise")
    try:
        revoking = ca.crl(point=[f"fullname=URI:{HERE}"])
    finally:
        ca.issued["there"][:3] = ["V", "351231235959Z", ""]
    upload(revoking, ca.crl(point=[f"fullname=URI:{THERE}"]))
    assert "[revoked]" in sealed(ca.there) and sealed(ca.here) is True


def test_a_stale_part_covers_nobody(ca, upload, sealed):
    """A fresh one of another point does not stand for it."""
    upload(ca.crl(point=[f"fullname=URI:{HERE}"], days=1, faked="-9d"), ca.crl(point=[f"fullname=URI:{THERE}"]))
    assert "the stored CRL of its issuer is stale" in sealed(ca.here)
    assert sealed(ca.twice) is True and sealed(ca.there) is True


def test_delta_of_a_part(ca, upload, sealed):
    """The merged one covers whom the complete one covered."""
    point = scope(point=HERE.encode())
    made = [make_crl(ca, [entry(99)], crl_number=number, extensions=more, key=ca.private, this=NOW - DAY)
            for number, more in ((1, [point]), (2, [delta_of(1), point]))]
    upload(made[0])
    upload(made[1])
    assert sealed(ca.here) is True and UNKNOWN in sealed(ca.there)
