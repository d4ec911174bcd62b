/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * What the verbs ask of stock where its own defaults are dated.  Each comes
 * before the options that were given, which override it.
 */
#ifndef SHIM_DEFAULTS_H
#define SHIM_DEFAULTS_H

#include "tool/run/operation.h"

/* A cipher, streaming: at most SHIM_DEFAULT_WORDS strings, ended by NULL. */
#define SHIM_DEFAULT_WORDS 4
const char *const *shim_default_words(const struct shim_operation *operation);

/*
 * Must the recipient in |uri| be told to derive its key with SHA-256?  Stock
 * takes SHA-1 for EC (RFC 5753, 7.1.4 has both).
 */
bool shim_default_kdf(const struct shim_operation *operation, const char *uri);
/* Has |cert| an EC key?  It is not decoded. */
bool shim_default_is_ec(const X509 *cert);

/*
 * Must the signer in |uri| be told to sign with PSS?  Stock signs with an
 * RSASSA-PSS key so that nobody can verify it.
 */
bool shim_default_pss(const struct shim_operation *operation, const char *uri);
bool shim_default_is_pss(const X509 *cert);

#endif
