# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
"""Running programs in a clean environment, and configuration files for the provider."""

import functools
import os
import re
import select
import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

REPO = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("SP_BUILD", REPO / "build" / "release")).resolve()
MODULE = BUILD / "provider" / "smimepolicy.so"
COMMAND = BUILD / "shim" / "smime-policy"
TOOL = BUILD / "shim" / "smime-policy-tool"
OPENSSL = shutil.which("openssl", path=os.defpath) or "openssl"
PHP = shutil.which("php", path=os.defpath) or "php"

# The time in seconds after which a program hangs, and is not only slow on a busy machine.  No test expects
# anything to be faster than that.
PATIENCE = 600

# By this clock a second lasts twenty: for a command that waits some seconds for an answer, on a busy machine.
SLOW_CLOCK = ("faketime", "-f", "+0 x0.05")

# For `openssl req`: this key is made at once, and one for RSA takes a quarter of a second.
NEW_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc")

# The property query of the shipped snippet: with it our implementation wins beside `default`.
PREFER_OURS = "?smime.policy=yes"


@dataclass(frozen=True)
class Result:
    """The result of a program: exit code, standard output, standard error."""

    rc: int
    out: bytes
    err: str

    def __str__(self):
        return f"exit {self.rc}\n--- stdout\n{self.out[:2000]!r}\n--- stderr\n{self.err[:4000]}"

    @property
    def text(self):
        """Both streams, as some programs print their errors to either."""
        return self.out.decode(errors="replace") + self.err


# For a script that stands in for openssl: report as the provider does, if the launcher listens.
REPORTS = """pipe=$(sed -n 's/^report = //p' "$OPENSSL_CONF")
test -z "$pipe" || {
    echo "hello $(sed -n 's/^report_nonce = //p' "$OPENSSL_CONF") 0"
    printf '%s\\n' ready 'allowed sign -' 'allowed encrypt -' 'allowed decrypt -'
    ! grep -q '^report_use = verify$' "$OPENSSL_CONF" || printf 'vouched %064d\\nallowed verify %064d\\n' 0 0
} >&$pipe
"""


def is_musl():
    """Is the launcher linked with musl, as a static program?"""
    return "SP_HAS_MUSL:INTERNAL=1" in (BUILD / "CMakeCache.txt").read_text("utf-8")


def copy_command(directory):
    """Copy the command, which is two programs, into a directory; returns its path there."""
    for program in (COMMAND, TOOL):
        shutil.copy(program, directory)
    return directory / COMMAND.name


def skip_if_installed(what, setting, *below):
    """Skip where an installation has |what|: our command takes that, if the one beside itself is lost."""
    folder = re.search(rf"^{setting}:\w+=(.*)$", (BUILD / "CMakeCache.txt").read_text(), re.M)[1]
    if Path(folder, *below).exists():
        pytest.skip(f"a {what} is installed, and would be used")


def environment(conf=None, **more):
    """An environment in which nothing is inherited: a stray OPENSSL_CONF or SSL_CERT_FILE would change the
    tests."""
    env = {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC", "HOME": "/nonexistent"}
    if conf is not None:
        env["OPENSSL_CONF"] = str(conf)
    env.update({key: str(value) for key, value in more.items()})
    return env


def run(*argv, conf=None, stdin=b"", env=None, cwd=None, timeout=PATIENCE):
    """Run a program to its end, never through a shell."""
    done = subprocess.run([str(arg) for arg in argv], input=stdin, capture_output=True, check=False,
                          env=environment(conf, **(env or {})), cwd=cwd, timeout=timeout)
    return Result(done.returncode, done.stdout, done.stderr.decode(errors="replace"))


def stock(*argv, **kwargs):
    """Run openssl without any configuration, and so without the policy."""
    return run(OPENSSL, *argv, conf="/dev/null", **kwargs)


STOCK_DOES = {}


def stock_does(what, answer):
    """
    Note whether the installed openssl does |what| by itself, as a test found out by running it.  It is
    printed after all tests, as releases and their patches differ.  A test may ask in order to know what to
    expect under the policy; no test expects what stock does wrong.
    """
    STOCK_DOES[what] = answer
    return answer


@functools.cache
def why_no_php():
    """None, or why PHP cannot run under the policy here."""
    if not os.access(PHP, os.X_OK):
        return "PHP is not installed"
    ours, theirs = (re.search(r"OpenSSL (\d+)\S*", result.text) for result in (
        stock("version"), run(PHP, "-n", "-r", "echo OPENSSL_VERSION_TEXT;")))
    if ours[1] == theirs[1]:
        return None
    # PHP has another libcrypto.  The provider cannot see its certificates, and then offers nothing.
    return f"PHP has {theirs[0]} in it, not {ours[0]}"


def wait_for(condition):
    """Wait until it is true."""
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.01)


def ends(process):
    """Does the process of a pidfd end?  Its directory in /proc may be gone, or that of another process."""
    return select.select([process], [], [], PATIENCE)[0] == [process]


def must(result):
    """Check a step that prepares a test."""
    assert result.rc == 0, result
    return result


def refused(result, *rules):
    """Is it a refusal: a failing exit code, and one of the rule ids in the text?"""
    assert result.rc != 0, f"expected a refusal [{'|'.join(rules)}]\n{result}"
    assert any(f"[{rule}]" in result.text for rule in rules), \
        f"expected one of {rules} in the text\n{result}"
    return result


def write_conf(path, settings=None, *, module=MODULE, default=None, prefer=True, activate=True,
               extra=""):
    """
    An openssl.cnf that activates our provider.

    default: None (ours alone), "before" or "after" ours in the file.
    prefer: give our implementations the preference, as the shipped snippet does.
    activate: False leaves it to `-provider smimepolicy`, which then finds the settings here.
    extra: further sections, e.g. for `openssl req`.
    """
    ours = "smimepolicy = policy_sect"
    providers = {None: [ours],
                 "before": ["default = default_sect", ours],
                 "after": [ours, "default = default_sect"]}[default]
    lines = ["config_diagnostics = 1", "openssl_conf = init_sect", extra,
             "[init_sect]", "providers = provider_sect"]
    if prefer:
        lines += ["alg_section = alg_sect"]
    lines += ["[provider_sect]", *providers,
              "[default_sect]", "activate = 1",
              "[policy_sect]", f"module = {module}"]
    if activate:
        lines += ["activate = 1"]
    lines += [f"{key} = {value}" for key, value in (settings or {}).items()]
    if prefer:
        lines += ["[alg_sect]", f"default_properties = {PREFER_OURS}"]
    path.write_text("\n".join(lines) + "\n")
    return path


def write_ca(directory, more=""):
    """Write the files of an `openssl ca` with ca.pem and ca.key; returns its configuration."""
    (directory / "index.txt").write_text("")
    conf = directory / "ca.cnf"
    conf.write_text(f"""
[ca]
default_ca = here
[here]
database = {directory}/index.txt
new_certs_dir = {directory}
certificate = {directory}/ca.pem
private_key = {directory}/ca.key
rand_serial = yes
default_md = sha256
default_days = 30
{more}
policy = anything
[anything]
commonName = supplied
""")
    return conf
