/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Engines use keys without any provider.  An engine that may take RSA or EC keys
 * locks the policy, and loses its preference, so that operations come to our gates.
 */
#ifndef SP_ENGINES_H
#define SP_ENGINES_H

#include <stdbool.h>

/* Forget the findings of an earlier policy of this process, and look. */
void sp_engines_start(void);

/*
 * Look for an engine that libcrypto prefers to providers, and remove the
 * preference.  It is called for every certificate, and is cheap if there is no
 * engine.
 */
void sp_engines_look(void);

/*
 * As sp_engines_look(), and look for engines that only hold keys of their own.  True
 * if an engine was ever found.
 */
bool sp_engines_found(void);

#endif
