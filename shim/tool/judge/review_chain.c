/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The chain of a signer, or of a certificate that is to be encrypted to: its faults, its issuers,
 * their revocation, and the dates at the signing time.
 */
#include <openssl/x509_vfy.h>

#include "common/shim.h"
#include "tool/judge/review.h"
#include "tool/keyring/crl_answers.h"

/* The facts of |at|; a new one is put in |*own|.  NULL: out of memory. */
static const struct sp_facts *facts_at(const struct shim_signature *signature, const X509 *at,
                                       struct sp_facts **own)
{
    if (X509_cmp(at, signature->cert) == 0)
        return signature->facts;
    return *own = sp_facts_new(at);
}

static smimepolicy_verdict *judge_chain(const struct shim_signature *signature,
                                        const smimepolicy_settings *settings)
{
    const struct shim_chain *chain = &signature->chain;
    struct sp_facts *own[SHIM_MOST_FAULTS] = { NULL };
    struct sp_chain_fault faults[SHIM_MOST_FAULTS];
    size_t count = 0;
    bool complete = true;
    smimepolicy_verdict *verdict;

    for (size_t i = 0; i < chain->count && complete; i++) {
        const struct shim_chain_error *error = &chain->faults[i];
        struct sp_chain_fault *fault = &faults[count];

        fault->why = X509_verify_cert_error_string(error->error);
        fault->at = error->at == NULL ? NULL : facts_at(signature, error->at, &own[i]);
        complete = error->at == NULL || fault->at != NULL;
        /* Reported already, by its rule. */
        if (!(signature->refused && error->error == X509_V_ERR_INVALID_PURPOSE &&
              fault->at == signature->facts))
            count++;
    }
    verdict = complete ? sp_judge_chain(signature->facts, faults, count, settings) : NULL;
    for (size_t i = 0; i < SHIM_MOST_FAULTS; i++)
        sp_facts_free(own[i]);
    return verdict;
}

/* Judge whether all issuers in the chain may vouch, and its end too. */
static smimepolicy_verdict *judge_issuers(const struct shim_review *review,
                                          const struct shim_signature *signature,
                                          const struct sp_facts *const *issuers, size_t count)
{
    struct sp_standing standing = { 0 };
    const X509 *anchor;

    /* With `trust = keyring` the chain ends in a ca of the keyring's: see find_uploaded(). */
    if (review->settings->trust == SP_TRUST_KEYRING || signature->for_itself)
        return NULL;
    anchor = sk_X509_value(signature->chain.certs, (int)count);
    if (anchor != NULL)
        standing = shim_issuers_standing(review->incoming->keyring, anchor);
    if (sp_is_never_anchor(standing))
        return sp_judge_anchor(signature->facts, count > 0 ? issuers[count - 1] : signature->facts,
                               standing, count == 0);
    for (size_t i = 0; i < count; i++)
        if (!sp_may_issue(issuers[i], standing, i + 1 == count))
            return sp_refuse_issuer(issuers[i], signature->facts);
    return NULL;
}

/* Judge the dates of the certificates at the signing time. */
static void judge_time(struct shim_review *review, struct shim_signature *signature,
                       const struct sp_facts *const *issuers, size_t count)
{
    bool has_chain = !signature->for_itself || review->incoming->store == NULL;
    smimepolicy_verdict *verdict =
        sp_judge_signing_time(signature->facts, issuers, count, &signature->time, review->now);

    if (has_chain &&
        (signature->chain.certs == NULL || (int)count != sk_X509_num(signature->chain.certs) - 1))
        review->whole = false;
    if (verdict != NULL && smimepolicy_verdict_count(verdict) > 0)
        review->passed = true;
    shim_review_settle(signature, review->outcome, verdict);
}

static bool is_ca_of_keyring(struct sp_keyring *keyring, const X509 *cert)
{
    struct sp_standing standing = shim_issuers_standing(keyring, cert);

    return standing.role == SP_ROLE_CA && !sp_is_never_anchor(standing);
}

/* Those of |certs| that the keyring keeps as a ca. */
static X509_STORE *store_uploaded(struct sp_keyring *keyring, const STACK_OF(X509) *certs)
{
    STACK_OF(X509) *uploaded = sk_X509_new_null();
    bool done = uploaded != NULL;
    X509_STORE *store;

    for (int i = 0; done && i < sk_X509_num(certs); i++)
        if (is_ca_of_keyring(keyring, sk_X509_value(certs, i)))
            done = sk_X509_push(uploaded, sk_X509_value(certs, i)) > 0;
    store = done ? shim_store_of(uploaded) : NULL;
    sk_X509_free(uploaded);
    return store;
}

/*
 * The chain where only what was uploaded vouches (`trust = keyring`): what else is named may lie on
 * it.  Looking for the end of the chain first has libcrypto read what -CApath has of it.
 *
 * @return true if there is an end, which the provider is asked about too
 */
static bool find_uploaded(struct shim_review *review, struct shim_signature *signature)
{
    const struct shim_incoming *incoming = review->incoming;
    STACK_OF(X509) *near = NULL;
    X509_STORE *store = NULL;
    bool ends;

    X509_VERIFY_PARAM_clear_flags(X509_STORE_get0_param(incoming->store),
                                  X509_V_FLAG_PARTIAL_CHAIN);
    shim_chain_find(&signature->chain, incoming->store, signature->cert, incoming->certs, NULL);
    ends = signature->chain.certs != NULL;
    shim_chain_clear(&signature->chain);
    near = X509_STORE_get1_all_certs(incoming->store);
    if (near != NULL)
        store = store_uploaded(incoming->keyring, near);
    if (store != NULL && X509_add_certs(near, incoming->certs, X509_ADD_FLAG_UP_REF) == 1)
        shim_chain_find(&signature->chain, store, signature->cert, near, review->args);
    else
        review->outcome->fault = shim_no_memory();
    X509_STORE_free(store);
    sk_X509_pop_free(near, X509_free);
    return ends;
}

/* True if the provider judges the anchor too. */
static bool find_chain(struct shim_review *review, struct shim_signature *signature)
{
    if (!signature->for_itself && review->settings->trust == SP_TRUST_KEYRING &&
        review->incoming->store != NULL)
        return find_uploaded(review, signature);
    if (signature->for_itself)
        shim_chain_to_itself(&signature->chain, review->incoming->store, signature->cert,
                             review->args);
    else
        shim_chain_find(&signature->chain, review->incoming->store, signature->cert,
                        review->incoming->certs, review->args);
    return false;
}

/* Judge the revocation of the issuers in the chain; the signer's is judged already. */
static void judge_revocations(struct shim_review *review, struct shim_signature *signature)
{
    const int last = sk_X509_num(signature->chain.certs) - 1;

    for (int i = 1; i <= last && !signature->for_itself; i++) {
        smimepolicy_verdict *verdict =
            shim_judge_issuer(review->shim, sk_X509_value(signature->chain.certs, i), i == last,
                              SMIMEPOLICY_VERIFY, shim_review_time(review));

        if (verdict == NULL || smimepolicy_verdict_count(verdict) > 0)
            shim_review_settle_once(signature, review->outcome, verdict);
        else
            smimepolicy_verdict_free(verdict);
    }
}

void shim_review_chain(struct shim_review *review, struct shim_signature *signature)
{
    struct sp_facts **issuers;
    smimepolicy_verdict *verdict;
    bool asked_again;
    size_t count;

    asked_again = find_chain(review, signature);
    if (signature->chain.count > 0 && asked_again)
        shim_review_settle_once(signature, review->outcome,
                                judge_chain(signature, review->settings));
    else if (signature->chain.count > 0)
        shim_review_settle(signature, review->outcome, judge_chain(signature, review->settings));
    issuers = shim_facts_of(signature->chain.certs, 1, &count);
    if (issuers == NULL) {
        review->outcome->fault = shim_no_memory();
        return;
    }
    verdict = judge_issuers(review, signature, (const struct sp_facts *const *)issuers, count);
    if (verdict != NULL)
        shim_review_settle(signature, review->outcome, verdict);
    judge_revocations(review, signature);
    /* With -attime the user has set the time. */
    if (!shim_args_has(review->args, "attime"))
        judge_time(review, signature, (const struct sp_facts *const *)issuers, count);
    shim_facts_free(issuers, count);
}
