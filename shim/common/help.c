/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdio.h>
#include <string.h>

#include "common/help.h"
#include "common/shim.h"

const struct shim_help_text *shim_help_find(const char *name)
{
    const struct shim_help_text *found = shim_help_texts;

    while (found->name != NULL && strcmp(found->name, name) != 0)
        found++;
    return found;
}

bool shim_help_wanted(const char *word)
{
    return strcmp(word, "--help") == 0 || strcmp(word, "-help") == 0 || strcmp(word, "-h") == 0;
}

int shim_help(void)
{
    return shim_help_verb("general");
}

int shim_help_verb(const char *verb)
{
    fputs(shim_help_find(verb)->text, stdout);
    return SHIM_OK;
}
