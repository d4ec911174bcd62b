/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "common/passphrase.h"
#include "common/shim.h"
#include "tool/check/checking.h"

static bool add_use(struct shim_check *check, const char *name)
{
    for (int use = 0; use < SHIM_USES; use++)
        if (strcmp(name, smimepolicy_use_name((smimepolicy_use)use)) == 0) {
            check->wanted[use] = true;
            return true;
        }
    shim_usage("--for %s: no such use; upload, sign, encrypt, verify and decrypt are", name);
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

static bool set_key(struct shim_check *check, const char *path)
{
    if (check->key_path != NULL && strcmp(check->key_path, path) != 0)
        return shim_usage_twice("key", check->key_path, path) == SHIM_OK;
    check->key_path = path;
    return true;
}

static bool set_passin(struct shim_check *check, const char *source)
{
    static const char *const forms[] = { "pass:", "env:", "file:", "fd:" };

    if (check->passin != NULL && strcmp(check->passin, source) != 0) {
        shim_usage("--passin was given twice; give it once");
        return false;
    }
    check->passin = source;
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++)
        if (strncmp(source, forms[i], strlen(forms[i])) == 0)
            return true;
    if (strcmp(source, "stdin") == 0)
        return true;
    shim_usage("--passin takes " SHIM_PASSIN_FORMS);
    return false;
}

static const struct {
    const char *name;
    bool (*set)(struct shim_check *check, const char *value);
} options[] = {
    { "for", add_use },
    { "key", set_key },
    { "passin", set_passin },
    { "at", set_time },
};

/* Read one option; returns how many words it has, 0 after a fault. */
static int read_option(char **word, struct shim_check *check)
{
    const char *name = word[0] + (word[0][1] == '-' ? 2 : 1);
    size_t len = strcspn(name, "=");

    for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
        if (strlen(options[i].name) != len || memcmp(options[i].name, name, len) != 0)
            continue;
        if (name[len] == '=')
            return options[i].set(check, name + len + 1) ? 1 : 0;
        if (word[1] != NULL)
            return options[i].set(check, word[1]) ? 2 : 0;
        shim_usage("option --%s needs a value", options[i].name);
        return 0;
    }
    shim_usage("check: unknown option %s", word[0]);
    return 0;
}

/* Options may follow files.  The files are moved together to where the words began. */
int shim_check_options(char **argv, struct shim_check *check, bool *help)
{
    char **const first = argv;
    char **operand = argv;
    bool any = false;

    memset(check, 0, sizeof(*check));
    check->at = time(NULL);
    *help = false;
    for (; *argv != NULL; argv++) {
        int used = 1;

        if (strcmp(*argv, "--") == 0) {
            argv++;
            break;
        }
        if ((*argv)[0] != '-' || (*argv)[1] == '\0')
            *operand++ = *argv;
        else if (strcmp(*argv, "--json") == 0)
            check->json = true;
        else if (strcmp(*argv, "--help") == 0 || strcmp(*argv, "-help") == 0 ||
                 strcmp(*argv, "-h") == 0)
            *help = true;
        else
            used = read_option(argv, check);
        if (used == 0)
            return SHIM_USAGE;
        argv += used - 1;
    }
    check->files = first;
    while (*argv != NULL)
        *operand++ = *argv++;
    *operand = NULL;
    for (int use = 0; use < SHIM_USES; use++)
        any = any || check->wanted[use];
    for (int use = 0; use < SHIM_USES && !any; use++)
        check->wanted[use] = true;
    if (*first == NULL && check->key_path == NULL && !*help)
        return shim_usage("check: no certificate given");
    return SHIM_OK;
}
