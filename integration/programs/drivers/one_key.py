# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
"""`python3 one_key.py PKI MAIL SEALED OUT FLAGS STEP…`, as one_key.rb, with M2Crypto."""

import hashlib
import sys
from pathlib import Path

from M2Crypto import BIO, EVP, SMIME, X509

# Newer versions start OpenSSL in the first call, which may be the parse of a certificate: then its birth is
# missed.
hashlib.new("sha256")

FLAGS = {"detached": SMIME.PKCS7_DETACHED, "binary": SMIME.PKCS7_DETACHED | SMIME.PKCS7_BINARY,
         "noattr": SMIME.PKCS7_DETACHED | SMIME.PKCS7_NOATTR, "opaque": 0}
pki, mail, sealed, out, how = sys.argv[1:6]
certs = {name: X509.load_cert(f"{pki}/{name}.pem") for name in ("renewed_old", "renewed_new")}
key = EVP.load_key(f"{pki}/renewed_old.key")


def smime(cert):
    made = SMIME.SMIME()
    made.pkey, made.x509 = key, certs[cert]
    return made


def sign(cert, target):
    data = Path(mail).read_bytes()
    maker, written = smime(cert), BIO.MemoryBuffer()
    signed = maker.sign(BIO.MemoryBuffer(data), FLAGS[how], algo="sha256")
    if how == "opaque":
        maker.write(written, signed)
    else:
        # The call does not report that it failed.
        maker.write(written, signed, BIO.MemoryBuffer(data), flags=FLAGS[how])
    Path(target).write_bytes(written.read())


for number, step in enumerate(sys.argv[6:]):
    try:
        if step == "decrypt":
            smime("renewed_old").decrypt(SMIME.smime_load_pkcs7(sealed)[0])
        else:
            sign(step, f"{out}.{number}")
        print(step, "yes")
    except (SMIME.SMIME_Error, SMIME.PKCS7_Error) as error:
        print(step, "no")
        print(error, file=sys.stderr)
