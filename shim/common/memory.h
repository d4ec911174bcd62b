/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Whether memory has run out, whoever it was that got none: much of what is
 * told is put together in many small pieces, and one that is missing would not
 * be missed.
 */
#ifndef SHIM_MEMORY_H
#define SHIM_MEMORY_H

#include <stdbool.h>

/* To be called before anything else. */
void shim_memory_watch(void);

/* Before something is done that stays; false, said on stderr, if memory has run out. */
bool shim_memory_sufficed(void);

/* The exit code, where it would be |code|. */
int shim_memory_end(int code);

#endif
