/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * This header: the review of one message; for the files review.c and review_chain.c.
 */
#ifndef SHIM_REVIEW_H
#define SHIM_REVIEW_H

#include "tool/judge/judge.h"

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
void shim_review_settle(struct shim_signature *signature, struct shim_outcome *outcome,
                        smimepolicy_verdict *verdict);
/* The same of a rule that the provider asks again: what is only observed is logged there. */
void shim_review_settle_once(struct shim_signature *signature, struct shim_outcome *outcome,
                             smimepolicy_verdict *verdict);
/* Now, or with -attime the time that the user has set. */
time_t shim_review_time(const struct shim_review *review);

/*
 * Judge the chain.  A certificate that vouches for itself needs none: what libcrypto
 * says of other certificates, and of their dates, does not matter.
 */
void shim_review_chain(struct shim_review *review, struct shim_signature *signature);

#endif
