/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include "register/cert.h"

#include "register/locks.h"
#include "register/prints.h"

/* all[i] is guarded by the lock of shard i. */
static struct sp_cert *all[SP_SHARDS];

struct sp_cert *sp_cert_new(X509 *x509)
{
    struct sp_cert *cert = OPENSSL_zalloc(sizeof(*cert));
    size_t shard;

    if (cert == NULL)
        return NULL;
    atomic_init(&cert->refs, 1);
    cert->x509 = x509;
    shard = sp_shard_of(cert);
    sp_lock(shard);
    cert->next = all[shard];
    if (cert->next != NULL)
        cert->next->previous = cert;
    all[shard] = cert;
    sp_unlock(shard);
    return cert;
}

static void destroy(struct sp_cert *cert)
{
    sp_facts_free(cert->facts);
    OPENSSL_free(cert->hashed);
    OPENSSL_free(cert->lineage);
    OPENSSL_free(cert);
}

static void cert_free(struct sp_cert *cert)
{
    size_t shard = sp_shard_of(cert);

    sp_lock(shard);
    if (cert->next != NULL)
        cert->next->previous = cert->previous;
    if (cert->previous != NULL)
        cert->previous->next = cert->next;
    else
        all[shard] = cert->next;
    sp_unlock(shard);
    destroy(cert);
}

void sp_cert_unref(struct sp_cert *cert)
{
    if (cert == NULL || atomic_fetch_sub(&cert->refs, 1) != 1)
        return;
    sp_prints_remove(cert);
    cert_free(cert);
}

void sp_cert_unpinned(struct sp_cert *cert)
{
    sp_lock(sp_shard_of(cert));
    cert->pinned = false;
    sp_unlock(sp_shard_of(cert));
}

void sp_cert_died(struct sp_cert *cert)
{
    sp_lock(sp_shard_of(cert));
    cert->x509 = NULL;
    cert->pinned = false;
    sp_unlock(sp_shard_of(cert));
}

bool sp_cert_is_dead(const struct sp_cert *cert)
{
    bool dead;

    sp_lock(sp_shard_of(cert));
    dead = cert->x509 == NULL;
    sp_unlock(sp_shard_of(cert));
    return dead;
}

const struct sp_facts *sp_cert_facts(const struct sp_cert *cert)
{
    const struct sp_facts *facts;

    sp_lock(sp_shard_of(cert));
    facts = cert->facts;
    sp_unlock(sp_shard_of(cert));
    return facts;
}

void sp_certs_clear(struct sp_certs *certs)
{
    for (size_t i = 0; i < certs->count; i++)
        sp_cert_unref(certs->certs[i]);
    OPENSSL_free(certs->certs);
    *certs = (struct sp_certs){ 0 };
}

static bool add_wanted(struct sp_certs *found, struct sp_cert *cert)
{
    struct sp_cert **more =
        OPENSSL_realloc(found->certs, (found->count + 1) * sizeof(*found->certs));

    if (more == NULL)
        return false;
    found->certs = more;
    if (sp_cert_try_ref(cert))
        found->certs[found->count++] = cert;
    return true;
}

bool sp_certs_find(struct sp_certs *found,
                   bool (*is_wanted)(const struct sp_cert *cert, const void *arg), const void *arg)
{
    bool done = true;

    for (size_t shard = 0; done && shard < SP_SHARDS; shard++) {
        sp_lock(shard);
        for (struct sp_cert *cert = all[shard]; done && cert != NULL; cert = cert->next)
            if (cert->facts != NULL && cert->x509 != NULL && !cert->aside && is_wanted(cert, arg))
                done = add_wanted(found, cert);
        sp_unlock(shard);
    }
    return done;
}

void sp_cert_drop_all(void)
{
    for (size_t shard = 0; shard < SP_SHARDS; shard++) {
        struct sp_cert *cert;

        sp_lock(shard);
        cert = all[shard];
        all[shard] = NULL;
        sp_unlock(shard);
        while (cert != NULL) {
            struct sp_cert *next = cert->next;

            destroy(cert);
            cert = next;
        }
    }
}
