# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
"""Signing with cryptography: `python3 cryptography_smime.py sign IN OUT SIGNER KEY [CHAIN]`."""

import sys
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InternalError
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.serialization import pkcs7


def main(_operation, source, out, cert, key, *chain):
    cert, *chain = [x509.load_pem_x509_certificate(Path(path).read_bytes())
                    for path in (cert, *chain)]
    key = serialization.load_pem_private_key(Path(key).read_bytes(), None)
    builder = (pkcs7.PKCS7SignatureBuilder().set_data(Path(source).read_bytes())
               .add_signer(cert, key, hashes.SHA256()))
    for further in chain:
        builder = builder.add_certificate(further)
    try:
        result = builder.sign(serialization.Encoding.SMIME, [pkcs7.PKCS7Options.DetachedSignature])
    except InternalError as error:
        sys.exit(f"InternalError: {error}")
    Path(out).write_bytes(result)


main(*sys.argv[1:])
