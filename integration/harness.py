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

REPO = Path(__file__).resolve().parent.parent
BUILD = Path(os.environ.get("SP_BUILD", REPO / "build" / "release")).resolve()
MODULE = BUILD / "provider" / "smimepolicy.so"
COMMAND = BUILD / "shim" / "smime-policy"
OPENSSL = shutil.which("openssl", path=os.defpath) or "openssl"
PHP = shutil.which("php", path=os.defpath) or "php"

# Seconds after which a program hangs, and is not merely slow on a machine that is busy.  What takes
# less is no expectation of any test.
PATIENCE = 600

# The property query of the shipped snippet: ours wins wherever `default` is active too.
PREFER_OURS = "?smime.policy=yes"


@dataclass(frozen=True)
class Result:
    """What a program did: exit code, standard output, standard error."""

    rc: int
    out: bytes
    err: str

    def __str__(self):
        return f"exit {self.rc}\n--- stdout\n{self.out[:2000]!r}\n--- stderr\n{self.err[:4000]}"

    @property
    def text(self):
        """Both streams, for programs that print their errors on either."""
        return self.out.decode(errors="replace") + self.err


def environment(conf=None, **more):
    """Nothing inherited: a stray OPENSSL_CONF or SSL_CERT_FILE would decide the tests."""
    env = {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC", "HOME": "/nonexistent"}
    if conf is not None:
        env["OPENSSL_CONF"] = str(conf)
    env.update({key: str(value) for key, value in more.items()})
    return env


def run(*argv, conf=None, stdin=b"", env=None, cwd=None, timeout=PATIENCE):
    """Run a program to its end; never through a shell."""
    done = subprocess.run([str(arg) for arg in argv], input=stdin, capture_output=True, check=False,
                          env=environment(conf, **(env or {})), cwd=cwd, timeout=timeout)
    return Result(done.returncode, done.stdout, done.stderr.decode(errors="replace"))


def stock(*argv, **kwargs):
    """The openssl program with no configuration at all, hence without the policy."""
    return run(OPENSSL, *argv, conf="/dev/null", **kwargs)


STOCK_DOES = {}


def stock_does(what, answer):
    """
    Whether the installed openssl does |what| by itself, as a test has found out by running it.

    Told at the end of all tests; releases and their patches differ.  A test may ask, so as to know
    what it has to see under the policy; what stock does wrong is no expectation of any.
    """
    STOCK_DOES[what] = answer
    return answer


@functools.cache
def why_no_php():
    """None, or why PHP cannot be under the policy here."""
    if not os.access(PHP, os.X_OK):
        return "PHP is not installed"
    ours, theirs = (re.search(r"OpenSSL (\d+)\S*", result.text) for result in (
        stock("version"), run(PHP, "-n", "-r", "echo OPENSSL_VERSION_TEXT;")))
    if ours[1] == theirs[1]:
        return None
    # Nothing of one libcrypto is visible to the other: the provider then offers nothing.
    return f"PHP has {theirs[0]} in it, not {ours[0]}"


def wait_for(condition):
    """Until it holds."""
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.01)


def ends(process):
    """Does the process of a pidfd end?  Its number in /proc may be gone or another's by then."""
    return select.select([process], [], [], PATIENCE)[0] == [process]


def must(result):
    """For steps that only prepare a test."""
    assert result.rc == 0, result
    return result


def refused(result, *rules):
    """A refusal: a failing exit code and one of the rule ids in the text."""
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
    """The files of an `openssl ca` whose certificate and key are ca.pem and ca.key; its configuration."""
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
