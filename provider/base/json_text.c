/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include "base/json_text.h"

#include <openssl/crypto.h>

#include "base/shown.h"

json_t *sp_json_text(const char *text)
{
    json_t *string;
    char *copy;

    if (text == NULL)
        return json_null();
    copy = sp_readable(text);
    string = copy == NULL ? NULL : json_string(copy);
    OPENSSL_free(copy);
    return string;
}
