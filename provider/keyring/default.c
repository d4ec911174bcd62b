/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdlib.h>

#include "base/allocate.h"
#include "base/text.h"
#include "keyring/keyring_place.h"

/* |tail| below the directory of an environment variable, which must be an absolute path. */
static char *below(const char *variable, const char *tail)
{
    const char *base = secure_getenv(variable);

    return base != NULL && base[0] == '/' ? sp_format("%s%s", base, tail) : NULL;
}

char *sp_keyring_default(void)
{
    const char *named = secure_getenv("SMIME_POLICY_KEYRING");
    char *path;

    if (named != NULL && named[0] != '\0')
        return OPENSSL_strdup(named);
    path = below("XDG_DATA_HOME", "/smime-policy");
    return path != NULL ? path : below("HOME", "/.local/share/smime-policy");
}
