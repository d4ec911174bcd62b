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
 * The default place of the keyring, by the environment of this process.  A
 * set-user-ID program has none.
 *
 * @param path  to free with OPENSSL_free(); NULL if the environment names no place
 * @return false if memory ran out
 */
bool sp_keyring_default(char **path);

#endif
