/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Whether a mail that is to be signed comes from its signer.
 */
#ifndef SHIM_OUTGOING_H
#define SHIM_OUTGOING_H

#include "tool/report/outcome.h"
#include "tool/run/operation.h"

/*
 * Warn in |outcome| if a reader would refuse the mail of |signers|.  The From field is that of
 * --headers, else of stock's -from; without one nothing is compared.
 */
void shim_outgoing_judge(const struct shim_operation *operation, const STACK_OF(X509) *signers,
                         struct shim_outcome *outcome);

#endif
