/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tool/check/checking.h"

static bool add_use(struct shim_check *check, const char *name)
{
    for (int use = 0; use < SHIM_USES; use++)
        if (strcmp(name, smimepolicy_use_name((smimepolicy_use)use)) == 0) {
            check->wanted[use] = true;
            return true;
        }
    shim_usage("--for %s: no such use; there are upload, sign, encrypt, verify and decrypt", name);
    return false;
}

static bool set_time(struct shim_check *check, const char *text)
{
    struct tm tm = { 0 };
    char *end = strptime(text, "%Y-%m-%dT%H:%M:%SZ", &tm);
    long long seconds;

    if (end != NULL && *end == '\0') {
        check->at = timegm(&tm);
        return true;
    }
    errno = 0;
    seconds = strtoll(text, &end, 10);
    if (end != text && *end == '\0' && errno == 0) {
        check->at = (time_t)seconds;
        return true;
    }
    shim_usage("--at %s: not a time; like 2024-07-31T14:20:28Z, or seconds since 1970", text);
    return false;
}

int shim_check_options(const struct shim_long *line, struct shim_check *check)
{
    const char *value = shim_long_value(line, "at", 0);

    check->files = line->operands;
    check->key_path = shim_long_value(line, "key", 0);
    check->passin = shim_long_value(line, "passin", 0);
    check->json = shim_long_has(line, "json");
    check->at = time(NULL);
    if (value != NULL && !set_time(check, value))
        return SHIM_USAGE;
    for (size_t i = 0; (value = shim_long_value(line, "for", i)) != NULL; i++)
        if (!add_use(check, value))
            return SHIM_USAGE;
    for (int use = 0; use < SHIM_USES && !shim_long_has(line, "for"); use++)
        check->wanted[use] = true;
    if (check->files[0] == NULL && check->key_path == NULL)
        return shim_usage("check: no certificate given");
    return SHIM_OK;
}
