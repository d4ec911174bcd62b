/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include <openssl/evp.h>

#include "tool/run/ciphers.h"

bool shim_cipher_find(const char *name, int *nid)
{
    const EVP_CIPHER *known = EVP_get_cipherbyname(name);
    EVP_CIPHER *fetched = NULL;

    /* A cipher may be named by its object identifier, too. */
    if (known == NULL)
        known = fetched = EVP_CIPHER_fetch(NULL, name, NULL);
    *nid = known != NULL ? EVP_CIPHER_get_nid(known) : NID_undef;
    EVP_CIPHER_free(fetched);
    return known != NULL;
}

bool shim_cipher_is_known(const char *name)
{
    int nid;

    return shim_cipher_find(name, &nid);
}
