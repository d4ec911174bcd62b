/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/long_options.h"
#include "tool/check/checking.h"

static bool add_use(void *arg, const char *name)
{
    struct shim_check *check = arg;

    for (int use = 0; use < SHIM_USES; use++)
        if (strcmp(name, smimepolicy_use_name((smimepolicy_use)use)) == 0) {
            check->wanted[use] = true;
            return true;
        }
    shim_usage("--for %s: no such use; there are upload, sign, encrypt, verify and decrypt", name);
    return false;
}

static bool set_time(void *arg, const char *text)
{
    struct shim_check *check = arg;
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

int shim_check_options(struct shim *shim, int argc, char **argv, struct shim_check *check)
{
    struct shim_each use = { add_use, check }, at = { set_time, check };
    const struct shim_long table[] = { { "for", LONG_EACH, &use },
                                       { "key", LONG_VALUE, &check->key_path },
                                       { "passin", LONG_VALUE, &check->passin },
                                       { "at", LONG_EACH, &at },
                                       { "json", LONG_FLAG, &check->json },
                                       { NULL, LONG_FLAG, NULL } };
    bool any = false;
    int code;

    check->at = time(NULL);
    code = shim_long_parse(shim, argc, argv, table, &check->files);
    if (code != SHIM_OK)
        return code;
    for (int use_of = 0; use_of < SHIM_USES; use_of++)
        any = any || check->wanted[use_of];
    for (int use_of = 0; use_of < SHIM_USES && !any; use_of++)
        check->wanted[use_of] = true;
    if (check->files[0] == NULL && check->key_path == NULL)
        return shim_usage("check: no certificate given");
    return SHIM_OK;
}
