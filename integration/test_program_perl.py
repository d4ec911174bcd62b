# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
"""Perl's Crypt::SMIME; docs/guides/perl.md."""

import fail_closed
from in_process import DRIVERS, Contract, Program, find

PERL = Program("Perl Crypt::SMIME", (find("perl"), DRIVERS / "smime.pl"), "libcrypt-smime-perl",
               (find("perl"), DRIVERS / "smime.pl"))

fail_closed.driven(PERL)


class TestPerl(Contract):
    program = PERL
    # It shows the last entry of the queue; ours is the first, and the only one when signing.
    silent = dict.fromkeys(("encrypt", "verify"), "$@ has libcrypto's own text")
