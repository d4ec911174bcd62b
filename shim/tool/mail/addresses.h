/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The addresses in a header field (RFC 5322, 3.4).  They are read strictly: a field
 * in which two readers could find different addresses is refused.
 */
#ifndef SHIM_ADDRESSES_H
#define SHIM_ADDRESSES_H

#include <stdbool.h>
#include <stddef.h>

#include "rules/rules.h"

/* The addresses of one or several fields.  Zero-initialise it. */
struct shim_addresses {
    char **each; /* owned, with its strings: without display names, domains as A-labels */
    size_t count;
    enum sp_unreadable unreadable; /* SP_LIST_…: |each| is not complete, or not right */
    bool failed;                   /* out of memory */
};

/* From and Sender fields have mailboxes alone; To and Cc fields may have groups, too. */
enum shim_list { SHIM_MAILBOXES, SHIM_WITH_GROUPS };

/* Add the addresses in |raw|, the body of a field with |len| bytes, folded as it came. */
void shim_addresses_parse(struct shim_addresses *list, enum shim_list kind, const char *raw,
                          size_t len);
void shim_addresses_clear(struct shim_addresses *list);

#endif
