/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Several users at once: here threads, which SQLite separates as it does processes.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "keyrings.h"

#define UPLOADS 25

static char *place;
static atomic_int writing;

static void set_up(void)
{
    place = sp_make_place();
    sp_keyring_close(sp_must_open(place, SP_KEYRING_WRITE));
}

static void tear_down(void)
{
    sp_remove_place(place);
}

/* Two certificates in each upload, so that a reader would notice half of one. */
static void upload_pair(struct sp_keyring *keyring, int serial)
{
    struct sp_upload *upload = sp_upload_begin(keyring);

    ck_assert_ptr_nonnull(upload);
    for (int i = 0; i < 2; i++) {
        X509 *cert = sp_make_contact(serial + i, "Bob", "email:bob@example.org", NULL);

        ck_assert_int_eq(sp_add(upload, cert, SP_ROLE_CONTACT, false, NULL), SP_ADD_NEW);
        X509_free(cert);
    }
    ck_assert_msg(sp_upload_commit(upload), "%s", sp_keyring_why(keyring));
    sp_upload_free(upload);
}

static void *write_many(void *first)
{
    struct sp_keyring *keyring = sp_must_open(place, SP_KEYRING_WRITE);

    for (int i = 0; i < UPLOADS; i++)
        upload_pair(keyring, *(int *)first + 2 * i);
    sp_keyring_close(keyring);
    atomic_fetch_sub(&writing, 1);
    return NULL;
}

static int count(struct sp_keyring *keyring)
{
    struct sp_cursor *cursor = sp_keyring_find(
        keyring, &(struct sp_query){ .index = SP_BY_ADDRESS, .text = "bob@example.org" });
    struct sp_record record;
    int found = 0;
    int more;

    ck_assert_ptr_nonnull(cursor);
    for (; (more = sp_cursor_next(cursor, &record)) == 1; found++)
        sp_record_clear(&record);
    ck_assert_msg(more == 0, "%s", sp_keyring_why(keyring));
    sp_cursor_free(cursor);
    return found;
}

/* A page is read at one moment: never half an upload, never less than before. */
static void *read_many(void *arg)
{
    int before = 0;

    (void)arg;
    while (atomic_load(&writing) > 0) {
        struct sp_keyring *keyring = sp_must_open(place, SP_KEYRING_READ);
        int now = count(keyring);

        ck_assert_int_ge(now, before);
        ck_assert(now > 64 || now % 2 == 0);
        before = now;
        sp_keyring_close(keyring);
    }
    return NULL;
}

START_TEST(writers_and_readers)
{
    int firsts[] = { 1000, 2000 };
    pthread_t threads[4];
    struct sp_keyring *keyring;

    atomic_store(&writing, 2);
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(pthread_create(&threads[i], NULL, write_many, &firsts[i]), 0);
        ck_assert_int_eq(pthread_create(&threads[2 + i], NULL, read_many, NULL), 0);
    }
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    keyring = sp_must_open(place, SP_KEYRING_READ);
    ck_assert_int_eq(count(keyring), 2 * 2 * UPLOADS);
    sp_keyring_close(keyring);
}
END_TEST

static void *make(void *arg)
{
    (void)arg;
    sp_keyring_close(sp_must_open(place, SP_KEYRING_WRITE));
    return NULL;
}

/* If several processes make a keyring at once, it is one. */
START_TEST(made_at_once)
{
    pthread_t threads[4];

    tear_down();
    place = sp_make_place();
    for (int i = 0; i < SP_ROWS(threads); i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, make, NULL), 0);
    for (int i = 0; i < SP_ROWS(threads); i++)
        pthread_join(threads[i], NULL);
    sp_keyring_close(sp_must_open(place, SP_KEYRING_READ));
}
END_TEST

/* If nothing was stored, what an upload has made is removed, and nothing else. */
START_TEST(made_in_vain)
{
    struct sp_keyring *first, *second;

    tear_down();
    place = sp_make_place();
    first = sp_must_open(place, SP_KEYRING_WRITE);
    sp_upload_free(sp_upload_begin(first));
    sp_keyring_close(first);
    ck_assert(!sp_keyring_exists(place));
    /* Another process has stored something meanwhile: the keyring stays. */
    first = sp_must_open(place, SP_KEYRING_WRITE);
    sp_upload_free(sp_upload_begin(first));
    second = sp_must_open(place, SP_KEYRING_WRITE);
    upload_pair(second, 1);
    sp_keyring_close(first);
    ck_assert_int_eq(count(second), 2);
    sp_keyring_close(second);
    second = sp_must_open(place, SP_KEYRING_READ);
    ck_assert_int_eq(count(second), 2);
    sp_keyring_close(second);
}
END_TEST

/* Another process that has begun to write does not lose the keyring. */
START_TEST(made_in_vain_while_another_writes)
{
    struct sp_keyring *first, *second;

    tear_down();
    place = sp_make_place();
    first = sp_must_open(place, SP_KEYRING_WRITE);
    sp_upload_free(sp_upload_begin(first));
    second = sp_must_open(place, SP_KEYRING_WRITE);
    ck_assert(sp_store_begin(sp_database(second)));
    sp_keyring_close(first);
    ck_assert(sp_keyring_exists(place));
    sp_store_rollback(sp_database(second));
    sp_keyring_close(second);
}
END_TEST

/* Another process that has it open gets an error, and loses nothing silently. */
START_TEST(removed_before_another_writes)
{
    X509 *cert = sp_make_contact(1, "Bob", "email:bob@example.org", NULL);
    struct sp_keyring *first, *second;
    struct sp_upload *upload;

    tear_down();
    place = sp_make_place();
    first = sp_must_open(place, SP_KEYRING_WRITE);
    sp_upload_free(sp_upload_begin(first));
    second = sp_must_open(place, SP_KEYRING_WRITE);
    upload = sp_upload_begin(second);
    ck_assert_int_eq(sp_add(upload, cert, SP_ROLE_CONTACT, false, NULL), SP_ADD_NEW);
    X509_free(cert);
    sp_keyring_close(first);
    ck_assert(!sp_keyring_exists(place));
    ck_assert(!sp_upload_commit(upload));
    ck_assert_ptr_nonnull(strstr(sp_keyring_why(second), "moved or removed it meanwhile"));
    sp_upload_free(upload);
    sp_keyring_close(second);
}
END_TEST

/* Slow readers and uploads that are collected make nobody wait. */
START_TEST(slow_reader)
{
    struct sp_keyring *reader = sp_must_open(place, SP_KEYRING_READ);
    struct sp_keyring *writer = sp_must_open(place, SP_KEYRING_WRITE);
    struct sp_upload *collected;
    struct sp_cursor *cursor;
    struct sp_record record;

    upload_pair(writer, 1);
    sp_database(writer)->sq->busy_timeout(sp_database(writer)->db, 0);
    sp_database(reader)->sq->busy_timeout(sp_database(reader)->db, 0);
    cursor = sp_keyring_find(reader, &(struct sp_query){ .index = SP_ALL });
    ck_assert_int_eq(sp_cursor_next(cursor, &record), 1);
    sp_record_clear(&record);
    upload_pair(writer, 3);
    collected = sp_upload_begin(writer);
    ck_assert_int_eq(count(reader), 4);
    ck_assert_int_eq(sp_cursor_next(cursor, &record), 1);
    sp_record_clear(&record);
    sp_upload_free(collected);
    sp_cursor_free(cursor);
    sp_keyring_close(reader);
    sp_keyring_close(writer);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("keyring: together");
    TCase *tests = tcase_create("together");

    /* Made here, and not by two threads at a time. */
    (void)sp_test_ec();
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_set_timeout(tests, 120);
    tcase_add_test(tests, writers_and_readers);
    tcase_add_test(tests, made_at_once);
    tcase_add_test(tests, made_in_vain);
    tcase_add_test(tests, made_in_vain_while_another_writes);
    tcase_add_test(tests, removed_before_another_writes);
    tcase_add_test(tests, slow_reader);
    suite_add_tcase(suite, tests);
    return sp_run(suite);
}
