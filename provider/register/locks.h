/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The locks of the register.
 *
 * One array of mutexes (shards) serves all tables and entries.  The address or hash
 * of an object tells which one guards it, so threads that parse certificates at the
 * same time rarely meet.
 *
 * Rules: hold one shard at a time; never call libcrypto functions that free or
 * create an X509 or a key while holding one (our own callbacks take them).
 * fork() takes all of them in order, so that a child never inherits one that
 * another thread held.  A debug build (SP_CHECK_LOCKS) asserts that a thread
 * holds one shard at a time, gives back the one that it holds, and takes life,
 * telling and a shard in this order.
 */
#ifndef SP_LOCKS_H
#define SP_LOCKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SP_SHARDS 16

/* Once in a process, before the first lock. */
bool sp_locks_init(void);

/*
 * The life lock serializes loads and unloads of the provider.  It is taken before
 * any other lock of ours.
 */
void sp_lock_life(void);
void sp_unlock_life(void);

/*
 * The telling lock is held while the core is asked to report a thread's end, and
 * while an instance leaves.  libcrypto adds to the list of a thread without a lock,
 * and takes the instance out of all lists right after its teardown.  It is taken
 * after the life lock and before a shard.
 */
void sp_lock_telling(void);
void sp_unlock_telling(void);

size_t sp_shard_of(const void *object);
size_t sp_shard_of_hash(const unsigned char *hash);
void sp_lock(size_t shard);
void sp_unlock(size_t shard);

#endif
