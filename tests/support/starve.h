/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Allocations that fail: of OPENSSL_malloc() and its like, called in provider/.
 */
#ifndef SP_STARVE_H
#define SP_STARVE_H

#include <stdbool.h>

/* Before libcrypto has allocated anything; false if it has. */
bool sp_starve_watch(void);
/* Of those to come, the one with this number (from one) fails, and no other. */
void sp_starve(long number);
/* None fails any more; has one? */
bool sp_starve_end(void);

#endif
