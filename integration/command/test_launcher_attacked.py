# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
"""
The launcher under attack: variables, providers, the pipe of the report, signals at each stage, a full disk.

Whatever happens: no output with a bad certificate, nothing left behind, and nothing goes on running.
"""

import os
import re
import shutil
import signal
import subprocess
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from faults import AT_ONCE, DONE, REFUSED, STRACE, SYSTEM, skip_without_strace
from harness import COMMAND, OPENSSL, PATIENCE, environment, must, refused, run, stock, wait_for
from test_launcher import LINES, USES, each_use, leaves_nothing, stand_in, uses, with_expired, with_out

sends = pytest.mark.parametrize("use", [use for use in USES if "decrypt" not in use])


@pytest.fixture
def out(tmp_path):
    (tmp_path / "d").mkdir()
    return tmp_path / "d" / "out"


# --- variables


# The loader obeys these for the command itself, before it runs: it prints to standard output.
OF_THE_LOADER = ("LD_TRACE_LOADED_OBJECTS", "LD_TRACE_PRELINKING", "LD_VERIFY", "LD_SHOW_AUXV", "LD_DEBUG")


def words_of_libraries():
    """Each word in openssl, its libraries and libc that may be the name of a variable."""
    listed = must(run("ldd", OPENSSL)).text
    files = [OPENSSL, *re.findall(r"(?:=> )?(/\S+) \(0x", listed)]
    found = set()
    for file in files:
        with open(file, "rb") as binary:
            found.update(re.findall(rb"(?<![\x20-\x7e])[A-Z][A-Z0-9_]{3,40}(?==?\0)", binary.read()))
    names = {name.decode() for name in found} | {"OPENSSL_ia32cap", "LD_PRELOAD", "LD_AUDIT", "LD_LIBRARY_PATH"}
    names = {name for name in names if not name.startswith(("SMIME_POLICY_", "LC_")) and name not in OF_THE_LOADER}
    assert {"OPENSSL_MODULES", "OPENSSL_CONF", "OPENSSL_ENGINES", "GCONV_PATH", "SSL_CERT_FILE"} <= names
    return names - {"PATH", "HOME", "TMPDIR", "LANG", "LANGUAGE"}


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    """{name: value of each variable}"""
    directory = tmp_path_factory.mktemp("hostile")
    modules = re.search(r'"(.*)"', stock("version", "-m").text)[1]
    shutil.copy(f"{modules}/legacy.so", directory / "smimepolicy.so")
    conf = directory / "openssl.cnf"
    conf.write_text("openssl_conf = init\n[init]\nproviders = all\nalg_section = algorithms\n"
                    "[algorithms]\ndefault_properties = provider=default\n"
                    "[all]\ndefault = on\nbase = on\nlegacy = on\n[on]\nactivate = 1\n")
    return {"a directory": str(directory), "a configuration": str(conf), "a word": "1"}


@pytest.mark.parametrize("what", ["a directory", "a configuration", "a word"])
@each_use
def test_every_word_of_the_libraries_as_variable(use, what, hostile, pki, mail, post, out):
    env = dict.fromkeys(words_of_libraries(), hostile[what])
    words = with_out(uses(pki, mail, post)[use], out)
    result = run(COMMAND, *words, env=env)
    assert result.rc == DONE and out.stat().st_size > 0 or not out.exists(), result
    out.unlink(missing_ok=True)
    if "decrypt" not in use:
        result = run(COMMAND, *with_expired(words, pki), env=env)
        assert result.rc == REFUSED and "[expired]" in result.err, result
        assert result.out == b"" and os.listdir(out.parent) == []


# --- providers and queries


OTHERS = [*(("provider", name) for name in ("default", "legacy", "base", "null", "fips", "smimepolicy")),
          *(("propquery", query) for query in ("provider=default", "-smime.policy", "?fips=yes", "smime.policy=no", "")),
          ("provider-path", "/usr/lib"), ("engine", "dynamic"), ("engine", "padlock"), ("config", "/dev/null"),
          ("provparam", "default:x=y")]


@sends
def test_every_provider_and_query(use, pki, mail, post, out):
    """In each form of an option, alone and behind one another, in front and at the end."""
    words = with_expired(with_out(uses(pki, mail, post)[use], out), pki)
    at = words.index("-out")
    ways = [way for name, value in OTHERS for way in ([f"-{name}", value], [f"--{name}", value], [f"-{name}={value}"])]
    ways.append([word for name, value in OTHERS for word in (f"-{name}", value)])
    for more in ways:
        for line in ([*words[:at], *more, *words[at:]], [*words, *more]):
            result = run(COMMAND, *line)
            assert result.rc != DONE and result.out == b"" and os.listdir(out.parent) == [], (more, result)


# --- the pipe of the report


@pytest.mark.parametrize("directory", ["/dev/fd", "/proc/self/fd", "/proc/thread-self/fd"])
@pytest.mark.parametrize("more", [[], ["-v"]], ids=["launcher", "tool"])
def test_a_descriptor_as_output(more, directory, pki, mail, tmp_path):
    """
    The caller opened none of these: no descriptor of our own is written to.  It was success, and the output was
    lost, or was written over the message.
    """
    own = tmp_path / "own"
    own.write_bytes(mail.read_bytes())
    for cert in (pki.good_rsa, pki.expired):
        for number in range(3, 12):
            result = run(COMMAND, "sign", *more, "-signer", cert.pem, "-inkey", cert.key, "-in", own, "-out",
                         f"{directory}/{number}")
            assert result.rc in (SYSTEM, REFUSED) and result.out == b"", (number, result)
            assert result.rc == REFUSED or f"cannot write {directory}/{number}" in result.err, (number, result)
    assert own.read_bytes() == mail.read_bytes()


@pytest.mark.parametrize("option", ["-certsout", "-writerand", "-signer", "-content", "-rand", "-inkey", "-certfile"])
def test_a_descriptor_in_every_option(option, pki, mail, out):
    """What stock would write to the pipe is no line of the provider's."""
    for number in range(3, 12):
        for words in (["cms", "-sign", "-signer", pki.expired.pem, "-inkey", pki.expired.key], ["cms", "-verify"],
                      ["cms", "-encrypt", "-aes256", "-recip", pki.expired.pem]):
            result = run(COMMAND, *words, "-in", mail, "-out", out, option, f"/dev/fd/{number}")
            assert result.rc != DONE and result.out == b"" and os.listdir(out.parent) == [], (number, result)


@pytest.mark.parametrize("name", [["encrypt"], ["cms", "-encrypt", "-aes256"], ["smime", "-encrypt", "-aes256"]],
                         ids=" ".join)
def test_certfile_beside_encrypt(name, pki, mail, out):
    """It is read and never used: neither does it stand for a recipient, nor is it one that is refused."""
    must(run(COMMAND, *name, "-certfile", pki.web_rsa.pem, "-in", mail, "-out", out, pki.good_rsa.pem))
    must(stock("cms", "-decrypt", "-in", out, "-recip", pki.good_rsa.pem, "-inkey", pki.good_rsa.key))
    out.unlink()
    leaves_nothing(run(COMMAND, *name, "-certfile", pki.good_rsa.pem, "-in", mail, "-out", out, pki.web_rsa.pem),
                   REFUSED, "[extended-key-usage]", out=out)


def test_lines_of_a_child_of_stock(pki, mail, tmp_path, out):
    """They come too late, and nobody waits for it."""
    script = f"cat >/dev/null; echo message; {{ sleep 1000; {LINES}; }} >&$pipe & echo $! >{tmp_path}/child"
    result = run(COMMAND, "sign", "-signer", pki.expired.pem, "-inkey", pki.expired.key, "-in", mail, "-out", out,
                 env=stand_in(tmp_path, script))
    os.kill(int((tmp_path / "child").read_text()), signal.SIGKILL)
    leaves_nothing(result, REFUSED, "openssl ran without the policy", out=out)


@pytest.mark.parametrize("count", [3000, pytest.param(11000, marks=pytest.mark.slow)])
def test_thousands_of_lines(count, pki, mail, tmp_path, out):
    """As many recipients as that: each is reported, or the policy is locked and the tool does it.  One is bad."""
    certs = [pki.good_rsa.pem] * count
    result = run(COMMAND, "encrypt", "-in", mail, "-out", out, *certs)
    assert (result.rc == DONE) == out.exists(), result.err[:2000]
    out.unlink(missing_ok=True)
    result = run(COMMAND, "encrypt", "-in", mail, "-out", out, *certs, pki.expired.pem)
    leaves_nothing(refused(result, "expired"), REFUSED, out=out)


# --- stock and signals


@each_use
def test_stock_without_output(use, pki, mail, post, tmp_path, out):
    """It says that all is done, and so does the report, and there is nothing: no success with an empty file."""
    lines = "\n".join(f"echo allowed {name} - >&$pipe" for name in ("sign", "encrypt", "decrypt"))
    env = stand_in(tmp_path, f"{{ {LINES}; }} >&$pipe\n{lines}\ncat >/dev/null\nexit 0")
    result = run(COMMAND, *with_out(uses(pki, mail, post)[use], out), env=env)
    if "decrypt" in use:
        assert result.rc == DONE and out.read_bytes() == b"", result
    else:
        assert result.rc != DONE and result.out == b"" and os.listdir(out.parent) == [], result


def calls_in(log, most):
    """The system calls of a log of strace, as its option `inject` names them; |most| of them, or all."""
    seen, points = Counter(), []
    for line in log.read_text(errors="replace").splitlines():
        name = re.match(r"(\w+)\(", line)
        if name and name[1] != "exit_group":
            seen[name[1]] += 1
            points.append((name[1], seen[name[1]]))
    log.unlink()
    assert len(points) > 50
    # The first is the execve of strace itself.
    return points[1:] if most is None else [points[1 + len(points[1:]) * i // most] for i in range(most)]


def at_each(points, tmp_path, attempt):
    """Call |attempt| with each point and a directory for output and one for $TMPDIR; report what it complains of."""
    def one(numbered):
        number, (name, count) = numbered
        room = tmp_path / f"at{number}"
        for directory in (room, room / "d", room / "t"):
            directory.mkdir()
        result = attempt(f"{name}:when={count}", room)
        left = os.listdir(room / "d") + os.listdir(room / "t")
        return name, count, left, result

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(one, enumerate(points)))


def take_whole(out, whole, result):
    """Some calls are not made in each run, as their number depends on random numbers: then all is done."""
    if out.exists():
        assert result.rc in (DONE, -signal.SIGTERM) and abs(out.stat().st_size - whole.stat().st_size) < 20, result
        out.unlink()


def kill_stock(words, signal_name, most, tmp_path):
    """Kill stock with a signal at some system calls, or at each."""
    skip_without_strace()
    log, whole = tmp_path / "log", tmp_path / "whole"
    must(run(COMMAND, *with_out(words, whole), env=stand_in(tmp_path, f'exec {STRACE} -o {log} {OPENSSL} "$@"')))

    def kill(at, room):
        name, when = at.split(":")
        script = f'exec {STRACE} -o /dev/null -e inject={name}:signal={signal_name}:{when} {OPENSSL} "$@"'
        result = run(COMMAND, *with_out(words, room / "d" / "out"),
                     env={**stand_in(room, script), "TMPDIR": room / "t"})
        take_whole(room / "d" / "out", whole, result)
        return result

    results = at_each(calls_in(log, most), tmp_path, kill)
    killed = [one for one in results if one[3].rc != DONE]
    told = [f"{name} {count}: {left} {result}" for name, count, left, result in results
            if result.out or left or result.rc != DONE and signal_name != "TERM" and "was ended by" not in result.err]
    assert not told, "\n".join(told)
    assert len(killed) > len(results) * 3 // 4


@each_use
def test_stock_is_killed(use, pki, mail, post, tmp_path):
    kill_stock(uses(pki, mail, post)[use], "KILL", 6, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["KILL", "SEGV", "TERM"])
@each_use
def test_stock_is_killed_at_each_call(use, name, pki, mail, post, tmp_path):
    kill_stock(uses(pki, mail, post)[use], name, None, tmp_path)


def end_launcher(words, most, tmp_path):
    """End the launcher with SIGTERM at some of its system calls, or at each: whole output or none."""
    skip_without_strace()
    log, whole = tmp_path / "log", tmp_path / "whole"
    must(run(STRACE, "-o", log, COMMAND, *with_out(words, whole)))

    def end(at, room):
        name, when = at.split(":")
        result = run(STRACE, "-o", "/dev/null", "-e", f"inject={name}:signal=TERM:{when}", COMMAND,
                     *with_out(words, room / "d" / "out"), env={"TMPDIR": room / "t"})
        take_whole(room / "d" / "out", whole, result)
        return result

    results = at_each(calls_in(log, most), tmp_path, end)
    told = [f"{name} {count}: {left} {result}" for name, count, left, result in results if result.out or left]
    assert not told, "\n".join(told)
    assert sum(result.rc != DONE for _, _, _, result in results) > len(results) // 3


@each_use
def test_launcher_is_ended(use, pki, mail, post, tmp_path):
    end_launcher(uses(pki, mail, post)[use], 6, tmp_path)


@pytest.mark.slow
@each_use
def test_launcher_is_ended_at_each_call(use, pki, mail, post, tmp_path):
    end_launcher(uses(pki, mail, post)[use], None, tmp_path)


def children_of(pid):
    done = run("/bin/sh", "-c", f"cat /proc/{pid}/task/*/children")
    return [int(child) for child in done.out.split()]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGKILL])
@pytest.mark.parametrize("stage", ["stock", "tool"])
def test_nothing_goes_on_running(stage, number, pki, mail, tmp_path, out):
    """Stock or the tool that judges hangs, and the launcher is ended: they end with it."""
    script = "exec sleep 1000"
    if stage == "tool":
        script = f"{{ {LINES}; echo 'refused sign - expired refused: it is [expired]'; }} >&$pipe; exit 1"
    house = tmp_path / "house"
    house.mkdir()
    for name in ("shim", "provider"):
        (house / name).mkdir()
    command = shutil.copy(COMMAND, house / "shim")
    tool = house / "shim" / "smime-policy-tool"
    tool.write_text("#!/bin/sh\nexec sleep 1000\n")
    tool.chmod(0o755)
    (house / "provider" / "smimepolicy.so").touch()
    with subprocess.Popen([command, "sign", "-signer", pki.good_rsa.pem, "-inkey", pki.good_rsa.key, "-in", mail,
                           "-out", out], env=environment(**stand_in(tmp_path, script)), stderr=subprocess.PIPE,
                          stdin=subprocess.DEVNULL) as process:
        wait_for(lambda: any("sleep" in name_of(child) for child in children_of(process.pid)
                             + [more for child in children_of(process.pid) for more in children_of(child)]))
        children = children_of(process.pid)
        process.send_signal(number)
        process.wait(PATIENCE)
    assert process.returncode != DONE
    wait_for(lambda: not any(os.path.exists(f"/proc/{child}") and name_of(child) for child in children))
    if number != signal.SIGKILL:
        assert os.listdir(out.parent) == []


def name_of(pid):
    try:
        with open(f"/proc/{pid}/cmdline", encoding="utf-8") as file:
            return file.read()
    except OSError:
        return ""


# --- a full disk


@each_use
def test_disk_is_full(use, pki, mail, post, tmp_path):
    """$TMPDIR, for standard output, and the directory of -out, on a file system of 16 KB."""
    small, big = tmp_path / "small", tmp_path / "big"
    small.mkdir()
    big.write_bytes(b"Subject: x\r\n\r\n" + b"0123456789abcdef\r\n" * 20000)
    mount = 'mount -t tmpfs -o size=16k none "$SMALL" || exit 99; "$@"; code=$?; ls -A "$SMALL" | sed "s/^/left: /" >&2; exit $code'
    words = [big if word == mail else word for word in uses(pki, mail, post)[use]]
    if "decrypt" in use:
        secret = tmp_path / "secret"
        must(stock("cms", "-encrypt", "-aes256", "-in", big, "-out", secret, pki.good_rsa.pem))
        words[words.index("-in") + 1] = secret
    for line in (words, with_out(words, small / "out")):
        result = run("unshare", "-rm", "/bin/sh", "-c", mount, "sh", COMMAND, *line,
                     env={"SMALL": small, "TMPDIR": small})
        if result.rc == 99 or "unshare" in result.err:
            pytest.skip(f"no file system can be mounted here: {result.err}")
        assert result.rc == SYSTEM and result.out == b"" and "No space left on device" in result.err, result
        assert "left: " not in result.err, result
