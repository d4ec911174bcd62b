# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
"""Files that the command judges and openssl uses: both see the same bytes, or it is refused."""

import os
import re
import threading
import time

import pytest

from faults import DONE, INPUT, REFUSED
from harness import COMMAND, must, run, stock

NAMES = [("sign",), ("cms", "-sign"), ("smime", "-sign")]
BY_NAME = pytest.mark.parametrize("name", NAMES, ids=" ".join)


def signing(name, cert, mail, *more, script='exec "$0" "$@"', **kwargs):
    """Sign through bash, for process substitutions: $S and $C are a signer and a certfile."""
    return run("/bin/bash", "-c", script, COMMAND, *name, "-in", mail, "-inkey", cert.key, *more,
               env={"S": cert.pem, **kwargs})


def is_refused(result, out, *texts):
    assert result.rc in (REFUSED, INPUT) and result.out == b"" and not out.exists(), result
    assert all(text in result.err for text in texts), result


@BY_NAME
def test_certfile_as_a_file(name, pki, mail, tmp_path):
    """The result that the other tests compare with."""
    out = tmp_path / "out"
    result = signing(name, pki.old_chain, mail, "-signer", pki.old_chain.pem, "-certfile",
                     pki.old_intermediate.pem, "-out", out)
    is_refused(result, out, "certificate on the signer's path", "[expired]")


PIPES = {
    "substitution": '-certfile <(cat "$C")',
    "stdin": '-certfile /dev/stdin < <(cat "$C")',
    "descriptor": '-certfile /dev/fd/9 9< <(cat "$C")',
    "proc": '-certfile /proc/self/fd/9 9< <(cat "$C")',
    "uri": '-certfile file:/dev/fd/9 9< <(cat "$C")',
    "joined": '-certfile=/dev/fd/9 9< <(cat "$C")',
    "last of two": '-certfile "$GOOD" -certfile <(cat "$C")',
    "signer and certfile": '-signer /dev/fd/9 -certfile /dev/fd/9 9< <(cat "$S" "$C")',
}


@pytest.mark.parametrize("how", PIPES)
@BY_NAME
def test_certfile_that_can_be_read_once(name, how, pki, mail, tmp_path):
    """Refused, with an expired intermediate and with a good one: nobody could judge it where it is used."""
    for cert, along in ((pki.old_chain, pki.old_intermediate.pem),
                        (pki.good_chain, pki.intermediate)):
        out = tmp_path / "out"
        script = f'exec "$0" "$@" {PIPES[how]}'
        result = signing(name, cert, mail, "-signer", cert.pem, "-out", out, script=script,
                         C=along, GOOD=pki.intermediate)
        is_refused(result, out, "-certfile", "read only once", "give a regular file")


@BY_NAME
def test_certfile_of_a_fifo(name, pki, mail, tmp_path):
    """The command does not wait for a writer of a FIFO."""
    fifo, out = tmp_path / "fifo", tmp_path / "out"
    os.mkfifo(fifo)
    result = signing(name, pki.old_chain, mail, "-signer", pki.old_chain.pem, "-certfile", fifo,
                     "-out", out)
    is_refused(result, out, "read only once")


@BY_NAME
def test_certfile_that_cannot_be_read(name, pki, mail, tmp_path):
    """Missing, a directory, no certificate, a URI of the keyring, behind a passphrase."""
    locked, empty, out = tmp_path / "locked.p12", tmp_path / "empty", tmp_path / "out"
    empty.touch()
    must(stock("pkcs12", "-export", "-in", pki.old_intermediate.pem, "-nokeys", "-out", locked,
               "-passout", "pass:x"))
    for path, text in ((tmp_path / "none", "No such file"), (tmp_path, "Is a directory"),
                       (empty, "-certfile"), (mail, "-certfile"), ("-", "-certfile -"),
                       ("smimepolicy:trust", "-certfile smimepolicy:trust"),
                       (locked, "needs a passphrase")):
        result = signing(name, pki.old_chain, mail, "-signer", pki.old_chain.pem, "-certfile", path,
                         "-out", out)
        is_refused(result, out, str(path), text)


@BY_NAME
def test_signer_that_is_not_known_beforehand(name, pki, mail, tmp_path):
    """The signer is in a pipe or under a passphrase: any certificate of -certfile may be in its chain."""
    out, locked = tmp_path / "out", tmp_path / "locked.p12"
    must(stock("pkcs12", "-export", "-in", pki.old_chain.pem, "-inkey", pki.old_chain.key, "-out",
               locked, "-passout", "pass:x"))
    pipe = 'exec "$0" "$@" -signer <(cat "$S")'
    for script, signer in ((pipe, []), ('exec "$0" "$@"', ["-signer", locked]),
                           ('exec "$0" "$@" -signer <(cat "$S")', ["-signer", pki.good_rsa.pem])):
        result = signing(name, pki.old_chain, mail, *signer, "-certfile", pki.old_intermediate.pem,
                         "-out", out, script=script)
        is_refused(result, out, "certificate on the signer's path expired", "[expired]")
    result = signing(name, pki.good_chain, mail, "-certfile", pki.intermediate, "-out", out,
                     script=pipe)
    assert result.rc == DONE and out.exists(), result


def test_signer_from_the_keyring(pki, mail, tmp_path):
    """The signer is found by address; its chain in -certfile is judged, too."""
    keyring, out = tmp_path / "keyring", tmp_path / "out"
    must(run(COMMAND, "--keyring", keyring, "upload", "--no-passphrase", pki.old_chain.pem,
             pki.old_chain.key))
    words = ["--keyring", keyring, "sign", "--from", "old_chain@example.com", "-in", mail, "-out",
             out]
    is_refused(run(COMMAND, *words, "-certfile", pki.old_intermediate.pem), out, "[expired]",
               "signer's path")
    assert run(COMMAND, *words).rc == DONE


@BY_NAME
def test_key_through_a_pipe(name, pki, mail, tmp_path):
    """Only openssl reads the pipe, and gets all of it."""
    for cert in (pki.good_rsa, pki.good_p256):
        script = 'exec "$0" "${@:1:$#-2}" -signer "$S" -inkey <(cat "$K")'
        result = run("/bin/bash", "-c", script, COMMAND, *name, "-in", mail, "-inkey", "unused",
                     env={"S": cert.pem, "K": cert.key})
        assert result.rc == DONE and result.out, result


@BY_NAME
def test_what_is_sent_along_is_what_was_judged(name, pki, mail, tmp_path):
    """Another file is put in its place in between."""
    along, seen = tmp_path / "along.pem", tmp_path / "openssl"
    along.write_bytes(pki.intermediate.read_bytes())
    seen.write_text(f'#!/bin/sh\ncp {pki.old_intermediate.pem} {along}\nexec openssl "$@"\n')
    seen.chmod(0o755)
    signed, certs = tmp_path / "signed", tmp_path / "certs"
    must(run(COMMAND, *name, "-signer", pki.good_chain.pem, "-inkey", pki.good_chain.key, "-in", mail,
             "-certfile", along, "-out", signed, env={"SMIME_POLICY_OPENSSL": seen}))
    assert along.read_bytes() == pki.old_intermediate.pem.read_bytes()
    must(stock("cms", "-verify", "-in", signed, "-noverify", "-certsout", certs))
    issuer = must(stock("x509", "-in", pki.intermediate, "-noout", "-serial")).out
    serials = b"".join(must(stock("x509", "-noout", "-serial", stdin=(
        f"-----BEGIN{part}").encode())).out for part in certs.read_text().split("-----BEGIN")[1:])
    assert issuer in serials


def verify_swapped(pki, post, tmp_path, option, first, then, also=("-trusted_first",)):
    """The tool judges |first|; then openssl would find |then| in its place."""
    named, swap = tmp_path / "named.pem", tmp_path / "openssl"
    named.write_bytes(first.read_bytes())
    swap.write_text(f'#!/bin/sh\ncp {then} {named}\nexec openssl "$@"\n')
    swap.chmod(0o755)
    more = [] if option == "-CAfile" else ["-CAfile", pki.ca]
    return run(COMMAND, "verify", *also, "-in", post.signed("good_rsa"), *more, option, named, "-out",
               tmp_path / "out", env={"SMIME_POLICY_OPENSSL": swap})


def test_anchors_are_what_was_read(pki, post, tmp_path):
    """-CAfile and -certfile of a verification."""
    out = tmp_path / "out"
    result = verify_swapped(pki, post, tmp_path, "-CAfile", pki.foreign_root.pem, pki.ca)
    assert result.rc == REFUSED and not out.exists() and "[distrust-default]" in result.err, result
    assert verify_swapped(pki, post, tmp_path, "-CAfile", pki.ca, pki.foreign_root.pem).rc == DONE
    assert verify_swapped(pki, post, tmp_path, "-certfile", pki.good_rsa.pem, mail_of(tmp_path)).rc \
        == DONE


def test_anchors_are_read_by_openssl_alone(pki, post, tmp_path):
    """Where the launcher verifies, nobody else has read them before."""
    assert verify_swapped(pki, post, tmp_path, "-CAfile", pki.foreign_root.pem, pki.ca, also=()).rc == DONE
    (tmp_path / "out").unlink()
    result = verify_swapped(pki, post, tmp_path, "-CAfile", pki.ca, pki.foreign_root.pem, also=())
    assert result.rc == REFUSED and not (tmp_path / "out").exists(), result


def mail_of(tmp_path):
    """A file without certificates."""
    path = tmp_path / "none"
    path.write_text("none\n")
    return path


def wait_for_its_reader_to_go(fifo):
    """Wait until the reader has closed the FIFO, so that the next text is for the next reader."""
    for _ in range(1000):
        try:
            os.close(os.open(fifo, os.O_WRONLY | os.O_NONBLOCK))
        except OSError:
            return
        time.sleep(0.01)


def test_anchors_through_a_fifo(pki, post, tmp_path):
    """The FIFO was read twice: by the command to judge old mail, then by openssl, which was told to ignore
    dates."""
    fifo, out = tmp_path / "fifo", tmp_path / "out"
    os.mkfifo(fifo)

    def write():
        for path in (pki.foreign_root.pem, pki.ca):
            with open(fifo, "wb") as file:
                file.write(path.read_bytes())
            wait_for_its_reader_to_go(fifo)

    writer = threading.Thread(target=write, daemon=True)
    writer.start()
    result = run(COMMAND, "verify", "-in", post.signed("good_rsa"), "-CAfile", fifo, "-out", out)
    assert result.rc == REFUSED and not out.exists() and "[distrust-default]" in result.err, result
    with open(fifo, "rb") as file:
        file.read()
    writer.join(10)
    script = 'exec "$0" verify "$@" -CAfile <(cat "$C")'
    result = run("/bin/bash", "-c", script, COMMAND, "-in", post.signed("good_rsa"),
                 env={"C": pki.ca})
    assert result.rc == DONE and result.out, result


def test_anchors_that_hold_nothing(pki, post, mail, tmp_path):
    """The message names the given file, not the copy that openssl gets."""
    for path in (mail, tmp_path / "none"):
        result = run(COMMAND, "verify", "-in", post.signed("good_rsa"), "-CAfile", path)
        assert result.rc == INPUT and result.out == b"" and str(path) in result.err, result
    assert pki.ca.exists()


@pytest.mark.parametrize("name", [("encrypt",), ("cms", "-encrypt"), ("smime", "-encrypt")],
                         ids=" ".join)
def test_recipients_that_can_be_read_once(name, pki, mail, tmp_path):
    """The module judges them where they are used; a pipe is empty at its second reading."""
    out = tmp_path / "out"
    script = 'exec "$0" "$@" -in "$MAIL" {}'
    for given in ('<(cat "$C")', '/dev/fd/9 9< <(cat "$C")', '"$GOOD" <(cat "$C")',
                  '/dev/fd/9 /dev/fd/9 9< <(cat "$C")', '/dev/stdin < <(cat "$C")'):
        result = run("/bin/bash", "-c", script.format(given), COMMAND, *name, "-out", out,
                     env={"C": pki.expired.pem, "GOOD": pki.good_rsa.pem, "MAIL": mail})
        assert result.rc != DONE and result.out == b"" and not out.exists(), (given, result)
        # openssl finds nothing when it reads the second time, and says so in words of its release.
        text = (r"Could not (read|find) recipient" if given.count("/dev/fd/9") > 1 else
                re.escape("[expired]"))
        assert re.search(text, result.err), (given, result)


def test_signer_that_is_swapped(pki, mail, tmp_path):
    """The module judges the actual signer, and its issuers."""
    signer, swap, out = tmp_path / "signer.pem", tmp_path / "openssl", tmp_path / "out"
    swap.touch(0o755)

    def swapped(then, *more):
        signer.write_bytes(pki.good_rsa.pem.read_bytes() + pki.good_rsa.key.read_bytes())
        swap.write_text(f'#!/bin/sh\ncat {then.pem} {then.key} >{signer}\nexec openssl "$@"\n')
        return run(COMMAND, "sign", "-signer", signer, "-in", mail, "-out", out, *more,
                   env={"SMIME_POLICY_OPENSSL": swap})

    result = swapped(pki.expired)
    assert result.rc == REFUSED and not out.exists() and "[expired]" in result.err, result
    result = swapped(pki.old_chain, "-certfile", pki.old_intermediate.pem)
    assert result.rc == REFUSED and not out.exists() and "signer's path" in result.err, result
