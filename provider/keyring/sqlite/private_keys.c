/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Private keys.  They have a database of their own, so that everybody may read the
 * certificates.
 */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "base/text.h"
#include "keyring/sqlite/store.h"

bool sp_keys_exist(const struct sp_database *keyring)
{
    char *file = sp_store_file(keyring->path, SP_KEYS);
    struct stat is;
    /* If stat() fails otherwise, attaching the file will report it. */
    bool exist = file == NULL || (stat(file, &is) == 0 ? is.st_size > 0 : errno != ENOENT);

    OPENSSL_free(file);
    return exist;
}

static bool attach(struct sp_database *keyring, const char *file)
{
    sqlite3_stmt *statement = sp_store_prepare(keyring, "ATTACH ?1 AS keys");
    bool done = false;

    if (statement == NULL)
        return false;
    if (keyring->sq->bind_text(statement, 1, file, -1, SQLITE_STATIC) == SQLITE_OK)
        done = keyring->sq->step(statement) == SQLITE_DONE;
    if (!done)
        (void)sp_store_failed(keyring, "open its private keys");
    keyring->sq->finalize(statement);
    return done;
}

/* Bring keys.db into the present form.  A reader has to write for that. */
static bool prepare(struct sp_database *keyring)
{
    bool reads = keyring->access == SP_KEYRING_READ;
    /* secure_delete: the bytes of a removed key are overwritten. */
    bool done =
        sp_store_run(keyring, "PRAGMA keys.synchronous = EXTRA; PRAGMA keys.secure_delete = ON") &&
        (!reads || sp_store_run(keyring, "PRAGMA query_only = OFF")) && sp_schema_keys(keyring);

    if (!done || (reads && !sp_store_run(keyring, "PRAGMA query_only = ON"))) {
        /* Back to read-only, for a reader; an earlier reason stays. */
        (void)keyring->sq->exec(keyring->db, reads ? "PRAGMA query_only = ON" : "", NULL, NULL,
                                NULL);
        (void)keyring->sq->exec(keyring->db, "DETACH keys", NULL, NULL, NULL);
        return false;
    }
    return true;
}

bool sp_keys_attach(struct sp_database *keyring)
{
    char *file;

    if (keyring->has_keys)
        return true;
    file = sp_store_file(keyring->path, SP_KEYS);
    if (file == NULL)
        return sp_store_set_why(keyring, NULL);
    keyring->has_keys = attach(keyring, file) && prepare(keyring);
    OPENSSL_free(file);
    return keyring->has_keys;
}

bool sp_keys_begin(struct sp_database *keyring, bool (*begin)(struct sp_database *keyring))
{
    for (;;) {
        if (sp_keys_exist(keyring) && !sp_keys_attach(keyring))
            return false;
        if (!begin(keyring))
            return false;
        if (keyring->has_keys || !sp_keys_exist(keyring))
            return true;
        sp_store_rollback(keyring);
    }
}

static bool take_key(struct sp_database *keyring, sqlite3_stmt *row, struct sp_private_key *key)
{
    const struct sp_sqlite *sq = keyring->sq;

    *key = (struct sp_private_key){ .encrypted = sq->column_int64(row, 0) != 0 };
    if (sq->column_type(row, 1) == SQLITE_BLOB) {
        key->length = (size_t)sq->column_bytes(row, 1);
        key->pkcs8 = OPENSSL_memdup(sq->column_blob(row, 1), key->length);
    } else {
        const unsigned char *uri = sq->column_text(row, 2);

        key->uri = uri == NULL ? NULL : OPENSSL_strdup((const char *)uri);
    }
    return key->pkcs8 != NULL || key->uri != NULL || sp_store_set_why(keyring, NULL);
}

int sp_sqlite_key(struct sp_keyring *opened, const unsigned char key[SP_SHA256_LENGTH],
                  struct sp_private_key *private_key)
{
    struct sp_database *keyring = sp_database(opened);
    sqlite3_stmt *statement;
    int code = SQLITE_ERROR;
    int found = -1;

    *private_key = (struct sp_private_key){ 0 };
    if (!sp_keys_exist(keyring))
        return 0;
    if (!sp_keys_attach(keyring))
        return -1;
    statement = sp_store_prepare(
        keyring, "SELECT encrypted, pkcs8, uri FROM keys.private_key WHERE key = ?1");
    if (statement == NULL)
        return -1;
    if (keyring->sq->bind_blob(statement, 1, key, SP_SHA256_LENGTH, SQLITE_STATIC) == SQLITE_OK)
        code = keyring->sq->step(statement);
    if (code == SQLITE_ROW)
        found = take_key(keyring, statement, private_key) ? 1 : -1;
    else if (code == SQLITE_DONE)
        found = 0;
    else
        (void)sp_store_failed(keyring, "read its private keys");
    keyring->sq->finalize(statement);
    return found;
}

static const char no_keys[] = "(SELECT 0 AS id, x'' AS key, x'' AS request, 0 AS made WHERE false)";

const char *sp_keys_waiting(struct sp_database *keyring)
{
    int64_t form;

    if (!sp_store_number(keyring, "PRAGMA keys.user_version", &form))
        return NULL;
    return form < 2 ? no_keys : "keys.waiting";
}

struct sp_cursor *sp_store_find_waiting(struct sp_database *keyring)
{
    const bool exist = sp_keys_exist(keyring);
    const char *waiting = no_keys;
    struct sp_cursor *cursor = NULL;
    char *from;

    if (exist && (!sp_keys_attach(keyring) || (waiting = sp_keys_waiting(keyring)) == NULL))
        return NULL;
    from = sp_format("(SELECT id, key AS fingerprint, key, 1 AS role, made AS uploaded,"
                     " request AS der, 4 AS origin FROM %s) c WHERE ?1 IS NULL AND c.id > ?2",
                     waiting);
    if (from == NULL)
        (void)sp_store_set_why(keyring, NULL);
    else
        cursor = sp_store_find(keyring, from, &(struct sp_query){ .index = SP_ALL });
    OPENSSL_free(from);
    return cursor;
}

/* Update the row; false if that failed. */
static bool update(struct sp_database *keyring, const unsigned char key[SP_SHA256_LENGTH],
                   const struct sp_private_key *was, const struct sp_private_key *now)
{
    const struct sp_sqlite *sq = keyring->sq;
    sqlite3_stmt *row =
        sp_store_prepare(keyring, "UPDATE keys.private_key SET encrypted = ?3, pkcs8 = ?4"
                                  " WHERE key = ?1 AND pkcs8 = ?2");
    bool done =
        row != NULL &&
        sp_store_finish(
            keyring, row,
            sq->bind_blob(row, 1, key, SP_SHA256_LENGTH, SQLITE_STATIC) == SQLITE_OK &&
                sq->bind_blob(row, 2, was->pkcs8, (int)was->length, SQLITE_STATIC) == SQLITE_OK &&
                sq->bind_int64(row, 3, now->encrypted) == SQLITE_OK &&
                sq->bind_blob(row, 4, now->pkcs8, (int)now->length, SQLITE_STATIC) == SQLITE_OK);

    (void)sq->finalize(row);
    return done;
}

int sp_sqlite_change_key(struct sp_keyring *opened, const unsigned char key[SP_SHA256_LENGTH],
                         const struct sp_private_key *was, const struct sp_private_key *now)
{
    struct sp_database *keyring = sp_database(opened);
    int64_t changed;

    if (!sp_keys_exist(keyring))
        return 0;
    if (!sp_keys_attach(keyring) || !sp_store_begin(keyring))
        return -1;
    if (update(keyring, key, was, now)) {
        changed = keyring->sq->changes64(keyring->db);
        if (sp_store_commit(keyring))
            return changed > 0 ? 1 : 0;
    }
    sp_store_rollback(keyring);
    return -1;
}

bool sp_sqlite_keys_readable(const char *path)
{
    char *file = sp_store_file(path, SP_KEYS);
    bool readable = file != NULL && (access(file, F_OK) != 0 || access(file, R_OK) == 0);

    OPENSSL_free(file);
    return readable;
}
