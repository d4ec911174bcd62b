# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
"""What the command reads in a message before stock verifies it: the sender and signing times."""

import json

import pytest

from harness import COMMAND, must, run, stock

DONE, USAGE, INPUT, REFUSED, CRYPTO, SYSTEM = range(6)
VERIFIED = "CMS Verification successful\n"


def command(*args, **kwargs):
    """Our command."""
    return run(COMMAND, *args, **kwargs)


class Signed:
    """Signing by stock, at any time and with any header."""

    def __init__(self, pki, directory):
        self.pki = pki
        self.directory = directory
        self.count = 0

    def __call__(self, name, *options, then=None, header=b"", body=b"hello\n"):
        """A message signed by |name| (or several), with |header| put before it."""
        self.count += 1
        text = self.directory / f"body{self.count}"
        text.write_bytes(body)
        signers = []
        for each in [name] if isinstance(name, str) else name:
            cert = self.pki[each]
            signers += ["-signer", cert.pem, "-inkey", cert.key]
        words = ["openssl", "cms", "-sign", "-in", text, *signers, *options]
        # The time is far from both ends of every validity, so midnight does not matter.
        result = must(run(*(["faketime", then] if then else []), *words, conf="/dev/null"))
        path = self.directory / f"signed{self.count}"
        path.write_bytes(header + result.out)
        return path


@pytest.fixture
def signed(pki, tmp_path):
    return Signed(pki, tmp_path)


@pytest.fixture
def verify(pki, tmp_path):
    """
    verify(message, *options): the verb, and that nothing is left if it fails.

    The line on who signed, and the warning of certificates that last for ever, have tests elsewhere.
    """
    quiet = tmp_path / "quiet.cnf"
    quiet.write_text("validity_too_long = ignore\n")

    def ask(message, *options, words=("verify",), trusted=None, **kwargs):
        out = tmp_path / "content"
        out.unlink(missing_ok=True)
        if words == ("verify",):
            words = ("--policy", quiet, "verify", "-q")
        result = command(*words, "-in", message, "-CAfile", trusted or pki.ca, "-out", out,
                         *options, **kwargs)
        assert out.exists() == (result.rc == DONE), result
        assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]
        return result
    return ask


def is_refused(result, rule, *texts):
    """Refused by |rule| and nothing else, with |texts| said."""
    assert result.rc == REFUSED and result.out == b"", result
    assert [line for line in result.err.splitlines() if line.startswith("refused: verify: ") and
            f"[{rule}]" in line], result
    for text in texts:
        assert text in result.err, result
    assert "successful" not in result.err


# --- sender-match


ADDRESS = "good_rsa@example.com"
FROM_THE_SIGNER = [
    f"From: {ADDRESS}",
    "from:GOOD_RSA@Example.COM",
    f"From: Good <{ADDRESS}>",
    f"From: \"mallory@example.com\" <{ADDRESS}>",
    f"From: =?utf-8?q?mallory=40example=2Ecom?= <{ADDRESS}>",
    f"From: (mallory@example.com) {ADDRESS} (or not)",
    "From: \"good_rsa\"@example.com",
    f"From: Good\r\n <{ADDRESS}>",
    f"From: mallory@example.com, {ADDRESS}\nSender: {ADDRESS}",
    f"From: {ADDRESS}\nReply-To: mallory@example.com",
    f"From: {ADDRESS}\nSubject: a mail\nMIME-Version: 1.0",
    f"From mallory@example.com Mon Jan  5 10:00:00 2026\nFrom: {ADDRESS}",
    f"From: Dr. G. Good <{ADDRESS}>",
    f"From: Göod <{ADDRESS}>",
]
FROM_ANOTHER = [
    ("From: mallory@example.com", "the mail is from mallory@example.com"),
    (f"From: \"{ADDRESS}\" <mallory@example.com>", "the mail is from mallory@example.com"),
    (f"From: =?utf-8?q?good=5Frsa=40example=2Ecom?= <mallory@example.com>", "from mallory@"),
    (f"From: {ADDRESS} <mallory@example.com>", "no address that can be read"),
    (f"From: {ADDRESS}, mallory@example.com", "holds 2 addresses"),
    (f"From: friends: mallory@example.com, {ADDRESS};", "holds a group"),
    (f"From: friends: mallory@example.com, {ADDRESS};\nSender: {ADDRESS}", "holds a group"),
    (f"From: a: b: {ADDRESS};;", "holds a group"),
    ("From: " + "a:" * 80000, "holds a group"),
    ("From: " + "(" * 80000, "more than 10 deep"),
    ("From: " + f"{ADDRESS}, " * 1000 + ADDRESS, "more than 1000 addresses"),
    (f"From: <>, {ADDRESS}", "no address that can be read"),
    (f"From: \"The CEO\", <{ADDRESS}>", "no address that can be read"),
    (f"From: \"The CEO\", ‹{ADDRESS}›", "no address that can be read"),
    (f"From: <@relay.example:{ADDRESS}>", "no address that can be read"),
    (f"From: \"mallory@example.com\r\" <{ADDRESS}>", "carriage return"),
    (f"From: mallory@example.com\nFrom: {ADDRESS}\nSender: {ADDRESS}", "2 From fields"),
    (f"From: {ADDRESS}\nFrom : mallory@example.com", "neither is a field"),
    (f"From: {ADDRESS}\n , mallory@example.com\njunk", "neither is a field"),
    (f"From: {ADDRESS}\n \nX: y", "neither is a field"),
    (f"From: {ADDRESS}\nX:{'x' * 1000} From: mallory@example.com", "more than 998 bytes"),
    (f"From: {ADDRESS}\nX: {'x' * (1 << 20)}", "longer than 1 MB"),
    ("To: good_rsa@example.com", "no From field"),
    ("Reply-To: boss@bank.example\nSubject: pay", "no From field"),
    ("Received: from bank.example", "no From field"),
    ("List-Id: <list.bank.example>", "no From field"),
    ("Resent-From: mallory@example.com", "no From field"),
    ("From mallory@example.com Mon Jan  5 10:00:00 2026", "no From field"),
    (f"Apparently-From: mallory@example.com\nFrom: {ADDRESS}", "2 From fields"),
    (f"From: \"=?utf-8?q?=22_=3Cmallory@example.com=3E=2C?=\" <{ADDRESS}>",
     "hidden in encoded words"),
    (f"From: <(c){ADDRESS}>", "no address that can be read"),
    ("X-Sender: mallory@example.com", "no From field"),
    (f"From: {ADDRESS}\nFrom: mallory@example.com", "2 From fields"),
    (f"From: {ADDRESS}\nFrom: {ADDRESS}", "2 From fields"),
    (f"Sender: {ADDRESS}", "no From field"),
    (f"From: mallory@example.com, {ADDRESS}\nSender: mallory@example.com", "holds 2 addresses"),
    (f"From: mallory@example.com\nSender: {ADDRESS}", "the mail is from mallory@example.com"),
    (f"From: mallory@example.com, {ADDRESS}\nSender: {ADDRESS}\nSender: {ADDRESS}",
     "holds 2 addresses"),
    (f"From: {ADDRESS} garbage (", "no address that can be read"),
    (f"From: {ADDRESS}, mall ory@@", "no address that can be read"),
    ("From: undisclosed:;", "holds a group"),
    ("From: ", "no address that can be read"),
    ("From: good_rsa", "no address that can be read"),
    ("From: good_rsа@example.com", "the mail is from"),
    ("From: good_rsa@example.com.mallory.example", "the mail is from"),
    (f"X-Note: a line to some,\rFrom: mallory@example.com\nFrom: {ADDRESS}", "carriage return"),
    (f"\ufeffFrom: {ADDRESS}", "neither is a field"),
    (f"From\u00a0: mallory@example.com\nFrom: {ADDRESS}", "neither is a field"),
    (f"X-Note: the end\0 to some\nFrom: {ADDRESS}", "holds a NUL"),
]


@pytest.mark.parametrize("header", FROM_THE_SIGNER)
def test_mail_of_its_signer(header, signed, verify):
    result = verify(signed("good_rsa", header=header.encode() + b"\n"))
    assert (result.rc, result.err) == (DONE, VERIFIED), result


@pytest.mark.parametrize("opaque", [[], ["-nodetach"]])
@pytest.mark.parametrize("header, text", FROM_ANOTHER)
def test_mail_of_another(header, text, opaque, signed, verify):
    result = verify(signed("good_rsa", *opaque, header=header.encode() + b"\n"))
    is_refused(result, "sender-match", text, "believe the signer's address")


def test_international_domain(signed, verify):
    """A U-label is compared as its A-label (RFC 8398, 5)."""
    message = signed("good_rsa", header="From: x@bücher.example\n".encode())
    is_refused(verify(message), "sender-match", "x@xn--bcher-kva.example")


def test_no_header(signed, verify):
    """If there is nothing to compare a note says so, and it is no error."""
    for options in [[], ["-outform", "PEM"], ["-outform", "DER"]]:
        message = signed("good_rsa", *options, "-nodetach")
        result = verify(message, *[word.replace("out", "in") for word in options])
        assert result.rc == DONE and "no address was compared" in result.err, result
        assert result.err.startswith(VERIFIED)


def test_empty_line_first(signed, verify):
    """An empty line comes first, so there is no header, and stock finds no message either."""
    result = verify(signed("good_rsa", header=b"\n"))
    assert result.rc == INPUT and result.out == b"", result
    assert "the message cannot be read: its header is empty" in result.err, result


def test_sender_given(signed, verify):
    message = signed("good_rsa")
    assert verify(message, "--sender", ADDRESS).err == VERIFIED
    assert verify(message, "-sender", f"Good <{ADDRESS.upper()}>").err == VERIFIED
    is_refused(verify(message, "--sender", "mallory@example.com"), "sender-match", "from mallory@")
    # In addition to the header.
    message = signed("good_rsa", header=b"From: mallory@example.com\n")
    is_refused(verify(message, "--sender", ADDRESS), "sender-match", "from mallory@")


@pytest.mark.parametrize("words, text", [
    (["--sender", "a@example.com, b@example.com"], "is not one address"),
    (["--sender", "nobody <"], "is not one address"),
    (["--sender", ADDRESS, "--no-sender"], "exclude each other"),
])
def test_sender_misused(words, text, signed, verify):
    result = verify(signed("good_rsa"), *words)
    assert result.rc == USAGE and text in result.err, result


def test_no_comparison(signed, verify):
    message = signed("good_rsa", header=b"From: mallory@example.com\n")
    result = verify(message, "--no-sender")
    assert result.rc == DONE and "no address was compared" in result.err, result


def test_one_of_two_signers_is_the_sender(signed, verify):
    message = signed(["good_rsa", "good_p256"], header=b"From: good_p256@example.com\n")
    result = verify(message)
    assert result.rc == DONE, result
    assert "note: verify: good_rsa@example.com: the mail is from good_p256@example.com" in result.err
    message = signed(["good_rsa", "good_p256"], header=b"From: mallory@example.com\n")
    result = verify(message)
    is_refused(result, "sender-match")
    assert result.err.count("[sender-match]") == 2


def test_no_note_on_what_is_not_verified(signed, verify, pki):
    """A message that fails gets no note, which would look like a good sign."""
    message = signed("good_rsa", "-nodetach", body=b"hello\n")
    result = verify(message, trusted=pki.foreign_root.pem)
    assert result.rc == REFUSED and "note" not in result.err, result


@pytest.fixture(params=["cms", "smime"])
def drop_in(request, verify, tmp_path):
    """drop_in(message, settings): a stock name, and the lines of the decision log."""
    def ask(message, *options, sender=None, log=True):
        policy, written = tmp_path / "policy.cnf", tmp_path / "log"
        policy.write_text((f"sender = {sender}\n" if sender else "") +
                          (f"decision_log = {written}\n" if log else ""))
        written.unlink(missing_ok=True)
        result = verify(message, *options, words=("--policy", policy, request.param, "-verify"))
        lines = written.read_text().splitlines() if written.exists() else []
        return result, [line for line in map(json.loads, lines)
                        if any(f["rule"] == "sender-match" for f in line["findings"])]
    return ask


def test_stock_names_log_another_sender(drop_in, signed):
    result, lines = drop_in(signed("good_rsa", header=b"From: mallory@example.com\n"))
    assert result.rc == DONE and "mallory" not in result.err, result
    assert result.err.count("\n") == 1
    [line] = lines
    assert (line["operation"], line["verdict"]) == ("verify", "observed")
    result, lines = drop_in(signed("good_rsa", header=b"From: good_rsa@example.com\n"))
    assert result.rc == DONE and not lines


def test_stock_names_refuse_another_sender(drop_in, signed):
    for log in (True, False):
        message = signed("good_rsa", header=b"From: mallory@example.com\n")
        result, lines = drop_in(message, sender="refuse", log=log)
        is_refused(result, "sender-match")
        assert [line["verdict"] for line in lines] == (["refused"] if log else [])
        message = signed("good_rsa", header=b"From: good_rsa@example.com\n")
        assert drop_in(message, sender="refuse", log=log)[0].rc == DONE


@pytest.mark.parametrize("opaque", [[], ["-nodetach"]])
@pytest.mark.parametrize("header, text", FROM_ANOTHER)
def test_stock_names_refuse_what_the_verb_refuses(header, text, opaque, drop_in, signed):
    message = signed("good_rsa", *opaque, header=header.encode() + b"\n")
    result, lines = drop_in(message, sender="refuse")
    is_refused(result, "sender-match", text)
    assert [line["verdict"] for line in lines] == ["refused"]
    result, lines = drop_in(message)
    assert [line["verdict"] for line in lines] == ["observed"], result


# Lines behind the fields that stock needs: stock ends a header at the first of these.
LATE = [
    ("\rX: y\nFrom: mallory@example.com", "carriage return"),
    (f"From: {ADDRESS}\n\rX: y\nFrom: mallory@example.com", "carriage return"),
    ("\0X: y\nFrom: mallory@example.com", "holds a NUL"),
    (" \nFrom: mallory@example.com", "neither is a field"),
    (f"From: {ADDRESS}\n\r\nFrom: mallory@example.com", "in two ways"),
    ("Reply-To: mallory@example.com", "no From field"),
]


@pytest.mark.parametrize("opaque", [[], ["-nodetach"]])
@pytest.mark.parametrize("header, text", LATE)
def test_late_in_the_header(header, text, opaque, drop_in, signed, verify):
    message = signed("good_rsa", *opaque)
    head, _, body = message.read_bytes().partition(b"\n\n")
    message.write_bytes(head + b"\n" + header.encode() + b"\n\n" + body)
    is_refused(verify(message), "sender-match", text)
    is_refused(verify(message, "--sender", ADDRESS), "sender-match", text)
    result, lines = drop_in(message, sender="refuse")
    is_refused(result, "sender-match", text)
    assert [line["verdict"] for line in lines] == ["refused"]
    is_refused(drop_in(message, "-sender", ADDRESS)[0], "sender-match", text)
    assert [line["verdict"] for line in drop_in(message)[1]] == ["observed"]


@pytest.mark.parametrize("place", ["name", "beginning", "middle"])
@pytest.mark.parametrize("field", ["From", "To", "Subject", "MIME-Version", "X-Anything"])
def test_a_nul_in_any_field(field, place, drop_in, signed, verify):
    """The NUL is the reason, and not that nobody vouches for the signer."""
    message = signed("good_rsa", header=f"From: {ADDRESS}\nTo: bob@example.com\nSubject: test\n"
                                        "X-Anything: test\n".encode())
    data = message.read_bytes()
    at = data.index(field.encode() + b": ")
    at += {"name": 1, "beginning": len(field) + 2, "middle": len(field) + 4}[place]
    message.write_bytes(data[:at] + b"\0" + data[at:])
    is_refused(verify(message), "sender-match", "holds a NUL")
    result, _ = drop_in(message, sender="refuse")
    is_refused(result, "sender-match", "holds a NUL")
    for result in (verify(message), result):
        assert "distrust-default" not in result.text


@pytest.mark.parametrize("form", [[], ["-outform", "DER"]])
def test_stock_names_refuse_what_has_no_sender(form, drop_in, signed):
    """With `sender = refuse` the expected sender has to be given."""
    message = signed("good_rsa", "-nodetach", *form)
    form = [word.replace("out", "in") for word in form]
    result, lines = drop_in(message, *form, sender="refuse")
    is_refused(result, "sender-match", "no address was compared", "--sender")
    assert [line["verdict"] for line in lines] == ["refused"]
    assert drop_in(message, *form, "-sender", ADDRESS, sender="refuse")[0].rc == DONE
    result, lines = drop_in(message, *form)
    assert result.rc == DONE and not lines, result
    # A given sender is compared whatever the setting.
    for sender in ("refuse", None):
        result = drop_in(message, *form, "-sender", "mallory@example.com", sender=sender)[0]
        is_refused(result, "sender-match", "the mail is from mallory@example.com")


def test_stock_names_compare_sender_and_header(drop_in, signed):
    message = signed("good_rsa", header=b"From: mallory@example.com\n")
    is_refused(drop_in(message, "-sender", ADDRESS, log=False)[0], "sender-match", "mallory@")
    message = signed("good_rsa", header=f"From: {ADDRESS}\n".encode())
    assert drop_in(message, "-sender", ADDRESS, log=False)[0].rc == DONE


@pytest.mark.parametrize("words, text", [
    (["-sender", "a@example.com, b@example.com"], "is not one address"),
    (["-sender", ADDRESS, "-noverify"], "-sender"),
])
def test_stock_names_misuse_sender(words, text, drop_in, signed):
    result = drop_in(signed("good_rsa"), *words)[0]
    assert result.rc == USAGE and text in result.err, result


@pytest.mark.parametrize("api", ["cms", "smime"])
def test_sender_is_for_verification(api, mail, pki):
    result = command(api, "-sign", "-in", mail, "-signer", pki.good_rsa.pem, "-inkey",
                     pki.good_rsa.key, "-sender", ADDRESS)
    assert result.rc == USAGE and result.out == b"" and "-sender" in result.err, result


@pytest.mark.parametrize("api", ["cms", "smime"])
@pytest.mark.parametrize("more", [["-passin", "pass:x"], ["-passin", "stdin"],
                                  ["-passin", "fd:0"]])
def test_no_option_hides_another_sender(api, more, signed, pki, tmp_path):
    """A needless passphrase option does not prevent the comparison."""
    policy = tmp_path / "policy.cnf"
    policy.write_text("sender = refuse\n")
    message = signed("good_rsa", header=b"From: mallory@example.com\n")
    result = command("--policy", policy, api, "-verify", "-CAfile", pki.ca, "-in", message, *more,
                     stdin=b"x\n")
    assert result.rc == REFUSED and result.out == b"", result
    assert "[sender-match]" in result.err or "to compare its sender" in result.err


def test_observed_sender_is_quiet(signed, pki, tmp_path):
    """mode = observe: the log has it, stderr what stock says."""
    policy, log = tmp_path / "policy.cnf", tmp_path / "log"
    policy.write_text(f"sender = refuse\nmode = observe\ndecision_log = {log}\n")
    message = signed("good_rsa", header=b"From: mallory@example.com\n")
    result = command("--policy", policy, "smime", "-verify", "-CAfile", pki.ca, "-in", message)
    assert (result.rc, result.err) == (DONE, "Verification successful\n"), result
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert [line["verdict"] for line in lines if "sender-match" in str(line["findings"])] == \
        ["observed"]


def test_stock_names_keep_stdin(signed, pki, tmp_path):
    policy = tmp_path / "policy.cnf"
    policy.write_text("sender = refuse\n")
    for sender, rc in (("good_rsa", DONE), ("mallory", REFUSED)):
        message = signed("good_rsa", header=f"From: {sender}@example.com\n".encode())
        result = command("--policy", policy, "smime", "-verify", "-CAfile", pki.ca,
                         stdin=message.read_bytes())
        assert result.rc == rc and (b"hello" in result.out) == (rc == DONE), result


# --- signer-validity


THEN = "2024-01-01 12:00:00"  # inside the validity of the guide's certificate


def both_clocks(result, then):
    """|then| to the minute, as the clock goes on while faketime starts a program."""
    assert f"signed on {then}" in result.err and "by the signer's clock" in result.err, result
    assert "(now 20" in result.err and "the signer's own claim" in result.err, result


@pytest.mark.parametrize("options, form", [
    ([], "SMIME"), (["-nodetach"], "SMIME"),
    (["-nodetach", "-outform", "PEM"], "PEM"), (["-nodetach", "-outform", "DER"], "DER")])
def test_signed_while_valid(options, form, signed, verify):
    result = verify(signed("guide", *options, then=THEN), "-inform", form)
    assert result.rc == DONE and result.err.startswith(VERIFIED), result
    assert "certificate expired on 2024-07-31T14:20:28Z" in result.err
    both_clocks(result, "2024-01-01T12:00:")


def test_from_standard_input(signed, pki):
    message = signed("guide", then=THEN)
    result = command("verify", "-CAfile", pki.ca, stdin=message.read_bytes())
    assert result.rc == DONE and b"hello" in result.out, result
    both_clocks(result, "2024-01-01T12:00:")


# The unit tests check the limits to the second; faketime takes time.
@pytest.mark.parametrize("then", ["2023-07-31", "2024-08-01", "2025-01-01"])
def test_signed_outside_validity(then, signed, verify):
    result = verify(signed("guide", then=then))
    is_refused(result, "signer-validity", "was not valid at its signing time", "(now 20")


def test_signing_time_in_the_future(signed, verify):
    """Refused, though the signer is valid now and will be then."""
    is_refused(verify(signed("good_rsa", then="2040-01-01 12:00:00")), "signer-validity",
               "signing time is in the future, 2040-01-01T")


def test_no_signing_time(signed, verify):
    assert verify(signed("good_rsa", "-noattr")).rc == DONE
    is_refused(verify(signed("guide", "-noattr")), "signer-validity",
               "not valid now, and the message has no signing time")


def test_every_signer(signed, verify):
    result = verify(signed(["good_rsa", "guide"], then=THEN))
    assert result.rc == DONE, result
    both_clocks(result, "2024-01-01T12:00:")
    message = signed(["guide", "expired"], then=THEN)
    is_refused(verify(message), "signer-validity", "expired@example.com")


def test_tampered(signed, verify):
    """An old message is no less verified for being old."""
    message = signed("guide", then=THEN)
    message.write_bytes(message.read_bytes().replace(b"hello", b"hallo"))
    result = verify(message)
    assert result.rc == CRYPTO and "note" not in result.err, result


def test_distrusted(signed, verify, pki):
    result = verify(signed("guide", then=THEN), trusted=pki.foreign_root.pem)
    assert result.rc == REFUSED and "[distrust-default]" in result.err, result
    assert "note" not in result.err


def test_moment_of_the_user(signed, verify):
    """-attime sets the time: then stock decides alone."""
    message = signed("guide", then=THEN)
    assert verify(message, "-attime", "1704110400").rc == DONE
    result = verify(message, "-attime", "1800000000")
    assert result.rc == CRYPTO and "certificate has expired" in result.err, result


@pytest.mark.parametrize("option", [["-crl_check"], ["-verify_depth", "5"], ["-auth_level", "1"]])
def test_what_is_not_judged_here_is_not_loosened(option, signed, verify):
    result = verify(signed("guide", then=THEN), *option)
    assert result.rc == CRYPTO and "Verify error" in result.err, result


def test_stock_names_keep_the_failure_of_stock(signed, verify):
    for api in ("cms", "smime"):
        result = verify(signed("guide", then=THEN), words=(api, "-verify"))
        assert result.rc == CRYPTO and "certificate has expired" in result.err, result


# --- in parts


HEADER = (b"MIME-Version: 1.0\nContent-Type: multipart/signed; "
          b"protocol=\"application/x-pkcs7-signature\"; micalg=\"sha-256\"; boundary=\"%s\"\n\n")
BODIES = {
    "text": b"hello\nworld\n",
    "crlf": b"hello\r\nworld\r\n",
    "no end": b"hello",
    "empty": b"",
    "lines": b"\n\n\n",
    "spaces": b"hello  \t\nworld \n",
    "returns": b"hello\r\r\nwo\rrld\r\n\r",
    "long": b"x" * 5000 + b"\n" + b"y" * 1023 + b"\n" + b"z" * 1022 + b"\r\n",
    "long returns": (b"x" * 1022 + b"\r") * 3 + b"y\n",
    "dashes": b"--\n-- \n----\n--x--\n",
    "8bit": bytes(range(1, 256)) + b"\n",
    "nul": b"a\0b\nc\n",
    "mail": b"Content-Type: text/plain\n\nhello\n",
    "nested": b"Content-Type: multipart/mixed; boundary=a\n\n--a\n\nx\n--a--\n",
}


def test_taken_apart(signed, pki, tmp_path):
    """Stock gets the parts, unless an option or the message needs it whole."""
    seen = tmp_path / "openssl"
    seen.write_text("#!/bin/sh\necho \"$@\"\n")
    seen.chmod(0o755)

    def words(message, *options):
        """Those of the tool: -trusted_first changes nothing, and is left to it."""
        result = command("verify", "-trusted_first", "-CAfile", pki.ca, "-in", message, *options,
                         env={"SMIME_POLICY_OPENSSL": seen})
        assert result.rc == DONE, result
        return result.out.decode()

    apart = " -inform DER -content /proc/self/fd/"
    message = signed("good_rsa")
    assert apart in words(message)
    assert apart in words(message, "-text", "-inform", "smime")
    assert apart not in words(message, "-binary")
    assert apart not in words(signed("good_rsa", "-nodetach"))
    path = signed("good_rsa", body=b"a%b\n")
    path.write_bytes(path.read_bytes().replace(b"a%b", b"a\0b"))
    assert apart not in words(path)
    # Checks are loosened only if needed.
    assert "-no_check_time" not in words(message)
    assert "-no_check_time" in words(signed("guide", then=THEN))


@pytest.mark.parametrize("options", [[], ["-text"], ["-binary"], ["-crlfeol"]])
@pytest.mark.parametrize("name", BODIES)
def test_content_is_as_stock_gives_it(name, options, signed, pki, tmp_path):
    """Taken apart or not: the same bytes, or the same failure."""
    how = [["-text"]] if "-text" in options else [[], ["-binary"], ["-crlfeol"]]
    for sign in how:
        message = signed("good_rsa", *sign, body=BODIES[name])
        out = tmp_path / "ours"
        out.unlink(missing_ok=True)
        theirs = stock("cms", "-verify", "-CAfile", pki.ca, "-in", message, *options)
        ours = command("verify", "-CAfile", pki.ca, "-in", message, "-out", out, "--no-sender",
                       *options)
        assert (ours.rc == DONE) == (theirs.rc == 0), (sign, ours, theirs)
        if theirs.rc == 0:
            assert out.read_bytes() == theirs.out


def rebuilt(message, preamble=b"", epilogue=b"", after=b"", boundary=None, more=b"", quote=True):
    """The message with its outer parts changed."""
    old = message.read_bytes()
    mark = old.split(b'boundary="')[1].split(b'"')[0]
    parts = (b"\n" + old.split(b"\n\n", 1)[1]).split(b"\n--" + mark)
    new = boundary or mark
    header = HEADER % new
    if not quote:
        header = header.replace(b'"' + new + b'"', new)
    body = (preamble + b"--" + new + after + parts[1] + b"\n--" + new + after + parts[2] +
            more + b"\n--" + new + b"--" + after + b"\n" + epilogue)
    path = message.with_suffix(".rebuilt")
    path.write_bytes(header + body)
    return path


@pytest.mark.parametrize("how, verified", [
    ({}, True),
    ({"preamble": b"This is an S/MIME signed message\n\n"}, True),
    ({"epilogue": b"\nthe end\n"}, True),
    ({"after": b" \t"}, True),
    ({"boundary": b"simple", "quote": False}, True),
    ({"boundary": b"'()+_,-./:=? x"}, True),
    ({"more": b"\n--@@\n\nthird part\n"}, True),
])
def test_parts(how, verified, signed, verify, pki):
    message = rebuilt(signed("good_rsa", body=b"hello\n"), **how)
    theirs = stock("cms", "-verify", "-CAfile", pki.ca, "-in", message)
    ours = verify(message, "--no-sender")
    assert (theirs.rc == 0) == (ours.rc == DONE), (theirs, ours)
    assert (ours.rc == DONE) == verified, ours


def test_unsigned(verify, mail):
    result = verify(mail)
    assert result.rc == INPUT and result.out == b"", result


def test_detached_content(signed, verify, pki, tmp_path):
    content = tmp_path / "body1"
    signature = signed("guide", "-binary", "-outform", "DER", then=THEN)
    result = verify(signature, "-inform", "DER", "-content", content, "-binary")
    assert result.rc == DONE, result
    content.write_bytes(b"changed\n")
    assert verify(signature, "-inform", "DER", "-content", content, "-binary").rc == CRYPTO


@pytest.fixture
def forged(pki, tmp_path):
    """A certificate that has issuer and serial of good_rsa's, and Alice's address."""
    conf, request, issuer, path = (tmp_path / name for name in ("x.cnf", "csr", "issuer", "forged"))
    conf.write_text("[leaf]\nkeyUsage = digitalSignature\nextendedKeyUsage = emailProtection\n"
                    "subjectAltName = email:alice@example.com\n"
                    "[req]\ndistinguished_name = dn\n[dn]\n")
    serial = must(stock("x509", "-in", pki.good_rsa.pem, "-noout", "-serial")).text.strip()
    name = must(stock("x509", "-in", pki.ca, "-noout", "-subject", "-nameopt", "compat")).text
    must(stock("req", "-new", "-config", conf, "-key", pki.good_p256.key, "-subj", "/CN=x",
               "-out", request))
    must(stock("req", "-x509", "-config", conf, "-key", pki.good_p384.key, "-days", "9000",
               "-subj", name.split("=", 1)[1].strip(), "-out", issuer))
    must(stock("x509", "-req", "-in", request, "-CA", issuer, "-CAkey", pki.good_p384.key,
               "-set_serial", "0x" + serial.split("=")[1], "-days", "9000", "-extfile", conf,
               "-extensions", "leaf", "-out", path))
    return path


def test_issuer_and_serial_of_another(forged, signed, verify, pki):
    """We and stock search -certfile before the message, so both take the same signer."""
    message = signed("good_rsa", "-nocerts", header=b"From: good_rsa@example.com\n")
    assert verify(message).rc == CRYPTO
    assert verify(message, "-certfile", pki.good_rsa.pem).rc == DONE
    message = signed("good_rsa", "-nocerts", "-certfile", forged,
                     header=b"From: alice@example.com\n")
    is_refused(verify(message), "distrust-default")
    is_refused(verify(message, "-certfile", pki.good_rsa.pem), "sender-match", "from alice@")


@pytest.mark.parametrize("words", [["verify"], ["cms", "-verify"], ["smime", "-verify"]])
def test_certificates_that_only_stock_can_read(words, forged, signed, pki, tmp_path):
    """A pipe can be read once: then it is not known with which certificate stock has verified."""
    policy = tmp_path / "policy.cnf"
    policy.write_text("sender = refuse\n")
    message = signed("good_rsa", "-nocerts", "-certfile", forged,
                     header=b"From: alice@example.com\n")
    script = 'exec "$0" "$@" -certfile <(cat "$CERT")'
    result = run("/bin/bash", "-c", script, COMMAND, "--policy", policy, *words, "-in", message,
                 "-CAfile", pki.ca, env={"CERT": pki.good_rsa.pem})
    assert result.rc == (INPUT if words == ["verify"] else REFUSED), result
    assert result.out == b"" and ("-certfile cannot be read" in result.err or
                                  "to compare its sender" in result.err)


# --- issuers whose time has passed


class Issuers:
    """One CA key with certificates of several periods, and an end-entity certificate of 2022."""

    def __init__(self, directory):
        self.directory = directory
        self.conf = directory / "x509.cnf"
        self.conf.write_text(
            "[ca]\nbasicConstraints = critical,CA:TRUE\nkeyUsage = critical,keyCertSign\n"
            "subjectKeyIdentifier = hash\n"
            "[leaf]\nbasicConstraints = CA:FALSE\nkeyUsage = digitalSignature\n"
            "extendedKeyUsage = emailProtection\nsubjectAltName = email:old@example.com\n"
            "[req]\ndistinguished_name = dn\n[dn]\n")
        self.ca_key, self.key = directory / "ca.key", directory / "leaf.key"
        for key in (self.ca_key, self.key):
            must(stock("ecparam", "-genkey", "-name", "prime256v1", "-noout", "-out", key))
        for name, start, days in (("then", "2021-01-01", 1000), ("now", "2024-07-01", 36500),
                                  ("neither", "2015-01-01", 1000)):
            self.make(name, start, days, self.ca_key, "/CN=CA", "ca",
                      "-signkey", self.ca_key)
        self.leaf = self.make("leaf", "2022-01-01", 365, self.key, "/CN=Old", "leaf",
                              "-CA", self["then"], "-CAkey", self.ca_key)

    def __getitem__(self, name):
        return self.directory / f"{name}.crt"

    def make(self, name, start, days, key, subject, section, *by):
        request = self.directory / f"{name}.csr"
        must(stock("req", "-new", "-config", self.conf, "-key", key, "-subj", subject,
                   "-out", request))
        must(run("faketime", f"{start} 00:00:00", "openssl", "x509", "-req", "-in", request,
                 "-days", days, "-extfile", self.conf, "-extensions", section, "-set_serial",
                 str(len(name)), *by, "-out", self[name], conf="/dev/null"))
        return self[name]


@pytest.mark.parametrize("anchor, verified", [("then", True), ("now", True), ("neither", False)])
def test_issuer_then_or_now(anchor, verified, verify, tmp_path):
    """A CA is judged now or at the signing time: one renewed since passes, one long expired does not."""
    directory = tmp_path / "issuers"
    directory.mkdir()
    issuers = Issuers(directory)
    body = directory / "body"
    body.write_text("hello\n")
    message = directory / "message"
    must(run("faketime", "2022-06-01 12:00:00", "openssl", "cms", "-sign", "-in", body, "-signer",
             issuers.leaf, "-inkey", issuers.key, "-out", message, conf="/dev/null"))
    result = verify(message, trusted=issuers[anchor])
    if verified:
        assert result.rc == DONE, result
        both_clocks(result, "2022-06-01T12:00:")
        assert ("the issuing certificate CN=CA is not valid now" in result.err) == (anchor == "then")
    else:
        is_refused(result, "signer-validity", "neither now nor at the signing time")
