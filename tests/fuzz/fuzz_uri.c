/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Fuzzing: smimepolicy: URIs.
 */
#include <string.h>

#include <openssl/crypto.h>

#include "store/uri.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    char *text = OPENSSL_strndup((const char *)data, size);
    char *why = NULL;
    struct sp_uri uri;

    if (text != NULL && sp_uri_read(&uri, text, &why))
        sp_uri_clear(&uri);
    OPENSSL_free(why);
    OPENSSL_free(text);
    return 0;
}
