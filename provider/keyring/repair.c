/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Saving what can be read of a damaged keyring: into a new one, whose files
 * then take the place of the damaged ones.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/crypto.h>
#include <openssl/err.h>

#include "base/text.h"
#include "keyring/salvage.h"

bool sp_salvage_lost(struct sp_salvage *salvage, char *line)
{
    if (line == NULL)
        return sp_store_say(&salvage->old, NULL);
    salvage->repaired->lost++;
    salvage->tell(line, salvage->data);
    OPENSSL_free(line);
    return true;
}

/* Of another program or a newer release: it is not ours to write anew. */
static bool is_ours(struct sp_salvage *salvage)
{
    int64_t version;

    if (sp_schema_certificates(&salvage->old))
        return true;
    if (sp_store_number(&salvage->old, "SELECT count(*) FROM main.sqlite_schema", &version)) {
        (void)sp_schema_certificates(&salvage->old);
        return false;
    }
    return sp_store_say(&salvage->old,
                        sp_format("keyring %s: nothing of %s can be read; put a backup in its "
                                  "place",
                                  salvage->old.path, SP_CERTIFICATES));
}

/* What is damaged is not opened as a keyring is.  While it is read, nobody writes. */
static bool open_old(struct sp_salvage *salvage)
{
    struct sp_keyring *old = &salvage->old;
    const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE;
    char *file = sp_store_file(old->path, SP_CERTIFICATES);
    int code = file == NULL ? SQLITE_NOMEM : old->sq->open_v2(file, &old->db, flags, NULL);

    OPENSSL_free(file);
    if (old->db == NULL)
        return sp_store_say(old, NULL);
    if (code != SQLITE_OK)
        return sp_store_failed(old, "open it");
    (void)old->sq->busy_timeout(old->db, SP_BUSY_TIMEOUT);
    (void)old->sq->limit(old->db, SQLITE_LIMIT_LENGTH, SP_LONGEST_VALUE);
    if (!sp_store_run(old, "PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON") ||
        !is_ours(salvage))
        return false;
    salvage->keys_damaged = sp_keys_exist(old) && !sp_keys_attach(old);
    return sp_store_begin(old);
}

static bool make_scratch(struct sp_salvage *salvage)
{
    char *why = NULL;

    salvage->scratch = sp_format("%s/.repair-XXXXXX", salvage->old.path);
    if (salvage->scratch == NULL)
        return sp_store_say(&salvage->old, NULL);
    if (mkdtemp(salvage->scratch) == NULL) {
        sp_store_say(&salvage->old,
                     sp_format("keyring %s: cannot write to it: %s; nothing was changed",
                               salvage->old.path, strerror(errno)));
        OPENSSL_free(salvage->scratch);
        salvage->scratch = NULL;
        return false;
    }
    salvage->fresh = sp_keyring_open(salvage->scratch, SP_KEYRING_WRITE, &why);
    if (salvage->fresh != NULL)
        salvage->upload = sp_upload_begin(salvage->fresh);
    if (salvage->upload != NULL)
        return true;
    if (salvage->fresh != NULL)
        why = OPENSSL_strdup(sp_keyring_why(salvage->fresh));
    return sp_store_say(&salvage->old, why);
}

/* The new databases, complete and on the disk. */
static bool finish_scratch(struct sp_salvage *salvage)
{
    bool done = sp_upload_commit(salvage->upload);

    if (!done)
        (void)sp_store_say(&salvage->old, OPENSSL_strdup(sp_keyring_why(salvage->fresh)));
    sp_upload_free(salvage->upload);
    sp_keyring_close(salvage->fresh);
    salvage->upload = NULL;
    salvage->fresh = NULL;
    return done;
}

static void discard_scratch(struct sp_salvage *salvage)
{
    static const char *const names[] = { SP_CERTIFICATES, SP_KEYS, SP_CERTIFICATES "-journal",
                                         SP_KEYS "-journal" };

    sp_upload_free(salvage->upload);
    sp_keyring_close(salvage->fresh);
    for (size_t i = 0; salvage->scratch != NULL && i < sizeof(names) / sizeof(names[0]); i++) {
        char *file = sp_store_file(salvage->scratch, names[i]);

        if (file != NULL)
            (void)unlink(file);
        OPENSSL_free(file);
    }
    if (salvage->scratch != NULL)
        (void)rmdir(salvage->scratch);
    OPENSSL_free(salvage->scratch);
}

/* "20261125T194500Z" */
static void time_stamp(char stamp[32])
{
    time_t now = time(NULL);
    struct tm tm;

    if (gmtime_r(&now, &tm) == NULL || strftime(stamp, 32, "%Y%m%dT%H%M%SZ", &tm) == 0)
        OPENSSL_strlcpy(stamp, "unknown", 32);
}

/* The superuser may repair what is another's. */
static bool dress(const char *fresh, const char *old)
{
    struct stat is;

    return stat(old, &is) == 0 && chmod(fresh, is.st_mode & 07777) == 0 &&
           (is.st_uid == geteuid() || chown(fresh, is.st_uid, is.st_gid) == 0);
}

/* At no moment is there no file: the damaged one gets a second name first. */
static bool replace(struct sp_salvage *salvage, const char *name, char **kept)
{
    char stamp[32];
    char *old = sp_store_file(salvage->old.path, name);
    char *fresh = sp_store_file(salvage->scratch, name);
    bool done = false;

    time_stamp(stamp);
    *kept = old == NULL ? NULL : sp_format("%s.damaged-%s", old, stamp);
    if (fresh == NULL || *kept == NULL)
        (void)sp_store_say(&salvage->old, NULL);
    else if (!dress(fresh, old) || link(old, *kept) != 0) {
        (void)sp_store_say(&salvage->old,
                           sp_format("keyring %s: cannot keep the damaged %s as %s: %s",
                                     salvage->old.path, name, *kept, strerror(errno)));
    } else if (rename(fresh, old) != 0) {
        (void)sp_store_say(&salvage->old, sp_format("keyring %s: cannot replace %s: %s",
                                                    salvage->old.path, name, strerror(errno)));
        (void)unlink(*kept);
    } else {
        done = true;
    }
    OPENSSL_free(fresh);
    OPENSSL_free(old);
    return done;
}

static bool put_in_place(struct sp_salvage *salvage)
{
    char *kept_keys = NULL;
    bool done = (!salvage->keys_damaged || replace(salvage, SP_KEYS, &kept_keys)) &&
                replace(salvage, SP_CERTIFICATES, &salvage->repaired->kept);

    OPENSSL_free(kept_keys);
    return done && sp_files_sync(salvage->old.path);
}

bool sp_keyring_repair(const char *path, sp_tell_fn *tell, void *data, struct sp_repaired *repaired,
                       char **why)
{
    struct sp_salvage salvage = { .old = { .sq = sp_sqlite(), .access = SP_KEYRING_WRITE },
                                  .tell = tell,
                                  .data = data,
                                  .repaired = repaired };
    bool done;

    *why = NULL;
    *repaired = (struct sp_repaired){ 0 };
    if (!sp_files_safe(path, why))
        return false;
    salvage.old.path = OPENSSL_strdup(path);
    done = salvage.old.sq != NULL && salvage.old.path != NULL && open_old(&salvage) &&
           make_scratch(&salvage) && sp_salvage_keys(&salvage) &&
           sp_salvage_certificates(&salvage) && finish_scratch(&salvage) && put_in_place(&salvage);
    discard_scratch(&salvage);
    if (!done) {
        *why = salvage.old.why;
        salvage.old.why = NULL;
        OPENSSL_free(repaired->kept);
        repaired->kept = NULL;
    }
    if (salvage.old.db != NULL)
        (void)salvage.old.sq->close_v2(salvage.old.db);
    OPENSSL_free(salvage.old.path);
    OPENSSL_free(salvage.old.why);
    return done;
}
