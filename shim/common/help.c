/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdio.h>
#include <string.h>

#include "common/help.h"
#include "common/message.h"

const struct shim_help_text *shim_help_find(const char *name)
{
    const struct shim_help_text *found = shim_help_texts;

    while (found->name != NULL && strcmp(found->name, name) != 0)
        found++;
    return found;
}

const struct shim_option_row *shim_option_row(const struct shim_option_row *row, const char *name,
                                              size_t length)
{
    while (row->spelling != NULL &&
           (strlen(row->spelling) != length || memcmp(row->spelling, name, length) != 0))
        row++;
    return row->spelling != NULL ? row : NULL;
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
