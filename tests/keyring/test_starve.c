/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Every allocation of ours fails once.  There must be no crash, no leak, a clear
 * error, and an unchanged keyring.  SQLite's own allocations do not fail here.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/err.h>

#include "keyrings.h"
#include "starve.h"

/* Objects for the cases, made before any allocation fails. */
static char *place;
static struct sp_keyring *keyring;
static X509 *cert, *other;
static struct sp_facts *facts;
static unsigned char fingerprint[1][SP_SHA256_LENGTH], key_name[SP_SHA256_LENGTH];

static void set_up(void)
{
    place = sp_make_place();
    keyring = sp_must_open(place, SP_KEYRING_WRITE);
    cert = sp_make_contact(1, "Bob", "email:bob@example.org,email:rob@example.org", NULL);
    other = sp_make_contact(2, "Bob", "email:bob@example.org", NULL);
    facts = sp_facts_new(other);
    sp_fingerprint(cert, fingerprint[0]);
    sp_key_name(cert, key_name);
    sp_store(keyring, cert, SP_ROLE_CONTACT);
    sp_store_key(keyring, cert, "key", true, NULL);
    sp_keyring_close(keyring);
    keyring = sp_must_open(place, SP_KEYRING_WRITE);
}

static void tear_down(void)
{
    sp_keyring_close(keyring);
    sp_facts_free(facts);
    X509_free(cert);
    X509_free(other);
    sp_remove_place(place);
}

static bool open_as(enum sp_access access)
{
    char *why;
    struct sp_keyring *fresh = sp_keyring_open(place, access, &why);
    bool opened = fresh != NULL;

    /* Out of memory is told by a NULL reason, and never as another fault. */
    if (!opened)
        ck_assert_msg(why == NULL, "%s", why);
    sp_keyring_close(fresh);
    return opened;
}

static bool try_read(void)
{
    return open_as(SP_KEYRING_READ);
}

static bool try_write(void)
{
    return open_as(SP_KEYRING_WRITE);
}

static bool find(const struct sp_query *query)
{
    struct sp_cursor *cursor = sp_keyring_find(keyring, query);
    struct sp_record record;
    int found = cursor == NULL ? -1 : sp_cursor_next(cursor, &record);

    ck_assert_int_ne(found, 0);
    if (found == 1)
        sp_record_clear(&record);
    sp_cursor_free(cursor);
    return found == 1;
}

static bool try_all(void)
{
    return find(&(struct sp_query){ .index = SP_ALL });
}

static bool try_address(void)
{
    return find(&(struct sp_query){ .index = SP_BY_ADDRESS, .text = "bob@example.org" });
}

static bool try_subject(void)
{
    return find(&(struct sp_query){ .index = SP_BY_SUBJECT, .name = X509_get_subject_name(cert) });
}

static bool try_role_in(void)
{
    char *why;
    enum sp_role role = sp_keyring_role_in(place, cert, &why);

    OPENSSL_free(why);
    return role == SP_ROLE_IDENTITY;
}

/* A new keyring each time, so that keys.db is attached again. */
static bool try_key(void)
{
    char *why;
    struct sp_keyring *fresh = sp_keyring_open(place, SP_KEYRING_READ, &why);
    struct sp_private_key key = { 0 };
    int found = fresh == NULL ? -1 : sp_keyring_key(fresh, key_name, &key);

    ck_assert_int_ne(found, 0);
    sp_private_key_clear(&key);
    sp_keyring_close(fresh);
    return found == 1;
}

/* The end of an upload.  The keys are taken over in any case. */
static bool try_upload(void)
{
    struct sp_upload *upload = sp_upload_begin(keyring);
    struct sp_private_key key = { .uri = strdup("file:key") };
    enum sp_role stored;
    bool done = upload != NULL && sp_upload_add(upload, other, facts, SP_ROLE_CONTACT, true,
                                                &stored) != SP_ADD_FAILED;

    done = done && sp_upload_add_key(upload, key_name, &key) && sp_upload_commit(upload);
    free(key.uri);
    sp_upload_free(upload);
    return done;
}

static bool try_remove(void)
{
    return sp_keyring_remove(keyring, (const unsigned char(*)[SP_SHA256_LENGTH])fingerprint, 1);
}

static const struct {
    const char *name;
    bool (*try)(void);
    const char *after; /* what is stored after success; NULL: as before */
} cases[] = {
    { "read", try_read, NULL },       { "write", try_write, NULL },
    { "all", try_all, NULL },         { "address", try_address, NULL },
    { "subject", try_subject, NULL }, { "role in", try_role_in, NULL },
    { "key", try_key, NULL },         { "upload", try_upload, "1i 2i" },
    { "remove", try_remove, "" },
};

static void expect_state(const char *certificates)
{
    sp_expect_all(keyring, certificates);
    ck_assert_int_eq(sp_sql_number(place, SP_KEYS, "SELECT count(*) FROM private_key"),
                     *certificates == '\0' ? 0 : 1);
}

/*
 * Fail the first allocation, then the second, until none is left to fail.  A few are
 * not needed: then the answer must be right all the same.
 */
START_TEST(starve)
{
    const char *after = cases[_i].after == NULL ? "1i" : cases[_i].after;
    long failed = 0;
    long refused = 0;
    bool starved;

    do {
        bool done;

        sp_starve(++failed);
        done = cases[_i].try();
        starved = sp_starve_end();
        ERR_clear_error();
        expect_state(done ? after : "1i");
        ck_assert_msg(done || starved, "%s: allocation %ld", cases[_i].name, failed);
        refused += !done;
        tear_down();
        set_up();
    } while (starved);
    ck_assert_int_ge(refused, failed - 3);
    ck_assert_int_gt(refused, 0);
}
END_TEST

/* If making a keyring fails, none is left, not even a part. */
START_TEST(starve_making)
{
    long failed = 0;
    bool starved;

    do {
        char *fresh = sp_make_place();
        struct sp_keyring *made;
        char *why;

        sp_starve(++failed);
        made = sp_keyring_open(fresh, SP_KEYRING_WRITE, &why);
        starved = sp_starve_end();
        ck_assert_int_eq(made == NULL, starved);
        ck_assert_ptr_null(why);
        sp_keyring_close(made);
        sp_keyring_close(sp_must_open(fresh, SP_KEYRING_WRITE));
        sp_remove_place(fresh);
    } while (starved);
    ck_assert_int_gt(failed, 6);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("keyring: starve");
    TCase *tests = tcase_create("allocations");

    if (!sp_starve_watch())
        return EXIT_FAILURE;
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_set_timeout(tests, 300);
    tcase_add_loop_test(tests, starve, 0, SP_ROWS(cases));
    tcase_add_test(tests, starve_making);
    suite_add_tcase(suite, tests);
    return sp_run(suite);
}
