/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * `smime-policy import`: what its files share.
 */
#ifndef SHIM_IMPORTING_H
#define SHIM_IMPORTING_H

#include "common/shim.h"
#include "tool/keyring/pick.h"
#include "tool/report/outcome.h"
#include "tool/upload/import_pem.h"

/* The last certificate read: it waits for a key that may follow. */
struct shim_pending {
    X509 *cert;             /* owned; NULL: there is none */
    struct sp_facts *facts; /* owned */
    unsigned char fingerprint[SP_SHA256_LENGTH], key[SP_SHA256_LENGTH];
    enum sp_role role;                 /* the role in the file; SP_ROLE_NONE: by its content */
    int64_t uploaded;                  /* 0: now */
    bool has_key;                      /* |private_key| came with it */
    struct sp_private_key private_key; /* owned */
    EVP_PKEY *plain;                   /* owned; NULL: the key cannot be decoded */
    size_t line;
};

/* One run. */
struct shim_importing {
    struct shim *shim;          /* borrowed */
    struct sp_keyring *keyring; /* owned */
    struct sp_upload *upload;   /* owned */
    struct shim_outcome outcome;
    struct shim_picks keys; /* the ids of the keys read so far */
    struct shim_pending pending;
    const char *path; /* borrowed: the file being read */
    time_t now;
    size_t certificates, private_keys, encrypted, known;
};

/*
 * Judge and add the waiting certificate, if any.  Returns an exit code, with the
 * reason on stderr.
 */
int shim_import_pending(struct shim_importing *importing);
/* Has a rule refused anything so far?  Then nothing is stored. */
bool shim_import_refused(const struct shim_importing *importing);
void shim_pending_clear(struct shim_pending *pending);

shim_command_fn shim_run_import;

#endif
