# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
"""Ruby's OpenSSL::PKCS7, called as a help desk calls it; docs/guides/ruby.md."""

import fail_closed
from in_process import DRIVERS, Contract, Program, find

RUBY = Program("Ruby OpenSSL::PKCS7", (find("ruby"), DRIVERS / "smime.rb"), "ruby",
               (find("ruby"), "-ropenssl", "-e", "0"))

fail_closed.driven(RUBY)


class TestRuby(Contract):
    program = RUBY
    # Ruby raises the last entry of the queue, "pkcs7 datasign", and drops the others.
    silent = {"sign": "the exception has libcrypto's own text", "encrypt": "the same"}
