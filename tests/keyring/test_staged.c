/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * What is found in an upload before it is stored.
 */
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "keyrings.h"

static char *place;
static struct sp_keyring *keyring;
static struct sp_upload *upload;
static X509 *bob, *ca;

static void add(const X509 *cert, enum sp_role role, const char *only_for, enum sp_added expected)
{
    enum sp_role stored;

    sp_upload_only_for(upload, only_for);
    ck_assert_int_eq(sp_add(upload, cert, role, false, &stored), expected);
}

static void set_up(void)
{
    place = sp_make_place();
    keyring = sp_must_open(place, SP_KEYRING_WRITE);
    bob = sp_make_contact(1, "Bob", "email:Bob@example.org,email:rob@example.org", NULL);
    ca = sp_make_contact(2, "Ca", NULL, sp_test_rsa());
    upload = sp_upload_begin(keyring);
    ck_assert_ptr_nonnull(upload);
}

static void tear_down(void)
{
    sp_upload_free(upload);
    X509_free(bob);
    X509_free(ca);
    sp_keyring_close(keyring);
    sp_remove_place(place);
}

/* The next record of |cursor|, which is freed, has this serial number; 0: there is none. */
static struct sp_record expect_one(struct sp_cursor *cursor, int serial)
{
    struct sp_record record = { 0 }, more;
    X509 *cert;

    ck_assert_ptr_nonnull(cursor);
    ck_assert_int_eq(sp_cursor_next(cursor, &record), serial != 0);
    if (serial != 0) {
        cert = sp_record_cert(&record);
        ck_assert_int_eq(ASN1_INTEGER_get(X509_get0_serialNumber(cert)), serial);
        X509_free(cert);
        ck_assert_int_eq(sp_cursor_next(cursor, &more), 0);
    }
    sp_cursor_free(cursor);
    return record;
}

START_TEST(by_key_and_by_name)
{
    unsigned char key[SP_SHA256_LENGTH];
    struct sp_record record;

    add(bob, SP_ROLE_CONTACT, NULL, SP_ADD_NEW);
    add(ca, SP_ROLE_CA, NULL, SP_ADD_NEW);
    sp_key_name(bob, key);
    record = expect_one(sp_upload_find(upload, key), 1);
    ck_assert_int_eq(record.role, SP_ROLE_CONTACT);
    sp_record_clear(&record);
    record = expect_one(sp_upload_find_cas(upload, X509_get_subject_name(ca)), 2);
    ck_assert_int_eq(record.role, SP_ROLE_CA);
    sp_record_clear(&record);
    /* Bob is no ca. */
    (void)expect_one(sp_upload_find_cas(upload, X509_get_subject_name(bob)), 0);
    memset(key, 0, sizeof(key));
    (void)expect_one(sp_upload_find(upload, key), 0);
}
END_TEST

/* By which addresses it was added, once or twice, and how it will be found. */
static const struct {
    const char *first, *second; /* "": it is not added again */
    const char *found;
} addresses[] = {
    { NULL, "", "bob@example.org, rob@example.org" },
    { "rob@example.org", "", "rob@example.org" },
    { "x@example.org, ROB@example.org, y@example.org", "", "rob@example.org" },
    { "rob@example.org", "bob@example.org", "rob@example.org, bob@example.org" },
    { "rob@example.org", "rob@example.org", "rob@example.org" },
    { "rob@example.org, bob@example.org", "", "bob@example.org, rob@example.org" },
    { "rob@example.org", NULL, "rob@example.org" },
    { "ob@example.org", "", "" },
    { "rob@example.orga", "", "" },
    { "rob@example.org,bob@example.org", "", "" },
};

START_TEST(found_by)
{
    unsigned char key[SP_SHA256_LENGTH];
    struct sp_record record;
    char *found = NULL;

    add(bob, SP_ROLE_CONTACT, addresses[_i].first, SP_ADD_NEW);
    if (addresses[_i].second == NULL || addresses[_i].second[0] != '\0')
        add(bob, SP_ROLE_CONTACT, addresses[_i].second, SP_ADD_AGAIN);
    sp_key_name(bob, key);
    record = expect_one(sp_upload_find(upload, key), 1);
    ck_assert(sp_upload_found_by(upload, &record, &found));
    ck_assert_str_eq(found, addresses[_i].found);
    OPENSSL_free(found);
    sp_record_clear(&record);
}
END_TEST

/* Which keys are told; the first may be the last. */
static bool hear(const unsigned char key[SP_SHA256_LENGTH],
                 const struct sp_private_key *private_key, void *data)
{
    int *told = data;

    ck_assert_str_eq(private_key->uri, key[0] == 1 ? "file:one" : "file:two");
    *told += key[0];
    return *told < 100;
}

START_TEST(keys)
{
    const unsigned char names[][SP_SHA256_LENGTH] = { { 1 }, { 2 } };
    int told = 0;

    ck_assert(sp_upload_keys(upload, hear, &told));
    ck_assert_int_eq(told, 0);
    for (int i = 0; i < 2; i++) {
        struct sp_private_key key = { .uri = OPENSSL_strdup(i == 0 ? "file:one" : "file:two") };

        ck_assert(sp_upload_add_key(upload, names[i], &key));
    }
    ck_assert(sp_upload_keys(upload, hear, &told));
    ck_assert_int_eq(told, 3);
    told = 100;
    ck_assert(!sp_upload_keys(upload, hear, &told));
    ck_assert_int_lt(told, 103);
}
END_TEST

/* A libcrypto without SHA-1: subjects have no names to be found by. */
static bool has_sha1 = true;

unsigned long __real_X509_NAME_hash_ex(const X509_NAME *name, OSSL_LIB_CTX *context,
                                       const char *properties, int *known);
unsigned long __wrap_X509_NAME_hash_ex(const X509_NAME *name, OSSL_LIB_CTX *context,
                                       const char *properties, int *known);

unsigned long __wrap_X509_NAME_hash_ex(const X509_NAME *name, OSSL_LIB_CTX *context,
                                       const char *properties, int *known)
{
    if (has_sha1)
        return __real_X509_NAME_hash_ex(name, context, properties, known);
    *known = 0;
    return 0;
}

START_TEST(without_sha1)
{
    has_sha1 = false;
    add(bob, SP_ROLE_CONTACT, NULL, SP_ADD_FAILED);
    has_sha1 = true;
    add(bob, SP_ROLE_CONTACT, NULL, SP_ADD_NEW);
}
END_TEST

/* SQLite fails to look up what is stored. */
static struct sp_sqlite real;
static const char *failing;

static int fail_step(sqlite3_stmt *statement)
{
    return strstr(real.sql(statement), failing) != NULL ? SQLITE_IOERR : real.step(statement);
}

static const char *const look_ups[] = { "FROM main.certificate WHERE fingerprint",
                                        "FROM main.certificate WHERE key" };

START_TEST(not_looked_up)
{
    struct sp_sqlite table = real = *sp_database(keyring)->sq;

    table.step = fail_step;
    failing = look_ups[_i];
    sp_database(keyring)->sq = &table;
    add(bob, SP_ROLE_CONTACT, NULL, SP_ADD_FAILED);
    ck_assert_ptr_nonnull(strstr(sp_keyring_why(keyring), ": cannot read it: "));
    sp_database(keyring)->sq = sp_sqlite();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("keyring: staged");
    TCase *tests = tcase_create("staged");

    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, by_key_and_by_name);
    tcase_add_loop_test(tests, found_by, 0, SP_ROWS(addresses));
    tcase_add_test(tests, keys);
    tcase_add_test(tests, without_sha1);
    tcase_add_loop_test(tests, not_looked_up, 0, SP_ROWS(look_ups));
    suite_add_tcase(suite, tests);
    return sp_run(suite);
}
