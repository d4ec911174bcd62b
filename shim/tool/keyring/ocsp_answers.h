/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * OCSP beside the stored CRLs, for what the command judges by itself.
 */
#ifndef SHIM_OCSP_ANSWERS_H
#define SHIM_OCSP_ANSWERS_H

#include "common/shim.h"
#include "keyring/keyring.h"

enum shim_ocsp_how {
    SHIM_OCSP_ASK, /* the responder, where no answer that counts is kept */
    SHIM_OCSP_LOOK /* as it, but keep no answer: nothing is changed */
};

/*
 * From now on ask by OCSP too, where certificates are judged for |shim|, if its settings say so.
 * All responders together have three seconds.
 *
 * @return SHIM_OK, or another code with the reason on stderr
 */
int shim_ocsp_begin(struct shim *shim, enum shim_ocsp_how how);
/* Issuers are looked for in |certs|, too, until it is called with NULL.  Borrowed. */
void shim_ocsp_issuers(const STACK_OF(X509) *certs);

#endif
