/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Libraries that are loaded when they are first needed, as most processes never need them.
 */
#ifndef SP_SYMBOL_H
#define SP_SYMBOL_H

#include <stdbool.h>

/*
 * Load the first of |files| that is there, and find functions in it by their |names|.  In both
 * lists each name ends with a NUL, and an empty one follows the last.  The library is never
 * closed: the program may use it, too, and threads may be inside.
 *
 * @param functions  a struct with a pointer for each name, in their order, and nothing else
 * @return true if all are there
 */
bool sp_symbols_load(const char *files, const char *names, void *functions);

#endif
