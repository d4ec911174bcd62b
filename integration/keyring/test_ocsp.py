# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
"""OCSP: which answers count, which do not, and how long."""

import datetime
import json
import os
import re
import subprocess

import pytest

from harness import BUILD, OPENSSL, environment, must, run, stock
from responders import Authority, answers
from web import server

ASK = BUILD / "tests" / "shim" / "tool" / "fetch" / "ask_ocsp"
REVOKED_AT = int(datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc).timestamp())


@pytest.fixture(scope="module")
def ca(server, tmp_path_factory):
    """A CA with certificates for Alice, who names its responder, and for others."""
    one = Authority(tmp_path_factory.mktemp("pki") / "ca", "Ca")
    here = f"authorityInfoAccess=OCSP;URI:{server.url}"
    one.alice = one.issue("alice", f"{here}/ocsp")
    one.bob = one.issue("bob", f"{here}/ocsp")
    one.mute = one.issue("mute")
    one.two = one.issue("two", f"authorityInfoAccess=OCSP;URI:http://127.0.0.1:1/,OCSP;URI:{server.url}/ocsp")
    one.responder_cert = one.issue("responder", purpose="OCSPSigning")
    one.late = one.issue("late", purpose="OCSPSigning", days=1)
    return one


@pytest.fixture(scope="module")
def other(tmp_path_factory):
    """Another CA of the same name, with a responder of its own."""
    one = Authority(tmp_path_factory.mktemp("pki") / "other", "Ca")
    one.responder_cert = one.issue("responder", purpose="OCSPSigning")
    return one


@pytest.fixture
def keyring(tmp_path):
    (tmp_path / "keyring").mkdir()
    return tmp_path / "keyring"


@pytest.fixture
def ask(server, ca, keyring, tmp_path):
    def asks(cert=None, faked=None, patience=60000, issuer=None, **settings):
        policy = tmp_path / "policy.cnf"
        settings = {"ocsp": "on", "fetch_from": f"{server.place} 127.0.0.1:1", "fetch_private": "yes"} | settings
        policy.write_text("".join(f"{key} = {value}\n" for key, value in settings.items()))
        before = ("faketime", "-f", faked) if faked else ()
        done = must(run(*before, ASK, policy, keyring, patience, cert or ca.alice, issuer or ca.cert, conf="/dev/null"))
        return json.loads(done.out) | {"why": done.err}
    return asks


def kept(keyring):
    return list((keyring / "ocsp").iterdir()) if (keyring / "ocsp").exists() else []


def test_good(ask, server, keyring):
    """It is asked once, and kept as the responder has signed it."""
    first = ask()
    assert (first["state"], first["why"]) == ("none", "") and first["next"] > 0
    assert ask() == first and len(server.asked) == 1
    assert os.stat(kept(keyring)[0]).st_mode & 0o777 == 0o644
    server.answers.clear()
    assert ask(faked="+3d")["state"] == "stale"


def test_revoked(ask, ca, server, answers):
    """It stays revoked, and is not asked again."""
    ca.revoke("alice", "keyCompromise")
    found = ask()
    assert (found["state"], found["at"], found["reason"]) == ("revoked", REVOKED_AT, 1)
    answers.clear()
    assert ask(faked="+300d")["state"] == "revoked" and len(server.asked) == 1


def test_on_hold(ask, ca, server):
    """It is asked again when the answer is out of date, and may be released."""
    ca.revoke("alice", "certificateHold")
    found = ask()
    assert (found["state"], found["reason"]) == ("revoked", 6)
    assert ask()["state"] == "revoked" and len(server.asked) == 1
    ca.issued["alice"][:3] = ["V", "351231235959Z", ""]
    server.answers["/ocsp"] = ca.responder("-ndays", "1", faked="+3d")
    assert ask(faked="+3d")["state"] == "none"


def test_a_hold_stays_while_nobody_answers(ask, ca, server):
    ca.revoke("alice", "certificateHold")
    ask()
    server.answers.clear()
    assert ask(faked="+3d")["state"] == "revoked"


def test_unknown_to_the_responder(ask, ca):
    line = ca.issued.pop("alice")
    found = ask()
    ca.issued["alice"] = line
    assert (found["state"], found["why"]) == ("unknown", "")


def test_off(ask, server):
    assert ask(ocsp="off")["state"] == "unknown" and not server.asked


def test_no_responder_is_named(ask, ca, server):
    found = ask(ca.mute)
    assert (found["state"], found["why"]) == ("unknown", "") and not server.asked


def test_a_second_responder(ask, ca):
    assert ask(ca.two)["state"] == "none"


def test_what_is_asked(ask, ca, server, tmp_path):
    """The request names the one certificate, and has a nonce."""
    ask()
    (line, headers, body), = server.asked
    assert line == "POST /ocsp HTTP/1.1" and headers["Content-Type"] == "application/ocsp-request"
    (tmp_path / "request").write_bytes(body)
    text = must(stock("ocsp", "-reqin", tmp_path / "request", "-req_text")).text
    assert re.findall(r"Serial Number: (\w+)", text) == [ca.issued["alice"][3]] and "OCSP Nonce" in text


def refused(found, text):
    assert found["state"] == "unknown" and text in found["why"] and found["why"].count("\n") == 1, found


def test_a_responder_that_the_issuer_has_named(ask, ca, answers):
    answers["/ocsp"] = ca.responder(by=ca.responder_cert)
    assert ask()["state"] == "none"


NOT_SIGNED = "its answer is not signed by the issuer"


def test_who_may_not_answer(ask, ca, other, answers, keyring):
    """A certificate of the issuer's without the right, one that is out of date, and another CA with its own."""
    answers["/ocsp"] = ca.responder(by=ca.bob)
    refused(ask(), NOT_SIGNED)
    answers["/ocsp"] = ca.responder("-ndays", "1", by=ca.late, faked="+3d")
    refused(ask(faked="+3d"), NOT_SIGNED)
    for by in (other.cert, other.responder_cert):
        answers["/ocsp"] = ca.responder(by=by)
        refused(ask(), NOT_SIGNED)
    assert not kept(keyring)


def test_answers_of_another_ca(ask, ca, other, answers):
    other.issued |= ca.issued
    answers["/ocsp"] = other.responder()
    refused(ask(), NOT_SIGNED)


def test_a_bit_that_was_changed(ask, ca, answers):
    """The status, which the signature covers: good becomes unknown."""
    def flipped(exchange):
        der = bytearray(ca.answer(exchange.body))
        serial = bytes.fromhex(ca.issued["alice"][3])
        integer = b"\x02" + bytes([len(serial)]) + serial
        der[der.index(integer + b"\x80\x00") + len(integer)] ^= 2
        exchange.reply(bytes(der))

    answers["/ocsp"] = flipped
    refused(ask(), NOT_SIGNED)


def test_replays(ask, ca, answers, keyring, tmp_path):
    """An answer to another request is refused; one without a nonce counts until it is out of date."""
    must(stock("ocsp", "-issuer", ca.cert, "-cert", ca.alice, "-reqout", tmp_path / "request"))
    answers["/ocsp"] = ca.answer((tmp_path / "request").read_bytes())
    refused(ask(), "the nonce is wrong")
    must(stock("ocsp", "-no_nonce", "-issuer", ca.cert, "-cert", ca.alice, "-reqout", tmp_path / "request"))
    answers["/ocsp"] = ca.answer((tmp_path / "request").read_bytes())
    refused(ask(faked="+3d"), "out of date")
    assert not kept(keyring)
    assert ask()["state"] == "none"


def test_an_answer_older_than_the_one_before(ask, ca, answers, tmp_path):
    must(stock("ocsp", "-no_nonce", "-issuer", ca.cert, "-cert", ca.alice, "-reqout", tmp_path / "request"))
    old = ca.answer((tmp_path / "request").read_bytes(), "-ndays", "30", faked="-2d")
    ca.revoke("alice", "certificateHold")
    assert ask()["state"] == "revoked"
    answers["/ocsp"] = old
    assert ask(faked="+3d")["state"] == "revoked"


def test_about_another_certificate(ask, ca, answers, tmp_path):
    must(stock("ocsp", "-no_nonce", "-issuer", ca.cert, "-cert", ca.bob, "-reqout", tmp_path / "request"))
    answers["/ocsp"] = ca.answer((tmp_path / "request").read_bytes())
    refused(ask(), "about another certificate")


def test_times(ask, ca, answers, keyring):
    """Out of date, from the future, and without an end: that one counts and is not kept."""
    answers["/ocsp"] = ca.responder("-nmin", "1", faked="-1d")
    refused(ask(), "out of date")
    answers["/ocsp"] = ca.responder(faked="+1d")
    refused(ask(), "from the future")
    answers["/ocsp"] = ca.responder("-resp_key_id")
    assert ask()["state"] == "none" and not kept(keyring)


def test_a_weak_digest(ask, ca, answers):
    answers["/ocsp"] = ca.responder("-ndays", "1", "-rmd", "sha1")
    refused(ask(), "weak digest")
    assert ask(weak_digest="ignore")["state"] == "none"


@pytest.mark.parametrize("answer,text", [
    (b"<html>log in to the hotel's network</html>", "no OCSP"), (b"\x00", "no OCSP"), (b"0" * 70000, "more than"),
    (bytes.fromhex("30030a0103"), "does not answer"), (bytes.fromhex("30030a0106"), "does not answer"),
    (bytes.fromhex("30030a0100"), "a form that is not known"), (b"0\x80" * 30000, "no OCSP"),
    (bytes.fromhex("30800a010000"), "no OCSP"), (b"", "empty"),
], ids=range(9))
def test_garbage(ask, answers, keyring, answer, text):
    answers["/ocsp"] = answer
    refused(ask(), text)
    assert not kept(keyring)


def test_a_byte_too_many(ask, ca, answers):
    answers["/ocsp"] = lambda exchange: exchange.reply(ca.answer(exchange.body) + b"\x00")
    refused(ask(), "no OCSP")


def test_nobody_answers(ask, ca, answers, server):
    answers.clear()
    refused(ask(), "status 404")
    answers["/ocsp"] = lambda exchange: exchange.wait()
    found = ask(patience=300)
    refused(found, "Timeout" if "Timeout" in found["why"] else "no time left")  # it may be up before the question
    refused(ask(fetch_from="ocsp.example.org"), "not in the setting fetch_from")
    refused(ask(fetch_private="no"), "private network")


def test_the_time_is_for_all(ask, ca, answers, server):
    """Of two responders that say nothing the second is not waited for again."""
    answers["/ocsp"] = lambda exchange: exchange.wait()
    cert = ca.issue("slow", f"authorityInfoAccess=OCSP;URI:{server.url}/ocsp,OCSP;URI:{server.url}/other")
    refused(ask(cert, patience=300), "no time left")
    assert "/other" not in server.paths


@pytest.mark.parametrize("change", ["cut", "empty", "swapped", "pipe", "link", "folder", "unreadable", "large"])
def test_what_is_kept_is_verified_again(ask, ca, server, keyring, change):
    ask()
    ask(ca.bob)
    path, = (one for one in kept(keyring) if one.name in must(stock(
        "x509", "-in", ca.alice, "-noout", "-fingerprint", "-sha256")).text.replace(":", "").lower())
    another, = (one for one in kept(keyring) if one != path)
    der = path.read_bytes()
    path.unlink()
    if change == "cut":
        path.write_bytes(der[:-1])
    elif change == "empty":
        path.touch()
    elif change == "swapped":
        path.write_bytes(another.read_bytes())
    elif change == "pipe":
        os.mkfifo(path)
    elif change == "link":
        (keyring / "elsewhere").write_bytes(der)
        path.symlink_to(keyring / "elsewhere")
    elif change == "folder":
        path.mkdir()
    elif change == "large":
        path.write_bytes(der + bytes(100000))
    assert len(server.asked) == 2
    assert ask()["state"] == "none" and len(server.asked) == 3


def test_sweeping(ask, ca, keyring):
    """What says revoked is kept, what is out of date and what is no answer goes."""
    ca.revoke("alice", "keyCompromise")
    ask()
    ask(ca.bob)
    (keyring / "ocsp" / "rubbish").write_text("rubbish")
    assert len(kept(keyring)) == 3
    must(run(ASK, "-", keyring, conf="/dev/null"))
    assert len(kept(keyring)) == 2
    must(run("faketime", "-f", "+30d", ASK, "-", keyring, conf="/dev/null"))
    assert len(kept(keyring)) == 1 and ask()["state"] == "revoked"


def test_openssl_as_a_server(ask, ca):
    """The stock responder, listening by itself."""
    words = ("ocsp", "-index", ca.index(), "-CA", ca.cert, "-rsigner", ca.responder_cert, "-rkey",
             ca.key(ca.responder_cert), "-port", "0", "-ndays", "1", "-nrequest", "1")
    with subprocess.Popen([OPENSSL, *map(str, words)], env=environment("/dev/null"), stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT) as process:
        try:
            said = iter(process.stdout.readline, b"")
            port = next(int(found[1]) for found in (re.search(rb"ACCEPT .*:(\d+)", line) for line in said) if found)
            cert = ca.issue("listened", f"authorityInfoAccess=OCSP;URI:http://127.0.0.1:{port}/")
            found = ask(cert, fetch_from=f"127.0.0.1:{port}")
        finally:
            process.kill()
    # Its index is older than the certificate.
    assert (found["state"], found["why"]) == ("unknown", "")
