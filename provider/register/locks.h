/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The locks of the register.
 *
 * One array of mutexes serves every table and every entry: what an object is
 * guarded by follows from its address (or hash), so that threads that parse
 * certificates side by side rarely meet.
 *
 * Rules: hold one shard at a time; never call libcrypto functions that free or
 * create an X509 or a key while holding one (our own callbacks take them).
 * fork() takes all of them in order, so that a child never inherits one that
 * another thread held.  A debug build (SP_CHECK_LOCKS) asserts that a thread
 * holds one shard at a time and takes life, telling and a shard in this order.
 */
#ifndef SP_LOCKS_H
#define SP_LOCKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SP_SHARDS 16

/* Once a process, before the first lock. */
bool sp_locks_init(void);

/*
 * Loads and unloads of the provider, one at a time; taken before any other
 * lock of ours.
 */
void sp_lock_life(void);
void sp_unlock_life(void);

/*
 * Held while the core is asked to tell of a thread's end, and while an
 * instance takes its leave: libcrypto pushes to the list of a thread without a
 * lock, and takes the instance out of all lists right after its teardown.
 * Taken after the lock of life and before a shard's.
 */
void sp_lock_telling(void);
void sp_unlock_telling(void);

size_t sp_shard_of(const void *object);
size_t sp_shard_of_hash(const unsigned char *hash);
void sp_lock(size_t shard);
void sp_unlock(size_t shard);

#endif
