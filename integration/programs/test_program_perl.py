# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
"""Perl's Crypt::SMIME; docs/use/guides/perl.md."""

import pytest

import fail_closed
from harness import COMMAND, must, run
from in_process import DRIVERS, Contract, Program, find, nothing_left
from pages import block

PERL = Program("Perl Crypt::SMIME", (find("perl"), DRIVERS / "smime.pl"), "libcrypt-smime-perl",
               (find("perl"), DRIVERS / "smime.pl"))

fail_closed.driven(PERL)


class TestPerl(Contract):
    program = PERL
    # It shows the last error of the queue; ours is the first, and when signing the only one.
    silent = {"encrypt": ("CMS routines::cms lib", "CMS routines::reason(46)"),
              "verify": "CMS routines::certificate verify error"}

    @pytest.fixture
    def start(self, tmp_path, mail, pki, out):
        """The guide's start script, in front of a program that signs."""
        script = tmp_path / "smime-start"
        script.write_text(block("docs/use/guides/perl.md", "guarded-start"))
        script.chmod(0o755)
        return lambda conf: run(script, *PERL.argv, "sign", mail, out, pki.good_rsa.pem,
                                pki.good_rsa.key, conf=conf,
                                env={"PATH": f"{COMMAND.parent}:/usr/bin:/bin"})

    def test_guarded_start(self, start, conf, out):
        """If the policy works the program runs."""
        must(start(conf))
        assert b"pkcs7-signature" in out.read_bytes()

    @pytest.mark.parametrize("fault", fail_closed.FAULTS)
    def test_guarded_start_refuses(self, fault, start, out, tmp_path):
        """Otherwise it is not started: nothing spins, and no mail is sent."""
        result = start(fail_closed.make(fault, tmp_path / "fault").conf)
        said = {"no configuration file": "without the policy", "keyring damaged": "NOT usable",
                "setting not accepted": "NOT usable"}.get(fault, "NOT enforced")
        assert result.rc != 0 and said in result.err and nothing_left(out), result
