/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * When a keyring was last in touch with its hub: the time of a file beside it, so that a gate
 * pays one look at a name.
 */
#ifndef SP_CONTACT_H
#define SP_CONTACT_H

#include <stdbool.h>
#include <time.h>

#include "rules/rules.h"

/* The last contact of the keyring in |path|, which may be NULL; 0: there was none. */
time_t sp_keyring_contact(const char *path);
/*
 * Add to |verdict| on |facts| that the keyring of the settings is too old at |now|, if its use
 * relies on that keyring.  NULL if |verdict| is NULL or memory ran out.
 */
smimepolicy_verdict *sp_keyring_add_age(smimepolicy_verdict *verdict, const struct sp_facts *facts,
                                        time_t now, const smimepolicy_settings *settings);
/* It is in touch now.  False, with errno set, if that cannot be noted. */
bool sp_keyring_touch(const char *path, time_t now);

#endif
