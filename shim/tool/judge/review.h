/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The review of a message that came in: what the rules say beside stock's
 * verification, about signer, signing time, digest and sender.
 */
#ifndef SHIM_REVIEW_H
#define SHIM_REVIEW_H

#include <time.h>

#include "tool/mail/incoming.h"
#include "tool/report/outcome.h"
#include "tool/run/operation.h"

/*
 * Read the facts of |certs| from |first| on, into a new array; |count| of them could
 * be read.  NULL if out of memory.
 */
struct sp_facts **shim_facts_of(const STACK_OF(X509) *certs, int first, size_t *count);
void shim_facts_free(struct sp_facts **facts, size_t count);

/*
 * Judge every signer: the certificate (rule signer-certificate), its chain to an
 * anchor (distrust-default) and the signing time (signer-validity).  Every fault is
 * reported; a signer that one refuses is marked as refused.
 *
 * @return true if a certificate is not valid now and may be so: then every
 *         certificate in the chain of every signer was judged here, and stock must
 *         not compare their validity with the clock
 */
bool shim_review_signers(struct shim_incoming *incoming, const struct shim_operation *operation,
                         time_t now, struct shim_outcome *outcome);
/* Judge the certificates of the signers alone. */
void shim_review_certificates(struct shim_incoming *incoming, const smimepolicy_settings *settings,
                              struct shim_outcome *outcome);

/* Judge the digest of each signature (rule weak-digest). */
void shim_review_digests(struct shim_incoming *incoming, struct shim_outcome *outcome);

/* How the sender is compared. */
struct shim_review_sender {
    const struct shim_mail *given; /* --sender; NULL if it was not given */
    bool skip;                     /* --no-sender */
};
/* Judge whether the mail comes from one of its signers (rule sender-match). */
void shim_review_sender(struct shim_incoming *incoming, const struct shim_review_sender *how,
                        struct shim_outcome *outcome);

#endif
