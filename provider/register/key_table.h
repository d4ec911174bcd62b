/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * What is known of each key object of the backend, by its address: from KEYMGMT's
 * load or gen until its free.
 */
#ifndef SP_KEY_TABLE_H
#define SP_KEY_TABLE_H

#include <stdbool.h>

#include "register/cert.h"
#include "register/compared.h"

struct sp_key {
    const void *address;
    bool loaded;         /* decoded from an encoding, not made here */
    bool generated;      /* made in this process */
    bool before_us;      /* it belongs to a certificate whose birth was missed */
    struct sp_cert *own; /* a reference: the certificate with which it was decoded */
    bool proved;         /* its id is that of the key in |own| */
    /* for a private key: the certificates it was compared with, to sign */
    struct sp_compared compared;
};

void sp_keys_open(void);
void sp_keys_close(void);

/*
 * The caller of these two holds the lock of the address's shard.  NULL: not there,
 * or out of memory.
 */
struct sp_key *sp_key_find(const void *address);
struct sp_key *sp_key_find_or_add(const void *address);

/* Replace what is known of the address by |facts|, whose reference is taken over. */
void sp_key_note(const struct sp_key *facts);
/*
 * Copy what is known of the key to |news|.  The caller gets a reference to
 * |news->own| and owns nothing else in it.
 */
void sp_key_news(const void *address, struct sp_key *news);
/* Note that the key was decoded as that of |cert|, and that their ids are equal. */
void sp_key_note_proof(const void *address, const struct sp_cert *cert);
/* Note that the key is not that of |cert|. */
void sp_keys_disown(const void *address, const struct sp_cert *cert);

#endif
