/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The chain from a signer to a provided anchor, at whatever time.
 */
#ifndef SHIM_CHAIN_H
#define SHIM_CHAIN_H

#include <openssl/x509_vfy.h>

#include "stock/options.h"

/*
 * A store with the anchors for senders: those that |args| name, with |file|, the
 * copy of -CAfile that stock gets, or NULL; and |anchors|, those of the keyring,
 * NULL without a keyring.  Returns NULL if they cannot be read, or if |args| have
 * options for the chain that are not followed here.
 */
X509_STORE *shim_chain_store(const struct shim_args *args, const char *file,
                             const STACK_OF(X509) *anchors);

/* More faults than people read. */
#define SHIM_MOST_FAULTS 16

/* The chain of a signer to an anchor.  Zero-initialise it. */
struct shim_chain {
    STACK_OF(X509) *certs; /* owned, as its elements; the signer first; NULL: there is no chain */
    struct shim_chain_error {
        int error; /* libcrypto's error */
        X509 *at;  /* owned: the certificate at fault; NULL: there is no anchor */
    } faults[SHIM_MOST_FAULTS];
    size_t count; /* of faults; 0 without |certs|: the chain is not known */
};
void shim_chain_clear(struct shim_chain *chain);

/*
 * Verify |signer| as stock would with the options |args|, but without validity,
 * which the caller judges.
 *
 * @param store      of shim_chain_store(); NULL: the chain is not known
 * @param untrusted  certificates that may be in the chain, or NULL
 * @param args       NULL: none
 */
void shim_chain_find(struct shim_chain *chain, X509_STORE *store, X509 *signer,
                     STACK_OF(X509) *untrusted, const struct shim_args *args);
/*
 * As shim_chain_find(), for a certificate that vouches for itself: only its own copy
 * in |store| counts.
 */
void shim_chain_to_itself(struct shim_chain *chain, X509_STORE *store, X509 *signer,
                          const struct shim_args *args);
/* A store with |anchors|, each of which vouches by itself; NULL if out of memory. */
X509_STORE *shim_store_of(const STACK_OF(X509) *anchors);

#endif
