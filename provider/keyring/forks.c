/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * These fork handlers are registered after those of the register.  So fork() takes
 * this lock first, and a thread that holds it may still take a lock of the register.
 */
#include "keyring/forks.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include <openssl/crypto.h>

#include "keyring/storage.h"

static CRYPTO_ONCE once = CRYPTO_ONCE_STATIC_INIT;
/* A waiting fork() goes before new readers, however many threads come and go. */
static pthread_rwlock_t inside = PTHREAD_RWLOCK_WRITER_NONRECURSIVE_INITIALIZER_NP;

/*
 * The keyring that stays open between two questions, or NULL.  Who takes it out has
 * it alone, so threads need not wait for each other: one that finds none opens its
 * own.  Used by those who are inside, and by fork().
 */
static _Atomic(struct sp_keyring *) kept;

static void before_fork(void)
{
    (void)pthread_rwlock_wrlock(&inside);
    sp_keyring_close(atomic_exchange(&kept, NULL));
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

struct sp_keyring *sp_keyring_borrow(const char *path, struct sp_quiet *quiet, char **why)
{
    struct sp_keyring *keyring;

    *why = NULL;
    sp_keyring_enter(quiet);
    keyring = atomic_exchange(&kept, NULL);
    if (keyring != NULL && keyring->storage->is_current(keyring, path))
        return keyring;
    sp_keyring_close(keyring);
    return sp_keyring_open(path, SP_KEYRING_READ, why);
}

void sp_keyring_give_back(struct sp_keyring *keyring, const struct sp_quiet *quiet)
{
    if (keyring != NULL && keyring->storage->may_stay(keyring))
        keyring = atomic_exchange(&kept, keyring);
    sp_keyring_close(keyring);
    sp_keyring_leave(quiet);
}

void sp_keyring_keep_none(void)
{
    struct sp_quiet quiet;

    sp_keyring_enter(&quiet);
    sp_keyring_close(atomic_exchange(&kept, NULL));
    sp_keyring_leave(&quiet);
}

/* Written once, before a keyring can be asked. */
static atomic_bool in_command;

void sp_keyring_in_command(void)
{
    atomic_store(&in_command, true);
}

bool sp_keyring_is_in_command(void)
{
    return atomic_load(&in_command);
}
