/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Talking to the hub, within this room.
 */
#ifndef SHIM_TALK_H
#define SHIM_TALK_H

#include <libpq-fe.h>

#include "tool/hub/hub.h"

/* PostgreSQL's libpq is loaded when a hub is asked: most commands never ask one. */
#define SHIM_LIBPQ_FUNCTIONS(X)                                                                    \
    X(clear)                                                                                       \
    X(connectdbParams)                                                                             \
    X(conninfoFree)                                                                                \
    X(conninfoParse)                                                                               \
    X(consumeInput)                                                                                \
    X(errorMessage)                                                                                \
    X(finish)                                                                                      \
    X(flush)                                                                                       \
    X(freemem)                                                                                     \
    X(getResult)                                                                                   \
    X(getisnull)                                                                                   \
    X(getlength)                                                                                   \
    X(getvalue)                                                                                    \
    X(isBusy)                                                                                      \
    X(notifies)                                                                                    \
    X(ntuples)                                                                                     \
    X(putCopyData)                                                                                 \
    X(putCopyEnd)                                                                                  \
    X(resultErrorField)                                                                            \
    X(resultStatus)                                                                                \
    X(sendQuery)                                                                                   \
    X(sendQueryParams)                                                                             \
    X(setNoticeReceiver)                                                                           \
    X(setnonblocking)                                                                              \
    X(socket)                                                                                      \
    X(status)

struct shim_libpq {
#define X(name) __typeof__(PQ##name) *(name);
    SHIM_LIBPQ_FUNCTIONS(X)
#undef X
};

/* A connection to the hub. */
struct shim_hub {
    const struct shim_libpq *pq;
    PGconn *connection; /* owned */
    const char *realm;  /* borrowed: the setting */
    const char *name;   /* borrowed: the setting `hub`, for messages */
    int patience;       /* how long the hub may be silent, in milliseconds */
    bool unsure;        /* the connection was lost while the hub was to commit */
    char *clash; /* owned: why publish() refused, if another host was faster or a key is there */
};

#define SHIM_HUB_PATIENCE 15000
/* The form of the tables that this program knows: the last number of a file in sql/. */
#define SHIM_HUB_FORM 2
/*
 * The SQL that makes form i + 1 of form i, and the one of publish(), which follows the last form.
 * CMake makes these of the files in sql/.
 */
extern const char *const shim_hub_forms[];
extern const char shim_hub_publish[];

/*
 * Connect to the hub of the settings, which are read.
 *
 * @return SHIM_OK; SHIM_USAGE if no hub is set; SHIM_SYSTEM if it cannot be reached within
 *         seconds; with the reason on stderr.  Close it in any case.
 */
int shim_hub_open(struct shim *shim, struct shim_hub *hub);
void shim_hub_close(struct shim_hub *hub);

/*
 * Run |sql| with |values| as $1, $2, …, which end with NULL, and get its rows in binary form.  NULL
 * with the reason on stderr: also if the hub was silent for too long.
 */
PGresult *shim_hub_ask(struct shim_hub *hub, const char *sql, const char *const *values);
/* The same, and also for several statements without values, where no rows matter. */
bool shim_hub_run_with(struct shim_hub *hub, const char *sql, const char *const *values);
bool shim_hub_run(struct shim_hub *hub, const char *sql);
/* Send rows for a COPY FROM STDIN that was run: call put() any number of times, then end(). */
bool shim_hub_copy_put(struct shim_hub *hub, const char *bytes, size_t length);
bool shim_hub_copy_end(struct shim_hub *hub);

/* A value of a row.  Text ends with NUL; borrowed from |rows|. */
const char *shim_hub_text(const struct shim_hub *hub, const PGresult *rows, int row, int column);
/* A number in binary form, of 1 to 8 bytes; -1 if it is NULL or has another length. */
int64_t shim_hub_number(const struct shim_hub *hub, const PGresult *rows, int row, int column);
/* Bytes; NULL if it is NULL. */
const unsigned char *shim_hub_bytes(const struct shim_hub *hub, const PGresult *rows, int row,
                                    int column, size_t *length);
bool shim_hub_hash(const struct shim_hub *hub, const PGresult *rows, int row, int column,
                   unsigned char hash[SP_SHA256_LENGTH]);

/* Where the hub stands; read in the transaction of what follows. */
struct shim_hub_head {
    struct sp_hub reach;                        /* owned: of its last revision */
    int64_t oldest;                             /* the journal begins behind this revision */
    bool has_keys;                              /* private keys are open to us */
    int64_t crls;                               /* their number */
    unsigned char crl_digest[SP_SHA256_LENGTH]; /* the sums of all CRLs, XORed */
};
/* SHIM_OK, or another code with the reason on stderr: of another form, a standby, no such realm. */
int shim_hub_head(struct shim_hub *hub, struct shim_hub_head *head);
void shim_hub_head_clear(struct shim_hub_head *head);

/* What a sync has done. */
struct shim_synced {
    bool whole; /* the whole was compared */
    int64_t revision, certificates, stored, removed, keys;
    int64_t crls, crls_stored, crls_removed, crls_refused; /* of the hub; and what became of them */
    char *epoch;                                           /* owned */
};
void shim_synced_clear(struct shim_synced *synced);
/* How to sync. */
struct shim_sync_how {
    bool whole;      /* compare the whole, whatever the revision */
    bool hands_over; /* what is this keyring's own and the hub has is the hub's from now on */
    const struct shim_hub_crls *crls; /* borrowed: what the caller is about to store; or NULL */
};
/*
 * Choose the origins of what is of the hub by the setting `hub_anchors`; with |whole|, also where
 * what the keyring keeps of its hub is damaged.  A SHIM code.
 */
int shim_hub_relabel(struct shim *shim, struct sp_keyring *keyring, bool whole);
/* Bring the keyring up to the hub, over a connection that is open.  A SHIM code. */
int shim_hub_sync(struct shim *shim, struct shim_hub *hub, struct sp_keyring *keyring,
                  const struct shim_sync_how *how, struct shim_synced *synced);

/* follow.c: told of each sync that has changed something. */
typedef void shim_synced_fn(const struct shim *shim, const struct shim_synced *synced);
/* Follow the hub until SIGTERM or SIGINT; a SHIM code. */
int shim_follow(struct shim *shim, shim_synced_fn *tell);
/* Tell systemd, if it has started us, as sd_notify() does. */
void shim_follow_notify(const char *state);

struct shim_pushed {
    int64_t revision, certificates, keys;
    int64_t keys_kept; /* private keys that stay here: none are open to us on the hub */
    int64_t crls_kept; /* CRLs that stay here: their text is not kept */
};
/* Move the keyring to the hub, all or nothing; afterwards it is the hub's.  A SHIM code. */
int shim_hub_push(struct shim *shim, struct shim_hub *hub, struct shim_pushed *pushed);

/*
 * Tell why a transaction failed, if that was not told: another host was faster, a private key is
 * elsewhere, or nobody knows whether the hub has committed.  Returns the code to end with.
 */
int shim_hub_refused(const struct shim_hub *hub, int code);

#endif
