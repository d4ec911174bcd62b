# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
"""`ocsp = on` in sign, encrypt and verify: whom the responder names is refused, with nothing left."""

import json

import pytest

from harness import COMMAND, SLOW_CLOCK, must, run, stock
from responders import Authority, answers
from web import server

DONE, USAGE, INPUT, REFUSED, CRYPTO, SYSTEM = range(6)
MAIL = "From: Alice <alice@example.org>\nTo: bob@example.org\nSubject: contract\n\nhello\n"


@pytest.fixture(scope="module")
def ca(server, tmp_path_factory):
    one = Authority(tmp_path_factory.mktemp("pki") / "ca", "Ca")
    for name in ("alice", "bob"):
        setattr(one, name, one.issue(name, f"authorityInfoAccess=OCSP;URI:{server.url}/ocsp"))
    return one


@pytest.fixture
def command(server, tmp_path):
    (tmp_path / "mail").write_text(MAIL)

    def runs(*words, revocation="soft", ocsp="on", clock=SLOW_CLOCK, **how):
        (tmp_path / "policy.cnf").write_text(f"ocsp = {ocsp}\nrevocation = {revocation}\nfetch_private = yes\n"
                                             f"fetch_from = {server.place}\n")
        return run(*clock, COMMAND, "--policy", tmp_path / "policy.cnf", "--keyring", tmp_path / "keyring", *words, **how)
    return runs


@pytest.fixture
def keyring(ca, command, tmp_path):
    """The CA, Alice with her key, and Bob."""
    must(command("upload", "--no-passphrase", ca.cert, ca.alice, ca.key(ca.alice), ca.bob, ocsp="off"))
    return tmp_path / "keyring"


@pytest.fixture
def verbs(ca, keyring, command, tmp_path):
    """{name: words} of the verbs, of which one certificate is used each; and the mails that they need."""
    must(command("sign", "--headers", "--from", "alice@example.org", "-in", tmp_path / "mail", "-out",
                 tmp_path / "signed", ocsp="off"))
    must(command("encrypt", "--to", "alice@example.org", "-in", tmp_path / "mail", "-out", tmp_path / "sealed",
                 ocsp="off"))
    read = ("-in", tmp_path / "mail", "-out", tmp_path / "out")
    return {
        "sign": ("sign", "--from", "alice@example.org", *read),
        "sign with a file": ("sign", "-signer", ca.alice, "-inkey", ca.key(ca.alice), *read),
        "encrypt": ("encrypt", "--to", "alice@example.org", *read),
        "encrypt to a file": ("encrypt", *read, ca.alice),
        "verify": ("verify", "-in", tmp_path / "signed", "-out", tmp_path / "out"),
    }


NAMES = ("sign", "sign with a file", "encrypt", "encrypt to a file", "verify")


@pytest.mark.parametrize("name", NAMES)
def test_good(verbs, command, server, tmp_path, name):
    """It is asked once, and the answer is kept for the next time."""
    for revocation in ("soft", "hard"):
        done = command(*verbs[name], revocation=revocation)
        assert done.rc == DONE and (tmp_path / "out").exists(), done
    assert server.paths == ["/ocsp"]


@pytest.mark.parametrize("name", NAMES)
def test_revoked(ca, verbs, command, server, tmp_path, name):
    ca.revoke("alice", "keyCompromise")
    for revocation in ("soft", "hard"):
        done = command(*verbs[name], revocation=revocation)
        assert done.rc == REFUSED and "[revoked]" in done.err and "2026-01-01" in done.err, done
        assert "key compromise" in done.err and not (tmp_path / "out").exists()
    assert server.paths == ["/ocsp"]
    assert command(*verbs[name], revocation="off").rc == DONE
    assert command(*verbs[name], ocsp="off").rc == DONE


@pytest.mark.parametrize("name", NAMES)
def test_no_answer(verbs, command, answers, tmp_path, name):
    """`soft` says so and goes on; `hard` refuses."""
    answers.clear()
    done = command(*verbs[name], revocation="hard")
    assert done.rc == REFUSED and "[revocation-unknown]" in done.err and not (tmp_path / "out").exists(), done
    assert done.err.count("note: no answer by OCSP: ") == 1 and "status 404" in done.err
    done = command(*verbs[name])
    assert done.rc == DONE and done.err.count("note: no answer by OCSP: ") == 1, done


@pytest.mark.parametrize("name", NAMES)
def test_no_answer_and_no_note(ca, verbs, command, answers, tmp_path, name):
    """With --quiet nothing is said of it; with --json it is a member, also in the report of `maintain`."""
    answers.clear()
    done = command(*verbs[name], "--quiet")
    assert done.rc == DONE and "OCSP" not in done.err and (tmp_path / "out").exists(), done
    for words, rc in ((verbs[name], DONE), (("maintain",), DONE)):
        done = command(*words, "--json")
        why, = json.loads(done.out)["ocsp"]
        assert done.rc == rc and "status 404" in why and "OCSP" not in done.err, done
    answers["/ocsp"] = ca.responder()
    assert "ocsp" not in json.loads(must(command(*verbs[name], "--json")).out)


def test_decrypting_asks_nobody(ca, verbs, command, server, tmp_path):
    ca.revoke("alice", "keyCompromise")
    done = command("decrypt", "-in", tmp_path / "sealed", "-out", tmp_path / "out", revocation="hard")
    assert done.rc == DONE and not server.asked, done


def test_stock_names_ask_nobody(ca, verbs, command, server, tmp_path):
    done = command("cms", "-encrypt", "-in", tmp_path / "mail", "-out", tmp_path / "out", ca.alice)
    assert done.rc == DONE and not server.asked, done


def test_other_commands_ask_nobody(ca, keyring, command, server):
    for words in (("check", ca.alice), ("list",), ("show", "alice@example.org"), ("trust", "alice@example.org")):
        command(*words)
    assert not server.asked


def test_other_commands_read_what_is_kept(ca, verbs, command, server, keyring, tmp_path):
    """What a verb was told once is known to every command, and none of them asks or keeps anything."""
    def states(*words, **how):
        lines = must(command("list", "--json", "--address", "alice@example.org", *words, **how)).out.splitlines()
        return [json.loads(line)["state"] for line in lines]

    ca.revoke("alice", "keyCompromise")
    assert states() == ["usable"]
    assert command(*verbs["encrypt"]).rc == REFUSED
    server.asked.clear()
    kept = sorted((keyring / "ocsp").iterdir())
    assert states() == states("--state", "revoked") == ["revoked"]
    assert states(ocsp="off") == states(revocation="off") == ["usable"]
    shown = must(command("show", "alice@example.org"))
    assert "state: revoked" in shown.text and "[revoked]" in shown.text
    checked = command("check", "--for", "sign", ca.alice)
    assert checked.rc == REFUSED and "[revoked]" in checked.text
    assert command("check", "--for", "sign", ca.alice, ocsp="off").rc == DONE
    assert command("check", "--for", "sign", ca.bob).rc == DONE
    explained = command("--explain", *verbs["encrypt"])
    assert "[revoked]" in explained.err, explained
    stock_name = command("cms", "-encrypt", "-in", tmp_path / "mail", "-out", tmp_path / "out", ca.alice)
    assert stock_name.rc != DONE and "[revoked]" in stock_name.err and not (tmp_path / "out").exists()
    opened = must(command("decrypt", "-in", tmp_path / "sealed", "-out", tmp_path / "out"))
    assert "revoked" in opened.err
    assert not server.asked and sorted((keyring / "ocsp").iterdir()) == kept


def test_explain_keeps_nothing(verbs, command, keyring, server):
    must(command(*verbs["encrypt"], "--explain"))
    assert server.paths == ["/ocsp"] and not (keyring / "ocsp").exists()


def test_it_is_chosen_past_one_that_is_revoked(ca, server, keyring, command, tmp_path):
    """Of two certificates of one address, the one that may be used is taken."""
    newer = ca.issue("bob2", f"authorityInfoAccess=OCSP;URI:{server.url}/ocsp", days=900, address="bob")
    must(command("upload", newer, ocsp="off"))
    ca.revoke("bob2")
    done = command("encrypt", "--to", "bob@example.org", "-in", tmp_path / "mail", "-out", tmp_path / "out")
    text = must(stock("cms", "-cmsout", "-print", "-noout", "-in", tmp_path / "out")).text
    assert done.rc == DONE and ca.issued["bob"][3].lower() in text.lower(), done


def test_an_intermediate_in_the_message(ca, server, keyring, command, tmp_path, answers):
    """Who was issued by a CA that came with the mail is asked about, and so is that CA."""
    below = Authority(tmp_path / "below", "Below", ca)
    answers["/below"] = below.responder()
    carol = below.issue("carol", f"authorityInfoAccess=OCSP;URI:{server.url}/below")
    mail = tmp_path / "carols"
    mail.write_text(MAIL.replace("Alice <alice@", "Carol <carol@"))
    signed = must(stock("cms", "-sign", "-in", mail, "-signer", carol, "-inkey", below.key(carol), "-certfile",
                        below.cert)).out
    head, _, _ = mail.read_bytes().partition(b"\n\n")
    (tmp_path / "signed").write_bytes(head + b"\n" + signed)
    words = ("verify", "-in", tmp_path / "signed", "-out", tmp_path / "out")
    done = command(*words, revocation="hard")
    assert done.rc == REFUSED and "[revocation-unknown]" in done.err and "Below" in done.err, done
    below.revoke("carol")
    (keyring / "ocsp").rename(tmp_path / "answers")
    done = command(*words)
    assert done.rc == REFUSED and "[revoked]" in done.err and not (tmp_path / "out").exists(), done


def test_a_responder_that_says_nothing(verbs, command, answers, tmp_path):
    """Three seconds, and then it is as if there were none."""
    answers["/ocsp"] = lambda exchange: exchange.wait()
    done = command(*verbs["encrypt"], revocation="hard", clock=())
    assert done.rc == REFUSED and "Timeout was reached" in done.err and not (tmp_path / "out").exists(), done


def test_what_stock_loads_by_itself(verbs, command, server, tmp_path):
    """The provider judges it, and opens no socket: under `hard` it needs a CRL."""
    words = ("encrypt", "-in", tmp_path / "mail", "-out", tmp_path / "out", "smimepolicy:identity/alice@example.org")
    done = command(*words, revocation="hard")
    assert done.rc == REFUSED and "revocation" in done.err and not (tmp_path / "out").exists(), done
    assert command(*words).rc == DONE and not server.asked


def test_maintain_asks_about_identities(ca, keyring, command, server, tmp_path, answers):
    """So a verb need not wait, and a person is told of a certificate of one's own that is revoked."""
    done = command("maintain", "--json")
    assert done.rc == DONE and server.paths == ["/ocsp"], done
    answers.clear()
    done = command("sign", "--from", "alice@example.org", "-in", tmp_path / "mail", "-out", tmp_path / "out")
    assert done.rc == DONE and server.paths == ["/ocsp"], done
    answers["/ocsp"] = ca.responder()
    ca.revoke("alice", "keyCompromise")
    for path in (keyring / "ocsp").iterdir():
        path.unlink()
    done = command("maintain", "--all")
    assert done.rc == REFUSED and b"alice@example.org" in done.out and b"revoked" in done.out, done
