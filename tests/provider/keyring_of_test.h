/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * A keyring in a directory of its own, which is removed with the process.
 */
#ifndef KEYRING_OF_TEST_H
#define KEYRING_OF_TEST_H

#include "harness.h"
#include "keyring/keyring.h"

/* The path of the keyring, which is empty at first: for the setting `keyring`. */
const char *sp_keyring_of_test(void);
/* Start as sp_start() does, with that setting and |more|. */
void sp_start_with_keyring(const char *more);
/*
 * Store |cert|.  |key| is NULL or its private key, which is stored under
 * |passphrase| unless that is NULL.
 */
void sp_put_cert(enum sp_role role, X509 *cert, EVP_PKEY *key, const char *passphrase);
/* Store |cert| with a URI for its key. */
void sp_put_elsewhere(X509 *cert, const char *uri);
/* Store the certificate NAME of make_pki, an identity with its key. */
void sp_put(enum sp_role role, const char *name);

#endif
