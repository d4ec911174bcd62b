/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * An upload to a keyring in SQLite, between its begin and its end.
 */
#ifndef SP_STAGING_H
#define SP_STAGING_H

#include "keyring/sqlite/store.h"

/* One number tells a standing: the role, and beyond it the origin. */
#define SP_ORIGIN_SHIFT "8"

static inline struct sp_standing sp_standing_of(int64_t number)
{
    return (struct sp_standing){ (enum sp_role)(number & 0xff), (enum sp_origin)(number >> 8) };
}

static inline int64_t sp_number_of(struct sp_standing standing)
{
    return (int64_t)standing.role | (int64_t)standing.origin << 8;
}

/* A private key that waits for the end of the upload. */
struct sp_staged_key {
    unsigned char key[SP_SHA256_LENGTH];
    struct sp_private_key private_key; /* owned */
    struct sp_staged_key *next;        /* owned */
};

struct sp_staging {
    struct sp_upload base;
    struct sp_database *keyring; /* borrowed */
    /* owned: the same keyring, for look-ups outside of the transaction */
    struct sp_database *stored;
    sqlite3_stmt *insert, *insert_address, *insert_recipient; /* owned */
    sqlite3_stmt *staged_id;                                  /* owned */
    sqlite3_stmt *look_up, *look_up_key;                      /* owned: statements of |stored| */
    int64_t last; /* how many certificates were staged */
    int64_t when; /* the time of upload; 0: now */
    enum sp_origin origin;
    const char *only_for;       /* borrowed: the addresses that the next is found by; NULL: all */
    struct sp_staged_key *keys; /* owned */
    bool answered;              /* there is a certificate that a key waits for */
    const struct sp_member *member; /* borrowed: of the next certificate; NULL: it is no member */
    const struct sp_hub *hub; /* borrowed: how far the copy reaches afterwards; NULL: as before */
    bool copies;              /* it changes what is of a hub */
    bool hands_over;          /* what was this keyring's own is the hub's afterwards */
};

/* Within the transaction, before and after the certificates are stored. */
bool sp_replica_before(struct sp_staging *upload);
bool sp_replica_after(struct sp_staging *upload);

#endif
