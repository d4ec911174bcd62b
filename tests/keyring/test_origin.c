/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Where a stored certificate came from: kept with it, and changed by hand alone.
 */
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "keyrings.h"

#define TWO_ADDRESSES "email:bob@example.org,email:rob@example.org"

static char *place;
static struct sp_keyring *keyring;
static X509 *bob, *carol;

static void set_up(void)
{
    place = sp_make_place();
    keyring = sp_must_open(place, SP_KEYRING_WRITE);
    bob = sp_make_contact(1, "Bob", TWO_ADDRESSES, NULL);
    carol = sp_make_contact(2, "Carol", "email:carol@example.org", sp_test_rsa());
}

static void tear_down(void)
{
    X509_free(bob);
    X509_free(carol);
    sp_keyring_close(keyring);
    sp_remove_place(place);
}

static struct sp_standing standing_of(struct sp_keyring *in, const X509 *cert)
{
    unsigned char fingerprint[SP_SHA256_LENGTH];
    struct sp_standing standing;
    bool failed = true;

    sp_fingerprint(cert, fingerprint);
    standing = sp_keyring_standing(in, fingerprint, &failed);
    ck_assert(!failed);
    return standing;
}

static void expect(const X509 *cert, enum sp_role role, enum sp_origin origin)
{
    ck_assert_int_eq(standing_of(keyring, cert).role, role);
    ck_assert_int_eq(standing_of(keyring, cert).origin, origin);
}

/* Store |cert| alone, as of |when|, to be found by |only_for|. */
static enum sp_added put(const X509 *cert, enum sp_role role, enum sp_origin origin, int64_t when,
                         const char *only_for)
{
    struct sp_upload *upload = sp_upload_begin(keyring);
    enum sp_added added;

    sp_upload_origin(upload, origin);
    sp_upload_at(upload, when);
    sp_upload_only_for(upload, only_for);
    added = sp_add(upload, cert, role, false, NULL);
    ck_assert(sp_upload_commit(upload));
    sp_upload_free(upload);
    return added;
}

static void expect_since(const X509 *cert, int64_t since)
{
    unsigned char fingerprint[SP_SHA256_LENGTH];
    const struct sp_query query = { .index = SP_BY_FINGERPRINT, .hash = fingerprint };
    struct sp_cursor *cursor;
    struct sp_record record;

    sp_fingerprint(cert, fingerprint);
    cursor = sp_keyring_find(keyring, &query);
    ck_assert_int_eq(sp_cursor_next(cursor, &record), 1);
    ck_assert_int_eq(record.uploaded, since);
    ck_assert_int_eq(record.origin, standing_of(keyring, cert).origin);
    sp_record_clear(&record);
    sp_cursor_free(cursor);
}

/*
 * Only a hand changes the origin, and only of what had none of it.  What a directory gives again
 * is of that day.
 */
static const struct {
    enum sp_origin first, second;
    enum sp_added added;
    enum sp_origin origin;
} changes[] = {
    { SP_ORIGIN_COLLECTED, SP_ORIGIN_UPLOADED, SP_ADD_NEW, SP_ORIGIN_UPLOADED },
    { SP_ORIGIN_DIRECTORY, SP_ORIGIN_MADE, SP_ADD_NEW, SP_ORIGIN_MADE },
    { SP_ORIGIN_UPLOADED, SP_ORIGIN_COLLECTED, SP_ADD_STORED, SP_ORIGIN_UPLOADED },
    { SP_ORIGIN_MADE, SP_ORIGIN_DIRECTORY, SP_ADD_STORED, SP_ORIGIN_MADE },
    { SP_ORIGIN_MADE, SP_ORIGIN_UPLOADED, SP_ADD_STORED, SP_ORIGIN_MADE },
    { SP_ORIGIN_COLLECTED, SP_ORIGIN_COLLECTED, SP_ADD_STORED, SP_ORIGIN_COLLECTED },
    { SP_ORIGIN_COLLECTED, SP_ORIGIN_DIRECTORY, SP_ADD_STORED, SP_ORIGIN_COLLECTED },
    { SP_ORIGIN_DIRECTORY, SP_ORIGIN_COLLECTED, SP_ADD_STORED, SP_ORIGIN_DIRECTORY },
    { SP_ORIGIN_DIRECTORY, SP_ORIGIN_DIRECTORY, SP_ADD_STORED, SP_ORIGIN_DIRECTORY },
};

START_TEST(change)
{
    ck_assert_int_eq(put(bob, SP_ROLE_CONTACT, changes[_i].first, 1000, NULL), SP_ADD_NEW);
    expect_since(bob, 1000);
    ck_assert_int_eq(put(bob, SP_ROLE_CONTACT, changes[_i].second, 2000, NULL), changes[_i].added);
    expect(bob, SP_ROLE_CONTACT, changes[_i].origin);
    expect_since(bob,
                 changes[_i].added == SP_ADD_NEW || (changes[_i].first == SP_ORIGIN_DIRECTORY &&
                                                     changes[_i].second == SP_ORIGIN_DIRECTORY)
                     ? 2000
                     : 1000);
}
END_TEST

/* By hand, the role is that of the upload; a mail changes none. */
START_TEST(role_by_hand)
{
    ck_assert_int_eq(put(bob, SP_ROLE_INTERMEDIATE, SP_ORIGIN_COLLECTED, 0, NULL), SP_ADD_NEW);
    expect(bob, SP_ROLE_INTERMEDIATE, SP_ORIGIN_COLLECTED);
    ck_assert_int_eq(put(bob, SP_ROLE_CA, SP_ORIGIN_UPLOADED, 0, NULL), SP_ADD_NEW);
    expect(bob, SP_ROLE_CA, SP_ORIGIN_UPLOADED);
    ck_assert_int_eq(put(bob, SP_ROLE_INTERMEDIATE, SP_ORIGIN_COLLECTED, 0, NULL), SP_ADD_STORED);
    expect(bob, SP_ROLE_CA, SP_ORIGIN_UPLOADED);
}
END_TEST

/* A certificate of one's own key that comes with a mail makes no identity; an upload does. */
START_TEST(own_key)
{
    X509 *renewed = sp_make_contact(3, "Carol", "email:carol@example.org", sp_test_rsa());

    sp_store(keyring, carol, SP_ROLE_IDENTITY);
    put(renewed, SP_ROLE_CONTACT, SP_ORIGIN_COLLECTED, 0, NULL);
    expect(renewed, SP_ROLE_CONTACT, SP_ORIGIN_COLLECTED);
    put(renewed, SP_ROLE_CONTACT, SP_ORIGIN_UPLOADED, 0, NULL);
    expect(renewed, SP_ROLE_IDENTITY, SP_ORIGIN_UPLOADED);
    X509_free(renewed);
}
END_TEST

static void expect_by(const char *address, const char *expected)
{
    const struct sp_query query = { .index = SP_BY_ADDRESS, .text = address };

    sp_expect_found(keyring, &query, expected);
}

static void ignore_line(const char *line, void *data)
{
    (void)line;
    (void)data;
}

static size_t faults(void)
{
    struct sp_checked checked = { 0 };

    ck_assert(sp_keyring_check(keyring, ignore_line, NULL, &checked));
    return (size_t)checked.faults;
}

/* It is found by the addresses that it was collected for; by all of them, once uploaded. */
START_TEST(only_for)
{
    X509 *issuer = sp_make_contact(3, "CA", NULL, NULL);

    put(bob, SP_ROLE_CONTACT, SP_ORIGIN_COLLECTED, 0, "mallory@example.org, Rob@example.org");
    expect_by("bob@example.org", "");
    expect_by("rob@example.org", "1");
    expect_by("mallory@example.org", "");
    ck_assert_uint_eq(faults(), 0);
    put(carol, SP_ROLE_CONTACT, SP_ORIGIN_COLLECTED, 0, "arol@example.org, carol@example.or");
    expect_by("carol@example.org", "");
    ck_assert_uint_eq(faults(), 1);
    /* Who issues certificates needs no address. */
    put(issuer, SP_ROLE_INTERMEDIATE, SP_ORIGIN_COLLECTED, 0, NULL);
    ck_assert_uint_eq(faults(), 1);
    X509_free(issuer);
    put(bob, SP_ROLE_CONTACT, SP_ORIGIN_UPLOADED, 0, NULL);
    expect_by("bob@example.org", "1");
}
END_TEST

/* Two mails of one run, from two addresses. */
START_TEST(only_for_twice)
{
    struct sp_upload *upload = sp_upload_begin(keyring);

    sp_upload_origin(upload, SP_ORIGIN_COLLECTED);
    sp_upload_only_for(upload, "rob@example.org");
    ck_assert_int_eq(sp_add(upload, bob, SP_ROLE_CONTACT, false, NULL), SP_ADD_NEW);
    sp_upload_only_for(upload, "bob@example.org");
    ck_assert_int_eq(sp_add(upload, bob, SP_ROLE_CONTACT, false, NULL), SP_ADD_AGAIN);
    ck_assert(sp_upload_commit(upload));
    sp_upload_free(upload);
    expect_by("bob@example.org", "1");
    expect_by("rob@example.org", "1");
}
END_TEST

START_TEST(by_hand_alone)
{
    const struct sp_query hand = { .index = SP_ALL, .by_hand = true };
    const struct sp_query cas = { .index = SP_ALL, .roles = SP_ROLE_BIT(SP_ROLE_INTERMEDIATE) };
    int64_t counts[SP_ROLE_COUNT];
    X509 *issuer = sp_make_contact(3, "CA", TWO_ADDRESSES, NULL);
    X509 *made = sp_make_contact(4, "Dave", "email:dave@example.org", NULL);

    put(bob, SP_ROLE_CONTACT, SP_ORIGIN_COLLECTED, 0, NULL);
    put(carol, SP_ROLE_CONTACT, SP_ORIGIN_UPLOADED, 0, NULL);
    put(issuer, SP_ROLE_INTERMEDIATE, SP_ORIGIN_COLLECTED, 0, NULL);
    put(made, SP_ROLE_CONTACT, SP_ORIGIN_MADE, 0, NULL);
    sp_expect_found(keyring, &hand, "2 4");
    sp_expect_found(keyring, &cas, "3");
    ck_assert(sp_keyring_count(keyring, counts));
    ck_assert_int_eq(counts[SP_ROLE_CONTACT], 3);
    ck_assert_int_eq(counts[SP_ROLE_INTERMEDIATE], 1);
    X509_free(issuer);
    X509_free(made);
}
END_TEST

/* Make of it what the first release has made. */
static void age(void)
{
    sp_keyring_close(keyring);
    sp_run_sql(place, SP_CERTIFICATES,
               "DROP TABLE hub; DROP TABLE hub_member;"
               "ALTER TABLE certificate DROP COLUMN origin; PRAGMA user_version = 1");
}

/*
 * A reader who may not bring up an old keyring reads it as it is: all was uploaded.  After
 * somebody else has brought it up, it reads the origins.
 */
START_TEST(old_form_is_read)
{
    struct sp_keyring *reader;

    sp_store(keyring, bob, SP_ROLE_CONTACT);
    age();
    reader = sp_must_open(place, SP_KEYRING_READ);
    ck_assert_int_eq(standing_of(reader, bob).origin, SP_ORIGIN_UPLOADED);
    ck_assert_int_eq(sp_sql_number(place, SP_CERTIFICATES, "PRAGMA user_version"), 1);
    keyring = sp_must_open(place, SP_KEYRING_WRITE);
    put(carol, SP_ROLE_CONTACT, SP_ORIGIN_COLLECTED, 0, NULL);
    ck_assert_int_eq(standing_of(reader, bob).origin, SP_ORIGIN_UPLOADED);
    ck_assert_int_eq(standing_of(reader, carol).origin, SP_ORIGIN_COLLECTED);
    sp_keyring_close(reader);
}
END_TEST

/* The same within one search, whose statement was prepared before. */
START_TEST(search_goes_on)
{
    const struct sp_query hand = { .index = SP_ALL, .by_hand = true };
    struct sp_record record;
    struct sp_keyring *reader;
    struct sp_cursor *cursor;

    age();
    reader = sp_must_open(place, SP_KEYRING_READ);
    cursor = sp_keyring_find(reader, &hand);
    keyring = sp_must_open(place, SP_KEYRING_WRITE);
    put(carol, SP_ROLE_CONTACT, SP_ORIGIN_COLLECTED, 0, NULL);
    ck_assert_int_eq(sp_cursor_next(cursor, &record), 0);
    sp_cursor_free(cursor);
    sp_keyring_close(reader);
}
END_TEST

START_TEST(old_form_is_brought_up)
{
    sp_store(keyring, bob, SP_ROLE_CONTACT);
    age();
    keyring = sp_must_open(place, SP_KEYRING_WRITE);
    expect(bob, SP_ROLE_CONTACT, SP_ORIGIN_UPLOADED);
    ck_assert_int_eq(sp_sql_number(place, SP_CERTIFICATES, "PRAGMA user_version"), 4);
    ck_assert_uint_eq(faults(), 0);
}
END_TEST

/* An origin that is not known is a fault, and no person's hand. */
START_TEST(unknown_origin)
{
    const struct sp_query hand = { .index = SP_ALL, .by_hand = true };

    sp_store(keyring, bob, SP_ROLE_CONTACT);
    sp_run_sql(place, SP_CERTIFICATES, "UPDATE certificate SET origin = 7");
    ck_assert(sp_is_never_anchor(standing_of(keyring, bob)));
    sp_expect_found(keyring, &hand, "");
    ck_assert_uint_eq(faults(), 1);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("keyring: origin");
    TCase *tests = tcase_create("origin");

    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_loop_test(tests, change, 0, SP_ROWS(changes));
    tcase_add_test(tests, role_by_hand);
    tcase_add_test(tests, own_key);
    tcase_add_test(tests, only_for);
    tcase_add_test(tests, only_for_twice);
    tcase_add_test(tests, by_hand_alone);
    tcase_add_test(tests, old_form_is_read);
    tcase_add_test(tests, search_goes_on);
    tcase_add_test(tests, old_form_is_brought_up);
    tcase_add_test(tests, unknown_origin);
    suite_add_tcase(suite, tests);
    return sp_run(suite);
}
