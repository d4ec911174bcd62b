/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The certificates that are sent along with a signature (-certfile).
 */
#ifndef SHIM_SENT_ALONG_H
#define SHIM_SENT_ALONG_H

#include <time.h>

#include <openssl/x509.h>

#include "tool/report/outcome.h"

struct shim_sent_along;

/* |pool| and |outcome|, which is told every verdict, are borrowed; NULL if out of memory. */
struct shim_sent_along *shim_sent_new(const STACK_OF(X509) *pool, time_t now,
                                      struct shim_outcome *outcome);
void shim_sent_free(struct shim_sent_along *sent);

/*
 * Judge the validity of every certificate on the way from |signer| up.  Where
 * an issuer is there more than once, one that is valid is enough.
 */
void shim_sent_judge(struct shim_sent_along *sent, X509 *signer);
/* The same of every certificate that is left: of a signer who is not known. */
void shim_sent_judge_all(struct shim_sent_along *sent);
/* Warn of those that are not valid and on the way of none of the signers. */
void shim_sent_warn(const struct shim_sent_along *sent);

#endif
