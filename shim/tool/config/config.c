/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * smime-policy config: prints, checks and tests the configuration of programs and of
 * the command.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "tool/config/config.h"
#include "base/json_text.h"
#include "common/limit.h"
#include "tool/run/conf_text.h"
#include "stock/installed.h"
#include "tool/report/outcome.h"
#include "stock/snippet.h"

static int print_snippet(void)
{
    char *module = shim_module_path();
    char *why = NULL;
    char *quoted = module == NULL ? NULL : shim_conf_quote(module, &why);
    int code = SHIM_OK;

    if (quoted != NULL) {
        printf("%s%s%s", shim_snippet[0], quoted, shim_snippet[1]);
    } else if (why != NULL) {
        shim_error("the path of the module cannot be written into a configuration: %s; "
                   "install it elsewhere",
                   why);
        code = SHIM_SYSTEM;
    } else {
        code = shim_no_memory();
    }
    OPENSSL_free(why);
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
        char *why = NULL;
        char *quoted = value == NULL ? NULL : shim_conf_quote(value, &why);

        if (quoted != NULL)
            printf("%s = %s\n", key, quoted);
        else if (value == NULL)
            printf("# %s is not set\n", key);
        else
            code = shim_no_memory(); /* settings hold no control characters */
        OPENSSL_free(value);
        OPENSSL_free(quoted);
        OPENSSL_free(why);
    }
    return code;
}

/* The settings in force as one JSON object; null: it is not set. */
static int print_settings_json(struct shim *shim)
{
    int code = shim_load_settings(shim);
    json_t *settings = code == SHIM_OK ? json_object() : NULL;
    const char *key;

    if (code != SHIM_OK)
        return code;
    for (size_t i = 0; (key = sp_settings_key(i)) != NULL; i++) {
        char *value = sp_settings_value(shim->settings, i);

        json_object_set_new(settings, key, value == NULL ? json_null() : sp_json_text(value));
        OPENSSL_free(value);
    }
    return shim_json_line(json_pack("{s:s, s:s, s:o, s:o}", "policy", SMIMEPOLICY_VERSION,
                                    "operation", "config print", "file",
                                    sp_json_text(shim->policy_file), "settings", settings));
}

/*
 * Run the self-test.  If it passes, replace this process by |program|, with
 * OPENSSL_CONF naming |path| or unchanged.
 */
static int guard(const struct shim *shim, const char *path, char **program)
{
    char whole[PATH_MAX];
    int code;

    if (path == NULL)
        path = getenv("OPENSSL_CONF");
    if (path == NULL || *path == '\0') {
        shim_error("OPENSSL_CONF is not set: %s would run without the policy; name the file",
                   program[0]);
        return SHIM_INPUT;
    }
    /*
     * An absolute path: a program that changes its directory would not find a relative
     * one, silently.
     */
    if (realpath(path, whole) == NULL) {
        shim_error("cannot read %s: %s; %s would run without the policy", path, strerror(errno),
                   program[0]);
        return SHIM_INPUT;
    }
    code = shim_self_test(shim, whole, stderr, false);
    if (code != SHIM_OK)
        return code;
    shim_limit_end();
    if (setenv("OPENSSL_CONF", whole, 1) == 0)
        execvp(program[0], program);
    shim_error("cannot run %s: %s", program[0], strerror(errno));
    return SHIM_SYSTEM;
}

/* Run --self-test [FILE] [-- PROGRAM ARGUMENT...]. */
static int run_self_test(struct shim *shim, const struct shim_long *line)
{
    ptrdiff_t named = line->behind - line->operands;
    const char *path = named > 0 ? line->operands[0] : NULL;
    int code = SHIM_OK;

    if (named > 1 || (line->dashes && *line->behind == NULL))
        return shim_usage("config: --self-test takes [FILE] [-- PROGRAM [ARGUMENT...]]");
    if (!line->dashes && path == NULL)
        code = shim_load_settings(shim);
    if (!line->dashes)
        return code == SHIM_OK ? shim_self_test(shim, path, stdout, true) : code;
    return shim->explain
               ? shim_explains_not("config --self-test -- PROGRAM",
                                   "'smime-policy config --self-test' starts no program of yours")
               : guard(shim, path, line->behind);
}

int shim_run_config(struct shim *shim, const struct shim_long *line)
{
    const bool json = shim_long_has(line, "json");

    if (line->count > (json ? 2 : 1))
        return shim_usage("config: takes one of --print, --lint FILE and --self-test [FILE]");
    if (json && !shim_long_has(line, "print") && !shim_long_has(line, "lint"))
        return shim_usage("config: --json goes with --print or --lint");
    if (shim_long_has(line, "self-test"))
        return run_self_test(shim, line);
    if (*line->operands != NULL)
        return shim_usage("config: takes --print, --lint FILE or --self-test [FILE], and not: %s",
                          *line->operands);
    if (shim_long_has(line, "lint"))
        return shim_lint(shim_long_value(line, "lint", 0), json);
    if (shim_long_has(line, "print"))
        return json ? print_settings_json(shim) : print_settings(shim);
    return print_snippet();
}
