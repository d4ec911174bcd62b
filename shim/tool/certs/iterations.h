/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Limits for key derivation.  A file with a passphrase sets the number of
 * iterations, and libcrypto accepts any: two thousand million take most of an hour.
 */
#ifndef SHIM_ITERATIONS_H
#define SHIM_ITERATIONS_H

#include <stdbool.h>
#include <stdint.h>

#include <openssl/pkcs12.h>
#include <openssl/x509.h>

/*
 * This takes some seconds.  It admits a backup of fifteen identities by NSS, with
 * 600,000 for each.
 */
#define SHIM_MOST_ITERATIONS 10000000

#define SHIM_TOO_MANY_ITERATIONS                                                                   \
    "its passphrase takes more than 10,000,000 iterations of key derivation; write it anew with "  \
    "fewer"

/* Is the key derivation of |pbe| (RFC 8018, RFC 7292, RFC 7914) within the limit? */
bool shim_iterations_few(const X509_ALGOR *pbe);

/*
 * Count the iterations of |p12|, whose contents are |contents|: those of its MAC, of
 * the encryption of its contents, and of the bags in contents that are not
 * encrypted.  shim_iterations_of_bags() counts the bags of an opened content.
 * Beyond SHIM_MOST_ITERATIONS counting stops.
 */
int64_t shim_iterations_in(const PKCS12 *p12, const STACK_OF(PKCS7) *contents);
int64_t shim_iterations_of_bags(const STACK_OF(PKCS12_SAFEBAG) *bags);

#endif
