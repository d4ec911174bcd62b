/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdlib.h>

#include "base/allocate.h"
#include "base/text.h"
#include "keyring/keyring_place.h"

/* |tail| below the directory of an environment variable, which must be an absolute path. */
/* Where a directory of the user's is, or NULL. */
static const char *directory(const char *variable)
{
    const char *path = secure_getenv(variable);

    return path != NULL && path[0] == '/' ? path : NULL;
}

bool sp_keyring_default(char **path)
{
    const char *named = secure_getenv("SMIME_POLICY_KEYRING");
    const char *data = directory("XDG_DATA_HOME"), *home = directory("HOME");

    *path = NULL;
    if (named != NULL && named[0] != '\0')
        *path = OPENSSL_strdup(named);
    else if (data != NULL)
        *path = sp_format("%s/smime-policy", data);
    else if (home != NULL)
        *path = sp_format("%s/.local/share/smime-policy", home);
    else
        return true;
    return *path != NULL;
}
