/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Settings that need a library which is loaded when they are used for the first time.
 */
#include "base/text.h"
#include "tool/config/config.h"
#include "tool/directory/directory.h"
#include "tool/fetch/fetch.h"
#include "tool/hub/hub.h"

char *shim_libraries_missing(const smimepolicy_settings *settings, size_t *next)
{
    const struct {
        const char *name;
        bool is_set;
        bool (*is_ready)(char **why);
    } needs[] = {
        { "fetch_from", settings->fetch_from != NULL, shim_fetch_ready },
        { "ocsp", settings->asks_ocsp, shim_fetch_ready },
        { "contacts", settings->contacts != NULL, shim_directory_ready },
        { "hub", settings->hub != NULL, shim_hub_ready },
    };

    while (*next < sizeof(needs) / sizeof(needs[0])) {
        const size_t i = (*next)++;
        char *why = NULL;

        if (needs[i].is_set && !needs[i].is_ready(&why)) {
            char *text = sp_format("the setting %s cannot be followed: %s", needs[i].name,
                                   why != NULL ? why : "out of memory");

            OPENSSL_free(why);
            return text != NULL ? text : OPENSSL_strdup("out of memory");
        }
    }
    return NULL;
}
