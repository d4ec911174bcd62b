/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * A copy of a keyring: a keyring as the first, whole or not there.
 */
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "base/text.h"
#include "failing_calls.h"
#include "keyrings.h"

static char *place, *folder; /* the keyring, and the directory that it is in */
static struct sp_keyring *keyring;
static X509 *bob, *carol;

static void set_up(void)
{
    place = sp_make_place();
    folder = strndup(place, (size_t)(strrchr(place, '/') - place));
    keyring = sp_must_open(place, SP_KEYRING_WRITE);
    bob = sp_make_contact(1, "Bob", "email:bob@example.org", NULL);
    carol = sp_make_contact(2, "Carol", "email:carol@example.org", sp_test_rsa());
    sp_store(keyring, bob, SP_ROLE_CONTACT);
    sp_store_key(keyring, bob, "key", true, NULL);
}

static void tear_down(void)
{
    X509_free(bob);
    X509_free(carol);
    sp_keyring_close(keyring);
    free(folder);
    sp_remove_place(place);
}

static mode_t mode_of(const char *path, const char *name)
{
    char *file = sp_store_file(path, name);
    struct stat is;

    ck_assert_int_eq(stat(file, &is), 0);
    OPENSSL_free(file);
    return is.st_mode & 07777;
}

/* What is in the directory beside the keyring; nothing unfinished in any case. */
static int count_beside(void)
{
    DIR *directory = opendir(folder);
    const struct dirent *entry;
    int count = 0;

    while ((entry = readdir(directory)) != NULL) {
        ck_assert_ptr_null(strstr(entry->d_name, "unfinished"));
        count += entry->d_name[0] != '.' && strcmp(entry->d_name, "keyring") != 0;
    }
    closedir(directory);
    return count;
}

/* By a writer and by a reader, under names with and without slashes at the end. */
static const char *const names[] = { "copy", "copy/", "copy///" };

START_TEST(copied)
{
    enum sp_access access = _i % 2 == 0 ? SP_KEYRING_WRITE : SP_KEYRING_READ;
    char *path = sp_store_file(folder, names[_i / 2]);
    struct sp_keyring *copy;
    struct sp_private_key key;
    unsigned char name[SP_SHA256_LENGTH];

    sp_keyring_close(keyring);
    keyring = sp_must_open(place, access);
    ck_assert_msg(sp_keyring_backup(keyring, path, NULL), "%s", sp_keyring_why(keyring));
    ck_assert_int_eq(count_beside(), 1);
    ck_assert_uint_eq(mode_of(path, ""), 0755);
    ck_assert_uint_eq(mode_of(path, SP_CERTIFICATES), 0644);
    ck_assert_uint_eq(mode_of(path, SP_KEYS), 0600);
    /* What comes after it is not in it. */
    sp_keyring_close(keyring);
    keyring = sp_must_open(place, SP_KEYRING_WRITE);
    sp_store(keyring, carol, SP_ROLE_CONTACT);
    copy = sp_must_open(path, SP_KEYRING_READ);
    sp_expect_all(copy, "1i");
    sp_key_name(bob, name);
    ck_assert_int_eq(sp_keyring_key(copy, name, &key), 1);
    ck_assert_mem_eq(key.pkcs8, "key", 3);
    sp_private_key_clear(&key);
    sp_keyring_close(copy);
    OPENSSL_free(path);
}
END_TEST

/* The keyring goes on as if nothing had been, whether the copy was made or not. */
static void expect_usable(void)
{
    sp_store(keyring, carol, SP_ROLE_CONTACT);
    sp_expect_all(keyring, "1i 2c");
}

START_TEST(used_on)
{
    char *path = sp_store_file(folder, "copy");

    ck_assert(sp_keyring_backup(keyring, path, NULL));
    expect_usable();
    OPENSSL_free(path);
}
END_TEST

static struct sp_sqlite real;
static int looks;

/* What another program gets for an answer that writes to |file| now. */
static int write_to(const char *file, const char *sql)
{
    char *path = sp_store_file(place, file);
    sqlite3 *db = NULL;
    int code;

    ck_assert_int_eq(real.open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
    code = real.exec(db, sql, NULL, NULL, NULL);
    real.close_v2(db);
    OPENSSL_free(path);
    return code;
}

/* Before each of the two is copied. */
static int look_and_open(const char *name, sqlite3 **db, int flags, const char *vfs)
{
    looks++;
    ck_assert_int_eq(write_to(SP_CERTIFICATES, "UPDATE certificate SET uploaded = 0"), SQLITE_BUSY);
    ck_assert_int_eq(write_to(SP_KEYS, "UPDATE private_key SET uploaded = 0"), SQLITE_BUSY);
    return real.open_v2(name, db, flags, vfs);
}

/* Nobody writes to either while they are copied: the two are of one moment. */
START_TEST(of_one_moment)
{
    char *path = sp_store_file(folder, "copy");
    struct sp_sqlite table = real = *sp_database(keyring)->sq;

    table.open_v2 = look_and_open;
    sp_database(keyring)->sq = &table;
    ck_assert(sp_keyring_backup(keyring, path, NULL));
    ck_assert_int_eq(looks, 2);
    sp_database(keyring)->sq = sp_sqlite();
    ck_assert_int_eq(write_to(SP_CERTIFICATES, "UPDATE certificate SET uploaded = 0"), SQLITE_OK);
    OPENSSL_free(path);
}
END_TEST

START_TEST(without_keys)
{
    char *path = sp_store_file(folder, "copy"), *file = sp_store_file(place, SP_KEYS);
    struct sp_keyring *copy;

    sp_keyring_close(keyring);
    ck_assert_int_eq(unlink(file), 0);
    keyring = sp_must_open(place, SP_KEYRING_READ);
    ck_assert_msg(sp_keyring_backup(keyring, path, NULL), "%s", sp_keyring_why(keyring));
    copy = sp_must_open(path, SP_KEYRING_READ);
    sp_expect_all(copy, "1i");
    sp_keyring_close(copy);
    OPENSSL_free(file);
    OPENSSL_free(path);
}
END_TEST

static void expect_refused(const char *path, const char *words)
{
    const char *why;

    ck_assert(!sp_keyring_backup(keyring, path, NULL));
    why = sp_keyring_why(keyring);
    ck_assert_msg(strstr(why, words) != NULL, "%s, not: %s", why, words);
}

START_TEST(root)
{
    expect_refused("/", "cannot make the backup /: it is there already");
    expect_refused("///", "cannot make the backup /: it is there already");
    expect_usable();
}
END_TEST

/* Nothing is replaced, not even a link that leads nowhere. */
START_TEST(there_already)
{
    char *path = sp_store_file(folder, "copy");

    ck_assert_int_eq(_i == 0 ? mkdir(path, 0755) : symlink(_i == 1 ? "nowhere" : "keyring", path),
                     0);
    expect_refused(path, "/copy: it is there already; name a new directory");
    ck_assert_int_eq(count_beside(), 1);
    ck_assert_int_eq(_i == 0 ? rmdir(path) : unlink(path), 0);
    expect_usable();
    OPENSSL_free(path);
}
END_TEST

static int open_nothing(const char *name, sqlite3 **db, int flags, const char *vfs)
{
    (void)name, (void)flags, (void)vfs;
    looks++;
    *db = NULL;
    return SQLITE_NOMEM;
}

/* What is there already is seen before anything is copied. */
START_TEST(there_before)
{
    char *path = sp_store_file(folder, "copy");
    struct sp_sqlite table = *sp_database(keyring)->sq;

    looks = 0;
    table.open_v2 = open_nothing;
    sp_database(keyring)->sq = &table;
    ck_assert_int_eq(mkdir(path, 0755), 0);
    expect_refused(path, "/copy: it is there already; name a new directory");
    ck_assert_int_eq(looks, 0);
    ck_assert_int_eq(rmdir(path), 0);
    expect_refused(path, ": cannot copy it: out of memory");
    ck_assert_int_eq(looks, 1);
    sp_database(keyring)->sq = sp_sqlite();
    OPENSSL_free(path);
}
END_TEST

static sqlite3_backup *begin_nothing(sqlite3 *to, const char *to_name, sqlite3 *from,
                                     const char *from_name)
{
    (void)to, (void)to_name, (void)from, (void)from_name;
    return NULL;
}

START_TEST(not_begun)
{
    char *path = sp_store_file(folder, "copy"), *why = sp_format("%s: cannot copy it: ", place);
    struct sp_sqlite table = *sp_database(keyring)->sq;

    table.backup_init = begin_nothing;
    sp_database(keyring)->sq = &table;
    expect_refused(path, why);
    ck_assert_str_eq(strstr(sp_keyring_why(keyring), why) + strlen(why), "SQL logic error");
    sp_database(keyring)->sq = sp_sqlite();
    OPENSSL_free(why);
    OPENSSL_free(path);
}
END_TEST

START_TEST(nowhere)
{
    char *path = sp_store_file(folder, "no/copy");

    expect_refused(path, "cannot make the backup ");
    expect_refused(path, "/no/copy: No such file or directory");
    expect_refused("/dev/null/copy", "cannot make the backup /dev/null/copy: Not a directory");
    ck_assert_int_eq(count_beside(), 0);
    expect_usable();
    OPENSSL_free(path);
}
END_TEST

/* Half a copy is none. */
START_TEST(no_room)
{
    const struct rlimit some = { .rlim_cur = 4096, .rlim_max = RLIM_INFINITY };
    const struct rlimit all = { .rlim_cur = RLIM_INFINITY, .rlim_max = RLIM_INFINITY };
    char *path = sp_store_file(folder, "copy");
    bool done;

    (void)signal(SIGXFSZ, SIG_IGN);
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &some), 0);
    done = sp_keyring_backup(keyring, path, NULL);
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &all), 0);
    ck_assert(!done);
    ck_assert_ptr_nonnull(strstr(sp_keyring_why(keyring), ": cannot copy it: disk I/O error: "));
    ck_assert_int_eq(count_beside(), 0);
    expect_usable();
    OPENSSL_free(path);
}
END_TEST

/* Remove it, with the CRL that is in it. */
static void discard_copy(const char *path)
{
    char *command = sp_format("rm %s/crls/a/one.crl && rm -r %s", path, path);

    ck_assert_int_eq(system(command), 0);
    OPENSSL_free(command);
}

static void make_crl(void)
{
    static const char *const folders[] = { "crls", "crls/a" };
    char *path;
    FILE *file;

    for (int i = 0; i < SP_ROWS(folders); i++) {
        path = sp_store_file(place, folders[i]);
        ck_assert_int_eq(mkdir(path, 0755), 0);
        OPENSSL_free(path);
    }
    path = sp_store_file(place, "crls/a/one.crl");
    file = fopen(path, "w");
    ck_assert_ptr_nonnull(file);
    fclose(file);
    OPENSSL_free(path);
}

/* Each call of the system fails once: the copy is whole, or it is not there. */
START_TEST(every_call)
{
    char *path = sp_store_file(folder, "copy");
    const int first = sp_free_descriptor();
    const mode_t mask = umask(077);
    long number = 0;
    int passed = 0;
    bool failed;

    make_crl();
    do {
        bool done;

        sp_fail_call(++number, EIO);
        done = sp_keyring_backup(keyring, path, NULL);
        failed = sp_fail_end();
        ck_assert(done || failed);
        ck_assert_int_eq(sp_free_descriptor(), first);
        ck_assert_int_eq(count_beside(), done);
        if (!done)
            ck_assert_msg(strstr(sp_keyring_why(keyring), "Input/output error") != NULL, "%ld: %s",
                          number, sp_keyring_why(keyring));
        else {
            ck_assert_uint_eq(mode_of(path, "crls/a"), 0755);
            discard_copy(path);
        }
        /* The CRL and its two folders, the copy, and the directory that it is in. */
        if (!failed)
            ck_assert_int_eq(sp_syncs(), 3 + 2);
        passed += failed && done;
    } while (failed);
    /* What nobody knows of the copy, of its directory and of the private keys is seen later. */
    ck_assert_int_eq(passed, 3);
    (void)umask(mask);
    OPENSSL_free(path);
}
END_TEST

/* Keys that cannot be read are not left out in silence. */
START_TEST(keys_that_cannot_be_read)
{
    char *path = sp_store_file(folder, "copy");

    sp_keyring_close(keyring);
    sp_run_sql(place, SP_KEYS, "PRAGMA user_version = 1000");
    keyring = sp_must_open(place, SP_KEYRING_READ);
    expect_refused(path, "keys.db was written by a newer smime-policy");
    ck_assert_int_eq(count_beside(), 0);
    sp_expect_all(keyring, "1i");
    OPENSSL_free(path);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("keyring: backup");
    TCase *tests = tcase_create("backup");

    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_set_timeout(tests, 300);
    tcase_add_loop_test(tests, copied, 0, 2 * SP_ROWS(names));
    tcase_add_test(tests, used_on);
    tcase_add_test(tests, of_one_moment);
    tcase_add_test(tests, without_keys);
    tcase_add_test(tests, root);
    tcase_add_loop_test(tests, there_already, 0, 3);
    tcase_add_test(tests, there_before);
    tcase_add_test(tests, not_begun);
    tcase_add_test(tests, nowhere);
    tcase_add_test(tests, no_room);
    tcase_add_test(tests, every_call);
    tcase_add_test(tests, keys_that_cannot_be_read);
    suite_add_tcase(suite, tests);
    return sp_run(suite);
}
