/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The chain of a certificate to an anchor through the CAs of the keyring.
 */
#ifndef SHIM_STORED_CHAIN_H
#define SHIM_STORED_CHAIN_H

#include "keyring/keyring.h"
#include "tool/certs/certs.h"

/*
 * Find the chain of |cert| to a stored CA, at whatever time.
 *
 * @param along  certificates that came with it and may be in the chain, or NULL
 * @param chain  to clear in any case; without certificates and faults, no stored CA
 *               has issued it
 * @return SHIM_OK, or SHIM_SYSTEM with the reason on stderr
 */
int shim_keyring_chain(struct sp_keyring *keyring, X509 *cert, const STACK_OF(X509) *along,
                       struct shim_chain *chain);

#endif
