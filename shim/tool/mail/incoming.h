/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * A signed message that came in, read before stock verifies it: who claims to
 * have signed it, when, and what its header says.  Nothing here is verified.
 */
#ifndef SHIM_INCOMING_H
#define SHIM_INCOMING_H

#include <stdio.h>

#include <openssl/x509.h>

#include "keyring/keyring.h"
#include "rules/rules.h"
#include "tool/certs/chain.h"
#include "tool/mail/mail.h"
#include "tool/mail/part.h"

/* One signature of the message. */
struct shim_signature {
    X509 *cert;             /* borrowed from the message */
    struct sp_facts *facts; /* owned */
    struct sp_signing_time time;
    int digest;              /* the NID of what it was made with */
    bool for_itself;         /* the keyring has its certificate, which vouches for itself */
    struct shim_chain chain; /* owned: to its anchor */
    bool refused;            /* something speaks against it */
    bool tested, fits;       /* after a failure: its signature, with the content */
};

struct shim_incoming {
    struct shim_mail mail;
    struct shim_signature *signatures; /* owned */
    size_t count;
    STACK_OF(X509) *certs;   /* owned: those of the message, then those along */
    STACK_OF(X509) *anchors; /* owned: what the keyring knows of the signers; NULL: no keyring */

    struct sp_keyring *keyring; /* borrowed; NULL: there is none */

    FILE *input;     /* owned: the message, a regular file at its start */
    FILE *content;   /* owned: the signed part of a multipart/signed, or NULL */
    FILE *signature; /* owned: its signature in DER, or NULL */

    void *cms;     /* owned: a CMS_ContentInfo, behind the signatures */
    bool too_many; /* signatures: nobody is to read them */
};

struct shim_incoming_from {
    const char *path;   /* NULL: standard input */
    const char *form;   /* as -inform spells it; NULL: S/MIME */
    bool may_split;     /* nothing is asked for that needs the message in one piece */
    bool quiet;         /* what cannot be opened is for stock to say */
    bool nointern;      /* not in the message */
    bool content_named; /* what it signs is in a file */
    /* Where it is noted which part of the mail that is; NULL: no part is looked for. */
    struct shim_covered *covered;
    STACK_OF(X509) *along; /* where signers may be found too; NULL: nowhere */
};

/*
 * Read the message.
 *
 * One that cannot be understood leaves |incoming| without signatures: it is
 * stock's to complain about, and must not pass if stock does not.
 *
 * @param incoming  to free with shim_incoming_clear(), whatever is returned
 * @return SHIM_OK, SHIM_INPUT or SHIM_SYSTEM; the fault is on stderr
 */
int shim_incoming_read(struct shim_incoming *incoming, const struct shim_incoming_from *from);
void shim_incoming_clear(struct shim_incoming *incoming);

#endif
