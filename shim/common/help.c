/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdio.h>
#include <string.h>

#include <openssl/crypto.h>

#include "common/help.h"
#include "common/help_texts.h"
#include "common/shim.h"

static void print(const char *name)
{
    for (size_t i = 0; shim_help_texts[i].name != NULL; i++)
        if (strcmp(shim_help_texts[i].name, name) == 0)
            fputs(shim_help_texts[i].text, stdout);
}

int shim_help(void)
{
    print("general");
    return SHIM_OK;
}

int shim_help_verb(const char *verb)
{
    print(verb);
    return SHIM_OK;
}

int shim_version(void)
{
    printf("smime-policy %s (%s)\n", SMIMEPOLICY_VERSION, OpenSSL_version(OPENSSL_VERSION));
    return SHIM_OK;
}
