/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * A single question to a keyring that the caller has not open.
 */
#include <openssl/crypto.h>

#include "keyring/forks.h"

static bool digest(const X509 *cert, unsigned char fingerprint[SP_SHA256_LENGTH])
{
    unsigned char *der = NULL;
    int length = i2d_X509(cert, &der);
    const struct sp_piece pieces[] = { { der, length > 0 ? (size_t)length : 0 }, { NULL, 0 } };
    bool done = length > 0 && sp_sha256(NULL, pieces, fingerprint);

    OPENSSL_free(der);
    return done;
}

struct sp_standing sp_keyring_standing_in(const char *path, const X509 *cert, char **why)
{
    unsigned char fingerprint[SP_SHA256_LENGTH];
    struct sp_standing standing = { 0 };
    struct sp_quiet quiet;
    struct sp_keyring *keyring;
    bool digested, failed = true;

    *why = NULL;
    if (path == NULL)
        return standing;
    keyring = sp_keyring_borrow(path, &quiet, why);
    digested = keyring != NULL && digest(cert, fingerprint);
    if (digested)
        standing = sp_keyring_standing(keyring, fingerprint, &failed);
    if (digested && failed)
        *why = OPENSSL_strdup(sp_keyring_why(keyring));
    if (failed && *why == NULL)
        *why = OPENSSL_strdup("keyring: out of memory");
    sp_keyring_give_back(keyring, &quiet);
    return standing;
}

struct sp_standing sp_keyring_standing_by(const smimepolicy_settings *settings, const X509 *cert,
                                          char **why)
{
    const char *path = settings->keyring;

    if (path != NULL && settings->trust != SP_TRUST_KEYRING && !sp_keyring_exists(path))
        path = NULL;
    return sp_keyring_standing_in(path, cert, why);
}
