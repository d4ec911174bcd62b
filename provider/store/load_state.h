/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * One load from the keyring: what the files of a loader share.  It belongs to one
 * thread, and lives as long as a program loads.
 */
#ifndef SP_LOAD_STATE_H
#define SP_LOAD_STATE_H

#include <openssl/x509.h>

#include "choice/choose.h"
#include "store/uri.h"

enum sp_load_state {
    SP_LOADING,
    /* libcrypto was told.  It asks whether this is the end: no, or it would forget the failure. */
    SP_LOAD_FAILED,
    SP_LOAD_ENDED
};

struct sp_loader {
    OSSL_LIB_CTX *libctx; /* borrowed */
    char *name;           /* owned: the URI as given */
    struct sp_uri uri;
    struct sp_keyring *keyring; /* owned */
    int expected;               /* OSSL_STORE_INFO_PKEY or _CERT; 0: both */
    bool wants_other;           /* the program expects something that no keyring holds */
    X509_NAME *subject;         /* owned: of the certificates that are wanted, or NULL */
    bool found;                 /* |choice|, |along| or |cursor| were made */
    struct sp_choice choice;    /* for an address: its records are handed over in order */
    size_t next;                /* how many of |choice| were handed over */
    STACK_OF(X509) *along;      /* owned: for issuers; each is removed when it is handed over */
    struct sp_cursor *cursor;   /* owned: for other URIs, which may find much */
    bool has_given;
    bool owes_key;         /* the key of |last| comes next */
    struct sp_record last; /* owned: the certificate given last */
    enum sp_load_state state;
};

/* open_uri.c */

/* Begin to load |text|; NULL with the reason raised. */
void *sp_load_open(void *provctx, const char *text);
/* NULL is none. */
void sp_load_close(struct sp_loader *loader);
/* Raise |why|, which is taken over; NULL: out of memory.  Returns false. */
bool sp_load_refuse(int reason, const char *name, char *why);

/* next_record.c */

/*
 * Get the next certificate.
 *
 * @return 1: it is in |loader->last|; 0: no more; -1: it failed, with a reason raised
 */
int sp_load_next(struct sp_loader *loader);

#endif
