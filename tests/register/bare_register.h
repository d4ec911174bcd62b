/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The register without a provider.
 */
#ifndef SP_TEST_BARE_REGISTER_H
#define SP_TEST_BARE_REGISTER_H

#include <openssl/core.h>

#include "register/cert.h"

/* A fixture: the register watches, and allocations can be starved. */
void sp_bare_register(void);
/* A new entry of |x509|, as if this thread was parsing it. */
struct sp_cert *sp_pinned(X509 *x509);

/* These export an EVP_PKEY as a backend does, and nothing. */
int sp_export_key(void *key, int selection, OSSL_CALLBACK *callback, void *arg);
int sp_export_nothing(void *key, int selection, OSSL_CALLBACK *callback, void *arg);

#endif
