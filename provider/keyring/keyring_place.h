/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Where the keyring of a user is by default.
 */
#ifndef SP_KEYRING_PLACE_H
#define SP_KEYRING_PLACE_H

#include <stdbool.h>

/*
 * The place of the keyring: |named|, which may be NULL or empty, or else the default one by the
 * environment of this process.  A set-user-ID program has no default.
 *
 * @param path  to free with OPENSSL_free(); NULL if neither names a place
 * @return false if memory ran out
 */
bool sp_keyring_place(const char *named, char **path);

#endif
