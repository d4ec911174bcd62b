/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include "register/locks.h"

#include <assert.h>
#include <pthread.h>

/* In the order in which they are taken; each is more than those before it together. */
enum rank { LIFE = 1, TELLING = 2, SHARD = 4 };

/* A cache line each: neighbours must not slow each other down. */
static struct {
    _Alignas(64) pthread_mutex_t mutex;
} shards[SP_SHARDS];

static pthread_mutex_t life = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t telling = PTHREAD_MUTEX_INITIALIZER;

#ifdef SP_CHECK_LOCKS
/*
 * The ranks that this thread holds, and its last shard.  A debug build ends at the call that breaks
 * a rule of locks.h: a deadlock would show only when two threads meet.
 */
static _Thread_local unsigned int held;
static _Thread_local size_t held_shard;
#endif

static void take(pthread_mutex_t *mutex, enum rank rank)
{
#ifdef SP_CHECK_LOCKS
    assert(held < (unsigned int)rank);
    held |= (unsigned int)rank;
#else
    (void)rank;
#endif
    pthread_mutex_lock(mutex);
}

static void give_back(pthread_mutex_t *mutex, enum rank rank)
{
#ifdef SP_CHECK_LOCKS
    assert((held & (unsigned int)rank) != 0);
    held &= ~(unsigned int)rank;
#else
    (void)rank;
#endif
    pthread_mutex_unlock(mutex);
}

void sp_lock_life(void)
{
    take(&life, LIFE);
}

void sp_unlock_life(void)
{
    give_back(&life, LIFE);
}

void sp_lock_telling(void)
{
    take(&telling, TELLING);
}

void sp_unlock_telling(void)
{
    give_back(&telling, TELLING);
}

/* fork() alone holds several shards: it takes them as they are, past the check. */
static void lock_all(void)
{
    sp_lock_life();
    sp_lock_telling();
    for (size_t i = 0; i < SP_SHARDS; i++)
        pthread_mutex_lock(&shards[i].mutex);
}

static void unlock_all(void)
{
    for (size_t i = SP_SHARDS; i-- > 0;)
        pthread_mutex_unlock(&shards[i].mutex);
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
    take(&shards[shard].mutex, SHARD);
#ifdef SP_CHECK_LOCKS
    held_shard = shard;
#endif
}

void sp_unlock(size_t shard)
{
#ifdef SP_CHECK_LOCKS
    assert(held_shard == shard);
#endif
    give_back(&shards[shard].mutex, SHARD);
}
