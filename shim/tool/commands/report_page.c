/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * smime-policy report: all that the keyring holds and the log has refused, on one page.
 */
#include "tool/commands/commands.h"
#include "tool/keyring/keyring_at.h"
#include "tool/overview/overview.h"

int shim_run_report(struct shim *shim, const struct shim_long *line)
{
    const char *path = shim_long_value(line, "html", 0);
    struct sp_keyring *keyring;
    time_t now = time(NULL);
    int code;

    if (*line->operands != NULL)
        return shim_usage("report: %s is not an option", *line->operands);
    if ((path != NULL) == shim_long_has(line, "json"))
        return shim_usage("report: give --html FILE or --json");
    code = shim_keyring_open(shim, SP_KEYRING_READ, &keyring);
    if (code != SHIM_OK)
        return code;
    code = path != NULL ? shim_overview_file(shim, keyring, now, path)
                        : shim_overview_json(shim, keyring, now, stdout);
    sp_keyring_close(keyring);
    return code;
}
