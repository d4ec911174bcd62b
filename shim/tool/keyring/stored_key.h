/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The private key that the keyring has for a certificate.
 */
#ifndef SHIM_STORED_KEY_H
#define SHIM_STORED_KEY_H

#include <openssl/cms.h>

#include "common/shim.h"
#include "keyring/keyring.h"
#include "tool/keyring/stored_entry.h"

/* May we read the private keys, if there are any?  Only their owner may. */
bool shim_keys_readable(const struct shim *shim);
/* As shim_keys_readable(), with the remedy on stderr; returns SHIM_OK or SHIM_SYSTEM. */
int shim_keys_needed(const struct shim *shim);

/*
 * Get the private key of |record|, for the caller to clear; 1, 0 without one, or -1
 * with the reason on stderr.
 */
int shim_stored_key(struct sp_keyring *keyring, const struct sp_record *record,
                    struct sp_private_key *key);
/*
 * Decode the key, for the caller to free; NULL if |pass| is wrong or would take too
 * many iterations, or libcrypto does not know such a key.
 */
EVP_PKEY *shim_stored_key_open(const struct sp_private_key *stored, const char *pass);
/*
 * Open the key with its passphrase, from |passin| (NULL: it is asked for where there is one).
 * |whose| names it in messages.  SHIM_OK with |*key| for the caller to free, or another code
 * with the reason on stderr.
 */
int shim_stored_key_unlock(const struct sp_private_key *stored, const char *whose,
                           const char *passin, EVP_PKEY **key);
/*
 * Encode |key|, for the caller to clear: encrypted under |pass|, unless that is NULL.
 * False if out of memory.
 */
bool shim_stored_key_make(EVP_PKEY *key, const char *pass, struct sp_private_key *made);
/* Does its private key belong to it?  That of every identity does, and that of a CA made here. */
bool shim_entry_has_key(struct sp_keyring *keyring, const struct shim_entry *entry);
/*
 * Is the private key of |cert| that of an identity?  |*kept| is the answer; false if it
 * cannot be found out, as the keyring says.
 */
bool shim_key_is_kept(struct sp_keyring *keyring, const X509 *cert, bool *kept);
/* "encrypted", "plain" or "uri". */
const char *shim_key_kind(const struct sp_private_key *key);
/* Its URI, escaped and without a PIN (RFC 7512: pin-value); to free. */
char *shim_key_uri(const struct sp_private_key *key);

/* The result of trying a stored private key on a message. */
enum shim_trial {
    TRIAL_OPENS,
    TRIAL_FAILS,
    TRIAL_LOCKED, /* it needs a passphrase, or is not in the keyring itself */
    TRIAL_BROKEN  /* the keyring failed, or there is no memory */
};

/* Try the key of |record| on |cms|; its passphrase |pass| may be NULL. */
enum shim_trial shim_trial(struct sp_keyring *keyring, const struct sp_record *record,
                           CMS_ContentInfo *cms, const char *pass);

#endif
