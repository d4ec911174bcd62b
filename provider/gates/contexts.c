/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include "gates/contexts.h"

#include <string.h>

#include "gates/decisions.h"
#include "register/tables.h"

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

static struct sp_tables contexts = { .hash = context_hash, .compare = context_compare };

void sp_contexts_open(void)
{
    sp_tables_open(&contexts);
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

void sp_contexts_close(void)
{
    sp_tables_close(&contexts, free_context);
}

/* The caller of the next two holds the shard's lock. */
static struct sp_context *find(const void *address)
{
    const struct sp_context wanted = { .address = address };

    return sp_tables_find(&contexts, sp_shard_of(address), &wanted);
}

static struct sp_context *find_or_add(const void *address)
{
    const struct sp_context wanted = { .address = address };
    struct sp_context *context = find(address);

    return context != NULL
               ? context
               : sp_tables_add(&contexts, sp_shard_of(address), &wanted, sizeof(wanted));
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

/* Note of |to| what is noted of |from|.  False if out of memory. */
static bool note_copy(const void *from, const void *to)
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

void *sp_contexts_duplicate(void *ctx, void *(*duplicate)(void *ctx), void (*release)(void *ctx))
{
    void *copy = duplicate(ctx);

    if (copy == NULL || note_copy(ctx, copy))
        return copy;
    release(copy);
    (void)sp_gate_no_memory();
    return NULL;
}

void sp_contexts_end(const void *address)
{
    const struct sp_context wanted = { .address = address };
    struct sp_context *context;

    sp_lock(sp_shard_of(address));
    context = sp_tables_take_out(&contexts, sp_shard_of(address), &wanted);
    sp_unlock(sp_shard_of(address));
    free_context(context);
}
