/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * What stock says of a message that it did not verify.
 */
#ifndef SHIM_UNVERIFIED_H
#define SHIM_UNVERIFIED_H

#include <stddef.h>

/*
 * After -noverify stock reports success all the same.  Whoever reads that must
 * not take it for a verdict, so the line is replaced.  Zero-initialise it.
 */
struct shim_unverified {
    char held[32]; /* the beginning of a line that may become that one */
    size_t len;
    int passing; /* the current line is another one */
};

/* Pass |bytes| of stock's standard error on to |fd|, but for that line. */
void shim_unverified_write(struct shim_unverified *filter, int fd, const char *bytes, size_t len);
/* Pass on what is still held. */
void shim_unverified_end(struct shim_unverified *filter, int fd);

#endif
