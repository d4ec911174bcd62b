/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * A backup of a keyring in use: both databases as they are at one moment, and the CRLs.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "base/text.h"
#include "keyring/beside.h"
#include "keyring/sqlite/store.h"

/* Copy all pages, a MB at a time: they are of 4 KB. */
static int copy_pages(const struct sp_sqlite *sq, sqlite3_backup *backup, sp_step_fn *step)
{
    int code;

    while ((code = sq->backup_step(backup, 256)) == SQLITE_OK)
        if (step != NULL)
            step();
    return code;
}

static bool copy_database(struct sp_database *keyring, const char *database, const char *file,
                          sp_step_fn *step)
{
    const struct sp_sqlite *sq = keyring->sq;
    sqlite3 *to = NULL;
    sqlite3_backup *backup = NULL;
    int code = sq->open_v2(file, &to, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);

    if (code == SQLITE_OK)
        backup = sq->backup_init(to, "main", keyring->db, database);
    if (backup != NULL) {
        code = copy_pages(sq, backup, step);
        (void)sq->backup_finish(backup);
    } else if (code == SQLITE_OK) {
        code = SQLITE_ERROR;
    }
    if (code != SQLITE_DONE) {
        int reason = sq->system_errno(to);

        (void)sp_store_set_why(keyring,
                               sp_format("keyring %s: cannot copy it: %s%s%s", keyring->path,
                                         sq->errstr(code), reason != 0 ? ": " : "",
                                         reason != 0 ? strerror(reason) : ""));
    }
    (void)sq->close_v2(to);
    return code == SQLITE_DONE;
}

static bool copy_to(struct sp_database *keyring, const char *database, const char *path,
                    const char *name, sp_step_fn *step)
{
    char *file = sp_store_file(path, name);
    bool done = file == NULL ? sp_store_set_why(keyring, NULL)
                             : copy_database(keyring, database, file, step);

    OPENSSL_free(file);
    return done;
}

/* Freeze what we see of the certificates: the first read does. */
static bool freeze(struct sp_database *keyring)
{
    int64_t ignored;

    return sp_store_run(keyring, "BEGIN") &&
           sp_store_number(keyring, "SELECT count(*) FROM main.sqlite_schema", &ignored);
}

/*
 * Copy both databases.  A commit to both holds both locks, so what we see of the private
 * keys, once the certificates are frozen, is of the same moment.
 */
static bool copy_both(struct sp_database *keyring, const char *path, sp_step_fn *step)
{
    int64_t ignored;
    bool done = sp_keys_begin(keyring, freeze) &&
                (!keyring->has_keys ||
                 sp_store_number(keyring, "SELECT count(*) FROM keys.sqlite_schema", &ignored)) &&
                copy_to(keyring, "main", path, SP_CERTIFICATES, step) &&
                (!keyring->has_keys || copy_to(keyring, "keys", path, SP_KEYS, step));

    sp_store_rollback(keyring);
    return done;
}

static bool sync_parent(const char *path)
{
    char *parent = sp_format("%s/..", path);
    bool done = parent != NULL && sp_files_sync(parent);

    OPENSSL_free(parent);
    return done;
}

static void discard(const char *path)
{
    static const char *const names[] = { SP_CERTIFICATES, SP_KEYS, SP_CERTIFICATES "-journal",
                                         SP_KEYS "-journal", NULL };

    for (size_t i = 0; names[i] != NULL; i++) {
        char *file = sp_store_file(path, names[i]);

        if (file != NULL)
            (void)unlink(file);
        OPENSSL_free(file);
    }
    sp_beside_discard(path);
    (void)rmdir(path);
}

static bool refuse(struct sp_database *keyring, const char *path)
{
    return sp_store_set_why(keyring, sp_format("cannot make the backup %s: %s", path,
                                               errno == EEXIST ? "it is there already; name a new "
                                                                 "directory"
                                                               : strerror(errno)));
}

/* Move the copy to its place, once it is surely on the disk. */
static bool move(const char *unfinished, const char *path)
{
    int reason;

    if (!sp_files_sync(unfinished) ||
        renameat2(AT_FDCWD, unfinished, AT_FDCWD, path, RENAME_NOREPLACE) != 0)
        return false;
    if (sync_parent(path))
        return true;
    reason = errno;
    discard(path);
    errno = reason;
    return false;
}

/* Fill a directory beside |path|, and rename it at the end. */
static bool fill_and_move(struct sp_database *keyring, const char *unfinished, const char *path,
                          sp_step_fn *step)
{
    enum sp_made made;
    char *why = NULL;

    if (chmod(unfinished, 0755) != 0)
        return refuse(keyring, path);
    if (!sp_files_make(unfinished, &made, &why))
        return sp_store_set_why(keyring, why);
    if (!copy_both(keyring, unfinished, step))
        return false;
    return (sp_beside_copy(keyring->path, unfinished) && move(unfinished, path)) ||
           refuse(keyring, path);
}

/*
 * Without the slash at the end: otherwise the unfinished copy would lie inside the
 * directory that does not exist yet.
 */
static char *without_slash(const char *path)
{
    size_t length = strlen(path);

    while (length > 1 && path[length - 1] == '/')
        length--;
    return OPENSSL_strndup(path, length);
}

bool sp_sqlite_backup(struct sp_keyring *opened, const char *path, sp_step_fn *step)
{
    struct sp_database *keyring = sp_database(opened);
    char *wanted = without_slash(path);
    char *unfinished = wanted == NULL ? NULL : sp_format("%s.unfinished-XXXXXX", wanted);
    struct stat is;
    bool done = false;

    if (unfinished == NULL) {
        (void)sp_store_set_why(keyring, NULL);
    } else if (lstat(wanted, &is) == 0) {
        errno = EEXIST;
        (void)refuse(keyring, wanted);
    } else if (mkdtemp(unfinished) == NULL) {
        (void)refuse(keyring, wanted);
    } else {
        done = fill_and_move(keyring, unfinished, wanted, step);
        if (!done)
            discard(unfinished);
    }
    OPENSSL_free(unfinished);
    OPENSSL_free(wanted);
    return done;
}
