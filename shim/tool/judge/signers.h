/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The output of `verify`: who signed a message, when, and through which anchor.
 */
#ifndef SHIM_SIGNERS_H
#define SHIM_SIGNERS_H

#include <jansson.h>

#include "stock/options.h"
#include "tool/mail/mail.h"

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
