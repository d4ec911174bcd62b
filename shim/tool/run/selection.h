/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * What is selected from the keyring for a run: certificates by address, the key for
 * an encrypted message, and anchors of a signer.
 */
#ifndef SHIM_SELECTION_H
#define SHIM_SELECTION_H

#include <stdio.h>

#include <jansson.h>

#include "keyring/keyring.h"
#include "tool/mail/mail.h"

/*
 * With --bcc separate a mail is encrypted several times.  Copy 0 is for those whom everybody may
 * see, and each other one for one address of Bcc.  Everything else has copy 0 alone.
 */
#define SHIM_EVERY_COPY ((size_t)-1)

/* A selected certificate. */
struct shim_selected {
    X509 *cert;    /* owned */
    char *uri;     /* owned: the URI by which stock loads it; NULL: stock gets only its key */
    char *key_uri; /* owned: the URI of its private key; NULL if none is needed */
    unsigned char key[SP_SHA256_LENGTH]; /* the id of that key in the keyring */
    char *address; /* owned: of a recipient, by which it was found; else NULL */
    size_t copy;   /* of a recipient: the copy that is encrypted to it, or SHIM_EVERY_COPY */
};

struct shim_selection {
    struct sp_keyring *keyring; /* owned; NULL: there is none */
    /* borrowed: the path of the keyring for stock's provider, or NULL */
    const char *path;

    struct shim_selected *signers; /* owned, with their contents */
    size_t signer_count;
    struct shim_selected *recipients; /* owned, with their contents */
    size_t recipient_count;

    bool separates;    /* --bcc separate */
    size_t bcc_copies; /* the number of copies for one address of Bcc each */

    /*
     * Files in memory that stock reads instead of, or besides, files of the command
     * line; -1: none.
     */
    int issuers;        /* the issuers of the signers, to be sent along */
    int anchors;        /* -CAfile, with the keyring's anchors of a signer */
    bool anchors_vouch; /* |anchors| has anchors of the keyring */
    char *issuers_path; /* owned: the path of |issuers| for stock, or NULL */
    char *anchors_path; /* owned: the path of |anchors| for stock, or NULL */
    int passphrase;     /* a pipe with a passphrase from the terminal, for stock; -1: none */
    char *passin;       /* owned: its value for -passin, or NULL */
    bool nothing_along; /* -certfile has only the signers, which are sent anyway */

    struct shim_mail mail;       /* with --headers: the header of |input| */
    struct shim_covered covered; /* which part of an incoming mail was signed or encrypted */
    FILE *input;                 /* owned: the message at its beginning, if it was read */
    char *header;                /* owned: with --headers, the fields that stay outside; or NULL */
    /* owned: the certificates that were found, and why one was chosen */
    json_t *choices;
    /* owned: what is not printed of the directories that were asked */
    json_t *directories;
};

void shim_selection_init(struct shim_selection *selection);
void shim_selection_clear(struct shim_selection *selection);

#endif
