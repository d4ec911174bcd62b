/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>

#include "tool/judge/select.h"
#include "tool/keyring/keyring_at.h"

/* Open the keyring, if it exists: only an upload makes one. */
static int open_keyring(struct shim_operation *operation)
{
    struct shim *shim = operation->shim;
    const struct shim_given *named = shim_args_last(operation->args, ROLE_KEYRING);
    int code = shim_load_settings(shim);

    if (named != NULL && shim->keyring != NULL && strcmp(shim->keyring, named->value) != 0)
        return shim_usage_twice("keyring", shim->keyring, named->value);
    if (named != NULL)
        shim->keyring = named->value;
    if (code == SHIM_OK)
        code = shim_keyring_find(shim);
    if (code != SHIM_OK || !sp_keyring_exists(shim->keyring_path))
        return code;
    operation->selection.path = shim->keyring_path;
    return shim_keyring_open(shim, SP_KEYRING_READ, &operation->selection.keyring);
}

int shim_select(struct shim_operation *operation, struct shim_outcome *outcome)
{
    const char *what = operation->request->operation;
    int code = open_keyring(operation);

    outcome->settings = operation->shim->settings;
    if (code != SHIM_OK || !operation->manner->selects)
        return code;
    if (strcmp(what, "sign") == 0 || strcmp(what, "encrypt") == 0)
        code = shim_select_by_address(operation, outcome);
    else if (strcmp(what, "decrypt") == 0)
        code = shim_select_by_message(operation, outcome);
    return code == SHIM_OK ? outcome->fault : code;
}
