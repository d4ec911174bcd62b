/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * A signer's way to a provided anchor, whatever the time.
 */
#ifndef SHIM_CHAIN_H
#define SHIM_CHAIN_H

#include <openssl/x509_vfy.h>

#include "options.h"

/*
 * What vouches for senders by the options |args|: what they name, of -CAfile the
 * copy |file| that stock gets, or NULL; and each of |anchors|, which the keyring knows; NULL: there
 * is no keyring.  NULL where it cannot be read, or where |args| asks of a chain what is not done
 * here.
 */
X509_STORE *shim_chain_store(const struct shim_args *args, const char *file,
                             const STACK_OF(X509) *anchors);

/*
 * Verify |signer| as stock would by the options |args|, but for the validity
 * of the certificates: that is judged by the caller.
 *
 * @param store      of shim_chain_store(); NULL: there is no chain
 * @param untrusted  certificates that may lie on the way
 * @return the chain, the signer first, to free with its elements; or NULL
 */
STACK_OF(X509) *shim_chain_build(X509_STORE *store, X509 *signer, STACK_OF(X509) *untrusted,
                                 const struct shim_args *args);

#endif
