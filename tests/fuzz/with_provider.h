/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * A fuzzer with the provider loaded, and with the files of make_pki.  Any failure in
 * here ends it.
 */
#ifndef SP_WITH_PROVIDER_H
#define SP_WITH_PROVIDER_H

#include <stdbool.h>

#include <openssl/x509.h>

/* Check an invariant, also if NDEBUG is defined. */
void sp_must(bool holds);

/* Load the provider with |settings|, lines of its section of a configuration. */
void sp_load_provider(const char *settings);

/* |suffix| "pem", "key", "sig" or "enc". */
BIO *sp_open(const char *name, const char *suffix);
X509 *sp_read_cert(const char *name);
EVP_PKEY *sp_read_key(const char *name);
/* A store that trusts the issuer of all these certificates. */
X509_STORE *sp_trust_ca(void);

/* Do the rules accept |cert| for |use| now?  Yes also if memory ran out. */
bool sp_accepted(const X509 *cert, int use);

#endif
