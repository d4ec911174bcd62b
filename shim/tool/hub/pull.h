/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * One sync: what pull.c and compare.c share.
 */
#ifndef SHIM_PULL_H
#define SHIM_PULL_H

#include "tool/hub/publish.h"

struct shim_pull {
    struct shim *shim;          /* borrowed, as the next four */
    struct shim_hub *hub;       /* a transaction is open, which sees one revision */
    struct sp_keyring *keyring; /* the copy */
    const struct shim_sync_how *how;
    struct shim_synced *synced;
    struct sp_keyring *reader; /* owned: the copy, for look-ups beside the upload */
    struct sp_upload *upload;  /* owned: what is stored next */
    struct shim_hub_head head; /* owned: where the hub is */
    struct sp_hub local;       /* owned: where the copy was */
    struct sp_hub reach;       /* number and digest of the copy with what was taken */
    bool follows;              /* |reach| is kept row by row */
};

int shim_pull_begin(struct shim_pull *pull);
/* Store what was taken, so that the copy reaches to |reach|. */
int shim_pull_commit(struct shim_pull *pull, const struct sp_hub *reach);
/*
 * Check and take the certificate in row |i|: fingerprint, payload, role, origin, uploaded,
 * addresses, narrowed, and its sum unless the journal is followed.
 */
int shim_pull_row(struct shim_pull *pull, const PGresult *rows, int i);
/* Tell of a row that no honest hub has; returns a SHIM code. */
int shim_pull_lies(const struct shim_pull *pull, const char *what);
/* XOR a sum into a digest, or out of it. */
void shim_pull_toggle(unsigned char digest[SP_SHA256_LENGTH], const unsigned char *sum);

/* pull_crls.c: does the copy know all CRLs of the hub, so that none has to be looked at? */
bool shim_pull_crls_are_there(const struct shim_pull *pull);
/*
 * Compare the CRLs, and store or remove what differs; |head.reach| knows them then.  Called before
 * the certificates are stored, so that none is there without the CRL that came with it.
 */
int shim_pull_crls(struct shim_pull *pull);

/* Compare the whole, and take what differs. */
int shim_pull_whole(struct shim_pull *pull);

#endif
