/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Handing certificates and keys over to libcrypto.
 */
#ifndef SP_GIVE_H
#define SP_GIVE_H

#include <openssl/core.h>
#include <openssl/crypto.h>

#include "keyring/keyring.h"

/* The caller of a load: libcrypto's callbacks, valid for one call. */
struct sp_taker {
    OSSL_LIB_CTX *libctx;
    OSSL_CALLBACK *object;
    void *object_arg;
    OSSL_PASSPHRASE_CALLBACK *passphrase;
    void *passphrase_arg;
    const char *unasked; /* what would have been asked for, if nobody may be asked; or NULL */
};

/* Hand over a certificate; false, with an error raised, if it was not taken. */
bool sp_give_cert(const struct sp_taker *taker, const struct sp_record *record);
bool sp_give_key(struct sp_taker *taker, const struct sp_private_key *key);

#endif
