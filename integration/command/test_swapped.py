# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
"""
Files that are swapped while the command and openssl read them, at each of their system calls in turn.

Whatever is read when: every signer and every recipient of what goes out is a certificate that may be used.
"""

import re
import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from faults import AT_ONCE, DONE
from harness import COMMAND, OPENSSL, REPO, must, run, stock
from keyrings import make_keyring

VERBS = ["sign", "encrypt", "verify", "decrypt", "cms", "smime"]
HOW = ["once", "again", "over"]
# Of all system calls in the normal run.
SAMPLES = 3
MAIL = "From: {0}@example.com\r\nTo: {0}@example.com\r\nSubject: {0}\r\n\r\nThis is for {0}.\r\n"


@pytest.fixture(scope="session")
def swap(tmp_path_factory):
    """The program that swaps a file before one system call."""
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("no C compiler is installed")
    program = tmp_path_factory.mktemp("swap") / "swap"
    must(run(compiler, "-Wall", "-Wextra", "-Werror", "-o", program, REPO / "integration" / "lib" / "swap.c"))
    result = run(program, "once", 0, "/nonexistent/x", "/nonexistent/y", program.parent / "log", "/bin/true")
    if result.rc != 0:
        pytest.skip(f"nothing can be traced here: {result.err}")
    return program


@dataclass(frozen=True)
class Swapped:
    """A command line with FILE in it; the contents of FILE before and after; which certificates are good, or not."""

    words: tuple
    before: Path
    after: Path
    good: tuple
    bad: tuple
    content: bytes = b""  # what the output has to say
    whose: tuple = ()     # the fields are those of one of them, and so are certificate and text
    works: bool = True    # if nothing is swapped

    def command(self, path, out):
        """The words, with an option for the output behind those that say what to do."""
        words = [str(path.parent if word == "RING" else path if word == "FILE" else word) for word in self.words]
        at = next(i for i, word in enumerate(words) if word in VERBS) + 1
        at += words[at - 1] in ("cms", "smime")
        return [COMMAND, *words[:at], "-out", out, *words[at:]]


def serial(cert):
    text = must(stock("x509", "-in", cert, "-noout", "-serial")).out.decode()
    return int(text.strip().removeprefix("serial="), 16)


def joined(path, *files):
    path.write_bytes(b"".join(Path(file).read_bytes() for file in files))
    return path


@pytest.fixture(scope="session")
def cases(pki, post, mail, tmp_path_factory):
    """Every named file, by name of the case."""
    return dict(_cases(pki, post, mail, tmp_path_factory.mktemp("cases")))


def _cases(pki, post, mail, work):
    key_of_both = pki.renewed_old.key
    good, bad = pki.renewed_new, pki.renewed_old
    for verb in (["sign"], ["cms", "-sign"], ["smime", "-sign"]):
        name = " ".join(verb)
        common = [*verb, "-in", mail]
        # Both have the same key, so that nothing but the rules refuses.
        yield f"{name}: signer", Swapped((*common, "-signer", "FILE", "-inkey", key_of_both), good.pem, bad.pem,
                                         (good,), (bad,))
        yield f"{name}: signer, the other way", Swapped((*common, "-signer", "FILE", "-inkey", key_of_both), bad.pem,
                                                        good.pem, (good,), (bad,), works=False)
        yield f"{name}: signer with key", Swapped(
            (*common, "-signer", "FILE"), joined(work / f"{name}.1", pki.good_rsa.pem, pki.good_rsa.key),
            joined(work / f"{name}.2", pki.eku_server.pem, pki.eku_server.key), (pki.good_rsa,), (pki.eku_server,))
        yield f"{name}: key", Swapped((*common, "-signer", pki.good_rsa.pem, "-inkey", "FILE"), pki.good_rsa.key,
                                      pki.good_p256.key, (pki.good_rsa,), ())
        yield f"{name}: certfile", Swapped(
            (*common, "-signer", pki.old_chain.pem, "-inkey", pki.old_chain.key, "-certfile", "FILE"),
            pki.intermediate, pki.old_intermediate.pem, (pki.old_chain,), (pki.old_intermediate,))
    yield "sign -v: signer", Swapped(
        ("sign", "-v", "-in", mail, "-signer", "FILE", "-inkey", key_of_both), good.pem, bad.pem, (good,), (bad,))
    for verb in (["encrypt"], ["cms", "-encrypt", "-aes256"], ["smime", "-encrypt", "-aes256"], ["encrypt", "-v"]):
        for first, then in ((pki.good_rsa, pki.web_rsa), (pki.good_p256, pki.web_ec), (good, bad)):
            if verb[0] == "smime" and first is pki.good_p256:
                continue
            yield f"{' '.join(verb)}: recipient {then.name}", Swapped((*verb, "-in", mail, "FILE"), first.pem,
                                                                      then.pem, (first,), (then,))
        yield f"{' '.join(verb)}: one of two", Swapped((*verb, "-in", mail, pki.good_rsa.pem, "FILE"), good.pem,
                                                       bad.pem, (pki.good_rsa, good), (bad,))
    yield from _keyring_cases(pki, mail, work)
    yield from _other_cases(pki, post, mail, work)


def _keyring_cases(pki, mail, work):
    good, bad = pki.renewed_new, pki.renewed_old
    for role, words in (("identity", ("sign", "--from", "renewed@example.com")),
                        ("contact", ("encrypt", "--to", "renewed@example.com"))):
        databases = []
        for cert in (good, bad):
            kept = f"{role}:{cert.pem}" + (f":file:{cert.key}" if role == "identity" else "")
            databases.append(make_keyring(work / f"{role}.{cert.name}", kept) / "certificates.db")
        for more in ((), ("-v",)):
            yield f"{' '.join([words[0], *more])}: keyring", Swapped(
                ("--keyring", "RING", *words, *more, "-in", mail), *databases, (good,), (bad,))


def _other_cases(pki, post, mail, work):
    policies = [work / "good.cnf", work / "broken.cnf", work / "module.cnf"]
    for path, text in zip(policies, ("mode = enforce\n", "mode = observed\n",
                                     "module = /nonexistent\nactivate = 0\n")):
        path.write_text(text)
    for cert, works in ((pki.good_rsa, True), (pki.expired, False)):
        for path in policies[1:]:
            yield f"policy {path.stem}, {cert.name}", Swapped(
                ("--policy", "FILE", "sign", "-in", mail, "-signer", cert.pem, "-inkey", cert.key), policies[0], path,
                (pki.good_rsa,), (pki.expired,), works=works)
    yield "sign: message", Swapped(("sign", "-in", "FILE", "-signer", pki.good_rsa.pem, "-inkey", pki.good_rsa.key),
                                   mail, pki.ca, (pki.good_rsa,), ())
    text = work / "text"
    text.write_text(MAIL.format("good_rsa"))
    other = work / "other"
    other.write_text(MAIL.format("good_p256"))
    both = make_keyring(work / "both", f"identity:{pki.good_rsa.pem}:file:{pki.good_rsa.key}",
                        f"identity:{pki.good_p256.pem}:file:{pki.good_p256.key}")
    for verb in ("sign", "encrypt"):
        yield f"{verb}: fields of the message", Swapped(("--keyring", both, verb, "--headers", "-in", "FILE"), text, other,
                                                        (), (), whose=(pki.good_rsa, pki.good_p256))
    yield "verify: message", Swapped(("verify", "--no-sender", "-in", "FILE", "-CAfile", pki.ca), post.signed("good_rsa"),
                                     signed_text(pki, work / "signed"), (), (), content=b"quick brown fox")
    yield "decrypt: message", Swapped(("decrypt", "-in", "FILE", "-recip", pki.good_rsa.pem, "-inkey", pki.good_rsa.key),
                                      post.encrypted("good_rsa"), post.encrypted("web_rsa"), (), (),
                                      content=b"quick brown fox")


def signed_text(pki, path):
    """Another text, signed with a certificate that may not."""
    must(stock("cms", "-sign", "-signer", pki.eku_server.pem, "-inkey", pki.eku_server.key, "-out", path,
               stdin=b"not judged\n"))
    return path


def serials(message):
    """Those of signers, of recipients and of the certificates that go along."""
    text = must(stock("cms", "-cmsout", "-print", "-noout", "-in", message)).text
    return {int(number, 16 if number.startswith("0x") else 10)
            for number in re.findall(r"serialNumber: (-?(?:0x)?[0-9A-Fa-f]+)", text)}


def complaint(case, how, result, out):
    """
    What is wrong with the result, or None.  A message that is written over may be read in two parts, by any
    program; its fields are read once, and they are what is judged.
    """
    if not out.exists():
        return "no output" if result.rc == DONE else None
    if result.rc != DONE or result.out:
        return "output after a failure"
    if case.content:
        return None if case.content in out.read_bytes() else "this was not judged"
    found = serials(out)
    if case.whose:
        (cert,) = (cert for cert in case.whose if serial(cert.pem) in found)
        text = out.read_bytes()
        if b"This is for" not in text:
            text += must(stock("cms", "-decrypt", "-in", out, "-recip", cert.pem, "-inkey", cert.key)).out
        parts = ["From: {}@", "To: {}@", *(["This is for {}."] if how != "over" else [])]
        whole = all(part.format(cert.name).encode() in text for part in parts)
        return None if whole else "fields, text and certificate are not of one person"
    if not {serial(cert.pem) for cert in case.good} <= found:
        return "not everybody is in it"
    return "a bad certificate is in it" if found & {serial(cert.pem) for cert in case.bad} else None


def try_at(swap, case, how, number, room):
    """Swap at one system call; returns how many there were, and the complaint."""
    place, other, log, out = (room / name for name in ("in/file", "other", "log", "out"))
    place.parent.mkdir(parents=True)
    if "RING" in case.words:
        place = place.with_name("certificates.db")
        shutil.copy(case.before.with_name("keys.db"), place.parent)
    shutil.copy(case.before, place)
    shutil.copy(case.after, other)
    result = run(swap, how, number, place, other, log, *case.command(place, out))
    wrong = complaint(case, how, result, out)
    if number == 0 and (result.rc == DONE) != case.works:
        wrong = "nothing was swapped, and it is another result"
    left = {path.name for path in room.iterdir()} - {"in", "other", "log", "out"}
    if left:
        wrong = f"left: {left}"
    count = int(log.read_text())
    shutil.rmtree(room)
    return count, wrong and f"{how} at {number} of {count}: {wrong}: {result}"


def try_each(swap, case, room, most=None):
    """Swap at each system call, or at |most| of them."""
    count, wrong = try_at(swap, case, "once", 0, room / "0")
    assert count > 3 and wrong is None, wrong
    numbers = range(1, count + 1)
    points = [(how, number) for how in HOW for number in numbers]
    if most is not None and len(points) > most:
        points = [points[len(points) * i // most] for i in range(most)]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        results = list(pool.map(lambda point: try_at(swap, case, *point, room / "-".join(map(str, point))), points))
    told = [text for _, text in results if text]
    assert not told, "\n\n".join(told)


QUICK = ["sign: signer", "cms -sign: signer with key", "smime -sign: certfile", "sign -v: signer",
         "encrypt: recipient web_rsa", "cms -encrypt -aes256: one of two", "sign: keyring", "encrypt -v: keyring",
         "policy module, expired", "sign: fields of the message"]


@pytest.mark.parametrize("name", QUICK)
def test_swapped_at_some_calls(name, swap, cases, tmp_path):
    try_each(swap, cases[name], tmp_path, SAMPLES)


@pytest.mark.slow
def test_swapped_at_each_call(swap, cases, tmp_path):
    told = []
    for number, (name, case) in enumerate(cases.items()):
        try:
            try_each(swap, case, tmp_path / str(number))
        except AssertionError as error:
            told.append(f"{name}: {error}")
    assert not told, "\n\n".join(told)


def test_without_the_policy_it_is_seen(swap, cases, tmp_path, monkeypatch):
    """The tests above would fail: the same swap with stock, which uses what it finds."""
    monkeypatch.setitem(globals(), "COMMAND", OPENSSL)
    for name in ("cms -sign: signer", "cms -encrypt -aes256: recipient web_rsa"):
        with pytest.raises(AssertionError, match="a bad certificate|not everybody is in it"):
            try_each(swap, cases[name], tmp_path / name[-3:], SAMPLES)
