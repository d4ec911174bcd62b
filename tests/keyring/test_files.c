/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The files of a keyring: whose they are, and why they cannot be made.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "failing_calls.h"
#include "keyring/forks.h"
#include "keyrings.h"

#define OTHER 12345

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

static void expect_words(char *why, const char *words)
{
    if (words == NULL)
        ck_assert_ptr_null(why);
    else
        ck_assert_msg(why != NULL && strstr(why, words) != NULL, "%s, not: %s", why, words);
    OPENSSL_free(why);
}

/* Who could put another keyring in the place of ours? */
static const struct {
    uid_t owner;
    mode_t mode;
    bool is_own;
    const char *why;
} owners[] = {
    { 0, 0755, true, NULL },
    { 0, 0777, false, "can be written by others than its owner" },
    { OTHER, 0755, false, "belongs to somebody else (uid 12345)" },
};

START_TEST(own)
{
    char *why = place;

    if (geteuid() != 0 && owners[_i].owner != 0)
        return;
    ck_assert_int_eq(chmod(place, owners[_i].mode), 0);
    ck_assert_int_eq(chown(place, owners[_i].owner == 0 ? geteuid() : owners[_i].owner, 0), 0);
    ck_assert_int_eq(sp_keyring_is_own(place, &why), owners[_i].is_own);
    expect_words(why, owners[_i].why);
}
END_TEST

START_TEST(own_that_is_not_there)
{
    char *none = sp_store_file(place, "none"), *why = NULL;

    ck_assert(!sp_keyring_is_own(none, &why));
    expect_words(why, "keyring/none: No such file or directory");
    ck_assert(sp_files_sync(place) && !sp_files_sync(none));
    OPENSSL_free(none);
}
END_TEST

/* 0: it is said who is not known; 1: there are no namespaces. */
static int ask_in_namespace(void)
{
    char *why = NULL;

    if (unshare(CLONE_NEWUSER) != 0)
        return 1;
    return !sp_keyring_is_own(place, &why) && why != NULL &&
                   strstr(why, "belongs to a user that this user namespace does not know") != NULL
               ? 0
               : 2;
}

/* In a namespace without users everybody may be anybody. */
START_TEST(unmapped_user)
{
    pid_t child = fork();
    int status = 0;

    if (child == 0)
        _exit(ask_in_namespace());
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert(status == 0 || WEXITSTATUS(status) == 1);
}
END_TEST

/* What is made, and what is in the way of it; nothing is left that was not there. */
static const struct {
    const char *path, *words;
} impossible[] = {
    { "/proc/self/keyring", "/proc/self/keyring: No such file or directory" },
    { "/proc/self/a/keyring", "/proc/self/a: No such file or directory" },
    { "/dev/null/a/keyring", "/dev/null/a: Not a directory" },
    { "/dev/null/a/b/keyring", "/dev/null/a: Not a directory" },
};

START_TEST(not_made)
{
    enum sp_made made = SP_MADE_DIRECTORY;
    char *why = NULL;

    ck_assert(!sp_files_make(impossible[_i].path, &made, &why));
    ck_assert_int_eq(made, SP_MADE_NOTHING);
    expect_words(why, impossible[_i].words);
}
END_TEST

/* The directory is made and no file: that is told, and can be taken back. */
START_TEST(not_made_without_descriptors)
{
    char *fresh = sp_store_file(place, "fresh"), *file = sp_store_file(fresh, SP_CERTIFICATES);
    struct rlimit before, few;
    enum sp_made made;
    char *why = NULL;
    int free = dup(STDIN_FILENO);
    bool done;

    ck_assert_int_eq(mkdir(fresh, 0755), 0);
    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &before), 0);
    close(free);
    few = (struct rlimit){ .rlim_cur = (rlim_t)free, .rlim_max = before.rlim_max };
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &few), 0);
    done = sp_files_make(fresh, &made, &why);
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
    ck_assert(!done);
    expect_words(why, "Too many open files");
    ck_assert_int_eq(made, SP_MADE_NOTHING);
    ck_assert_int_ne(access(file, F_OK), 0);
    OPENSSL_free(file);
    OPENSSL_free(fresh);
}
END_TEST

/* Each call of the system fails once: it is said, and no file stays open. */
START_TEST(not_made_by_a_disk_that_fails)
{
    const int first = sp_free_descriptor();
    long number = 0;
    int passed = 0;
    bool failed;

    do {
        char *fresh = sp_store_file(place, "fresh");
        enum sp_made made;
        char *why = NULL;
        bool done;

        if (_i == 1)
            ck_assert_int_eq(mkdir(fresh, 0755), 0);
        sp_fail_call(++number, EIO);
        done = sp_files_make(fresh, &made, &why);
        failed = sp_fail_end();
        expect_words(why, done ? NULL : ": Input/output error");
        ck_assert(done || failed);
        passed += failed && done;
        ck_assert_int_eq(sp_free_descriptor(), first);
        sp_files_remove(fresh, SP_MADE_DIRECTORY);
        ck_assert_int_ne(access(fresh, F_OK), 0);
        OPENSSL_free(fresh);
    } while (failed);
    /* Whether the directory is there already: then the path to it is looked at twice. */
    ck_assert_int_eq(passed, 1);
}
END_TEST

/* The root is a directory like any other, and nothing is made there by this test. */
START_TEST(not_made_in_the_root)
{
    enum sp_made made;
    char *why = NULL;

    /* After stat() and mkdir() the directory is looked at. */
    sp_fail_call(3, EIO);
    ck_assert(!sp_files_make("/", &made, &why));
    ck_assert(sp_fail_end());
    expect_words(why, "/: Input/output error");
}
END_TEST

START_TEST(not_synced)
{
    const int first = sp_free_descriptor();

    for (int number = 1; number <= 2; number++) {
        sp_fail_call(number, EIO);
        ck_assert(!sp_files_sync(place));
        ck_assert_int_eq(sp_syncs(), number - 1);
        ck_assert(sp_fail_end());
        ck_assert_int_eq(sp_free_descriptor(), first);
    }
}
END_TEST

/* What cannot be found out is there: who opens it is told. */
static const struct {
    int reason;
    bool exists;
} reasons[] = { { EIO, true }, { EACCES, true }, { ENOENT, false }, { ENOTDIR, false } };

START_TEST(exists)
{
    struct sp_keyring *keyring = sp_must_open(place, SP_KEYRING_READ);

    sp_fail_call(1, reasons[_i].reason);
    ck_assert_int_eq(sp_keyring_exists(place), reasons[_i].exists);
    ck_assert(sp_fail_end());
    /* What was not found before does not matter. */
    errno = ENOENT;
    ck_assert(sp_keyring_exists(place));
    /* Nor are private keys left out: of these, what is in the way is said when they are opened. */
    sp_fail_call(1, reasons[_i].reason);
    ck_assert_int_eq(sp_keys_exist(sp_database(keyring)), reasons[_i].reason != ENOENT);
    ck_assert(sp_fail_end());
    sp_keyring_close(keyring);
}
END_TEST

/* What was there before is left. */
START_TEST(removed)
{
    char *file = sp_store_file(place, SP_KEYS), *other = sp_store_file(place, "other");

    sp_files_remove(place, SP_MADE_NOTHING);
    ck_assert(sp_keyring_exists(place));
    ck_assert_int_eq(access(file, F_OK), 0);
    sp_files_remove(place, SP_MADE_FILES);
    ck_assert(!sp_keyring_exists(place));
    ck_assert_int_ne(access(file, F_OK), 0);
    ck_assert_int_eq(access(place, F_OK), 0);
    ck_assert_int_eq(mkdir(other, 0700), 0);
    sp_files_remove(place, SP_MADE_DIRECTORY);
    ck_assert_int_eq(access(other, F_OK), 0);
    ck_assert_int_eq(rmdir(other), 0);
    sp_files_remove(place, SP_MADE_DIRECTORY);
    ck_assert_int_ne(access(place, F_OK), 0);
    ck_assert(!sp_files_sync(place));
    sp_files_sweep(place);
    OPENSSL_free(file);
    OPENSSL_free(other);
}
END_TEST

/* What a keyring that was made for an upload holds before it is closed. */
enum { REMOVED_AGAIN, KEY, COPY, NOTHING, NOT_COMMITTED, KINDS };

/* It stays once it has held something, and else it goes. */
START_TEST(made_for_an_upload)
{
    const struct sp_hub reach = { .realm = (char *)(uintptr_t) "default",
                                  .epoch = (char *)(uintptr_t) "one",
                                  .anchors = (char *)(uintptr_t) "no" };
    X509 *cert = sp_make_contact(1, "Bob", "email:bob@example.org", NULL);
    char *fresh = sp_store_file(place, "fresh");
    struct sp_keyring *keyring = sp_must_open(fresh, SP_KEYRING_WRITE);
    unsigned char fingerprint[1][SP_SHA256_LENGTH];

    sp_fingerprint(cert, fingerprint[0]);
    if (_i == REMOVED_AGAIN) {
        sp_store(keyring, cert, SP_ROLE_CONTACT);
        ck_assert(
            sp_keyring_remove(keyring, (const unsigned char(*)[SP_SHA256_LENGTH])fingerprint, 1));
    } else if (_i == KEY) {
        sp_store_key(keyring, cert, NULL, false, "file:key");
    } else {
        struct sp_upload *upload = sp_upload_begin(keyring);

        if (_i == COPY)
            sp_upload_hub(upload, &reach);
        ck_assert(_i == NOT_COMMITTED || sp_upload_commit(upload));
        sp_upload_free(upload);
    }
    sp_keyring_close(keyring);
    ck_assert_int_eq(sp_keyring_exists(fresh), _i < NOTHING);
    ck_assert_int_eq(access(fresh, F_OK) == 0, _i < NOTHING);
    OPENSSL_free(fresh);
    X509_free(cert);
}
END_TEST

/* Where all tests are in one process it is too late for these two. */
static bool is_loaded(void)
{
    void *library = dlopen("libsqlite3.so.0", RTLD_NOW | RTLD_NOLOAD);

    if (library != NULL)
        dlclose(library);
    return library != NULL;
}

/* In these SQLite is not loaded yet, and the process is a command or not. */
START_TEST(without_sqlite)
{
    char *fresh;

    if (is_loaded())
        return;
    fresh = sp_make_place();
    if (_i == 1)
        sp_keyring_in_command();
    sp_load_nothing(true);
    sp_expect_refusal(fresh, SP_KEYRING_WRITE,
                      "SQLite cannot be loaded; install the library libsqlite3.so.0");
    sp_load_nothing(false);
    sp_remove_place(fresh);
}
END_TEST

/* Only a command makes SQLite count no memory: elsewhere that is for the program to say. */
START_TEST(settings_of_the_process)
{
    struct sp_keyring *keyring;
    void *library;
    char *fresh;
    sqlite3_int64 (*memory_used)(void);

    if (is_loaded())
        return;
    fresh = sp_make_place();
    if (_i == 1)
        sp_keyring_in_command();
    keyring = sp_must_open(fresh, SP_KEYRING_WRITE);
    library = dlopen("libsqlite3.so.0", RTLD_NOW | RTLD_NOLOAD);
    ck_assert_ptr_nonnull(library);
    *(void **)&memory_used = dlsym(library, "sqlite3_memory_used");
    ck_assert((memory_used() == 0) == (_i == 1));
    dlclose(library);
    sp_keyring_close(keyring);
    sp_remove_place(fresh);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("keyring: files");
    TCase *tests = tcase_create("files"), *loading = tcase_create("loading");

    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_loop_test(tests, own, 0, SP_ROWS(owners));
    tcase_add_test(tests, own_that_is_not_there);
    tcase_add_test(tests, unmapped_user);
    tcase_add_loop_test(tests, not_made, 0, SP_ROWS(impossible));
    tcase_add_test(tests, not_made_without_descriptors);
    tcase_add_loop_test(tests, not_made_by_a_disk_that_fails, 0, 2);
    tcase_add_test(tests, not_made_in_the_root);
    tcase_add_test(tests, not_synced);
    tcase_add_loop_test(tests, exists, 0, SP_ROWS(reasons));
    tcase_add_test(tests, removed);
    tcase_add_loop_test(tests, made_for_an_upload, 0, KINDS);
    suite_add_tcase(suite, tests);
    tcase_add_loop_test(loading, without_sqlite, 0, 2);
    tcase_add_loop_test(loading, settings_of_the_process, 0, 2);
    suite_add_tcase(suite, loading);
    return sp_run(suite);
}
