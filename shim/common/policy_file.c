/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Reading the settings of the command: from --policy or the installed file.
 */
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

#include "common/print.h"
#include "common/shim.h"

int shim_load_settings(struct shim *shim)
{
    struct stat is;
    char *why = NULL;

    if (shim->settings != NULL)
        return SHIM_OK;
    shim->settings = smimepolicy_settings_new();
    if (shim->settings == NULL)
        return shim_no_memory();
    if (!shim->policy_named && stat(shim->policy_file, &is) != 0 &&
        (errno == ENOENT || errno == ENOTDIR))
        return SHIM_OK;
    if (smimepolicy_settings_load(shim->settings, shim->policy_file, &why))
        return SHIM_OK;
    if (why == NULL)
        return shim_no_memory();
    shim_print(
        stderr,
        "refused: the policy is locked: %s; mend the file: until then everything is refused\n",
        why);
    smimepolicy_free(why);
    return SHIM_REFUSED;
}
