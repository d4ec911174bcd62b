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
    bool loaded;                 /* decoded from an encoding, not made here */
    bool generated;              /* made in this process */
    bool before_us;              /* the key of a certificate whose birth we missed */
    struct sp_cert *own;         /* a reference: it was decoded as this certificate's own key */
    bool proved;                 /* and its name is that of the key in the certificate */
    struct sp_compared compared; /* if it is private: with which certificates, to sign */
};

void sp_keys_open(void);
void sp_keys_close(void);

/* These two with the lock of the address's shard held; NULL: not there, or out of memory. */
struct sp_key *sp_key_find(const void *address);
struct sp_key *sp_key_find_or_add(const void *address);

/* |facts|, with its reference taken over, is all that is known of its address from now on. */
void sp_key_note(const struct sp_key *facts);
/* What is known of the key; nothing of |news| is the caller's but a reference to |news->own|. */
void sp_key_news(const void *address, struct sp_key *news);
/* The key was decoded as that of |cert|, and has its name. */
void sp_key_note_proof(const void *address, const struct sp_cert *cert);
/* It turned out not to be the one of |cert|. */
void sp_keys_disown(const void *address, const struct sp_cert *cert);

#endif
