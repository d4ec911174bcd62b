/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * An open keyring: for the keyring's own files.
 */
#ifndef SP_STORE_H
#define SP_STORE_H

#include "keyring/keyring.h"
#include "keyring/sqlite.h"

#define SP_CERTIFICATES "certificates.db"
#define SP_KEYS         "keys.db"

/*
 * How long to wait for another process that writes, in milliseconds: a million
 * certificates are stored in less.
 */
#define SP_BUSY_TIMEOUT 60000
/* Of one value in the databases, in bytes: twice the longest certificate that is read. */
#define SP_LONGEST_VALUE (32 << 20)

enum sp_made {
    SP_MADE_NOTHING,
    SP_MADE_FILES,
    SP_MADE_DIRECTORY /* and the files in it */
};

struct sp_keyring {
    const struct sp_sqlite *sq;
    sqlite3 *db;
    char *path; /* owned: the directory */
    enum sp_access access;
    enum sp_made made; /* what of it was not there before, as long as nothing is stored in it */
    bool uploads;      /* an upload was begun */
    bool has_keys;     /* keys.db is attached */
    bool staging;      /* a transaction is open in the temporary database, and nowhere else */
    char *why;         /* owned; NULL: nothing has failed, or out of memory */
};

/* Note why |what| failed, from SQLite's last error; returns false. */
bool sp_store_failed(struct sp_keyring *keyring, const char *what);
/* The same in words of our own; |why| is owned and taken over, NULL: out of memory. */
bool sp_store_set_why(struct sp_keyring *keyring, char *why);

/* Prepare |sql|; NULL with the reason noted. */
sqlite3_stmt *sp_store_prepare(struct sp_keyring *keyring, const char *sql);
bool sp_store_run(struct sp_keyring *keyring, const char *sql);
/* Take every row's first number; |fallback| where there is none. */
bool sp_store_number(struct sp_keyring *keyring, const char *sql, int64_t *number);

/* Run |statement| to its end, if its values were |bound|, and make it ready for the next time. */
bool sp_store_finish(struct sp_keyring *keyring, sqlite3_stmt *statement, bool bound);

/* Like sp_keyring_find(), in the tables that |from| names with an alias c, and a condition. */
struct sp_cursor *sp_store_find(struct sp_keyring *keyring, const char *from,
                                const struct sp_query *query);

/* The stored certificate |der|, perhaps without its key: new, NULL unless it is whole. */
X509 *sp_store_parse(const unsigned char *der, int length);
/* What the keyring holds of |cert|; false if out of memory or not to be encoded. */
bool sp_store_record(struct sp_record *record, const X509 *cert, enum sp_role role);
/*
 * Write to the temporary database from here on: one transaction for many
 * writes, as SQLite goes through all that is not written yet at the end of
 * each.  It is over as soon as anything else is asked of |keyring|, which it
 * would hold on to.
 */
bool sp_store_stage(struct sp_keyring *keyring);
void sp_store_settle(struct sp_keyring *keyring);

/* Between these two all is done or, if the second is not reached, nothing. */
bool sp_store_begin(struct sp_keyring *keyring);
bool sp_store_commit(struct sp_keyring *keyring);
void sp_store_rollback(struct sp_keyring *keyring);

/* Note that the entry |id| is damaged; returns false. */
bool sp_store_damaged(struct sp_keyring *keyring, int64_t id);
/* The certificate of |record|: new, NULL with the reason noted. */
X509 *sp_store_cert(struct sp_keyring *keyring, const struct sp_record *record);
/* Run |statement| for each name by which a message may call the certificate: ?1, with |id| as ?2.
 */
bool sp_store_recipients(struct sp_keyring *keyring, sqlite3_stmt *statement, const X509 *cert,
                         int64_t id);
/* The same for each of its addresses. */
bool sp_store_addresses(struct sp_keyring *keyring, sqlite3_stmt *statement,
                        const struct sp_facts *facts, int64_t id);

/* "certificates.db" or "keys.db" in |path|; owned by the caller. */
char *sp_store_file(const char *path, const char *name);

/*
 * Check that nobody but its owner can write |path|, the directory of a keyring,
 * and its files.  On failure |*why| is set as for sp_keyring_open().
 */
bool sp_files_safe(const char *path, char **why);
/* Make the directory and the files that are missing; |*made| says which were. */
bool sp_files_make(const char *path, enum sp_made *made, char **why);
/* Remove what was |made|, and nothing that somebody else put there. */
void sp_files_remove(const char *path, enum sp_made made);

/* The names in the directory |path| are on the disk. */
bool sp_files_sync(const char *path);

/*
 * Remove what SQLite leaves behind when a change of both databases fails or is
 * killed: the file that names their journals.  Only for who holds both of them
 * for writing, so that nothing half done refers to it any more.
 */
void sp_files_sweep(const char *path);

/* The steps that lead from an empty database to its present form. */
struct sp_schema {
    const char *database; /* as SQL calls it */
    const char *file;
    const char *const *steps; /* ended by NULL */
};

/* Do the steps that are missing, or say why not: a newer form is not understood. */
bool sp_schema_bring_up(struct sp_keyring *keyring, const struct sp_schema *schema);
bool sp_schema_certificates(struct sp_keyring *keyring);
bool sp_schema_keys(struct sp_keyring *keyring);

/* One check of a keyring. */
struct sp_check {
    struct sp_keyring *keyring; /* borrowed */
    sp_tell_fn *tell;
    void *data; /* borrowed */
    struct sp_checked *checked;
};
/* Count and tell |line|, which is owned and taken over; false if out of memory. */
bool sp_check_fault(struct sp_check *check, char *line);
/* |file| cannot be read on: one more fault, and no reason to give up; false only if out of memory.
 */
bool sp_check_unreadable(struct sp_check *check, const char *file);
/* SQLite's own look at |database|; false only if out of memory. */
bool sp_check_integrity(struct sp_check *check, const char *database, const char *file);
/* What is wrong with the private key that is filed under |key|; NULL: nothing. */
const char *sp_key_fault(const unsigned char key[SP_SHA256_LENGTH],
                         const struct sp_private_key *stored);
/* The private keys, and whose they are. */
bool sp_check_keys(struct sp_check *check);

/* Attach keys.db, made if it is missing and the keyring may be written. */
bool sp_keys_attach(struct sp_keyring *keyring);
/* Is there a keys.db that holds anything, for a reader?  True if that cannot be found out. */
bool sp_keys_exist(const struct sp_keyring *keyring);

#endif
