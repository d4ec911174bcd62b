# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
"""
The launcher: it links libc alone, and hands over nothing that the provider did not report as judged.

Each of these takes something away from it, or puts something else in its place.  The answer is an exit
code, one clear line and no output.
"""

import json
import os
import re
import shutil
import subprocess

import pytest

from faults import DONE, REFUSED, SYSTEM, USAGE
from harness import (BUILD, COMMAND, MODULE, OPENSSL, PATIENCE, REPO, TOOL, copy_command, environment, is_musl, must,
                     refused, run, skip_if_installed, stock)

MOST_LINES = 4542  # 400 of them are for --headers, and 180 for verify
UNPROVEN = "openssl ran without the policy: "


def is_instrumented():
    return re.search(r"SP_(SANITIZE|COVERAGE)\S*=(?!OFF|\s)", (BUILD / "CMakeCache.txt").read_text())


def uses(pki, mail, post):
    """{name: words} of what the launcher does by itself, without -out."""
    sign = ["-signer", pki.good_rsa.pem, "-inkey", pki.good_rsa.key, "-in", mail]
    read = ["-recip", pki.good_rsa.pem, "-inkey", pki.good_rsa.key, "-in", post.encrypted("good_rsa")]
    return {"sign": ["sign", *sign], "encrypt": ["encrypt", "-in", mail, pki.good_rsa.pem],
            "decrypt": ["decrypt", *read], "cms -sign": ["cms", "-sign", *sign],
            "smime -encrypt": ["smime", "-encrypt", "-aes128", "-in", mail, pki.good_rsa.pem],
            "smime -decrypt": ["smime", "-decrypt", *read]}


USES = ["sign", "encrypt", "decrypt", "cms -sign", "smime -encrypt", "smime -decrypt"]
each_use = pytest.mark.parametrize("use", USES)


@pytest.fixture
def house(tmp_path):
    """The two programs and the module, in a directory of their own."""
    for name in ("shim", "provider"):
        (tmp_path / name).mkdir()
    shutil.copy(MODULE, tmp_path / "provider")
    return copy_command(tmp_path / "shim")


def with_out(words, out):
    """The words with -out before the operands."""
    at = 1 if words[0] not in ("cms", "smime") else 2
    return [*words[:at], "-out", out, *words[at:]]


def leaves_nothing(result, code, *texts, out):
    assert result.rc == code and result.out == b"" and os.listdir(out.parent) == [], result
    for text in texts:
        assert text in result.err, result
    return result


@pytest.fixture
def out(tmp_path):
    (tmp_path / "d").mkdir()
    return tmp_path / "d" / "out"


def stand_in(tmp_path, script):
    """A program in place of stock, as environment.  It begins with the number of the pipe and the nonce."""
    path = tmp_path / "stand-in"
    path.write_text(f"""#!/bin/sh
pipe=$(sed -n 's/^report = //p' "$OPENSSL_CONF")
nonce=$(sed -n 's/^report_nonce = //p' "$OPENSSL_CONF")
{script}
""")
    path.chmod(0o755)
    return {"SMIME_POLICY_OPENSSL": path}


# --- what it is


def test_it_links_libc_alone():
    if is_instrumented():
        pytest.skip("an instrumented build links more")
    needed = re.findall(r"\(NEEDED\).*\[(.*)\]", must(run("readelf", "-d", COMMAND)).text)
    assert needed == ([] if is_musl() else ["libc.so.6"])
    assert ("INTERP" in must(run("readelf", "-lW", COMMAND)).text) != is_musl()


def test_it_is_small():
    """All sources that are compiled into it."""
    listed = re.search(r"add_executable\(smime-policy main\.c(.*?)\)\n",
                       (REPO / "shim" / "CMakeLists.txt").read_text(), re.S)[1]
    names = listed.replace("${PROJECT_SOURCE_DIR}", str(REPO)).split()
    files = [REPO / "shim" / name for name in ["main.c", *names]]
    assert len(files) > 20
    assert sum(path.read_text().count("\n") for path in files) <= MOST_LINES
    assert not any("<openssl/" in path.read_text() for path in files)


@each_use
def test_it_needs_no_tool(use, pki, mail, post, house, out):
    """What is usual it does by itself: with the provider it runs stock once."""
    (house.parent / "smime-policy-tool").unlink()
    must(run(house, *with_out(uses(pki, mail, post)[use], out)))
    assert out.stat().st_size > 100 or "decrypt" in use and out.read_bytes() == mail.read_bytes()


def test_nobody_else_calls_the_tool_to_judge_alone(pki, mail):
    for word in ("--judge", "--judge-logged"):
        result = run(COMMAND, word, "sign", "-signer", pki.good_rsa.pem, "-in", mail)
        assert result.rc == USAGE and f"unknown option {word}" in result.err, result


@pytest.mark.parametrize("program", [COMMAND, TOOL], ids=lambda path: path.name)
@pytest.mark.parametrize("words", [[], ["--json"]], ids=["launcher", "tool"])
def test_neither_runs_the_other_as_openssl(words, program, pki, mail, out):
    """They would call each other for ever."""
    result = run(COMMAND, "sign", "-signer", pki.good_rsa.pem, "-inkey", pki.good_rsa.key, "-in", mail, "-out", out,
                 *words, env={"SMIME_POLICY_OPENSSL": program})
    assert result.rc == SYSTEM and "is this command itself" in result.err and os.listdir(out.parent) == [], result


# --- what is taken away


@each_use
@pytest.mark.parametrize("fault", ["missing", "empty", "another library", "another provider"])
def test_module(fault, use, pki, mail, post, house, out):
    module = house.parents[1] / "provider" / MODULE.name
    module.unlink()
    if fault == "empty":
        module.touch()
    elif fault == "another library":
        shutil.copy(BUILD / "provider" / "libsmimepolicy.so.0", module)
    elif fault == "another provider":
        modules = re.search(r'"(.*)"', stock("version", "-m").text)[1]
        shutil.copy(f"{modules}/legacy.so", module)
    else:
        skip_if_installed("module", "SP_MODULES_DIR", MODULE.name)
    result = run(house, *with_out(uses(pki, mail, post)[use], out))
    # With another provider stock knows no algorithm; of that `smime` says that it is a wrong usage, and exits with 0.
    assert result.rc != DONE or use.startswith("smime") and "-help" in result.err, result
    assert result.out == b"" and result.err and os.listdir(out.parent) == [], result


@each_use
def test_tool(use, pki, mail, post, house, out):
    """Without the tool the provider's own words are printed, and what was refused stays refused."""
    skip_if_installed("tool", "CMAKE_INSTALL_PREFIX", "libexec", "smime-policy", "smime-policy-tool")
    (house.parent / "smime-policy-tool").unlink()
    words = with_expired(uses(pki, mail, post)[use], pki)
    if "decrypt" in use:
        words = [*words[:-1], "/dev/null"]
    result = run(house, *with_out(words, out))
    leaves_nothing(result, SYSTEM if "decrypt" in use else REFUSED, "cannot run", "smime-policy-tool", out=out)
    assert "decrypt" in use or refused(result, "expired")


# --- what is reported


LINES = "echo hello $nonce 0; echo ready; echo allowed sign -"
REPORTS = {
    "nothing": "",
    "no greeting": "echo allowed sign - >&$pipe",
    "another nonce": "{ echo hello 00000000000000000000000000000000 0; echo ready; echo allowed sign -; } >&$pipe",
    "half a nonce": "{ echo hello ${nonce%?????} 0; echo ready; echo allowed sign -; } >&$pipe",
    "not ready": "{ echo hello $nonce 0; echo allowed sign -; } >&$pipe",
    "nothing allowed": "{ echo hello $nonce 0; echo ready; } >&$pipe",
    "another use": "{ echo hello $nonce 0; echo ready; echo allowed encrypt -; } >&$pipe",
    "no line": f"{{ {LINES}; echo what is this; }} >&$pipe",
    "half a line": f"{{ {LINES}; printf allowed; }} >&$pipe",
    "a NUL": f"{{ {LINES}; printf 'note\\0\\n'; }} >&$pipe",
    "a long line": f"{{ {LINES}; printf 'note %05000d\\n' 0; }} >&$pipe",
    "an overflow": f"{{ {LINES}; echo report-overflow; }} >&$pipe",
    "many lines": f"{{ {LINES}; yes 'setting a b' | head -n 30000; }} >&$pipe",
    "much text": f"{{ {LINES}; yes \"note sign - r $(printf '%01000d' 0)\" | head -n 3000; }} >&$pipe",
}


@pytest.mark.parametrize("name", [["sign"], ["cms", "-sign"], ["smime", "-sign"]], ids=" ".join)
@pytest.mark.parametrize("report", REPORTS)
def test_report(report, name, pki, mail, tmp_path, out):
    """Stock has succeeded, but nothing shows that the policy was asked."""
    env = stand_in(tmp_path, f"{REPORTS[report]}\ncat >/dev/null\necho message")
    result = run(COMMAND, *name, "-signer", pki.good_rsa.pem, "-inkey", pki.good_rsa.key, "-in", mail, "-out", out,
                 env=env)
    leaves_nothing(result, REFUSED, UNPROVEN, "nothing was written", out=out)
    assert len(result.err.splitlines()) == 1
    good = stand_in(tmp_path, f"{{ {LINES}; }} >&$pipe\ncat >/dev/null\necho message")
    must(run(COMMAND, *name, "-signer", pki.good_rsa.pem, "-inkey", pki.good_rsa.key, "-in", mail, "-out", out,
             env=good))
    assert out.read_text() == "message\n"


def test_fewer_are_allowed_than_signed(pki, mail, tmp_path, out):
    words = []
    for cert in (pki.good_rsa, pki.good_p256):
        words += ["-signer", cert.pem, "-inkey", cert.key]
    env = stand_in(tmp_path, f"{{ {LINES}; }} >&$pipe\ncat >/dev/null\necho message")
    leaves_nothing(run(COMMAND, "sign", *words, "-in", mail, "-out", out, env=env), REFUSED, UNPROVEN, out=out)


def test_a_refusal_is_one_whatever_stock_says(pki, mail, tmp_path, out):
    """The text of the provider is printed where the tool has nothing to say."""
    env = stand_in(tmp_path, f"{{ {LINES}; echo 'refused sign - expired refused: so it is [expired]'; }} >&$pipe\n"
                             "cat >/dev/null\necho message")
    result = run(COMMAND, "sign", "-signer", pki.good_rsa.pem, "-inkey", pki.good_rsa.key, "-in", mail, "-out", out,
                 env=env)
    leaves_nothing(result, REFUSED, "refused: so it is [expired]", out=out)


# --- stock without the policy


PAST = {
    "without the provider": f'unset OPENSSL_CONF SMIME_POLICY_EXPECT; name=$1; shift 5; exec {OPENSSL} $name "$@"',
    "without configuration": f'export OPENSSL_CONF=/dev/null; unset SMIME_POLICY_EXPECT; exec {OPENSSL} "$@"',
    "in another library context": f'export OPENSSL_TEST_LIBCTX=1; exec {OPENSSL} "$@"',
    "with a closed pipe": f'eval "exec $pipe>&-"; exec {OPENSSL} "$@"',
    "with a file for a pipe": f'eval "exec $pipe>/dev/null"; exec {OPENSSL} "$@"',
}


def with_expired(words, pki):
    """The same words with an expired certificate."""
    bad = {pki.good_rsa.pem: pki.expired.pem, pki.good_rsa.key: pki.expired.key}
    return [bad.get(word, word) for word in words]


@pytest.mark.parametrize("how", PAST)
@each_use
def test_stock_past_the_policy(use, how, pki, mail, post, tmp_path, out):
    """In bash, which has descriptors of two digits.  Where a report fails the tool may do it, under the policy."""
    path = tmp_path / "past"
    path.write_text(f"""#!/bin/bash
pipe=$(sed -n 's/^report = //p' "$OPENSSL_CONF")
{PAST[how]}
""")
    path.chmod(0o755)
    words, env = with_out(uses(pki, mail, post)[use], out), {"SMIME_POLICY_OPENSSL": path}
    if how in ("without the provider", "without configuration"):
        result = leaves_nothing(run(COMMAND, *words, env=env), REFUSED, UNPROVEN, out=out)
        assert len(result.err.splitlines()) == 1, result
    if "decrypt" not in use:
        result = run(COMMAND, *with_expired(words, pki), env=env)
        assert result.rc != DONE and result.out == b"" and os.listdir(out.parent) == [], result


@pytest.mark.parametrize("back", [False, True], ids=["swapped", "and back"])
@pytest.mark.parametrize("use", [use for use in USES if "decrypt" not in use])
def test_a_file_is_swapped_when_stock_reads_it(use, back, pki, mail, post, tmp_path, out):
    """The certificate that was used is judged, whatever its file holds before and after."""
    cert, key = tmp_path / "cert.pem", tmp_path / "cert.key"

    def put(which):
        return f"cp {which.pem} {cert}; cp {which.key} {key}"

    own = {pki.good_rsa.pem: cert, pki.good_rsa.key: key}
    words = [own.get(word, word) for word in with_out(uses(pki, mail, post)[use], out)]
    env = stand_in(tmp_path, f'{put(pki.expired)}\n{OPENSSL} "$@"\ncode=$?\n{put(pki.good_rsa) if back else ""}\n'
                             "exit $code")
    must(run("/bin/sh", "-c", put(pki.good_rsa)))
    leaves_nothing(refused(run(COMMAND, *words, env=env), "expired"), REFUSED, out=out)
    # The other way round: what was used may be used.
    must(run("/bin/sh", "-c", put(pki.expired)))
    must(run(COMMAND, *words, env=stand_in(tmp_path, f'{put(pki.good_rsa)}\nexec {OPENSSL} "$@"')))
    assert out.stat().st_size > 100


HOSTILE = ["OPENSSL_CONF", "OPENSSL_CONF_INCLUDE", "OPENSSL_MODULES", "OPENSSL_ENGINES", "OPENSSL_TEST_LIBCTX",
           "OPENSSL_TRACE", "OPENSSL_FIPS", "OPENSSL_ia32cap", "OPENSSL_MALLOC_FAILURES", "OPENSSL_MALLOC_FD",
           "OPENSSL_WIN32_UTF8", "OPENSSL_HTTP_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR", "SSLKEYLOGFILE", "RANDFILE",
           "CTLOG_FILE", "QLOGDIR", "OSSL_QFILTER", "SMIME_POLICY_EXPECT", "SMIME_POLICY_PASSIN"]


@each_use
def test_every_variable_of_libcrypto(use, pki, mail, post, out):
    """None of them reaches stock: a good certificate is used, and another one is not."""
    env = dict.fromkeys(HOSTILE, "/nonexistent/x")
    must(run(COMMAND, *with_out(uses(pki, mail, post)[use], out), env=env))
    out.unlink()
    if "decrypt" not in use:
        words = with_expired(with_out(uses(pki, mail, post)[use], out), pki)
        leaves_nothing(refused(run(COMMAND, *words, env=env), "expired"), REFUSED, out=out)


@each_use
@pytest.mark.parametrize("more", [["-provider", "default"], ["-propquery", "?x=y"], ["-provider-path", "/"],
                                  ["-config", "/dev/null"], ["-engine", "dynamic"]], ids=" ".join)
def test_other_providers_are_refused_by_name(more, use, pki, mail, post, out):
    words = with_out(uses(pki, mail, post)[use], out)
    at = words.index("-out")
    result = run(COMMAND, *words[:at], *more, *words[at:])
    assert result.rc in (USAGE, REFUSED) and result.out == b"" and os.listdir(out.parent) == [], result


# --- the message comes through a pipe


def piped(mail, *argv):
    """As run(), with the message from a pipe, which can be read once."""
    with subprocess.Popen(["/bin/cat", mail], stdout=subprocess.PIPE) as writer:
        done = subprocess.run([str(word) for word in argv], stdin=writer.stdout, capture_output=True, check=False,
                              env=environment(), timeout=PATIENCE)
    return done


@pytest.mark.parametrize("name", [["sign"], ["cms", "-sign"], ["smime", "-sign"]], ids=" ".join)
def test_every_fault_of_a_piped_message(name, pki, mail, out):
    """Stock has read the message when it is refused: the tool says the same without it."""
    words = []
    for cert in (pki.expired, pki.no_san):
        words += ["-signer", cert.pem, "-inkey", cert.key]
    result = piped(mail, COMMAND, *name, *words, "-out", out)
    assert result.returncode == REFUSED and result.stdout == b"" and os.listdir(out.parent) == [], result
    assert b"[expired]" in result.stderr and b"[san-email]" in result.stderr, result


def test_a_refusal_is_logged_once(pki, mail, tmp_path, out):
    """By the provider, or by the tool where the provider was not asked."""
    log, policy = tmp_path / "log", tmp_path / "policy.cnf"
    policy.write_text(f"decision_log = {log}\n")
    for cert, key, rule in ((pki.expired, pki.expired.key, "expired"),
                            (pki.good_rsa, pki.good_p256.key, "private-key-match")):
        result = run(COMMAND, "--policy", policy, "sign", "-signer", cert.pem, "-inkey", key, "-in", mail, "-out", out)
        leaves_nothing(refused(result, rule), REFUSED, out=out)
        (line,) = log.read_text().splitlines()
        assert rule in line and json.loads(line), line
        log.unlink()


def test_observed(pki, mail, tmp_path, out):
    """What is observed is said and done."""
    policy = tmp_path / "policy.cnf"
    policy.write_text("mode = observe\n")
    words = ["-signer", pki.expired.pem, "-inkey", pki.expired.key, "-in", mail, "-out", out]
    result = must(run(COMMAND, "--policy", policy, "sign", *words))
    assert "[expired]" in result.err and "going ahead all the same: mode = observe" in result.err
    assert out.stat().st_size > 100
