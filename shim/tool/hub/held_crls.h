/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The CRLs that are stored here, under the names that a hub has for them.  And the *floor* of a
 * name: number and date of the CRL that was stored, below which none is taken from the hub.
 */
#ifndef SHIM_HELD_CRLS_H
#define SHIM_HELD_CRLS_H

#include "tool/crls/crls.h"

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
