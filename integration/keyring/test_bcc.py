# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
"""encrypt --bcc separate: a file for those whom everybody may see, and one for each address of Bcc."""

import json

import pytest

from faults import DONE, INPUT, REFUSED, SYSTEM, USAGE
from harness import COMMAND, OPENSSL, must, run, stock
from test_keyring_verbs import Box, fields, recipients, serial

SELF, TO = "good_rsa", "good_p256"
HEADER = "From: good_rsa@example.com\r\n{}Subject: the contract\r\n"
BODY = b"Content-Type: text/plain\r\n\r\nGr\xc3\xbc\xc3\x9fe\r\n"


@pytest.fixture
def box(tmp_path, pki):
    return Box(tmp_path, pki).give(TO, "good_p384", "good_p521", "expired", identities=[SELF])


def mail(box, *lines, body=BODY):
    path = box.file("mail.eml")
    path.write_bytes(HEADER.format("".join(line + "\r\n" for line in lines)).encode() + body)
    return path


def seal(box, *args, out="sealed", **kwargs):
    return box("encrypt", "--headers", "--bcc", "separate", "-in", box.file("mail.eml"), "-out", box.file(out),
               *args, **kwargs)


def written(box):
    """What is there beside the mail and the keyring."""
    return sorted(path.name for path in box.directory.iterdir() if path.name not in ("mail.eml", "keyring"))


def readers(box, pki, *files):
    """For each file, the names of those who can read it."""
    names = {serial(pki[name]): name for name in (SELF, TO, "good_p384", "good_p521")}
    return [{names[number] for number in recipients(box.file(file))} for file in files]


def test_each_bcc_has_a_file(box, pki):
    mail(box, "To: good_p256@example.com", "bCC: Carol <good_p384@example.com>,", " good_p521@example.com")
    result = must(seal(box))
    files = ["sealed", "sealed.bcc1", "sealed.bcc2"]
    assert written(box) == files
    assert readers(box, pki, *files) == [{TO}, {"good_p384"}, {"good_p521"}]
    # All have one header, with nobody of Bcc in it.
    (header,) = {fields(box.file(file)) for file in files}
    assert header.startswith("From: good_rsa@example.com\nTo: good_p256@example.com\nSubject: the contract\nMIME-")
    for file in files:
        content = box.file(file).read_bytes().lower()
        assert b"bcc:" not in content and b"good_p384" not in content and b"good_p521" not in content, file
    assert f"{box.file('sealed.bcc1')} is for good_p384@example.com" in result.err
    assert f"{box.file('sealed.bcc2')} is for good_p521@example.com" in result.err
    must(stock("cms", "-decrypt", "-in", box.file("sealed.bcc2"), "-recip", pki.good_p521.pem, "-inkey",
               pki.good_p521.key, "-out", box.file("text")))
    assert box.file("text").read_bytes() == BODY


def test_to_self_reads_every_copy(box, pki):
    mail(box, "To: good_p256@example.com", "Bcc: good_p384@example.com, GOOD_RSA@example.com")
    must(seal(box, "--to-self", "-q"))
    assert written(box) == ["sealed", "sealed.bcc1"]
    assert readers(box, pki, "sealed", "sealed.bcc1") == [{SELF, TO}, {SELF, "good_p384"}]


def test_to_self_of_one_who_writes_to_himself(box, pki):
    mail(box, "To: good_rsa@example.com", "Bcc: good_p384@example.com")
    assert "sealed" not in must(seal(box, "--to-self", "-q")).err
    assert readers(box, pki, "sealed", "sealed.bcc1") == [{SELF}, {SELF, "good_p384"}]


def test_one_in_to_and_bcc_is_visible_once(box, pki):
    mail(box, "To: good_p256@example.com", "Cc: good_p384@example.com",
         "Bcc: GOOD_P384@example.com, good_p521@example.com, good_p521@example.com",
         "Bcc: friends:good_p256@example.com;")
    must(seal(box))
    assert written(box) == ["sealed", "sealed.bcc1"]
    assert readers(box, pki, "sealed", "sealed.bcc1") == [{TO, "good_p384"}, {"good_p521"}]


@pytest.mark.parametrize("field", [[], ["Bcc:"], ["Bcc:  ", " \t"]])
def test_no_bcc(box, pki, field):
    """A folded line that is blank is refused, as in every header."""
    mail(box, "To: good_p256@example.com", *field)
    result = seal(box)
    if len(field) == 2:
        assert result.rc == INPUT and written(box) == []
    else:
        assert "sealed" not in must(result).err and written(box) == ["sealed"]
        assert "Bcc" not in fields(box.file("sealed"))


def test_bcc_alone(box, pki):
    """Nobody could read the visible copy, so there is none; with --to-self the sender can."""
    mail(box, "Bcc: good_p384@example.com, good_p521@example.com")
    result = must(seal(box))
    assert "sealed is not written: the mail names nobody in To or Cc" in result.err
    assert written(box) == ["sealed.bcc1", "sealed.bcc2"]
    assert readers(box, pki, "sealed.bcc1", "sealed.bcc2") == [{"good_p384"}, {"good_p521"}]
    must(seal(box, "--to-self", out="mine"))
    assert readers(box, pki, "mine", "mine.bcc1", "mine.bcc2") == [{SELF}, {SELF, "good_p384"}, {SELF, "good_p521"}]


def test_signed_first(box):
    """`sign` keeps the field, so that `encrypt` finds it."""
    mail(box, "To: good_p256@example.com", "Bcc: good_p384@example.com")
    signed = must(box("sign", "--headers", "-in", box.file("mail.eml"))).out
    must(box("encrypt", "--headers", "--bcc", "separate", "-out", box.file("sealed"), stdin=signed))
    assert written(box) == ["sealed", "sealed.bcc1"]


@pytest.mark.parametrize("explain", [(), ("--explain",)])
def test_json(box, explain):
    mail(box, "To: good_p256@example.com", "Bcc: good_p384@example.com")
    report = json.loads(must(seal(box, "--json", "--to-self", *explain)).out)
    files = [{key: row[key] for key in ("file", "recipients")} for row in report["files"]]
    assert files == [{"file": str(box.file("sealed")), "recipients": ["good_p256@example.com", "good_rsa@example.com"]},
                     {"file": str(box.file("sealed.bcc1")),
                      "recipients": ["good_rsa@example.com", "good_p384@example.com"]}]
    assert written(box) == ([] if explain else ["sealed", "sealed.bcc1"])
    if explain:
        assert [row["would_run"][row["would_run"].index("-out") + 1] for row in report["files"]] == [
            row["file"] for row in files]
        assert report["would_run"] == report["files"][0]["would_run"]


def test_explain(box):
    mail(box, "To: good_p256@example.com", "Bcc: good_p384@example.com")
    text = must(seal(box, "--explain")).text
    assert text.count("would run:") == 2
    assert f"would write: {box.file('sealed')}\n" in text and f"would write: {box.file('sealed.bcc1')}\n" in text
    assert written(box) == []


def test_without_the_option_the_refusal_names_it(box):
    mail(box, "To: good_p256@example.com", "Bcc: good_p384@example.com")
    result = box("encrypt", "--headers", "-in", box.file("mail.eml"), "-out", box.file("sealed"))
    assert result.rc == INPUT and "--bcc separate writes a file for each of them" in result.err
    assert written(box) == []


def test_all_faults_at_once(box):
    mail(box, "To: good_p256@example.com, a@example.net",
         "Bcc: expired@example.com, b@example.net, good_p384@example.com")
    result = seal(box)
    assert result.rc == REFUSED and result.out == b"" and written(box) == [], result
    assert "encrypt: expired@example.com: " in result.err and "[expired]" in result.err
    for address in ("a@example.net", "b@example.net"):
        assert f"encrypt: {address}: " in result.err and "[certificate-required]" in result.err


@pytest.mark.parametrize("field, fault", [
    ("Bcc: good_p384@example.com, no address", "a Bcc field of the mail holds no address that can be read"),
    ("Bcc: a: b: good_p384@example.com;;", "holds a group"),
    ("Bcc: =?utf-8?q?good=5Fp384=40example=2Ecom=2C?= <good_p384@example.com>, good_p521@example.com", "a Bcc field"),
    ("Bcc : good_p384@example.com", "neither is a field"),
    ("Resent-Bcc: good_p384@example.com", "Resent-Bcc"),
    ("Bcc: " + ",\r\n ".join(f"a{i}@example.org" for i in range(1001)), "more than 1000")])
def test_a_bcc_that_is_not_clear(box, field, fault):
    mail(box, "To: good_p256@example.com", field)
    result = seal(box)
    assert result.rc == INPUT and fault in result.err and result.out == b"", result
    assert written(box) == []


@pytest.mark.parametrize("words, fault", [
    (["--bcc", "hide", "--headers", "-out", "OUT"], "the only value is separate"),
    (["--bcc", "separate", "--to", "good_p256@example.com", "-out", "OUT"], "is for --headers"),
    (["--bcc", "separate", "--headers"], "name the first with -out"),
    (["--bcc", "separate", "--headers", "-out", "-"], "name the first with -out"),
    (["--bcc", "separate", "--headers", "-out", "/dev/null"], "name the first with -out"),
    (["--bcc", "separate", "--headers", "-out", "OUT", "CERT"], "by address alone"),
    (["--bcc", "separate", "--headers", "-out", "OUT", "-recip", "CERT"], "by address alone"),
    (["--bcc", "separate", "--bcc", "hide", "--headers", "-out", "OUT"], "--bcc")])
def test_usage(box, pki, words, fault):
    path = mail(box, "To: good_p256@example.com", "Bcc: good_p384@example.com")
    words = [{"OUT": box.file("sealed"), "CERT": pki.good_p521.pem}.get(word, word) for word in words]
    result = box("encrypt", "-in", path, *words)
    assert result.rc == USAGE and fault in result.err and result.out == b"", result
    assert written(box) == []


@pytest.mark.parametrize("verb", ["sign", "verify", "decrypt"])
def test_for_encrypt_alone(box, verb):
    result = box(verb, "--bcc", "separate", "-in", mail(box))
    assert result.rc == USAGE and "--bcc is for encrypt" in result.err


@pytest.mark.parametrize("name", ["sealed.bcc1", "sealed.bcc3", "sealed.bcc1000"])
def test_a_file_of_another_run_is_not_mixed_in(box, name):
    mail(box, "To: good_p256@example.com", "Bcc: good_p384@example.com")
    box.file(name).symlink_to("nowhere")
    result = seal(box)
    assert result.rc == SYSTEM and f"{box.file(name)} exists, and would be taken for" in result.err, result
    assert written(box) == [name]


def test_an_old_file_in_the_place_of_the_one_that_is_not_written(box):
    mail(box, "Bcc: good_p384@example.com")
    box.file("sealed").write_bytes(b"old")
    result = seal(box)
    assert result.rc == SYSTEM and "sealed exists" in result.err
    assert box.file("sealed").read_bytes() == b"old" and written(box) == ["sealed"]


@pytest.fixture
def instead(box, tmp_path_factory):
    """A stand-in for openssl: it counts its runs, and does something in the last one."""
    directory = tmp_path_factory.mktemp("instead")

    def make(what):
        path = directory / "openssl"
        path.write_text(f'#!/bin/sh\necho >>{directory}/runs\n[ "$(wc -l <{directory}/runs)" -lt 3 ] || {{ {what}; }}\n'
                        f'exec {OPENSSL} "$@"\n')
        path.chmod(0o755)
        mail(box, "To: good_p256@example.com", "Bcc: good_p384@example.com, good_p521@example.com")
        return run(COMMAND, "--keyring", box.path, "encrypt", "--headers", "--bcc", "separate", "-in",
                   box.file("mail.eml"), "-out", box.file("sealed"), env={"SMIME_POLICY_OPENSSL": path})
    return make


def test_the_last_copy_fails(box, instead):
    """Stock fails when two copies were made."""
    box.file("sealed").write_bytes(b"old")
    result = instead("exit 1")
    assert result.rc != DONE and written(box) == ["sealed"], result
    assert box.file("sealed").read_bytes() == b"old"


@pytest.mark.parametrize("name", ["sealed", "sealed.bcc1"])
def test_a_file_cannot_be_put_into_its_place(box, instead, name):
    """What was put into its place before is removed."""
    result = instead(f"mkdir {box.file(name)}")
    assert result.rc == SYSTEM and f"cannot write {box.file(name)}: Is a directory" in result.err, result
    assert written(box) == [name]


def test_the_file_that_was_there_stays(box, instead):
    box.file("sealed").write_bytes(b"old")
    result = instead(f"mkdir {box.file('sealed.bcc2')}")
    assert result.rc == SYSTEM and "sealed.bcc2: Is a directory" in result.err
    assert box.file("sealed").read_bytes() == b"old" and written(box) == ["sealed", "sealed.bcc2"]


def test_ended_by_a_signal(box, instead):
    result = instead("kill -TERM $$")
    assert result.rc != DONE and written(box) == [], result


def test_full_disk(box, tmp_path):
    """There is room for the first copy and not for the second."""
    at = tmp_path / "small"
    at.mkdir()
    if run("/bin/mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", at).rc != 0:
        pytest.skip("no file system can be mounted here")
    try:
        mail(box, "To: good_p256@example.com", "Bcc: good_p384@example.com", body=BODY + b"x" * 70 * 500)
        result = seal(box, out="small/sealed")
        assert result.rc == SYSTEM and "sealed.bcc1: No space left on device" in result.err, result
        assert list(at.iterdir()) == []
    finally:
        must(run("/bin/umount", at))


def test_a_directory_that_cannot_be_written(box, tmp_path):
    mail(box, "To: good_p256@example.com", "Bcc: good_p384@example.com")
    result = seal(box, out="nowhere/sealed")
    assert result.rc == SYSTEM and "nowhere/sealed" in result.err and written(box) == []


def test_observed(box, tmp_path):
    """With mode = observe a refusal is only told; who has no certificate gets no copy."""
    policy = tmp_path / "policy.cnf"
    policy.write_text("mode = observe\n")
    mail(box, "To: good_p256@example.com", "Bcc: b@example.net, expired@example.com")
    result = must(run(COMMAND, "--policy", policy, "--keyring", box.path, "encrypt", "--headers", "--bcc", "separate",
                      "-in", box.file("mail.eml"), "-out", box.file("sealed")))
    policy.unlink()
    assert "b@example.net" in result.err and written(box) == ["sealed", "sealed.bcc1"]
    assert f"{box.file('sealed.bcc1')} is for expired@example.com" in result.err
