/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * These fork handlers are registered after those of the register.  So fork() takes
 * this lock first, and a thread that holds it may still take a lock of the register.
 */
#include "keyring/forks.h"

#include <pthread.h>
#include <string.h>

#include <openssl/crypto.h>

static CRYPTO_ONCE once = CRYPTO_ONCE_STATIC_INIT;
/* A waiting fork() goes before new readers, however many threads come and go. */
static pthread_rwlock_t inside = PTHREAD_RWLOCK_WRITER_NONRECURSIVE_INITIALIZER_NP;

static void before_fork(void)
{
    (void)pthread_rwlock_wrlock(&inside);
}

static void after_fork(void)
{
    (void)pthread_rwlock_unlock(&inside);
}

/* Make the lock anew in the child: its readers were threads that do not exist here. */
static void in_child(void)
{
    static const pthread_rwlock_t fresh = PTHREAD_RWLOCK_WRITER_NONRECURSIVE_INITIALIZER_NP;

    memcpy(&inside, &fresh, sizeof(inside));
}

/* If memory runs out, a fork is as risky as without us. */
static void set_up(void)
{
    (void)pthread_atfork(before_fork, after_fork, in_child);
}

void sp_keyring_expect_forks(void)
{
    (void)CRYPTO_THREAD_run_once(&once, set_up);
}

void sp_keyring_enter(struct sp_quiet *quiet)
{
    sp_keyring_expect_forks();
    (void)pthread_rwlock_rdlock(&inside);
    sp_quiet_begin(quiet);
}

void sp_keyring_leave(const struct sp_quiet *quiet)
{
    sp_quiet_end(quiet);
    (void)pthread_rwlock_unlock(&inside);
}
