/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * A keyring in a directory of its own, which goes with the process.
 */
#ifndef SP_TEST_KEPT_H
#define SP_TEST_KEPT_H

#include "harness.h"
#include "keyring/keyring.h"

/* The place for one, empty: for the setting `keyring`. */
const char *sp_kept_path(void);
/* Start as sp_start() does, with that setting and |more|. */
void sp_start_kept(const char *more);
/* Keep |cert|; |key| NULL, or its private key, under |passphrase| unless that is NULL. */
void sp_keep_cert(enum sp_role role, X509 *cert, EVP_PKEY *key, const char *passphrase);
/* The same with a URI for the key. */
void sp_keep_elsewhere(X509 *cert, const char *uri);
/* Certificate NAME of make_pki; with its key if it is an identity. */
void sp_keep(enum sp_role role, const char *name);

#endif
