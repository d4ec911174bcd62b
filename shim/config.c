/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * smime-policy config: the configuration of programs and of the command.
 */
#include <stdio.h>
#include <string.h>

#include <openssl/crypto.h>

#include "config.h"
#include "help.h"
#include "place.h"
#include "provider_conf.h"
#include "snippet.h"

static int print_snippet(void)
{
    char *module = shim_module_path();
    char *quoted = module == NULL ? NULL : shim_conf_quote(module);
    int code = SHIM_OK;

    if (quoted != NULL)
        printf("%s%s%s", shim_snippet[0], quoted, shim_snippet[1]);
    else
        code = shim_no_memory();
    OPENSSL_free(quoted);
    OPENSSL_free(module);
    return code;
}

static int print_settings(struct shim *shim)
{
    int code = shim_load_settings(shim);
    const char *key;

    for (size_t i = 0; code == SHIM_OK && (key = sp_settings_key(i)) != NULL; i++) {
        char *value = sp_settings_value(shim->settings, i);

        if (value != NULL)
            printf("%s = %s\n", key, value);
        else
            printf("# %s is not set\n", key);
        OPENSSL_free(value);
    }
    return code;
}

static int self_test(struct shim *shim, const char *path)
{
    int code = path == NULL ? shim_load_settings(shim) : SHIM_OK;

    return code == SHIM_OK ? shim_self_test(shim, path) : code;
}

int shim_run_config(struct shim *shim, int argc, char **argv)
{
    const char *option = argc > 1 ? argv[1] : "";

    if (argc == 1)
        return print_snippet();
    if (strcmp(option, "--help") == 0 || strcmp(option, "-help") == 0)
        return shim_help_verb("config");
    if (strcmp(option, "--print") == 0 && argc == 2)
        return print_settings(shim);
    if (strcmp(option, "--lint") == 0 && argc == 3)
        return shim_lint(argv[2]);
    if (strcmp(option, "--self-test") == 0 && argc <= 3)
        return self_test(shim, argc == 3 ? argv[2] : NULL);
    return shim_usage("config: takes --print, --lint FILE or --self-test [FILE]");
}
