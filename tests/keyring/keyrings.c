/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include "keyrings.h"

#include <ftw.h>
#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "base/key_id.h"

/* A directory in memory if possible: every upload waits for its disk. */
char *sp_make_place(void)
{
    char *place = malloc(64);

    ck_assert_ptr_nonnull(place);
    sprintf(place, "%s/test_keyring.XXXXXX", access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    ck_assert_ptr_nonnull(mkdtemp(place));
    return strcat(place, "/keyring");
}

static int remove_entry(const char *path, const struct stat *is, int type, struct FTW *where)
{
    (void)is, (void)type, (void)where;
    return remove(path);
}

void sp_remove_place(char *place)
{
    *strrchr(place, '/') = '\0';
    ck_assert_int_eq(nftw(place, remove_entry, 8, FTW_DEPTH | FTW_PHYS), 0);
    free(place);
}

struct sp_keyring *sp_must_open(const char *place, enum sp_access access)
{
    char *why;
    struct sp_keyring *keyring = sp_keyring_open(place, access, &why);

    ck_assert_msg(keyring != NULL, "%s", why);
    ck_assert_ptr_null(why);
    return keyring;
}

void sp_expect_refusal(const char *place, enum sp_access access, const char *fragment)
{
    char *why;
    struct sp_keyring *keyring = sp_keyring_open(place, access, &why);

    ck_assert_msg(keyring == NULL, "opened, not: %s", fragment);
    ck_assert_ptr_nonnull(why);
    ck_assert_msg(strstr(why, fragment) != NULL, "%s, not: %s", why, fragment);
    ck_assert_ptr_null(strchr(why, '\n'));
    OPENSSL_free(why);
}

X509 *sp_make_contact(int serial, const char *subject, const char *san, EVP_PKEY *key)
{
    return sp_make_cert(&(struct sp_recipe){ .serial = serial,
                                             .subject = subject,
                                             .san = san,
                                             .key = key == NULL ? sp_test_ec() : key,
                                             .issuer_key = sp_test_ec(),
                                             .usage = "digitalSignature,keyEncipherment",
                                             .again = { "subjectKeyIdentifier", "hash" } });
}

void sp_fingerprint(const X509 *cert, unsigned char fingerprint[SP_SHA256_LENGTH])
{
    unsigned length = 0;

    ck_assert_int_eq(X509_digest(cert, EVP_sha256(), fingerprint, &length), 1);
    ck_assert_uint_eq(length, SP_SHA256_LENGTH);
}

void sp_key_name(const X509 *cert, unsigned char key[SP_SHA256_LENGTH])
{
    struct sp_keyid id = sp_keyid_of_cert(NULL, cert);

    ck_assert(id.known);
    memcpy(key, id.hash, SP_SHA256_LENGTH);
}

enum sp_added sp_add(struct sp_upload *upload, const X509 *cert, enum sp_role role, bool overrides,
                     enum sp_role *stored_as)
{
    struct sp_facts *facts = sp_facts_new(cert);
    enum sp_role ignored;
    enum sp_added added;

    ck_assert_ptr_nonnull(facts);
    added = sp_upload_add(upload, cert, facts, role, overrides,
                          stored_as == NULL ? &ignored : stored_as);
    sp_facts_free(facts);
    return added;
}

void sp_store(struct sp_keyring *keyring, const X509 *cert, enum sp_role role)
{
    struct sp_upload *upload = sp_upload_begin(keyring);

    ck_assert_msg(upload != NULL, "%s", sp_keyring_why(keyring));
    ck_assert_int_eq(sp_add(upload, cert, role, false, NULL), SP_ADD_NEW);
    ck_assert_msg(sp_upload_commit(upload), "%s", sp_keyring_why(keyring));
    sp_upload_free(upload);
}

void sp_store_key(struct sp_keyring *keyring, const X509 *cert, const char *pkcs8, bool encrypted,
                  const char *uri)
{
    struct sp_upload *upload = sp_upload_begin(keyring);
    struct sp_private_key key = { .encrypted = encrypted };
    unsigned char name[SP_SHA256_LENGTH];

    ck_assert_ptr_nonnull(upload);
    sp_key_name(cert, name);
    key.length = pkcs8 == NULL ? 0 : strlen(pkcs8);
    key.pkcs8 = pkcs8 == NULL ? NULL : (unsigned char *)OPENSSL_strdup(pkcs8);
    key.uri = uri == NULL ? NULL : OPENSSL_strdup(uri);
    ck_assert(sp_upload_add_key(upload, name, &key));
    ck_assert_ptr_null(key.pkcs8);
    ck_assert_ptr_null(key.uri);
    ck_assert_msg(sp_upload_commit(upload), "%s", sp_keyring_why(keyring));
    sp_upload_free(upload);
}

static char *describe(char *text, const struct sp_record *record, bool with_role)
{
    static const char letters[] = "-icam";
    X509 *cert = sp_record_cert(record);
    unsigned char fingerprint[SP_SHA256_LENGTH];
    size_t length = text == NULL ? 0 : strlen(text);

    ck_assert_ptr_nonnull(cert);
    sp_fingerprint(cert, fingerprint);
    ck_assert_mem_eq(fingerprint, record->fingerprint, SP_SHA256_LENGTH);
    text = realloc(text, length + 32);
    ck_assert_ptr_nonnull(text);
    sprintf(text + length, "%s%ld", length == 0 ? "" : " ",
            ASN1_INTEGER_get(X509_get0_serialNumber(cert)));
    if (with_role)
        sprintf(text + strlen(text), "%c", letters[record->role]);
    X509_free(cert);
    return text;
}

static char *find(struct sp_keyring *keyring, const struct sp_query *query, bool with_role)
{
    struct sp_cursor *cursor = sp_keyring_find(keyring, query);
    struct sp_record record;
    char *text = NULL;
    int found;

    ck_assert_msg(cursor != NULL, "%s", sp_keyring_why(keyring));
    while ((found = sp_cursor_next(cursor, &record)) == 1) {
        text = describe(text, &record, with_role);
        sp_record_clear(&record);
    }
    ck_assert_msg(found == 0, "%s", sp_keyring_why(keyring));
    ck_assert_int_eq(sp_cursor_next(cursor, &record), 0);
    sp_cursor_free(cursor);
    return text == NULL ? calloc(1, 1) : text;
}

char *sp_found(struct sp_keyring *keyring, const struct sp_query *query)
{
    return find(keyring, query, false);
}

void sp_expect_found(struct sp_keyring *keyring, const struct sp_query *query, const char *expected)
{
    char *found = sp_found(keyring, query);

    ck_assert_str_eq(found, expected);
    free(found);
}

void sp_expect_all(struct sp_keyring *keyring, const char *expected)
{
    char *found = find(keyring, &(struct sp_query){ .index = SP_ALL }, true);

    ck_assert_str_eq(found, expected);
    free(found);
}

static sqlite3 *open_raw(const char *place, const char *file)
{
    char *path = sp_store_file(place, file);
    sqlite3 *db = NULL;

    ck_assert_int_eq(
        sp_sqlite()->open_v2(path, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL),
        SQLITE_OK);
    OPENSSL_free(path);
    return db;
}

void sp_run_sql(const char *place, const char *file, const char *sql)
{
    sqlite3 *db = open_raw(place, file);

    ck_assert_msg(sp_sqlite()->exec(db, sql, NULL, NULL, NULL) == SQLITE_OK, "%s: %s", sql,
                  sp_sqlite()->errmsg(db));
    sp_sqlite()->close_v2(db);
}

int64_t sp_sql_number(const char *place, const char *file, const char *sql)
{
    sqlite3 *db = open_raw(place, file);
    sqlite3_stmt *statement = NULL;
    int64_t number;

    ck_assert_int_eq(sp_sqlite()->prepare_v2(db, sql, -1, &statement, NULL), SQLITE_OK);
    ck_assert_int_eq(sp_sqlite()->step(statement), SQLITE_ROW);
    number = sp_sqlite()->column_int64(statement, 0);
    sp_sqlite()->finalize(statement);
    sp_sqlite()->close_v2(db);
    return number;
}

static bool is_on(int fd, const char *path)
{
    struct stat one, other;

    return stat(path, &one) == 0 && fstat(fd, &other) == 0 && one.st_dev == other.st_dev &&
           one.st_ino == other.st_ino;
}

int sp_descriptors(const char *where, int *one)
{
    char *file = sp_store_file(where, SP_CERTIFICATES);
    DIR *all = opendir("/proc/self/fd");
    const struct dirent *entry;
    int count = 0;

    while ((entry = readdir(all)) != NULL)
        if (entry->d_name[0] != '.' && is_on(atoi(entry->d_name), file)) {
            *one = atoi(entry->d_name);
            count++;
        }
    closedir(all);
    OPENSSL_free(file);
    return count;
}

int sp_free_descriptor(void)
{
    const int fd = dup(STDIN_FILENO);

    ck_assert(fd >= 0 && close(fd) == 0);
    return fd;
}
