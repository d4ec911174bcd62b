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

#include <openssl/pkcs12.h>
#include <openssl/x509.h>

/* Some seconds; tools of our day ask for 2,048 to a million. */
#define SHIM_MOST_ITERATIONS 5000000

#define SHIM_TOO_MANY_ITERATIONS                                                                   \
    "its passphrase takes more than 5,000,000 iterations of key derivation; write it anew with "   \
    "fewer"

/* Is the key derivation of |pbe| (RFC 8018, RFC 7292, RFC 7914) bounded? */
bool shim_iterations_few(const X509_ALGOR *pbe);
bool shim_iterations_few_key(const X509_SIG *encrypted);

/*
 * Are those of all of |p12| together?  With |pass| NULL its MAC and its outer
 * parts are looked at, else those that |pass| opens too.
 */
bool shim_iterations_few_in(const PKCS12 *p12, const char *pass);

#endif
