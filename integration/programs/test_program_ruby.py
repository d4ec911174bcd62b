# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
"""Ruby's OpenSSL::PKCS7, called as a help desk calls it; docs/use/guides/ruby.md."""

import pytest

import fail_closed
from harness import must, refused, run
from in_process import DRIVERS, REFUSED, Contract, Program, find

RUBY = Program("Ruby OpenSSL::PKCS7", (find("ruby"), "--disable-gems", DRIVERS / "smime.rb"), "ruby",
               (find("ruby"), "-ropenssl", "-e", "0"))

fail_closed.driven(RUBY)

# A help desk finds out who signed: MAIL CAFILE FLAGS.
HELP_DESK = """
mail = OpenSSL::PKCS7.read_smime(File.binread(ARGV[0]))
store = OpenSSL::X509::Store.new
store.add_cert(OpenSSL::X509::Certificate.new(File.read(ARGV[1])))
store.flags = ARGV[2].to_i
puts mail.verify(mail.certificates, store, nil, OpenSSL::PKCS7::NOINTERN)
flags = OpenSSL::PKCS7::NOINTERN | OpenSSL::PKCS7::NOVERIFY
puts(mail.certificates.count do |candidate|
  again = OpenSSL::PKCS7.read_smime(File.binread(ARGV[0]))
  again.verify([candidate], OpenSSL::X509::Store.new, nil, flags)
end)
"""
NO_CHECK_TIME = str(0x200000)  # X509_V_FLAG_NO_CHECK_TIME


class TestRuby(Contract):
    program = RUBY
    # Ruby raises the last error of the queue and drops the others.
    silent = {"sign": "pkcs7 datasign", "encrypt": ("malloc failure", "PKCS7 lib")}

    @pytest.mark.parametrize("operation", ["sign", "encrypt"])
    def test_debug_tells_the_reason(self, operation, conf, pki, mail, out):
        """The whole message on standard error."""
        cert = pki.expired
        files = [cert.pem, cert.key] if operation == "sign" else [cert.pem]
        result = refused(run(*RUBY.argv, operation, mail, out, *files, conf=conf,
                             env={"SMIME_DEBUG": "1"}), REFUSED["expired"])
        assert f"refused: {operation}: expired@example.com: certificate expired on" in result.err

    @pytest.mark.parametrize("setting", ["pass", "refuse"])
    def test_help_desk(self, setting, under, pki, post):
        """Verify, then find the signer's certificate with NOVERIFY: this still works."""
        ask = run(*RUBY.argv[:-1], "-ropenssl", "-e", HELP_DESK, self.incoming(post, "good_rsa"),
                  pki.ca, "0", conf=under(unverified_signers=setting).conf)
        assert must(ask).out == b"true\n1\n", ask

    @pytest.mark.parametrize("flags, verified", [("0", b"false\n"), (NO_CHECK_TIME, b"true\n")])
    def test_no_check_time(self, flags, verified, conf, pki, post):
        """A limit that the guide names: libcrypto checks the dates, and can be told not to."""
        ask = run(*RUBY.argv[:-1], "-ropenssl", "-e", HELP_DESK, self.incoming(post, "expired"),
                  pki.ca, flags, conf=conf)
        assert must(ask).out.startswith(verified), ask
