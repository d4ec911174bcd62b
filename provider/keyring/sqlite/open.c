/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "base/text.h"
#include "keyring/sqlite/store.h"

/*
 * Open the database, for writing if that is allowed: only then a reader can undo
 * what an interrupted writer left.
 */
static bool open_database(struct sp_database *keyring)
{
    const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE;
    char *file = sp_store_file(keyring->path, SP_CERTIFICATES);
    int code = SQLITE_NOMEM;

    if (file != NULL)
        code = sp_stamp_open(keyring, file, flags);
    OPENSSL_free(file);
    if (code != SQLITE_OK)
        return sp_store_failed(keyring, "open it");
    (void)keyring->sq->busy_timeout(keyring->db, SP_BUSY_TIMEOUT);
    (void)keyring->sq->limit(keyring->db, SQLITE_LIMIT_LENGTH, SP_LONGEST_VALUE);
    /* EXTRA: the removal of the journal is on the disk, too, before a commit returns. */
    return sp_store_run(keyring, "PRAGMA trusted_schema = OFF;"
                                 "PRAGMA cell_size_check = ON;"
                                 "PRAGMA synchronous = EXTRA;") &&
           (keyring->access == SP_KEYRING_READ ||
            sp_store_run(keyring, "PRAGMA cache_size = -32768")) &&
           sp_schema_certificates(keyring) &&
           (keyring->access == SP_KEYRING_WRITE || sp_store_run(keyring, "PRAGMA query_only = ON"));
}

static struct sp_database *new_keyring(const char *path, enum sp_access access, char **why)
{
    struct sp_database *keyring;
    const struct sp_sqlite *sq = sp_sqlite();

    if (sq == NULL) {
        *why = sp_format("keyring %s: SQLite cannot be loaded; install the library "
                         "libsqlite3.so.0, 3.37 or newer",
                         path);
        return NULL;
    }
    keyring = OPENSSL_zalloc(sizeof(*keyring));
    if (keyring == NULL)
        return NULL;
    keyring->base.storage = &sp_sqlite_storage;
    keyring->fd = -1;
    keyring->sq = sq;
    keyring->access = access;
    keyring->path = OPENSSL_strdup(path);
    if (keyring->path != NULL)
        return keyring;
    sp_sqlite_close(&keyring->base);
    return NULL;
}

struct sp_keyring *sp_sqlite_open(const char *path, enum sp_access access, char **why)
{
    struct sp_database *keyring;
    enum sp_made made = SP_MADE_NOTHING;
    char *fault = NULL;

    *why = NULL;
    if (access == SP_KEYRING_READ && !sp_sqlite_exists(path))
        fault = sp_format("there is no keyring in %s; 'smime-policy upload' makes one", path);
    if (fault != NULL || !(access == SP_KEYRING_WRITE ? sp_files_make(path, &made, &fault)
                                                      : sp_files_safe(path, &fault))) {
        *why = fault == NULL ? NULL : sp_format("keyring: %s", fault);
        OPENSSL_free(fault);
        return NULL;
    }
    keyring = new_keyring(path, access, why);
    if (keyring == NULL)
        return NULL;
    keyring->made = made;
    if (open_database(keyring))
        return &keyring->base;
    *why = keyring->why;
    keyring->why = NULL;
    sp_sqlite_close(&keyring->base);
    return NULL;
}

/*
 * Remove a keyring that was made for an upload, if nothing was stored in it.
 * Another program that has it open gets an error from SQLite when it writes.
 */
static void unmake(struct sp_database *keyring)
{
    int64_t count;

    /* If another process writes to it now, it stays. */
    (void)keyring->sq->busy_timeout(keyring->db, 0);
    if (sp_store_run(keyring, "BEGIN EXCLUSIVE") &&
        sp_store_number(keyring, "SELECT count(*) FROM main.certificate", &count) && count == 0)
        sp_files_remove(keyring->path, keyring->made);
    sp_store_rollback(keyring);
}

/* Those that may not be closed stay as they are.  With this list they do not count as leaks. */
static _Atomic(struct sp_database *) left;

void sp_sqlite_close(struct sp_keyring *opened)
{
    struct sp_database *keyring = sp_database(opened);

    if (!sp_stamp_may_close(keyring)) {
        keyring->next = atomic_exchange(&left, keyring);
        return;
    }
    if (keyring->made != SP_MADE_NOTHING && keyring->uploads)
        unmake(keyring);
    (void)keyring->sq->finalize(keyring->spare);
    (void)keyring->sq->close_v2(keyring->db);
    OPENSSL_free(keyring->path);
    OPENSSL_free(keyring->why);
    OPENSSL_free(keyring);
}
