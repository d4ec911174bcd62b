/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Replaces stock's report of success for a message that it did not verify.
 */
#ifndef SHIM_UNVERIFIED_H
#define SHIM_UNVERIFIED_H

#include <stddef.h>

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
