/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Keys, certificates and requests of our own making, in the form that the rules ask for.
 * libcrypto does the encoding.
 */
#ifndef SHIM_MAKING_H
#define SHIM_MAKING_H

#include <stdbool.h>
#include <time.h>

#include <openssl/evp.h>
#include <openssl/x509.h>

/* The longest common name (X.520: ub-common-name), in characters. */
#define SHIM_LONGEST_NAME 64

/* What a certificate is to say.  All borrowed. */
struct shim_making {
    const char *name;  /* the common name, in UTF-8 */
    char *const *each; /* addresses with A-labels; of a CA the domains that it is limited to */
    size_t count;
    bool is_ca;
    time_t from, to; /* both inclusive */
};

/* A new key of the kind "rsa:3072", "ec:P-256" and the like; NULL if there is no such kind. */
EVP_PKEY *shim_key_make(const char *kind);
/* Is there such a kind? */
bool shim_key_kind_known(const char *kind);
/* The kind of |key|; NULL: it is none of those that are made. */
const char *shim_key_kind_of(const EVP_PKEY *key);

/*
 * A certificate of |key|'s public half, signed by |issuer| with |issuer_key|; |issuer| NULL: by
 * itself.  |issuer_key| NULL: it is not signed.  NULL if libcrypto fails.
 */
X509 *shim_cert_make(const struct shim_making *making, EVP_PKEY *key, X509 *issuer,
                     EVP_PKEY *issuer_key);
/* A PKCS#10 request for |cert|, whose subject and extensions it has; signed with |key|. */
X509_REQ *shim_request_make(const X509 *cert, EVP_PKEY *key);
/* What |request| asks for, as a certificate that nobody has signed; NULL if it cannot be read. */
X509 *shim_request_cert(X509_REQ *request);

#endif
