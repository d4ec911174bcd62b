/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdlib.h>

#include <openssl/crypto.h>
#include <openssl/x509_vfy.h>

#include "tool/judge/review.h"
#include "common/shim.h"
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

void shim_review_settle(struct shim_signature *signature, struct shim_outcome *outcome,
                        smimepolicy_verdict *verdict)
{
    signature->refused =
        signature->refused || verdict == NULL || !smimepolicy_verdict_allowed(verdict);
    shim_outcome_hold(outcome, verdict);
}

void shim_review_settle_once(struct shim_signature *signature, struct shim_outcome *outcome,
                             smimepolicy_verdict *verdict)
{
    bool denies = verdict != NULL && !smimepolicy_verdict_allowed(verdict);

    if (!denies || outcome->settings->mode != SP_MODE_OBSERVE) {
        shim_review_settle(signature, outcome, verdict);
        return;
    }
    signature->refused = true;
    shim_outcome_add(outcome, verdict);
}

time_t shim_review_time(const struct shim_review *review)
{
    const char *text = review->args != NULL ? shim_args_value(review->args, "attime") : NULL;
    char *end;
    const long long seconds = text != NULL ? strtoll(text, &end, 10) : 0;

    return text != NULL && *text != '\0' && *end == '\0' ? (time_t)seconds : review->now;
}

/*
 * Judge the signer's certificate.  If it may not sign mail, libcrypto's message on
 * the same fault adds nothing.
 */
static void review_certificate(struct shim_review *review, struct shim_signature *signature)
{
    smimepolicy_verdict *verdict = shim_add_revocation(
        review->shim,
        sp_judge(signature->facts, SMIMEPOLICY_VERIFY, review->now, SP_WITHOUT_VALIDITY,
                 review->settings),
        signature->cert, signature->facts, shim_review_time(review), &signature->time);

    if (verdict == NULL || smimepolicy_verdict_count(verdict) > 0)
        shim_review_settle_once(signature, review->outcome, verdict);
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
        shim_review_chain(&review, &incoming->signatures[i]);
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
    shim_review_chain(&review, signature);
    shim_review_settle_once(
        signature, outcome,
        sp_judge_digest(signature->digest, signature->facts, SMIMEPOLICY_VERIFY, review.settings));
}

void shim_review_encrypter(struct shim_incoming *incoming, const struct shim_operation *operation,
                           struct shim_signature *encrypter, time_t now,
                           struct shim_outcome *outcome)
{
    struct shim_review review = review_of(incoming, operation, now, outcome);

    encrypter->chain.encrypts = true;
    shim_review_chain(&review, encrypter);
}

static bool have_keys_of_mail(const STACK_OF(X509) *certs)
{
    for (int i = 0; i < sk_X509_num(certs); i++)
        if (!sp_has_key_of_mail(sk_X509_value(certs, i)))
            return false;
    return true;
}

bool shim_review_saw_keys_of_mail(const struct shim_incoming *incoming)
{
    STACK_OF(X509) *near =
        incoming->store == NULL ? NULL : X509_STORE_get1_all_certs(incoming->store);
    bool alike = near != NULL && have_keys_of_mail(near) && have_keys_of_mail(incoming->certs);

    for (size_t i = 0; alike && i < incoming->count; i++)
        alike = have_keys_of_mail(incoming->signatures[i].chain.certs);
    sk_X509_pop_free(near, X509_free);
    return alike;
}

void shim_review_digests(struct shim_incoming *incoming, struct shim_outcome *outcome)
{
    for (size_t i = 0; i < incoming->count; i++) {
        struct shim_signature *signature = &incoming->signatures[i];

        shim_review_settle_once(signature, outcome,
                                sp_judge_digest(signature->digest, signature->facts,
                                                SMIMEPOLICY_VERIFY, outcome->settings));
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
        shim_review_settle(&incoming->signatures[i], outcome,
                           sp_judge_sender(signers, incoming->count, i, sender));
    OPENSSL_free(signers);
}

void shim_review_sender(struct shim_incoming *incoming, const struct shim_review_sender *how,
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
