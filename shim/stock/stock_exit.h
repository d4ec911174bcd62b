/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The exit code of a command, by that of stock and by what was seen of it.
 */
#ifndef SHIM_STOCK_EXIT_H
#define SHIM_STOCK_EXIT_H

#include "stock/stock.h"

/* For a verb, an enum shim_exit. */
int shim_verb_exit(const struct shim_stock_result *result);
/* Under a stock name: that of stock itself. */
int shim_stock_exit(const struct shim_stock_result *result);
/* Print by which signal stock was ended, unless somebody wanted it to end. */
void shim_stock_tell_signal(const struct shim_stock_result *result);

#endif
