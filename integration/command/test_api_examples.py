# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
"""The examples of docs/use/guides/api.md are programs that work, and refuse."""

import shutil

import pytest

from harness import BUILD, PHP, REPO, must, refused, run
from in_process import PYTHON, TEXT, find
from pages import block
from test_program_m2crypto import M2CRYPTO
from test_program_perl import PERL
from test_program_php import CMS
from test_program_ruby import RUBY

PAGE = "docs/use/guides/api.md"
LIBRARY = BUILD / "provider"
# The language, what runs the file, and the program whose packages it needs.
SIGNERS = {"php": ((PHP, "-n"), CMS), "perl": ((find("perl"),), PERL),
           "ruby": ((find("ruby"),), RUBY), "python": ((PYTHON,), M2CRYPTO)}


@pytest.fixture
def example(tmp_path, pki, mail, conf):
    """example(language, certificate): run it on files of the names that the page uses."""
    def run_it(language, name):
        argv, program = SIGNERS[language]
        if program.missing():
            pytest.skip(program.missing())
        (tmp_path / "example").write_text(block(PAGE, language))
        for source, name in ((pki[name].pem, "alice.pem"), (pki[name].key, "alice.key"),
                             (mail, "mail.eml")):
            shutil.copy(source, tmp_path / name)
        return run(*argv, "example", cwd=tmp_path, conf=conf)

    return run_it


@pytest.mark.parametrize("language", SIGNERS)
def test_example_signs(language, example, pki, tmp_path, read_back):
    """A mail that stock openssl verifies without the policy."""
    signed = tmp_path / "out.eml"
    signed.write_bytes(must(example(language, "good_rsa")).out)
    assert TEXT in read_back("sign", signed, pki.good_rsa)


@pytest.mark.parametrize("language", SIGNERS)
def test_example_refuses(language, example):
    """It refuses with the reason, and prints nothing that looks like a mail."""
    result = refused(example(language, "expired"), "expired")
    assert b"pkcs7" not in result.out.lower() and TEXT not in result.out, result


@pytest.fixture(scope="module")
def verifier(tmp_path_factory):
    """The C example, built against the tree."""
    directory = tmp_path_factory.mktemp("c")
    (directory / "verify.c").write_text(block(PAGE, "c"))
    must(run(find("cc"), "-Wall", "-Wextra", "-Werror", "-I", REPO / "include", "-o", "verify",
             "verify.c", "-L", LIBRARY, f"-Wl,-rpath,{LIBRARY}", "-lsmimepolicy", "-lcrypto",
             cwd=directory))
    return directory / "verify"


def test_c_example_verifies(verifier, pki, post):
    """Without a configuration file."""
    result = must(run(verifier, pki.ca, stdin=post.signed("good_rsa").read_bytes()))
    assert TEXT in result.out


@pytest.mark.parametrize("name, reason", [
    ("no_san", "san-email"), ("eku_server", "extended-key-usage"),
    ("foreign", "certificate verify error")])
def test_c_example_refuses(name, reason, verifier, pki, post):
    """It refuses with the reason, and prints nothing of the text."""
    result = run(verifier, pki.ca, stdin=post.signed(name).read_bytes())
    assert result.rc == 1 and reason in result.err and result.out == b"", result
