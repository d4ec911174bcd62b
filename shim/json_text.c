/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdlib.h>
#include <string.h>

#include "json_text.h"

json_t *shim_json_text(const char *text)
{
    json_t *string;
    char *plain;

    if (text == NULL)
        return json_null();
    string = json_string(text);
    if (string != NULL)
        return string;
    plain = strdup(text);
    for (char *p = plain; p != NULL && *p != '\0'; p++)
        if ((unsigned char)*p >= 0x80)
            *p = '?';
    string = plain == NULL ? NULL : json_string(plain);
    free(plain);
    return string;
}
