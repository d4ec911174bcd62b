/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * A certificate's way to an anchor through the CAs of the keyring.
 */
#ifndef SHIM_KEYRING_PATH_H
#define SHIM_KEYRING_PATH_H

#include "entry.h"

/*
 * The chain from the certificate of |record| up to a stored CA, whatever the time; itself first, to
 * free with its elements.
 *
 * @param chain  set to NULL if there is none; |*why| then says why not, in
 *               words that live on
 * @return SHIM_OK or SHIM_SYSTEM, said on stderr
 */
int shim_keyring_path(struct sp_keyring *keyring, const struct sp_record *record,
                      STACK_OF(X509) **chain, const char **why);

/* May |ca| issue certificates for the mail of |address|?  NULL, or why not. */
const char *shim_ca_limit(X509 *ca, const char *address);

#endif
