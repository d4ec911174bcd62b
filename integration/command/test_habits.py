# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
"""
Command lines as people write them into scripts, under the stock names and under stock.

With certificates that satisfy the rules both must do the same: the same bytes
where nothing random is in them, else a message that stock reads to the same
content, and always the same exit code and the same words on standard error.
"""

import itertools
import re
import shlex
import time

import pytest

from harness import COMMAND, OPENSSL, PATIENCE, must, run, stock

# Each runs in a directory with: mail.txt, me.pem and me.key (RSA), me2.pem and me2.key (EC), both.pem
# (certificate and key in one), locked.key (passphrase "secret", also in pass.txt), chain.pem, ca.pem,
# signed.eml, opaque.eml, signed.der, detached.der (over mail.txt, binary), sealed.eml, sealed.der, sealed.pem.
# What follows "=>" says how to compare: same bytes, or what stock makes of the output.
LINES = """
smime -sign -in mail.txt -signer me.pem -inkey me.key -out out => verify
smime -sign -signer me.pem -inkey me.key -text -in mail.txt -out out => verify
smime -sign -signer both.pem -in mail.txt => verify
smime -sign -signer me.pem -inkey me.key -certfile chain.pem -in mail.txt -out out => verify
smime -sign -signer me.pem -inkey me.key -nodetach -outform DER -in mail.txt -out out => verify-der
smime -sign -signer me.pem -inkey me.key -nodetach -in mail.txt => verify
smime -sign -binary -nodetach -noattr -signer me.pem -inkey me.key -in mail.txt -outform DER -out out => same
smime -sign -binary -noattr -signer me.pem -inkey me.key -in mail.txt -outform PEM -out out => same
smime -sign -binary -noattr -outform der -signer me.pem -inkey me.key -in mail.txt -out out => same
smime -sign -md sha256 -signer me.pem -inkey me.key -from a@example.com -to b@example.com -subject "Hi there" -in mail.txt => verify
smime -sign -signer me.pem -inkey locked.key -passin pass:secret -in mail.txt -out out => verify
smime -sign -signer me.pem -inkey locked.key -passin file:pass.txt -in mail.txt -out out => verify
smime -sign -signer me.pem -inkey locked.key -passin env:SECRET -in mail.txt -out out => verify
smime -sign -nocerts -signer me.pem -inkey me.key -in mail.txt -out out => verify-with-me
smime -sign -indef -nodetach -signer me.pem -inkey me.key -in mail.txt -out out => verify
smime -sign -stream -signer me.pem -inkey me.key -in mail.txt -out out => verify
smime -sign -signer me.pem -inkey me.key -signer me2.pem -inkey me2.key -in mail.txt => verify
smime -sign -crlfeol -signer me.pem -inkey me.key -in mail.txt => verify
smime -resign -in opaque.eml -signer me2.pem -inkey me2.key -out out => verify
cms -sign -in mail.txt -signer me.pem -inkey me.key -out out => verify
cms -sign -in mail.txt -signer me.pem -inkey me.key -keyid -nosmimecap -out out => verify
cms -sign -in mail.txt -signer me2.pem -inkey me2.key -md sha384 -outform PEM -nodetach -out out => verify-pem
cms -sign -binary -noattr -nodetach -in mail.txt -signer me.pem -inkey me.key -outform DER -out out => same
cms -sign -signer me.pem -inkey me.key -keyopt rsa_padding_mode:pss -in mail.txt => verify
cms -resign -in opaque.eml -signer me2.pem -inkey me2.key -out out => verify
smime -encrypt -aes256 -in mail.txt -out out me.pem => decrypt
smime -encrypt -aes-128-cbc -to b@example.com -from a@example.com -subject secret -in mail.txt me.pem => decrypt
smime -encrypt -aes256 -binary -outform DER -in mail.txt -out out me.pem => decrypt-der
smime -encrypt -aes256 -outform PEM -in mail.txt me.pem => decrypt-pem
cms -encrypt -aes256 -in mail.txt -out out me.pem me2.pem => decrypt
cms -encrypt -recip me.pem -aes-192-cbc -in mail.txt -out out => decrypt
cms -encrypt -recip me2.pem -keyopt ecdh_kdf_md:sha256 -aes256 -in mail.txt => decrypt-me2
cms -encrypt -recip me.pem -keyopt rsa_padding_mode:oaep -aes256 -stream -in mail.txt -out out => decrypt
cms -encrypt -AES128 -keyid -in mail.txt me.pem => decrypt
smime -decrypt -in sealed.eml -recip me.pem -inkey me.key -out out => same
smime -decrypt -in sealed.eml -inkey me.key => same
smime -decrypt -inform DER -in sealed.der -inkey me.key -out out => same
smime -decrypt -recip both.pem -in sealed.eml => same
cms -decrypt -inform PEM -in sealed.pem -recip me.pem -inkey locked.key -passin pass:secret => same
cms -decrypt -in sealed.eml -inkey me.key -text => same
smime -verify -in signed.eml -CAfile ca.pem -out out => same
smime -verify -in signed.eml -CAfile ca.pem -signer who.pem -out out => same
smime -verify -text -in text.eml -CAfile ca.pem => same
smime -verify -inform DER -in signed.der -CAfile ca.pem -out out => same
smime -verify -inform DER -in detached.der -content mail.txt -binary -CAfile ca.pem => same
smime -verify -inform DER -in detached.der -content mail.txt -binary -CAfile ca.pem -out /dev/null => same
smime -pk7out -in signed.eml -out out => same
cms -verify -in opaque.eml -CAfile ca.pem -certsout certs.pem -out out => same
cms -verify -in signed.eml -CAfile ca.pem -certfile me.pem -nointern => same
cms -cmsout -in signed.eml -outform DER -out out => same
cms -cmsout -print -noout -in sealed.eml => same
cms -data_create -in mail.txt -outform DER -out out => same
cms -digest_create -md sha256 -in mail.txt -outform DER -out out => same
"""
COMMANDS = [line for line in LINES.strip().splitlines()]
PIPES = """
smime -sign -signer me.pem -inkey me.key -text -in mail.txt | smime -encrypt -aes256 -to b@example.com me.pem
smime -sign -signer me.pem -inkey me.key -nodetach | cms -encrypt -aes256 me.pem me2.pem
smime -decrypt -inkey me.key -in sealed-signed.eml | smime -verify -CAfile ca.pem
"""


@pytest.fixture(scope="module")
def desk(tmp_path_factory, pki, mail):
    """The files that the lines name."""
    at = tmp_path_factory.mktemp("desk")
    me, me2 = pki.good_rsa, pki.good_p256
    for name, source in (("mail.txt", mail), ("me.pem", me.pem), ("me.key", me.key),
                         ("me2.pem", me2.pem), ("me2.key", me2.key), ("ca.pem", pki.ca),
                         ("chain.pem", pki.intermediate)):
        (at / name).write_bytes(source.read_bytes())
    (at / "both.pem").write_bytes(me.pem.read_bytes() + me.key.read_bytes())
    (at / "pass.txt").write_text("secret\n")
    for line in ("pkey -in me.key -aes256 -passout pass:secret -out locked.key",
                 "smime -sign -in mail.txt -signer me.pem -inkey me.key -certfile me.pem -out signed.eml",
                 "smime -sign -text -in mail.txt -signer me.pem -inkey me.key -out text.eml",
                 "cms -sign -nodetach -in mail.txt -signer me.pem -inkey me.key -out opaque.eml",
                 "smime -sign -nodetach -in mail.txt -signer me.pem -inkey me.key -outform DER -out signed.der",
                 "smime -sign -binary -in mail.txt -signer me.pem -inkey me.key -outform DER -out detached.der",
                 "smime -encrypt -aes256 -in mail.txt -out sealed.eml me.pem",
                 "smime -encrypt -aes256 -in mail.txt -outform DER -out sealed.der me.pem",
                 "cms -encrypt -aes256 -in mail.txt -outform PEM -out sealed.pem me.pem",
                 "smime -encrypt -aes256 -in signed.eml -out sealed-signed.eml me.pem"):
        must(stock(*shlex.split(line), cwd=at))
    return at


def outcome(program, line, desk):
    """The result of a line: exit code, both streams, and the files it wrote."""
    written = [desk / name for name in ("out", "who.pem", "certs.pem")]
    for path in written:
        path.unlink(missing_ok=True)
    result = run(program, *shlex.split(line), conf="/dev/null", cwd=desk, env={"SECRET": "secret"})
    files = {path.name: path.read_bytes() for path in written if path.exists()}
    return result, files


def both(line, desk):
    """The results of stock and the command in the same second, as a signature holds the time."""
    end = time.monotonic() + PATIENCE
    for tries in itertools.takewhile(lambda _: time.monotonic() < end, itertools.count()):
        # From the start of a second there is time for both, even on a busy machine.
        time.sleep(-time.time() % 1 if tries else 0)
        second = int(time.time())
        left = outcome(OPENSSL, line, desk), outcome(COMMAND, line, desk)
        if int(time.time()) == second:
            return left
    pytest.fail("two processes take more than a second here")


def content(message, how, desk):
    """The content that stock reads from a message."""
    form = {"der": "DER", "pem": "PEM"}.get(how.split("-")[-1], "SMIME")
    if how.startswith("verify"):
        more = ["-certfile", "me.pem"] if how.endswith("with-me") else []
        words = ["cms", "-verify", "-CAfile", "ca.pem", *more]
    else:
        who = "me2" if how.endswith("me2") else "me"
        words = ["cms", "-decrypt", "-recip", f"{who}.pem", "-inkey", f"{who}.key"]
    return must(stock(*words, "-inform", form, stdin=message, cwd=desk)).out


def header(message):
    """The first lines without the boundary, which is random."""
    return re.sub(rb"-{2,}[0-9A-F]{32}", b"BOUNDARY", message.split(b"\n\n")[0])


@pytest.mark.parametrize("entry", COMMANDS)
def test_line(entry, desk):
    line, how = entry.split(" => ")
    (theirs, their_files), (ours, our_files) = both(line, desk)
    assert theirs.rc == 0, theirs
    assert (ours.rc, ours.err) == (theirs.rc, theirs.err), ours
    assert our_files.keys() == their_files.keys()
    if how == "same":
        assert ours.out == theirs.out and our_files == their_files
        return
    message, expected = our_files.get("out", ours.out), their_files.get("out", theirs.out)
    assert content(message, how, desk) == content(expected, how, desk) != b""
    if not how.endswith(("der", "pem")):
        assert header(message) == header(expected)


@pytest.mark.parametrize("line", PIPES.strip().splitlines())
def test_pipe(line, desk):
    """Both stages through the drop-in, and both through stock."""
    results = []
    for program in (OPENSSL, COMMAND):
        data = (desk / "mail.txt").read_bytes()
        for stage in line.split(" | "):
            result = must(run(program, *shlex.split(stage), conf="/dev/null", cwd=desk, stdin=data))
            data = result.out
        results.append((data, result.err))
    (theirs, their_err), (ours, our_err) = results
    assert our_err == their_err
    if "-encrypt" not in line:
        assert ours == theirs
        return
    opened = [content(data, "decrypt", desk) for data in (ours, theirs)]
    assert content(opened[0], "verify", desk) == content(opened[1], "verify", desk) != b""
