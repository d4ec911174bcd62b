/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Fetching the CRLs of the stored certificates.
 */
#ifndef SHIM_FETCHING_H
#define SHIM_FETCHING_H

#include "tool/maintain/maintain.h"

/* So many URLs are fetched in one run. */
#define SHIM_MOST_POINTS 1000

/* A URL of a CRL.  All owned. */
struct shim_point {
    char *url;
    X509 *cert; /* in which it stands */
    struct sp_facts *facts;
    char *why; /* it was not fetched; NULL: it was, or need not be */
};

/* Zero-initialise it. */
struct shim_points {
    struct shim_point *each; /* owned */
    size_t count;
};

/*
 * crl_points.c: collect the URLs of distribution points, each once, whose host the settings allow
 * and whose certificate leads to a ca that was provided.
 *
 * @return SHIM_OK, or SHIM_SYSTEM with the reason on stderr; clear |points| in any case
 */
int shim_points_collect(struct shim_points *points, const smimepolicy_settings *settings,
                        struct sp_keyring *keyring);
void shim_points_clear(struct shim_points *points);

/*
 * fetch_crls.c: fetch and store the CRLs that are missing, stale, or past half of their time.  One
 * that cannot be fetched is told in |attention|, and does not stop the others.
 *
 * @param fetched  set to the number of those that were stored
 * @return as above
 */
int shim_crls_fetch(struct shim *shim, struct sp_keyring *keyring, time_t now,
                    struct shim_attention *attention, int64_t *fetched);

#endif
