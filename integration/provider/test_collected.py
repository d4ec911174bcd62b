# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
"""What came with a mail or from the hub is no anchor: in stock programs, under the stock names, and in the C API."""

import pytest

from harness import BUILD, COMMAND, OPENSSL, must, run, stock, write_conf
from keyrings import make_keyring

BY_MAIL = "the chain ends in a certificate that came with a mail, from a directory or from the hub"
PARTIAL = "-partial_chain"
PROGRAM = BUILD / "tests" / "api" / "verify_program"
# The signer, what is kept of its chain, how that makes no anchor, and how it makes one.
KEPT = [("good_rsa", "good_rsa", "collected", "contact"), ("good_chain", "intermediate", "intermediate", "ca"),
        ("good_rsa", "good_rsa", "hub-contact", "hub-anchor-contact"),
        ("good_chain", "intermediate", "hub-ca", "hub-anchor-ca")]


@pytest.fixture(params=KEPT, ids=[how for _, _, how, _ in KEPT])
def case(request, tmp_path, mail, pki):
    """A signed mail, the certificate that was collected, and configurations by `trust`."""
    signer, kept, role, admitted = request.param
    signed = tmp_path / "signed"
    must(stock("cms", "-sign", "-in", mail, "-signer", pki[signer].pem, "-inkey", pki[signer].key,
               "-out", signed))
    made = {"signed": signed, "anchor": pki[kept].pem, "out": tmp_path / "out"}
    for name, how in (("collected", role), ("uploaded", admitted)):
        made[name] = make_keyring(tmp_path / name, f"{how}:{pki[kept].pem}")
    return made


def verify(case, keyring, trust, *words, command=None):
    conf = write_conf(case["out"].parent / f"{trust}.cnf", {"trust": trust, "keyring": keyring})
    case["out"].unlink(missing_ok=True)
    before = (OPENSSL,) if command is None else (COMMAND, "--keyring", keyring)
    return run(*before, *words, "-in", case["signed"], "-out", case["out"],
               conf=None if command else conf)


def is_refused(case, result):
    assert result.rc != 0 and "[distrust-default]" in result.text, result
    assert not case["out"].exists() or case["out"].read_bytes() == b""


@pytest.mark.parametrize("trust", ["caller", "keyring"])
@pytest.mark.parametrize("api", ["cms", "smime"])
def test_no_program_takes_it_for_an_anchor(api, trust, case):
    """Even where -CAfile names it; the same certificate, uploaded, is one."""
    words = (api, "-verify", "-CAfile", case["anchor"], PARTIAL)
    assert stock(*words, "-in", case["signed"], "-out", case["out"]).rc == 0
    result = verify(case, case["collected"], trust, *words)
    is_refused(case, result)
    assert BY_MAIL in result.text
    must(verify(case, case["uploaded"], trust, *words))


@pytest.mark.parametrize("words", [("verify",), ("cms", "-verify"), ("smime", "-verify")],
                         ids=" ".join)
def test_nor_does_the_command(words, case):
    for more in (), ("-CAfile", case["anchor"], PARTIAL):
        is_refused(case, verify(case, case["collected"], "caller", *words, *more, command=True))
        must(verify(case, case["uploaded"], "caller", *words, *more, command=True))


def test_nor_is_it_in_the_trust_uri(case):
    words = ("cms", "-verify", "-CAstore", "smimepolicy:trust", PARTIAL)
    assert verify(case, case["collected"], "caller", *words).rc != 0
    must(verify(case, case["uploaded"], "caller", *words))


def test_verifying_a_certificate(case, pki):
    """openssl verify asks for the purpose, or for none."""
    conf = write_conf(case["out"].parent / "x.cnf", {"keyring": case["collected"]})
    words = ("verify", PARTIAL, "-purpose", "smimesign", "-CAfile", case["anchor"], case["anchor"])
    assert run(OPENSSL, *words, conf=conf).rc != 0


def test_it_may_lie_on_the_way(tmp_path, mail, pki):
    """Below an anchor that was uploaded it is as good as any other."""
    signed, out = tmp_path / "signed", tmp_path / "out"
    must(stock("cms", "-sign", "-in", mail, "-signer", pki.good_chain.pem, "-inkey",
               pki.good_chain.key, "-certfile", pki.intermediate, "-out", signed))
    keyring = make_keyring(tmp_path / "k", f"intermediate:{pki.intermediate}",
                           f"collected:{pki.good_chain.pem}", f"ca:{pki.root.pem}")
    both = tmp_path / "both.pem"
    both.write_text(pki.root.pem.read_text() + pki.intermediate.read_text())
    for trust in "caller", "keyring":
        conf = write_conf(tmp_path / "c.cnf", {"trust": trust, "keyring": keyring})
        for anchors in pki.root.pem, both:
            must(run(OPENSSL, "cms", "-verify", "-in", signed, "-CAfile", anchors, "-out", out,
                     conf=conf))


def test_own_anchors_first_completes_the_chain(tmp_path, mail, pki):
    """With that setting a program needs no issuer beside the CA: the keyring has the others."""
    signed, out = tmp_path / "signed", tmp_path / "out"
    must(stock("cms", "-sign", "-in", mail, "-signer", pki.good_chain.pem, "-inkey",
               pki.good_chain.key, "-out", signed))
    keyring = make_keyring(tmp_path / "k", f"intermediate:{pki.intermediate}", f"ca:{pki.root.pem}")
    words = ("cms", "-verify", "-in", signed, "-CAfile", pki.root.pem, "-out", out)
    for place, code in ("last", 4), ("first", 0):
        conf = write_conf(tmp_path / "c.cnf", {"keyring": keyring, "own_anchors": place})
        assert run(OPENSSL, *words, conf=conf).rc == code


@pytest.mark.parametrize("trust", ["caller", "keyring"])
@pytest.mark.parametrize("api", ["cms", "pkcs7"])
def test_the_callback_of_the_library(api, trust, tmp_path, mail, pki):
    """A certificate that has signed itself, in the store of a program."""
    signed = tmp_path / "signed"
    must(stock("cms", "-sign", "-in", mail, "-signer", pki.person_ca.pem, "-inkey",
               pki.person_ca.key, "-out", signed))
    for role, passes in (("contact", True), ("collected", False), ("intermediate", False),
                         ("hub-contact", False), ("hub-anchor-contact", True)):
        keyring = make_keyring(tmp_path / role, f"{role}:{pki.person_ca.pem}")
        policy = tmp_path / f"{role}.cnf"
        policy.write_text(f"keyring = {keyring}\ntrust = {trust}\n")
        result = run(PROGRAM, api, pki.person_ca.pem, signed, policy)
        assert (result.rc == 0) == passes, result
        assert passes or BY_MAIL in result.text, result
