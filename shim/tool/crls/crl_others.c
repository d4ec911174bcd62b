/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Which issuers an indirect CRL may be about.  [RFC 5280, 6.3.3 (f)] The path of its own issuer
 * ends in the trust anchor in which that of the certificate ends: here, both lead to one ca that
 * was provided.
 */
#include <stdlib.h>

#include <openssl/x509v3.h>

#include "choice/stored_issuers.h"
#include "tool/crls/crl_storing.h"
#include "tool/keyring/keyring_at.h"

/* The longest chain: real ones are shorter. */
#define LONGEST 16
/* So many cas and intermediates are looked at. */
#define MOST 1000

/* The cas that were provided, and the intermediates. */
struct pool {
    struct sp_keyring *keyring;
    time_t now;
    STACK_OF(X509) *cas, *all; /* owned; |all| has those of |cas|, too */
};

static bool push(STACK_OF(X509) *certs, X509 *cert)
{
    return X509_add_cert(certs, cert, X509_ADD_FLAG_UP_REF | X509_ADD_FLAG_NO_DUP) == 1;
}

/* Add what |cursor|, which is taken over, finds.  A code, told on stderr. */
static int take(struct pool *pool, struct sp_cursor *cursor)
{
    struct shim_records records = { .cursor = cursor };
    int code = SHIM_OK;

    while (code == SHIM_OK && sk_X509_num(pool->all) < MOST && shim_records_next(&records)) {
        const bool is_ca = records.record.role == SP_ROLE_CA;
        const bool is_issuer = is_ca || records.record.role == SP_ROLE_INTERMEDIATE;
        /* What comes from a hub is provided by no person. */
        const bool is_provided = is_ca && sp_origin_is_by_hand(records.record.origin);
        X509 *cert = is_issuer ? sp_record_cert(&records.record) : NULL;

        if (is_issuer &&
            (cert == NULL || !push(pool->all, cert) || (is_provided && !push(pool->cas, cert))))
            code = shim_no_memory();
        X509_free(cert);
    }
    shim_records_end(&records);
    return records.failed ? shim_keyring_failed(pool->keyring) : code;
}

static int fill(struct pool *pool, struct sp_upload *upload)
{
    const struct sp_query cas = { .index = SP_ALL,
                                  .roles = SP_ROLE_BIT(SP_ROLE_CA),
                                  .by_hand = true };
    const struct sp_query others = { .index = SP_ALL, .roles = SP_ROLE_BIT(SP_ROLE_INTERMEDIATE) };
    int code = SHIM_OK;

    if (pool->cas == NULL || pool->all == NULL)
        return shim_no_memory();
    if (upload != NULL)
        code = take(pool, sp_upload_all(upload));
    if (code == SHIM_OK)
        code = take(pool, sp_keyring_find(pool->keyring, &cas));
    return code != SHIM_OK ? code : take(pool, sp_keyring_find(pool->keyring, &others));
}

/* The provided cas on the path of |cert|, itself among them; NULL: out of memory. */
static STACK_OF(X509) *anchors_of(const struct pool *pool, X509 *cert)
{
    STACK_OF(X509) *found = sk_X509_new_null();
    bool done = found != NULL;

    for (int i = 0; done && cert != NULL && i < LONGEST; i++) {
        if (shim_certs_hold(pool->cas, cert))
            done = push(found, cert);
        cert = sp_issuer_among(pool->all, cert, pool->now);
    }
    if (done)
        return found;
    sk_X509_pop_free(found, X509_free);
    return NULL;
}

/* Do they share one? */
static bool meet(const STACK_OF(X509) *one, const STACK_OF(X509) *other)
{
    for (int i = 0; i < sk_X509_num(one); i++)
        if (shim_certs_hold(other, sk_X509_value(one, i)))
            return true;
    return false;
}

/* The issuers that were found so far: first those below the same ca, then others. */
struct list {
    uint64_t *others; /* borrowed: SP_CRL_MOST_OTHERS */
    size_t below, count;
};

/* Of too many, those that are not below the same ca are left out first. */
static void put(struct list *list, uint64_t other, bool below)
{
    if (below && list->below < SP_CRL_MOST_OTHERS) {
        if (list->count < SP_CRL_MOST_OTHERS)
            list->others[list->count++] = list->others[list->below];
        list->others[list->below++] = other;
    } else if (!below && list->count < SP_CRL_MOST_OTHERS) {
        list->others[list->count++] = other;
    }
}

/* A ca without a key identifier cannot be told from others of its name. */
static int look_at(const struct pool *pool, const STACK_OF(X509) *anchors, X509 *cert,
                   struct list *list)
{
    const ASN1_OCTET_STRING *id = X509_get0_subject_key_id(cert);
    STACK_OF(X509) *own = id == NULL ? NULL : anchors_of(pool, cert);
    bool below;

    if (id == NULL)
        return SHIM_OK;
    if (own == NULL)
        return shim_no_memory();
    below = meet(anchors, own);
    put(list,
        sp_crl_other(
            sp_name_hash(X509_get_subject_name(cert)),
            sp_key_identifier_hash(ASN1_STRING_get0_data(id), (size_t)ASN1_STRING_length(id)),
            below),
        below);
    sk_X509_pop_free(own, X509_free);
    return SHIM_OK;
}

static int compare(const void *a, const void *b)
{
    const uint64_t one = *(const uint64_t *)a, other = *(const uint64_t *)b;

    return one < other ? -1 : one > other;
}

int shim_crl_others(const struct shim_crl_target *target, X509 *issuer,
                    uint64_t others[SP_CRL_MOST_OTHERS])
{
    struct pool pool = { target->keyring, target->now, sk_X509_new_null(), sk_X509_new_null() };
    struct list list = { .others = others };
    STACK_OF(X509) *anchors = NULL;
    int code = fill(&pool, target->upload);

    if (code == SHIM_OK && (anchors = anchors_of(&pool, issuer)) == NULL)
        code = shim_no_memory();
    for (int i = 0; code == SHIM_OK && i < sk_X509_num(pool.all); i++)
        code = look_at(&pool, anchors, sk_X509_value(pool.all, i), &list);
    /* In one order, whatever was stored first: equal lists are compared. */
    qsort(others, list.count, sizeof(*others), compare);
    sk_X509_pop_free(anchors, X509_free);
    sk_X509_pop_free(pool.cas, X509_free);
    sk_X509_pop_free(pool.all, X509_free);
    return code;
}
