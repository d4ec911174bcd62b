/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Looking up certificates.  They are read a page at a time, so that a slow reader
 * does not make writers wait.
 */
#include <string.h>

#include <openssl/crypto.h>

#include "base/text.h"
#include "keyring/sqlite/store.h"

#define PAGE 64

struct rows {
    struct sp_cursor base;
    struct sp_database *keyring; /* borrowed */
    sqlite3_stmt *statement;     /* owned: ?1 is what is looked for, ?2 the last id seen */
    struct sp_record page[PAGE];
    size_t next, count;
    int64_t last;
    bool ended;
};

static const char *const searches[] = {
    [SP_ALL] = "main.certificate c WHERE ?1 IS NULL AND c.id > ?2",
    [SP_BY_FINGERPRINT] = "main.certificate c WHERE c.fingerprint = ?1 AND c.id > ?2",
    [SP_BY_KEY] = "main.certificate c WHERE c.key = ?1 AND c.id > ?2",
    [SP_BY_ADDRESS] = "main.address a JOIN main.certificate c ON c.id = a.certificate"
                      " WHERE a.address = ?1 AND a.certificate > ?2",
    [SP_BY_SUBJECT] = "main.certificate c WHERE c.subject = ?1 AND c.id > ?2",
    [SP_BY_RECIPIENT] = "main.recipient r JOIN main.certificate c ON c.id = r.certificate"
                        " WHERE r.name = ?1 AND r.certificate > ?2 AND c.role = 1",
};

/* The index of the certificates that are not contacts: they are few. */
static const char few[] = "main.certificate c INDEXED BY certificate_by_role"
                          " WHERE c.role <> 2 AND ?1 IS NULL AND c.id > ?2";

/* Bit r of the mask is role r. */
static unsigned roles_of(const struct sp_query *query)
{
    const unsigned every = SP_ROLE_BIT(SP_ROLE_COUNT) - SP_ROLE_BIT(SP_ROLE_IDENTITY);

    return query->roles == 0 ? every : query->roles;
}

/* Bind the address as it is stored: folded as the rules fold those of a certificate. */
static bool bind_address(struct sp_database *keyring, sqlite3_stmt *statement, const char *address)
{
    char *folded = OPENSSL_strdup(address);
    bool done;

    if (folded == NULL)
        return sp_store_set_why(keyring, NULL);
    for (char *p = folded; *p != '\0'; p++)
        *p = sp_fold(*p);
    done = keyring->sq->bind_text(statement, 1, folded, -1, SQLITE_TRANSIENT) == SQLITE_OK;
    OPENSSL_free(folded);
    return done || sp_store_failed(keyring, "read it");
}

static bool bind_subject(struct sp_database *keyring, sqlite3_stmt *statement,
                         const X509_NAME *name)
{
    int known = 0;
    unsigned long hash = X509_NAME_hash_ex(name, NULL, NULL, &known);

    if (known != 1)
        return sp_store_set_why(
            keyring, sp_format("keyring %s: a subject cannot be looked up: OpenSSL offers "
                               "no SHA-1 to name it by; correct its configuration",
                               keyring->path));
    return keyring->sq->bind_int64(statement, 1, (int64_t)hash) == SQLITE_OK ||
           sp_store_failed(keyring, "read it");
}

static bool bind(struct sp_database *keyring, sqlite3_stmt *statement, const struct sp_query *query)
{
    int code;

    switch (query->index) {
    case SP_ALL:
        code = keyring->sq->bind_null(statement, 1);
        break;
    case SP_BY_ADDRESS:
        return bind_address(keyring, statement, query->text);
    case SP_BY_SUBJECT:
        return bind_subject(keyring, statement, query->name);
    case SP_BY_RECIPIENT:
        code =
            keyring->sq->bind_blob(statement, 1, query->hash, (int)query->length, SQLITE_TRANSIENT);
        break;
    default:
        code =
            keyring->sq->bind_blob(statement, 1, query->hash, SP_SHA256_LENGTH, SQLITE_TRANSIENT);
    }
    return code == SQLITE_OK || sp_store_failed(keyring, "read it");
}

struct sp_cursor *sp_sqlite_find(struct sp_keyring *opened, const struct sp_query *query)
{
    struct sp_database *keyring = sp_database(opened);
    bool all = query->index != SP_ALL || (roles_of(query) & SP_ROLE_BIT(SP_ROLE_CONTACT)) != 0;

    if (query->index == SP_BY_PREFIX)
        return sp_store_find_prefix(keyring, query);
    if (query->index == SP_WAITING)
        return sp_store_find_waiting(keyring);
    return sp_store_find(keyring, all ? searches[query->index] : few, query);
}

/* The statement of the last question, if this one is the same. */
static sqlite3_stmt *take_spare(struct sp_database *keyring, const char *sql)
{
    sqlite3_stmt *spare = keyring->spare;

    if (spare == NULL || strcmp(keyring->sq->sql(spare), sql) != 0)
        return NULL;
    keyring->spare = NULL;
    return spare;
}

/* The id, as the column of the table that is searched: by that of another one SQLite would sort. */
static const char *order_of(const struct sp_query *query)
{
    return query->index == SP_BY_ADDRESS     ? "a.certificate"
           : query->index == SP_BY_RECIPIENT ? "r.certificate"
                                             : "c.id";
}

struct sp_cursor *sp_store_find(struct sp_database *keyring, const char *from,
                                const struct sp_query *query)
{
    struct rows *cursor = OPENSSL_zalloc(sizeof(*cursor));
    const char *origin = keyring->form < SP_FORM_WITH_ORIGIN && strncmp(from, "main.", 5) == 0
                             ? SP_ORIGIN
                             : "c.origin";
    char *sql = sp_format("SELECT c.id, c.fingerprint, c.key, c.role, c.uploaded, c.der, %s FROM %s"
                          " AND (%u >> c.role) & 1%s%s%s ORDER BY %s LIMIT %d",
                          origin, from, roles_of(query), query->by_hand ? " AND " : "",
                          query->by_hand ? origin : "", query->by_hand ? SP_BY_HAND : "",
                          order_of(query), PAGE);

    if (cursor != NULL && sql != NULL) {
        cursor->base.storage = keyring->base.storage;
        cursor->keyring = keyring;
        cursor->statement = take_spare(keyring, sql);
        if (cursor->statement == NULL)
            cursor->statement = sp_store_prepare(keyring, sql);
    } else {
        (void)sp_store_set_why(keyring, NULL);
    }
    OPENSSL_free(sql);
    if (cursor != NULL && cursor->statement != NULL && bind(keyring, cursor->statement, query))
        return &cursor->base;
    if (cursor != NULL)
        sp_sqlite_end(&cursor->base);
    return NULL;
}

/* The 32 bytes of a column.  False for another length: then not we have written it. */
static bool take_hash(const struct sp_sqlite *sq, sqlite3_stmt *row, int column,
                      unsigned char hash[SP_SHA256_LENGTH])
{
    if (sq->column_bytes(row, column) != SP_SHA256_LENGTH)
        return false;
    memcpy(hash, sq->column_blob(row, column), SP_SHA256_LENGTH);
    return true;
}

/* Note that the entry |id| is damaged; returns false. */
static bool is_damaged(struct sp_database *keyring, int64_t id)
{
    return sp_store_set_why(
        keyring, sp_format("keyring %s: entry %lld is damaged; 'smime-policy keyring check' "
                           "tells what else is, and how to go on",
                           keyring->path, (long long)id));
}

static bool take_record(struct sp_database *keyring, sqlite3_stmt *row, struct sp_record *record)
{
    const struct sp_sqlite *sq = keyring->sq;
    int length = sq->column_bytes(row, 5);

    *record = (struct sp_record){ .id = sq->column_int64(row, 0),
                                  .role = (enum sp_role)sq->column_int64(row, 3),
                                  .origin = (enum sp_origin)sq->column_int64(row, 6),
                                  .uploaded = sq->column_int64(row, 4) };
    if (length <= 0 || !take_hash(sq, row, 1, record->fingerprint) ||
        !take_hash(sq, row, 2, record->key))
        return is_damaged(keyring, record->id);
    record->der = OPENSSL_memdup(sq->column_blob(row, 5), (size_t)length);
    record->der_length = (size_t)length;
    return record->der != NULL || sp_store_set_why(keyring, NULL);
}

static bool read_page(struct rows *cursor)
{
    struct sp_database *keyring = cursor->keyring;
    int code = keyring->sq->bind_int64(cursor->statement, 2, cursor->last);
    bool done = code == SQLITE_OK || sp_store_failed(keyring, "read it");

    sp_store_settle(keyring);
    cursor->next = cursor->count = 0;
    while (done && code != SQLITE_DONE && cursor->count < PAGE) {
        code = keyring->sq->step(cursor->statement);
        if (code == SQLITE_ROW)
            done = take_record(keyring, cursor->statement, &cursor->page[cursor->count]);
        else
            done = code == SQLITE_DONE || sp_store_failed(keyring, "read it");
        if (done && code == SQLITE_ROW)
            cursor->last = cursor->page[cursor->count++].id;
    }
    cursor->ended = cursor->count < PAGE;
    (void)keyring->sq->reset(cursor->statement);
    return done;
}

int sp_sqlite_next(struct sp_cursor *found, struct sp_record *record)
{
    struct rows *cursor = (struct rows *)found;

    if (cursor->next == cursor->count && !cursor->ended && !read_page(cursor))
        return -1;
    if (cursor->next == cursor->count)
        return 0;
    *record = cursor->page[cursor->next];
    cursor->page[cursor->next++] = (struct sp_record){ 0 };
    return 1;
}

void sp_sqlite_end(struct sp_cursor *found)
{
    struct rows *cursor = (struct rows *)found;

    for (size_t i = cursor->next; i < cursor->count; i++)
        sp_record_clear(&cursor->page[i]);
    if (cursor->statement != NULL) {
        (void)cursor->keyring->sq->reset(cursor->statement);
        (void)cursor->keyring->sq->clear_bindings(cursor->statement);
        (void)cursor->keyring->sq->finalize(cursor->keyring->spare);
        cursor->keyring->spare = cursor->statement;
    }
    OPENSSL_free(cursor);
}

X509 *sp_store_parse(const unsigned char *der, int length)
{
    const unsigned char *end = der;
    X509 *cert = sp_cert_without_key(&end, length);

    if (cert != NULL && end != der + length) {
        X509_free(cert);
        end = der;
        cert = d2i_X509_AUX(NULL, &end, length);
    }
    if (cert != NULL && end == der + length)
        return cert;
    X509_free(cert);
    return NULL;
}

X509 *sp_store_cert(struct sp_database *keyring, const struct sp_record *record)
{
    X509 *cert = sp_record_cert(record);

    if (cert == NULL)
        (void)is_damaged(keyring, record->id);
    return cert;
}

struct sp_standing sp_sqlite_standing(struct sp_keyring *opened,
                                      const unsigned char fingerprint[SP_SHA256_LENGTH],
                                      bool *failed)
{
    struct sp_database *keyring = sp_database(opened);
    sqlite3_stmt *statement = sp_store_prepare(
        keyring, keyring->form < SP_FORM_WITH_ORIGIN
                     ? "SELECT role, " SP_ORIGIN " FROM main.certificate c WHERE fingerprint = ?1"
                     : "SELECT role, origin FROM main.certificate WHERE fingerprint = ?1");
    struct sp_standing standing = { 0 };
    int code = SQLITE_ERROR;

    *failed = true;
    if (statement == NULL)
        return standing;
    if (keyring->sq->bind_blob(statement, 1, fingerprint, SP_SHA256_LENGTH, SQLITE_STATIC) ==
        SQLITE_OK)
        code = keyring->sq->step(statement);
    if (code == SQLITE_ROW)
        standing = (struct sp_standing){ (enum sp_role)keyring->sq->column_int64(statement, 0),
                                         (enum sp_origin)keyring->sq->column_int64(statement, 1) };
    *failed = code != SQLITE_ROW && code != SQLITE_DONE;
    if (*failed)
        (void)sp_store_failed(keyring, "read it");
    keyring->sq->finalize(statement);
    return standing;
}

/* Contacts are counted by subtraction: counting them one by one would read the whole table. */
static const char count[] = "SELECT role, count(*) FROM main.certificate"
                            " INDEXED BY certificate_by_role WHERE role <> 2 GROUP BY role"
                            " UNION ALL SELECT 2, (SELECT count(*) FROM main.certificate) -"
                            " (SELECT count(*) FROM main.certificate WHERE role <> 2)";

bool sp_sqlite_count(struct sp_keyring *opened, int64_t counts[SP_ROLE_COUNT])
{
    struct sp_database *keyring = sp_database(opened);
    sqlite3_stmt *statement = sp_store_prepare(keyring, count);
    int code;

    memset(counts, 0, SP_ROLE_COUNT * sizeof(*counts));
    if (statement == NULL)
        return false;
    while ((code = keyring->sq->step(statement)) == SQLITE_ROW) {
        int64_t role = keyring->sq->column_int64(statement, 0);

        if (role >= 0 && role < SP_ROLE_COUNT)
            counts[role] = keyring->sq->column_int64(statement, 1);
    }
    if (code != SQLITE_DONE)
        (void)sp_store_failed(keyring, "read it");
    keyring->sq->finalize(statement);
    return code == SQLITE_DONE;
}
