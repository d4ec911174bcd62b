/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * An id for a public key: a hash that is the same for the key inside a certificate
 * and for the backend's key object, with a compressed point or without.
 */
#ifndef SP_KEY_ID_H
#define SP_KEY_ID_H

#include <stdbool.h>

#include <openssl/x509.h>

#include "base/sha256.h"

struct sp_keyid {
    bool known;
    bool failed; /* memory or the hash failed: the key may have an id */
    unsigned char hash[SP_SHA256_LENGTH];
};

/* The id of the key in |cert|.  Nothing is decoded or cached. */
struct sp_keyid sp_keyid_of_cert(const struct sp_sha256 *sha, const X509 *cert);
struct sp_keyid sp_keyid_of_spki(const struct sp_sha256 *sha, const X509_PUBKEY *spki);

/*
 * The key bits of |cert|, if the id is made of these bits alone and hashing them
 * costs more than comparing them: so for RSA.  NULL for other keys.
 */
const ASN1_BIT_STRING *sp_keyid_rsa_bits(const X509 *cert);

/* The id of the backend's key object |key|, read with its |export_key|. */
struct sp_keyid sp_keyid_of_key(const struct sp_sha256 *sha,
                                OSSL_FUNC_keymgmt_export_fn *export_key, const void *key);

bool sp_keyid_equal(const struct sp_keyid *a, const struct sp_keyid *b);

#endif
