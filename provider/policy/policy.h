/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The policy of this process.
 *
 * Purposes, trust and the register belong to the process, not to a library
 * context, so there is one policy however often the provider is loaded.
 */
#ifndef SP_POLICY_H
#define SP_POLICY_H

#include <stdbool.h>

#include "rules/rules.h"

/*
 * Adopt the settings of an instance; takes |settings| over.
 *
 * The first instance decides; a later one that disagrees locks.
 */
void sp_policy_adopt(smimepolicy_settings *settings);
/* The last instance went. */
void sp_policy_reset(void);

/*
 * From now on every gate refuses, with |reason| (copied).  The first reason
 * stays: it is the one to mend.
 */
void sp_policy_lock(const char *reason);
/* The reason, or NULL while the policy is in force.  Lives until the reset. */
const char *sp_policy_locked(void);

/* The settings in force: never NULL between adopt and reset, read-only. */
const smimepolicy_settings *sp_policy(void);

#endif
