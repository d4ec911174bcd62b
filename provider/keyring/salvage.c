/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Reading a damaged database: round the pages that cannot be read.
 */
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/err.h>

#include "keyring/salvage.h"
#include "base/text.h"

/* The highest number of an entry by every way that leads there: one of them may be lost. */
static int64_t highest(struct sp_salvage *salvage)
{
    static const char *const ways[] = {
        "SELECT ifnull(max(id), 0) FROM main.certificate NOT INDEXED",
        "SELECT ifnull(max(+id), 0) FROM main.certificate INDEXED BY sqlite_autoindex_certificate_1"
        " WHERE fingerprint IS NOT NULL",
        "SELECT ifnull(max(+id), 0) FROM main.certificate INDEXED BY certificate_by_key"
        " WHERE key IS NOT NULL",
        "SELECT ifnull(max(certificate), 0) FROM main.address",
    };
    int64_t top = 0;

    for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
        int64_t number = 0;

        if (sp_store_number(&salvage->old, ways[i], &number) && number > top)
            top = number;
    }
    return top;
}

static bool is_damage(struct sp_salvage *salvage)
{
    int code = salvage->old.sq->extended_errcode(salvage->old.db) & 0xff;

    return code == SQLITE_CORRUPT || code == SQLITE_NOTADB;
}

/* Does the index know the certificate by this fingerprint?  Then the entry was damaged, not it. */
static bool is_indexed(struct sp_salvage *salvage, const struct sp_record *record)
{
    const struct sp_sqlite *sq = salvage->old.sq;
    sqlite3_stmt *look_up = sp_store_prepare(
        &salvage->old, "SELECT 1 FROM main.certificate INDEXED BY sqlite_autoindex_certificate_1"
                       " WHERE fingerprint = ?1 AND id = ?2");
    bool found = look_up != NULL &&
                 sq->bind_blob(look_up, 1, record->fingerprint, SP_SHA256_LENGTH, SQLITE_STATIC) ==
                     SQLITE_OK &&
                 sq->bind_int64(look_up, 2, record->id) == SQLITE_OK &&
                 sq->step(look_up) == SQLITE_ROW;

    (void)sq->finalize(look_up);
    return found;
}

static bool has_fingerprint(const struct sp_sqlite *sq, sqlite3_stmt *row,
                            const struct sp_record *record)
{
    return sq->column_bytes(row, 1) == SP_SHA256_LENGTH &&
           memcmp(sq->column_blob(row, 1), record->fingerprint, SP_SHA256_LENGTH) == 0;
}

static bool entry_lost(struct sp_salvage *salvage, int64_t id, const char *what)
{
    return sp_salvage_lost(salvage,
                           sp_format("%s: entry %lld: %s", SP_CERTIFICATES, (long long)id, what));
}

/* Is there a private key for it that can be used?  -1: that failed. */
static int has_key(struct sp_salvage *salvage, const struct sp_record *record)
{
    struct sp_private_key stored;
    int found;

    if (!salvage->old.has_keys)
        return 0;
    found = sp_keyring_key(&salvage->old, record->key, &stored);
    if (found == 1 && sp_key_fault(record->key, &stored) != NULL)
        found = 0;
    sp_private_key_clear(&stored);
    return found == -1 && is_damage(salvage) ? 0 : found;
}

/* The role that was stored, as far as that is possible. */
static bool settle_role(struct sp_salvage *salvage, struct sp_record *record,
                        const struct sp_facts *facts)
{
    int key = has_key(salvage, record);

    if (key < 0)
        return false;
    if (sp_role_name(record->role) == NULL)
        record->role = sp_role_of(facts, key == 1);
    /* It may have been a ca: what is not known vouches for nobody else. */
    if (record->role == SP_ROLE_NONE)
        record->role = SP_ROLE_CONTACT;
    if (record->role != SP_ROLE_IDENTITY || key == 1)
        return true;
    record->role = SP_ROLE_CONTACT;
    return entry_lost(salvage, record->id, "its private key is lost: it is kept as a contact");
}

static bool keep(struct sp_salvage *salvage, const struct sp_record *record, const X509 *cert,
                 const struct sp_facts *facts)
{
    enum sp_role kept;

    sp_upload_at(salvage->upload, record->uploaded);
    if (sp_upload_add(salvage->upload, cert, facts, record->role, true, &kept) == SP_ADD_FAILED)
        return sp_store_say(&salvage->old, OPENSSL_strdup(sp_keyring_why(salvage->fresh)));
    salvage->repaired->certificates++;
    return true;
}

/* |row|: id, fingerprint, role, uploaded, der. */
static bool save_row(struct sp_salvage *salvage, sqlite3_stmt *row)
{
    const struct sp_sqlite *sq = salvage->old.sq;
    X509 *cert = sp_store_parse(sq->column_blob(row, 4), sq->column_bytes(row, 4));
    struct sp_facts *facts = cert == NULL ? NULL : sp_facts_new(cert);
    struct sp_record record = { .id = sq->column_int64(row, 0),
                                .uploaded = sq->column_int64(row, 3) };
    bool done;

    ERR_clear_error();
    if (cert == NULL)
        return entry_lost(salvage, record.id, "it is no certificate any more");
    done = facts != NULL && sp_store_record(&record, cert, (enum sp_role)sq->column_int64(row, 2));
    if (!done)
        (void)sp_store_say(&salvage->old, NULL);
    else if (!has_fingerprint(sq, row, &record) && !is_indexed(salvage, &record))
        done = entry_lost(salvage, record.id, "it is not the certificate that was stored");
    else
        done = settle_role(salvage, &record, facts) && keep(salvage, &record, cert, facts);
    sp_record_clear(&record);
    sp_facts_free(facts);
    X509_free(cert);
    return done;
}

#define COLUMNS "SELECT id, fingerprint, role, uploaded, der FROM main.certificate NOT INDEXED "

/* The one that |rows| finds for |id|: SQLITE_ROW with |*found|, SQLITE_DONE, or damage. */
static int read_one(struct sp_salvage *salvage, sqlite3_stmt *rows, int64_t id, int64_t *found,
                    bool *done)
{
    const struct sp_sqlite *sq = salvage->old.sq;
    int code = sq->bind_int64(rows, 1, id);

    if (code == SQLITE_OK)
        code = sq->step(rows);
    if (code == SQLITE_ROW) {
        *found = sq->column_int64(rows, 0);
        *done = save_row(salvage, rows);
    } else if (code != SQLITE_DONE && !is_damage(salvage)) {
        *done = sp_store_failed(&salvage->old, "read it");
    }
    (void)sq->reset(rows);
    return code;
}

/* One after the other; where that leads nowhere, the next number by itself. */
static bool save_all(struct sp_salvage *salvage, sqlite3_stmt *after, sqlite3_stmt *exactly)
{
    int64_t top = highest(salvage);
    int64_t last = 0;
    bool done = true;

    while (done) {
        int64_t found = last + 1;

        if (read_one(salvage, after, last, &found, &done) != SQLITE_ROW && done) {
            int code;

            if (last >= top)
                break;
            code = read_one(salvage, exactly, found, &found, &done);
            if (code != SQLITE_ROW && code != SQLITE_DONE && done)
                done = entry_lost(salvage, found, "it cannot be read");
        }
        last = found;
    }
    return done;
}

bool sp_salvage_certificates(struct sp_salvage *salvage)
{
    sqlite3_stmt *after =
        sp_store_prepare(&salvage->old, COLUMNS "WHERE id > ?1 ORDER BY id LIMIT 1");
    sqlite3_stmt *exactly = sp_store_prepare(&salvage->old, COLUMNS "WHERE id = ?1");
    bool done = after != NULL && exactly != NULL && save_all(salvage, after, exactly);

    (void)salvage->old.sq->finalize(after);
    (void)salvage->old.sq->finalize(exactly);
    return done;
}

static bool key_lost(struct sp_salvage *salvage, const char *what)
{
    salvage->keys_damaged = true;
    return sp_salvage_lost(salvage, sp_format("%s: %s", SP_KEYS, what));
}

/* Can it be read?  If so, |stored| is to be cleared. */
static bool read_key(struct sp_salvage *salvage, sqlite3_stmt *row, struct sp_private_key *stored)
{
    const struct sp_sqlite *sq = salvage->old.sq;
    const unsigned char *key = sq->column_blob(row, 0);

    if (sq->column_bytes(row, 0) != SP_SHA256_LENGTH ||
        sp_keyring_key(&salvage->old, key, stored) != 1)
        return false;
    if (sp_key_fault(key, stored) == NULL)
        return true;
    sp_private_key_clear(stored);
    return false;
}

static bool look_at_key(struct sp_salvage *salvage, sqlite3_stmt *row)
{
    struct sp_private_key stored;

    if (!read_key(salvage, row, &stored))
        return key_lost(salvage, "a private key is lost: it cannot be read");
    sp_private_key_clear(&stored);
    return true;
}

static bool save_key(struct sp_salvage *salvage, sqlite3_stmt *row)
{
    const unsigned char *key = salvage->old.sq->column_blob(row, 0);
    struct sp_private_key stored;

    if (!read_key(salvage, row, &stored))
        return true;
    salvage->repaired->keys++;
    return sp_upload_add_key(salvage->upload, key, &stored) || sp_store_say(&salvage->old, NULL);
}

/* False after a fault that is no damage; |*whole| is false after one that is. */
static bool each_key(struct sp_salvage *salvage, bool *whole,
                     bool (*take)(struct sp_salvage *salvage, sqlite3_stmt *row))
{
    const struct sp_sqlite *sq = salvage->old.sq;
    sqlite3_stmt *rows = sp_store_prepare(&salvage->old, "SELECT key FROM keys.private_key");
    bool done = true;
    int code = SQLITE_ERROR;

    while (rows != NULL && done && (code = sq->step(rows)) == SQLITE_ROW)
        done = take(salvage, rows);
    *whole = code == SQLITE_DONE;
    if (done && !*whole && !is_damage(salvage))
        done = sp_store_failed(&salvage->old, "read its private keys");
    (void)sq->finalize(rows);
    return done;
}

/* Is the database itself sound?  Its faults were told by a check. */
static bool is_sound(struct sp_salvage *salvage)
{
    const struct sp_sqlite *sq = salvage->old.sq;
    sqlite3_stmt *look = sp_store_prepare(&salvage->old, "PRAGMA keys.integrity_check(1)");
    bool sound = look != NULL && sq->step(look) == SQLITE_ROW &&
                 strcmp((const char *)sq->column_text(look, 0), "ok") == 0;

    (void)sq->finalize(look);
    return sound;
}

/* Sound keys are not written a second time. */
bool sp_salvage_keys(struct sp_salvage *salvage)
{
    bool whole = true;

    if (salvage->keys_damaged)
        return key_lost(salvage, "nothing of it can be read");
    if (!salvage->old.has_keys)
        return true;
    salvage->keys_damaged = !is_sound(salvage);
    if (!each_key(salvage, &whole, look_at_key) ||
        (!whole && !key_lost(salvage, "cannot be read to its end")))
        return false;
    return !salvage->keys_damaged || each_key(salvage, &whole, save_key);
}
