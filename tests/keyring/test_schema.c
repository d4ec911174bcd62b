/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The form of the databases: brought up step by step, and refused if it is not
 * known.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "keyrings.h"

#define DATABASE "test.db"
#define OURS     "PRAGMA application_id = 0x736d7065;"

static char *place;

static void set_up(void)
{
    place = sp_make_place();
    sp_keyring_close(sp_must_open(place, SP_KEYRING_WRITE));
}

static void tear_down(void)
{
    sp_remove_place(place);
}

/* Three releases: the third needs what the second has made. */
static const char *const first[] = { "CREATE TABLE main.one (x);", NULL };
static const char *const second[] = { "CREATE TABLE main.one (x);",
                                      "CREATE TABLE main.two (x);"
                                      "INSERT INTO main.two SELECT x + 1 FROM main.one;",
                                      NULL };
static const char *const third[] = { "CREATE TABLE main.one (x);",
                                     "CREATE TABLE main.two (x);"
                                     "INSERT INTO main.two SELECT x + 1 FROM main.one;",
                                     "ALTER TABLE main.two RENAME TO three", NULL };
static const char *const none[] = { NULL };
static const char *const broken_at_once[] = { "CREATE TABLE main.one (x) no",
                                              "CREATE TABLE main.two (x);", NULL };
static const char *const broken[] = { "CREATE TABLE main.one (x);",
                                      "CREATE TABLE main.two (x); CREATE TABLE main.one (x);",
                                      NULL };

/* A database without the keyring's own tables. */
static struct sp_database *open_bare(void)
{
    struct sp_database *keyring = OPENSSL_zalloc(sizeof(*keyring));
    char *file = sp_store_file(place, DATABASE);

    keyring->base.storage = &sp_sqlite_storage;
    keyring->sq = sp_sqlite();
    keyring->access = SP_KEYRING_WRITE;
    keyring->path = OPENSSL_strdup(place);
    ck_assert_int_eq(
        keyring->sq->open_v2(file, &keyring->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL),
        SQLITE_OK);
    keyring->sq->busy_timeout(keyring->db, 20000);
    OPENSSL_free(file);
    return keyring;
}

/* Bring it up; NULL, or the reason of a failure, to free. */
static char *bring_up(const char *const *steps)
{
    const struct sp_schema schema = { "main", DATABASE, steps };
    struct sp_database *keyring = open_bare();
    int64_t form = -1;
    char *why = NULL;

    if (!sp_schema_bring_up(keyring, &schema, &form))
        why = OPENSSL_strdup(sp_keyring_why(&keyring->base));
    sp_keyring_close(&keyring->base);
    return why;
}

static void expect_up(const char *const *steps, int64_t version)
{
    char *why = bring_up(steps);

    ck_assert_msg(why == NULL, "%s", why);
    ck_assert_int_eq(sp_sql_number(place, DATABASE, "PRAGMA user_version"), version);
}

static void expect_not(const char *const *steps, const char *fragment)
{
    char *why = bring_up(steps);

    ck_assert_msg(why != NULL && strstr(why, fragment) != NULL, "%s, not: %s", why, fragment);
    OPENSSL_free(why);
}

START_TEST(release_by_release)
{
    expect_up(first, 1);
    ck_assert_int_eq(sp_sql_number(place, DATABASE, "PRAGMA application_id"), 0x736d7065);
    sp_run_sql(place, DATABASE, "INSERT INTO one VALUES (41)");
    expect_up(first, 1);
    expect_up(second, 2);
    ck_assert_int_eq(sp_sql_number(place, DATABASE, "SELECT x FROM two"), 42);
    expect_up(third, 3);
    expect_up(third, 3);
    ck_assert_int_eq(sp_sql_number(place, DATABASE, "SELECT x FROM three"), 42);
}
END_TEST

START_TEST(at_once)
{
    expect_up(third, 3);
    ck_assert_int_eq(sp_sql_number(place, DATABASE, "SELECT count(*) FROM three"), 0);
}
END_TEST

START_TEST(jumped)
{
    expect_up(first, 1);
    sp_run_sql(place, DATABASE, "INSERT INTO one VALUES (41)");
    expect_up(third, 3);
    ck_assert_int_eq(sp_sql_number(place, DATABASE, "SELECT x FROM three"), 42);
}
END_TEST

START_TEST(no_steps)
{
    expect_up(none, 0);
}
END_TEST

/* The reason names the version it knows and the one it found. */
START_TEST(from_the_future)
{
    expect_up(third, 3);
    expect_not(second, "test.db was written by a newer smime-policy (form 3, this one knows 2); "
                       "install that version");
    ck_assert_int_eq(sp_sql_number(place, DATABASE, "PRAGMA user_version"), 3);
}
END_TEST

/* Nor is a step made behind one that failed. */
START_TEST(broken_first)
{
    expect_not(broken_at_once, place);
    ck_assert_int_eq(sp_sql_number(place, DATABASE, "PRAGMA user_version"), 0);
    ck_assert_int_eq(sp_sql_number(place, DATABASE, "SELECT count(*) FROM sqlite_schema"), 0);
}
END_TEST

/* If a step fails, it and the steps before it are undone. */
START_TEST(broken_step)
{
    expect_not(broken, place);
    ck_assert_int_eq(sp_sql_number(place, DATABASE, "PRAGMA user_version"), 0);
    ck_assert_int_eq(sp_sql_number(place, DATABASE, "SELECT count(*) FROM sqlite_schema"), 0);
    expect_up(first, 1);
    expect_not(broken, place);
    ck_assert_int_eq(sp_sql_number(place, DATABASE, "PRAGMA user_version"), 1);
    ck_assert_int_eq(sp_sql_number(place, DATABASE, "SELECT count(*) FROM sqlite_schema"), 1);
}
END_TEST

static void *bring_up_in_thread(void *arg)
{
    (void)arg;
    return bring_up(third);
}

/* Several processes find an old form at once: one of them brings it up. */
START_TEST(all_at_once)
{
    pthread_t threads[6];

    for (int i = 0; i < SP_ROWS(threads); i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, bring_up_in_thread, NULL), 0);
    for (int i = 0; i < SP_ROWS(threads); i++) {
        void *why;

        pthread_join(threads[i], &why);
        ck_assert_msg(why == NULL, "%s", (char *)why);
    }
    ck_assert_int_eq(sp_sql_number(place, DATABASE, "PRAGMA user_version"), 3);
}
END_TEST

/* --- the keyring's own */

static const struct {
    const char *sql, *fragment;
} strangers[] = {
    { OURS "PRAGMA user_version = 5",
      "certificates.db was written by a newer smime-policy (form 5, this one knows 4)" },
    { OURS "PRAGMA user_version = 1000000", "install that version" },
    { "PRAGMA application_id = 1",
      "certificates.db is a database of something else; move it away" },
    { "PRAGMA application_id = 0", "certificates.db is a database of something else" },
    { "PRAGMA application_id = 1; PRAGMA user_version = 0",
      "certificates.db is a database of something else" },
    { "PRAGMA application_id = 0; PRAGMA user_version = 1",
      "certificates.db is a database of something else" },
    { "CREATE VIEW v AS SELECT 1", "certificates.db has views or triggers" },
    { "CREATE TRIGGER t AFTER INSERT ON address BEGIN SELECT 1; END", "has views or triggers" },
    { "PRAGMA writable_schema = ON;"
      "INSERT INTO sqlite_schema VALUES ('table', 'v', 'v', 0, 'CREATE VIRTUAL TABLE v USING x')",
      "has views or triggers" },
    { "CREATE TABLE t (a, b AS (a + 1))", "certificates.db has columns that are computed" },
    { "PRAGMA application_id = 0; PRAGMA user_version = 0", NULL },
};

START_TEST(strange)
{
    X509 *cert = sp_make_contact(1, "Bob", "email:bob@example.org", NULL);
    char *why;

    sp_run_sql(place, SP_CERTIFICATES, strangers[_i].sql);
    if (strangers[_i].fragment != NULL) {
        sp_expect_refusal(place, SP_KEYRING_READ, strangers[_i].fragment);
        sp_expect_refusal(place, SP_KEYRING_WRITE, strangers[_i].fragment);
    } else {
        /* Tables of another program, or ours without their mark, are not overwritten. */
        sp_expect_refusal(place, SP_KEYRING_WRITE, place);
    }
    ck_assert_int_eq(sp_keyring_standing_in(place, cert, &why).role, SP_ROLE_NONE);
    ck_assert_ptr_nonnull(why);
    OPENSSL_free(why);
    ck_assert(sp_keyring_exists(place));
    X509_free(cert);
}
END_TEST

static void overwrite(const char *name, const char *content)
{
    char *path = sp_store_file(place, name);
    FILE *file = fopen(path, "wb");

    fputs(content, file);
    fclose(file);
    OPENSSL_free(path);
}

/* By that our own databases are known at once, without the questions that others are asked. */
START_TEST(without_as)
{
    static const char as[] = "SELECT count(*) FROM sqlite_schema WHERE sql LIKE '%as%'";

    ck_assert_int_eq(sp_sql_number(place, SP_CERTIFICATES, as), 0);
    ck_assert_int_eq(sp_sql_number(place, SP_KEYS, as), 0);
}
END_TEST

START_TEST(no_database)
{
    overwrite(SP_CERTIFICATES, "-----BEGIN CERTIFICATE-----\nnot a database, whoever put it here\n"
                               "It is longer than what SQLite looks at for its own, which is "
                               "a hundred bytes and no more than that.\n");
    sp_expect_refusal(place, SP_KEYRING_READ, "it is damaged: 'smime-policy keyring check");
    sp_expect_refusal(place, SP_KEYRING_WRITE, "it is damaged: 'smime-policy keyring check");
}
END_TEST

/* After a crash between making the file and its tables the keyring is empty. */
START_TEST(empty_file)
{
    struct sp_keyring *keyring;

    overwrite(SP_CERTIFICATES, "");
    keyring = sp_must_open(place, _i == 0 ? SP_KEYRING_READ : SP_KEYRING_WRITE);
    sp_expect_all(keyring, "");
    sp_keyring_close(keyring);
    ck_assert_int_eq(sp_sql_number(place, SP_CERTIFICATES, "PRAGMA user_version"), 4);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("keyring: schema");
    TCase *tests = tcase_create("schema");

    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, release_by_release);
    tcase_add_test(tests, at_once);
    tcase_add_test(tests, jumped);
    tcase_add_test(tests, no_steps);
    tcase_add_test(tests, from_the_future);
    tcase_add_test(tests, broken_first);
    tcase_add_test(tests, broken_step);
    tcase_add_test(tests, all_at_once);
    tcase_add_loop_test(tests, strange, 0, SP_ROWS(strangers));
    tcase_add_test(tests, without_as);
    tcase_add_test(tests, no_database);
    tcase_add_loop_test(tests, empty_file, 0, 2);
    suite_add_tcase(suite, tests);
    return sp_run(suite);
}
