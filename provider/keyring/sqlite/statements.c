/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Statements and transactions of an open keyring, and the reasons of failures.
 */
#include <errno.h>
#include <string.h>

#include <openssl/crypto.h>

#include "base/text.h"
#include "keyring/sqlite/store.h"

bool sp_store_set_why(struct sp_database *keyring, char *why)
{
    OPENSSL_free(keyring->why);
    keyring->why = why;
    return false;
}

/* What the reader can do about an error of SQLite. */
static const char *remedy(int code)
{
    switch (code & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return "another program is writing to it; try again when it is done";
    case SQLITE_FULL:
        return "make room on the disk; the keyring is as it was";
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return "it is damaged: 'smime-policy keyring check' tells where, and how to go on";
    case SQLITE_READONLY:
        if (code == SQLITE_READONLY_DBMOVED)
            return "another program has moved or removed it meanwhile; try again";
        if (code == SQLITE_READONLY_ROLLBACK || code == SQLITE_READONLY_RECOVERY)
            return "a write was interrupted and its owner has to undo it: "
                   "'smime-policy keyring check'";
        return "it cannot be written; correct the permissions of the file and its directory";
    case SQLITE_CANTOPEN:
        return "correct the permissions of the file and its directory; if a write was "
               "interrupted, its owner has to undo it: 'smime-policy keyring check'";
    default:
        return "the keyring is as it was";
    }
}

bool sp_store_failed(struct sp_database *keyring, const char *what)
{
    int code = keyring->sq->extended_errcode(keyring->db);
    int reason = keyring->sq->system_errno(keyring->db);

    if ((code & 0xff) == SQLITE_NOMEM)
        return sp_store_set_why(keyring, NULL);
    /* SQLite's message does not name the reason of a failed write. */
    if ((code & 0xff) == SQLITE_IOERR && reason == ENOSPC)
        code = SQLITE_FULL;
    return sp_store_set_why(
        keyring, sp_format("keyring %s: cannot %s: %s%s%s; %s", keyring->path, what,
                           keyring->sq->errstr(code),
                           (code & 0xff) == SQLITE_IOERR && reason != 0 ? ": " : "",
                           (code & 0xff) == SQLITE_IOERR && reason != 0 ? strerror(reason) : "",
                           remedy(code)));
}

bool sp_store_stage(struct sp_database *keyring)
{
    if (keyring->staging)
        return true;
    keyring->staging = keyring->sq->exec(keyring->db, "BEGIN", NULL, NULL, NULL) == SQLITE_OK;
    return keyring->staging || sp_store_failed(keyring, "write to it");
}

void sp_store_settle(struct sp_database *keyring)
{
    if (keyring->staging)
        (void)keyring->sq->exec(keyring->db, "COMMIT", NULL, NULL, NULL);
    keyring->staging = false;
}

sqlite3_stmt *sp_store_prepare(struct sp_database *keyring, const char *sql)
{
    sqlite3_stmt *statement = NULL;

    if (sql == NULL) {
        (void)sp_store_set_why(keyring, NULL);
        return NULL;
    }
    sp_store_settle(keyring);
    if (keyring->sq->prepare_v2(keyring->db, sql, -1, &statement, NULL) == SQLITE_OK)
        return statement;
    (void)sp_store_failed(keyring, keyring->access == SP_KEYRING_READ ? "read it" : "write to it");
    return NULL;
}

bool sp_store_run(struct sp_database *keyring, const char *sql)
{
    if (sql == NULL)
        return sp_store_set_why(keyring, NULL);
    sp_store_settle(keyring);
    return keyring->sq->exec(keyring->db, sql, NULL, NULL, NULL) == SQLITE_OK ||
           sp_store_failed(keyring, keyring->access == SP_KEYRING_READ ? "read it" : "write to it");
}

bool sp_store_number(struct sp_database *keyring, const char *sql, int64_t *number)
{
    sqlite3_stmt *statement = sp_store_prepare(keyring, sql);
    bool done;

    if (statement == NULL)
        return false;
    done = keyring->sq->step(statement) == SQLITE_ROW;
    if (done)
        *number = keyring->sq->column_int64(statement, 0);
    else
        (void)sp_store_failed(keyring, "read it");
    keyring->sq->finalize(statement);
    return done;
}

bool sp_store_finish(struct sp_database *keyring, sqlite3_stmt *statement, bool bound)
{
    const struct sp_sqlite *sq = keyring->sq;
    bool done = bound && sq->step(statement) == SQLITE_DONE;

    if (!done)
        (void)sp_store_failed(keyring, "write to it");
    (void)sq->reset(statement);
    (void)sq->clear_bindings(statement);
    return done;
}

bool sp_store_begin(struct sp_database *keyring)
{
    if (!sp_store_run(keyring, "BEGIN IMMEDIATE"))
        return false;
    if (keyring->has_keys)
        sp_files_sweep(keyring->path);
    return true;
}

bool sp_store_commit(struct sp_database *keyring)
{
    return sp_store_run(keyring, "COMMIT");
}

void sp_store_rollback(struct sp_database *keyring)
{
    /* After some errors SQLite has rolled back already. */
    if (keyring->sq->get_autocommit(keyring->db) == 0)
        (void)keyring->sq->exec(keyring->db, "ROLLBACK", NULL, NULL, NULL);
}

const char *sp_sqlite_why(const struct sp_keyring *opened)
{
    const struct sp_database *keyring = (const struct sp_database *)opened;

    return keyring->why != NULL ? keyring->why : "out of memory";
}
