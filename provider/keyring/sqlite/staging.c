/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * An upload: certificates are collected in a temporary database of SQLite's, private
 * keys in memory.  At the end all is stored in one transaction.
 */
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

/* Does a person put in by hand what is stored, and nobody had? */
#define TAKES_OVER "excluded.origin" SP_BY_HAND " AND NOT certificate.origin" SP_BY_HAND

/*
 * If it is stored, perhaps by another process in the meantime, its role stays unless ours
 * overrides, and its origin unless ours is by hand.
 */
static const char store[] =
    "INSERT INTO main.certificate (fingerprint, role, key, subject, uploaded, der, origin)"
    "  SELECT fingerprint, role, key, subject, uploaded, der, origin FROM temp.staged"
    "  WHERE true ORDER BY id"
    "  ON CONFLICT (fingerprint) DO UPDATE SET role = excluded.role,"
    "    uploaded = CASE WHEN " TAKES_OVER " THEN excluded.uploaded ELSE uploaded END,"
    "    origin = CASE WHEN " TAKES_OVER " THEN excluded.origin ELSE origin END"
    "  WHERE " TAKES_OVER " OR"
    "    (SELECT overrides FROM temp.staged s WHERE s.fingerprint = excluded.fingerprint);"
    "INSERT OR IGNORE INTO main.address"
    "  SELECT a.address, c.id FROM temp.staged_address a JOIN temp.staged s ON s.id = a.staged"
    "  JOIN main.certificate c ON c.fingerprint = s.fingerprint ORDER BY a.address;"
    "INSERT OR IGNORE INTO main.recipient"
    "  SELECT r.name, c.id FROM temp.staged_recipient r JOIN temp.staged s ON s.id = r.staged"
    "  JOIN main.certificate c ON c.fingerprint = s.fingerprint;";

static bool prepare(struct staging *upload)
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
static bool stored_failed(struct staging *upload)
{
    return sp_store_set_why(upload->keyring, OPENSSL_strdup(sp_keyring_why(&upload->stored->base)));
}

/*
 * Whose key is there?  1: an identity's; 2: one that waits for its certificate.  Contacts can
 * still be uploaded where keys.db is unusable.
 */
static sqlite3_stmt *prepare_key_look_up(struct staging *upload)
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
    statement = sql == NULL ? NULL : sp_store_prepare(upload->stored, sql);
    OPENSSL_free(sql);
    return statement;
}

static bool prepare_look_ups(struct staging *upload)
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
    struct staging *upload = OPENSSL_zalloc(sizeof(*upload));

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

static void free_keys(struct staging *upload)
{
    while (upload->keys != NULL) {
        struct staged_key *next = upload->keys->next;

        sp_private_key_clear(&upload->keys->private_key);
        OPENSSL_free(upload->keys);
        upload->keys = next;
    }
}

void sp_sqlite_forget(struct sp_upload *begun)
{
    struct staging *upload = (struct staging *)begun;
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

static bool bind_certificate(struct staging *upload, const struct sp_record *record,
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
static int look_up(struct staging *upload, sqlite3_stmt *from, const unsigned char *hash,
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
static enum sp_added stage_again(struct staging *upload, const struct sp_facts *facts,
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
static enum sp_added stage_record(struct staging *upload, const struct sp_record *record,
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
static enum sp_added settle_role(struct staging *upload, struct sp_record *record, bool overrides)
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
    struct staging *upload = (struct staging *)begun;
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
    ((struct staging *)begun)->when = when;
}

void sp_sqlite_origin(struct sp_upload *begun, enum sp_origin origin)
{
    ((struct staging *)begun)->origin = origin;
}

void sp_sqlite_only_for(struct sp_upload *begun, const char *addresses)
{
    ((struct staging *)begun)->only_for = addresses;
}

struct sp_cursor *sp_sqlite_find_staged(struct sp_upload *begun, const struct sp_query *query)
{
    static const char *const searches[] = {
        [SP_ALL] = "temp.staged c WHERE ?1 IS NULL AND c.id > ?2",
        [SP_BY_KEY] = "temp.staged c WHERE c.key = ?1 AND c.id > ?2",
        [SP_BY_SUBJECT] = "temp.staged c WHERE c.subject = ?1 AND c.id > ?2",
    };

    return sp_store_find(((struct staging *)begun)->keyring, searches[query->index], query);
}

bool sp_sqlite_add_key(struct sp_upload *begun, const unsigned char key[SP_SHA256_LENGTH],
                       struct sp_private_key *private_key)
{
    struct staging *upload = (struct staging *)begun;
    struct staged_key *staged = OPENSSL_zalloc(sizeof(*staged));

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

static bool store_key(struct staging *upload, const struct staged_key *staged)
{
    const struct sp_sqlite *sq = upload->keyring->sq;
    const struct sp_private_key *key = &staged->private_key;
    sqlite3_stmt *to = sp_store_prepare(
        upload->keyring, "INSERT OR REPLACE INTO keys.private_key"
                         " (key, encrypted, pkcs8, uri, uploaded) VALUES (?1, ?2, ?3, ?4,"
                         " CAST(strftime('%s') AS INTEGER))");
    bool done;

    if (to == NULL)
        return false;
    done = sp_store_finish(
        upload->keyring, to,
        sq->bind_blob(to, 1, staged->key, SP_SHA256_LENGTH, SQLITE_STATIC) == SQLITE_OK &&
            sq->bind_int64(to, 2, key->encrypted) == SQLITE_OK &&
            (key->pkcs8 == NULL ||
             sq->bind_blob(to, 3, key->pkcs8, (int)key->length, SQLITE_STATIC) == SQLITE_OK) &&
            (key->uri == NULL || sq->bind_text(to, 4, key->uri, -1, SQLITE_STATIC) == SQLITE_OK));
    (void)sq->finalize(to);
    return done;
}

static bool store_request(struct staging *upload, const struct staged_key *staged)
{
    const struct sp_sqlite *sq = upload->keyring->sq;
    const struct sp_private_key *key = &staged->private_key;
    sqlite3_stmt *to =
        sp_store_prepare(upload->keyring, "INSERT OR REPLACE INTO keys.waiting (key, request, made)"
                                          " VALUES (?1, ?2, ifnull(nullif(?3, 0), unixepoch()))");
    bool done = to != NULL &&
                sp_store_finish(upload->keyring, to,
                                sq->bind_blob(to, 1, staged->key, SP_SHA256_LENGTH,
                                              SQLITE_STATIC) == SQLITE_OK &&
                                    sq->bind_blob(to, 2, key->request, (int)key->request_length,
                                                  SQLITE_STATIC) == SQLITE_OK &&
                                    sq->bind_int64(to, 3, key->requested) == SQLITE_OK);

    (void)sq->finalize(to);
    return done;
}

static bool promote(struct staging *upload, const struct sp_record *record)
{
    struct sp_database *keyring = upload->keyring;
    sqlite3_stmt *role = sp_store_prepare(
        keyring, "UPDATE main.certificate SET role = 1 WHERE id = ?1 AND role = 2");
    sqlite3_stmt *names =
        sp_store_prepare(keyring, "INSERT OR IGNORE INTO main.recipient VALUES (?1, ?2)");
    X509 *cert = sp_store_cert(keyring, record);
    bool done =
        role != NULL && names != NULL && cert != NULL &&
        sp_store_finish(keyring, role, keyring->sq->bind_int64(role, 1, record->id) == SQLITE_OK) &&
        sp_store_recipients(keyring, names, cert, record->id);

    X509_free(cert);
    (void)keyring->sq->finalize(role);
    (void)keyring->sq->finalize(names);
    return done;
}

/* Make identities of the contacts that have this key. */
static bool promote_contacts(struct staging *upload, const struct staged_key *staged)
{
    struct sp_cursor *cursor = sp_keyring_find(
        &upload->keyring->base, &(struct sp_query){ .index = SP_BY_KEY,
                                                    .hash = staged->key,
                                                    .roles = SP_ROLE_BIT(SP_ROLE_CONTACT) });
    struct sp_record record = { 0 };
    int found = cursor == NULL ? -1 : 0;

    while (cursor != NULL && (found = sp_cursor_next(cursor, &record)) == 1) {
        bool done = promote(upload, &record);

        sp_record_clear(&record);
        if (!done) {
            found = -1;
            break;
        }
    }
    sp_cursor_free(cursor);
    return found == 0;
}

static const char end_waiting[] = "DELETE FROM keys.waiting WHERE key IN"
                                  " (SELECT key FROM main.certificate WHERE role = 1)";

static bool store_all(struct staging *upload)
{
    if ((upload->copies && !sp_replica_before(upload)) || !sp_store_run(upload->keyring, store) ||
        (upload->copies && !sp_replica_after(upload)))
        return false;
    for (const struct staged_key *staged = upload->keys; staged != NULL; staged = staged->next)
        if (!store_key(upload, staged) || !promote_contacts(upload, staged) ||
            (staged->private_key.request != NULL && !store_request(upload, staged)))
            return false;
    return !upload->answered || sp_store_run(upload->keyring, end_waiting);
}

/*
 * When the cache is full SQLite writes to the database, and keeps readers out until
 * it is done.  This cache holds a hundred thousand certificates.
 */
static const char roomy[] = "PRAGMA main.cache_size = -131072";

bool sp_sqlite_commit(struct sp_upload *begun)
{
    struct staging *upload = (struct staging *)begun;
    struct sp_database *keyring = upload->keyring;

    if ((upload->keys != NULL || upload->answered || (upload->copies && sp_keys_exist(keyring))) &&
        !sp_keys_attach(keyring))
        return false;
    if (!sp_store_run(keyring, roomy) || !sp_store_begin(keyring))
        return false;
    if (store_all(upload) && sp_store_commit(keyring)) {
        if (upload->last > 0 || upload->keys != NULL)
            keyring->made = SP_MADE_NOTHING;
        return true;
    }
    sp_store_rollback(keyring);
    return false;
}
