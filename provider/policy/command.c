/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include "policy/command.h"

#include <stdatomic.h>
#include <string.h>

#include <openssl/crypto.h>

/*
 * Written while providers are loaded and unloaded, which module/provider.c
 * serializes: before the first gate exists, and after the last.
 */
static struct sp_command current;
static bool is_set;

static atomic_bool done[SP_ONCE_COUNT]; /* written by any thread */

static bool same_text(const char *a, const char *b)
{
    return (a == NULL) == (b == NULL) && (a == NULL || strcmp(a, b) == 0);
}

static bool is_same(const struct sp_command *a, const struct sp_command *b)
{
    return a->has_use == b->has_use && a->use == b->use && a->no_asking == b->no_asking &&
           a->for_program == b->for_program && same_text(a->sender, b->sender) &&
           same_text(a->cipher, b->cipher);
}

static void clear(struct sp_command *command)
{
    OPENSSL_free(command->sender);
    OPENSSL_free(command->cipher);
    *command = (struct sp_command){ 0 };
}

bool sp_command_adopt(struct sp_command *command)
{
    bool same = true;

    if (is_set) {
        same = is_same(&current, command);
        clear(command);
    } else {
        current = *command;
        is_set = true;
    }
    return same;
}

void sp_command_reset(void)
{
    clear(&current);
    is_set = false;
    for (size_t i = 0; i < SP_ONCE_COUNT; i++)
        atomic_store(&done[i], false);
}

const struct sp_command *sp_command(void)
{
    return &current;
}

bool sp_command_is_to(smimepolicy_use use)
{
    return current.has_use && current.use == use;
}

bool sp_command_once(enum sp_once what)
{
    return !atomic_exchange(&done[what], true);
}
