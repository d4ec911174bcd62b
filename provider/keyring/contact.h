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

/* The last contact of the keyring in |path|, which may be NULL; 0: there was none. */
time_t sp_keyring_contact(const char *path);
/* It is in touch now.  False, with errno set, if that cannot be noted. */
bool sp_keyring_touch(const char *path, time_t now);

#endif
