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

#include "rules/rules.h"

/* Zero-initialise it; of several fields one after the other. */
struct shim_addresses {
    char **each; /* owned, as its strings: without display names, domains as A-labels */
    size_t count;
    enum sp_unreadable unreadable; /* SP_LIST_…: those of |each| are not all, or not right */
    bool failed;                   /* out of memory */
};

/* A From or Sender field has mailboxes alone, a To or Cc field groups of them too. */
enum shim_list { SHIM_MAILBOXES, SHIM_WITH_GROUPS };

/* Add those in the |len| bytes |raw|, the body of a field, folded as it came. */
void shim_addresses_parse(struct shim_addresses *list, enum shim_list kind, const char *raw,
                          size_t len);
void shim_addresses_clear(struct shim_addresses *list);

#endif
