/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Asking the rules about every certificate and key of a command line, before
 * stock runs.  The provider asks again while it runs.
 */
#ifndef SHIM_COMMAND_LINE_H
#define SHIM_COMMAND_LINE_H

#include "stock/stock.h"
#include "tool/report/outcome.h"
#include "tool/run/operation.h"

/*
 * Read the settings and tell |outcome| every finding about the request of
 * |operation|; what the keyring brought was judged before.
 *
 * The certificates of a -certfile are put into the selection, for stock to
 * send along the very ones that were judged.
 *
 * @param like_stock  a stock name: without an operation there is nothing to
 *                    judge, and a file that cannot be read is stock's to
 *                    complain about, but for -certfile
 * @return SHIM_OK, SHIM_REFUSED, SHIM_INPUT or SHIM_SYSTEM
 */
int shim_judge_request(struct shim_operation *operation, bool like_stock,
                       struct shim_outcome *outcome);

/*
 * After stock could not read its input: a PKCS#12 that was given for a certificate
 * may be one that `upload` reads and stock does not.  That is said then.
 */
bool shim_judge_unopened(const struct shim_operation *operation);

/* Say by which rule a verification failed that found nobody to vouch for the sender. */
void shim_judge_trust(const struct shim_stock_result *result, struct shim_outcome *outcome);

#endif
