/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include "register.h"

#include <string.h>

#include <openssl/err.h>

#include "engines.h"
#include "locks.h"
#include "prints.h"
#include "threads.h"

static int ex_index = -1; /* written by start and stop only */
static _Atomic(const struct sp_sha256 *) current_sha;
static atomic_bool failed, saw_birth, digests;
static _Thread_local bool aside;

/*
 * libcrypto may call back after the stop: it takes its list of callbacks along
 * and calls them without a lock.  So each start has a number, which comes with
 * the callback, and the stop knows whether anybody is still inside.
 */
static long starts;                /* written by start only */
static atomic_long running;        /* the number of the start, 0 when stopped */
static atomic_uint callbacks_busy; /* threads between enter and leave */

bool sp_register_enter(void)
{
    atomic_fetch_add(&callbacks_busy, 1);
    if (atomic_load(&running) != 0)
        return true;
    sp_register_leave();
    return false;
}

void sp_register_leave(void)
{
    atomic_fetch_sub(&callbacks_busy, 1);
}

static bool enter(long start)
{
    if (!sp_register_enter())
        return false;
    if (atomic_load(&running) == start)
        return true;
    sp_register_leave();
    return false;
}

void sp_register_set_sha256(const struct sp_sha256 *sha)
{
    atomic_store(&current_sha, sha);
}

const struct sp_sha256 *sp_register_sha256(void)
{
    return atomic_load(&current_sha);
}

bool sp_register_has_digests(void)
{
    return atomic_load(&digests);
}

void sp_register_failed(void)
{
    atomic_store(&failed, true);
}

bool sp_register_has_failed(void)
{
    return atomic_load(&failed);
}

bool sp_register_saw_birth(void)
{
    return atomic_load(&saw_birth);
}

void sp_register_set_aside(bool value)
{
    aside = value;
}

static void born(void *parent, void *ptr, CRYPTO_EX_DATA *data, int index, long argl, void *argp)
{
    struct sp_cert *cert;

    (void)ptr;
    (void)argp;
    if (!enter(argl))
        return;
    ERR_set_mark();
    atomic_store_explicit(&saw_birth, true, memory_order_relaxed);
    sp_engines_look();
    sp_thread_event();
    cert = sp_cert_new(parent);
    if (cert != NULL)
        cert->aside = aside;
    if (cert == NULL || CRYPTO_set_ex_data(data, index, cert) != 1) {
        sp_cert_unref(cert);
        sp_register_failed();
    } else if (!sp_threads_born(sp_cert_ref(cert), parent)) {
        sp_register_failed();
    }
    ERR_pop_to_mark();
    sp_register_leave();
}

static void died(void *parent, void *ptr, CRYPTO_EX_DATA *data, int index, long argl, void *argp)
{
    (void)parent;
    (void)data;
    (void)index;
    (void)argp;
    if (ptr == NULL || !enter(argl))
        return;
    sp_cert_died(ptr);
    sp_cert_unref(ptr);
    sp_register_leave();
}

/* A copy is a certificate of its own: its birth was told separately. */
static int copied(CRYPTO_EX_DATA *to, const CRYPTO_EX_DATA *from, void **from_data, int index,
                  long argl, void *argp)
{
    (void)to;
    (void)from;
    (void)index;
    (void)argl;
    (void)argp;
    *from_data = NULL;
    return 1;
}

bool sp_register_start(const struct sp_sha256 *sha, bool with_digests)
{
    if (!sp_locks_init())
        return false;
    sp_prints_open();
    sp_keys_open();
    atomic_store(&digests, with_digests);
    sp_register_set_sha256(sha);
    atomic_store(&failed, false);
    atomic_store(&saw_birth, false);
    atomic_store(&running, ++starts);
    ex_index = X509_get_ex_new_index(starts, NULL, born, copied, died);
    return ex_index >= 0;
}

bool sp_register_stop(void)
{
    bool alone;

    atomic_store(&running, 0);
    alone = atomic_load(&callbacks_busy) == 0;
    if (ex_index >= 0)
        CRYPTO_free_ex_index(CRYPTO_EX_INDEX_X509, ex_index);
    ex_index = -1;
    alone = sp_threads_stop() && alone;
    if (!alone)
        return false;
    sp_keys_close();
    sp_cert_drop_all();
    sp_prints_close();
    return true;
}

struct sp_cert *sp_register_of_x509(const X509 *x509)
{
    struct sp_cert *cert = ex_index >= 0 ? X509_get_ex_data(x509, ex_index) : NULL;

    if (cert == NULL)
        return NULL;
    sp_thread_event();
    return sp_cert_ref(cert);
}

bool sp_register_was_verified(const struct sp_cert *cert)
{
    struct sp_cert **same = NULL;
    int count;
    bool verified = atomic_load(&cert->was_verified);

    if (verified || sp_cert_facts(cert) == NULL)
        return verified;
    count = sp_prints_find(&cert->id, &same);
    for (int i = 0; i < count; i++) {
        verified =
            verified || (atomic_load(&same[i]->was_verified) && sp_cert_facts(same[i]) != NULL &&
                         memcmp(same[i]->digest, cert->digest, SP_SHA256_LENGTH) == 0);
        sp_cert_unref(same[i]);
    }
    OPENSSL_free(same);
    return verified;
}
