/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * What an upload collects before it is stored: certificates in a temporary database of
 * SQLite's, private keys in memory.
 */
#include "keyring/sqlite/staging.h"

#include <string.h>

#include <openssl/crypto.h>

#include "base/text.h"
#include "keyring/sqlite/staging.h"

/* What the look-up of a key says of one that waits. */
#define WAITING 2

/* No journal: the temporary database is never rolled back. */
static const char stage[] = "PRAGMA temp_store = FILE;"
                            "PRAGMA temp.journal_mode = OFF;"
                            "PRAGMA temp.cache_size = -32768;"
                            "CREATE TEMP TABLE staged ("
                            "  id INTEGER PRIMARY KEY,"
                            "  fingerprint BLOB NOT NULL UNIQUE,"
                            "  role INTEGER NOT NULL,"
                            "  overrides INTEGER NOT NULL,"
                            "  key BLOB NOT NULL,"
                            "  subject INTEGER NOT NULL,"
                            "  der BLOB NOT NULL,"
                            "  uploaded INTEGER NOT NULL DEFAULT (CAST(strftime('%s') AS INTEGER)),"
                            "  origin INTEGER NOT NULL,"
                            "  sum BLOB, standing INTEGER);" /* of a member of a hub */
                            "CREATE TEMP TABLE staged_leave (fingerprint BLOB, with_key INTEGER);"
                            "CREATE TEMP TABLE staged_label (fingerprint BLOB, origin INTEGER);"
                            "CREATE INDEX temp.staged_by_subject ON staged (subject);"
                            "CREATE TEMP TABLE staged_address (address TEXT, staged INTEGER);"
                            "CREATE TEMP TABLE staged_recipient (name BLOB, staged INTEGER);";

static const char unstage[] = "DROP TABLE IF EXISTS temp.staged;"
                              "DROP TABLE IF EXISTS temp.staged_leave;"
                              "DROP TABLE IF EXISTS temp.staged_label;"
                              "DROP TABLE IF EXISTS temp.staged_address;"
                              "DROP TABLE IF EXISTS temp.staged_recipient";

static bool prepare(struct sp_staging *upload)
{
    struct sp_database *keyring = upload->keyring;

    upload->insert =
        sp_store_prepare(keyring, "INSERT OR IGNORE INTO temp.staged"
                                  " (id, fingerprint, role, overrides, key, subject, der, uploaded,"
                                  " origin, sum, standing)"
                                  " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7,"
                                  " ifnull(?8, unixepoch()), ?9, ?10, ?11)");
    upload->insert_address =
        sp_store_prepare(keyring, "INSERT INTO temp.staged_address VALUES (?1, ?2)");
    upload->insert_recipient =
        sp_store_prepare(keyring, "INSERT INTO temp.staged_recipient VALUES (?1, ?2)");
    upload->staged_id =
        sp_store_prepare(keyring, "SELECT id FROM temp.staged WHERE fingerprint = ?1");
    return upload->insert != NULL && upload->insert_address != NULL &&
           upload->insert_recipient != NULL && upload->staged_id != NULL;
}

/* Report the fault of |stored| as one of the upload's keyring. */
static bool stored_failed(struct sp_staging *upload)
{
    return sp_store_set_why(upload->keyring, OPENSSL_strdup(sp_keyring_why(&upload->stored->base)));
}

/*
 * Whose key is there?  1: an identity's; 2: one that waits for its certificate.  Contacts can
 * still be uploaded where keys.db is unusable.
 */
static sqlite3_stmt *prepare_key_look_up(struct sp_staging *upload)
{
    static const char identity[] = "SELECT 1 FROM main.certificate WHERE key = ?1 AND role = 1";
    const char *waiting = NULL;
    sqlite3_stmt *statement;
    char *sql;

    if (sp_keys_exist(upload->stored)) {
        if (sp_keys_attach(upload->stored))
            waiting = sp_keys_waiting(upload->stored);
        if (waiting == NULL && upload->stored->why == NULL)
            return NULL;
    }
    if (waiting == NULL)
        return sp_store_prepare(upload->stored, identity);
    sql = sp_format("SELECT 2 FROM %s WHERE key = ?1 UNION ALL %s", waiting, identity);
    statement = sp_store_prepare(upload->stored, sql);
    OPENSSL_free(sql);
    return statement;
}

static bool prepare_look_ups(struct sp_staging *upload)
{
    char *why;
    struct sp_keyring *stored = sp_sqlite_open(upload->keyring->path, SP_KEYRING_READ, &why);

    if (stored == NULL)
        return sp_store_set_why(upload->keyring, why);
    upload->stored = sp_database(stored);
    upload->look_up =
        sp_store_prepare(upload->stored, "SELECT role | (origin << " SP_ORIGIN_SHIFT ")"
                                         " FROM main.certificate WHERE fingerprint = ?1");
    upload->look_up_key = prepare_key_look_up(upload);
    return (upload->look_up != NULL && upload->look_up_key != NULL) || stored_failed(upload);
}

struct sp_upload *sp_sqlite_upload(struct sp_keyring *opened)
{
    struct sp_database *keyring = sp_database(opened);
    struct sp_staging *upload = OPENSSL_zalloc(sizeof(*upload));

    if (upload == NULL) {
        (void)sp_store_set_why(keyring, NULL);
        return NULL;
    }
    upload->base.storage = keyring->base.storage;
    upload->keyring = keyring;
    upload->origin = SP_ORIGIN_UPLOADED;
    keyring->uploads = true;
    if (sp_store_run(keyring, stage) && prepare(upload) && prepare_look_ups(upload))
        return &upload->base;
    sp_sqlite_forget(&upload->base);
    return NULL;
}

static void free_keys(struct sp_staging *upload)
{
    while (upload->keys != NULL) {
        struct sp_staged_key *next = upload->keys->next;

        sp_private_key_clear(&upload->keys->private_key);
        OPENSSL_free(upload->keys);
        upload->keys = next;
    }
}

void sp_sqlite_forget(struct sp_upload *begun)
{
    struct sp_staging *upload = (struct sp_staging *)begun;
    const struct sp_sqlite *sq = upload->keyring->sq;

    (void)sq->finalize(upload->insert);
    (void)sq->finalize(upload->insert_address);
    (void)sq->finalize(upload->insert_recipient);
    (void)sq->finalize(upload->staged_id);
    (void)sq->finalize(upload->look_up);
    (void)sq->finalize(upload->look_up_key);
    if (upload->stored != NULL)
        sp_sqlite_close(&upload->stored->base);
    sp_store_settle(upload->keyring);
    (void)sq->exec(upload->keyring->db, unstage, NULL, NULL, NULL);
    free_keys(upload);
    OPENSSL_free(upload);
}

static bool bind_certificate(struct sp_staging *upload, const struct sp_record *record,
                             const X509 *cert, bool overrides)
{
    int hashed = 0;
    unsigned long subject = X509_NAME_hash_ex(X509_get_subject_name(cert), NULL, NULL, &hashed);
    const struct sp_sqlite *sq = upload->keyring->sq;
    const struct sp_member *member = upload->member;
    sqlite3_stmt *to = upload->insert;

    return hashed == 1 && sq->bind_int64(to, 1, record->id) == SQLITE_OK &&
           sq->bind_blob(to, 2, record->fingerprint, SP_SHA256_LENGTH, SQLITE_STATIC) ==
               SQLITE_OK &&
           sq->bind_int64(to, 3, record->role) == SQLITE_OK &&
           sq->bind_int64(to, 4, overrides) == SQLITE_OK &&
           sq->bind_blob(to, 5, record->key, SP_SHA256_LENGTH, SQLITE_STATIC) == SQLITE_OK &&
           sq->bind_int64(to, 6, (int64_t)subject) == SQLITE_OK &&
           sq->bind_blob(to, 7, record->der, (int)record->der_length, SQLITE_STATIC) == SQLITE_OK &&
           (upload->when == 0 || sq->bind_int64(to, 8, upload->when) == SQLITE_OK) &&
           sq->bind_int64(to, 9, record->origin) == SQLITE_OK &&
           (member == NULL ||
            (sq->bind_blob(to, 10, member->sum, SP_SHA256_LENGTH, SQLITE_STATIC) == SQLITE_OK &&
             sq->bind_int64(to, 11, sp_number_of(member->there)) == SQLITE_OK));
}

bool sp_store_record(struct sp_record *record, const X509 *cert, enum sp_role role)
{
    struct sp_keyid id = sp_keyid_of_cert(NULL, cert);
    unsigned char *der = NULL;
    int length = i2d_X509(cert, &der);
    const struct sp_piece pieces[] = { { der, length > 0 ? (size_t)length : 0 }, { NULL, 0 } };
    bool done = length > 0 && sp_sha256(NULL, pieces, record->fingerprint);

    OPENSSL_free(der);
    if (!done || id.failed)
        return false;
    /* A key without an id belongs to this certificate alone. */
    memcpy(record->key, id.known ? id.hash : record->fingerprint, SP_SHA256_LENGTH);
    record->role = role;
    length = i2d_X509_AUX(cert, &record->der);
    record->der_length = length > 0 ? (size_t)length : 0;
    return length > 0;
}

/* Run |from| for |hash|.  1: |number| is the first column; 0: no row; -1: it failed. */
static int look_up(struct sp_staging *upload, sqlite3_stmt *from, const unsigned char *hash,
                   int64_t *number)
{
    const struct sp_sqlite *sq = upload->keyring->sq;
    int code = SQLITE_ERROR;

    if (sq->bind_blob(from, 1, hash, SP_SHA256_LENGTH, SQLITE_STATIC) == SQLITE_OK)
        code = sq->step(from);
    if (code == SQLITE_ROW)
        *number = sq->column_int64(from, 0);
    else if (code != SQLITE_DONE)
        (void)(sp_store_failed(upload->stored, "read it") || stored_failed(upload));
    (void)sq->reset(from);
    (void)sq->clear_bindings(from);
    if (code == SQLITE_ROW)
        return 1;
    return code == SQLITE_DONE ? 0 : -1;
}

/* The certificate with |fingerprint| was added before; now it is found by more addresses. */
static enum sp_added stage_again(struct sp_staging *upload, const struct sp_facts *facts,
                                 const unsigned char *fingerprint)
{
    int64_t id = 0;

    if (upload->only_for == NULL)
        return SP_ADD_AGAIN;
    return look_up(upload, upload->staged_id, fingerprint, &id) == 1 &&
                   sp_store_addresses(upload->keyring, upload->insert_address, facts,
                                      upload->only_for, id)
               ? SP_ADD_AGAIN
               : SP_ADD_FAILED;
}

/* Insert it into the temporary database; SP_ADD_NEW, SP_ADD_AGAIN or SP_ADD_FAILED. */
static enum sp_added stage_record(struct sp_staging *upload, const struct sp_record *record,
                                  const X509 *cert, const struct sp_facts *facts, bool overrides)
{
    struct sp_database *keyring = upload->keyring;
    bool done;

    upload->last = record->id;
    if (!sp_store_stage(keyring))
        return SP_ADD_FAILED;
    if (!sp_store_finish(keyring, upload->insert,
                         bind_certificate(upload, record, cert, overrides)))
        return SP_ADD_FAILED;
    if (keyring->sq->changes64(keyring->db) == 0) {
        upload->last--;
        return stage_again(upload, facts, record->fingerprint);
    }
    done =
        sp_store_addresses(keyring, upload->insert_address, facts, upload->only_for, record->id) &&
        (record->role != SP_ROLE_IDENTITY ||
         sp_store_recipients(keyring, upload->insert_recipient, cert, record->id));
    return done ? SP_ADD_NEW : SP_ADD_FAILED;
}

/*
 * Find out whether it is stored, and settle its role; SP_ADD_NEW, SP_ADD_STORED or
 * SP_ADD_FAILED.
 */
static enum sp_added settle_role(struct sp_staging *upload, struct sp_record *record,
                                 bool overrides)
{
    const bool by_hand = sp_origin_is_by_hand(upload->origin) ||
                         (upload->member != NULL && upload->member->there.role == SP_ROLE_IDENTITY);
    int64_t number = 0;
    int known = look_up(upload, upload->look_up, record->fingerprint, &number);
    int own = 0;

    if (known > 0 && (upload->member != NULL ||
                      (by_hand && !sp_origin_is_by_hand(sp_standing_of(number).origin))))
        known = 0;
    if (known > 0 && !overrides)
        record->role = sp_standing_of(number).role;
    /* A mail makes nobody an identity. */
    if (known == 0 && record->role == SP_ROLE_CONTACT && !overrides && by_hand)
        own = look_up(upload, upload->look_up_key, record->key, &number);
    if (known < 0 || own < 0)
        return SP_ADD_FAILED;
    if (own > 0)
        record->role = SP_ROLE_IDENTITY;
    upload->answered = upload->answered || (own > 0 && number == WAITING);
    return known > 0 ? SP_ADD_STORED : SP_ADD_NEW;
}

enum sp_added sp_sqlite_add(struct sp_upload *begun, const X509 *cert, const struct sp_facts *facts,
                            enum sp_role role, bool overrides, enum sp_role *stored_as)
{
    struct sp_staging *upload = (struct sp_staging *)begun;
    struct sp_record record = { .id = upload->last + 1, .origin = upload->origin };
    enum sp_added added = SP_ADD_FAILED;
    enum sp_added staged;

    if (sp_store_record(&record, cert, role))
        added = settle_role(upload, &record, overrides);
    else
        (void)sp_store_set_why(upload->keyring, NULL);
    *stored_as = record.role;
    if (added != SP_ADD_FAILED) {
        staged = stage_record(upload, &record, cert, facts, overrides);
        added = staged == SP_ADD_NEW ? added : staged;
    }
    upload->only_for = NULL;
    upload->member = NULL;
    sp_record_clear(&record);
    return added;
}

void sp_sqlite_at(struct sp_upload *begun, int64_t when)
{
    ((struct sp_staging *)begun)->when = when;
}

void sp_sqlite_origin(struct sp_upload *begun, enum sp_origin origin)
{
    ((struct sp_staging *)begun)->origin = origin;
}

void sp_sqlite_only_for(struct sp_upload *begun, const char *addresses)
{
    ((struct sp_staging *)begun)->only_for = addresses;
}

struct sp_cursor *sp_sqlite_find_staged(struct sp_upload *begun, const struct sp_query *query)
{
    static const char *const searches[] = {
        [SP_ALL] = "temp.staged c WHERE ?1 IS NULL AND c.id > ?2",
        [SP_BY_KEY] = "temp.staged c WHERE c.key = ?1 AND c.id > ?2",
        [SP_BY_SUBJECT] = "temp.staged c WHERE c.subject = ?1 AND c.id > ?2",
    };

    return sp_store_find(((struct sp_staging *)begun)->keyring, searches[query->index], query);
}

bool sp_sqlite_add_key(struct sp_upload *begun, const unsigned char key[SP_SHA256_LENGTH],
                       struct sp_private_key *private_key)
{
    struct sp_staging *upload = (struct sp_staging *)begun;
    struct sp_staged_key *staged = OPENSSL_zalloc(sizeof(*staged));

    if (staged == NULL) {
        sp_private_key_clear(private_key);
        return sp_store_set_why(upload->keyring, NULL);
    }
    memcpy(staged->key, key, SP_SHA256_LENGTH);
    staged->private_key = *private_key;
    *private_key = (struct sp_private_key){ 0 };
    staged->next = upload->keys;
    upload->keys = staged;
    return true;
}
