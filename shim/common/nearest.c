/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>

#include "common/help.h"

/* No name of ours or of stock's is longer. */
#define LONGEST 32

static void lower(size_t *to, size_t other)
{
    if (other < *to)
        *to = other;
}

/* How many letters have to be added, removed, replaced or swapped to make |name| of the word? */
static size_t distance(const char *word, size_t length, const char *name)
{
    size_t letters = strlen(name);
    size_t cost[LONGEST + 1][LONGEST + 1];

    for (size_t i = 0; i <= length; i++)
        for (size_t j = 0; j <= letters; j++) {
            cost[i][j] = i + j;
            if (i == 0 || j == 0)
                continue;
            lower(&cost[i][j], cost[i - 1][j] + 1);
            lower(&cost[i][j], cost[i][j - 1] + 1);
            lower(&cost[i][j], cost[i - 1][j - 1] + (word[i - 1] != name[j - 1]));
            if (i > 1 && j > 1 && word[i - 1] == name[j - 2] && word[i - 2] == name[j - 1])
                lower(&cost[i][j], cost[i - 2][j - 2] + 1);
        }
    return cost[length][letters];
}

/* A name is near if the word begins it, or with one or a third of its letters changed at most. */
void shim_nearest_try(struct shim_nearest *nearest, const char *name)
{
    size_t letters = strlen(name);
    size_t changes;

    if (letters > LONGEST || nearest->length > LONGEST || nearest->length < 2)
        return;
    changes = strncmp(name, nearest->word, nearest->length) == 0
                  ? 1
                  : distance(nearest->word, nearest->length, name);
    if ((changes > 1 && changes * 3 > letters) ||
        (nearest->name != NULL && changes >= nearest->distance))
        return;
    nearest->name = name;
    nearest->distance = changes;
}
