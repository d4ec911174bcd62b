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

/*
 * held_crls.c: the CRLs that are stored here, under the names that a hub has for them.  And the
 * *floor* of a name: number and date of the CRL that was stored, below which none is taken.
 */
struct shim_held_crl {
    char *path;                               /* owned */
    unsigned char names[2][SP_SHA256_LENGTH]; /* as a complete CRL, and as a delta */
    unsigned char content[SP_SHA256_LENGTH];
    struct sp_hub_floor floor; /* its number and date */
};
/* Zero-initialise it. */
struct shim_held_crls {
    struct shim_held_crl *each; /* owned */
    size_t count;
    bool failed;
};

/* Read them, anew if it was done before.  A SHIM code. */
int shim_held_read(struct shim_held_crls *held, const char *keyring);
void shim_held_clear(struct shim_held_crls *held);
/* The stored CRL of that name; NULL: there is none. */
const struct shim_held_crl *shim_held_find(const struct shim_held_crls *held,
                                           const unsigned char name[SP_SHA256_LENGTH]);

void shim_floor_set(struct sp_hub_floor *floor, const struct sp_crl_number *number,
                    int64_t this_update);
/* Is a CRL older than that?  False if the floor was never set. */
bool shim_floor_is_above(const struct sp_hub_floor *floor, const struct sp_crl_facts *facts);
/* Is what is stored newer than |floor|?  True if that was never set. */
bool shim_held_is_newer(const struct shim_held_crl *held, const struct sp_hub_floor *floor);

#endif
