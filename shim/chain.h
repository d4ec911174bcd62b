/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * A signer's way to a provided anchor, whatever the time.
 */
#ifndef SHIM_CHAIN_H
#define SHIM_CHAIN_H

#include <openssl/x509.h>

#include "options.h"

/*
 * Verify |signer| as stock would by the options |args|, but for the validity
 * of the certificates: that is judged by the caller.
 *
 * @param untrusted  certificates that may lie on the way
 * @return the chain, the signer first, to free with its elements; NULL where
 *         there is none, or where |args| asks for what is not done here
 */
STACK_OF(X509) *shim_chain_build(X509 *signer, STACK_OF(X509) *untrusted,
                                 const struct shim_args *args);

#endif
