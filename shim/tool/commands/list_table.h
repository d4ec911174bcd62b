/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The table of `smime-policy list`, as wide as the terminal or unlimited.
 */
#ifndef SHIM_LIST_TABLE_H
#define SHIM_LIST_TABLE_H

#include "tool/keyring/stored_entry.h"

struct shim_table {
    size_t width; /* the width of the terminal; 0: none, nothing is cut */
    bool colour;
    bool narrow; /* uses are printed as initials */
    bool begun;  /* the headline was printed */
};

void shim_table_begin(struct shim_table *table);
int shim_table_row(struct shim_table *table, const struct shim_entry *entry);

#endif
