/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Telling a refusal of the provider, and a sender that nobody vouched for, from
 * every other failure of stock.
 */
#ifndef SHIM_WATCH_H
#define SHIM_WATCH_H

#include <stdbool.h>
#include <stddef.h>

/* The printed form of an error queue, seen block by block.  Zero-initialise it. */
struct shim_watch {
    char line[1024]; /* the beginning of the current line; the rest does not matter */
    size_t len;
    bool refused;    /* an error of the library `smimepolicy` went by */
    bool distrusted; /* a chain ended in no certificate that was provided */
    bool unloaded;   /* the provider could not be loaded */
    bool spoke;      /* there was a line, and none that reports a success */
};

void shim_watch_feed(struct shim_watch *watch, const char *bytes, size_t len);

#endif
