/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * What the keyring holds of the private key of a certificate.
 */
#ifndef SHIM_STORED_KEY_H
#define SHIM_STORED_KEY_H

#include <openssl/evp.h>

#include "common/shim.h"
#include "keyring/keyring.h"

/* May we read the private keys, if there are any?  Others than their owner may not. */
bool shim_keys_readable(const struct shim *shim);
/* The same, with the way out on stderr; returns SHIM_OK or SHIM_SYSTEM. */
int shim_keys_needed(const struct shim *shim);

/* The private key of |record|, to clear; 1, 0 or -1 with the reason on stderr. */
int shim_stored_key(struct sp_keyring *keyring, const struct sp_record *record,
                    struct sp_private_key *key);
/* The key itself, to free; NULL if |pass| does not open it, or it is no key that libcrypto knows.
 */
EVP_PKEY *shim_stored_key_open(const struct sp_private_key *stored, const char *pass);
/* "encrypted", "plain" or "uri". */
const char *shim_key_kind(const struct sp_private_key *key);
/* Its URI without what may be a secret (RFC 7512: pin-value), escaped; to free. */
char *shim_key_uri(const struct sp_private_key *key);

#endif
