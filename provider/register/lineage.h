/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * What is kept of a certificate to find its issuers among the others, and to prove
 * that one of them has signed it.  It is kept only if the settings ask for it, and
 * consists of the DER alone: the facts have the names.
 */
#ifndef SP_LINEAGE_H
#define SP_LINEAGE_H

#include "register/cert.h"

struct sp_lineage {
    size_t length;
    unsigned char der[]; /* the certificate */
};

/* The lineage of |x509|, to free with OPENSSL_free().  NULL if out of memory. */
struct sp_lineage *sp_lineage_new(const X509 *x509);

/* The certificate, parsed again; no other thread finds it.  NULL if out of memory. */
X509 *sp_lineage_x509(const struct sp_lineage *lineage);

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
/* The same of two DER, by the key alone, as sp_has_signed_fn() answers. */
int sp_lineage_is_signed_by(const unsigned char *issuer, size_t length, const unsigned char *der,
                            size_t der_length);

#endif
