/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Reporting what a check finds damaged, and what SQLite finds by itself.
 */
#include <string.h>

#include <openssl/crypto.h>

#include "base/text.h"
#include "keyring/sqlite/store.h"

bool sp_check_fault(struct sp_check *check, char *line)
{
    if (line == NULL)
        return sp_store_set_why(check->keyring, NULL);
    check->checked->faults++;
    check->tell(line, check->data);
    OPENSSL_free(line);
    return true;
}

bool sp_check_unreadable(struct sp_check *check, const char *file)
{
    const struct sp_sqlite *sq = check->keyring->sq;
    int code = sq->extended_errcode(check->keyring->db) & 0xff;

    if (code == SQLITE_CORRUPT || code == SQLITE_NOTADB)
        return sp_check_fault(check, sp_format("%s: cannot be read to its end: %s", file,
                                               sq->errmsg(check->keyring->db)));
    return sp_store_failed(check->keyring, "read it");
}

bool sp_check_integrity(struct sp_check *check, const char *database, const char *file)
{
    const struct sp_sqlite *sq = check->keyring->sq;
    char *sql = sp_format("PRAGMA %s.integrity_check", database);
    sqlite3_stmt *statement = sp_store_prepare(check->keyring, sql);
    bool done = sql != NULL;
    int code = SQLITE_ERROR;

    OPENSSL_free(sql);
    while (done && (code = sq->step(statement)) == SQLITE_ROW) {
        const char *line = (const char *)sq->column_text(statement, 0);
        char *text = line == NULL ? NULL : sp_escape(line, strlen(line));

        done = text != NULL &&
               (strcmp(text, "ok") == 0 || sp_check_fault(check, sp_format("%s: %s", file, text)));
        OPENSSL_free(text);
    }
    if (done && code != SQLITE_DONE)
        done = sp_check_unreadable(check, file);
    (void)sq->finalize(statement);
    return done;
}
