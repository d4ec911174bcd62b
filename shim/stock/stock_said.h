/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Filters stock's standard error on its way to ours.
 */
#ifndef SHIM_STOCK_SAID_H
#define SHIM_STOCK_SAID_H

#include <stdbool.h>
#include <stddef.h>

#include "base/text.h"
#include "stock/stock.h"

/* It works line by line: a name or PIN may come in two pieces. */
struct shim_said {
    /* escape it for people, see sp_shown(); else only PINs are masked */
    bool shows;
    shim_hear_fn *filter; /* gets it instead of our standard error; or NULL */
    void *listener;       /* borrowed: for |filter| */
    struct sp_text line;  /* the beginning of a line */
};

void shim_said_feed(struct shim_said *said, const char *bytes, size_t len);
/* Pass on the beginning of a line: it may be a question. */
void shim_said_flush(struct shim_said *said);

#endif
