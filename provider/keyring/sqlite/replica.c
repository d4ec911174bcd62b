/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The copy of a hub: which certificates are of the hub, and how far the copy reaches.
 */
#include <string.h>

#include <openssl/crypto.h>

#include "base/text.h"
#include "keyring/sqlite/staging.h"

static char *text_at(struct sp_database *keyring, sqlite3_stmt *row, int column)
{
    const unsigned char *text = keyring->sq->column_text(row, column);

    return text == NULL ? NULL : OPENSSL_strdup((const char *)text);
}

static bool hash_at(struct sp_database *keyring, sqlite3_stmt *row, int column, unsigned char *hash)
{
    if (keyring->sq->column_bytes(row, column) != SP_SHA256_LENGTH)
        return false;
    memcpy(hash, keyring->sq->column_blob(row, column), SP_SHA256_LENGTH);
    return true;
}

static bool damaged(struct sp_database *keyring)
{
    return sp_store_set_why(
        keyring, sp_format("keyring %s: what it keeps of its hub is damaged; 'smime-policy "
                           "sync --whole' mends it",
                           keyring->path));
}

/*
 * A reader meets older forms, which have no table for it, or not all of its columns.  1: it is
 * there; 0: it is not; -1: it failed.
 */
static int has_copy(struct sp_database *keyring)
{
    int64_t columns;

    if (!sp_store_number(
            keyring, "SELECT count(*) FROM pragma_table_info('hub', 'main') WHERE name = 'crls'",
            &columns))
        return -1;
    return columns == 1;
}

static bool crls_at(struct sp_database *keyring, sqlite3_stmt *row, int column, struct sp_hub *hub)
{
    const int size = keyring->sq->column_bytes(row, column);
    const void *bytes = keyring->sq->column_blob(row, column);

    if (size % (int)sizeof(*hub->crls) != 0)
        return damaged(keyring);
    if (size == 0)
        return true;
    hub->crls = OPENSSL_memdup(bytes, (size_t)size);
    if (hub->crls == NULL)
        return sp_store_set_why(keyring, NULL);
    hub->crl_count = (size_t)size / sizeof(*hub->crls);
    return true;
}

bool sp_sqlite_hub(struct sp_keyring *opened, struct sp_hub *hub)
{
    struct sp_database *keyring = sp_database(opened);
    const int has = has_copy(keyring);
    sqlite3_stmt *row;
    bool done = true;
    int code;

    if (has != 1)
        return has == 0;
    row = sp_store_prepare(keyring, "SELECT realm, epoch, anchors, revision, certificates, digest,"
                                    " crls, crls_again FROM main.hub");
    if (row == NULL)
        return false;
    code = keyring->sq->step(row);
    if (code == SQLITE_ROW) {
        hub->realm = text_at(keyring, row, 0);
        hub->epoch = text_at(keyring, row, 1);
        hub->anchors = text_at(keyring, row, 2);
        hub->revision = keyring->sq->column_int64(row, 3);
        hub->certificates = keyring->sq->column_int64(row, 4);
        if (hub->realm == NULL || hub->epoch == NULL || hub->anchors == NULL)
            done = sp_store_set_why(keyring, NULL);
        else
            done = (hash_at(keyring, row, 5, hub->digest) || damaged(keyring)) &&
                   crls_at(keyring, row, 6, hub);
        hub->crls_again = keyring->sq->column_int64(row, 7) != 0;
    } else if (code != SQLITE_DONE) {
        done = sp_store_failed(keyring, "read it");
    }
    (void)keyring->sq->finalize(row);
    return done;
}

static bool take_member(struct sp_database *keyring, sqlite3_stmt *row, struct sp_member *member)
{
    member->there = sp_standing_of(keyring->sq->column_int64(row, 2));
    member->own = keyring->sq->column_int64(row, 3) != 0;
    return (hash_at(keyring, row, 0, member->fingerprint) &&
            hash_at(keyring, row, 1, member->sum)) ||
           damaged(keyring);
}

int sp_sqlite_members(struct sp_keyring *opened, const unsigned char *from,
                      struct sp_member *members, int room)
{
    struct sp_database *keyring = sp_database(opened);
    const struct sp_sqlite *sq = keyring->sq;
    static const unsigned char first[SP_SHA256_LENGTH];
    const int has = has_copy(keyring);
    sqlite3_stmt *row;
    int code = SQLITE_ROW;
    int count = 0;

    if (has != 1)
        return has;
    row = sp_store_prepare(keyring, "SELECT fingerprint, sum, standing, own FROM main.hub_member"
                                    " WHERE fingerprint >= ?1 ORDER BY fingerprint LIMIT ?2");
    if (row == NULL)
        return -1;
    if (sq->bind_blob(row, 1, from == NULL ? first : from, SP_SHA256_LENGTH, SQLITE_STATIC) !=
            SQLITE_OK ||
        sq->bind_int64(row, 2, room) != SQLITE_OK)
        count = -1 + (int)sp_store_failed(keyring, "read it");
    while (code == SQLITE_ROW && count >= 0) {
        code = sq->step(row);
        if (code == SQLITE_ROW)
            count = take_member(keyring, row, &members[count]) ? count + 1 : -1;
        else if (code != SQLITE_DONE)
            count = -1 + (int)sp_store_failed(keyring, "read it");
    }
    (void)sq->finalize(row);
    return count;
}

void sp_sqlite_member(struct sp_upload *begun, const struct sp_member *member)
{
    struct sp_staging *upload = (struct sp_staging *)begun;

    upload->member = member;
    upload->copies = true;
}

/* Note |number| for |fingerprint| in a temporary table. */
static bool note(struct sp_staging *upload, const char *sql, const unsigned char *fingerprint,
                 int64_t number)
{
    struct sp_database *keyring = upload->keyring;
    sqlite3_stmt *to = sp_store_prepare(keyring, sql);
    bool done =
        to != NULL && sp_store_finish(keyring, to,
                                      keyring->sq->bind_blob(to, 1, fingerprint, SP_SHA256_LENGTH,
                                                             SQLITE_STATIC) == SQLITE_OK &&
                                          keyring->sq->bind_int64(to, 2, number) == SQLITE_OK);

    (void)keyring->sq->finalize(to);
    upload->copies = true;
    return done;
}

bool sp_sqlite_leave(struct sp_upload *begun, const unsigned char fingerprint[SP_SHA256_LENGTH],
                     bool with_key)
{
    return note((struct sp_staging *)begun, "INSERT INTO temp.staged_leave VALUES (?1, ?2)",
                fingerprint, with_key);
}

bool sp_sqlite_relabel(struct sp_upload *begun, const unsigned char fingerprint[SP_SHA256_LENGTH],
                       enum sp_origin origin)
{
    return note((struct sp_staging *)begun, "INSERT INTO temp.staged_label VALUES (?1, ?2)",
                fingerprint, origin);
}

void sp_sqlite_reach(struct sp_upload *begun, const struct sp_hub *hub)
{
    struct sp_staging *upload = (struct sp_staging *)begun;

    upload->hub = hub;
    upload->copies = true;
}

void sp_sqlite_hand_over(struct sp_upload *begun)
{
    struct sp_staging *upload = (struct sp_staging *)begun;

    upload->hands_over = true;
    upload->copies = true;
}

bool sp_sqlite_found_by(struct sp_upload *begun, const struct sp_record *record, char **addresses)
{
    struct sp_database *keyring = ((struct sp_staging *)begun)->keyring;
    struct sp_text list = { 0 };
    sqlite3_stmt *row = NULL;
    int code = SQLITE_ERROR;

    if (sp_store_run(keyring, "CREATE INDEX IF NOT EXISTS temp.address_of_staged"
                              " ON staged_address (staged)"))
        row = sp_store_prepare(
            keyring, "SELECT DISTINCT address FROM temp.staged_address WHERE staged = ?1");
    if (row != NULL && keyring->sq->bind_int64(row, 1, record->id) == SQLITE_OK)
        while ((code = keyring->sq->step(row)) == SQLITE_ROW) {
            const char *address = (const char *)keyring->sq->column_text(row, 0);

            /* SQLite gives none if it has no memory for it. */
            if (address == NULL)
                list.failed = true;
            else
                sp_text_add_item(&list, address);
        }
    if (row != NULL && code != SQLITE_DONE)
        (void)sp_store_failed(keyring, "read it");
    (void)keyring->sq->finalize(row);
    *addresses = sp_text_take(&list);
    if (*addresses == NULL)
        (void)sp_store_set_why(keyring, NULL);
    return *addresses != NULL && code == SQLITE_DONE;
}

bool sp_sqlite_keys(struct sp_upload *begun, sp_key_fn *each, void *data)
{
    for (const struct sp_staged_key *staged = ((struct sp_staging *)begun)->keys; staged != NULL;
         staged = staged->next)
        if (!each(staged->key, &staged->private_key, data))
            return false;
    return true;
}

/* Remove each certificate of |select|: fingerprint, and whether its private key goes along. */
static bool remove_each(struct sp_database *keyring, const char *select)
{
    const struct sp_sqlite *sq = keyring->sq;
    sqlite3_stmt *row = sp_store_prepare(keyring, select);
    unsigned char fingerprint[SP_SHA256_LENGTH];
    int code = SQLITE_DONE;
    bool done = row != NULL;

    while (done && (code = sq->step(row)) == SQLITE_ROW)
        done = hash_at(keyring, row, 0, fingerprint) &&
               sp_store_remove(keyring, fingerprint, sq->column_int64(row, 1) != 0);
    if (done && code != SQLITE_DONE)
        done = sp_store_failed(keyring, "read it");
    (void)sq->finalize(row);
    return done;
}

/* The certificate c is not this keyring's own. */
#define OF_HUB                                                                                     \
    " (c.origin NOT IN (1, 4) OR EXISTS (SELECT 1 FROM main.hub_member m"                          \
    "  WHERE m.fingerprint = c.fingerprint AND NOT m.own))"

/*
 * First what leaves: a certificate whose private key is here stays, unless the key goes along.
 * Then what is replaced, as it may be found by other addresses now.
 */
bool sp_replica_before(struct sp_staging *upload)
{
    static const char leaving[] = "SELECT l.fingerprint, l.with_key FROM temp.staged_leave l"
                                  " JOIN main.certificate c ON c.fingerprint = l.fingerprint"
                                  " JOIN main.hub_member m ON m.fingerprint = l.fingerprint"
                                  " WHERE NOT m.own AND (l.with_key OR c.role <> 1)";
    static const char replaced[] = "SELECT s.fingerprint, 0 FROM temp.staged s"
                                   " JOIN main.certificate c ON c.fingerprint = s.fingerprint"
                                   " WHERE s.sum IS NOT NULL AND" OF_HUB;
    static const char members[] =
        "DELETE FROM main.hub_member WHERE fingerprint IN"
        " (SELECT fingerprint FROM temp.staged_leave);"
        "INSERT INTO main.hub_member (fingerprint, sum, standing, own)"
        " SELECT fingerprint, sum, standing, EXISTS (SELECT 1 FROM main.certificate c"
        "  WHERE c.fingerprint = s.fingerprint AND c.origin IN (1, 4))"
        " FROM temp.staged s WHERE sum IS NOT NULL"
        " ON CONFLICT (fingerprint) DO UPDATE SET sum = excluded.sum, standing = excluded.standing;"
        "UPDATE main.certificate SET origin ="
        " (SELECT l.origin FROM temp.staged_label l WHERE l.fingerprint = certificate.fingerprint)"
        " WHERE origin IN (5, 6) AND fingerprint IN (SELECT fingerprint FROM temp.staged_label);";

    return remove_each(upload->keyring, leaving) && remove_each(upload->keyring, replaced) &&
           sp_store_run(upload->keyring, members) &&
           (!upload->hands_over ||
            sp_store_run(upload->keyring, "UPDATE main.hub_member SET own = 0"));
}

bool sp_replica_after(struct sp_staging *upload)
{
    struct sp_database *keyring = upload->keyring;
    const struct sp_sqlite *sq = keyring->sq;
    const struct sp_hub *hub = upload->hub;
    sqlite3_stmt *to;
    bool done;

    if (hub == NULL)
        return true;
    to = sp_store_prepare(keyring, "INSERT OR REPLACE INTO main.hub (one, realm, epoch, anchors,"
                                   " revision, certificates, digest, crls, crls_again)"
                                   " VALUES (1, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)");
    if (to == NULL)
        return false;
    done = sp_store_finish(
        keyring, to,
        sq->bind_text(to, 1, hub->realm, -1, SQLITE_STATIC) == SQLITE_OK &&
            sq->bind_text(to, 2, hub->epoch, -1, SQLITE_STATIC) == SQLITE_OK &&
            sq->bind_text(to, 3, hub->anchors, -1, SQLITE_STATIC) == SQLITE_OK &&
            sq->bind_int64(to, 4, hub->revision) == SQLITE_OK &&
            sq->bind_int64(to, 5, hub->certificates) == SQLITE_OK &&
            sq->bind_blob(to, 6, hub->digest, SP_SHA256_LENGTH, SQLITE_STATIC) == SQLITE_OK &&
            sq->bind_blob(to, 7, hub->crls, (int)(hub->crl_count * sizeof(*hub->crls)),
                          SQLITE_STATIC) == SQLITE_OK &&
            sq->bind_int64(to, 8, hub->crls_again) == SQLITE_OK);
    (void)sq->finalize(to);
    return done;
}
