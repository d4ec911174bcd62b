/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The signers of a message that came in, or of a certificate that is to be encrypted to: the
 * certificate, the faults of its chain, its issuers, their revocation, the dates at the signing
 * time, and the sender.
 */
#include <stdlib.h>

#include <openssl/crypto.h>
#include <openssl/x509_vfy.h>

#include "tool/judge/judge.h"
#include "tool/keyring/crl_answers.h"

struct sp_facts **shim_facts_of(const STACK_OF(X509) *certs, int first, size_t *count)
{
    int length = certs == NULL ? 0 : sk_X509_num(certs);
    struct sp_facts **facts = OPENSSL_zalloc((size_t)(length + 1) * sizeof(*facts));

    *count = 0;
    for (int i = first; facts != NULL && i < length; i++) {
        facts[*count] = sp_facts_new(sk_X509_value(certs, i));
        if (facts[*count] == NULL)
            break;
        (*count)++;
    }
    return facts;
}

void shim_facts_free(struct sp_facts **facts, size_t count)
{
    for (size_t i = 0; facts != NULL && i < count; i++)
        sp_facts_free(facts[i]);
    OPENSSL_free(facts);
}

/* The review of one message. */
struct shim_review {
    const struct shim_incoming *incoming;
    const struct shim *shim;
    const smimepolicy_settings *settings;
    const struct shim_args *args;
    time_t now;
    bool whole;  /* every certificate in the chain of every signer was judged */
    bool passed; /* stock would refuse the present dates of what was judged */
    struct shim_outcome *outcome;
};

/* Take |verdict| over.  A refusal is reported now, anything else at the end. */
static void settle(struct shim_signature *signature, struct shim_outcome *outcome,
                   smimepolicy_verdict *verdict)
{
    signature->refused =
        signature->refused || verdict == NULL || !smimepolicy_verdict_allowed(verdict);
    shim_outcome_hold(outcome, verdict);
}

/* The same of a rule that the provider asks again: what is only observed is logged there. */
static void settle_once(struct shim_signature *signature, struct shim_outcome *outcome,
                        smimepolicy_verdict *verdict)
{
    bool denies = verdict != NULL && !smimepolicy_verdict_allowed(verdict);

    if (!denies || outcome->settings->mode != SP_MODE_OBSERVE) {
        settle(signature, outcome, verdict);
        return;
    }
    signature->refused = true;
    shim_outcome_add(outcome, verdict);
}

/* Now, or with -attime the time that the user has set. */
static time_t time_of(const struct shim_review *review)
{
    const char *text = review->args != NULL ? shim_args_value(review->args, "attime") : NULL;
    char *end;
    const long long seconds = text != NULL ? strtoll(text, &end, 10) : 0;

    return text != NULL && *text != '\0' && *end == '\0' ? (time_t)seconds : review->now;
}

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
    settle(signature, review->outcome, verdict);
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
                              SMIMEPOLICY_VERIFY, time_of(review));

        if (verdict == NULL || smimepolicy_verdict_count(verdict) > 0)
            settle_once(signature, review->outcome, verdict);
        else
            smimepolicy_verdict_free(verdict);
    }
}

/*
 * Judge the chain.  A certificate that vouches for itself needs none: what libcrypto
 * says of other certificates, and of their dates, does not matter.
 */
static void review_chain(struct shim_review *review, struct shim_signature *signature)
{
    struct sp_facts **issuers;
    smimepolicy_verdict *verdict;
    bool asked_again;
    size_t count;

    asked_again = find_chain(review, signature);
    if (signature->chain.count > 0 && asked_again)
        settle_once(signature, review->outcome, judge_chain(signature, review->settings));
    else if (signature->chain.count > 0)
        settle(signature, review->outcome, judge_chain(signature, review->settings));
    issuers = shim_facts_of(signature->chain.certs, 1, &count);
    if (issuers == NULL) {
        review->outcome->fault = shim_no_memory();
        return;
    }
    verdict = judge_issuers(review, signature, (const struct sp_facts *const *)issuers, count);
    if (verdict != NULL)
        settle(signature, review->outcome, verdict);
    judge_revocations(review, signature);
    /* With -attime the user has set the time. */
    if (!shim_args_has(review->args, "attime"))
        judge_time(review, signature, (const struct sp_facts *const *)issuers, count);
    shim_facts_free(issuers, count);
}

/*
 * Judge the signer's certificate.  If it may not sign mail, libcrypto's message on
 * the same fault adds nothing.
 */
static void review_certificate(struct shim_review *review, struct shim_signature *signature)
{
    smimepolicy_verdict *verdict =
        shim_add_revocation(review->shim,
                            sp_judge(signature->facts, SMIMEPOLICY_VERIFY, review->now,
                                     SP_WITHOUT_VALIDITY, review->settings),
                            signature->cert, signature->facts, time_of(review), &signature->time);

    if (verdict == NULL || smimepolicy_verdict_count(verdict) > 0)
        settle_once(signature, review->outcome, verdict);
    else
        smimepolicy_verdict_free(verdict);
}

static struct shim_review review_of(struct shim_incoming *incoming,
                                    const struct shim_operation *operation, time_t now,
                                    struct shim_outcome *outcome)
{
    return (struct shim_review){ .incoming = incoming,
                                 .shim = operation->shim,
                                 .settings = operation->shim->settings,
                                 .args = operation->args,
                                 .now = now,
                                 .whole = true,
                                 .outcome = outcome };
}

bool shim_review_signers(struct shim_incoming *incoming, const struct shim_operation *operation,
                         time_t now, struct shim_outcome *outcome)
{
    struct shim_review review = review_of(incoming, operation, now, outcome);

    for (size_t i = 0; i < incoming->count; i++) {
        review_certificate(&review, &incoming->signatures[i]);
        review_chain(&review, &incoming->signatures[i]);
    }
    operation->shim->left_to_provider = !review.whole || incoming->count == 0;
    return review.whole && review.passed;
}

void shim_review_alone(struct shim_incoming *incoming, size_t index,
                       const struct shim_operation *operation, time_t now,
                       struct shim_outcome *outcome)
{
    struct shim_signature *signature = &incoming->signatures[index];
    struct shim_review review = review_of(incoming, operation, now, outcome);

    review_certificate(&review, signature);
    review_chain(&review, signature);
    settle_once(
        signature, outcome,
        sp_judge_digest(signature->digest, signature->facts, SMIMEPOLICY_VERIFY, review.settings));
}

void shim_review_encrypter(struct shim_incoming *incoming, const struct shim_operation *operation,
                           struct shim_signature *encrypter, time_t now,
                           struct shim_outcome *outcome)
{
    struct shim_review review = review_of(incoming, operation, now, outcome);

    encrypter->chain.encrypts = true;
    review_chain(&review, encrypter);
}

void shim_review_digests(struct shim_incoming *incoming, struct shim_outcome *outcome)
{
    for (size_t i = 0; i < incoming->count; i++) {
        struct shim_signature *signature = &incoming->signatures[i];

        settle_once(signature, outcome,
                    sp_judge_digest(signature->digest, signature->facts, SMIMEPOLICY_VERIFY,
                                    outcome->settings));
    }
}

void shim_review_certificates(struct shim_incoming *incoming,
                              const struct shim_operation *operation, struct shim_outcome *outcome)
{
    struct shim_review review = review_of(incoming, operation, time(NULL), outcome);

    for (size_t i = 0; i < incoming->count; i++)
        review_certificate(&review, &incoming->signatures[i]);
}

static void compare(struct shim_incoming *incoming, const struct sp_sender *sender,
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
        settle(&incoming->signatures[i], outcome,
               sp_judge_sender(signers, incoming->count, i, sender));
    OPENSSL_free(signers);
}

void shim_review_sender(struct shim_incoming *incoming, const struct shim_mail *given, bool skip,
                        struct shim_outcome *outcome)
{
    if (skip) {
        compare(incoming, NULL, outcome);
        return;
    }
    if (given != NULL)
        compare(incoming, &given->sender, outcome);
    if (given == NULL || sp_has_sender(&incoming->mail.sender))
        compare(incoming, &incoming->mail.sender, outcome);
}
