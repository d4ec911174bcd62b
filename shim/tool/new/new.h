/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Room new: `smime-policy new`, which makes keys, certificates, requests and a small CA.
 *
 * This header: what its files share.
 */
#ifndef SHIM_NEW_H
#define SHIM_NEW_H

#include <time.h>

#include "common/long_options.h"
#include "keyring/keyring.h"
#include "tool/certs/making.h"
#include "tool/mail/mail.h"
#include "tool/report/outcome.h"

/* One run. */
struct shim_new {
    struct shim *shim;
    /* the options and operands, borrowed or NULL; the first three: --issuer, --name and --key */
    const char *issued_by, *given_name, *kind, *request, *ca, *days, *passin, *passout;
    bool self_signed, renew, local, json;
    char **operands;
    time_t now;
    struct shim_addresses names; /* owned: the addresses, or of a CA the domains */
    char *name;                  /* owned: the common name */
    time_t from, to;
    X509 *before;          /* owned: the certificate that is renewed, or NULL */
    X509 *issuer;          /* owned: the CA's certificate; NULL: it is self-signed, or a request */
    EVP_PKEY *sign;        /* owned: the CA's key */
    EVP_PKEY *key;         /* owned */
    bool key_stays;        /* |key| is stored already */
    X509 *cert;            /* owned: what is made; with --request what is asked for */
    X509_REQ *asked;       /* owned; with --request */
    struct sp_facts *made; /* owned: of |cert| */
    struct shim_outcome outcome;
    bool done;
};

/* The functions return SHIM_OK, or another code with the reason on stderr. */

/* new_names.c: for whom it is, and until when. */
int shim_new_names(struct shim_new *run);
int shim_new_span(struct shim_new *run);

/* new_issuer.c: the CA of |issued_by|, or who issued |before|, with its key. */
int shim_new_issuer(struct shim_new *run);

/* What is renewed, and its names; and its key, where it is kept. */
int shim_new_renewed(struct shim_new *run);
int shim_new_same_key(struct shim_new *run);

/* new_store.c: store it whole or not at all, and tell it. */
int shim_new_store(struct shim_new *run);
int shim_new_report(struct shim_new *run, int code);

shim_command_fn shim_run_new;

#endif
