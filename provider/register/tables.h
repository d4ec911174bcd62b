/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * A hash table in as many parts as there are locks; each part is guarded by
 * the lock of its shard, and made when the first item comes.
 */
#ifndef SP_TABLES_H
#define SP_TABLES_H

#include <stdatomic.h>
#include <stdbool.h>

#include <openssl/lhash.h>

#include "register/locks.h"

struct sp_tables {
    OPENSSL_LH_HASHFUNC hash;
    OPENSSL_LH_COMPFUNC compare;
    atomic_bool open;
    OPENSSL_LHASH *parts[SP_SHARDS];
};

void sp_tables_open(struct sp_tables *tables);
/* Takes every lock in turn.  Nothing is added any more; |forget| gets what was there. */
void sp_tables_close(struct sp_tables *tables, OPENSSL_LH_DOALL_FUNC forget);

/* With the lock of |shard| held.  NULL if there is no such item. */
void *sp_tables_find(struct sp_tables *tables, size_t shard, const void *wanted);
void *sp_tables_take_out(struct sp_tables *tables, size_t shard, const void *wanted);
/*
 * A new item of |size| bytes that starts with those of |wanted|, found under
 * the same hash.  NULL if out of memory, or closed.
 */
void *sp_tables_add(struct sp_tables *tables, size_t shard, const void *wanted, size_t size);

#endif
