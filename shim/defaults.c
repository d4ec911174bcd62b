/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>

#include "defaults.h"
#include "load.h"

const char *const *shim_default_words(const struct shim_operation *operation)
{
    static const char *const none[] = { NULL };
    static const char *const sign[] = { "-stream", NULL };
    /* Stock before 3.5 would take 3DES. */
    static const char *const encrypt[] = { "-stream", "-aes256", NULL };

    if (operation->verb == NULL)
        return none;
    if (strcmp(operation->verb, "-sign") == 0)
        return sign;
    /* A cipher is no option that a later one overrides in every release. */
    if (strcmp(operation->verb, "-encrypt") == 0)
        return operation->request->cipher == NULL ? encrypt : sign;
    return none;
}

bool shim_default_kdf(const struct shim_operation *operation, const char *uri)
{
    const struct shim_secret none = { 0 };
    struct shim_loaded loaded;
    bool is_ec;

    if (operation->verb == NULL || strcmp(operation->verb, "-encrypt") != 0)
        return false;
    is_ec = shim_load(uri, WANT_FIRST_CERT, &none, &loaded) == LOADED &&
            EVP_PKEY_is_a(X509_get0_pubkey(sk_X509_value(loaded.certs, 0)), "EC");
    shim_loaded_clear(&loaded);
    return is_ec;
}
