/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include <openssl/crypto.h>
#include <openssl/x509v3.h>

#include "tool/judge/sent_along.h"
#include "rules/rules.h"

struct shim_path {
    const STACK_OF(X509) *pool;
    time_t now;
    struct shim_outcome *outcome;
    bool *used; /* owned, one for each of |pool|: on the way, or a signer's own */
};

struct shim_path *shim_path_new(const STACK_OF(X509) *pool, time_t now,
                                struct shim_outcome *outcome)
{
    struct shim_path *path = OPENSSL_zalloc(sizeof(*path));

    if (path == NULL)
        return NULL;
    path->pool = pool;
    path->now = now;
    path->outcome = outcome;
    path->used = OPENSSL_zalloc((size_t)sk_X509_num(pool) * sizeof(*path->used) + 1);
    if (path->used == NULL) {
        OPENSSL_free(path);
        return NULL;
    }
    return path;
}

void shim_path_free(struct shim_path *path)
{
    if (path == NULL)
        return;
    OPENSSL_free(path->used);
    OPENSSL_free(path);
}

static smimepolicy_verdict *judge(const struct shim_path *path, const X509 *cert,
                                  enum sp_along place)
{
    struct sp_facts *facts = sp_facts_new(cert);
    smimepolicy_verdict *verdict = facts == NULL ? NULL : sp_judge_along(facts, path->now, place);

    sp_facts_free(facts);
    return verdict;
}

static bool is_valid(const struct shim_path *path, const X509 *cert)
{
    smimepolicy_verdict *verdict = judge(path, cert, SP_ALONG_PATH);
    bool valid = verdict != NULL && smimepolicy_verdict_allowed(verdict);

    smimepolicy_verdict_free(verdict);
    return valid;
}

/* The place in the pool of an issuer of |cert|, a valid one before any other; or -1. */
static int find_issuer(const struct shim_path *path, X509 *cert)
{
    int found = -1;

    for (int i = 0; i < sk_X509_num(path->pool); i++) {
        X509 *issuer = sk_X509_value(path->pool, i);

        if (path->used[i] || X509_cmp(issuer, cert) == 0 ||
            X509_check_issued(issuer, cert) != X509_V_OK)
            continue;
        if (is_valid(path, issuer))
            return i;
        if (found < 0)
            found = i;
    }
    return found;
}

static void mark(struct shim_path *path, const X509 *cert)
{
    for (int i = 0; i < sk_X509_num(path->pool); i++)
        if (X509_cmp(sk_X509_value(path->pool, i), cert) == 0)
            path->used[i] = true;
}

void shim_path_judge(struct shim_path *path, X509 *signer)
{
    int next;

    mark(path, signer);
    /* A root ends the way: an older root of that name would pass for its issuer. */
    while (X509_check_issued(signer, signer) != X509_V_OK &&
           (next = find_issuer(path, signer)) >= 0) {
        signer = sk_X509_value(path->pool, next);
        mark(path, signer);
        shim_outcome_add(path->outcome, judge(path, signer, SP_ALONG_PATH));
    }
}

void shim_path_judge_all(struct shim_path *path)
{
    for (int i = 0; i < sk_X509_num(path->pool); i++)
        if (!path->used[i]) {
            path->used[i] = true;
            shim_outcome_add(path->outcome,
                             judge(path, sk_X509_value(path->pool, i), SP_ALONG_PATH));
        }
}

void shim_path_warn(const struct shim_path *path)
{
    for (int i = 0; i < sk_X509_num(path->pool); i++)
        if (!path->used[i])
            shim_outcome_add(path->outcome,
                             judge(path, sk_X509_value(path->pool, i), SP_ALONG_BESIDE));
}
