/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The signatures of a message: their certificates, and when they say they were made.
 */
#ifndef SHIM_SIGNATURES_H
#define SHIM_SIGNATURES_H

#include "tool/mail/incoming.h"

/*
 * For each signature libcrypto looks through all certificates of the message:
 * ten thousand of both, 5 MB, would take it minutes.
 */
#define SHIM_MOST_SIGNATURES   1000
#define SHIM_MOST_CERTIFICATES 2000
#define SHIM_TOO_MANY_SIGNATURES                                                                   \
    "it has more than 1,000 signatures or 2,000 certificates; ask the sender for one with fewer"

bool shim_signatures_are_few(CMS_ContentInfo *cms);

/*
 * Read those of |incoming|, whose message was read.  A signature whose
 * certificate is not there leaves none at all.
 *
 * @return false if out of memory
 */
bool shim_signatures_read(struct shim_incoming *incoming, const struct shim_incoming_from *from);
void shim_signatures_clear(struct shim_incoming *incoming);

#endif
