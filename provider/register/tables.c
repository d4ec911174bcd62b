/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include "register/tables.h"

#include "base/compat.h"

void sp_tables_open(struct sp_tables *tables)
{
    atomic_store(&tables->open, true);
}

void sp_tables_close(struct sp_tables *tables, OPENSSL_LH_DOALL_FUNC forget)
{
    /* A thread that still saw it open holds a lock, which is waited for below. */
    atomic_store(&tables->open, false);
    for (size_t i = 0; i < SP_SHARDS; i++) {
        OPENSSL_LHASH *part;

        sp_lock(i);
        part = tables->parts[i];
        tables->parts[i] = NULL;
        sp_unlock(i);
        if (part != NULL)
            sp_lh_doall(part, forget);
        OPENSSL_LH_free(part);
    }
}

void *sp_tables_find(struct sp_tables *tables, size_t shard, const void *wanted)
{
    OPENSSL_LHASH *part = tables->parts[shard];

    return part != NULL ? OPENSSL_LH_retrieve(part, wanted) : NULL;
}

void *sp_tables_take_out(struct sp_tables *tables, size_t shard, const void *wanted)
{
    OPENSSL_LHASH *part = tables->parts[shard];

    return part != NULL ? OPENSSL_LH_delete(part, wanted) : NULL;
}

static OPENSSL_LHASH *part_to_add_to(struct sp_tables *tables, size_t shard)
{
    if (tables->parts[shard] == NULL && atomic_load(&tables->open))
        tables->parts[shard] = OPENSSL_LH_new(tables->hash, tables->compare);
    return tables->parts[shard];
}

void *sp_tables_add(struct sp_tables *tables, size_t shard, const void *wanted, size_t size)
{
    OPENSSL_LHASH *part = part_to_add_to(tables, shard);
    void *item = part != NULL ? OPENSSL_memdup(wanted, size) : NULL;

    if (item == NULL)
        return NULL;
    OPENSSL_LH_insert(part, item);
    if (OPENSSL_LH_error(part) == 0)
        return item;
    OPENSSL_free(item);
    return NULL;
}
