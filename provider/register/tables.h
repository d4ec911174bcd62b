/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * A hash table in parts: each shard's lock guards one part, which is made with its
 * first item.
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
/*
 * Close the tables: nothing is added any more, and |forget| gets every item.  It
 * takes all locks, one after the other.
 */
void sp_tables_close(struct sp_tables *tables, OPENSSL_LH_DOALL_FUNC forget);

/* Find |wanted|; NULL if it is not there.  The caller holds the lock of |shard|. */
void *sp_tables_find(struct sp_tables *tables, size_t shard, const void *wanted);
void *sp_tables_take_out(struct sp_tables *tables, size_t shard, const void *wanted);
/*
 * Add an item of |size| bytes that begins with those of |wanted| and has the same
 * hash.  NULL if out of memory or closed.
 */
void *sp_tables_add(struct sp_tables *tables, size_t shard, const void *wanted, size_t size);

#endif
