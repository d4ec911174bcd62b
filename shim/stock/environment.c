/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "stock/environment.h"
#include "base/allocate.h"
#include "base/text.h"
#include "settings/expect.h"

static bool begins(const char *entry, const char *name)
{
    return strncmp(entry, name, strlen(name)) == 0;
}

static bool is_passed(const char *entry, bool as_is)
{
    static const char *const names[] = { "PATH=", "HOME=",     "TMPDIR=", "TZ=",
                                         "LANG=", "LANGUAGE=", "LC_" };

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (begins(entry, names[i]))
            return true;
    return as_is && !begins(entry, "OPENSSL_CONF=");
}

/* Add |entry|, which is taken over; false if it is NULL. */
static bool add(char **environment, size_t *count, char *entry)
{
    if (entry == NULL)
        return false;
    environment[(*count)++] = entry;
    return true;
}

static bool add_own(char **environment, size_t *count, const char *name, const char *value)
{
    return value == NULL || add(environment, count, sp_format("%s=%s", name, value));
}

char **shim_environment(const struct shim_stock *stock)
{
    size_t count = 0;
    char **environment;
    bool done;

    while (environ[count] != NULL)
        count++;
    environment = OPENSSL_zalloc((count + 4) * sizeof(*environment));
    if (environment == NULL)
        return NULL;
    count = 0;
    done = add_own(environment, &count, "OPENSSL_CONF", stock->conf) &&
           add_own(environment, &count, SP_EXPECT, stock->expect) &&
           add_own(environment, &count, SHIM_PASSIN, stock->pass);
    for (size_t i = 0; done && environ[i] != NULL; i++)
        if (is_passed(environ[i], stock->as_is))
            done = add(environment, &count, OPENSSL_strdup(environ[i]));
    if (done)
        return environment;
    shim_environment_free(environment);
    return NULL;
}

void shim_environment_free(char **environment)
{
    for (size_t i = 0; environment != NULL && environment[i] != NULL; i++) {
        explicit_bzero(environment[i], strlen(environment[i]));
        OPENSSL_free(environment[i]);
    }
    OPENSSL_free(environment);
}

const char *shim_environment_pass(const char *passin)
{
    return passin != NULL && begins(passin, "env:") ? secure_getenv(passin + 4) : NULL;
}
