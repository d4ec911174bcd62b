/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * This header: one CRL that is being stored; for the files crl_store.c and crl_write.c.
 */
#ifndef SHIM_CRL_STORING_H
#define SHIM_CRL_STORING_H

#include "tool/crls/crls.h"

/* One run of shim_crl_prepare(). */
struct shim_crl_storing {
    const struct shim_crl_target *target;
    struct shim_crl_stored *what;
    struct shim_crl crl;                 /* owned */
    X509 *issuer;                        /* owned; NULL until it is known */
    struct sp_keyid key;                 /* its own */
    uint64_t others[SP_CRL_MOST_OTHERS]; /* of an indirect CRL: see struct sp_crl_about */
    struct sp_crl_file stored;           /* owned: with |has_stored| */
    bool has_stored;
    /* borrowed: what was prepared before in the same upload for the same place; or NULL */
    const struct shim_crl_stored *prepared;
    /* Of a delta: the serials that it names, and what it says of them; sorted. */
    struct sp_crl_entry *changes; /* owned; the serials are borrowed from the CRL */
    size_t change_count;
    char *why; /* owned: why the file cannot be written */
};

/*
 * crl_others.c: find the issuers that are below the same ca as the issuer of an indirect CRL, and
 * other ones, among those that are stored or uploaded with it.  A code, told on stderr.
 */
int shim_crl_others(const struct shim_crl_target *target, X509 *issuer,
                    uint64_t others[SP_CRL_MOST_OTHERS]);

/* Write the entries, those of a delta merged with the stored ones.  A code, told on stderr. */
int shim_crl_write(struct shim_crl_storing *storing, const struct sp_crl_issuer *issuer,
                   const struct sp_crl_about *about);

#endif
