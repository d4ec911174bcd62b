/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Room policy: the policy of this process, the reasons it raises, and what could
 * bypass it.
 *
 * Purposes, trust and the register belong to the process, not to a library context,
 * so there is one policy however often the provider is loaded.
 */
#ifndef SP_POLICY_H
#define SP_POLICY_H

#include <stdbool.h>

#include "rules/rules.h"

/*
 * Adopt |settings|, which are taken over.  The first instance decides; a later one
 * with other settings locks the policy.
 */
void sp_policy_adopt(smimepolicy_settings *settings);
/* Forget the policy: the last instance is gone. */
void sp_policy_reset(void);

/*
 * From now on every gate refuses with |reason|, which is copied.  The first reason
 * stays, as it is the one to repair.
 */
void sp_policy_lock(const char *reason);
/* The reason of the lock; NULL if the policy is not locked.  Valid until the reset. */
const char *sp_policy_locked(void);

/* The settings in force, read-only.  Never NULL between adopt and reset. */
const smimepolicy_settings *sp_policy(void);

#endif
