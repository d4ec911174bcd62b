/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The provider's settings, read from its section of openssl.cnf.
 */
#ifndef SP_CONFIGURATION_H
#define SP_CONFIGURATION_H

#include "backend/upcalls.h"
#include "settings/settings.h"

/*
 * Read every setting that the core has for this provider.  A bad one locks the
 * policy (see policy/policy.h); the others are read all the same.  NULL only if out
 * of memory.
 *
 * It reads what only smime-policy writes, too: `policy = PATH`, the file that the
 * settings are in, and `report` with its like (log/report.h, policy/command.h).
 */
smimepolicy_settings *sp_configuration_read(const struct sp_upcalls *up);

/* Report the settings in force, after the provider has started. */
void sp_configuration_greet(void);

/* Lock the policy for |fault|, naming its configuration file. */
void sp_configuration_refuse(const struct sp_upcalls *up, const char *fault);

#endif
