# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
"""
sign and encrypt with --headers: what the launcher does by itself is what the tool does, byte for byte but for
what is random; and what is not plain it leaves to the tool, also when the mail came through a pipe.
"""

import os
import re
import resource
import shutil
import subprocess

import pytest

from faults import INPUT, REFUSED, SYSTEM
from harness import COMMAND, MODULE, PATIENCE, TOOL, copy_command, environment, must, run, stock
from test_keyring_verbs import box, serial  # pylint: disable=unused-import

SENDER, OTHER = "good_rsa@example.com", "good_chain@example.com"
TYPE = b"Content-Type: multipart/mixed;\n\tboundary=x\nContent-Transfer-Encoding: 7bit\n"
BODY = b"Gr\xc3\xbc\xc3\x9fe,\n\nAlice\n"

PLAIN = {
    "short": b"From: good_rsa@example.com\nTo: good_chain@example.com\n\n" + BODY,
    "lines of CRLF": (b"From: Alice <good_rsa@example.com>\nTo: good_chain@example.com\nSubject: x\n"
                      b"MIME-Version: 1.0\n" + TYPE + b"\n" + BODY).replace(b"\n", b"\r\n"),
    "folded": b"Received: from x\n\tby y\nFROM:\n \"Alice, A. B.\"\n  <good_rsa@example.com>\n" + TYPE +
              b"To: Bob\n\t<good_chain@example.com>,\n good_rsa@example.com\nMIME-Version: 1.0\n\n" + BODY,
    "Cc before To": b"Cc: <good_rsa@example.com>\nMIME-Version: 1.0\nTo: B O'B <good_chain@example.com>\n" + TYPE +
                    b"From: good_rsa@example.com\nX-Y: =?utf-8?q?x?=\n\n" + BODY,
    "no body": b"From: good_rsa@example.com\nTo: good_chain@example.com\n\n",
    "no last line end": b"From: good_rsa@example.com\nTo: good_chain@example.com\n\nx",
    "large": b"From: good_rsa@example.com\nTo: good_chain@example.com\n\n" + b"0123456789abcde\n" * 100000,
}
OTHERWISE = {
    "comment": b"From: good_rsa@example.com (Alice)\nTo: good_chain@example.com\n\n" + BODY,
    "encoded word": b"From: =?utf-8?q?A?= <good_rsa@example.com>\nTo: good_chain@example.com\n\n" + BODY,
    "group": b"From: good_rsa@example.com\nTo: us: good_chain@example.com;\n\n" + BODY,
    "two fields": b"From: good_rsa@example.com\nTo: good_chain@example.com\nTo: good_rsa@example.com\n\n" + BODY,
    "UTF-8": b"From: good_rsa@example.com\nTo: good_chain@example.com\nSubject: \xc3\xa4\n\n" + BODY,
    "Bcc": b"From: good_rsa@example.com\nTo: good_chain@example.com\nBcc: x@example.com\n\n" + BODY,
    "no end": b"From: good_rsa@example.com\nTo: good_chain@example.com\n",
    "no sender": b"To: good_chain@example.com\n\n" + BODY,
    "empty": b"",
}
WORDS = {
    "sign": ["sign", "--headers"], "sign -nodetach": ["sign", "--headers", "-nodetach"],
    "sign DER": ["sign", "--headers", "-outform", "DER"],
    "sign --from": ["sign", "--headers", "--from", OTHER],
    "encrypt": ["encrypt", "--headers"], "encrypt PEM": ["encrypt", "--headers", "-outform", "PEM"],
    "encrypt --to-self": ["encrypt", "--headers", "--to-self"],
    "encrypt --to": ["encrypt", "--headers", "--to", f"A <{SENDER}>"],
}
MAIN = ["sign", "encrypt"]


@pytest.fixture(name="ring")
def _ring(box):
    return box.give(identities=["good_rsa", "good_chain"])


@pytest.fixture
def lone(tmp_path):
    """The launcher without the tool."""
    for name in ("shim", "provider"):
        (tmp_path / name).mkdir()
    shutil.copy(MODULE, tmp_path / "provider")
    command = copy_command(tmp_path / "shim")
    (command.parent / TOOL.name).unlink()
    return command


def made(message, form, pki, box):
    """All of a message that is not random: its header, its certificates and its content."""
    path, text, certs = box.file("message"), box.file("text"), box.file("certs")
    path.write_bytes(message)
    shown = must(stock("cms", "-cmsout", "-print", "-noout", "-inform", form, "-in", path)).text
    names = re.findall(r"serialNumber: .*|issuer: .*|algorithm: .*", shown)
    if "envelopedData" in shown:
        cert = pki.good_chain if serial(pki.good_chain) in shown else pki.good_rsa
        must(stock("cms", "-decrypt", "-inform", form, "-in", path, "-recip", cert.pem, "-inkey", cert.key, "-out",
                   text))
        certs.write_bytes(b"")
    else:
        must(stock("cms", "-verify", "-noverify", "-inform", form, "-in", path, "-out", text, "-certsout", certs))
    header = message.partition(b"\n\n")[0] if form == "SMIME" else b""
    return re.sub(rb"----[0-9A-F]{32}", b"BOUNDARY", header), names, certs.read_bytes(), text.read_bytes()


def through(how, command, ring, words, mail):
    """Run it on the mail in a file, on standard input as a file, or through a pipe."""
    words = [command, "--keyring", ring.path, *words]
    if how == "pipe":
        return run(*words, stdin=mail)
    path = ring.file("in")
    path.write_bytes(mail)
    if how == "-in":
        return run(*words, "-in", path)
    with open(path, "rb") as file:
        done = subprocess.run([str(word) for word in words], stdin=file, capture_output=True, check=False,
                              env=environment(), timeout=PATIENCE)
    return type(run("true"))(done.returncode, done.stdout, done.stderr.decode())


WAYS = ["-in", "file", "pipe"]


@pytest.mark.parametrize("mail, words", [(mail, words) for mail in PLAIN for words in WORDS
                                         if mail == "lines of CRLF" or words in MAIN])
def test_it_is_as_the_tool_does_it(mail, words, ring, lone, pki):
    form = {"DER": "DER", "PEM": "PEM"}.get(words.split()[-1], "SMIME")
    by_tool = must(through("-in", TOOL, ring, WORDS[words], PLAIN[mail]))
    expected = made(by_tool.out, form, pki, ring)
    for how in WAYS:
        result = must(through(how, lone, ring, WORDS[words], PLAIN[mail]))
        assert result.err == by_tool.err
        assert made(result.out, form, pki, ring) == expected
    if form == "SMIME":
        assert expected[0].startswith(PLAIN[mail][:4])


@pytest.mark.parametrize("how", WAYS)
@pytest.mark.parametrize("words", MAIN)
@pytest.mark.parametrize("mail", OTHERWISE)
def test_what_is_not_plain_is_left_to_the_tool(mail, words, how, ring, pki):
    by_tool = through(how, TOOL, ring, WORDS[words], OTHERWISE[mail])
    result = through(how, COMMAND, ring, WORDS[words], OTHERWISE[mail])
    assert (result.rc, result.err) == (by_tool.rc, by_tool.err)
    if by_tool.rc == 0:
        assert made(result.out, "SMIME", pki, ring) == made(by_tool.out, "SMIME", pki, ring)
    else:
        assert result.rc in (INPUT, REFUSED) and result.out == b""


@pytest.mark.parametrize("how", WAYS)
@pytest.mark.parametrize("verb, name, rule", [("encrypt", "expired", "expired"), ("sign", "expired", "expired"),
                                              ("encrypt", "nobody", "certificate-required"),
                                              ("sign", "nobody", "certificate-required")])
def test_what_is_refused(verb, name, rule, how, ring):
    """The provider refuses it, or does not have it; the tool says all about it, and reads the mail for that."""
    ring.give(identities=["expired"])
    sender, to = (f"{name}@example.com", OTHER) if verb == "sign" else (SENDER, f"{OTHER}, {name}@example.com")
    mail = f"From: {sender}\nTo: {to}\n\nx\n".encode()
    by_tool = through(how, TOOL, ring, [verb, "--headers"], mail)
    result = through(how, COMMAND, ring, [verb, "--headers"], mail)
    assert result.rc == REFUSED and result.out == b"" and f"[{rule}]" in result.err, result
    assert f"{name}@example.com" in result.err and result.err == by_tool.err


@pytest.mark.parametrize("how", WAYS)
def test_who_needs_an_option_of_ours(how, ring, pki):
    """The launcher finds out late that the tool has to do it: the mail is read once more."""
    ring.give("good_p256")
    mail = f"From: {SENDER}\nTo: {OTHER}, good_p256@example.com\n\nx\n".encode()
    result = must(through(how, COMMAND, ring, ["encrypt", "--headers"], mail))
    assert made(result.out, "SMIME", pki, ring) == made(
        must(through(how, TOOL, ring, ["encrypt", "--headers"], mail)).out, "SMIME", pki, ring)
    assert must(stock("cms", "-cmsout", "-print", "-noout", "-in", ring.file("message"))).text.count(
        "serialNumber:") == 2


def test_a_mail_that_cannot_be_kept(ring):
    """What was read of a pipe cannot be read again: nobody signs the rest of it."""
    limit = 300000

    def few():
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    done = subprocess.run([COMMAND, "--keyring", ring.path, "sign", "--headers"], input=PLAIN["large"],
                          capture_output=True, check=False, env=environment(TMPDIR=ring.directory),
                          preexec_fn=few, timeout=PATIENCE)
    assert done.returncode == SYSTEM and done.stdout == b"", done
    assert done.stderr.decode() == (f"smime-policy: cannot keep a copy of standard input in {ring.directory}: "
                                    "File too large\n")
    assert not [name for name in os.listdir(ring.directory) if name not in ("keyring", "secret")]
