/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * A signer's way to a provided anchor, whatever the time.
 */
#ifndef SHIM_CHAIN_H
#define SHIM_CHAIN_H

#include <openssl/x509_vfy.h>

#include "stock/options.h"

/*
 * What vouches for senders by the options |args|: what they name, of -CAfile the
 * copy |file| that stock gets, or NULL; and each of |anchors|, which the keyring knows; NULL: there
 * is no keyring.  NULL where it cannot be read, or where |args| asks of a chain what is not done
 * here.
 */
X509_STORE *shim_chain_store(const struct shim_args *args, const char *file,
                             const STACK_OF(X509) *anchors);

/* More faults than anybody reads. */
#define SHIM_MOST_FAULTS 16

/* The way of a signer to an anchor; zero-initialise it. */
struct shim_chain {
    STACK_OF(X509) *certs; /* owned, with its elements, the signer first; NULL: there is none */
    struct shim_chain_error {
        int error; /* of libcrypto */
        X509 *at;  /* owned: the certificate that is at fault; NULL: there is no anchor */
    } faults[SHIM_MOST_FAULTS];
    size_t count; /* of faults; none and no chain: it is not known */
};
void shim_chain_clear(struct shim_chain *chain);

/*
 * Verify |signer| as stock would by the options |args|, but for the validity
 * of the certificates: that is judged by the caller.
 *
 * @param store      of shim_chain_store(); NULL: the way is not known
 * @param untrusted  certificates that may lie on the way, or NULL
 * @param args       NULL: none
 */
void shim_chain_find(struct shim_chain *chain, X509_STORE *store, X509 *signer,
                     STACK_OF(X509) *untrusted, const struct shim_args *args);
/* The same of a certificate that vouches for itself: of |store| its own copy alone counts. */
void shim_chain_to_itself(struct shim_chain *chain, X509_STORE *store, X509 *signer,
                          const struct shim_args *args);
/* A store that holds |anchors|, each of which vouches by itself; NULL if out of memory. */
X509_STORE *shim_store_of(const STACK_OF(X509) *anchors);

#endif
