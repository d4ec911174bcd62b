/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * What is kept of a certificate to find its issuers among the others, and to prove
 * that one of them has signed it.  It is kept only if the settings ask for it.
 */
#ifndef SP_LINEAGE_H
#define SP_LINEAGE_H

#include <stdint.h>

#include "register/cert.h"

struct sp_lineage {
    uint64_t subject, issuer;       /* hashes of the names, equal for names that are equal */
    uint64_t key_id, issuer_key_id; /* hashes of the key identifiers; 0: it has none */
    size_t length;
    unsigned char der[]; /* the certificate */
};

/* The lineage of |x509|, to free with OPENSSL_free().  NULL if out of memory. */
struct sp_lineage *sp_lineage_new(const X509 *x509);

/*
 * Find the certificates that may be issuers of |cert|, by name and key identifier.
 * A root has none.  False if out of memory; |found| then has some of them.
 */
bool sp_lineage_find_issuers(const struct sp_cert *cert, struct sp_certs *found);
/*
 * Has |issuer| signed |cert|?  It is parsed again for that, because the program's X509
 * may be in use.
 */
bool sp_lineage_has_issued(const struct sp_cert *issuer, const struct sp_cert *cert);

#endif
