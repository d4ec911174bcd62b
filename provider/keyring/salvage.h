/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * One repair of a keyring: for repair.c and salvage.c.
 */
#ifndef SP_SALVAGE_H
#define SP_SALVAGE_H

#include "keyring/store.h"

struct sp_salvage {
    struct sp_keyring old;    /* the damaged one, not opened as a keyring is */
    char *scratch;            /* owned: the directory of the new one */
    struct sp_keyring *fresh; /* owned */
    struct sp_upload *upload; /* owned: into |fresh| */
    bool keys_damaged;        /* keys.db is to be replaced too */
    sp_tell_fn *tell;
    void *data; /* borrowed */
    struct sp_repaired *repaired;
};

/* Count and tell |line|, which is owned and taken over; false if out of memory. */
bool sp_salvage_lost(struct sp_salvage *salvage, char *line);

/* Add to the upload what can be read; false only if that failed for another reason. */
bool sp_salvage_keys(struct sp_salvage *salvage);
bool sp_salvage_certificates(struct sp_salvage *salvage);

#endif
