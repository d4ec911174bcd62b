/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The table of `smime-policy list`: as wide as the terminal, or as it takes.
 */
#ifndef SHIM_LIST_TABLE_H
#define SHIM_LIST_TABLE_H

#include "tool/keyring/stored_entry.h"

struct shim_table {
    size_t width; /* of the terminal; 0: none, and nothing is cut */
    bool colour;
    bool narrow; /* uses by their first letter alone */
    bool begun;  /* the headline was printed */
};

void shim_table_begin(struct shim_table *table);
int shim_table_row(struct shim_table *table, const struct shim_entry *entry);

#endif
