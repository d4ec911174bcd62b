/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */

#include "keyring/sqlite/store.h"

/* Run |sql| with the 32 bytes of |hash| as its only value. */
static bool run_with(struct sp_database *keyring, const char *sql, const unsigned char *hash)
{
    const struct sp_sqlite *sq = keyring->sq;
    sqlite3_stmt *statement = sp_store_prepare(keyring, sql);
    bool done;

    if (statement == NULL)
        return false;
    done = sp_store_finish(keyring, statement,
                           sq->bind_blob(statement, 1, hash, SP_SHA256_LENGTH, SQLITE_STATIC) ==
                               SQLITE_OK);
    (void)sq->finalize(statement);
    return done;
}

/* Remove the addresses and names of the certificate first.  They follow from its DER. */
static bool remove_references(struct sp_database *keyring, const struct sp_record *record)
{
    X509 *cert = sp_store_cert(keyring, record);
    struct sp_facts *facts = cert == NULL ? NULL : sp_facts_new(cert);
    sqlite3_stmt *addresses = sp_store_prepare(
        keyring, "DELETE FROM main.address WHERE address = ?1 AND certificate = ?2");
    sqlite3_stmt *names = sp_store_prepare(
        keyring, "DELETE FROM main.recipient WHERE name = ?1 AND certificate = ?2");
    bool done = cert != NULL && (facts != NULL || sp_store_set_why(keyring, NULL)) &&
                addresses != NULL && names != NULL &&
                sp_store_addresses(keyring, addresses, facts, NULL, record->id) &&
                sp_store_recipients(keyring, names, cert, record->id);

    (void)keyring->sq->finalize(addresses);
    (void)keyring->sq->finalize(names);
    sp_facts_free(facts);
    X509_free(cert);
    return done;
}

static const char remove_certificate[] = "DELETE FROM main.certificate WHERE fingerprint = ?1";
static const char remove_waiting[] = "DELETE FROM keys.waiting WHERE key = ?1";
static const char remove_key[] = "DELETE FROM keys.private_key WHERE key = ?1 AND NOT EXISTS"
                                 " (SELECT 1 FROM main.certificate WHERE key = ?1 AND role <> 2)"
                                 " AND NOT EXISTS (SELECT 1 FROM keys.waiting WHERE key = ?1)";

/* What is removed past the hub makes the copy less than whole: the next one is compared. */
static bool leave(struct sp_database *keyring, const unsigned char *fingerprint)
{
    return run_with(keyring, "DELETE FROM main.hub_member WHERE fingerprint = ?1", fingerprint) &&
           (keyring->sq->changes64(keyring->db) == 0 ||
            sp_store_run(keyring, "UPDATE main.hub SET revision = 0"));
}

bool sp_store_remove(struct sp_database *keyring, const unsigned char *fingerprint, bool with_key)
{
    struct sp_cursor *cursor = sp_keyring_find(
        &keyring->base, &(struct sp_query){ .index = SP_BY_FINGERPRINT, .hash = fingerprint });
    struct sp_record record = { 0 };
    int found = cursor == NULL ? -1 : sp_cursor_next(cursor, &record);
    bool done = found == 0;

    sp_cursor_free(cursor);
    if (found == 0 && keyring->has_keys)
        done = run_with(keyring, remove_waiting, fingerprint) &&
               (keyring->sq->changes64(keyring->db) == 0 ||
                run_with(keyring, remove_key, fingerprint));
    if (found == 1)
        done = remove_references(keyring, &record) &&
               run_with(keyring, remove_certificate, fingerprint) && leave(keyring, fingerprint) &&
               (!with_key || !keyring->has_keys || run_with(keyring, remove_key, record.key));
    sp_record_clear(&record);
    return done;
}

bool sp_sqlite_remove(struct sp_keyring *opened,
                      const unsigned char (*fingerprints)[SP_SHA256_LENGTH], size_t count)
{
    struct sp_database *keyring = sp_database(opened);
    bool done = sp_keys_begin(keyring, sp_store_begin);

    for (size_t i = 0; done && i < count; i++)
        done = sp_store_remove(keyring, fingerprints[i], true);
    if (done && sp_store_commit(keyring))
        return true;
    sp_store_rollback(keyring);
    return false;
}
