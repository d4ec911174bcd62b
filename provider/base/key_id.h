/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * A name for a public key that is the same however the key arrives: inside a
 * certificate, as an object of the backend, with a compressed point or not.
 */
#ifndef SP_KEY_ID_H
#define SP_KEY_ID_H

#include <stdbool.h>

#include <openssl/x509.h>

#include "base/sha256.h"

struct sp_keyid {
    bool known;
    unsigned char hash[SP_SHA256_LENGTH];
};

/* Of the SubjectPublicKeyInfo of |cert|; nothing is decoded or cached. */
struct sp_keyid sp_keyid_of_cert(const struct sp_sha256 *sha, const X509 *cert);
struct sp_keyid sp_keyid_of_spki(const struct sp_sha256 *sha, const X509_PUBKEY *spki);

/*
 * The bits that the name is made of and of nothing else, where hashing them costs
 * more than comparing: an RSA key's; else NULL.
 */
const ASN1_BIT_STRING *sp_keyid_rsa_bits(const X509 *cert);

/* Of the backend's key object |key|, through its own |export_key|. */
struct sp_keyid sp_keyid_of_key(const struct sp_sha256 *sha,
                                OSSL_FUNC_keymgmt_export_fn *export_key, const void *key);

bool sp_keyid_equal(const struct sp_keyid *a, const struct sp_keyid *b);

#endif
