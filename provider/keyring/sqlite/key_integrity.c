/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The check of the private keys: are they sound, and whose are they?
 */
#include <string.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pkcs12.h>

#include "base/text.h"
#include "keyring/sqlite/store.h"

/* Is |key| the id of the public half of |pkcs8|, which is not encrypted? */
static bool belongs(const PKCS8_PRIV_KEY_INFO *pkcs8, const unsigned char *key)
{
    EVP_PKEY *pkey = EVP_PKCS82PKEY(pkcs8);
    X509_PUBKEY *spki = NULL;
    struct sp_keyid id = { 0 };

    if (X509_PUBKEY_set(&spki, pkey) == 1)
        id = sp_keyid_of_spki(NULL, spki);
    X509_PUBKEY_free(spki);
    EVP_PKEY_free(pkey);
    return id.known && memcmp(id.hash, key, SP_SHA256_LENGTH) == 0;
}

const char *sp_key_fault(const unsigned char key[SP_SHA256_LENGTH],
                         const struct sp_private_key *stored)
{
    const unsigned char *der = stored->pkcs8;
    const char *fault = NULL;

    if (stored->uri != NULL)
        return NULL;
    if (stored->encrypted) {
        X509_SIG *shrouded = d2i_X509_SIG(NULL, &der, (long)stored->length);

        if (shrouded == NULL)
            fault = "it is no encrypted private key any more";
        X509_SIG_free(shrouded);
    } else {
        PKCS8_PRIV_KEY_INFO *plain = d2i_PKCS8_PRIV_KEY_INFO(NULL, &der, (long)stored->length);

        if (plain == NULL)
            fault = "it is no private key any more";
        else if (!belongs(plain, key))
            fault = "it is filed under another key";
        PKCS8_PRIV_KEY_INFO_free(plain);
    }
    ERR_clear_error();
    return fault;
}

static char *name_of(const unsigned char *key)
{
    return sp_format("%02x%02x%02x%02x%02x%02x%02x%02x", key[0], key[1], key[2], key[3], key[4],
                     key[5], key[6], key[7]);
}

static bool key_fault(struct sp_check *check, const unsigned char *key, const char *what)
{
    char *name = name_of(key);
    bool done = name != NULL &&
                sp_check_fault(check, sp_format("%s: private key %s: %s", SP_KEYS, name, what));

    OPENSSL_free(name);
    return done;
}

static bool check_key(struct sp_check *check, sqlite3_stmt *row)
{
    const struct sp_sqlite *sq = check->keyring->sq;
    const unsigned char *key = sq->column_blob(row, 0);
    struct sp_private_key stored;
    const char *fault;
    bool done = true;

    check->checked->keys++;
    if (sq->column_bytes(row, 0) != SP_SHA256_LENGTH)
        return sp_check_fault(check, sp_format("%s: an entry is damaged", SP_KEYS));
    if (sp_keyring_key(&check->keyring->base, key, &stored) != 1)
        return key_fault(check, key, "cannot be read");
    fault = sp_key_fault(key, &stored);
    if (fault != NULL)
        done = key_fault(check, key, fault);
    sp_private_key_clear(&stored);
    if (done && sq->column_int64(row, 1) == 0)
        done = key_fault(check, key,
                         "there is no identity with it; upload its certificate and the key again");
    return done;
}

/* Is |der| a request for a certificate of |key|? */
static bool asks_for(const unsigned char *der, long length, const unsigned char *key)
{
    const unsigned char *at = der;
    X509_REQ *request = d2i_X509_REQ(NULL, &at, length);
    X509_PUBKEY *spki = request == NULL ? NULL : X509_REQ_get_X509_PUBKEY(request);
    struct sp_keyid id = { 0 };

    if (spki != NULL && at == der + length)
        id = sp_keyid_of_spki(NULL, spki);
    X509_REQ_free(request);
    ERR_clear_error();
    return id.known && memcmp(id.hash, key, SP_SHA256_LENGTH) == 0;
}

static bool check_waiting(struct sp_check *check, sqlite3_stmt *row)
{
    const struct sp_sqlite *sq = check->keyring->sq;
    const unsigned char *key = sq->column_blob(row, 0);

    if (sq->column_bytes(row, 0) != SP_SHA256_LENGTH)
        return sp_check_fault(check, sp_format("%s: an entry is damaged", SP_KEYS));
    return (asks_for(sq->column_blob(row, 1), sq->column_bytes(row, 1), key) ||
            key_fault(check, key, "the request for its certificate is none any more")) &&
           (sq->column_int64(row, 2) != 0 ||
            key_fault(check, key, "a certificate is awaited for it, and it is not there"));
}

static bool check_identity(struct sp_check *check, sqlite3_stmt *row)
{
    return sp_check_fault(check, sp_format("%s: entry %lld: an identity without a private key",
                                           SP_CERTIFICATES,
                                           (long long)check->keyring->sq->column_int64(row, 0)));
}

/* There were no private keys.  Another process may have made them with their first identity. */
static bool check_without_keys(struct sp_check *check, sqlite3_stmt *row)
{
    return sp_keys_exist(check->keyring) || check_identity(check, row);
}

static bool each(struct sp_check *check, const char *sql, const char *file,
                 bool (*ask)(struct sp_check *check, sqlite3_stmt *row))
{
    const struct sp_sqlite *sq = check->keyring->sq;
    sqlite3_stmt *rows = sp_store_prepare(check->keyring, sql);
    bool done = rows != NULL;
    int code = SQLITE_DONE;

    while (done && (code = sq->step(rows)) == SQLITE_ROW)
        done = ask(check, rows);
    if (done && code != SQLITE_DONE)
        done = sp_check_fault(check, sp_format("%s: cannot be read to its end: %s", file,
                                               sq->errmsg(check->keyring->db)));
    (void)sq->finalize(rows);
    return done;
}

static bool check_tables(struct sp_check *check)
{
    const char *waiting = sp_keys_waiting(check->keyring);
    char *keys = NULL, *requests = NULL;
    bool done = waiting != NULL;

    if (done) {
        keys = sp_format("SELECT k.key, EXISTS (SELECT 1 FROM main.certificate c"
                         " WHERE c.key = k.key AND c.role <> 2)"
                         " OR EXISTS (SELECT 1 FROM %s w WHERE w.key = k.key)"
                         " FROM keys.private_key k",
                         waiting);
        requests = sp_format("SELECT w.key, w.request, EXISTS (SELECT 1 FROM keys.private_key k"
                             " WHERE k.key = w.key) FROM %s w",
                             waiting);
        done = (keys != NULL && requests != NULL) || sp_store_set_why(check->keyring, NULL);
    }
    done = done && each(check, keys, SP_KEYS, check_key) &&
           each(check, requests, SP_KEYS, check_waiting) &&
           each(check,
                "SELECT c.id FROM main.certificate c WHERE c.role = 1 AND NOT EXISTS"
                " (SELECT 1 FROM keys.private_key k WHERE k.key = c.key)",
                SP_KEYS, check_identity);
    OPENSSL_free(requests);
    OPENSSL_free(keys);
    return done;
}

bool sp_check_keys(struct sp_check *check)
{
    struct sp_database *keyring = check->keyring;
    char *file = sp_store_file(keyring->path, SP_KEYS);

    if (file == NULL)
        return sp_store_set_why(keyring, NULL);
    check->checked->without_keys = access(file, F_OK) == 0 && access(file, R_OK) != 0;
    OPENSSL_free(file);
    if (check->checked->without_keys)
        return true;
    if (!sp_keys_exist(keyring))
        return each(check, "SELECT id FROM main.certificate WHERE role = 1", SP_CERTIFICATES,
                    check_without_keys);
    if (!sp_keys_attach(keyring))
        return sp_check_fault(check, sp_format("%s", sp_keyring_why(&keyring->base)));
    return sp_check_integrity(check, "keys", SP_KEYS) && check_tables(check);
}
