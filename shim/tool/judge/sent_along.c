/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include <openssl/crypto.h>
#include <openssl/x509v3.h>

#include "tool/judge/sent_along.h"
#include "rules/rules.h"

struct shim_sent_along {
    const STACK_OF(X509) *pool;
    time_t now;
    struct shim_outcome *outcome;
    bool *used; /* owned, one for each of |pool|: it is in a chain, or a signer's own */
};

struct shim_sent_along *shim_sent_new(const STACK_OF(X509) *pool, time_t now,
                                      struct shim_outcome *outcome)
{
    struct shim_sent_along *sent = OPENSSL_zalloc(sizeof(*sent));

    if (sent == NULL)
        return NULL;
    sent->pool = pool;
    sent->now = now;
    sent->outcome = outcome;
    sent->used = OPENSSL_zalloc((size_t)sk_X509_num(pool) * sizeof(*sent->used) + 1);
    if (sent->used == NULL) {
        OPENSSL_free(sent);
        return NULL;
    }
    return sent;
}

void shim_sent_free(struct shim_sent_along *sent)
{
    if (sent == NULL)
        return;
    OPENSSL_free(sent->used);
    OPENSSL_free(sent);
}

static smimepolicy_verdict *judge(const struct shim_sent_along *sent, const X509 *cert,
                                  enum sp_along place)
{
    struct sp_facts *facts = sp_facts_new(cert);
    smimepolicy_verdict *verdict = facts == NULL ? NULL : sp_judge_along(facts, sent->now, place);

    sp_facts_free(facts);
    return verdict;
}

static bool is_valid(const struct shim_sent_along *sent, const X509 *cert)
{
    smimepolicy_verdict *verdict = judge(sent, cert, SP_ALONG_CHAIN);
    bool valid = verdict != NULL && smimepolicy_verdict_allowed(verdict);

    smimepolicy_verdict_free(verdict);
    return valid;
}

/* The index in the pool of an issuer of |cert|, preferably a valid one; or -1. */
static int find_issuer(const struct shim_sent_along *sent, X509 *cert)
{
    int found = -1;

    for (int i = 0; i < sk_X509_num(sent->pool); i++) {
        X509 *issuer = sk_X509_value(sent->pool, i);

        if (sent->used[i] || X509_cmp(issuer, cert) == 0 ||
            X509_check_issued(issuer, cert) != X509_V_OK)
            continue;
        if (is_valid(sent, issuer))
            return i;
        if (found < 0)
            found = i;
    }
    return found;
}

static void mark(struct shim_sent_along *sent, const X509 *cert)
{
    for (int i = 0; i < sk_X509_num(sent->pool); i++)
        if (X509_cmp(sk_X509_value(sent->pool, i), cert) == 0)
            sent->used[i] = true;
}

void shim_sent_judge(struct shim_sent_along *sent, X509 *signer)
{
    int next;

    mark(sent, signer);
    /* A root ends the chain: an older root of the same name would pass for its issuer. */
    while (X509_check_issued(signer, signer) != X509_V_OK &&
           (next = find_issuer(sent, signer)) >= 0) {
        signer = sk_X509_value(sent->pool, next);
        mark(sent, signer);
        shim_outcome_add(sent->outcome, judge(sent, signer, SP_ALONG_CHAIN));
    }
}

void shim_sent_judge_all(struct shim_sent_along *sent)
{
    for (int i = 0; i < sk_X509_num(sent->pool); i++)
        if (!sent->used[i]) {
            sent->used[i] = true;
            shim_outcome_add(sent->outcome,
                             judge(sent, sk_X509_value(sent->pool, i), SP_ALONG_CHAIN));
        }
}

void shim_sent_warn(const struct shim_sent_along *sent)
{
    for (int i = 0; i < sk_X509_num(sent->pool); i++)
        if (!sent->used[i])
            shim_outcome_add(sent->outcome,
                             judge(sent, sk_X509_value(sent->pool, i), SP_ALONG_BESIDE));
}
