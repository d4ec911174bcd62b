/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The addresses in a header field (RFC 5322, 3.4), read so strictly that no two
 * readers could find different ones.
 */
#ifndef SHIM_ADDRESSES_H
#define SHIM_ADDRESSES_H

#include <stdbool.h>
#include <stddef.h>

/* Zero-initialise it; of several fields one after the other. */
struct shim_addresses {
    char **each; /* owned, as its strings: without display names, domains as A-labels */
    size_t count;
    bool unclear; /* holds something that is no address, or may be read as another */
    bool failed;  /* out of memory */
};

/* Add those in |raw|, the body of a field, folded as it came. */
void shim_addresses_parse(struct shim_addresses *list, const char *raw);
void shim_addresses_clear(struct shim_addresses *list);

#endif
