/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Notes when any allocation fails.  Much output is built of many small pieces, and a
 * missing one would not be noticed otherwise.
 */
#ifndef SHIM_MEMORY_H
#define SHIM_MEMORY_H

#include <stdbool.h>

/* To be called first of all. */
void shim_memory_watch(void);

/* To be called before a permanent change: false, with an error on stderr, if memory has run out. */
bool shim_memory_sufficed(void);

/* The exit code to use instead of |code| if memory has run out. */
int shim_memory_end(int code);

#endif
