/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Uploads: stored whole or not at all, nothing twice, and in which role.
 */
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/err.h>

#include "keyrings.h"

static char *place;
static struct sp_keyring *keyring;
static X509 *bob, *carol;

static void set_up(void)
{
    place = sp_make_place();
    keyring = sp_must_open(place, SP_KEYRING_WRITE);
    bob = sp_make_contact(1, "Bob", "email:bob@example.org", NULL);
    carol = sp_make_contact(2, "Carol", "email:carol@example.org", sp_test_rsa());
}

static void tear_down(void)
{
    X509_free(bob);
    X509_free(carol);
    sp_keyring_close(keyring);
    sp_remove_place(place);
}

static void expect_why(const char *fragment)
{
    const char *why = sp_keyring_why(keyring);

    ck_assert_msg(strstr(why, fragment) != NULL, "%s, not: %s", why, fragment);
}

START_TEST(not_committed)
{
    struct sp_upload *upload = sp_upload_begin(keyring);

    ck_assert_int_eq(sp_add(upload, bob, SP_ROLE_CONTACT, false, NULL), SP_ADD_NEW);
    sp_expect_all(keyring, "");
    sp_upload_free(upload);
    sp_expect_all(keyring, "");
}
END_TEST

/* A new upload has nothing of the last one. */
START_TEST(one_after_the_other)
{
    struct sp_upload *upload = sp_upload_begin(keyring);

    ck_assert_int_eq(sp_add(upload, bob, SP_ROLE_CONTACT, false, NULL), SP_ADD_NEW);
    sp_upload_free(upload);
    sp_store(keyring, carol, SP_ROLE_CONTACT);
    sp_expect_all(keyring, "2c");
    sp_store(keyring, bob, SP_ROLE_CA);
    sp_expect_all(keyring, "2c 1a");
}
END_TEST

START_TEST(nothing_to_store)
{
    struct sp_upload *upload = sp_upload_begin(keyring);
    int64_t pages = 0;

    ck_assert(sp_upload_commit(upload));
    sp_upload_free(upload);
    sp_expect_all(keyring, "");
    /* There was room for many. */
    ck_assert(sp_store_number(sp_database(keyring), "PRAGMA main.cache_size", &pages));
    ck_assert_int_eq(pages, -131072);
}
END_TEST

START_TEST(twice)
{
    struct sp_upload *upload = sp_upload_begin(keyring);
    enum sp_role stored_as;

    ck_assert_int_eq(sp_add(upload, bob, SP_ROLE_CONTACT, false, &stored_as), SP_ADD_NEW);
    ck_assert_int_eq(stored_as, SP_ROLE_CONTACT);
    ck_assert_int_eq(sp_add(upload, bob, SP_ROLE_CONTACT, false, &stored_as), SP_ADD_AGAIN);
    ck_assert_int_eq(sp_add(upload, carol, SP_ROLE_CA, false, &stored_as), SP_ADD_NEW);
    ck_assert_int_eq(stored_as, SP_ROLE_CA);
    ck_assert_int_eq(sp_add(upload, bob, SP_ROLE_CA, true, &stored_as), SP_ADD_AGAIN);
    ck_assert(sp_upload_commit(upload));
    sp_upload_free(upload);
    sp_expect_all(keyring, "1c 2a");
}
END_TEST

static const struct {
    enum sp_role first, second;
    bool overrides;
    const char *expected;
} overrides[] = {
    { SP_ROLE_CONTACT, SP_ROLE_CONTACT, false, "1c" },
    { SP_ROLE_CONTACT, SP_ROLE_CONTACT, true, "1c" },
    { SP_ROLE_CONTACT, SP_ROLE_CA, false, "1c" },
    { SP_ROLE_CONTACT, SP_ROLE_CA, true, "1a" },
    { SP_ROLE_CA, SP_ROLE_CONTACT, true, "1c" },
    { SP_ROLE_CONTACT, SP_ROLE_IDENTITY, true, "1i" },
    { SP_ROLE_IDENTITY, SP_ROLE_CONTACT, true, "1c" },
    { SP_ROLE_IDENTITY, SP_ROLE_CONTACT, false, "1i" },
};

static void upload_again(enum sp_role role, bool override, enum sp_role expected)
{
    struct sp_upload *upload = sp_upload_begin(keyring);
    enum sp_role stored_as;

    ck_assert_int_eq(sp_add(upload, bob, role, override, &stored_as), SP_ADD_STORED);
    ck_assert_int_eq(stored_as, expected);
    ck_assert_int_eq(sp_add(upload, carol, SP_ROLE_CONTACT, false, NULL), SP_ADD_NEW);
    ck_assert(sp_upload_commit(upload));
    sp_upload_free(upload);
}

static void expect_recipient(unsigned char serial, const char *expected)
{
    sp_expect_found(keyring,
                    &(struct sp_query){ .index = SP_BY_RECIPIENT, .hash = &serial, .length = 1 },
                    expected);
}

/* A stored certificate keeps its role, addresses and id, unless it is overridden. */
START_TEST(stored)
{
    char expected[16];

    sp_store(keyring, bob, overrides[_i].first);
    upload_again(overrides[_i].second, overrides[_i].overrides,
                 overrides[_i].overrides ? overrides[_i].second : overrides[_i].first);
    sprintf(expected, "%s 2c", overrides[_i].expected);
    sp_expect_all(keyring, expected);
    sp_expect_found(keyring,
                    &(struct sp_query){ .index = SP_BY_ADDRESS, .text = "bob@example.org" }, "1");
    /* Recipient names exist for identities alone. */
    expect_recipient(1, overrides[_i].expected[1] == 'i' ? "1" : "");
    expect_recipient(2, "");
}
END_TEST

/* The serial numbers that |cursor| finds in |upload|. */
static void expect_staged(struct sp_cursor *cursor, const char *expected)
{
    struct sp_record record;
    char found[32] = "";

    ck_assert_ptr_nonnull(cursor);
    while (sp_cursor_next(cursor, &record) == 1) {
        X509 *cert = sp_record_cert(&record);

        sprintf(found + strlen(found), "%ld ", ASN1_INTEGER_get(X509_get0_serialNumber(cert)));
        X509_free(cert);
        sp_record_clear(&record);
    }
    sp_cursor_free(cursor);
    ck_assert_str_eq(found, expected);
}

/* Everything in an upload, new or stored before. */
START_TEST(staged)
{
    unsigned char key[SP_SHA256_LENGTH];
    struct sp_upload *upload;

    sp_store(keyring, bob, SP_ROLE_CONTACT);
    upload = sp_upload_begin(keyring);
    expect_staged(sp_upload_all(upload), "");
    ck_assert_int_eq(sp_add(upload, carol, SP_ROLE_CONTACT, false, NULL), SP_ADD_NEW);
    ck_assert_int_eq(sp_add(upload, bob, SP_ROLE_CONTACT, false, NULL), SP_ADD_STORED);
    ck_assert_int_eq(sp_add(upload, bob, SP_ROLE_CONTACT, false, NULL), SP_ADD_AGAIN);
    expect_staged(sp_upload_all(upload), "2 1 ");
    sp_key_name(bob, key);
    expect_staged(sp_upload_find(upload, key), "1 ");
    key[0] ^= 1;
    expect_staged(sp_upload_find(upload, key), "");
    sp_upload_free(upload);
    sp_expect_all(keyring, "1c");
}
END_TEST

/* A renewed certificate becomes an identity with its stored key, unless a role is asked for. */
static const struct {
    enum sp_role role;
    bool overrides;
    enum sp_role stored_as;
} renewals[] = {
    { SP_ROLE_CONTACT, false, SP_ROLE_IDENTITY },
    { SP_ROLE_IDENTITY, false, SP_ROLE_IDENTITY },
    { SP_ROLE_CA, false, SP_ROLE_CA },
    { SP_ROLE_CONTACT, true, SP_ROLE_CONTACT },
    { SP_ROLE_CA, true, SP_ROLE_CA },
};

START_TEST(renewed)
{
    X509 *next = sp_make_contact(3, "Bob", "email:bob@example.org", NULL);
    struct sp_upload *upload;
    enum sp_role stored_as;

    sp_store(keyring, bob, SP_ROLE_IDENTITY);
    upload = sp_upload_begin(keyring);
    ck_assert_int_eq(sp_add(upload, next, renewals[_i].role, renewals[_i].overrides, &stored_as),
                     SP_ADD_NEW);
    ck_assert_int_eq(stored_as, renewals[_i].stored_as);
    ck_assert(sp_upload_commit(upload));
    sp_upload_free(upload);
    sp_expect_all(keyring, renewals[_i].stored_as == SP_ROLE_IDENTITY  ? "1i 3i"
                           : renewals[_i].stored_as == SP_ROLE_CONTACT ? "1i 3c"
                                                                       : "1i 3a");
    expect_recipient(3, renewals[_i].stored_as == SP_ROLE_IDENTITY ? "3" : "");
    /* Once more, it is as it is. */
    upload = sp_upload_begin(keyring);
    ck_assert_int_eq(sp_add(upload, next, SP_ROLE_CONTACT, false, &stored_as), SP_ADD_STORED);
    ck_assert_int_eq(stored_as, renewals[_i].stored_as);
    sp_upload_free(upload);
    X509_free(next);
}
END_TEST

/* Another process stores it, too, between the look-up and the commit. */
START_TEST(raced)
{
    struct sp_upload *upload = sp_upload_begin(keyring);
    struct sp_keyring *other = sp_must_open(place, SP_KEYRING_WRITE);
    bool override = _i == 1;

    ck_assert_int_eq(sp_add(upload, bob, SP_ROLE_CONTACT, override, NULL), SP_ADD_NEW);
    ck_assert_int_eq(sp_add(upload, carol, SP_ROLE_CONTACT, false, NULL), SP_ADD_NEW);
    sp_store(other, bob, SP_ROLE_CA);
    ck_assert(sp_upload_commit(upload));
    sp_upload_free(upload);
    sp_expect_all(other, override ? "1c 2c" : "1a 2c");
    sp_keyring_close(other);
}
END_TEST

static const char *const traps[] = {
    ("CREATE TRIGGER trap BEFORE INSERT ON certificate WHEN (SELECT count(*) FROM certificate) > 0"
     " BEGIN SELECT RAISE(ABORT, 'trap'); END"),
    "CREATE TRIGGER trap BEFORE INSERT ON address BEGIN SELECT RAISE(ABORT, 'trap'); END",
    "CREATE TRIGGER trap BEFORE INSERT ON recipient BEGIN SELECT RAISE(ABORT, 'trap'); END",
};

/* It fails half-way: nothing of it is stored, and the keyring still works. */
START_TEST(fails_late)
{
    struct sp_upload *upload = sp_upload_begin(keyring);

    ck_assert_int_eq(sp_add(upload, bob, SP_ROLE_CONTACT, false, NULL), SP_ADD_NEW);
    ck_assert_int_eq(sp_add(upload, carol, SP_ROLE_IDENTITY, false, NULL), SP_ADD_NEW);
    /* A keyring with a trigger is refused when it is opened; here the trigger comes later. */
    sp_run_sql(place, SP_CERTIFICATES, traps[_i]);
    ck_assert(!sp_upload_commit(upload));
    expect_why("the keyring is as it was");
    expect_why(place);
    sp_expect_all(keyring, "");
    sp_run_sql(place, SP_CERTIFICATES, "DROP TRIGGER trap");
    /* The staged certificates are still there. */
    ck_assert(sp_upload_commit(upload));
    sp_upload_free(upload);
    sp_expect_all(keyring, "1c 2i");
}
END_TEST

/* Another process holds the database: the commit fails with a reason. */
START_TEST(locked)
{
    struct sp_upload *upload = sp_upload_begin(keyring);
    struct sp_keyring *other = sp_must_open(place, SP_KEYRING_WRITE);

    sp_database(keyring)->sq->busy_timeout(sp_database(keyring)->db, 50);
    ck_assert_int_eq(sp_add(upload, bob, SP_ROLE_CONTACT, false, NULL), SP_ADD_NEW);
    ck_assert(sp_store_begin(sp_database(other)));
    ck_assert(!sp_upload_commit(upload));
    expect_why("another program is writing to it; try again when it is done");
    sp_store_rollback(sp_database(other));
    ck_assert(sp_upload_commit(upload));
    sp_upload_free(upload);
    sp_keyring_close(other);
    sp_expect_all(keyring, "1c");
}
END_TEST

/* While an upload is collected other processes need not wait. */
START_TEST(staging_blocks_nobody)
{
    struct sp_upload *upload = sp_upload_begin(keyring);
    struct sp_keyring *other = sp_must_open(place, SP_KEYRING_WRITE);

    sp_database(other)->sq->busy_timeout(sp_database(other)->db, 0);
    ck_assert_int_eq(sp_add(upload, bob, SP_ROLE_CONTACT, false, NULL), SP_ADD_NEW);
    sp_store(other, carol, SP_ROLE_CA);
    sp_expect_all(other, "2a");
    ck_assert_int_eq(sp_add(upload, carol, SP_ROLE_CA, false, NULL), SP_ADD_STORED);
    ck_assert(sp_upload_commit(upload));
    sp_upload_free(upload);
    sp_expect_all(other, "2a 1c");
    sp_keyring_close(other);
}
END_TEST

/*
 * The trust settings of a BEGIN TRUSTED CERTIFICATE are stored, but are no part of
 * its fingerprint.
 */
START_TEST(trusted_certificate)
{
    X509 *trusted = X509_dup(bob);
    struct sp_cursor *cursor;
    struct sp_record record;
    X509 *found;

    ck_assert_int_eq(X509_alias_set1(trusted, (const unsigned char *)"Bobby", -1), 1);
    sp_store(keyring, trusted, SP_ROLE_CONTACT);
    cursor = sp_keyring_find(keyring, &(struct sp_query){ .index = SP_ALL });
    ck_assert_int_eq(sp_cursor_next(cursor, &record), 1);
    found = sp_record_cert(&record);
    ck_assert_mem_eq(X509_alias_get0(found, NULL), "Bobby", 5);
    X509_free(found);
    sp_record_clear(&record);
    sp_cursor_free(cursor);
    upload_again(SP_ROLE_CONTACT, false, SP_ROLE_CONTACT);
    X509_free(trusted);
}
END_TEST

/* A key without an id is not found by the id of another. */
START_TEST(odd_keys)
{
    static const char *const kinds[] = { "ED25519", "X25519" };
    char serials[16] = "";

    for (int i = 0; i < SP_ROWS(kinds); i++) {
        EVP_PKEY *key = sp_make_key(kinds[i], NULL);
        X509 *cert = sp_make_contact(i + 1, "Odd", NULL, key);
        unsigned char name[SP_SHA256_LENGTH];

        sp_store(keyring, cert, SP_ROLE_CA);
        sp_key_name(cert, name);
        sprintf(serials, "%d", i + 1);
        sp_expect_found(keyring, &(struct sp_query){ .index = SP_BY_KEY, .hash = name }, serials);
        X509_free(cert);
        EVP_PKEY_free(key);
    }
}
END_TEST

/* The certificate without its decoded key is the same, and is stored as the same. */
START_TEST(without_key)
{
    unsigned char *der = NULL;
    int length = i2d_X509(bob, &der);
    const unsigned char *at = der;
    X509 *bare = sp_cert_without_key(&at, length);
    struct sp_upload *upload;

    ck_assert_ptr_nonnull(bare);
    ck_assert_ptr_eq(at, der + length);
    ck_assert_int_eq(X509_cmp(bare, bob), 0);
    ck_assert_ptr_null(X509_get0_pubkey(bare));
    ERR_clear_error();
    sp_store(keyring, bare, SP_ROLE_CONTACT);
    upload = sp_upload_begin(keyring);
    ck_assert_int_eq(sp_add(upload, bob, SP_ROLE_CONTACT, false, NULL), SP_ADD_STORED);
    sp_upload_free(upload);
    X509_free(bare);
    at = der;
    ck_assert_ptr_null(sp_cert_without_key(&at, length - 1));
    ERR_clear_error();
    OPENSSL_free(der);
}
END_TEST

/* The time of an upload is that of an earlier one, if it is told, and else now. */
START_TEST(at_a_time)
{
    struct sp_upload *upload = sp_upload_begin(keyring);
    X509 *one = sp_make_contact(1, "One", "email:one@example.org", NULL);
    X509 *two = sp_make_contact(2, "Two", "email:two@example.org", NULL);
    const int64_t before = time(NULL);
    int64_t now;

    sp_upload_at(upload, 1234567);
    ck_assert_int_eq(sp_add(upload, one, SP_ROLE_CONTACT, true, NULL), SP_ADD_NEW);
    sp_upload_at(upload, 0);
    ck_assert_int_eq(sp_add(upload, two, SP_ROLE_CONTACT, true, NULL), SP_ADD_NEW);
    ck_assert(sp_upload_commit(upload));
    sp_upload_free(upload);
    ck_assert_int_eq(sp_sql_number(place, SP_CERTIFICATES, "SELECT min(uploaded) FROM certificate"),
                     1234567);
    now = sp_sql_number(place, SP_CERTIFICATES, "SELECT max(uploaded) FROM certificate");
    ck_assert_int_ge(now, before);
    ck_assert_int_le(now, time(NULL));
    X509_free(one);
    X509_free(two);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("keyring: upload");
    TCase *tests = tcase_create("upload");

    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, not_committed);
    tcase_add_test(tests, one_after_the_other);
    tcase_add_test(tests, nothing_to_store);
    tcase_add_test(tests, twice);
    tcase_add_loop_test(tests, stored, 0, SP_ROWS(overrides));
    tcase_add_test(tests, staged);
    tcase_add_loop_test(tests, renewed, 0, SP_ROWS(renewals));
    tcase_add_loop_test(tests, raced, 0, 2);
    tcase_add_loop_test(tests, fails_late, 0, SP_ROWS(traps));
    tcase_add_test(tests, locked);
    tcase_add_test(tests, staging_blocks_nobody);
    tcase_add_test(tests, trusted_certificate);
    tcase_add_test(tests, odd_keys);
    tcase_add_test(tests, without_key);
    tcase_add_test(tests, at_a_time);
    suite_add_tcase(suite, tests);
    return sp_run(suite);
}
