# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
"""The reports of the command: JSON, plans, colour."""

import json
import os
import pty
import subprocess

import pytest

from harness import COMMAND, PATIENCE, REPORTS, environment, run

DONE, USAGE, INPUT, REFUSED, CRYPTO, SYSTEM = range(6)


def command(*args, **kwargs):
    """Our command."""
    return run(COMMAND, *args, **kwargs)


@pytest.fixture
def cases(pki, mail, post, tmp_path):
    """For each verb: what succeeds, what is refused, and by which rule."""
    out = ["-out", tmp_path / "out"]
    good, bad = pki.good_rsa, pki.no_san
    return {
        "sign": (["-signer", good.pem, "-inkey", good.key, "-in", mail, *out],
                 ["-signer", bad.pem, "-inkey", bad.key, "-in", mail, *out], "san-email"),
        "encrypt": (["-in", mail, *out, good.pem],
                    ["-in", mail, *out, good.pem, pki.expired.pem, bad.pem], "expired"),
        "verify": (["-CAfile", pki.ca, "-in", post.sent("good_rsa", "good_rsa@example.com"), *out],
                   ["-CAfile", pki.ca, "-in", post.sent("good_rsa", "mallory@example.com"), *out],
                   "sender-match"),
        "decrypt": (["-in", post.encrypted("good_rsa"), "-recip", good.pem, "-inkey", good.key,
                     *out],
                    ["-in", post.encrypted("good_rsa"), "-recip", good.pem, "-inkey", good.key,
                     "-config", "x", *out], None),
    }


VERBS = ["sign", "encrypt", "verify", "decrypt"]


def rules(report):
    """The rules that deny, in a report."""
    return {finding["rule"] for verdict in report["verdicts"] for finding in verdict["findings"]
            if finding["severity"] == "deny"}


@pytest.mark.parametrize("verb", VERBS)
def test_json(verb, cases, tmp_path):
    good, bad, rule = cases[verb]
    result = command(verb, "--json", *good)
    report = json.loads(result.out)
    assert result.rc == DONE and result.out.count(b"\n") == 1 and result.err == "", result
    assert (report["operation"], report["allowed"], report["done"], report["exit"]) == \
        (verb, True, True, 0)
    assert report["output"] == str(tmp_path / "out") and (tmp_path / "out").stat().st_size
    assert not rules(report)
    (tmp_path / "out").unlink()
    result = command(verb, "--json", *bad)
    report = json.loads(result.out)
    assert result.rc == REFUSED and not (tmp_path / "out").exists()
    assert (report["allowed"], report["done"], report["exit"]) == (False, False, REFUSED)
    if rule:
        assert rule in rules(report) and result.err == ""


def test_json_names_every_certificate(cases, pki):
    report = json.loads(command("encrypt", "--json", *cases["encrypt"][1]).out)
    files = [verdict["file"] for verdict in report["verdicts"] if "file" in verdict]
    assert files == [str(pki[name].pem) for name in ("good_rsa", "expired", "no_san")]
    assert rules(report) == {"expired", "san-email"}
    for verdict in report["verdicts"][1:]:
        assert set(verdict["certificate"]) >= {"subject", "serial", "addresses", "not_after"}


def test_json_of_a_failure(pki, post, tmp_path):
    """Stock's messages are in the report, and nowhere else."""
    broken = tmp_path / "broken"
    broken.write_bytes(post.signed("good_rsa").read_bytes().replace(b"quick", b"slow"))
    result = command("verify", "--json", "-CAfile", pki.ca, "-in", broken, "-out", tmp_path / "out")
    report = json.loads(result.out)
    assert result.rc == report["exit"] == CRYPTO and result.err == ""
    assert report["allowed"] and not report["done"]
    assert report["openssl"].startswith("CMS Verification failure\n")


def test_json_needs_another_place_for_the_message(cases, mail, pki):
    for more in ([], ["-out", "-"]):
        result = command("sign", "--json", "-signer", pki.good_rsa.pem, "-inkey",
                         pki.good_rsa.key, "-in", mail, *more)
        report = json.loads(result.out)
        assert result.rc == report["exit"] == USAGE and not report["done"], result
        assert "-out" in result.err


def test_json_of_another_operation(mail, tmp_path):
    result = command("sign", "--json", "-verify", "-in", mail, "-out", tmp_path / "out")
    assert result.rc == json.loads(result.out)["exit"] == USAGE, result


def test_json_of_a_name_that_is_no_text(pki, mail, tmp_path):
    """A file may be called anything."""
    odd = os.fsencode(tmp_path) + b"/\xff.pem"
    with open(odd, "wb") as file:
        file.write(pki.expired.pem.read_bytes())
    done = subprocess.run([COMMAND, "encrypt", "--json", "-in", mail, "-out", tmp_path / "out", odd],
                          env=environment(), capture_output=True, check=False, timeout=PATIENCE)
    assert done.returncode == REFUSED, done
    assert json.loads(done.stdout)["verdicts"][-1]["file"].endswith("/\\FF.pem")
    done = subprocess.run([COMMAND, "check", "--json", odd], env=environment(),
                          capture_output=True, check=False, timeout=PATIENCE)
    assert json.loads(done.stdout)["certificates"][0]["file"].endswith("/\\FF.pem"), done


def test_refusals_are_logged_once(pki, mail, tmp_path):
    """The command logs refusals, as the provider is not asked; the provider logs what passes."""
    policy, log = tmp_path / "policy.cnf", tmp_path / "log"
    policy.write_text(f"decision_log = {log}\n")

    def lines(*words):
        log.unlink(missing_ok=True)
        command("--policy", policy, *words, "-in", mail, "-out", tmp_path / "out")
        return [(line["operation"], line["verdict"], [f["rule"] for f in line["findings"]
                                                      if f["severity"] == "deny"])
                for line in map(json.loads, log.read_text().splitlines())]

    def sign(cert):
        return ["-signer", cert.pem, "-inkey", cert.key]

    assert lines("sign", *sign(pki.expired)) == [("sign", "refused", ["expired"])]
    assert lines("cms", "-sign", *sign(pki.no_san)) == [("sign", "refused", ["san-email"])]
    assert lines("encrypt", "-recip", pki.expired.pem) == [("encrypt", "refused", ["expired"])]
    assert lines("sign", *sign(pki.good_rsa)) == [("sign", "allowed", [])]
    policy.write_text(f"decision_log = {log}\nmode = observe\n")
    assert lines("sign", *sign(pki.expired)) == [("sign", "observed", ["expired"])]


def test_what_is_only_explained_is_not_logged(cases, tmp_path):
    """Nothing was refused to anybody; without the option the same line is logged."""
    policy, log = tmp_path / "policy.cnf", tmp_path / "log"
    for settings in ("", "mode = observe\n", "weak_digest = deny\nsender = refuse\n"):
        policy.write_text(f"decision_log = {log}\n" + settings)
        for verb in ("sign", "encrypt", "verify"):
            words = cases[verb][1]
            stock_name = ["cms", f"-{verb}"]
            for how in (["--explain", verb], [verb, "--explain"], [verb, "--explain", "--json"],
                        ["--explain", *stock_name], ["--explain", "smime", f"-{verb}"]):
                result = command("--policy", policy, *how, *words)
                assert not log.exists(), (result, log.read_text())
            for how in ([verb], stock_name):
                command("--policy", policy, *how, *words)
                assert log.exists(), how
                log.unlink()


@pytest.mark.parametrize("how", [["{verb}", "--explain"], ["--explain", "{verb}"]])
@pytest.mark.parametrize("verb", VERBS)
def test_explain(verb, how, cases, tmp_path):
    """The command judges and reports, but does nothing."""
    words = [word.format(verb=verb) for word in how]
    seen = tmp_path / "ran"
    fake = tmp_path / "openssl"
    fake.write_text(f"#!/bin/sh\ntouch {seen}\n")
    fake.chmod(0o755)
    env = {"SMIME_POLICY_OPENSSL": fake}
    good, bad, rule = cases[verb]
    result = command(*words, *good, env=env)
    assert result.rc == DONE, result
    assert f"would run: openssl cms -{verb} " in result.text
    assert f"would write: {tmp_path / 'out'}" in result.text
    result = command(*words, *bad, env=env)
    assert result.rc == REFUSED and b"would be refused" in result.out, result
    if rule:
        assert f"[{rule}]" in result.err
    report = json.loads(command(*words, "--json", *good, env=env).out)
    assert report["exit"] == DONE and not report["done"]
    assert report["would_run"][:3] == ["openssl", "cms", f"-{verb}"]
    # The plan is the real command line: a stand-in for openssl gets the same words.  A mail that is read to
    # its end comes through standard input.
    show = tmp_path / "show"
    show.write_text("#!/bin/sh\n" + REPORTS + "cat >/dev/null\nshift 5\necho \"$@\"\n")
    show.chmod(0o755)
    # The plan of a verification is the tool's: an option that changes nothing leaves it to the tool.
    left = ["-trusted_first"] if verb == "verify" else []
    run_words = command(verb, *left, *good, env={"SMIME_POLICY_OPENSSL": show})
    assert run_words.rc == DONE, run_words
    ran = [word for word in (tmp_path / "out").read_text().split() if word not in left]
    (tmp_path / "out").unlink()
    at = report["would_run"].index("-out")
    planned = report["would_run"][2:at] + report["would_run"][at + 2:]
    if verb in ("sign", "encrypt"):
        at = planned.index("-in")
        del planned[at:at + 2]
    assert [w for w in ran if "/fd/" not in w] == [w for w in planned if "/fd/" not in w]
    assert not seen.exists() and not (tmp_path / "out").exists()


def test_explain_tells_no_secret(pki, mail, tmp_path):
    """The secret of -passin pass:… is not printed."""
    words = ["sign", "-signer", pki.good_rsa.pem, "-inkey", pki.good_rsa.key, "-passin",
             "pass:hunter2", "-in", mail, "-out", tmp_path / "it's"]
    for more in ([], ["--json"]):
        result = command(*words, "--explain", *more)
        assert result.rc == DONE and b"pass:***" in result.out and "hunter2" not in result.text
    assert r"'\''" in command(*words, "--explain").text


def test_explain_under_stock_names(pki, mail):
    result = command("--explain", "smime", "-sign", "-signer", pki.expired.pem, "-in", mail)
    assert result.rc == REFUSED and "[expired]" in result.err and b"would be refused" in result.out
    result = command("--explain", "smime", "-encrypt", "-aes256", "-in", mail, pki.good_rsa.pem)
    assert result.rc == DONE and b"would run: openssl smime -encrypt -aes256 -in" in result.out


def test_explain_leaves_stdin(pki):
    """Nothing is read, as the program before us may be slow."""
    result = command("--explain", "verify", "-CAfile", pki.ca)
    assert result.rc == DONE and "it is not read" in result.err, result


def on_a_terminal(words, **env):
    """What a program writes to the terminal it was started from."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.execve(COMMAND, [str(word) for word in [COMMAND, *words]],
                  environment(**({"TERM": "xterm"} | env)))
    text = b""
    while True:
        try:
            block = os.read(terminal, 4096)
        except OSError:  # the last descriptor of the terminal was closed
            break
        if not block:
            break
        text += block
    os.close(terminal)
    os.waitpid(pid, 0)
    return text.decode()


def test_colour(pki, mail):
    refusal = ["encrypt", "-in", mail, "-out", "/dev/null", pki.expired.pem]
    check = ["check", pki.good_rsa.pem]
    assert "\033[1;31mrefused\033[0m: encrypt" in on_a_terminal(refusal)
    assert "\033[1;32musable\033[0m" in on_a_terminal(check)
    for words in (refusal, check):
        for env in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
            assert "\033" not in on_a_terminal(words, **env)
        assert "\033" in on_a_terminal(words, NO_COLOR="")
        assert "\033" not in command(*words, env={"TERM": "xterm"}).text
    assert "\033" not in on_a_terminal(["cms", "-encrypt", "-in", mail, pki.expired.pem])


def test_progress_of_a_large_file(pki, tmp_path):
    """Progress is shown on a terminal for more than 64 MB, and removed at the end."""
    large, small, out = tmp_path / "large", tmp_path / "small", tmp_path / "out"
    for path, size in ((large, 65 << 20), (small, 1 << 20)):
        with path.open("wb") as file:
            file.truncate(size)
    cert = pki.good_rsa
    words = [["encrypt", "-binary", "-outform", "DER", "-out", out, "-in", large, cert.pem],
             ["sign", "-binary", "-outform", "DER", "-out", out, "-in", large, "-signer", cert.pem,
              "-inkey", cert.key]]
    for each in words:
        said = on_a_terminal(each)
        shown, _, warnings = said.rpartition("\033[K")
        assert "\r  0 %" in shown and "%" not in warnings, said
        assert out.stat().st_size > 100
        assert "%" not in command(*each).err and "%" not in on_a_terminal(each, TERM="dumb")
        assert "%" not in on_a_terminal([small if word is large else word for word in each])


def test_pipe_on_a_terminal(pki, post, mail, tmp_path):
    """The size of a pipe is not known, and opening it to find out would end its writer."""
    pipe, out = tmp_path / "pipe", tmp_path / "out"
    os.mkfifo(pipe)
    cert = pki.good_rsa
    with subprocess.Popen(["/bin/cp", post.encrypted("good_rsa"), pipe]) as writer:
        said = on_a_terminal(["decrypt", "-in", pipe, "-out", out, "-recip", cert.pem, "-inkey",
                              cert.key])
        assert writer.wait(timeout=PATIENCE) == 0, said
    assert out.read_bytes() == mail.read_bytes()
