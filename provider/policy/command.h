/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * What the command `smime-policy` tells the provider in the program that it starts,
 * beside the settings.  A policy file cannot hold it.
 */
#ifndef SP_COMMAND_H
#define SP_COMMAND_H

#include "rules/rules.h"

struct sp_command {
    bool has_use; /* is it known what the program is started for? */
    smimepolicy_use use;
    char *sender;     /* owned; the address in From; NULL: not known */
    char *cipher;     /* owned; the name of the content cipher; NULL: not known */
    bool for_program; /* what it verifies is for a program: the settings say what is compared */
    bool no_asking;   /* nobody and no token may be asked for a passphrase */
};

/*
 * Adopt |command|, whose strings are taken over.  The first instance of the provider
 * decides; false if a later one was told something else.
 */
bool sp_command_adopt(struct sp_command *command);
/* Forget it: the last instance is gone. */
void sp_command_reset(void);

/* What was told, read-only.  Never NULL; without a command everything in it is zero. */
const struct sp_command *sp_command(void);
/* Was this program started to |use| certificates? */
bool sp_command_is_to(smimepolicy_use use);

/* What is done once for a command. */
enum sp_once {
    SP_ONCE_CIPHER, /* its content cipher is reported */
    SP_ONCE_SENDER, /* its sender is compared */
    SP_ONCE_KEY,    /* a key without a known certificate decrypts */
    SP_ONCE_COUNT
};
/* True the first time that it is called for |what|, in any thread. */
bool sp_command_once(enum sp_once what);

#endif
