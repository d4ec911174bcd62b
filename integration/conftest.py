# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
"""Fixtures of the integration tests; see pki.py, paths.py and harness.py."""

import dataclasses
import functools
import itertools
import os
import re
import signal
from pathlib import Path

import pytest

import faults
import paths
from harness import (BUILD, COMMAND, MODULE, OPENSSL, PHP, STOCK_DOES, must, run, stock, why_no_php,
                     write_conf)
from pki import Pki

MAIL = (b"From: Alice <alice@example.com>\r\nTo: Bob <bob@example.com>\r\nSubject: test\r\n"
        b"Content-Type: text/plain\r\n\r\nGr\xc3\xbc\xc3\x9fe,\r\nthe quick brown fox.\r\n")


# The files that take longer than half a minute of a processor.
LONGEST = {"test_fail_closed.py", "test_faults.py", "test_faults_keyring.py", "test_one_key.py", "test_pkits.py",
           "test_program_emacs.py", "test_vouching.py"}

# What is ignored is inherited: a shell ignores SIGINT for background jobs, and nohup SIGHUP.
signal.signal(signal.SIGINT, signal.default_int_handler)
for each in (signal.SIGHUP, signal.SIGQUIT, signal.SIGTERM):
    signal.signal(each, signal.SIG_DFL)


def pytest_sessionstart():
    """
    faketime does not start if there is an object of its process number: such are left by those that were
    killed, and numbers come again.
    """
    for path in Path("/dev/shm").glob("*faketime_s[eh]m_*"):
        if not Path("/proc", path.name.rpartition("_")[2]).exists():
            path.unlink(missing_ok=True)


def pytest_report_header():
    """Print the versions with which the results were obtained."""
    php = run(PHP, "-n", "-r", "echo PHP_VERSION, ' with ', OPENSSL_VERSION_TEXT;")
    return [f"openssl: {run(OPENSSL, 'version').text.strip()}", f"php: {php.text.strip()}",
            f"build under test (SP_BUILD): {BUILD}"]


def pytest_terminal_summary(terminalreporter):
    """Print the versions and what stock does wrong by itself; also with -q."""
    if not STOCK_DOES:
        return
    terminalreporter.write_line(f"{stock('version').text.strip()}, by itself:")
    for what, answer in sorted(STOCK_DOES.items()):
        terminalreporter.write_line(f"- {what}: {'yes' if answer else 'no'}")


def pytest_sessionfinish(session):
    """A process of pytest-xdist hands over what it saw."""
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["stock_does"] = STOCK_DOES


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node):
    """The process that prints the summary takes it."""
    STOCK_DOES.update(getattr(node, "workeroutput", {}).get("stock_does", {}))


def pytest_collection_modifyitems(items):
    """Without a build every test would fail for the same reason: say it once."""
    missing = [str(path) for path in (MODULE, COMMAND) if not path.exists()]
    if items and missing:
        raise pytest.UsageError("not built: " + ", ".join(missing) + " (set SP_BUILD?)")
    # With the longest files last, one process would still be busy with one when the others have no more.
    items.sort(key=lambda item: item.path.name not in LONGEST)
    reason = why_no_php() if items else None
    for item in items:
        if reason and re.search("php", item.name, re.IGNORECASE):
            item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(scope="module")
def numbered(tmp_path_factory, request):
    """Paths for the tests of a file."""
    folder = tmp_path_factory.mktemp(request.module.__name__)
    return (folder / str(number) for number in itertools.count())


@pytest.fixture
def tmp_path(numbered):
    """A directory for one test.  pytest's own looks at all that there are before it makes another."""
    path = next(numbered)
    path.mkdir()
    return path


@pytest.fixture(scope="session")
def pki(tmp_path_factory):
    """Every certificate of the tests.  The processes of pytest-xdist share them: keys take long to make."""
    base = tmp_path_factory.getbasetemp()
    return Pki((base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "shared-pki")


@pytest.fixture(scope="session")
def conf(tmp_path_factory):
    """The OPENSSL_CONF of a process that does mail: our provider alone, with every default."""
    return write_conf(tmp_path_factory.mktemp("conf") / "openssl.cnf")


@pytest.fixture(scope="session")
def starve(tmp_path_factory):
    """The library that is preloaded into the command."""
    return faults.build_starve(tmp_path_factory.mktemp("starve"))


@pytest.fixture(scope="session")
def mail(tmp_path_factory):
    """A mail to sign and to encrypt."""
    path = tmp_path_factory.mktemp("mail") / "mail.eml"
    path.write_bytes(MAIL)
    return path


class Post:
    """Messages made by stock openssl without the policy, each once."""

    def __init__(self, directory, pki, mail):
        self.directory = directory
        self.pki = pki
        self.mail = mail
        self.stock = paths.without_policy()

    def signed(self, name):
        """A mail signed with the certificate |name|, or None if stock cannot."""
        return self._once(f"{name}.signed", lambda out: self.stock.sign(
            self.pki[name], self.mail, out))

    def encrypted(self, name):
        """A mail encrypted to the certificate |name|, or None if stock cannot."""
        return self._once(f"{name}.encrypted",
                          lambda out: self.stock.encrypt([self.pki[name]], self.mail, out))

    def signed_then(self, name, when):
        """A mail that |name| signed at another time."""
        then = dataclasses.replace(self.stock, argv=("faketime", when, *self.stock.argv))
        return self._once(f"{name}.then",
                          lambda out: then.sign(self.pki[name], self.mail, out))

    def signed_with(self, name, *options):
        """A mail that |name| signed with more options of `openssl cms`."""
        return self._once("".join([name, ".with", *options]), lambda out: self.stock.sign(
            self.pki[name], self.mail, out, *options))

    def sent(self, name, sender):
        """A mail signed by |name| whose From is |sender|."""
        return self._once(f"{name}.from.{sender}", lambda out: self.stock.sign(
            self.pki[name], self.mail, out, "-from", sender, "-to", "bob@example.com",
            "-subject", "test"))

    def _once(self, name, make):
        path = self.directory / name
        failed = self.directory / (name + ".failed")
        if not path.exists() and not failed.exists() and make(path).rc != 0:
            path.rename(failed) if path.exists() else failed.touch()
        return path if path.exists() else None


@pytest.fixture(scope="session")
def post(tmp_path_factory, pki, mail):
    """Prepared messages."""
    return Post(tmp_path_factory.mktemp("post"), pki, mail)


@pytest.fixture(scope="session")
def all_paths(conf):
    """Every path by its name."""
    return {path.name: path for path in paths.provider_paths(conf) + paths.command_paths()}


@pytest.fixture(scope="session")
def read_back(tmp_path_factory):
    """Read with stock openssl, without the policy, what an accepted operation has protected."""
    stock = paths.without_policy()
    out = tmp_path_factory.mktemp("content") / "content"

    def read(operation, message, cert):
        if operation == "sign":
            # Purposes are not checked here: the tests ask about them.
            must(stock.verify(message, cert.anchor, out, "-purpose", "any", "-no_check_time"))
        else:
            must(stock.decrypt(message, cert, out))
        return out.read_bytes()

    return read


@pytest.fixture(scope="session")
def stock_can(tmp_path_factory, pki, mail, post, read_back):
    """stock_can(operation, path, key type): can the program do it at all, without the policy?"""
    directory = tmp_path_factory.mktemp("stock")
    by_key = {"rsa2048": "good_rsa", "rsa1024": "weak_key", "rsapss": "rsa_pss", "p256": "good_p256",
              "p384": "good_p384", "p521": "good_p521", "dsa": "dsa", "ed25519": "ed25519"}

    @functools.cache
    def answer(operation, kind, api, key):
        cert, out = pki[by_key[key]], directory / "out"
        path = (paths.Php(kind, api, conf="/dev/null") if kind == "php"
                else paths.without_policy(api))
        if operation in ("verify", "decrypt"):
            message = post.signed(cert.name) if operation == "verify" else post.encrypted(cert.name)
            if message is None:
                return False
            what = cert.anchor if operation == "verify" else cert
            return getattr(path, operation)(message, what, out).rc == 0
        what = [cert] if operation == "encrypt" else cert
        if getattr(path, operation)(what, mail, out).rc != 0:
            return False
        try:
            return read_back(operation, out, cert) != b""
        except AssertionError:
            return False

    def can(operation, path, key):
        kind = "php" if isinstance(path, paths.Php) else "command"
        return answer(operation, kind, path.api, key)

    return can
