/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * OCSP beside the stored CRLs, for what the command judges by itself.
 */
#ifndef SHIM_OCSP_ANSWERS_H
#define SHIM_OCSP_ANSWERS_H

#include <jansson.h>

#include "common/shim.h"

/* So long a verb waits for all responders together. */
#define SHIM_OCSP_PATIENCE 3000

/*
 * From now on ask by OCSP too, where certificates are judged for |shim|, if its settings say so.
 *
 * @param keeps  the answers are kept for the next time; else nothing is changed
 * @param milliseconds  for all responders together; 0: look only at the answers that are kept
 * @return SHIM_OK, or another code with the reason on stderr
 */
int shim_ocsp_begin(struct shim *shim, bool keeps, int64_t milliseconds);
/*
 * From now on look at the answers that are kept, and ask nobody; if nothing was begun.
 * shim_keyring_find() calls it, so that every command judges by them.
 */
void shim_ocsp_look(struct shim *shim);
/*
 * Why there is no answer is printed as a note; without |prints| it is kept for
 * shim_ocsp_unanswered(), as for --quiet and --json.
 */
void shim_ocsp_prints(bool prints);
/* What was not printed: an array of strings, a new reference; NULL if there is nothing. */
json_t *shim_ocsp_unanswered(void);
/* Issuers are looked for in |certs|, too, until it is called with NULL.  Borrowed. */
void shim_ocsp_issuers(const STACK_OF(X509) *certs);

#endif
