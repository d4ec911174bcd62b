/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "stock/refused_options.h"
#include "common/message.h"
#include "rules/option_words.h"

/* The remedy for each refused option. */
static const char *alternative(const char *name)
{
    static const struct {
        const char *name; /* NULL: every other option */
        const char *text;
    } rows[] = {
#define X(option, remedy) { option, remedy },
        SP_OPTION_REMEDIES(X)
#undef X
    };
    size_t i = 0;

    while (rows[i].name != NULL && strcmp(rows[i].name, name) != 0)
        i++;
    return rows[i].text;
}

/* A key from an engine is used by the engine, without any provider. */
static bool is_engine_key(const struct shim_given *given)
{
    static const char uri[] = "org.openssl.engine:";

    if (given->value == NULL)
        return false;
    if (strcmp(given->option->name, "keyform") == 0)
        return given->value[0] == 'E' || given->value[0] == 'e';
    return strncasecmp(given->value, uri, sizeof(uri) - 1) == 0;
}

/* How |given| would harm the policy, or NULL. */
static const char *harm_of(const struct shim_given *given, const struct shim_manner *manner)
{
    switch (given->option->role) {
    case ROLE_FOREIGN:
        return SP_OPTION_FOREIGN;
    case ROLE_UNCHECKED:
        return SP_OPTION_UNCHECKED;
    case ROLE_NOVERIFY:
        /* stock.c makes sure that what is extracted is not reported as verified. */
        return manner->extracts ? NULL : SP_OPTION_UNCHECKED;
    default:
        return is_engine_key(given) ? SP_OPTION_FOREIGN : NULL;
    }
}

bool shim_has_refused_option(const struct shim_args *args, const char *what,
                             const struct shim_manner *manner)
{
    bool found = false;

    for (size_t i = 0; i < args->count; i++) {
        const struct shim_given *given = &args->given[i];
        const char *harm = harm_of(given, manner);

        if (harm == NULL)
            continue;
        fprintf(stderr, "refused: %s: -%s would %s; %s\n", what, given->option->name, harm,
                is_engine_key(given) ? SP_OPTION_ENGINE_KEY : alternative(given->option->name));
        found = true;
    }
    return found;
}

/* May the option have one value only?  For options of our own, where the last of two would win. */
static bool is_single(enum shim_role role)
{
    return role == ROLE_SENDER || role == ROLE_KEYRING || role == ROLE_BCC;
}

int shim_args_repeated(const struct shim_args *args)
{
    for (size_t i = 0; i < args->count; i++) {
        const struct shim_given *given = &args->given[i];
        const struct shim_given *last = shim_args_last(args, given->option->role);

        if (is_single(given->option->role) && strcmp(last->value, given->value) != 0)
            return shim_usage_twice(given->option->name, given->value, last->value);
    }
    return SHIM_OK;
}
