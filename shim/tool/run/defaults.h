/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Options that the verbs give to stock because its own defaults are outdated.  They
 * come before the options of the command line, which override them.
 */
#ifndef SHIM_DEFAULTS_H
#define SHIM_DEFAULTS_H

#include "tool/run/operation.h"

/*
 * The default options, e.g. cipher and streaming: at most SHIM_DEFAULT_WORDS
 * strings; the last is NULL.
 */
#define SHIM_DEFAULT_WORDS 4
const char *const *shim_default_words(const struct shim_operation *operation);

/*
 * Does stock have to be told to derive the key for the recipient in |uri| with
 * SHA-256?  Its default for EC is SHA-1 (RFC 5753, 7.1.4 allows both).
 */
bool shim_default_kdf(const struct shim_operation *operation, const char *uri);
/* Has |cert| an EC key?  The key is not decoded. */
bool shim_default_is_ec(const X509 *cert);

/*
 * Does stock have to be told to sign with PSS for the signer in |uri|?  With an
 * RSASSA-PSS key its default is a signature that nobody can verify.
 */
bool shim_default_pss(const struct shim_operation *operation, const char *uri);
bool shim_default_is_pss(const X509 *cert);

#endif
