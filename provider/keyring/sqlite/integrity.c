/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The check of a keyring.  Everything stored beside a certificate's DER follows from
 * the DER, and is compared with it.  Entries are read a page at a time, so that
 * writers do not wait long.
 */
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "base/text.h"
#include "keyring/sqlite/store.h"

#define PAGE "64"

/* One entry: a row, and what its DER says it should be. */
struct entry {
    sqlite3_stmt *row; /* borrowed: id, fingerprint, key, role, subject, der, origin */
    int64_t id;
    X509 *cert;             /* owned */
    struct sp_facts *facts; /* owned */
    struct sp_record is;    /* owned */
};

static bool same_hash(const struct sp_sqlite *sq, sqlite3_stmt *row, int column,
                      const unsigned char hash[SP_SHA256_LENGTH])
{
    return sq->column_bytes(row, column) == SP_SHA256_LENGTH &&
           memcmp(sq->column_blob(row, column), hash, SP_SHA256_LENGTH) == 0;
}

static bool entry_fault(struct sp_check *check, const struct entry *entry, const char *what)
{
    return sp_check_fault(
        check, sp_format("%s: entry %lld: %s", SP_CERTIFICATES, (long long)entry->id, what));
}

static bool check_columns(struct sp_check *check, const struct entry *entry)
{
    const struct sp_sqlite *sq = check->keyring->sq;
    int64_t subject =
        (int64_t)X509_NAME_hash_ex(X509_get_subject_name(entry->cert), NULL, NULL, NULL);

    return (same_hash(sq, entry->row, 1, entry->is.fingerprint) ||
            entry_fault(check, entry, "its fingerprint is another certificate's")) &&
           (same_hash(sq, entry->row, 2, entry->is.key) ||
            entry_fault(check, entry, "it is filed under another key")) &&
           (sp_role_name(entry->is.role) != NULL ||
            entry_fault(check, entry,
                        "its role is none of identity, contact, ca and intermediate")) &&
           (sp_origin_name(entry->is.origin) != NULL ||
            entry_fault(check, entry,
                        "its origin is none of uploaded, collected, directory and made")) &&
           (sq->column_int64(entry->row, 4) == subject ||
            entry_fault(check, entry, "it is filed under another subject"));
}

/* 1: there is such a row; 0: there is not; -1: it failed. */
static int has_row(struct sp_check *check, sqlite3_stmt *look_up, int64_t id)
{
    const struct sp_sqlite *sq = check->keyring->sq;
    int code = SQLITE_ERROR;

    if (sq->bind_int64(look_up, 2, id) == SQLITE_OK)
        code = sq->step(look_up);
    if (code != SQLITE_ROW && code != SQLITE_DONE && !sp_check_unreadable(check, SP_CERTIFICATES))
        return -1;
    (void)sq->reset(look_up);
    return code == SQLITE_ROW;
}

/* What no person has uploaded may be found by some of its addresses, and by one at least. */
static bool check_addresses(struct sp_check *check, sqlite3_stmt *look_up,
                            const struct entry *entry)
{
    const struct sp_standing standing = { entry->is.role, entry->is.origin };
    const bool some = sp_is_never_anchor(standing) && sp_origin_name(standing.origin) != NULL;
    const char *address;
    bool done = true;
    size_t missing = 0;
    size_t i;

    for (i = 0; done && (address = sp_facts_address(entry->facts, i)) != NULL; i++) {
        int found = -1;

        if (check->keyring->sq->bind_text(look_up, 1, address, -1, SQLITE_STATIC) == SQLITE_OK)
            found = has_row(check, look_up, entry->id);
        missing += found == 0;
        done = found == 1 ||
               (found == 0 &&
                (some ||
                 sp_check_fault(check, sp_format("%s: entry %lld: cannot be found by %s",
                                                 SP_CERTIFICATES, (long long)entry->id, address))));
    }
    return done && (!some || standing.role != SP_ROLE_CONTACT || missing < i ||
                    entry_fault(check, entry, "cannot be found by any address"));
}

static bool check_name(struct sp_check *check, sqlite3_stmt *look_up, const struct entry *entry,
                       const ASN1_STRING *name, const char *fault)
{
    int found = -1;

    if (check->keyring->sq->bind_blob(look_up, 1, ASN1_STRING_get0_data(name),
                                      ASN1_STRING_length(name), SQLITE_TRANSIENT) == SQLITE_OK)
        found = has_row(check, look_up, entry->id);
    return found == 1 || (found == 0 && entry_fault(check, entry, fault));
}

static bool check_recipient(struct sp_check *check, sqlite3_stmt *look_up,
                            const struct entry *entry)
{
    ASN1_OCTET_STRING *ski = X509_get_ext_d2i(entry->cert, NID_subject_key_identifier, NULL, NULL);
    bool done = check_name(check, look_up, entry, X509_get0_serialNumber(entry->cert),
                           "cannot be found by its serial number") &&
                (ski == NULL ||
                 check_name(check, look_up, entry, ski, "cannot be found by its key identifier"));

    ASN1_OCTET_STRING_free(ski);
    return done;
}

struct look_ups {
    sqlite3_stmt *address, *recipient; /* owned: ?1 a name, ?2 an id */
};

static bool check_entry(struct sp_check *check, const struct look_ups *look_ups, sqlite3_stmt *row)
{
    const struct sp_sqlite *sq = check->keyring->sq;
    struct entry entry = { .row = row, .id = sq->column_int64(row, 0) };
    bool done;

    check->checked->certificates++;
    if (check->checked->step != NULL)
        check->checked->step();
    entry.cert = sp_store_parse(sq->column_blob(row, 5), sq->column_bytes(row, 5));
    if (entry.cert == NULL) {
        ERR_clear_error();
        return entry_fault(check, &entry, "it is no certificate any more");
    }
    entry.facts = sp_facts_new(entry.cert);
    done = entry.facts != NULL &&
           sp_store_record(&entry.is, entry.cert, (enum sp_role)sq->column_int64(row, 3));
    entry.is.origin = (enum sp_origin)sq->column_int64(row, 6);
    done =
        done && check_columns(check, &entry) && check_addresses(check, look_ups->address, &entry) &&
        (entry.is.role != SP_ROLE_IDENTITY || check_recipient(check, look_ups->recipient, &entry));
    sp_record_clear(&entry.is);
    sp_facts_free(entry.facts);
    X509_free(entry.cert);
    return done;
}

/* Check a page of entries behind |*last|; |*more| is false at the end. */
static bool check_page(struct sp_check *check, const struct look_ups *look_ups, sqlite3_stmt *rows,
                       int64_t *last, bool *more)
{
    const struct sp_sqlite *sq = check->keyring->sq;
    int code = sq->bind_int64(rows, 1, *last);
    bool done = true;

    *more = false;
    while (done && (code = sq->step(rows)) == SQLITE_ROW) {
        *more = true;
        *last = sq->column_int64(rows, 0);
        done = check_entry(check, look_ups, rows);
    }
    if (done && code != SQLITE_DONE) {
        *more = false;
        done = sp_check_unreadable(check, SP_CERTIFICATES);
    }
    (void)sq->reset(rows);
    return done;
}

static bool check_certificates(struct sp_check *check)
{
    struct sp_database *keyring = check->keyring;
    struct look_ups look_ups = {
        sp_store_prepare(keyring,
                         "SELECT 1 FROM main.address WHERE address = ?1 AND certificate = ?2"),
        sp_store_prepare(keyring,
                         "SELECT 1 FROM main.recipient WHERE name = ?1 AND certificate = ?2")
    };
    sqlite3_stmt *rows =
        sp_store_prepare(keyring, "SELECT id, fingerprint, key, role, subject, der, " SP_ORIGIN
                                  " FROM main.certificate c WHERE id > ?1"
                                  " ORDER BY id LIMIT " PAGE);
    bool done = look_ups.address != NULL && look_ups.recipient != NULL && rows != NULL;
    int64_t last = INT64_MIN;

    for (bool more = true; done && more;)
        done = check_page(check, &look_ups, rows, &last, &more);
    (void)keyring->sq->finalize(look_ups.address);
    (void)keyring->sq->finalize(look_ups.recipient);
    (void)keyring->sq->finalize(rows);
    return done;
}

/* Find names whose certificate is missing.  They do no harm, but show that something was lost. */
static bool check_orphans(struct sp_check *check, const char *table)
{
    const struct sp_sqlite *sq = check->keyring->sq;
    char *sql = sp_format("SELECT DISTINCT certificate FROM main.%s n WHERE NOT EXISTS"
                          " (SELECT 1 FROM main.certificate c WHERE c.id = n.certificate)",
                          table);
    sqlite3_stmt *rows = sp_store_prepare(check->keyring, sql);
    bool done = rows != NULL;
    int code = SQLITE_DONE;

    OPENSSL_free(sql);
    while (done && (code = sq->step(rows)) == SQLITE_ROW) {
        struct entry entry = { .id = sq->column_int64(rows, 0) };

        done = entry_fault(check, &entry, "it is gone, and something still leads to it");
    }
    if (done && code != SQLITE_DONE)
        done = sp_check_unreadable(check, SP_CERTIFICATES);
    (void)sq->finalize(rows);
    return done;
}

bool sp_sqlite_check(struct sp_keyring *opened, sp_tell_fn *tell, void *data,
                     struct sp_checked *checked)
{
    struct sp_check check = { sp_database(opened), tell, data, checked };

    *checked = (struct sp_checked){ .step = checked->step };
    /* What fails without another reason has lacked memory. */
    (void)sp_store_set_why(check.keyring, NULL);
    return sp_check_integrity(&check, "main", SP_CERTIFICATES) && check_certificates(&check) &&
           check_orphans(&check, "address") && check_orphans(&check, "recipient") &&
           sp_check_keys(&check);
}
