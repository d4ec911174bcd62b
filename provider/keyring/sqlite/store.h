/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Room sqlite: the keyring in two databases of SQLite, `certificates.db`, which every
 * user may read, and `keys.db`, which its owner alone may.  docs/use/keyring.md
 * explains the choices.  No call leaves a lock on the files, so that others may write
 * between two calls.
 */
#ifndef SP_STORE_H
#define SP_STORE_H

#include <sys/stat.h>

#include "keyring/sqlite/sqlite.h"
#include "keyring/storage.h"

#define SP_CERTIFICATES "certificates.db"
#define SP_KEYS         "keys.db"

/*
 * How long to wait for another process that writes, in milliseconds.  Storing a
 * million certificates takes less.
 */
#define SP_BUSY_TIMEOUT 60000
/* The longest value in the databases, in bytes: twice the longest certificate that is read. */
#define SP_LONGEST_VALUE (32 << 20)

enum sp_made {
    SP_MADE_NOTHING,
    SP_MADE_FILES,
    SP_MADE_DIRECTORY /* the directory and its files */
};

/* By what an open database is known again. */
struct sp_stamp {
    struct statx file; /* certificates.db */
    uid_t user;
    pid_t process;
};

/* An open keyring. */
struct sp_database {
    struct sp_keyring base;
    const struct sp_sqlite *sq;
    sqlite3 *db;
    char *path; /* owned: the directory */
    enum sp_access access;
    enum sp_made made;   /* what was made when it was opened, as long as nothing is stored in it */
    bool uploads;        /* an upload was begun */
    bool has_keys;       /* keys.db is attached */
    bool staging;        /* a transaction is open in the temporary database, and nowhere else */
    sqlite3_stmt *spare; /* owned: that of the last look-up, which is at rest; or NULL */
    int64_t form;        /* of certificates.db, as it was opened */
    struct sp_stamp stamp;    /* what was opened */
    int fd;                   /* SQLite's descriptor of certificates.db; -1: not known */
    struct sp_database *next; /* behind it in a list of those that may not be closed */
    bool stayed;              /* it is open for more than one question */
    char *why;                /* owned; NULL: nothing has failed, or out of memory */
};

static inline struct sp_database *sp_database(struct sp_keyring *keyring)
{
    return (struct sp_database *)keyring;
}

/* The operations of the table in keyring/storage.h, one after the other. */
bool sp_sqlite_exists(const char *path);
bool sp_sqlite_is_own(const char *path, char **why);
bool sp_sqlite_keys_readable(const char *path);
struct sp_keyring *sp_sqlite_open(const char *path, enum sp_access access, char **why);
void sp_sqlite_close(struct sp_keyring *opened);
const char *sp_sqlite_why(const struct sp_keyring *opened);
bool sp_sqlite_may_stay(struct sp_keyring *opened);
bool sp_sqlite_is_current(struct sp_keyring *opened, const char *path);
struct sp_cursor *sp_sqlite_find(struct sp_keyring *opened, const struct sp_query *query);
int sp_sqlite_next(struct sp_cursor *found, struct sp_record *record);
void sp_sqlite_end(struct sp_cursor *found);
struct sp_standing sp_sqlite_standing(struct sp_keyring *opened,
                                      const unsigned char fingerprint[SP_SHA256_LENGTH],
                                      bool *failed);
bool sp_sqlite_count(struct sp_keyring *opened, int64_t counts[SP_ROLE_COUNT]);
int sp_sqlite_key(struct sp_keyring *opened, const unsigned char key[SP_SHA256_LENGTH],
                  struct sp_private_key *private_key);
int sp_sqlite_change_key(struct sp_keyring *keyring, const unsigned char key[SP_SHA256_LENGTH],
                         const struct sp_private_key *was, const struct sp_private_key *now);
bool sp_sqlite_remove(struct sp_keyring *opened,
                      const unsigned char (*fingerprints)[SP_SHA256_LENGTH], size_t count);
bool sp_sqlite_check(struct sp_keyring *opened, sp_tell_fn *tell, void *data,
                     struct sp_checked *checked);
bool sp_sqlite_backup(struct sp_keyring *opened, const char *path, sp_step_fn *step);
struct sp_upload *sp_sqlite_upload(struct sp_keyring *opened);
enum sp_added sp_sqlite_add(struct sp_upload *begun, const X509 *cert, const struct sp_facts *facts,
                            enum sp_role role, bool overrides, enum sp_role *stored_as);
void sp_sqlite_at(struct sp_upload *begun, int64_t when);
void sp_sqlite_origin(struct sp_upload *begun, enum sp_origin origin);
void sp_sqlite_only_for(struct sp_upload *begun, const char *addresses);
bool sp_sqlite_add_key(struct sp_upload *begun, const unsigned char key[SP_SHA256_LENGTH],
                       struct sp_private_key *private_key);
struct sp_cursor *sp_sqlite_find_staged(struct sp_upload *begun, const struct sp_query *query);
bool sp_sqlite_hub(struct sp_keyring *opened, struct sp_hub *hub);
int sp_sqlite_members(struct sp_keyring *opened, const unsigned char *from,
                      struct sp_member *members, int room);
void sp_sqlite_member(struct sp_upload *begun, const struct sp_member *member);
bool sp_sqlite_leave(struct sp_upload *begun, const unsigned char fingerprint[SP_SHA256_LENGTH],
                     bool with_key);
bool sp_sqlite_relabel(struct sp_upload *begun, const unsigned char fingerprint[SP_SHA256_LENGTH],
                       enum sp_origin origin);
void sp_sqlite_reach(struct sp_upload *begun, const struct sp_hub *hub);
void sp_sqlite_hand_over(struct sp_upload *begun);
bool sp_sqlite_found_by(struct sp_upload *begun, const struct sp_record *record, char **addresses);
bool sp_sqlite_keys(struct sp_upload *begun, sp_key_fn *each, void *data);
bool sp_sqlite_commit(struct sp_upload *begun);
void sp_sqlite_forget(struct sp_upload *begun);

/* Open the database |file|, as sqlite3_open_v2() does, and note what it is. */
int sp_stamp_open(struct sp_database *keyring, const char *file, int flags);
/*
 * May SQLite's descriptor be closed?  Not if the program has closed it: then its
 * number may be that of another file.
 */
bool sp_stamp_may_close(const struct sp_database *keyring);

/* Note why |what| failed, from SQLite's last error; returns false. */
bool sp_store_failed(struct sp_database *keyring, const char *what);
/*
 * Set |why| as the reason of a failure; returns false.  |why| is taken over; NULL:
 * out of memory.
 */
bool sp_store_set_why(struct sp_database *keyring, char *why);

/*
 * Prepare |sql|; NULL on failure, with the reason noted.  Here and below: if |sql| is NULL, memory
 * ran out when it was made.
 */
sqlite3_stmt *sp_store_prepare(struct sp_database *keyring, const char *sql);
bool sp_store_run(struct sp_database *keyring, const char *sql);
/* Run |sql| and read the first column of its row into |*number|. */
bool sp_store_number(struct sp_database *keyring, const char *sql, int64_t *number);

/* Run |statement| to its end, unless |bound| is false, and reset it. */
bool sp_store_finish(struct sp_database *keyring, sqlite3_stmt *statement, bool bound);

#define SP_FORM_WITH_ORIGIN 2
/*
 * The origin of the certificate c, in SQL, whatever the form.  A reader may meet a keyring of the
 * first form, which it cannot bring up: without the column, the name stands for the constant around
 * it, as all was uploaded then.  SQLite asks anew which it is when the tables change.
 */
#define SP_ORIGIN                                                                                  \
    "(SELECT (SELECT origin FROM main.certificate o WHERE o.id = c.id) FROM (SELECT 1 AS origin))"
/* Was it a person's hand?  This is for a choice among many; the rules decide. */
#define SP_BY_HAND " IN (1, 4, 6)"

/* As sp_keyring_find(), in |from|: tables, with the alias c, and a condition. */
struct sp_cursor *sp_store_find(struct sp_database *keyring, const char *from,
                                const struct sp_query *query);
/* As sp_keyring_find(), for SP_WAITING. */
struct sp_cursor *sp_store_find_waiting(struct sp_database *keyring);
/* As sp_keyring_find(), for SP_BY_PREFIX. */
struct sp_cursor *sp_store_find_prefix(struct sp_database *keyring, const struct sp_query *query);

/*
 * Parse the stored certificate |der|, perhaps without its key.  A new object; NULL
 * unless all bytes are used.
 */
X509 *sp_store_parse(const unsigned char *der, int length);
/* Fill |record| for |cert|; false if out of memory or if |cert| cannot be encoded. */
bool sp_store_record(struct sp_record *record, const X509 *cert, enum sp_role role);
/*
 * Begin a transaction in the temporary database: at the end of each transaction
 * SQLite goes through all unwritten pages, so many writes share one.  It ends when
 * |keyring| is used otherwise, as it would hold a lock.
 */
bool sp_store_stage(struct sp_database *keyring);
void sp_store_settle(struct sp_database *keyring);

/*
 * Remove the entry with |fingerprint|, within a transaction.  Its private key goes |with_key|
 * if no other needs it.
 */
bool sp_store_remove(struct sp_database *keyring, const unsigned char *fingerprint, bool with_key);

/* A transaction: if sp_store_commit() is not reached, nothing is changed. */
bool sp_store_begin(struct sp_database *keyring);
bool sp_store_commit(struct sp_database *keyring);
void sp_store_rollback(struct sp_database *keyring);

/* Parse the certificate of |record|.  A new object; NULL with the reason noted. */
X509 *sp_store_cert(struct sp_database *keyring, const struct sp_record *record);
/* Run |statement| for each recipient name of the certificate: ?1 is the name, ?2 is |id|. */
bool sp_store_recipients(struct sp_database *keyring, sqlite3_stmt *statement, const X509 *cert,
                         int64_t id);
/* As sp_store_recipients(), for each address, or for those in the list |only| unless it is NULL. */
bool sp_store_addresses(struct sp_database *keyring, sqlite3_stmt *statement,
                        const struct sp_facts *facts, const char *only, int64_t id);

/* "certificates.db" or "keys.db" in |path|; owned by the caller. */
char *sp_store_file(const char *path, const char *name);

/*
 * Check that only its owner can write |path|, the directory of a keyring, and its
 * files.  On failure |*why| is set as for sp_keyring_open().
 */
bool sp_files_safe(const char *path, char **why);
/* Make the directory and the files that are missing; |*made| says which were. */
bool sp_files_make(const char *path, enum sp_made *made, char **why);
/* Remove what was |made|, and nothing that others have put there. */
void sp_files_remove(const char *path, enum sp_made made);

/* Write the names in the directory |path| to the disk. */
bool sp_files_sync(const char *path);

/*
 * Remove the file in which SQLite names the journals of a change to both databases.
 * It stays behind if the change failed or was killed.  The caller must hold both
 * databases for writing: then no unfinished change refers to the file.
 */
void sp_files_sweep(const char *path);

/* The steps that make a database of the present form from an empty one. */
struct sp_schema {
    const char *database; /* its name in SQL */
    const char *file;
    const char *const *steps; /* ended by NULL */
};

/*
 * Run the missing steps.  |*form| is set to how many have been made.  False with the reason noted,
 * also for a newer form, and for a database that is not ours.
 */
bool sp_schema_bring_up(struct sp_database *keyring, const struct sp_schema *schema, int64_t *form);
bool sp_schema_certificates(struct sp_database *keyring);
bool sp_schema_keys(struct sp_database *keyring);

/* One check of a keyring. */
struct sp_check {
    struct sp_database *keyring; /* borrowed */
    sp_tell_fn *tell;
    void *data; /* borrowed */
    struct sp_checked *checked;
};
/* Count and report |line|, which is taken over; false if out of memory. */
bool sp_check_fault(struct sp_check *check, char *line);
/* Report that |file| cannot be read further.  The check goes on; false only if out of memory. */
bool sp_check_unreadable(struct sp_check *check, const char *file);
/* Let SQLite check |database|; false only if out of memory. */
bool sp_check_integrity(struct sp_check *check, const char *database, const char *file);
/* The fault of the private key that is stored under |key|; NULL: none. */
const char *sp_key_fault(const unsigned char key[SP_SHA256_LENGTH],
                         const struct sp_private_key *stored);
/* Check the private keys, and to whom they belong. */
bool sp_check_keys(struct sp_check *check);

/* Attach keys.db.  It is made if it is missing and the keyring may be written. */
bool sp_keys_attach(struct sp_database *keyring);
/* For a reader: is there a keys.db that is not empty?  True also if that cannot be found out. */
bool sp_keys_exist(const struct sp_database *keyring);
/*
 * Let |begin| begin a transaction, with keys.db attached if it is there by then.  Another
 * process may make it at any moment, and inside a transaction it is too late to attach it.
 */
bool sp_keys_begin(struct sp_database *keyring, bool (*begin)(struct sp_database *keyring));
/*
 * What stands for the table of waiting keys in SQL, once keys.db is attached: nothing waits
 * in one of the first form, which a reader cannot bring up.  NULL if that failed.
 */
const char *sp_keys_waiting(struct sp_database *keyring);

#endif
