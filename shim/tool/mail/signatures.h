/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Reading the signatures of a message: their certificates and their signing times.
 */
#ifndef SHIM_SIGNATURES_H
#define SHIM_SIGNATURES_H

#include "tool/mail/incoming.h"

/*
 * Limits.  For each signature libcrypto searches all certificates of the message:
 * with ten thousand of both, in 5 MB, this would take minutes.
 */
#define SHIM_MOST_SIGNATURES   1000
#define SHIM_MOST_CERTIFICATES 2000
#define SHIM_TOO_MANY_SIGNATURES                                                                   \
    "it has more than 1,000 signatures or 2,000 certificates; ask the sender for one with fewer"

bool shim_signatures_are_few(CMS_ContentInfo *cms);

/*
 * Read the signatures of |incoming|, whose message was read.  If the certificate of
 * one is missing, none is read.
 *
 * @return false if out of memory
 */
bool shim_signatures_read(struct shim_incoming *incoming, const struct shim_incoming_from *from);
void shim_signatures_clear(struct shim_incoming *incoming);

#endif
