/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdlib.h>

#include "base/text.h"
#include "keyring/keyring_place.h"

bool sp_keyring_place(const char *named, char **path)
{
    const char *base = named, *tail = "";

    *path = NULL;
    if (base == NULL || base[0] == '\0')
        base = secure_getenv("SMIME_POLICY_KEYRING");
    if (base == NULL || base[0] == '\0') {
        base = secure_getenv("XDG_DATA_HOME");
        tail = "/smime-policy";
        if (base == NULL || base[0] != '/') {
            base = secure_getenv("HOME");
            tail = "/.local/share/smime-policy";
        }
        if (base == NULL || base[0] != '/')
            return true;
    }
    *path = sp_format("%s%s", base, tail);
    return *path != NULL;
}
