/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Verification: the message is read and judged before stock reads it.  The rules say
 * more than stock's verification: about signer, signing time, digest and sender.
 */
#ifndef SHIM_VERIFY_H
#define SHIM_VERIFY_H

#include <time.h>

#include <jansson.h>

#include "tool/mail/mail.h"
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
/*
 * Judge the signer |index| alone, with the digest of its signature, and not its sender.
 *
 * @param outcome  should tell nothing
 */
void shim_review_alone(struct shim_incoming *incoming, size_t index,
                       const struct shim_operation *operation, time_t now,
                       struct shim_outcome *outcome);
/*
 * --any-signer: leave the signatures out that do not fit the message, or that a rule refuses, and
 * say so.  |incoming|, which has its anchors, is then a message with the others alone, which all
 * have to pass.  It stays as it is if all of them pass or none.
 *
 * @return SHIM_OK, or another code with the reason on stderr
 */
int shim_any_signer(struct shim_incoming *incoming, const struct shim_operation *operation,
                    time_t now);
/*
 * After that: does every certificate that stock may meet have a key of the kinds that the
 * rules allow to mail?  False if we cannot tell.
 */
bool shim_review_saw_keys_of_mail(const struct shim_incoming *incoming);
/* Judge the certificates of the signers alone. */
void shim_review_certificates(struct shim_incoming *incoming,
                              const struct shim_operation *operation, struct shim_outcome *outcome);

/* Judge the chain of a certificate that is to be encrypted to, as that of a signer. */
void shim_review_encrypter(struct shim_incoming *incoming, const struct shim_operation *operation,
                           struct shim_signature *encrypter, time_t now,
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

/* List the certificates, the signers first, as their own may vouch for them; to sk_X509_free(). */
STACK_OF(X509) *shim_list_certs(const struct shim_incoming *incoming);

/*
 * Verify the message in this process, with what |keyring| vouches for and without stock.  It
 * has passed if nothing was denied, and each signature was tested and fits.
 *
 * @return SHIM_OK, or SHIM_SYSTEM with the reason on stderr
 */
int shim_verify_here(struct shim_incoming *incoming, struct shim *shim, struct sp_keyring *keyring,
                     time_t now, struct shim_outcome *outcome);

/* A verification that is about to run. */
struct shim_verification {
    struct shim_incoming incoming; /* owned */
    char *content;                 /* owned: the path of the split content */
    struct shim_mail given;        /* owned: of --sender; zeroed without it */
    struct shim_review_sender sender;
};

/*
 * Read and judge the message that |operation| verifies, and give stock the bytes
 * that were read.  Under a stock name only sender and digests are judged, silently
 * unless the settings refuse them.
 *
 * @param verification  to free with shim_verification_clear() after the operation
 *                      has run
 * @return SHIM_OK, SHIM_REFUSED, SHIM_INPUT, SHIM_USAGE or SHIM_SYSTEM
 */
int shim_verification_prepare(struct shim_verification *verification,
                              struct shim_operation *operation, struct shim_outcome *outcome);
/* Under a stock name: is a message with a weak digest refused before the provider sees it? */
bool shim_verification_refuses_digests(const smimepolicy_settings *settings);
void shim_verification_clear(struct shim_verification *verification);

/* After a success: print a line for each signer to standard error. */
void shim_signers_tell(const struct shim_incoming *incoming);

/*
 * After a failure: find out which signature fits the message.  -content in |args|
 * may name what was signed.
 */
void shim_signers_test(struct shim_incoming *incoming, const struct shim_args *args);
/* Print the results to standard error, if there are several signers. */
void shim_signers_tell_failed(const struct shim_incoming *incoming);

/* Each of them, as docs/use/json.md says; |done|: the message was verified. */
json_t *shim_signers_json(const struct shim_incoming *incoming, bool done);

#endif
