/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Files that are damaged, in the wrong place, not ours, or replaced.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/text.h"
#include "crls.h"
#include "revocation/crl_open.h"

/* Where a folder can be opened and not be listed: after so many that can be; -1: never. */
static int lists = -1;

ssize_t getdents64(int fd, void *buffer, size_t length)
{
    if (lists == 0) {
        errno = EIO;
        return -1;
    }
    lists -= lists > 0;
    return syscall(SYS_getdents64, fd, buffer, length);
}

static const int three[] = { 3, 0 }, four[] = { 4, 0 }, nothing[] = { 0 };
static X509 *revoked, *good;

static void set_up(void)
{
    sp_crls_set_up();
    revoked = sp_issued(crls.issuer, NULL, 3, AKI("01020304"));
    good = sp_issued(crls.issuer, NULL, 4, AKI("01020304"));
}

static void tear_down(void)
{
    X509_free(revoked);
    X509_free(good);
    sp_crls_tear_down();
}

/* Everything about it is a fault that names the file. */
static void expect_damage(const char *fragment)
{
    struct sp_facts *facts = sp_facts_new(revoked);
    const struct sp_asked asked = { facts, sp_x509_is_signed_by, revoked };
    struct sp_revocation found;

    ck_assert(sp_revocation_find(crls.place, &asked, SP_NOW, SP_WANTS_ANSWER, &found));
    ck_assert_int_eq(found.state, SP_REVOCATION_DAMAGED);
    ck_assert_msg(strstr(found.why, fragment) != NULL, "%s", found.why);
    ck_assert_ptr_nonnull(strstr(found.why, crls.place));
    sp_revocation_clear(&found);
    sp_facts_free(facts);
    sp_expect_answer(good, "damaged");
}

/* One bit anywhere in a page that is read. */
START_TEST(one_bit)
{
    char *path, *why;
    int fd;
    unsigned char byte;

    sp_revoke(crls.issuer, three);
    path = sp_only_crl();
    fd = open(path, O_RDWR);
    ck_assert_int_eq(pread(fd, &byte, 1, _i), 1);
    byte ^= 0x10;
    ck_assert_int_eq(pwrite(fd, &byte, 1, _i), 1);
    close(fd);
    expect_damage("is damaged; remove it");
    ck_assert(!sp_crl_file_check(path, &why));
    ck_assert_ptr_nonnull(strstr(why, "is damaged"));
    OPENSSL_free(why);
    /* The next CRL is stored all the same. */
    sp_revoke(crls.issuer, three);
    sp_expect_answer(revoked, "revoked 3");
    free(path);
}
END_TEST

static void replace_by_link(const char *path)
{
    char target[256];

    (void)snprintf(target, sizeof(target), "%s.away", path);
    ck_assert_int_eq(rename(path, target), 0);
    ck_assert_int_eq(symlink(target, path), 0);
}

static void replace_by_pipe(const char *path)
{
    ck_assert_int_eq(unlink(path), 0);
    ck_assert_int_eq(mkfifo(path, 0644), 0);
}

static void replace_by_folder(const char *path)
{
    ck_assert_int_eq(unlink(path), 0);
    ck_assert_int_eq(mkdir(path, 0755), 0);
}

static void cut(const char *path)
{
    ck_assert_int_eq(truncate(path, 4096), 0);
}

static void cut_a_byte(const char *path)
{
    struct stat is;

    ck_assert_int_eq(stat(path, &is), 0);
    ck_assert_int_eq(truncate(path, is.st_size - 1), 0);
}

static void empty(const char *path)
{
    ck_assert_int_eq(truncate(path, 0), 0);
}

static void let_others_write(const char *path)
{
    ck_assert_int_eq(chmod(path, 0646), 0);
}

/* The folder |levels| above the file. */
static void open_to_others(const char *path, int levels, mode_t mode)
{
    char *above = strdup(path);

    for (; levels > 0; levels--)
        *strrchr(above, '/') = '\0';
    ck_assert_int_eq(chmod(above, mode), 0);
    free(above);
}

static void let_others_write_folder(const char *path)
{
    open_to_others(path, 1, 0775);
}

static void let_others_write_all(const char *path)
{
    open_to_others(path, 2, 0777);
}

static void let_others_write_keyring(const char *path)
{
    open_to_others(path, 3, 0757);
}

/* Another key's file under this name. */
static void swap(const char *path)
{
    X509 *twin;
    const struct sp_recipe recipe = {
        .serial = 2, .subject = "Root", .basic = "CA:TRUE", .key = crls.other
    };
    char *away = sp_format("%s.away", path), *other;

    twin = sp_make_cert(&recipe);
    ck_assert_int_eq(rename(path, away), 0);
    sp_revoke(twin, nothing);
    other = sp_only_crl();
    ck_assert_int_eq(rename(other, path), 0);
    free(other);
    OPENSSL_free(away);
    X509_free(twin);
}

/* The file of another name in the folder of this one. */
static void swap_folders(const char *path)
{
    const struct sp_recipe recipe = {
        .serial = 2, .subject = "Roots", .basic = "CA:TRUE", .key = sp_test_ec()
    };
    X509 *other = sp_make_cert(&recipe);
    char *away = sp_format("%s.away", path), *from;

    ck_assert_int_eq(rename(path, away), 0);
    sp_revoke(other, nothing);
    from = sp_only_crl();
    ck_assert_int_eq(rename(from, path), 0);
    free(from);
    OPENSSL_free(away);
    X509_free(other);
}

static const struct {
    void (*damage)(const char *path);
    const char *fragment;
} damages[] = { { replace_by_link, "is a symbolic link" },
                { replace_by_pipe, "is not a regular file" },
                { replace_by_folder, "is not a regular file" },
                { cut, "is damaged" },
                { cut_a_byte, "is damaged" },
                { empty, "is damaged" },
                { swap, "is damaged" },
                { swap_folders, "is damaged" },
                { let_others_write, "can be written by others" },
                { let_others_write_folder, "can be written by others" },
                { let_others_write_all, "can be written by others" },
                { let_others_write_keyring, "can be written by others" } };

static bool keep_damage(const struct sp_crl_file *file, void *data)
{
    char **damage = data;

    if (file->damage != NULL && *damage == NULL)
        *damage = strdup(file->damage);
    return true;
}

START_TEST(damaged)
{
    char *path, *damage = NULL, *why = NULL;

    sp_revoke(crls.issuer, three);
    path = sp_only_crl();
    damages[_i].damage(path);
    expect_damage(damages[_i].fragment);
    if (sp_crl_files_each(crls.place, keep_damage, &damage, &why))
        ck_assert_ptr_nonnull(damage);
    else
        ck_assert_ptr_nonnull(why);
    OPENSSL_free(why);
    free(damage);
    free(path);
}
END_TEST

/* The folder of all CRLs, and that of a name, from which the second names would come. */
START_TEST(not_listed)
{
    char *path, *damage = NULL, *why = NULL, *expected;

    sp_revoke(crls.issuer, three);
    path = sp_only_crl();
    *strrchr(path, '/') = '\0';
    if (_i == 0)
        *strrchr(path, '/') = '\0';
    expected = sp_format("%s: Input/output error", path);
    lists = 2 * _i;
    ck_assert(!sp_crl_files_each(crls.place, keep_damage, &damage, &why));
    ck_assert_pstr_eq(why, expected);
    ck_assert_ptr_null(damage);
    lists = 0;
    expect_damage("Input/output error; correct that");
    lists = -1;
    sp_expect_answer(revoked, "revoked 3");
    OPENSSL_free(expected);
    OPENSSL_free(why);
    free(path);
}
END_TEST

/* A page of an older file of the same issuer and size. */
START_TEST(old_page)
{
    unsigned char page[4096];
    char *path;
    int fd;

    sp_revoke(crls.issuer, nothing);
    path = sp_only_crl();
    fd = open(path, O_RDONLY);
    ck_assert_int_eq(pread(fd, page, sizeof(page), 4096), 4096);
    close(fd);
    sp_revoke(crls.issuer, three);
    fd = open(path, O_WRONLY);
    ck_assert_int_eq(pwrite(fd, page, sizeof(page), 4096), 4096);
    close(fd);
    expect_damage("is damaged");
    free(path);
}
END_TEST

/* What another process stores or removes is known at once. */
START_TEST(replaced)
{
    char *path, *why;

    sp_expect_answer(revoked, "unknown");
    sp_revoke(crls.issuer, three);
    sp_expect_answer(revoked, "revoked 3");
    sp_revoke(crls.issuer, four);
    sp_expect_answer(revoked, "none");
    sp_expect_answer(good, "revoked 4");
    path = sp_only_crl();
    ck_assert(sp_crl_file_remove(path, &why));
    sp_expect_answer(good, "unknown");
    ck_assert(!sp_crl_file_remove(path, &why));
    OPENSSL_free(why);
    sp_revoke(crls.issuer, three);
    sp_expect_answer(revoked, "revoked 3");
    free(path);
}
END_TEST

static const struct {
    const char *stored, *number;
    int days;
    bool is_taken;
} numbers[] = {
    { "\1", "\2", 0, true },    { "\2", "\1", 0, false },   { "\2", "\2", 0, true },
    { "\1\1", "\2", 0, false }, { "\2", "\1\1", 0, true },  { NULL, NULL, 1, true },
    { NULL, NULL, -1, false },  { "\2", NULL, -1, false },  { NULL, "\2", -1, false },
    { "\1", "\2", -1, true },   { "\2", "\1", 1, false },   { "\2", "\2", -1, false },
    { "\2", "\1\1", -1, true }, { "\1\1", "\2", 1, false }, { "\2", NULL, 1, true },
    { NULL, "\2", 1, true },
};

/* Numbers only go up. */
START_TEST(number_order)
{
    struct sp_crl_about about = sp_today();
    const char *second = numbers[_i].number;

    about.number = (const unsigned char *)numbers[_i].stored;
    about.number_length = numbers[_i].stored != NULL ? strlen(numbers[_i].stored) : 0;
    ck_assert(sp_store_crl(crls.issuer, &about, three));
    about.number = (const unsigned char *)second;
    about.number_length = second != NULL ? strlen(second) : 0;
    about.this_update += numbers[_i].days * DAY;
    ck_assert_int_eq(sp_store_crl(crls.issuer, &about, four), numbers[_i].is_taken);
    sp_expect_answer(revoked, numbers[_i].is_taken ? "none" : "revoked 3");
}
END_TEST

/* A writer that was interrupted leaves a file that nobody reads, and the next one removes. */
START_TEST(unfinished)
{
    char *path, *left, *another;

    sp_revoke(crls.issuer, three);
    path = sp_only_crl();
    left = sp_format("%s.new", path);
    another = sp_format("%s.another.new", path);
    ck_assert(link(path, left) == 0 && link(path, another) == 0);
    sp_expect_answer(revoked, "revoked 3");
    sp_revoke(crls.issuer, four);
    ck_assert(access(left, F_OK) != 0 && access(another, F_OK) != 0);
    OPENSSL_free(another);
    OPENSSL_free(left);
    free(path);
}
END_TEST

static bool see(const struct sp_crl_file *file, void *data)
{
    unsigned char key[SP_SHA256_LENGTH];
    const unsigned char *der = file->cert;
    X509 *cert = d2i_X509(NULL, &der, (long)file->cert_length);

    sp_key_name(crls.issuer, key);
    ck_assert_ptr_null(file->damage);
    ck_assert_mem_eq(file->key, key, sizeof(key));
    ck_assert_int_eq(X509_cmp(cert, crls.issuer), 0);
    ck_assert_uint_eq(file->count, 1);
    ck_assert_int_eq(file->about.this_update, SP_NOW - DAY);
    ck_assert_int_eq(file->about.next_update, SP_NOW + 6 * DAY);
    ck_assert_uint_eq(file->about.number_length, 2);
    ck_assert_mem_eq(file->about.number, "\1\2", 2);
    ck_assert_uint_eq(file->about.scope, SP_CRL_USERS);
    ck_assert_uint_eq(file->about.content[5], 6);
    X509_free(cert);
    ++*(int *)data;
    return true;
}

START_TEST(listed)
{
    struct sp_crl_about about = sp_today();
    int seen = 0;
    char *why;

    ck_assert(sp_crl_files_each(crls.place, see, &seen, &why));
    ck_assert_int_eq(seen, 0);
    about.number = (const unsigned char *)"\0\1\2";
    about.number_length = 3;
    about.scope = SP_CRL_USERS;
    about.content[5] = 6;
    ck_assert(sp_store_crl(crls.issuer, &about, three));
    ck_assert(sp_crl_files_each(crls.place, see, &seen, &why));
    ck_assert_int_eq(seen, 1);
}
END_TEST

static bool see_one(const struct sp_crl_file *file, void *data)
{
    (void)file;
    return ++*(int *)data == 0;
}

static bool note_name(const char *name, void *data)
{
    (void)name;
    return ++*(int *)data == 0;
}

/* Who has seen enough is told of no other, in the same folder or in another one. */
START_TEST(listed_until_it_is_enough)
{
    struct sp_crl_about about = sp_today();
    X509 *another = sp_make_cert(&(struct sp_recipe){
        .serial = 2, .subject = "Another", .basic = "CA:TRUE", .key = sp_test_ec() });
    struct sp_crl_folder folder;
    int seen = 0;
    char *why;

    ck_assert(sp_store_crl(another, &about, three));
    ck_assert(sp_store_crl(crls.issuer, &about, three));
    about.scope = SP_CRL_USERS;
    ck_assert(sp_store_crl(another, &about, three));
    ck_assert(sp_store_crl(crls.issuer, &about, three));
    ck_assert(sp_crl_files_each(crls.place, see_one, &seen, &why));
    ck_assert_int_eq(seen, 1);
    ck_assert_int_eq(sp_crl_open_crls(&folder, crls.place, &why), SP_CRL_THERE);
    ck_assert(sp_crl_names(&folder, "", note_name, &seen));
    ck_assert_int_eq(seen, 2);
    sp_crl_close_folder(&folder);
    X509_free(another);
}
END_TEST

/* A page without an entry, and a header that tells of another number of them. */
START_TEST(empty_page)
{
    unsigned char page[4096];
    struct sp_crl_header header;
    char *path, *why;
    int fd;

    sp_revoke(crls.issuer, _i == 0 ? nothing : three);
    path = sp_only_crl();
    ck_assert(sp_crl_file_check(path, &why));
    fd = open(path, O_RDWR | O_CLOEXEC);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(pread(fd, page, sizeof(page), 0), sizeof(page));
    ck_assert(sp_crl_get_header(page, &header));
    if (_i == 0) {
        ck_assert_int_eq(pwrite(fd, "x", 1, 4096 + 100), 1);
    } else {
        header.count++;
        sp_crl_put_header(page, &header);
        ck_assert_int_eq(pwrite(fd, page, sizeof(page), 0), sizeof(page));
        ck_assert_int_eq(pread(fd, page, sizeof(page), 4096), sizeof(page));
        sp_crl_seal(page, sp_crl_identity(&header), 1);
        ck_assert_int_eq(pwrite(fd, page, sizeof(page), 4096), sizeof(page));
    }
    ck_assert_int_eq(close(fd), 0);
    ck_assert(!sp_crl_file_check(path, &why));
    ck_assert_pstr_eq(strstr(why, path), why);
    OPENSSL_free(why);
    free(path);
}
END_TEST

/* There is no keyring in which it could be stored. */
START_TEST(no_keyring)
{
    const struct sp_crl_about about = sp_today();

    ck_assert_int_eq(rmdir(crls.place), 0);
    sp_expect_answer(revoked, "unknown");
    ck_assert(!sp_store_crl(crls.issuer, &about, three));
    ck_assert_int_ne(access(crls.place, F_OK), 0);
}
END_TEST

/* If it cannot be written nothing is left, not even the folders. */
START_TEST(nothing_is_left)
{
    struct sp_crl_about about = sp_today();
    static const unsigned char number[40] = { 1 };
    char *path = sp_format("%s/crls", crls.place);

    about.number = number;
    about.number_length = sizeof(number);
    ck_assert(!sp_store_crl(crls.issuer, &about, three));
    ck_assert_int_ne(access(path, F_OK), 0);
    OPENSSL_free(path);
}
END_TEST

static Suite *files_suite(void)
{
    Suite *suite = suite_create("crl_files");
    TCase *tcase = tcase_create("files");
    static const int bits[] = { 0, 8, 200, 4095, 4096, 4100, 8191 };

    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_checked_fixture(tcase, NULL, sp_crls_expect_closed);
    for (int i = 0; i < SP_ROWS(bits); i++)
        tcase_add_loop_test(tcase, one_bit, bits[i], bits[i] + 1);
    tcase_add_loop_test(tcase, damaged, 0, SP_ROWS(damages));
    tcase_add_loop_test(tcase, not_listed, 0, 2);
    tcase_add_test(tcase, old_page);
    tcase_add_test(tcase, replaced);
    tcase_add_loop_test(tcase, number_order, 0, SP_ROWS(numbers));
    tcase_add_test(tcase, unfinished);
    tcase_add_test(tcase, listed);
    tcase_add_test(tcase, listed_until_it_is_enough);
    tcase_add_loop_test(tcase, empty_page, 0, 2);
    tcase_add_test(tcase, no_keyring);
    tcase_add_test(tcase, nothing_is_left);
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    return sp_run(files_suite());
}
