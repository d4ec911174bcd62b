/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include "register/locks.h"

#include <pthread.h>

/* Each lock has a cache line, so that neighbours do not slow each other down. */
static struct {
    _Alignas(64) pthread_mutex_t mutex;
} shards[SP_SHARDS];

static pthread_mutex_t life = PTHREAD_MUTEX_INITIALIZER;

void sp_lock_life(void)
{
    pthread_mutex_lock(&life);
}

void sp_unlock_life(void)
{
    pthread_mutex_unlock(&life);
}

static pthread_mutex_t telling = PTHREAD_MUTEX_INITIALIZER;

void sp_lock_telling(void)
{
    pthread_mutex_lock(&telling);
}

void sp_unlock_telling(void)
{
    pthread_mutex_unlock(&telling);
}

static void lock_all(void)
{
    sp_lock_life();
    sp_lock_telling();
    for (size_t i = 0; i < SP_SHARDS; i++)
        sp_lock(i);
}

static void unlock_all(void)
{
    for (size_t i = SP_SHARDS; i-- > 0;)
        sp_unlock(i);
    sp_unlock_telling();
    sp_unlock_life();
}

bool sp_locks_init(void)
{
    static bool done;

    if (done)
        return true;
    for (size_t i = 0; i < SP_SHARDS; i++)
        if (pthread_mutex_init(&shards[i].mutex, NULL) != 0)
            return false;
    done = pthread_atfork(lock_all, unlock_all, unlock_all) == 0;
    return done;
}

size_t sp_shard_of(const void *object)
{
    uintptr_t bits = (uintptr_t)object;

    /* Allocations are aligned to 16 bytes, so higher bits are mixed in. */
    return ((bits >> 4) ^ (bits >> 9) ^ (bits >> 14)) % SP_SHARDS;
}

size_t sp_shard_of_hash(const unsigned char *hash)
{
    return hash[0] % SP_SHARDS;
}

void sp_lock(size_t shard)
{
    pthread_mutex_lock(&shards[shard].mutex);
}

void sp_unlock(size_t shard)
{
    pthread_mutex_unlock(&shards[shard].mutex);
}
