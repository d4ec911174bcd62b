# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
"""
`verify` in the launcher: the message is judged in the process that verifies it, and said is what the tool says.

An option that changes nothing (-trusted_first) leaves a verification to the tool.
"""

import json
import os
import re
import shutil
import subprocess

import pytest

from faults import CRYPTO, DONE, REFUSED, SYSTEM
from harness import COMMAND, OPENSSL, PATIENCE, environment, must, refused, run, skip_if_installed, stock
from keyrings import make_keyring
from test_launcher import PAST, REPORTS, UNPROVEN, house, leaves_nothing, out, stand_in  # noqa: F401 (fixtures)

TOOL_DOES_IT = "-trusted_first"
BODY = b"Content-Type: text/plain\r\n\r\nPay the invoice.\r\n"

FORMS = {"multipart": (), "opaque": ("-nodetach",), "DER": ("-nodetach", "-outform", "DER"),
         "PEM": ("-nodetach", "-outform", "PEM"), "no attributes": ("-noattr",), "SHA-512": ("-md", "sha512")}


@pytest.fixture
def alone(house):  # noqa: F811
    """The launcher without the tool."""
    skip_if_installed("tool", "CMAKE_INSTALL_PREFIX", "libexec", "smime-policy", "smime-policy-tool")
    (house.parent / "smime-policy-tool").unlink()
    return house


def signed(path, *signers, sender="good_rsa@example.com", options=(), body=BODY, name="cms"):
    """A mail that stock signs; with its sender, unless that is None.  |name|: who can read it as PEM."""
    mail = path.parent / "to-sign"
    mail.write_bytes(body)
    must(stock("cms", "-sign", "-in", mail, "-out", path, *options,
               *(("-from", sender, "-to", "bob@example.com", "-subject", "x") if sender else ()),
               *[word for cert in signers for word in ("-signer", cert.pem, "-inkey", cert.key)]))
    if name == "smime":
        path.write_bytes(path.read_bytes().replace(b" CMS-----", b" PKCS7-----"))
    return path


def form_of(options):
    return ("-inform", options[-1]) if "-outform" in options else ()


def both(words, out, **how):  # noqa: F811
    """Run by the launcher and by the tool, which have to say and write the same; the result."""
    results = []
    for more in ((), (TOOL_DOES_IT,)):
        result = run(COMMAND, *words, "-out", out, *more, **how)
        said = re.sub(r"[0-9A-F]{16}:(?=error)|(?<=\(now )[^)]+", "", result.err)
        results.append((result.rc, said, out.read_bytes() if out.exists() else None))
        out.unlink(missing_ok=True)
    assert results[0] == results[1], results
    return result


# --- what is usual


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("sender", ["good_rsa@example.com", None], ids=["from", "no header"])
def test_it_needs_no_tool(form, sender, alone, pki, tmp_path, out):  # noqa: F811
    message = signed(tmp_path / "signed", pki.good_rsa, sender=sender, options=FORMS[form])
    words = ["verify", "-in", message, "-CAfile", pki.ca, *form_of(FORMS[form])]
    result = must(run(alone, *words, "-out", out))
    assert out.read_bytes() == BODY, result
    assert "verified: good_rsa@example.com (" in result.err and ", through " in result.err, result
    assert ("[sender-match]" in result.err) == (sender is None or "-inform" in words), result
    out.unlink()
    both(words, out)


def test_several_signers(alone, pki, tmp_path, out):  # noqa: F811
    """Each is told.  One of them is the sender."""
    message = signed(tmp_path / "signed", pki.good_rsa, pki.good_p256)
    words = ["verify", "-in", message, "-CAfile", pki.ca]
    result = must(run(alone, *words, "-out", out))
    assert result.err.count("verified: ") == 2, result
    out.unlink()
    once = both([*words, "-quiet"], out)
    assert "verified: " not in once.err, once


def test_one_signer_twice_is_left_to_the_tool(pki, tmp_path, out):  # noqa: F811
    once, message = signed(tmp_path / "once", pki.good_rsa), tmp_path / "signed"
    must(stock("cms", "-resign", "-nocerts", "-in", once, "-signer", pki.good_rsa.pem, "-inkey", pki.good_rsa.key,
               "-out", message))
    result = both(["verify", "-in", message, "-CAfile", pki.ca], out)
    assert result.rc == DONE and result.err.count("verified: ") == 2, result


@pytest.mark.parametrize("role", ["ca", "contact"])
@pytest.mark.parametrize("named", ["--keyring", "policy file"])
def test_anchors_of_the_keyring(named, role, alone, pki, tmp_path, out):  # noqa: F811
    """The CA that was uploaded, or the signer's own certificate."""
    ring = make_keyring(tmp_path / "ring", f"{role}:{pki.ca if role == 'ca' else pki.good_rsa.pem}")
    policy = tmp_path / "policy.cnf"
    policy.write_text(f"keyring = {ring}\n")
    before = ["--keyring", ring] if named == "--keyring" else ["--policy", policy]
    words = [*before, "verify", "-in", signed(tmp_path / "signed", pki.good_rsa)]
    # Which of them the message needs is known to the tool.
    leaves_nothing(run(alone, *words, "-out", out), SYSTEM, "smime-policy-tool", out=out)
    result = both(words, out)
    assert ("which was provided" in result.err) == (role == "contact"), result


def test_a_policy_that_names_no_keyring(alone, pki, tmp_path, out):  # noqa: F811
    policy = tmp_path / "policy.cnf"
    policy.write_text("# keyring = /var/lib/mail\nexpires_soon = ignore\n")
    words = ["--policy", policy, "verify", "-in", signed(tmp_path / "signed", pki.good_rsa), "-CAfile", pki.ca]
    must(run(alone, *words, "-out", out))
    for text in ("keyring = /nonexistent\n", "\t.include /dev/null\n", "key\\\nring = /nonexistent\n"):
        policy.write_text(text)
        out.unlink(missing_ok=True)
        leaves_nothing(run(alone, *words, "-out", out), SYSTEM, "smime-policy-tool", out=out)


def test_a_keyring_beside_cafile_is_left_to_the_tool(alone, pki, tmp_path, out):  # noqa: F811
    ring = make_keyring(tmp_path / "ring", f"contact:{pki.good_rsa.pem}")
    policy = tmp_path / "policy.cnf"
    policy.write_text(f"keyring = {ring}\n")
    message = signed(tmp_path / "signed", pki.good_rsa)
    for before in (["--keyring", ring], ["--policy", policy]):
        words = [*before, "verify", "-in", message, "-CAfile", pki.ca]
        leaves_nothing(run(alone, *words, "-out", out), SYSTEM, "smime-policy-tool", out=out)
        assert "which was provided" in both(words, out).err


@pytest.mark.parametrize("how", ["redirected", "piped"])
def test_standard_input(how, alone, pki, tmp_path, out):  # noqa: F811
    message = signed(tmp_path / "signed", pki.good_rsa)
    words = [str(word) for word in (alone, "verify", "-CAfile", pki.ca, "-out", out)]
    with subprocess.Popen(["cat", message], stdout=subprocess.PIPE) as writer, open(message, "rb") as file:
        done = subprocess.run(words, stdin=writer.stdout if how == "piped" else file, env=environment(),
                              capture_output=True, check=False, timeout=PATIENCE)
    assert done.returncode == DONE and out.read_bytes() == BODY, done


# --- what is refused, or the tool's


@pytest.mark.parametrize("piped", [False, True], ids=["file", "pipe"])
def test_another_sender(piped, pki, tmp_path, out):  # noqa: F811
    """The provider compares it; the tool says it, in full, and it is logged once."""
    message = signed(tmp_path / "signed", pki.good_rsa, sender="eve@example.com")
    policy, log = tmp_path / "policy.cnf", tmp_path / "log"
    policy.write_text(f"decision_log = {log}\n")
    words = ["--policy", policy, "verify", "-CAfile", pki.ca, "-out", out]
    how = dict(stdin=message.read_bytes()) if piped else {}
    result = refused(run(COMMAND, *words, *([] if piped else ["-in", message]), **how), "sender-match")
    leaves_nothing(result, REFUSED, "the mail is from eve@example.com", out=out)
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert [line["verdict"] for line in lines].count("refused") == 1, lines


def test_another_sender_without_the_tool(alone, pki, tmp_path, out):  # noqa: F811
    message = signed(tmp_path / "signed", pki.good_rsa, sender="eve@example.com")
    leaves_nothing(run(alone, "verify", "-in", message, "-CAfile", pki.ca, "-out", out), REFUSED,
                   "the mail is from eve@example.com", "[sender-match]", out=out)


def test_observed(pki, tmp_path, out):  # noqa: F811
    message = signed(tmp_path / "signed", pki.good_rsa, sender="eve@example.com")
    policy = tmp_path / "policy.cnf"
    policy.write_text("mode = observe\n")
    result = both(["--policy", policy, "verify", "-in", message, "-CAfile", pki.ca], out)
    assert result.rc == DONE and "[sender-match]" in result.err and "mode = observe" in result.err, result


@pytest.mark.parametrize("name, rule", [("ku_ke", "signer-certificate"), ("expired", "signer-validity"),
                                        ("foreign", "distrust-default")])
def test_bad_signer(name, rule, pki, tmp_path, out):  # noqa: F811
    message = signed(tmp_path / "signed", getattr(pki, name), sender=f"{name}@example.com")
    result = both(["verify", "-in", message, "-CAfile", pki.ca], out)
    assert result.rc == REFUSED and f"[{rule}]" in result.err, result


HEADERS = {"From twice": (b"From: ", b"From: eve@example.com\nFrom: "),
           "Content-Type twice": (b"MIME-Version", b"Content-Type: text/plain\nMIME-Version"),
           "a comment": (b"From: ", b"From: (eve@example.com) "), "no From": (b"From: ", b"X-From: "),
           "two senders": (b"From: ", b"From: eve@example.com, "), "a NUL": (b"From: ", b"X: \0\nFrom: "),
           "a bare CR": (b"From: ", b"X: y\rFrom: eve@example.com\nFrom: "),
           "Sender": (b"From: ", b"Sender: eve@example.com\nFrom: ")}


@pytest.mark.parametrize("what", HEADERS)
def test_header_that_readers_read_differently(what, alone, pki, tmp_path, out):  # noqa: F811
    """It is no plain one: the tool reads it, and says what it always said."""
    message = signed(tmp_path / "signed", pki.good_rsa)
    message.write_bytes(message.read_bytes().replace(*HEADERS[what], 1))
    words = ["verify", "-in", message, "-CAfile", pki.ca]
    leaves_nothing(run(alone, *words, "-out", out), SYSTEM, "smime-policy-tool", out=out)
    both(words, out)


def test_large_message(alone, pki, tmp_path, out):  # noqa: F811
    """The tool divides it."""
    for size, code in ((20, DONE), (80, SYSTEM)):
        message = signed(tmp_path / "signed", pki.good_rsa, body=BODY + b"x\r\n" * (size * 341))
        result = run(alone, "verify", "-in", message, "-CAfile", pki.ca, "-out", out)
        assert result.rc == code and out.exists() == (code == DONE), result
        out.unlink(missing_ok=True)
    must(run(COMMAND, "verify", "-in", message, "-CAfile", pki.ca, "-out", out))


# --- attacks


@pytest.mark.parametrize("report", REPORTS)
def test_report(report, pki, tmp_path, out):  # noqa: F811
    """Stock has succeeded, but nothing shows that the policy was asked."""
    message = signed(tmp_path / "signed", pki.good_rsa)
    script = REPORTS[report].replace("allowed encrypt", "allowed x").replace("allowed sign", "allowed verify")
    env = stand_in(tmp_path, f"{script}\ncat >/dev/null\necho message")
    leaves_nothing(run(COMMAND, "verify", "-in", message, "-CAfile", pki.ca, "-out", out, env=env), REFUSED, UNPROVEN,
                   out=out)


def test_a_signer_who_did_not_sign(pki, tmp_path, out):  # noqa: F811
    """The chains of two were checked, and the signature of one."""
    message = signed(tmp_path / "signed", pki.good_rsa)
    script = (f"{{ echo hello $nonce 0; echo ready; echo vouched {'a' * 64}; echo vouched {'b' * 64}; "
              f"echo allowed verify {'a' * 64}; }} >&$pipe\ncat >/dev/null\necho message")
    words = ["verify", "-in", message, "-CAfile", pki.ca, "-out", out]
    leaves_nothing(run(COMMAND, *words, env=stand_in(tmp_path, script)), REFUSED, UNPROVEN, out=out)
    must(run(COMMAND, *words, env=stand_in(tmp_path, script.replace(f"echo vouched {'b' * 64};", ""))))


@pytest.mark.parametrize("how", PAST)
def test_stock_past_the_policy(how, pki, tmp_path, out):  # noqa: F811
    """Where a report fails the tool may do it, under the policy."""
    path = tmp_path / "past"
    path.write_text(f"#!/bin/bash\npipe=$(sed -n 's/^report = //p' \"$OPENSSL_CONF\")\n{PAST[how]}\n")
    path.chmod(0o755)
    for sender, code in (("good_rsa@example.com", None), ("eve@example.com", REFUSED)):
        message = signed(tmp_path / "signed", pki.good_rsa, sender=sender)
        result = run(COMMAND, "verify", "-in", message, "-CAfile", pki.ca, "-out", out,
                     env={"SMIME_POLICY_OPENSSL": path})
        if how.startswith("without") or code:
            leaves_nothing(result, REFUSED, out=out)
        out.unlink(missing_ok=True)


@pytest.mark.parametrize("way", ["file", "redirected"])
def test_the_sender_is_that_of_the_verified_bytes(way, pki, tmp_path, out):  # noqa: F811
    """The mail is swapped when stock starts: what was read is verified, or nothing."""
    good = signed(tmp_path / "good", pki.good_rsa)
    bad = signed(tmp_path / "bad", pki.good_rsa, sender="eve@example.com", body=BODY + b"To Eve.\r\n")
    named, swap = tmp_path / "named", tmp_path / "openssl"
    for first, then, code in ((good, bad, DONE), (bad, good, None)):
        shutil.copy(first, named)
        swap.write_text(f'#!/bin/sh\ncat {then} >{named}\nexec {OPENSSL} "$@"\n')
        swap.chmod(0o755)
        words = [str(word) for word in (COMMAND, "verify", "-CAfile", pki.ca, "-out", out)]
        with open(named, "rb") as file:
            done = subprocess.run(words if way == "redirected" else [*words, "-in", named], stdin=file,
                                  env=environment(SMIME_POLICY_OPENSSL=str(swap)), capture_output=True, check=False,
                                  timeout=PATIENCE)
        assert done.returncode == (code if code is not None else REFUSED), done
        assert not out.exists() or out.read_bytes() == BODY
        out.unlink(missing_ok=True)
    assert os.listdir(out.parent) == []


# --- the stock names


NAMES = ["cms", "smime"]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", NAMES)
def test_stock_name(name, form, alone, pki, tmp_path, out):  # noqa: F811
    """It says what stock says."""
    message = signed(tmp_path / "signed", pki.good_rsa, options=FORMS[form], name=name)
    words = [name, "-verify", "-in", message, "-CAfile", pki.ca, *form_of(FORMS[form])]
    result = must(run(alone, *words, "-out", out))
    assert out.read_bytes() == BODY and result.err == must(stock(*words, "-out", tmp_path / "x")).err, result
    out.unlink()
    both(words, out)


@pytest.mark.parametrize("name", NAMES)
def test_stock_name_with_content(name, alone, pki, tmp_path, out):  # noqa: F811
    """As mailers call it, with the signature alone."""
    content = tmp_path / "content"
    content.write_bytes(BODY)
    message = signed(tmp_path / "signed", pki.good_rsa, options=("-outform", "DER", "-binary"))
    words = [name, "-verify", "-in", message, "-inform", "DER", "-content", content, "-CAfile", pki.ca]
    must(run(alone, *words, "-out", out))
    assert out.read_bytes() == BODY
    out.unlink()
    content.write_bytes(BODY + b"x")
    assert both(words, out).rc != DONE


@pytest.mark.parametrize("named", ["--keyring", "policy file"])
@pytest.mark.parametrize("more", [False, True], ids=["", "-CAfile"])
@pytest.mark.parametrize("name", NAMES)
def test_stock_name_with_a_keyring(name, more, named, pki, tmp_path, out):  # noqa: F811
    ring = make_keyring(tmp_path / "ring", f"ca:{pki.ca}")
    policy = tmp_path / "policy.cnf"
    policy.write_text(f"keyring = {ring}\n")
    before = ["--keyring", ring] if named == "--keyring" else ["--policy", policy]
    words = [*before, name, "-verify", *(["-CAfile", pki.foreign_root.pem] if more else [])]
    assert both([*words, "-in", signed(tmp_path / "signed", pki.good_rsa)], out).rc == DONE
    assert both([*words, "-in", signed(tmp_path / "signed", pki.ku_ke)], out).rc == CRYPTO


@pytest.mark.parametrize("setting", ["log", "refuse"])
@pytest.mark.parametrize("name", NAMES)
def test_stock_name_and_the_sender(name, setting, pki, tmp_path, out):  # noqa: F811
    """The setting decides.  A line of the decision log has what would be refused."""
    policy, log = tmp_path / "policy.cnf", tmp_path / "log"
    policy.write_text(f"sender = {setting}\ndecision_log = {log}\n")
    for sender, code in (("good_rsa@example.com", DONE), ("eve@example.com", None), (None, None)):
        message = signed(tmp_path / "signed", pki.good_rsa, sender=sender)
        words = ["--policy", policy, name, "-verify", "-in", message, "-CAfile", pki.ca]
        code = DONE if code == DONE or setting == "log" else REFUSED
        log.unlink(missing_ok=True)
        result = run(COMMAND, *words, "-out", out)
        assert result.rc == code and out.exists() == (code == DONE), result
        assert ("[sender-match]" in result.err) == (code == REFUSED), result
        logged = [line for line in log.read_text().splitlines() if "sender-match" in line]
        assert len(logged) == (sender == "eve@example.com" or code == REFUSED), logged
        out.unlink(missing_ok=True)


@pytest.mark.parametrize("name", NAMES)
def test_stock_name_does_not_wait_for_the_end_of_a_pipe(name, pki, tmp_path, out):  # noqa: F811
    """The message is whole, and the writer has not closed the pipe."""
    message = signed(tmp_path / "signed", pki.good_rsa, options=("-nodetach", "-outform", "PEM"), name=name)
    words = [str(word) for word in (COMMAND, name, "-verify", "-inform", "PEM", "-CAfile", pki.ca, "-out", out)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, env=environment()) as process:
        process.stdin.write(message.read_bytes())
        process.stdin.flush()
        assert process.wait(PATIENCE) == DONE
    assert out.read_bytes() == BODY


@pytest.mark.parametrize("report", REPORTS)
@pytest.mark.parametrize("name", NAMES)
def test_report_of_a_stock_name(name, report, pki, tmp_path, out):  # noqa: F811
    message = signed(tmp_path / "signed", pki.good_rsa)
    script = REPORTS[report].replace("allowed encrypt", "allowed x").replace("allowed sign", "allowed verify")
    env = stand_in(tmp_path, f"{script}\ncat >/dev/null\necho message")
    leaves_nothing(run(COMMAND, name, "-verify", "-in", message, "-CAfile", pki.ca, "-out", out, env=env), REFUSED,
                   UNPROVEN, out=out)
