/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The table of the key objects.
 */
#include <stdint.h>

#include <openssl/crypto.h>

#include "register/key_table.h"
#include "register/locks.h"
#include "register/state.h"
#include "register/tables.h"

static unsigned long key_hash(const void *data)
{
    const struct sp_key *key = data;

    return (unsigned long)((uintptr_t)key->address >> 4);
}

static int key_compare(const void *a, const void *b)
{
    const struct sp_key *left = a, *right = b;

    return left->address != right->address;
}

static struct sp_tables keys = { .hash = key_hash, .compare = key_compare };

void sp_keys_open(void)
{
    sp_tables_open(&keys);
}

static void forget_key(struct sp_key *key)
{
    if (key == NULL)
        return;
    sp_cert_unref(key->own);
    sp_compared_clear(&key->compared);
    OPENSSL_free(key);
}

static void forget_any(void *key)
{
    forget_key(key);
}

void sp_keys_close(void)
{
    sp_tables_close(&keys, forget_any);
}

struct sp_key *sp_key_find(const void *address)
{
    const struct sp_key wanted = { .address = address };

    return sp_tables_find(&keys, sp_shard_of(address), &wanted);
}

/* The caller holds the shard's lock. */
static struct sp_key *take_out(const void *address)
{
    const struct sp_key wanted = { .address = address };

    return sp_tables_take_out(&keys, sp_shard_of(address), &wanted);
}

struct sp_key *sp_key_find_or_add(const void *address)
{
    const struct sp_key wanted = { .address = address };
    struct sp_key *key = sp_key_find(address);

    return key != NULL ? key : sp_tables_add(&keys, sp_shard_of(address), &wanted, sizeof(wanted));
}

void sp_key_note(const struct sp_key *facts)
{
    size_t shard = sp_shard_of(facts->address);
    struct sp_key *stale, *key;

    /* Facts of an earlier key at this address, whose free we have not seen, do not count. */
    sp_lock(shard);
    stale = take_out(facts->address);
    key = sp_key_find_or_add(facts->address);
    if (key != NULL)
        *key = *facts;
    sp_unlock(shard);
    forget_key(stale);
    if (key == NULL) {
        sp_cert_unref(facts->own);
        sp_register_failed();
    }
}

void sp_keys_freed(const void *address)
{
    struct sp_key *key;

    sp_lock(sp_shard_of(address));
    key = take_out(address);
    sp_unlock(sp_shard_of(address));
    forget_key(key);
}

void sp_keys_disown(const void *address, const struct sp_cert *cert)
{
    struct sp_cert *owner = NULL;
    struct sp_key *key;

    sp_lock(sp_shard_of(address));
    key = sp_key_find(address);
    if (key != NULL && key->own == cert) {
        owner = key->own;
        key->own = NULL;
    }
    sp_unlock(sp_shard_of(address));
    sp_cert_unref(owner);
}

void sp_key_news(const void *address, struct sp_key *news)
{
    struct sp_key *key;

    *news = (struct sp_key){ 0 };
    sp_lock(sp_shard_of(address));
    key = sp_key_find(address);
    if (key != NULL) {
        *news = *key;
        if (key->own != NULL)
            (void)sp_cert_ref(key->own);
    }
    sp_unlock(sp_shard_of(address));
}

void sp_key_note_proof(const void *address, const struct sp_cert *cert)
{
    struct sp_key *key;

    sp_lock(sp_shard_of(address));
    key = sp_key_find(address);
    if (key != NULL && key->own == cert)
        key->proved = true;
    sp_unlock(sp_shard_of(address));
}
