/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Private keys that wait for their certificate: kept with their request, found, answered
 * and removed.
 */
#include <string.h>

#include <openssl/crypto.h>

#include "keyrings.h"

#define WAITING "SELECT count(*) FROM waiting"
#define KEYS    "SELECT count(*) FROM private_key"

static char *place;
static struct sp_keyring *keyring;
static X509 *bob, *carol;
static unsigned char *request; /* Bob's, in DER */
static int length;
static unsigned char name[SP_SHA256_LENGTH]; /* of his key */

static void set_up(void)
{
    X509_REQ *asked = X509_REQ_new();

    place = sp_make_place();
    keyring = sp_must_open(place, SP_KEYRING_WRITE);
    bob = sp_make_contact(1, "Bob", "email:bob@example.org", NULL);
    carol = sp_make_contact(2, "Carol", "email:carol@example.org", sp_test_rsa());
    ck_assert_int_eq(X509_REQ_set_subject_name(asked, X509_get_subject_name(bob)), 1);
    ck_assert_int_eq(X509_REQ_set_pubkey(asked, X509_get0_pubkey(bob)), 1);
    ck_assert_int_gt(X509_REQ_sign(asked, sp_test_ec(), EVP_sha256()), 0);
    request = NULL;
    length = i2d_X509_REQ(asked, &request);
    X509_REQ_free(asked);
    sp_key_name(bob, name);
}

static void tear_down(void)
{
    OPENSSL_free(request);
    X509_free(bob);
    X509_free(carol);
    sp_keyring_close(keyring);
    sp_remove_place(place);
}

static bool store_waiting(void)
{
    struct sp_upload *upload = sp_upload_begin(keyring);
    struct sp_private_key key = { .request_length = (size_t)length };
    bool done;

    key.uri = OPENSSL_strdup("file:key");
    key.request = OPENSSL_memdup(request, (size_t)length);
    ck_assert(sp_upload_add_key(upload, name, &key));
    ck_assert_ptr_null(key.request);
    done = sp_upload_commit(upload);
    sp_upload_free(upload);
    return done;
}

/* Nothing but his request waits, or nothing at all. */
static void expect_waiting(bool waits)
{
    struct sp_cursor *cursor = sp_keyring_find(keyring, &(struct sp_query){ .index = SP_WAITING });
    struct sp_record record;

    ck_assert_ptr_nonnull(cursor);
    if (waits) {
        ck_assert_int_eq(sp_cursor_next(cursor, &record), 1);
        ck_assert_int_eq(record.role, SP_ROLE_IDENTITY);
        ck_assert_int_eq(record.origin, SP_ORIGIN_MADE);
        ck_assert_mem_eq(record.key, name, SP_SHA256_LENGTH);
        ck_assert_mem_eq(record.fingerprint, name, SP_SHA256_LENGTH);
        ck_assert_uint_eq(record.der_length, (size_t)length);
        ck_assert_mem_eq(record.der, request, (size_t)length);
        ck_assert_int_gt(record.uploaded, 0);
        sp_record_clear(&record);
    }
    ck_assert_int_eq(sp_cursor_next(cursor, &record), 0);
    sp_cursor_free(cursor);
}

static void expect_key(bool stored)
{
    struct sp_private_key key;

    ck_assert_int_eq(sp_keyring_key(keyring, name, &key), stored);
    ck_assert_ptr_null(key.request);
    sp_private_key_clear(&key);
}

static void hear(const char *line, void *data)
{
    (void)OPENSSL_strlcpy(data, line, 200);
}

/* |fault|: the end of the last line that the check tells; "" for none. */
static void expect_check(const char *fault)
{
    struct sp_checked checked = { 0 };
    char told[200] = "";

    ck_assert(sp_keyring_check(keyring, hear, told, &checked));
    ck_assert_int_eq(checked.faults, *fault == '\0' ? 0 : 1);
    ck_assert_msg(strstr(told, fault) != NULL && (*fault != '\0' || *told == '\0'), "%s", told);
}

static bool take_away(unsigned char which[SP_SHA256_LENGTH])
{
    return sp_keyring_remove(keyring, (const unsigned char(*)[SP_SHA256_LENGTH])which, 1);
}

START_TEST(stored)
{
    expect_waiting(false);
    ck_assert(store_waiting());
    sp_keyring_close(keyring);
    keyring = sp_must_open(place, SP_KEYRING_READ);
    expect_waiting(true);
    expect_key(true);
    sp_expect_all(keyring, "");
    expect_check("");
}
END_TEST

/* Its certificate makes an identity; another one, and a role that somebody insists on, do not. */
START_TEST(answered)
{
    struct sp_upload *upload;
    enum sp_role stored_as;

    ck_assert(store_waiting());
    sp_store(keyring, carol, SP_ROLE_CONTACT);
    expect_waiting(true);
    upload = sp_upload_begin(keyring);
    ck_assert_int_eq(sp_add(upload, bob, SP_ROLE_CONTACT, _i == 1, &stored_as), SP_ADD_NEW);
    ck_assert_int_eq(stored_as, _i == 1 ? SP_ROLE_CONTACT : SP_ROLE_IDENTITY);
    expect_waiting(true);
    ck_assert(sp_upload_commit(upload));
    sp_upload_free(upload);
    expect_waiting(_i == 1);
    expect_key(true);
    sp_expect_all(keyring, _i == 1 ? "2c 1c" : "2c 1i");
    expect_check("");
}
END_TEST

START_TEST(removed)
{
    ck_assert(store_waiting());
    ck_assert(take_away(name));
    expect_waiting(false);
    expect_key(false);
    ck_assert(take_away(name));
}
END_TEST

/* The key stays with the one who still needs it. */
START_TEST(removed_beside)
{
    unsigned char print[SP_SHA256_LENGTH];

    sp_store(keyring, bob, _i == 0 ? SP_ROLE_IDENTITY : SP_ROLE_CONTACT);
    ck_assert(store_waiting());
    expect_waiting(true);
    sp_fingerprint(bob, print);
    ck_assert(take_away(print));
    expect_waiting(true);
    expect_key(true);
}
END_TEST

/* The key of an identity outlives its request. */
START_TEST(removed_of_identity)
{
    sp_store(keyring, bob, SP_ROLE_IDENTITY);
    ck_assert(store_waiting());
    ck_assert(take_away(name));
    expect_waiting(false);
    expect_key(true);
    expect_check("");
}
END_TEST

/* A CA that was made here has its key, which goes with it. */
START_TEST(key_of_a_ca)
{
    unsigned char print[SP_SHA256_LENGTH];

    sp_store(keyring, bob, SP_ROLE_CA);
    sp_store_key(keyring, bob, NULL, false, "file:key");
    sp_expect_all(keyring, "1a");
    expect_check("");
    sp_fingerprint(bob, print);
    ck_assert(take_away(print));
    expect_key(false);
}
END_TEST

/* If one cannot be stored, neither is. */
START_TEST(stored_whole)
{
    sp_store_key(keyring, carol, "hers", true, NULL);
    sp_run_sql(place, SP_KEYS,
               "CREATE TRIGGER trap BEFORE INSERT ON waiting"
               " BEGIN SELECT RAISE(ABORT, 'trap'); END");
    ck_assert(!store_waiting());
    ck_assert_ptr_nonnull(strstr(sp_keyring_why(keyring), "the keyring is as it was"));
    sp_run_sql(place, SP_KEYS, "DROP TRIGGER trap");
    expect_waiting(false);
    expect_key(false);
}
END_TEST

static const struct {
    const char *sql, *fault;
} faults[] = {
    { "UPDATE waiting SET request = x'3000'", "the request for its certificate is none any more" },
    { "UPDATE waiting SET request = x''", "the request for its certificate is none any more" },
    { "UPDATE waiting SET request = CAST(request || x'00' AS BLOB)",
      "the request for its certificate is none any more" },
    { "DELETE FROM private_key", "a certificate is awaited for it, and it is not there" },
};

START_TEST(faulty)
{
    ck_assert(store_waiting());
    sp_run_sql(place, SP_KEYS, faults[_i].sql);
    expect_check(faults[_i].fault);
}
END_TEST

/* Damaged names of keys are told of both tables. */
START_TEST(faulty_name)
{
    struct sp_checked checked = { 0 };
    char told[200];

    ck_assert(store_waiting());
    sp_run_sql(place, SP_KEYS, "UPDATE waiting SET key = x'00'");
    ck_assert(sp_keyring_check(keyring, hear, told, &checked));
    ck_assert_int_eq(checked.faults, 2);
    ck_assert_str_eq(told, "keys.db: an entry is damaged");
}
END_TEST

/*
 * A keyring of the first release is brought up when its keys are looked at for writing.  For
 * a reader, who may not be allowed to write, nothing waits in it.
 */
START_TEST(brought_up)
{
    sp_store_key(keyring, bob, NULL, false, "file:key");
    sp_keyring_close(keyring);
    sp_run_sql(place, SP_KEYS, "DROP TABLE waiting; PRAGMA user_version = 1");
    keyring = sp_must_open(place, _i == 0 ? SP_KEYRING_READ : SP_KEYRING_WRITE);
    expect_key(true);
    expect_waiting(false);
    ck_assert_int_eq(sp_sql_number(place, SP_KEYS, "PRAGMA user_version"), _i == 0 ? 1 : 2);
    ck_assert_int_eq(sp_sql_number(place, SP_KEYS, KEYS), 1);
    if (_i == 0) {
        sp_keyring_close(keyring);
        keyring = sp_must_open(place, SP_KEYRING_WRITE);
    }
    /* The look-ups of an upload are a reader's. */
    ck_assert(store_waiting());
    expect_waiting(true);
}
END_TEST

/* Whatever the form of the certificates is: a request was made here. */
START_TEST(waits_beside_an_old_form)
{
    ck_assert(store_waiting());
    sp_keyring_close(keyring);
    sp_run_sql(place, SP_CERTIFICATES,
               "DROP TABLE hub; DROP TABLE hub_member;"
               "ALTER TABLE certificate DROP COLUMN origin; PRAGMA user_version = 1");
    keyring = sp_must_open(place, SP_KEYRING_READ);
    expect_waiting(true);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("keyring: waiting");
    TCase *tests = tcase_create("waiting");

    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, stored);
    tcase_add_loop_test(tests, answered, 0, 2);
    tcase_add_test(tests, removed);
    tcase_add_loop_test(tests, removed_beside, 0, 2);
    tcase_add_test(tests, removed_of_identity);
    tcase_add_test(tests, key_of_a_ca);
    tcase_add_test(tests, stored_whole);
    tcase_add_loop_test(tests, faulty, 0, SP_ROWS(faults));
    tcase_add_test(tests, faulty_name);
    tcase_add_loop_test(tests, brought_up, 0, 2);
    tcase_add_test(tests, waits_beside_an_old_form);
    suite_add_tcase(suite, tests);
    return sp_run(suite);
}
