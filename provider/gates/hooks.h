/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The checks of X.509 verification that belong to the process: purposes and
 * email trust.
 */
#ifndef SP_HOOKS_H
#define SP_HOOKS_H

#include <stdbool.h>

bool sp_purposes_replace(void);
void sp_purposes_restore(void);

bool sp_trust_replace(void);
void sp_trust_restore(void);

#endif
