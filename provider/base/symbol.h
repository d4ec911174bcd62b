/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef SP_SYMBOL_H
#define SP_SYMBOL_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Look up |name| in |library|, which dlopen() gave.
 *
 * @param function  points to a function pointer of |size| bytes, which is set; to NULL
 *                  if there is no such symbol
 * @return true if there is one
 */
bool sp_symbol(void *library, const char *name, void *function, size_t size);

#endif
