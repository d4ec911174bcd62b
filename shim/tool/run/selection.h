/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * What the keyring brings to a verb: certificates by address, the key that a
 * message is encrypted to, and who vouches for a signer.
 */
#ifndef SHIM_SELECTION_H
#define SHIM_SELECTION_H

#include <stdio.h>

#include <jansson.h>

#include "keyring/keyring.h"
#include "tool/mail/mail.h"
#include "tool/mail/part.h"

/* A certificate that an operation takes. */
struct shim_selected {
    X509 *cert;    /* owned */
    char *uri;     /* owned: what stock loads it by; NULL: its key alone opens the message */
    char *key_uri; /* owned: its private key, NULL where none is wanted */
    unsigned char key[SP_SHA256_LENGTH]; /* what the keyring calls that key */
};

struct shim_selection {
    struct sp_keyring *keyring; /* owned; NULL: there is none */
    const char *path;           /* borrowed: of the keyring that stock is told of, or NULL */

    struct shim_selected *signers; /* owned, as what they hold */
    size_t signer_count;
    struct shim_selected *recipients; /* owned, as what they hold */
    size_t recipient_count;

    /* Files in memory that stock reads instead of those named, or beside them; -1: none. */
    int issuers;        /* the signer's, to be sent along */
    int anchors;        /* -CAfile with what the keyring knows of a signer */
    bool anchors_vouch; /* |anchors| holds some of the keyring's */
    char *issuers_path; /* owned: how stock opens |issuers|, or NULL */
    char *anchors_path; /* owned: how stock opens |anchors|, or NULL */
    int passphrase;     /* a pipe with what somebody typed, for stock to read; -1: none */
    char *passin;       /* owned: what stock calls that, or NULL */
    bool nothing_along; /* -certfile holds the signers alone, who go along anyway */

    struct shim_mail mail;       /* with --headers: of |input| */
    struct shim_covered covered; /* which part of a mail that came in */
    FILE *input;                 /* owned: the message, if it was read; at its start */
    BUF_MEM *header;             /* owned: with --headers, the fields that stay outside; or NULL */
    json_t *choices;             /* owned: which certificates there were, and why one was taken */
};

void shim_selection_init(struct shim_selection *selection);
void shim_selection_clear(struct shim_selection *selection);

#endif
