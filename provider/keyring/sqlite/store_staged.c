/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The end of an upload: all that was collected is stored in one transaction.
 */
#include "keyring/sqlite/staging.h"

/* Does a person put in by hand what is stored, and nobody had? */
#define TAKES_OVER "excluded.origin" SP_BY_HAND " AND NOT certificate.origin" SP_BY_HAND

/* Did a directory give it before, and again? */
#define SEEN_AGAIN "excluded.origin = 3 AND certificate.origin = 3"

/*
 * If it is stored, perhaps by another process in the meantime, its role stays unless ours
 * overrides, and its origin unless ours is by hand.  What a directory gives again is of today.
 */
static const char store[] =
    "INSERT INTO main.certificate (fingerprint, role, key, subject, uploaded, der, origin)"
    "  SELECT fingerprint, role, key, subject, uploaded, der, origin FROM temp.staged"
    "  WHERE true ORDER BY id"
    "  ON CONFLICT (fingerprint) DO UPDATE SET role = excluded.role,"
    "    uploaded = CASE WHEN " TAKES_OVER " OR " SEEN_AGAIN
    "    THEN excluded.uploaded ELSE uploaded END,"
    "    origin = CASE WHEN " TAKES_OVER " THEN excluded.origin ELSE origin END"
    "  WHERE " TAKES_OVER " OR " SEEN_AGAIN " OR"
    "    (SELECT overrides FROM temp.staged s WHERE s.fingerprint = excluded.fingerprint);"
    "INSERT OR IGNORE INTO main.address"
    "  SELECT a.address, c.id FROM temp.staged_address a JOIN temp.staged s ON s.id = a.staged"
    "  JOIN main.certificate c ON c.fingerprint = s.fingerprint ORDER BY a.address;"
    "INSERT OR IGNORE INTO main.recipient"
    "  SELECT r.name, c.id FROM temp.staged_recipient r JOIN temp.staged s ON s.id = r.staged"
    "  JOIN main.certificate c ON c.fingerprint = s.fingerprint;";

static bool store_key(struct sp_staging *upload, const struct sp_staged_key *staged)
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
            sq->bind_blob(to, 3, key->pkcs8, (int)key->length, SQLITE_STATIC) == SQLITE_OK &&
            sq->bind_text(to, 4, key->uri, -1, SQLITE_STATIC) == SQLITE_OK);
    (void)sq->finalize(to);
    return done;
}

static bool store_request(struct sp_staging *upload, const struct sp_staged_key *staged)
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

static bool promote(struct sp_staging *upload, const struct sp_record *record)
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
static bool promote_contacts(struct sp_staging *upload, const struct sp_staged_key *staged)
{
    struct sp_cursor *cursor = sp_keyring_find(
        &upload->keyring->base, &(struct sp_query){ .index = SP_BY_KEY,
                                                    .hash = staged->key,
                                                    .roles = SP_ROLE_BIT(SP_ROLE_CONTACT) });
    struct sp_record record = { 0 };
    int found = -1;

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

/* A CRL of the hub may have waited for these. */
static const char crls_again[] = "UPDATE main.hub SET crls_again = 1 WHERE EXISTS"
                                 " (SELECT 1 FROM temp.staged WHERE role IN (3, 4))";

static bool store_all(struct sp_staging *upload)
{
    if ((upload->copies && !sp_replica_before(upload)) || !sp_store_run(upload->keyring, store) ||
        (!upload->copies && !sp_store_run(upload->keyring, crls_again)) ||
        !sp_replica_after(upload))
        return false;
    for (const struct sp_staged_key *staged = upload->keys; staged != NULL; staged = staged->next)
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
    struct sp_staging *upload = (struct sp_staging *)begun;
    struct sp_database *keyring = upload->keyring;

    if ((upload->keys != NULL || upload->answered) && !sp_keys_attach(keyring))
        return false;
    if (!sp_store_run(keyring, roomy) ||
        !(upload->copies ? sp_keys_begin(keyring, sp_store_begin) : sp_store_begin(keyring)))
        return false;
    if (store_all(upload) && sp_store_commit(keyring)) {
        if (upload->last > 0 || upload->keys != NULL || upload->copies)
            keyring->made = SP_MADE_NOTHING;
        return true;
    }
    sp_store_rollback(keyring);
    return false;
}
