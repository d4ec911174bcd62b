/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * What the rules say of a message that came in, beside what stock verifies:
 * when and how it was signed, and whether it comes from its signer.
 */
#ifndef SHIM_REVIEW_H
#define SHIM_REVIEW_H

#include <time.h>

#include "incoming.h"
#include "operation.h"
#include "outcome.h"

/*
 * Judge the signing time of every signature (rule signer-validity).
 *
 * @return true if a certificate is not valid now and may be so: every one on
 *         the way of every signer is judged by this, and stock must not
 *         compare their validity with the clock
 */
bool shim_review_times(const struct shim_incoming *incoming, const struct shim_operation *operation,
                       time_t now, struct shim_outcome *outcome);

/* Judge what each signature was made with (rule weak-digest). */
void shim_review_digests(const struct shim_incoming *incoming, struct shim_outcome *outcome);

/* How the sender is compared. */
struct shim_review_sender {
    const struct shim_mail *given; /* --sender; NULL if it was not given */
    bool skip;                     /* --no-sender */
};
/* Judge whether the mail comes from one of its signers (rule sender-match). */
void shim_review_sender(const struct shim_incoming *incoming, const struct shim_review_sender *how,
                        struct shim_outcome *outcome);

#endif
