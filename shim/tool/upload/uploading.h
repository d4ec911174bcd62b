/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The parts of `smime-policy upload`.
 */
#ifndef SHIM_UPLOADING_H
#define SHIM_UPLOADING_H

#include <time.h>

#include <jansson.h>

#include "common/shim.h"
#include "keyring/keyring.h"
#include "tool/certs/parts.h"
#include "tool/report/outcome.h"

/* What the command line says. */
struct shim_upload_options {
    const char *as, *passin, *passout, *key_uri; /* borrowed, or NULL */
    bool no_passphrase, keep_going, replace, json;
    char **files; /* borrowed, ended by NULL */
};

/* A private key that was given. */
struct shim_given_key {
    EVP_PKEY *key;   /* owned; NULL: it stays where |uri| says */
    const char *uri; /* borrowed, or NULL */
    char *pass;      /* owned: what it was encrypted under, or NULL */
    char *path;      /* owned */
    unsigned number; /* as in struct shim_part */
    unsigned char id[SP_SHA256_LENGTH];
    bool as_exported;               /* it is kept as it came, unless it is stored already */
    struct sp_private_key exported; /* owned: that, where it is encrypted or at a URI */
    struct shim_given_key *next;
};
/* Name the key, as in struct sp_keyid; false if it is none that can be named. */
bool shim_given_key_name(struct shim_given_key *key);

/* A certificate whose role shows when all others were read. */
struct shim_undecided {
    X509 *cert;      /* owned */
    char *path;      /* owned */
    unsigned number; /* as in struct shim_part */
    struct shim_undecided *next;
};

/* One run. */
struct shim_uploading {
    const struct shim_upload_options *options;
    struct shim *shim;
    const smimepolicy_settings *settings;
    enum sp_role as; /* SP_ROLE_NONE: as the content says */
    bool exported;   /* or as `export` wrote */
    time_t now;
    struct sp_keyring *keyring;
    struct sp_upload *upload;
    struct shim_reading_parts reading;
    struct shim_outcome outcome;
    struct shim_given_key *keys;      /* owned, in the order given */
    struct shim_undecided *undecided; /* owned, in the order given */
    size_t undecided_count;
    struct shim_undecided *identities;        /* owned: those that were exported as such */
    unsigned char last_key[SP_SHA256_LENGTH]; /* with |has_last|: of the certificate before */
    bool has_last;
    X509 *first_client; /* owned: the first certificate given that is no CA's */
    size_t parts;       /* that were read, or could not be */
    size_t added, stored_before, refused, unreadable, keys_added;
    json_t *certificates; /* owned: what became of each, as far as it is told */
    json_t *unread;       /* owned: what could not be read */
    json_t *notes;        /* owned: what is told of what was read */
    struct shim_passphrase passout;
    off_t size;              /* of all files; 0: nobody watches */
    struct timespec refresh; /* when the bar was drawn last */
};

/* Name the part that the next verdict is about. */
void shim_uploading_at(struct shim_uploading *run, const char *path, unsigned number);
/* Tell |verdict|, which is taken over; true if the part may be stored. */
bool shim_uploading_judged(struct shim_uploading *run, smimepolicy_verdict *verdict);
/* What the keyring could not do; returns false. */
bool shim_uploading_failed(struct shim_uploading *run);

/* Take a certificate, or keep a key for shim_uploading_keys().  False after a failure. */
bool shim_uploading_cert(struct shim_uploading *run, const struct shim_part *part);
bool shim_uploading_key(struct shim_uploading *run, const struct shim_part *part);
/* An exported key that stays encrypted: of the certificate before it. */
bool shim_uploading_locked(struct shim_uploading *run, const struct shim_part *part);
/* Count and tell a part that could not be read, for |why|. */
void shim_uploading_unreadable(struct shim_uploading *run, const struct shim_part *part,
                               const char *why);
/* Take the certificates whose role was left open, once all others are known. */
bool shim_uploading_undecided(struct shim_uploading *run);
void shim_uploading_free_undecided(struct shim_uploading *run);
/* Is |id| the name of one of the keys given, or of one that is stored? */
bool shim_uploading_has_key(struct shim_uploading *run, const unsigned char id[SP_SHA256_LENGTH]);
/* Judge the keys, once all certificates are known, and add them.  False after a failure. */
bool shim_uploading_keys(struct shim_uploading *run);
void shim_uploading_free_keys(struct shim_uploading *run);

/*
 * May |key| be kept under |pass|, NULL for none, or by its URI?  Where it is
 * stored in another way that is asked at a terminal, or --replace says so.
 * False with the reason on stderr.
 */
bool shim_uploading_may_replace(struct shim_uploading *run, const struct shim_given_key *key,
                                const char *pass);
/* The key as it is kept: encrypted under |pass| unless that is NULL.  False if that failed. */
bool shim_key_encode(EVP_PKEY *key, const char *pass, struct sp_private_key *encoded);

/* Tell what became of it; returns |code|, or SHIM_SYSTEM if out of memory. */
int shim_uploading_report(struct shim_uploading *run, int code, bool done);
/* A bar on a terminal; now and then. */
void shim_uploading_progress(struct shim_uploading *run);
void shim_uploading_progress_end(struct shim_uploading *run);

shim_command_fn shim_run_upload;

#endif
