/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * What a file with a passphrase says itself: how long to work on it.  libcrypto
 * takes any number, and two thousand million of them are most of an hour.
 */
#ifndef SHIM_ITERATIONS_H
#define SHIM_ITERATIONS_H

#include <stdbool.h>
#include <stdint.h>

#include <openssl/pkcs12.h>
#include <openssl/x509.h>

/* Some seconds: a backup of fifteen identities by NSS, which takes 600,000 for each. */
#define SHIM_MOST_ITERATIONS 10000000

#define SHIM_TOO_MANY_ITERATIONS                                                                   \
    "its passphrase takes more than 10,000,000 iterations of key derivation; write it anew with "  \
    "fewer"

/* Is the key derivation of |pbe| (RFC 8018, RFC 7292, RFC 7914) bounded? */
bool shim_iterations_few(const X509_ALGOR *pbe);

/*
 * Those of |p12|, whose contents are |contents|: of its MAC, of what encrypts them, and of the
 * bags that lie open in them; and those of the bags of a content that was opened.  What is more
 * than SHIM_MOST_ITERATIONS is not counted to its end.
 */
int64_t shim_iterations_in(const PKCS12 *p12, const STACK_OF(PKCS7) *contents);
int64_t shim_iterations_of_bags(const STACK_OF(PKCS12_SAFEBAG) *bags);

#endif
