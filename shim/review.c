/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include <openssl/crypto.h>

#include "chain.h"
#include "review.h"
#include "shim.h"

/* The facts of the certificates above the signer's; owned by the caller, as their array. */
static struct sp_facts **read_issuers(const STACK_OF(X509) *chain, size_t *count)
{
    int length = chain == NULL ? 0 : sk_X509_num(chain);
    struct sp_facts **issuers = OPENSSL_zalloc((size_t)(length + 1) * sizeof(*issuers));

    *count = 0;
    for (int i = 1; issuers != NULL && i < length; i++) {
        issuers[*count] = sp_facts_new(sk_X509_value(chain, i));
        if (issuers[*count] == NULL)
            break;
        (*count)++;
    }
    return issuers;
}

static void free_issuers(struct sp_facts **issuers, size_t count)
{
    for (size_t i = 0; issuers != NULL && i < count; i++)
        sp_facts_free(issuers[i]);
    OPENSSL_free(issuers);
}

/* What the times of all signatures have shown so far. */
struct times {
    const struct shim_args *args;
    X509_STORE *store;
    time_t now;
    bool whole;  /* every certificate on the way of every signer was judged */
    bool passed; /* stock's own look at the dates would refuse what was judged */
};

/*
 * A certificate that vouches for itself has no way to an anchor.  What libcrypto
 * makes of the others that came along, and of their dates, is then no matter.
 */
static void review_time(const struct shim_incoming *incoming,
                        const struct shim_signature *signature, struct times *times,
                        struct shim_outcome *outcome)
{
    bool has_way = !signature->for_itself || times->store == NULL;
    STACK_OF(X509) *chain =
        has_way ? shim_chain_build(times->store, signature->cert, incoming->certs, times->args)
                : NULL;
    size_t count;
    struct sp_facts **issuers = read_issuers(chain, &count);
    smimepolicy_verdict *verdict = NULL;

    if (issuers != NULL)
        verdict = sp_judge_signing_time(signature->facts, (const struct sp_facts *const *)issuers,
                                        count, &signature->time, times->now);
    if (has_way && (chain == NULL || (int)count != sk_X509_num(chain) - 1))
        times->whole = false;
    if (!has_way || (verdict != NULL && smimepolicy_verdict_count(verdict) > 0))
        times->passed = true;
    shim_outcome_hold(outcome, verdict);
    free_issuers(issuers, count);
    sk_X509_pop_free(chain, X509_free);
}

bool shim_review_times(const struct shim_incoming *incoming, const struct shim_operation *operation,
                       time_t now, struct shim_outcome *outcome)
{
    const struct shim_args *args = operation->args;
    struct times times = { .args = args, .now = now, .whole = true };

    /* The user has said what counts as now. */
    if (shim_args_has(args, "attime"))
        return false;
    times.store = shim_chain_store(args, operation->selection.anchors_path, incoming->anchors);
    for (size_t i = 0; i < incoming->count; i++)
        review_time(incoming, &incoming->signatures[i], &times, outcome);
    X509_STORE_free(times.store);
    return times.whole && times.passed;
}

void shim_review_digests(const struct shim_incoming *incoming, struct shim_outcome *outcome)
{
    for (size_t i = 0; i < incoming->count; i++)
        shim_outcome_hold(outcome, sp_judge_digest(incoming->signatures[i].digest,
                                                   incoming->signatures[i].facts,
                                                   SMIMEPOLICY_VERIFY, outcome->settings));
}

static void compare(const struct shim_incoming *incoming, const struct sp_sender *sender,
                    struct shim_outcome *outcome)
{
    const struct sp_facts **signers = OPENSSL_zalloc((incoming->count + 1) * sizeof(*signers));

    if (signers == NULL) {
        outcome->fault = shim_no_memory();
        return;
    }
    for (size_t i = 0; i < incoming->count; i++)
        signers[i] = incoming->signatures[i].facts;
    for (size_t i = 0; i < incoming->count; i++)
        shim_outcome_hold(outcome, sp_judge_sender(signers, incoming->count, i, sender));
    OPENSSL_free(signers);
}

void shim_review_sender(const struct shim_incoming *incoming, const struct shim_review_sender *how,
                        struct shim_outcome *outcome)
{
    if (how->skip) {
        compare(incoming, NULL, outcome);
        return;
    }
    if (how->given != NULL)
        compare(incoming, &how->given->sender, outcome);
    if (how->given == NULL || sp_has_sender(&incoming->mail.sender))
        compare(incoming, &incoming->mail.sender, outcome);
}
