/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * A fuzzer with the provider in it, and with what make_pki wrote.  Whatever
 * fails in here ends it.
 */
#ifndef SP_WITH_PROVIDER_H
#define SP_WITH_PROVIDER_H

#include <stdbool.h>

#include <openssl/x509.h>

/* An invariant, which has to hold also where NDEBUG is defined. */
void sp_must(bool holds);

/* With |settings|, lines of its section in a configuration. */
void sp_load_provider(const char *settings);

/* |suffix| "pem", "key", "sig" or "enc". */
BIO *sp_open(const char *name, const char *suffix);
X509 *sp_read_cert(const char *name);
EVP_PKEY *sp_read_key(const char *name);
/* A store that trusts the issuer of them all. */
X509_STORE *sp_trust_ca(void);

/* Do the rules accept |cert| for |use|, now?  Out of memory there is no verdict, and no fault. */
bool sp_accepted(const X509 *cert, int use);

#endif
