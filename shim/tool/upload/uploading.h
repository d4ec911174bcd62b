/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Room upload: `smime-policy upload`, which puts certificates and keys into the
 * keyring, and `smime-policy import`, which uploads what another program has stored.
 *
 * This header: what the files of `upload` share.
 */
#ifndef SHIM_UPLOADING_H
#define SHIM_UPLOADING_H

#include <time.h>

#include <jansson.h>

#include "common/long_options.h"
#include "keyring/keyring.h"
#include "tool/certs/certs.h"
#include "tool/keyring/stored_entry.h"
#include "tool/report/outcome.h"

/* What `import` reads, and what the program that has stored it says of its certificates. */
struct shim_import {
    const char *from; /* borrowed: --from */
    const char
        *program;    /* borrowed: the program; NULL: a folder, whose certificates are all valid */
    bool cas;        /* --cas: CAs that are trusted there are taken */
    char *folder;    /* owned: where smime_keys keeps its files; or NULL */
    json_t *said;    /* owned: a fingerprint or the path of a file, and SHIM_SAID_... bits */
    bool everything; /* what is read now is trusted there */
};
#define SHIM_SAID_VALID   1
#define SHIM_SAID_TRUSTED 2

/* A certificate whose role, or a private key whose certificate, depends on parts that follow. */
struct shim_waiting {
    char *path;                   /* owned */
    unsigned number;              /* as in struct shim_part */
    X509 *cert;                   /* owned; NULL: a private key, or the certificate was taken */
    EVP_PKEY *key;                /* owned; NULL: it is locked or elsewhere, see |stored| */
    char *pass;                   /* owned: the passphrase that |key| has in the file, or NULL */
    struct sp_private_key stored; /* owned: the form to store the key in, if it is known */
    unsigned char id[SP_SHA256_LENGTH]; /* of the key, as in struct sp_keyid */
    bool known;                         /* |id| is known */
    bool as_exported;     /* the key is kept as it came, unless it is stored already */
    bool taken;           /* the key will be in the keyring */
    bool doubted;         /* `import` leaves the certificate out, unless something vouches for it */
    enum sp_role content; /* with |doubted|: its role by its content */
    struct shim_waiting *next;
};

/* A certificate that will be in the keyring. */
struct shim_taken {
    char *path; /* owned */
    unsigned number;
    struct sp_facts *facts; /* owned */
    unsigned char fingerprint[SP_SHA256_LENGTH];
    struct sp_keyid key; /* its own */
    enum sp_role role;   /* as it is without keys that come with it */
    bool already;        /* it was there before */
    struct shim_taken *next;
};

/* One run. */
struct shim_uploading {
    struct shim *shim;
    /* the options and operands, each borrowed or NULL: of --as, --passin, --passout and --key-uri
     */
    const char *as_word, *passin, *new_pass, *key_uri;
    bool no_passphrase, keep_going, replace, local, json, dry_run;
    char **files;               /* the last is NULL */
    struct shim_import *import; /* borrowed; NULL: `upload`, which reads |files| */
    const smimepolicy_settings *settings;
    enum sp_role as; /* SP_ROLE_NONE: as the content says, or as `export` wrote */
    time_t now;
    struct sp_keyring *keyring;
    struct sp_upload *upload;
    struct shim_reading_parts reading;
    struct shim_outcome outcome;
    struct shim_waiting *keys, *undecided; /* owned, in the order given */
    struct shim_waiting *identities;       /* owned: certificates that were exported as such */
    size_t undecided_count;
    unsigned char last_key[SP_SHA256_LENGTH]; /* with |has_last|: of the certificate before */
    bool has_last;
    X509_REQ *last_request; /* owned: of the key that comes next, instead of a certificate */
    time_t last_requested;  /* when that was made */
    X509 *first_client;     /* owned: the first certificate given that is no CA's */
    size_t parts;           /* that were read, or could not be */
    size_t added, stored_before, refused, unreadable, keys_added, left_out;
    struct shim_taken *taken, **last; /* owned, as far as they are printed; where the next goes */
    size_t taken_count;
    struct shim_waiting_crl *crls; /* owned, in the order given; see upload_crls.c */
    size_t crl_count, crl_bytes, crls_taken, crls_refused;
    bool has_cas;           /* a ca is among what is stored */
    struct shim_picks told; /* owned: those that were reported as revoked */
    json_t *unread;         /* owned: the parts that could not be read */
    json_t *notes;          /* owned: notes on parts that were read */
    struct shim_passphrase passout;
};

/* Set the part that the next verdict is about. */
void shim_uploading_at(struct shim_uploading *run, const char *path, unsigned number);
/* Report |verdict|, which is taken over; true if the part may be stored. */
bool shim_uploading_judged(struct shim_uploading *run, smimepolicy_verdict *verdict);
/* Report why the keyring failed, or that memory ran out; they return false. */
bool shim_uploading_failed(struct shim_uploading *run);
bool shim_uploading_no_memory(struct shim_uploading *run);
/* Count and tell a part that could not be read, for |why|. */
void shim_uploading_unreadable(struct shim_uploading *run, const struct shim_part *part,
                               const char *why);
/* Note that |verdict| reports |cert| as revoked, if it does.  False if out of memory. */
bool shim_uploading_note_revoked(struct shim_uploading *run, const X509 *cert,
                                 const smimepolicy_verdict *verdict);
/* Report those that the CRLs of this upload revoke, when these are in their places.  A code. */
int shim_uploading_tell_revoked(struct shim_uploading *run);
/* Note a certificate for the report; |facts| is taken over.  False if out of memory. */
bool shim_uploading_taken(struct shim_uploading *run, const struct shim_part *part,
                          struct sp_facts *facts, enum sp_role role, bool already);
/*
 * Print the result; returns |code|, or SHIM_SYSTEM if out of memory.  |done|: it is stored,
 * or with --dry-run would be.
 */
int shim_uploading_report(struct shim_uploading *run, int code, bool done);

/* Add a certificate, or keep a key for shim_uploading_keys().  False after a failure. */
bool shim_uploading_cert(struct shim_uploading *run, const struct shim_part *part);
bool shim_uploading_key(struct shim_uploading *run, const struct shim_part *part);
/* An exported request: of the key behind it, which waits for its certificate. */
bool shim_uploading_request(struct shim_uploading *run, const struct shim_part *part);
/* An exported key that stays encrypted: of the certificate before it. */
bool shim_uploading_locked(struct shim_uploading *run, const struct shim_part *part);
/* Take the certificates whose role was left open, once all others are known. */
bool shim_uploading_undecided(struct shim_uploading *run);

/* Keep |part| in |list|; NULL after a failure. */
struct shim_waiting *shim_waiting_add(struct shim_uploading *run, struct shim_waiting **list,
                                      const struct shim_part *part);
void shim_waiting_free(struct shim_waiting *list);
/* Is |id| that of one of the given keys, or of a stored one? */
bool shim_uploading_has_key(struct shim_uploading *run, const unsigned char id[SP_SHA256_LENGTH]);
/* Keep a CRL for shim_uploading_crls().  False after a failure. */
bool shim_uploading_crl(struct shim_uploading *run, const struct shim_part *part);
/* Verify the CRLs.  Called when all certificates are known.  False after a failure. */
bool shim_uploading_crls(struct shim_uploading *run);
/* Store all of it on the hub, if there is one: shim_hub_put(). */
int shim_uploading_put(struct shim_uploading *run);
/* Put them in their places.  SHIM_OK, or SHIM_SYSTEM with the reason on stderr. */
int shim_uploading_crls_store(struct shim_uploading *run);
/* Print those that are stored, or list all of them; NULL if out of memory. */
void shim_uploading_crls_print(const struct shim_uploading *run);
json_t *shim_uploading_crls_json(const struct shim_uploading *run);
void shim_uploading_crls_free(struct shim_uploading *run);

/* Judge and add the keys.  Called when all certificates are known.  False after a failure. */
bool shim_uploading_keys(struct shim_uploading *run);

/*
 * The form to store |key| in: as it was exported, by its URI, or encrypted under a
 * passphrase, which may be asked for.  If it is stored in another form, --replace
 * allows it, or a question at the terminal.  With --dry-run nothing is asked, and
 * |encoded| stays empty.  False with the reason on stderr.
 */
bool shim_uploading_encode(struct shim_uploading *run, struct shim_waiting *key,
                           struct sp_private_key *encoded);

/* Run `upload`, or `import`: |run| has the options and operands.  Returns the exit code. */
int shim_upload(struct shim_uploading *run);

/* Give all that `import` reads to |run|, the keys first.  False after a failure. */
bool shim_import_read(struct shim_uploading *run);
bool shim_import_read_gpgsm(struct shim_uploading *run);
bool shim_import_read_smime_keys(struct shim_uploading *run);
/* Note what the program says of the certificate |name|; the least good word counts. */
void shim_import_note(struct shim_import *import, const char *name, int said);
/* Is a certificate, whose content has |role|, to be left out unless something vouches for it? */
bool shim_import_doubts(struct shim_uploading *run, const struct shim_part *part,
                        enum sp_role role);
/* Tell that it is left out.  False if out of memory. */
bool shim_import_leave_out(struct shim_uploading *run, const struct shim_part *part,
                           enum sp_role role);

shim_command_fn shim_run_upload;
shim_command_fn shim_run_import;

#endif
