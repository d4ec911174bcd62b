/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include "contexts.h"

#include <string.h>

#include <openssl/lhash.h>

#include "compat.h"
#include "locks.h"

/* tables[i] is guarded by the lock of shard i. */
static OPENSSL_LHASH *tables[SP_SHARDS];

static unsigned long context_hash(const void *data)
{
    const struct sp_context *context = data;

    return (unsigned long)((uintptr_t)context->address >> 4);
}

static int context_compare(const void *a, const void *b)
{
    const struct sp_context *left = a, *right = b;

    return left->address != right->address;
}

bool sp_contexts_init(void)
{
    for (size_t i = 0; i < SP_SHARDS; i++)
        if (tables[i] == NULL &&
            (tables[i] = OPENSSL_LH_new(context_hash, context_compare)) == NULL)
            return false;
    return true;
}

static void forget_head(struct sp_context *context)
{
    OPENSSL_free(context->head);
    context->head = NULL;
    context->head_length = 0;
}

static void free_context(void *context)
{
    if (context != NULL)
        forget_head(context);
    OPENSSL_free(context);
}

void sp_contexts_free(void)
{
    for (size_t i = 0; i < SP_SHARDS; i++) {
        OPENSSL_LHASH *table;

        sp_lock(i);
        table = tables[i];
        tables[i] = NULL;
        sp_unlock(i);
        if (table != NULL)
            sp_lh_doall(table, free_context);
        OPENSSL_LH_free(table);
    }
}

/* The next two with the shard's lock held. */
static struct sp_context *find(const void *address)
{
    const struct sp_context wanted = { .address = address };
    OPENSSL_LHASH *table = tables[sp_shard_of(address)];

    return table != NULL ? OPENSSL_LH_retrieve(table, &wanted) : NULL;
}

static struct sp_context *find_or_add(const void *address)
{
    OPENSSL_LHASH *table = tables[sp_shard_of(address)];
    struct sp_context *context = find(address);

    if (context != NULL || table == NULL || (context = OPENSSL_zalloc(sizeof(*context))) == NULL)
        return context;
    context->address = address;
    OPENSSL_LH_insert(table, context);
    if (OPENSSL_LH_error(table) == 0)
        return context;
    OPENSSL_free(context);
    return NULL;
}

bool sp_contexts_begin(const void *address, const void *key, const struct sp_slot *slot,
                       bool verifying)
{
    struct sp_context *context;

    sp_lock(sp_shard_of(address));
    context = find_or_add(address);
    if (context != NULL) {
        if (key != NULL)
            context->key = key;
        context->slot = slot;
        context->verifying = verifying;
        context->stage = SP_STAGE_NEW;
        forget_head(context);
    }
    sp_unlock(sp_shard_of(address));
    return context != NULL;
}

bool sp_contexts_get(const void *address, struct sp_context *context)
{
    const struct sp_context *found;

    sp_lock(sp_shard_of(address));
    found = find(address);
    if (found != NULL)
        *context = *found;
    sp_unlock(sp_shard_of(address));
    return found != NULL;
}

void sp_contexts_set_stage(const void *address, enum sp_stage stage)
{
    struct sp_context *context;

    sp_lock(sp_shard_of(address));
    context = find(address);
    if (context != NULL) {
        context->stage = stage;
        forget_head(context);
    }
    sp_unlock(sp_shard_of(address));
}

bool sp_contexts_gather(const void *address, const unsigned char *data, size_t length)
{
    struct sp_context *context;
    unsigned char *more = NULL;

    sp_lock(sp_shard_of(address));
    context = find(address);
    if (context != NULL)
        more = OPENSSL_realloc(context->head, context->head_length + length);
    if (more != NULL) {
        memcpy(more + context->head_length, data, length);
        context->head = more;
        context->head_length += length;
    }
    sp_unlock(sp_shard_of(address));
    return more != NULL;
}

static bool add_copy(const struct sp_context *original, unsigned char *head, const void *to)
{
    struct sp_context *copy;

    sp_lock(sp_shard_of(to));
    copy = find_or_add(to);
    if (copy != NULL) {
        forget_head(copy);
        *copy = *original;
        copy->address = to;
        copy->head = head;
    }
    sp_unlock(sp_shard_of(to));
    return copy != NULL;
}

bool sp_contexts_copy(const void *from, const void *to)
{
    struct sp_context original;
    unsigned char *head = NULL;

    if (!sp_contexts_get(from, &original))
        return true;
    if (original.head != NULL &&
        (head = OPENSSL_memdup(original.head, original.head_length)) == NULL)
        return false;
    if (add_copy(&original, head, to))
        return true;
    OPENSSL_free(head);
    return false;
}

void sp_contexts_end(const void *address)
{
    const struct sp_context wanted = { .address = address };
    OPENSSL_LHASH *table;
    struct sp_context *context;

    sp_lock(sp_shard_of(address));
    table = tables[sp_shard_of(address)];
    context = table != NULL ? OPENSSL_LH_delete(table, &wanted) : NULL;
    sp_unlock(sp_shard_of(address));
    free_context(context);
}
