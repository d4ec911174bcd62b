# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
"""Python's M2Crypto; docs/use/guides/python.md."""

import pytest

import fail_closed
from harness import must, run
from in_process import DRIVERS, PYTHON, Contract, Program

M2CRYPTO = Program("Python M2Crypto", (PYTHON, DRIVERS / "m2crypto_smime.py"), "python3-m2crypto",
                   (PYTHON, "-c", "import M2Crypto"))

fail_closed.driven(M2CRYPTO)

# Two failures in one process; it prints the second exception.
TWICE = """
import sys
from M2Crypto import BIO, Err, SMIME, X509
for name, use in (("expired", "sign"), ("no_san", "encrypt")):
    smime, said = SMIME.SMIME(), None
    cert = sys.argv[1] + "/" + name
    try:
        if use == "sign":
            smime.load_key(cert + ".key", cert + ".pem")
            smime.sign(BIO.openfile(sys.argv[2], "rb"), SMIME.PKCS7_DETACHED)
        else:
            stack = X509.X509_Stack()
            stack.push(X509.load_cert(cert + ".pem"))
            smime.set_x509_stack(stack)
            smime.set_cipher(SMIME.Cipher("aes_256_cbc"))
            smime.encrypt(BIO.openfile(sys.argv[2], "rb"))
    except SMIME.SMIME_Error as error:
        said = error
    if sys.argv[3]:
        Err.get_error()
print(said)
"""


class TestM2Crypto(Contract):
    program = M2CRYPTO

    def test_whole_sentence(self, conf, pki, mail, out):
        """The exception has the address and the remedy."""
        result = self.program.under(conf).encrypt([pki.expired], mail, out)
        assert "refused: encrypt: expired@example.com: certificate expired on" in result.err, result

    @pytest.mark.parametrize("drained, said", [(False, b"pkcs7 datasign"), (True, b"[san-email]")])
    def test_what_earlier_calls_left(self, drained, said, conf, pki, mail):
        """A limit that the guide names, and its remedy."""
        result = must(run(PYTHON, "-c", TWICE, pki.directory, mail, "drain" * drained, conf=conf))
        assert said in result.out, result
