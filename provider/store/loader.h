/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Room store: the keyring as a store of OpenSSL's, from which programs load by a
 * `smimepolicy:` URI.
 */
#ifndef SP_LOADER_H
#define SP_LOADER_H

#include <openssl/core.h>

/* The entry for a STORE table. */
extern const OSSL_ALGORITHM sp_store_loader;

#endif
