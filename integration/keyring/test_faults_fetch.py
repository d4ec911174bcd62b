# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
"""Every allocation, and every system call, of what uses the network fails once: nothing counts that did not come
whole."""

import shutil

import pytest

from faults import Case, fail_each, skip_without_strace, starve_each
from harness import COMMAND, must, run
from responders import Authority
from web import web


REFUSED = 3


@pytest.fixture(autouse=True)
def _strace():
    skip_without_strace()


class Fetching(Case):
    """A command on a copy of a keyring, by a policy that lets it ask."""

    def __init__(self, home, *words):
        self._home, self._words = home, words
        self._wants_out = "encrypt" in words

    def furnish(self, room):
        shutil.copytree(self._home / "ring", room.at / "keyring")

    def words(self, room):
        return ["--policy", self._home / "policy.cnf", "--keyring", room.at / "keyring",
                *(str(word).replace("ROOM", str(room.at)) for word in self._words)]

    def _what_is_there(self, room):
        return (room.at / "out").exists() if self._wants_out else any(room.at.glob("keyring/crls/*/*.crl"))

    def is_done(self, room, result):
        return self._what_is_there(room)

    def is_undone(self, room, result):
        return not self._what_is_there(room)

    def complaint(self, room, result, failed):
        # `maintain` tells it in its report.
        told = result.rc == REFUSED and b" needs attention\n" in result.out
        return None if told else super().complaint(room, result, failed)

    def may_leave(self, name):
        return name == "out" and self._wants_out or name.startswith(("keyring/crls", "keyring/ocsp", "keyring/maintained",
                                                                     "keyring/certificates.db-"))


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    home = tmp_path_factory.mktemp("home")
    with web() as server:
        ca = Authority(home / "ca", "Ca")
        cert = ca.issue("alice", f"authorityInfoAccess=OCSP;URI:{server.url}/ocsp",
                        f"crlDistributionPoints=URI:{server.url}/ca.crl")
        server.answers |= {"/ca.crl": ca.crl(), "/ocsp": ca.responder()}
        (home / "policy.cnf").write_text(f"fetch_from = {server.place}\nfetch_private = yes\nocsp = on\n")
        (home / "mail").write_text("hello\n")
        must(run(COMMAND, "--keyring", home / "ring", "upload", ca.cert, cert))
        yield home


@pytest.fixture
def cases(home):
    return {"maintain": Fetching(home, "maintain"),
            "encrypt": Fetching(home, "encrypt", "--to", "alice@example.org", "-in", home / "mail", "-out", "ROOM/out")}


@pytest.mark.slow
@pytest.mark.parametrize("name", ["maintain", "encrypt"])
def test_starved(name, cases, starve):
    assert starve_each(cases[name], starve) > 10


@pytest.mark.slow
@pytest.mark.parametrize("name", ["maintain", "encrypt"])
def test_system_calls(name, cases):
    assert fail_each(cases[name]) > 10
