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

#include "common/shim.h"
#include "tool/report/outcome.h"

struct shim_sent_along;

/*
 * The certificates in |pool|, which is borrowed.  Every verdict goes to |outcome|,
 * borrowed too, as is |shim|.  NULL if out of memory.
 */
struct shim_sent_along *shim_sent_new(const struct shim *shim, const STACK_OF(X509) *pool,
                                      time_t now, struct shim_outcome *outcome);
void shim_sent_free(struct shim_sent_along *sent);

/*
 * Judge the validity of every certificate in the chain of |signer|.  If an issuer is
 * there more than once, one valid certificate is enough.
 */
void shim_sent_judge(struct shim_sent_along *sent, X509 *signer);
/* Judge the validity of every other certificate, as for a chain: a signer is not known. */
void shim_sent_judge_all(struct shim_sent_along *sent);
/* Warn of those that are not valid and in no signer's chain. */
void shim_sent_warn(const struct shim_sent_along *sent);

#endif
