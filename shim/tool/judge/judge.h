/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Room judge: the rules asked about a command line, and about a message that came
 * in.
 */
#ifndef SHIM_JUDGE_H
#define SHIM_JUDGE_H

#include <time.h>

#include <jansson.h>

#include "stock/stock.h"
#include "tool/mail/mail.h"
#include "tool/report/outcome.h"
#include "tool/run/operation.h"

/*
 * command_line.c: judging the certificates and keys of a command line before stock runs.  The
 * provider judges them again when stock uses them.
 */

/*
 * Report every finding about the request of |operation| to |outcome|, after shim_select(): what
 * the keyring gave was judged there.  Without an operation there is nothing to judge.
 *
 * The certificates of a -certfile go into the selection, so that stock sends those
 * that were judged.  Under a stock name stock reports all other files that cannot be
 * read.
 *
 * @return SHIM_OK, SHIM_REFUSED, SHIM_INPUT or SHIM_SYSTEM
 */
int shim_judge_request(struct shim_operation *operation, struct shim_outcome *outcome);

/*
 * After stock could not read its input: a PKCS#12 that was given for a certificate
 * may be one that `upload` reads and stock does not.  That is said then.
 */
bool shim_judge_unopened(const struct shim_operation *operation);

/* Say by which rule a verification failed that found nobody to vouch for the sender. */
void shim_judge_trust(const struct shim_stock_result *result, struct shim_outcome *outcome);

/*
 * headers.c: with --headers read the mail of |operation| into its selection: sender and
 * recipients, the fields that stay outside, and the rest as the message.
 *
 * @return SHIM_OK, or another code with the reason on stderr
 */
int shim_headers_read(struct shim_operation *operation);

/*
 * Warn in |outcome| if a reader would refuse the mail of |signers|.  The From field is that of
 * --headers, else of stock's -from; without one nothing is compared.
 */
void shim_outgoing_judge(const struct shim_operation *operation, const STACK_OF(X509) *signers,
                         struct shim_outcome *outcome);

/* select.c: selecting certificates from the keyring, and judging them. */

/*
 * Find what |operation| takes from the keyring, and judge it: the signer by --from,
 * the recipients by --to, both by --headers, and the key of the recipient of an
 * encrypted message.
 *
 * Findings go to |outcome|.  An address without a usable certificate is a denial,
 * for each of its certificates.
 *
 * @return SHIM_OK, or another code with the reason on stderr
 */
int shim_select(struct shim_operation *operation, struct shim_outcome *outcome);

/* The parts of shim_select(); they return the same. */
int shim_select_by_address(struct shim_operation *operation, struct shim_outcome *outcome);
int shim_select_by_message(struct shim_operation *operation, struct shim_outcome *outcome);

/*
 * Ask for the passphrase of the stored key that was found, with its owner's
 * address.  Stock would ask with the fingerprint, and once.  With several locked
 * keys stock asks, as it takes only one passphrase from us.
 *
 * @return SHIM_OK, with or without a passphrase to hand over, or SHIM_INPUT with the
 *         reason on stderr
 */
int shim_select_unlock(struct shim_operation *operation);

/* Add |cert|, which |record| is about, to the signers or recipients; false if out of memory. */
bool shim_select_take(struct shim_selected **list, size_t *count, X509 *cert,
                      const struct sp_record *record, const char *key_uri);
/*
 * The URI by which stock opens the private key of |record|: owned by the caller;
 * NULL with the reason on stderr.
 */
char *shim_select_key(struct shim_selection *selection, const struct sp_record *record);

/* issuers.c: the certificates that are sent along with a signature, and who vouches for one. */

/*
 * Judge the chain of each selected signer up to its root, and have the intermediate CAs sent
 * along, in a file in memory.
 *
 * @return SHIM_OK, or another code with the reason on stderr
 */
int shim_issuers_along(const struct shim *shim, struct shim_selection *selection, time_t now,
                       struct shim_outcome *outcome);
/*
 * Judge the validity of those in |pool|, of -certfile, that are in the chain of one of |signers|.
 * If an issuer is there more than once, one valid certificate is enough.  Of all others warn; or
 * judge them as well, unless |all_signers| are known: any may be in the chain of one that is not.
 */
void shim_sent_judge(const struct shim *shim, const STACK_OF(X509) *pool,
                     const STACK_OF(X509) *signers, bool all_signers, time_t now,
                     struct shim_outcome *outcome);
/* Add |cert| to |certs|, up-ref'd and once; false if out of memory. */
bool shim_certs_push(STACK_OF(X509) *certs, X509 *cert);
/*
 * Write |before|, which may be empty, and |certs| in PEM to a file in memory;
 * returns its path "/proc/self/fd/N", or NULL with the reason on stderr.
 */
char *shim_certs_file(const STACK_OF(X509) *certs, const char *before, size_t len, int *fd);
/* Have stock read |certs| in such a file, instead of -certfile.  SHIM_OK or SHIM_SYSTEM. */
int shim_issuers_keep(struct shim_selection *selection, const STACK_OF(X509) *certs);

/*
 * Collect into |incoming| what vouches: the certificates of its signers, if they are stored and
 * vouch for their own signatures, which is noted of each; and unless all of them do, every stored
 * CA that may have issued one of its certificates.  False with the reason on stderr.
 */
bool shim_issuers_find(struct shim_incoming *incoming, struct sp_keyring *keyring);
/* What |keyring|, which may be NULL, says of |cert|.  If it cannot be read: nothing that vouches.
 */
struct sp_standing shim_issuers_standing(struct sp_keyring *keyring, const X509 *cert);

/*
 * review.c, verify.c, signers.c: a message is read and judged before stock reads it.  The rules
 * say more than stock's verification: about signer, signing time, digest and sender.
 */

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

/*
 * Judge whether the mail comes from one of its signers (rule sender-match).  |given|: --sender, or
 * NULL; |skip|: --no-sender.
 */
void shim_review_sender(struct shim_incoming *incoming, const struct shim_mail *given, bool skip,
                        struct shim_outcome *outcome);

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
    struct shim_incoming incoming;  /* owned */
    char *content;                  /* owned: the path of the split content */
    struct shim_mail given;         /* owned: of --sender; zeroed without it */
    const struct shim_mail *sender; /* borrowed: |given|; NULL without --sender */
    bool no_sender;
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
