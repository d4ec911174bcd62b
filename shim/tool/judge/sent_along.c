/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include <openssl/crypto.h>

#include "tool/judge/sent_along.h"
#include "choice/stored_issuers.h"
#include "rules/revocation.h"
#include "tool/keyring/crl_answers.h"

struct shim_sent_along {
    const struct shim *shim;
    const STACK_OF(X509) *pool;
    time_t now;
    struct shim_outcome *outcome;
    bool *used; /* owned, one for each of |pool|: it is in a chain, or a signer's own */
};

struct shim_sent_along *shim_sent_new(const struct shim *shim, const STACK_OF(X509) *pool,
                                      time_t now, struct shim_outcome *outcome)
{
    struct shim_sent_along *sent = OPENSSL_zalloc(sizeof(*sent));

    if (sent == NULL)
        return NULL;
    sent->shim = shim;
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
    if (place == SP_ALONG_BESIDE)
        return verdict;
    return sp_verdict_join(verdict,
                           shim_judge_issuer(sent->shim, cert, false, SMIMEPOLICY_SIGN, sent->now));
}

static void mark(struct shim_sent_along *sent, const X509 *cert)
{
    for (int i = 0; i < sk_X509_num(sent->pool); i++)
        if (X509_cmp(sk_X509_value(sent->pool, i), cert) == 0)
            sent->used[i] = true;
}

static bool is_used(const struct shim_sent_along *sent, const X509 *cert)
{
    for (int i = 0; i < sk_X509_num(sent->pool); i++)
        if (sk_X509_value(sent->pool, i) == cert)
            return sent->used[i];
    return true;
}

void shim_sent_judge(struct shim_sent_along *sent, X509 *signer)
{
    X509 *issuer = signer;

    mark(sent, signer);
    while ((issuer = sp_issuer_among(sent->pool, issuer, sent->now)) != NULL &&
           !is_used(sent, issuer)) {
        mark(sent, issuer);
        shim_outcome_add(sent->outcome, judge(sent, issuer, SP_ALONG_CHAIN));
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
