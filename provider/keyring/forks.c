/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The handlers are registered with the first keyring, later than those of the
 * register: fork() then takes this lock first, and whoever holds it may still
 * take one of the register's.
 */
#include "forks.h"

#include <pthread.h>

#include <openssl/crypto.h>

static CRYPTO_ONCE once = CRYPTO_ONCE_STATIC_INIT;
static pthread_rwlock_t inside; /* initialised under |once| */

static void before_fork(void)
{
    (void)pthread_rwlock_wrlock(&inside);
}

static void after_fork(void)
{
    (void)pthread_rwlock_unlock(&inside);
}

/* A fork has to get in between, however many threads come and go. */
static void initialise(void)
{
    pthread_rwlockattr_t kind;

    (void)pthread_rwlockattr_init(&kind);
    (void)pthread_rwlockattr_setkind_np(&kind, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
    (void)pthread_rwlock_init(&inside, &kind);
    (void)pthread_rwlockattr_destroy(&kind);
}

/* In the child it is made anew: unlocked, it would wait for threads that are not there. */
static void set_up(void)
{
    initialise();
    /* Out of memory: a fork is as risky as without us, nothing else is. */
    (void)pthread_atfork(before_fork, after_fork, initialise);
}

void sp_keyring_enter(void)
{
    (void)CRYPTO_THREAD_run_once(&once, set_up);
    (void)pthread_rwlock_rdlock(&inside);
}

void sp_keyring_leave(void)
{
    (void)pthread_rwlock_unlock(&inside);
}
