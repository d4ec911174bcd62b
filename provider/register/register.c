/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include "register/register.h"

#include <string.h>

#include <openssl/err.h>

#include "policy/engines.h"
#include "register/key_table.h"
#include "register/locks.h"
#include "register/prints.h"

static int ex_index = -1; /* written by start and stop only */
static _Thread_local bool aside;

void sp_register_set_aside(bool value)
{
    aside = value;
}

static void born(void *parent, void *ptr, CRYPTO_EX_DATA *data, int index, long argl, void *argp)
{
    struct sp_cert *cert;

    (void)ptr;
    (void)argp;
    if (!sp_register_enter_of(argl))
        return;
    ERR_set_mark();
    sp_register_note_birth();
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
    if (ptr == NULL || !sp_register_enter_of(argl))
        return;
    sp_cert_died(ptr);
    sp_cert_unref(ptr);
    sp_register_leave();
}

/* Nothing is copied with an X509: the birth of the copy was told separately. */
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
    ex_index =
        X509_get_ex_new_index(sp_register_begin(sha, with_digests), NULL, born, copied, died);
    return ex_index >= 0;
}

bool sp_register_stop(void)
{
    bool alone = sp_register_end();

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
