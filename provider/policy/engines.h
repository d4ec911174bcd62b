/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Engines use keys past every provider.  One that may take RSA or EC keys
 * locks the policy, and is put where the lock holds for it too.
 */
#ifndef SP_ENGINES_H
#define SP_ENGINES_H

#include <stdbool.h>

/* Forget what an earlier policy of this process saw, and look. */
void sp_engines_start(void);

/*
 * Look for an engine that libcrypto prefers to providers, and take the
 * preference away.  Cheap where there is none: for every certificate.
 */
void sp_engines_look(void);

/* The same, and for engines that only hold keys of their own.  True if there was one, ever. */
bool sp_engines_found(void);

#endif
