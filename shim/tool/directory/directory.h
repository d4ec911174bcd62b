/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Room directory: contacts that are fetched from the directories of the setting `contacts`.
 * What comes is judged, and kept in the keyring: gates and programs read it there, and
 * nobody but the command asks a directory.
 */
#ifndef SHIM_DIRECTORY_H
#define SHIM_DIRECTORY_H

#include <stdbool.h>
#include <time.h>

#include <jansson.h>

#include "choice/choose.h"
#include "common/shim.h"
#include "keyring/keyring.h"
#include "settings/directories.h"
#include "tool/keyring/stored_entry.h"

/* What is told of a question. */
enum shim_news_kind {
    SHIM_NEWS_TAKEN,   /* a certificate will be stored */
    SHIM_NEWS_AGAIN,   /* one that is stored already */
    SHIM_NEWS_LEFT,    /* one is not taken, or a part of the answer: |why| */
    SHIM_NEWS_NOTHING, /* the directory has none */
    SHIM_NEWS_FAILED,  /* the directory gave no answer: |why| */
    SHIM_NEWS_GONE /* a stored one will be removed: no directory has it, or it may not be used */
};
struct shim_news {
    enum shim_news_kind kind;
    const char *source;  /* borrowed: the directory, as a URL; NULL for what is gone */
    const char *address; /* borrowed: that was asked about */
    const char *why;     /* borrowed, or NULL */
    const X509 *cert;    /* borrowed, or NULL */
    const struct sp_facts *facts;
};
typedef void shim_news_fn(const struct shim_news *news, void *data);

/* ldap.c: is libldap there?  If not, |*why| says so, to free; NULL: out of memory. */
bool shim_directory_ready(char **why);

/* Tell on stderr that a certificate is gone; or would be, |if_done|. */
void shim_directory_tell_gone(const struct shim_news *news, bool if_done);

/*
 * A run waits for a directory no longer than this, in milliseconds, whatever number of addresses
 * there are.  One that gave no answer has used it up.
 */
#define SHIM_MOST_SPENT 30000

/* The directories, as one run asks them. */
struct shim_directory {
    struct shim *shim;          /* borrowed; its settings are read */
    struct sp_keyring *keyring; /* borrowed: what vouches, and what is stored */
    struct sp_upload *upload;   /* borrowed: what is taken is added to it */
    time_t now;
    shim_news_fn *tell;
    void *data;
    bool dry_run; /* nothing is stored, and so nothing logged */
    /* How long each was waited for, in milliseconds: see SHIM_MOST_SPENT. */
    int64_t spent[SP_MOST_DIRECTORIES];
    /* Owned: what is gone.  It is for the caller to remove, once the upload is stored. */
    struct shim_picks gone;
    bool has_taken; /* the upload has to be stored */
};

/*
 * Ask every directory for certificates of |address|, which has A-labels in its domain.  Those
 * that may be encrypted to are added to the upload, as contacts of that address.
 *
 * @return SHIM_OK, also if there is none or no directory answers; or another code with the
 *         reason on stderr
 */
int shim_directory_ask(struct shim_directory *directory, const char *address);
/* Remove what is gone.  SHIM_OK, or SHIM_SYSTEM with the reason on stderr. */
int shim_directory_remove(struct shim_directory *directory);
/* Free what |directory| owns. */
void shim_directory_end(struct shim_directory *directory);

/*
 * Is a directory to be asked about the address whose certificates are |choice|, which is
 * ranked?  It is if none may be used, or if the chosen one came from a directory a while ago.
 */
bool shim_directory_may_help(const struct shim *shim, const struct sp_choice *choice, time_t now);
/*
 * Ask for |address|, and store what is taken.
 *
 * @param told   gets what there is to tell, as the `directories` of docs/use/json.md; NULL: it is
 *               told on stderr
 * @param spent  SP_MOST_DIRECTORIES elements: how long each was waited for in this run
 * @return SHIM_OK, also if nothing came; or another code with the reason on stderr
 */
int shim_directory_fetch(struct shim *shim, const char *address, int64_t *spent, json_t *told);
/* Note in |told|, or on stderr, that a directory would be asked about |address|. */
void shim_directory_tell_ahead(const char *address, json_t *told);

#endif
