/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Room judge: the rules asked about a command line, and about a message that came
 * in.
 *
 * This header: judging the certificates and keys of a command line before stock
 * runs.  The provider judges them again when stock uses them.
 */
#ifndef SHIM_COMMAND_LINE_H
#define SHIM_COMMAND_LINE_H

#include "stock/stock.h"
#include "tool/report/outcome.h"
#include "tool/run/operation.h"

/*
 * Read the settings, and report every finding about the request of |operation| to
 * |outcome|.  What the keyring gave was judged before.  Without an operation there is
 * nothing to judge.
 *
 * The certificates of a -certfile go into the selection, so that stock sends those
 * that were judged.  Under a stock name stock reports all other files that cannot be
 * read.
 *
 * @return SHIM_OK, SHIM_REFUSED, SHIM_INPUT or SHIM_SYSTEM
 */
int shim_judge_request(struct shim_operation *operation, struct shim_outcome *outcome);

/* The rule `keyring-stale` for the operation; what fails is the outcome's fault. */
void shim_judge_age(const struct shim_operation *operation, struct shim_outcome *outcome);

/*
 * After stock could not read its input: a PKCS#12 that was given for a certificate
 * may be one that `upload` reads and stock does not.  That is said then.
 */
bool shim_judge_unopened(const struct shim_operation *operation);

/* Say by which rule a verification failed that found nobody to vouch for the sender. */
void shim_judge_trust(const struct shim_stock_result *result, struct shim_outcome *outcome);

/*
 * --headers: read the mail of |operation| into its selection: sender and recipients, the fields
 * that stay outside, and the rest as the message.
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

#endif
