/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Certificates that we make ourselves, for the self-test and the demo.
 */
#ifndef SHIM_SPECIMEN_H
#define SHIM_SPECIMEN_H

#include <openssl/bio.h>

#define SHIM_SPECIMEN_DAY (24L * 60 * 60)

/* What differs between them.  Each is signed by itself and has a new key on P-256. */
struct shim_specimen {
    const char *subject; /* its common name */
    const char *names;   /* its subject alternative names, as in openssl.cnf */
    const char *purpose; /* its extended key usage, as in openssl.cnf */
    long from, to;       /* it is valid between them, in seconds from now */
};

/* The certificate and its key in PEM, in a new memory BIO; NULL if that failed. */
BIO *shim_specimen_pem(const struct shim_specimen *specimen);

#endif
