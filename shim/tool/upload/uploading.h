/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Room upload: `smime-policy upload` and `import`, which put certificates and keys
 * into the keyring.
 *
 * This header: what the files of `upload` share.
 */
#ifndef SHIM_UPLOADING_H
#define SHIM_UPLOADING_H

#include <time.h>

#include <jansson.h>

#include "common/shim.h"
#include "keyring/keyring.h"
#include "tool/certs/certs.h"
#include "tool/report/outcome.h"

/* The options and operands. */
struct shim_upload_options {
    const char *as, *passin, *passout, *key_uri; /* borrowed, or NULL */
    bool no_passphrase, keep_going, replace, json;
    char **files; /* borrowed; the last is NULL */
};

/* A private key that was given. */
struct shim_given_key {
    EVP_PKEY *key;   /* owned; NULL: it is named by |uri| */
    const char *uri; /* borrowed, or NULL */
    char *pass;      /* owned: its passphrase in the file, or NULL */
    char *path;      /* owned */
    unsigned number; /* as in struct shim_part */
    unsigned char id[SP_SHA256_LENGTH];
    bool as_exported;               /* it is kept as it came, unless it is stored already */
    struct sp_private_key exported; /* owned: that, where it is encrypted or at a URI */
    struct shim_given_key *next;
};
/* Find the id of the key, as in struct sp_keyid; false if it has none. */
bool shim_given_key_name(struct shim_given_key *key);

/* A certificate whose role depends on the others. */
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
    json_t *certificates; /* owned: the result for each, as far as it is printed */
    json_t *unread;       /* owned: the parts that could not be read */
    json_t *notes;        /* owned: notes on parts that were read */
    struct shim_passphrase passout;
    off_t size;              /* the size of all files; 0: no progress is shown */
    struct timespec refresh; /* when the progress bar was drawn last */
};

/* Set the part that the next verdict is about. */
void shim_uploading_at(struct shim_uploading *run, const char *path, unsigned number);
/* Report |verdict|, which is taken over; true if the part may be stored. */
bool shim_uploading_judged(struct shim_uploading *run, smimepolicy_verdict *verdict);
/* Report why the keyring failed; returns false. */
bool shim_uploading_failed(struct shim_uploading *run);

/* Add a certificate, or keep a key for shim_uploading_keys().  False after a failure. */
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
/* Is |id| that of one of the given keys, or of a stored one? */
bool shim_uploading_has_key(struct shim_uploading *run, const unsigned char id[SP_SHA256_LENGTH]);
/* Judge and add the keys.  Called when all certificates are known.  False after a failure. */
bool shim_uploading_keys(struct shim_uploading *run);
void shim_uploading_free_keys(struct shim_uploading *run);

/*
 * May |key| be stored under |pass| (NULL: none), or by its URI?  If it is stored in
 * another form, --replace allows it, or a question at the terminal.  False with the
 * reason on stderr.
 */
bool shim_uploading_may_replace(struct shim_uploading *run, const struct shim_given_key *key,
                                const char *pass);
/* Encode the key for storing: encrypted under |pass| unless that is NULL.  False if that failed. */
bool shim_key_encode(EVP_PKEY *key, const char *pass, struct sp_private_key *encoded);

/* Print the result; returns |code|, or SHIM_SYSTEM if out of memory. */
int shim_uploading_report(struct shim_uploading *run, int code, bool done);
/* Draw a progress bar on a terminal, at intervals. */
void shim_uploading_progress(struct shim_uploading *run);
void shim_uploading_progress_end(struct shim_uploading *run);

shim_command_fn shim_run_upload;

#endif
