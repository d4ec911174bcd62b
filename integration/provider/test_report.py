# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
"""
What the provider reports to the program that started `openssl`, through a pipe: a greeting, and then a line
for each certificate that is used or refused.  What cannot be reported is refused.
"""

import hashlib
import os
import re
import subprocess
import threading

import pytest

from harness import OPENSSL, PATIENCE, Result, environment, must, stock, write_conf
from keyrings import make_keyring

NONCE = "00112233445566778899aabbccddeeff"


def fingerprint(cert):
    """The SHA-256 of a certificate of the tests."""
    return hashlib.sha256(must(stock("x509", "-in", cert.pem, "-outform", "DER")).out).hexdigest()


class Reported(Result):
    """A result with the lines of the report."""

    @property
    def after_greeting(self):
        assert "ready" in self.lines, f"{self}\n{self.lines}"
        return self.lines[self.lines.index("ready") + 1:]

    @property
    def settings(self):
        return dict(line.split(" ", 2)[1:] for line in self.lines if line.startswith("setting "))

    def of(self, kind):
        return [line for line in self.after_greeting if line.startswith(kind + " ")]


def reported(done, lines):
    result = Reported(done.returncode, done.stdout, done.stderr.decode(errors="replace"))
    object.__setattr__(result, "lines", lines)
    return result


class Started:
    """Runs `openssl` as smime-policy does, and reads the report."""

    def __init__(self, directory):
        self.directory = directory

    def policy(self, text):
        """A policy file."""
        file = self.directory / "policy.cnf"
        file.write_text(text)
        return file

    def run(self, *argv, use=None, env=None, pass_fds=(), wait=None, **told):
        """Run it; |told| are the keys beside `report` and its nonce; None leaves a key out."""
        reads, writes = os.pipe()
        settings = {"report": writes, "report_nonce": NONCE, "report_use": use, **told}
        conf = write_conf(self.directory / "openssl.cnf",
                          {key: value for key, value in settings.items() if value is not None})
        read = []
        reader = threading.Thread(target=self.read, args=(reads, read, wait))
        try:
            process = subprocess.Popen([OPENSSL, *map(str, argv)], stdin=subprocess.DEVNULL,
                                       stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                       env=environment(conf, **(env or {})),
                                       pass_fds=(writes, *pass_fds))
        finally:
            os.close(writes)
        reader.start()
        out, err = process.communicate(timeout=PATIENCE)
        reader.join()
        lines = b"".join(read).decode()
        assert lines == "" or lines.endswith("\n"), lines
        return reported(subprocess.CompletedProcess([], process.returncode, out, err),
                        lines.splitlines())

    @staticmethod
    def read(pipe, read, wait):
        if wait:
            wait()
        while piece := os.read(pipe, 65536):
            read.append(piece)
        os.close(pipe)


@pytest.fixture
def started(tmp_path):
    return Started(tmp_path)


def sign(mail, *certs):
    """In DER: as a multipart, stock writes the mail before it signs."""
    signers = [word for cert in certs for word in ("-signer", cert.pem, "-inkey", cert.key)]
    return ("cms", "-sign", "-outform", "DER", "-in", mail, *signers)


def encrypt(mail, *certs, more=()):
    return ("cms", "-encrypt", "-aes256", "-in", mail, *more, *(cert.pem for cert in certs))


def allowed(use, *certs):
    return sorted(f"allowed {use} {fingerprint(cert)}" for cert in certs)


def refused(result, use, *faults):
    """Are these, and no others, the refusals: of certificates, with the rules?"""
    assert result.rc != 0, result
    assert result.out == b"", result
    assert result.of("allowed") == [], result.lines
    found = sorted(line.split(" ")[2:4] for line in result.of("refused"))
    assert found == sorted([fingerprint(cert) if cert else "-", rule] for cert, rule in faults), \
        result.lines
    assert all(line.startswith(f"refused {use} ") and "; " in line for line in result.of("refused"))


def test_greeting(started, pki, mail):
    """The nonce, the version, each setting in force in its order, and the end."""
    result = must(started.run(*sign(mail, pki["modern"]), mode="observe", unknown_keys="refuse"))
    assert re.fullmatch(rf"hello {NONCE} \d+\.\d+\.\d+", result.lines[0]), result.lines
    end = result.lines.index("ready")
    assert all(line.startswith("setting ") for line in result.lines[1:end]), result.lines
    assert result.lines[1] == "setting mode observe"
    assert result.settings["unknown_keys"] == "refuse"
    assert result.settings["sender"] == "log"
    assert "keyring" not in result.settings


@pytest.mark.parametrize("flags", [(), ("-noattr",), ("-nodetach",), ("-outform", "SMIME")],
                         ids=" ".join)
@pytest.mark.parametrize("api", ["cms", "smime"])
@pytest.mark.parametrize("names", [("modern",), ("good_p256",), ("modern", "good_p256")],
                         ids=" ".join)
def test_signers(started, pki, mail, names, api, flags):
    """Each signature has one line."""
    certs = [pki[name] for name in names]
    argv = sign(mail, *certs)
    result = must(started.run(api, *argv[1:], *flags, use="sign"))
    assert sorted(result.of("allowed")) == allowed("sign", *certs)
    assert result.out != b""


@pytest.mark.parametrize("names", [("modern",), ("good_p256",), ("modern", "good_p256"),
                                   ("good_p256", "modern", "ku_ds_ka_ec")], ids=" ".join)
def test_recipients(started, pki, mail, names):
    """Each recipient has one line, of RSA and of key agreement."""
    certs = [pki[name] for name in names]
    result = must(started.run(*encrypt(mail, *certs), use="encrypt"))
    assert sorted(result.of("allowed")) == allowed("encrypt", *certs)


def test_same_recipient_twice(started, pki, mail):
    """Each time that it is encrypted to counts."""
    cert = pki["modern"]
    result = must(started.run(*encrypt(mail, cert, cert), use="encrypt"))
    assert result.after_greeting == allowed("encrypt", cert, cert)


@pytest.mark.parametrize("api", ["cms", "smime"])
@pytest.mark.parametrize("name", ["modern", "good_p256", "expired"])
def test_decrypts(started, pki, mail, tmp_path, api, name):
    """The certificate that decrypts has a line, and a note if it has expired."""
    cert, message = pki[name], tmp_path / "message"
    if api == "smime" and name == "good_p256":
        api = "cms"
    must(stock("cms", "-encrypt", "-aes256", "-in", mail, "-out", message, cert.pem,
               pki["modern"].pem, pki["modern"].pem))
    argv = (api, "-decrypt", "-in", message, "-recip", cert.pem, "-inkey", cert.key)
    result = must(started.run(*argv, use="decrypt"))
    assert b"brown fox" in result.out
    assert result.after_greeting[-1:] == allowed("decrypt", cert)
    notes = [line.split(" ")[:4] for line in result.after_greeting[:-1]]
    assert notes == ([["note", "decrypt", fingerprint(cert), "decrypt-expired"]]
                     if name == "expired" else [])
    # Without that use nothing is asked of a key that decrypts.
    assert must(started.run(*argv)).after_greeting == []


def test_decrypts_without_certificate(started, pki, mail, tmp_path):
    """A key alone is tried with each recipient, and reported once."""
    message = tmp_path / "message"
    pair = pki["modern"], pki["expired"]
    # From OpenSSL 3.2 on a key seems to open what is for another, and the last one that it opens
    # counts.  DER sorts the recipients, by serial number.
    for cert, other in pair, pair[::-1]:
        must(stock(*encrypt(mail, other, other, cert, more=("-out", message))))
        if b"brown fox" in stock("cms", "-decrypt", "-in", message, "-inkey", cert.key).out:
            break
    result = must(started.run("cms", "-decrypt", "-in", message, "-inkey", cert.key, use="decrypt"))
    assert result.after_greeting == ["allowed decrypt -"]


def test_all_refusals_at_once(started, pki, mail):
    """At the first refusal all recipients are judged."""
    certs = [pki[name] for name in ("modern", "expired", "good_p256", "future", "no_san")]
    faults = [(certs[1], "expired"), (certs[3], "not-yet-valid"), (certs[4], "san-email")]
    result = started.run(*encrypt(mail, *certs), use="encrypt")
    lines = [line for line in result.lines if not line.startswith("allowed")]
    object.__setattr__(result, "lines", lines)
    refused(result, "encrypt", *faults)


def test_all_signers_at_once(started, pki, mail):
    """At the first refusal all signers are judged, and not what is sent along."""
    bad, worse, along = pki["expired"], pki["no_san"], pki["future"]
    result = started.run(*sign(mail, bad, worse), "-certfile", along.pem, use="sign")
    refused(result, "sign", (bad, "expired"), (worse, "san-email"))


def test_without_use(started, pki, mail):
    """Without the use only what a gate sees is reported."""
    bad = pki["expired"]
    result = started.run(*encrypt(mail, bad, pki["no_san"]))
    refused(result, "encrypt", (bad, "expired"))


def test_issuers_are_no_recipients(started, pki, mail):
    """What -certfile names is not encrypted to."""
    result = started.run(*encrypt(mail, pki["expired"], more=("-certfile", pki["old_intermediate"].pem)),
                         use="encrypt")
    refused(result, "encrypt", (pki["expired"], "expired"))


def test_recipients_of_the_keyring(started, pki, mail, tmp_path):
    """What was chosen is judged, and not what it was chosen from."""
    ring = make_keyring(tmp_path / "ring", *(f"contact:{pki[name].pem}" for name in (
        "renewed_old", "renewed_new", "expired", "future", "no_san")))
    uris = [f"smimepolicy:contact/{name}@example.com" for name in ("renewed", "expired")]
    result = must(started.run("cms", "-encrypt", "-aes256", "-in", mail, uris[0], use="encrypt",
                              keyring=ring))
    assert result.of("allowed") == allowed("encrypt", pki["renewed_new"])
    assert not result.of("refused"), result.lines
    result = started.run("cms", "-encrypt", "-aes256", "-in", mail, *uris, pki["future"].pem,
                         use="encrypt", keyring=ring)
    assert result.rc != 0, result
    assert result.out == b"", result
    found = sorted(tuple(line.split(" ")[2:4]) for line in result.of("refused"))
    assert found == sorted([(fingerprint(pki["expired"]), "expired"),
                            (fingerprint(pki["future"]), "not-yet-valid")]), result.lines


@pytest.mark.parametrize("operation", [sign, encrypt])
def test_observed(started, pki, mail, operation):
    """With `mode = observe` the finding is told, and the use follows."""
    cert, use = pki["expired"], operation.__name__
    result = must(started.run(*operation(mail, cert), use=use, mode="observe"))
    observed, *rest = [line for line in result.after_greeting if not line.startswith("note")]
    assert observed.startswith(f"observed {use} {fingerprint(cert)} expired refused: {use}: ")
    assert rest == allowed(use, cert)


def test_noted(started, pki, mail):
    """A warning is a note, before the line of the use."""
    cert = pki["long_lived"]
    result = must(started.run(*sign(mail, cert), use="sign"))
    note, *rest = result.after_greeting
    assert note.startswith(f"note sign {fingerprint(cert)} validity-too-long warning: sign: ")
    assert rest == allowed("sign", cert)


@pytest.mark.parametrize("severity, kind", [("warn", "note"), ("deny", "refused"), ("ignore", None)])
def test_cipher(started, pki, mail, severity, kind):
    """The content cipher is judged and reported once."""
    certs = pki["modern"], pki["good_p256"]
    result = started.run("cms", "-encrypt", "-des3", "-in", mail, *(cert.pem for cert in certs),
                         use="encrypt", report_cipher="des3", weak_cipher=severity)
    if kind == "refused":
        refused(result, "encrypt", (None, "weak-cipher"))
        return
    assert result.rc == 0, result
    assert sorted(result.of("allowed")) == allowed("encrypt", *certs)
    others = [line for line in result.after_greeting if "weak-cipher" in line]
    assert [line.split(" ")[:4] for line in others] == \
        ([] if kind is None else [[kind, "encrypt", "-", "weak-cipher"]])


@pytest.mark.parametrize("name", ["aes256", "AES-256-CBC", "2.16.840.1.101.3.4.1.42", "unknown"])
def test_other_ciphers(started, pki, mail, name):
    """A cipher that is strong, or that stock would refuse itself, is no finding."""
    cert = pki["modern"]
    result = must(started.run(*encrypt(mail, cert), use="encrypt", report_cipher=name,
                              weak_cipher="deny"))
    assert result.after_greeting == allowed("encrypt", cert)


@pytest.mark.parametrize("sender, noted", [("modern@example.com", False),
                                           ("GOOD_P256@EXAMPLE.COM", False),
                                           ("mallory@example.com", True)])
def test_sender(started, pki, mail, sender, noted):
    """The sender is compared with all signers, once."""
    certs = pki["modern"], pki["good_p256"]
    result = must(started.run(*sign(mail, *certs), use="sign", report_sender=sender))
    others = [line.split(" ")[:4] for line in result.of("note")
              if "sender-match" in line]
    assert others == ([["note", "sign", "-", "sender-match"]] if noted else [])
    assert sorted(result.of("allowed")) == allowed("sign", *certs)


# What is accepted nowhere.
BAD = {
    "no pipe": dict(report="/dev/null"),
    "not there": dict(report="999"),
    "standard error": dict(report="2"),
    "negative": dict(report="-1"),
    "too large": dict(report="99999999999"),
    "no nonce": dict(report_nonce=None),
    "short nonce": dict(report_nonce=NONCE[1:]),
    "long nonce": dict(report_nonce=NONCE + "0"),
    "other nonce": dict(report_nonce="g" * 32),
    "no report": dict(report=None),
    "unknown use": dict(report_use="show"),
    "empty sender": dict(report_sender='""'),
    "empty cipher": dict(report_cipher='""'),
    "unknown answer": dict(report_asks="maybe"),
}


@pytest.mark.parametrize("told", BAD.values(), ids=BAD)
@pytest.mark.parametrize("operation", [sign, encrypt])
def test_bad_value(started, pki, mail, told, operation):
    """It locks the policy."""
    result = started.run(*operation(mail, pki["modern"]), **told)
    assert result.rc != 0, result
    assert result.out == b"", result
    assert "S/MIME policy is locked" in result.err, result
    assert "report" in result.err, result
    assert not [line for line in result.lines if line.startswith("allowed")], result.lines
    if result.lines:
        assert result.lines[-2] == "ready", result.lines
        assert result.lines[-3].startswith("refused - - - report"), result.lines
        assert result.lines[-1].startswith(f"refused {operation.__name__} - - refused: "), result.lines


@pytest.mark.parametrize("mode", [os.O_RDONLY, os.O_RDWR])
def test_a_file_is_no_pipe(started, pki, mail, tmp_path, mode):
    """Nothing is written to a file that has the number of the pipe."""
    file = tmp_path / "file"
    file.write_text("kept")
    descriptor = os.open(file, mode)
    result = started.run(*sign(mail, pki["modern"]), report=descriptor, pass_fds=(descriptor,))
    os.close(descriptor)
    assert result.rc != 0, result
    assert result.out == b"", result
    assert f"report = {descriptor}: accepted is" in result.err, result
    assert file.read_text() == "kept"


@pytest.mark.parametrize("use, operation", [("sign", sign), ("encrypt", encrypt)])
def test_closed_pipe(started, pki, mail, use, operation):
    """Without its reader nothing is used, and the program is not ended by a signal."""
    reads, writes = os.pipe()
    os.close(reads)
    result = started.run(*operation(mail, pki["modern"]), use=use, report=writes, pass_fds=(writes,))
    os.close(writes)
    assert result.rc > 0, result
    assert result.out == b"", result
    assert "S/MIME policy is locked" in result.err, result


def test_closed_pipe_decrypts_nothing(started, pki, mail, tmp_path):
    """Reading mail is refused by nothing else.  Without -debug_decrypt stock goes on, with another key."""
    cert, message = pki["modern"], tmp_path / "message"
    must(stock(*encrypt(mail, cert, more=("-out", message))))
    reads, writes = os.pipe()
    os.close(reads)
    result = started.run("cms", "-decrypt", "-debug_decrypt", "-in", message, "-recip", cert.pem,
                         "-inkey", cert.key, use="decrypt", report=writes, pass_fds=(writes,))
    os.close(writes)
    assert result.rc > 0, result
    assert result.out == b"", result


def test_pipe_that_is_read_late(started, pki, mail):
    """A pipe that is full makes the program wait; no line is lost."""
    certs = [pki["long_lived"]] * 300
    late = threading.Timer(0.3, lambda: None)
    late.start()
    result = must(started.run(*encrypt(mail, *certs), use="encrypt", wait=late.join))
    assert len(result.of("allowed")) == len(certs)
    assert len(result.of("note")) == len(certs)


def test_overflow(started, pki, mail):
    """Beyond 10,000 lines nothing is used."""
    result = started.run(*encrypt(mail, *[pki["modern"]] * 10000), use="encrypt")
    assert result.rc != 0, result
    assert result.out == b"", result
    assert len(result.lines) == 10001
    assert result.lines[-1] == "report-overflow"


def test_other_library_context(started, pki, mail):
    """A greeting proves no use: what works past the module has no line."""
    result = started.run(*sign(mail, pki["modern"]), use="sign", env={"OPENSSL_TEST_LIBCTX": "1"})
    assert result.rc != 0, result
    assert result.out == b"", result
    assert not result.of("allowed"), result.lines
    assert "OPENSSL_TEST_LIBCTX is set" in " ".join(result.of("refused")), result.lines


def test_policy_file(started, pki, mail, tmp_path):
    """Its settings are in force, with what it includes and its variables."""
    (tmp_path / "more.cnf").write_text("weak_cipher = deny\n")
    policy = started.policy(f".include {tmp_path}/more.cnf\nmode = observe\n"
                            "keyring = $ENV::HOME/ring\n")
    result = must(started.run(*sign(mail, pki["modern"]), policy=policy, keyring="/beside",
                              unknown_keys="refuse"))
    assert result.settings["weak_cipher"] == "deny"
    assert result.settings["mode"] == "observe"
    assert result.settings["keyring"] == "/nonexistent/ring"
    assert result.settings["unknown_keys"] == "refuse"


def test_keyring_beside_policy_file(started, pki, mail):
    """The keyring that is meant if the file names none."""
    result = must(started.run(*sign(mail, pki["modern"]), policy=started.policy("mode = observe\n"),
                              keyring="/nonexistent/ring"))
    assert result.settings["keyring"] == "/nonexistent/ring"


BROKEN = {
    "module": "module = /tmp/other.so\n",
    "activate": "activate = 0\n",
    "report": "report = 1\n",
    "another file": "policy = /tmp/policy.cnf\n",
    "section": "[policy]\nmode = observe\n",
    "no setting": "mod = observe\n",
    "rule": "expired = ignore\n",
    "syntax": "mode observe\n",
}


def locked(result, why):
    """Did that lock the policy?"""
    assert result.rc != 0, result
    assert result.out == b"", result
    assert "S/MIME policy is locked" in result.err and why in result.err, result
    assert not result.of("allowed"), result.lines
    assert result.lines[-2] == "ready", result.lines
    assert why in result.lines[-3] and result.lines[-3].startswith("refused - - - "), result.lines
    assert why in result.lines[-1], result.lines


@pytest.mark.parametrize("text", BROKEN.values(), ids=BROKEN)
def test_broken_policy_file(started, pki, mail, text):
    """It locks the policy."""
    policy = started.policy(text)
    locked(started.run(*sign(mail, pki["modern"]), policy=policy), f"{policy}: ")


def test_no_policy_file(started, pki, mail, tmp_path):
    """The policy is locked, and the file that a relative name may mean is not read."""
    locked(started.run(*sign(mail, pki["modern"]), policy=tmp_path / "missing"),
           "missing: No such file")
    locked(started.run(*sign(mail, pki["modern"]), policy="policy.cnf"),
           "policy = policy.cnf: accepted is an absolute path")


@pytest.mark.parametrize("key, value", [("mode", "observe"), ("unknown_keys", "pass"),
                                        ("raw_keys", "pass"), ("weak_key", "ignore"),
                                        ("trust", "keyring"), ("expired", "ignore")])
def test_nothing_weakens_a_policy_file(started, pki, mail, key, value):
    """Beside it only what is stricter is accepted."""
    policy = started.policy("mode = enforce\n")
    locked(started.run(*sign(mail, pki["modern"]), policy=policy, **{key: value}),
           f"{key} = {value}: ")
