/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Allocations that fail: OPENSSL_malloc() and similar ones, called in provider/ or shim/.
 */
#ifndef SP_STARVE_H
#define SP_STARVE_H

#include <stdbool.h>

/* To be called before libcrypto allocates anything; false if it has. */
bool sp_starve_watch(void);
/* From now on the allocation with this number (from 1) fails, and no other. */
void sp_starve(long number);
/* No allocation fails any more; returns whether one has failed. */
bool sp_starve_end(void);

/*
 * How many blocks of memory libcrypto and the code under test have now: what is lost stays.  The
 * error queue is empty then.
 */
long sp_starve_kept(void);

#endif
