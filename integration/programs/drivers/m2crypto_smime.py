# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
"""S/MIME with M2Crypto: `python3 m2crypto_smime.py OPERATION IN OUT ARGUMENT…`."""

import hashlib
import sys
from pathlib import Path

from M2Crypto import BIO, SMIME, X509

# Newer versions start OpenSSL in the first call, which may be the parse of a certificate: then its birth is
# missed.
hashlib.new("sha256")


def sign(smime, data, cert, key, *chain):
    if chain:
        smime.set_x509_stack(stack(chain))
    smime.load_key(key, cert)
    # Signing reads its buffer to the end, so the message is written with another one.
    return written(smime, smime.sign(BIO.MemoryBuffer(data), SMIME.PKCS7_DETACHED, algo="sha256"),
                   BIO.MemoryBuffer(data))


def encrypt(smime, data, *certs):
    smime.set_x509_stack(stack(certs))
    smime.set_cipher(SMIME.Cipher("aes_256_cbc"))
    return written(smime, smime.encrypt(BIO.MemoryBuffer(data)))


def verify(smime, data, *trusted, flags=0):
    store = X509.X509_Store()
    for path in trusted:
        store.load_info(path)
    smime.set_x509_store(store)
    mail, content = SMIME.smime_load_pkcs7_bio(BIO.MemoryBuffer(data))
    smime.set_x509_stack(mail.get0_signers(X509.X509_Stack()))
    return smime.verify(mail, content, flags=flags)


def extract(smime, data):
    return verify(smime, data, flags=SMIME.PKCS7_NOVERIFY)


def decrypt(smime, data, cert, key):
    smime.load_key(key, cert)
    mail, _ = SMIME.smime_load_pkcs7_bio(BIO.MemoryBuffer(data))
    return smime.decrypt(mail)


def stack(paths):
    certs = X509.X509_Stack()
    for path in paths:
        certs.push(X509.load_cert(path))
    return certs


def written(smime, mail, content=None):
    out = BIO.MemoryBuffer()
    if content:
        smime.write(out, mail, content)
    else:
        smime.write(out, mail)
    return out.read()


def main(operation, source, out, *rest):
    do = {"sign": sign, "encrypt": encrypt, "verify": verify, "extract": extract,
          "decrypt": decrypt}[operation]
    try:
        result = do(SMIME.SMIME(), Path(source).read_bytes(), *rest)
    except (SMIME.SMIME_Error, SMIME.PKCS7_Error, X509.X509Error) as error:
        sys.exit(f"{type(error).__name__}: {error}")
    Path(out).write_bytes(result)


main(*sys.argv[1:])
