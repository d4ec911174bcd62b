/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Reads stock's standard error: was it a refusal of the provider, a signer without
 * an anchor, or another failure?
 */
#ifndef SHIM_WATCH_H
#define SHIM_WATCH_H

#include <stdbool.h>
#include <stddef.h>

#include "stock/stock.h"

/* The state of reading a printed error queue, piece by piece.  Zero-initialise it. */
struct shim_watch {
    char line[1024]; /* the beginning of the current line, which is enough */
    size_t len;
    bool refused;    /* an error of the library `smimepolicy` was printed */
    bool distrusted; /* a chain ended without a provided anchor */
    bool unloaded;   /* the provider could not be loaded */
    bool spoke;      /* a line was printed that reports no success */
};

/* A shim_hear_fn for a struct shim_watch. */
void shim_watch_hear(void *watch, const char *bytes, size_t len);

/* As shim_stock_run(), and reads its standard error for |result|. */
bool shim_watched_run(const struct shim_stock *stock, struct shim_stock_result *result);

/*
 * With -noverify stock reports success although it has verified no signer, so this
 * line is replaced.  Zero-initialise it.
 */
struct shim_unverified {
    char held[32]; /* the beginning of a line that may be that line */
    size_t len;
    int passing; /* the current line is another one, and passed on */
};

/*
 * Pass |bytes| of stock's standard error on to ours, and replace that line; a shim_hear_fn for a
 * struct shim_unverified.
 */
void shim_unverified_hear(void *listener, const char *bytes, size_t len);
/* Pass on the rest. */
void shim_unverified_end(struct shim_unverified *filter);

#endif
