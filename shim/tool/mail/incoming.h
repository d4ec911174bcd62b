/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * A signed message that came in, read before stock verifies it: who claims to have
 * signed it, when, and what its header says.  Nothing is verified here.
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
    int digest;              /* the NID of its digest */
    bool for_itself;         /* its certificate is stored and vouches for itself */
    struct shim_chain chain; /* owned: from its certificate to its anchor */
    bool refused;            /* a rule refuses it */
    bool tested, fits;       /* after a failure: was it tested, and does it fit the content? */
};

struct shim_incoming {
    struct shim_mail mail;
    struct shim_signature *signatures; /* owned */
    size_t count;
    STACK_OF(X509) *certs; /* owned: the certificates of the message, then those in |along| */
    /* owned: the certificates that the keyring has for the signers; NULL: no keyring */
    STACK_OF(X509) *anchors;

    struct sp_keyring *keyring; /* borrowed; NULL: there is none */

    FILE *input;     /* owned: the message, a regular file at its beginning */
    FILE *content;   /* owned: the signed part of a multipart/signed; else NULL */
    FILE *signature; /* owned: its signature in DER, or NULL */

    void *cms;     /* owned: the CMS_ContentInfo of the signatures */
    bool too_many; /* there are too many signatures to read */
};

struct shim_incoming_from {
    const char *path;   /* NULL: standard input */
    const char *form;   /* as -inform spells it; NULL: S/MIME */
    bool may_split;     /* no option needs the message in one piece */
    bool quiet;         /* stock reports what cannot be opened */
    bool nointern;      /* do not look for signers in the message */
    bool content_named; /* the command line names a file with the signed content */
    /* Set to the part of the mail that was signed; NULL: no part is looked for. */
    struct shim_covered *covered;
    STACK_OF(X509) *along; /* more certificates to look for signers in; NULL: none */
};

/*
 * Read the message.
 *
 * If it cannot be understood |incoming| has no signatures: stock reports it, and it
 * must not pass if stock does not.
 *
 * @param incoming  to free with shim_incoming_clear(), whatever is returned
 * @return SHIM_OK, SHIM_INPUT or SHIM_SYSTEM; the fault is on stderr
 */
int shim_incoming_read(struct shim_incoming *incoming, const struct shim_incoming_from *from);
void shim_incoming_clear(struct shim_incoming *incoming);

#endif
