/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * What stock says on its standard error, on its way to ours.
 */
#ifndef SHIM_STOCK_SAID_H
#define SHIM_STOCK_SAID_H

#include <stdbool.h>
#include <stddef.h>

#include "base/text.h"
#include "stock/unverified.h"

/* Line by line: a name or a PIN may come in two pieces. */
struct shim_said {
    bool shows;                     /* for people: see sp_shown(); else PINs are masked alone */
    struct shim_unverified *filter; /* borrowed; NULL: none */
    struct sp_text line;            /* what has no end yet */
};

void shim_said_feed(struct shim_said *said, const char *bytes, size_t len);
/* Somebody may be waiting for an answer to what has no end. */
void shim_said_flush(struct shim_said *said);

#endif
