/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The signatures of a message: their certificates, and when they say they were made.
 */
#ifndef SHIM_SIGNATURES_H
#define SHIM_SIGNATURES_H

#include "incoming.h"

/*
 * Read those of |incoming|, whose message was read.  A signature whose
 * certificate is not there leaves none at all.
 *
 * @return false if out of memory
 */
bool shim_signatures_read(struct shim_incoming *incoming, const struct shim_incoming_from *from);
void shim_signatures_clear(struct shim_incoming *incoming);

#endif
