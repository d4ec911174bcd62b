/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Storing a CRL where that cannot be, and what is left behind.
 */
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/text.h"
#include "crls.h"
#include "revocation/crl_writer.h"

static const int three[] = { 3, 0 };
/* Nobody. */
#define OTHER 12345

/* Storing is refused with |expected|. */
static void expect_refusal(const struct sp_crl_about *about, const char *expected)
{
    unsigned char key[SP_SHA256_LENGTH];
    const struct sp_crl_issuer issuer = sp_issuer_with(crls.issuer, key);
    struct sp_crl_writer *writer;
    char *why = NULL;

    writer = sp_crl_writer_new(crls.place, &issuer, about, &why);
    ck_assert(writer == NULL || !sp_crl_writer_commit(writer, &why));
    ck_assert_ptr_nonnull(why);
    ck_assert_str_eq(why, expected);
    OPENSSL_free(why);
    sp_crl_writer_free(writer);
}

static mode_t mode_of(const char *path)
{
    struct stat is;

    ck_assert_int_eq(stat(path, &is), 0);
    return is.st_mode & 07777;
}

/* All who may read the keyring read it, whatever the umask of who writes it. */
START_TEST(modes)
{
    char *path;

    (void)umask(077);
    sp_revoke(crls.issuer, three);
    path = sp_only_crl();
    ck_assert_uint_eq(mode_of(path), 0644);
    *strrchr(path, '/') = '\0';
    ck_assert_uint_eq(mode_of(path), 0755);
    *strrchr(path, '/') = '\0';
    ck_assert_uint_eq(mode_of(path), 0755);
    /* Of a folder that is there the mode stays. */
    ck_assert_int_eq(chmod(path, 0700), 0);
    sp_revoke(crls.issuer, three);
    ck_assert_uint_eq(mode_of(path), 0700);
    free(path);
}
END_TEST

/* In a keyring that others can write no folder is made. */
START_TEST(unsafe_keyring)
{
    const struct sp_crl_about about = sp_today();
    char *expected = sp_format("%s can be written by others than its owner; make it the owner's "
                               "alone: chmod go-w %s",
                               crls.place, crls.place);

    ck_assert_int_eq(chmod(crls.place, 0757), 0);
    expect_refusal(&about, expected);
    ck_assert_int_eq(rmdir(crls.place), 0);
    ck_assert_int_eq(mkdir(crls.place, 0755), 0);
    OPENSSL_free(expected);
}
END_TEST

/* Nor is anything stored where they can write the folder of the CRLs. */
START_TEST(unsafe_folder)
{
    const struct sp_crl_about about = sp_today();
    char *folder = sp_format("%s/crls", crls.place);
    char *expected = sp_format("%s can be written by others than its owner; make it the owner's "
                               "alone: chmod go-w %s",
                               folder, folder);

    sp_revoke(crls.issuer, three);
    ck_assert_int_eq(chmod(folder, 0757), 0);
    expect_refusal(&about, expected);
    OPENSSL_free(expected);
    OPENSSL_free(folder);
}
END_TEST

/* Nor on a way that others can write. */
START_TEST(unsafe_way)
{
    const struct sp_crl_about about = sp_today();
    char *above = strdup(crls.place), *expected;

    *strrchr(above, '/') = '\0';
    ck_assert_int_eq(chmod(above, 0757), 0);
    expected = sp_format("%s, on the way to %s, can be written by others than its owner; make it "
                         "the owner's alone: chmod go-w %s",
                         above, crls.place, above);
    expect_refusal(&about, expected);
    ck_assert_int_eq(rmdir(crls.place), 0);
    ck_assert_int_eq(mkdir(crls.place, 0755), 0);
    OPENSSL_free(expected);
    free(above);
}
END_TEST

static void limit_files(rlim_t bytes)
{
    struct rlimit limit;

    ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = bytes;
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

/* The disk is full: nothing is left, not even the folders. */
START_TEST(cannot_be_written)
{
    const struct sp_crl_about about = sp_today();
    char *path, *expected;

    ck_assert(signal(SIGXFSZ, SIG_IGN) != SIG_ERR);
    sp_revoke(crls.issuer, three);
    path = sp_only_crl();
    ck_assert(sp_crl_file_remove(path, &expected));
    expected = sp_format("%s/crls", crls.place);
    ck_assert_int_eq(rmdir(expected), 0);
    OPENSSL_free(expected);
    expected = sp_format("cannot write %s: File too large", path);
    limit_files(_i == 0 ? 100 : 8192);
    expect_refusal(&about, expected);
    limit_files(RLIM_INFINITY);
    ck_assert_int_eq(rmdir(crls.place), 0);
    ck_assert_int_eq(mkdir(crls.place, 0755), 0);
    OPENSSL_free(expected);
    free(path);
}
END_TEST

/* Be a user who is not the superuser and owns the keyring, as which nothing is allowed by itself.
 */
static void become_owner(void)
{
    char *above = strdup(crls.place);

    *strrchr(above, '/') = '\0';
    if (geteuid() == 0) {
        ck_assert(chown(above, OTHER, 0) == 0 && chown(crls.place, OTHER, 0) == 0);
        ck_assert_int_eq(seteuid(OTHER), 0);
    }
    free(above);
}

/* A directory in which its owner may make nothing: the keyring, the CRLs, and the folder. */
START_TEST(not_allowed)
{
    const struct sp_crl_about about = sp_today();
    char *path, *folder, *other, *why, *expected;

    become_owner();
    sp_revoke(crls.issuer, three);
    path = sp_only_crl();
    folder = strdup(path);
    *strrchr(folder, '/') = '\0';
    expected = sp_format("cannot write %s: Permission denied", _i == 2 ? path : folder);
    if (_i < 2)
        ck_assert(sp_crl_file_remove(path, &why));
    if (_i < 2)
        *strrchr(folder, '/') = '\0';
    if (_i == 0) {
        OPENSSL_free(expected);
        expected = sp_format("cannot write %s: Permission denied", folder);
        ck_assert_int_eq(rmdir(folder), 0);
        *strrchr(folder, '/') = '\0';
    }
    /* What is not empty is not removed. */
    other = sp_format("%s/%x", folder, 0);
    ck_assert_int_eq(mkdir(other, 0755), 0);
    ck_assert_int_eq(chmod(folder, 0555), 0);
    expect_refusal(&about, expected);
    ck_assert_int_eq(chmod(folder, 0755), 0);
    sp_revoke(crls.issuer, three);
    if (geteuid() != getuid())
        ck_assert_int_eq(seteuid(getuid()), 0);
    OPENSSL_free(expected);
    OPENSSL_free(other);
    free(folder);
    free(path);
}
END_TEST

/* What is in its place cannot be replaced, and stays; and what was written beside it goes. */
START_TEST(place_is_taken)
{
    const struct sp_crl_about about = sp_today();
    char *path, *expected, *inside;
    const struct dirent *entry;
    int count = 0;
    DIR *dir;

    sp_revoke(crls.issuer, three);
    path = sp_only_crl();
    ck_assert(unlink(path) == 0 && mkdir(path, 0755) == 0);
    inside = sp_format("%s/inside", path);
    ck_assert_int_eq(mkdir(inside, 0755), 0);
    expected = sp_format("cannot write %s: Is a directory", path);
    expect_refusal(&about, expected);
    ck_assert_int_eq(access(inside, F_OK), 0);
    *strrchr(path, '/') = '\0';
    dir = opendir(path);
    ck_assert_ptr_nonnull(dir);
    while ((entry = readdir(dir)) != NULL)
        count += entry->d_name[0] != '.';
    closedir(dir);
    ck_assert_int_eq(count, 1);
    OPENSSL_free(expected);
    OPENSSL_free(inside);
    free(path);
}
END_TEST

/* The folder of the name is something else. */
START_TEST(folder_is_taken)
{
    const struct sp_crl_about about = sp_today();
    char *path, *expected;
    int fd;

    sp_revoke(crls.issuer, three);
    path = sp_only_crl();
    ck_assert_int_eq(unlink(path), 0);
    *strrchr(path, '/') = '\0';
    ck_assert_int_eq(rmdir(path), 0);
    fd = open(path, O_WRONLY | O_CREAT, 0600);
    ck_assert_int_eq(close(fd), 0);
    expected = sp_format("%s: Not a directory; correct that, or remove it", path);
    expect_refusal(&about, expected);
    ck_assert_int_eq(access(path, F_OK), 0);
    OPENSSL_free(expected);
    free(path);
}
END_TEST

/* Does the kernel say that the process |pid| waits for a lock? */
static bool is_waiting(pid_t pid)
{
    FILE *locks = fopen("/proc/locks", "r");
    char line[256], wanted[32];
    bool waits = false;

    ck_assert_ptr_nonnull(locks);
    (void)snprintf(wanted, sizeof(wanted), " %d ", (int)pid);
    while (fgets(line, sizeof(line), locks) != NULL)
        waits = waits || (strstr(line, "->") != NULL && strstr(line, wanted) != NULL);
    ck_assert_int_eq(fclose(locks), 0);
    return waits;
}

/* While it is waited for, another process removes the folder: it is made again. */
START_TEST(folder_is_removed)
{
    char *path, *folder;
    pid_t child;
    int fd, status;

    sp_revoke(crls.issuer, three);
    path = sp_only_crl();
    folder = strdup(path);
    *strrchr(folder, '/') = '\0';
    ck_assert_int_eq(unlink(path), 0);
    fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    ck_assert(fd >= 0 && flock(fd, LOCK_EX) == 0);
    child = fork();
    if (child == 0) {
        close(fd);
        free(folder);
        free(path);
        sp_revoke(crls.issuer, three);
        _exit(0);
    }
    ck_assert_int_gt(child, 0);
    while (!is_waiting(child))
        ck_assert_int_eq(waitpid(child, &status, WNOHANG), 0);
    ck_assert_int_eq(rmdir(folder), 0);
    ck_assert_int_eq(flock(fd, LOCK_UN), 0);
    close(fd);
    ck_assert(waitpid(child, &status, 0) == child && status == 0);
    ck_assert_int_eq(access(path, F_OK), 0);
    free(folder);
    free(path);
}
END_TEST

/* The number of the CRL without leading zeros has so many octets. */
static const struct {
    unsigned char first, second;
    bool is_taken;
} longest[] = { { 0, 0, true }, { 0, 1, true }, { 1, 0, false } };

START_TEST(longest_number)
{
    unsigned char number[SP_CRL_LONGEST_NUMBER + 1] = { longest[_i].first, longest[_i].second };
    struct sp_crl_about about = sp_today();

    about.number = number;
    about.number_length = sizeof(number);
    if (longest[_i].is_taken)
        ck_assert(sp_store_crl(crls.issuer, &about, three));
    else
        expect_refusal(&about,
                       "the number of the CRL has more than 32 octets; it cannot be stored");
}
END_TEST

/* So many entries; whoever adds one more is told. */
START_TEST(most_entries)
{
    static const unsigned char five[] = { 5 };
    const struct sp_crl_entry entry = { five, sizeof(five), SP_NOW, 1, 0 };
    unsigned char key[SP_SHA256_LENGTH];
    const struct sp_crl_issuer issuer = sp_issuer_with(crls.issuer, key);
    const struct sp_crl_about about = sp_today();
    char *why;
    struct sp_crl_writer *writer = sp_crl_writer_new(crls.place, &issuer, &about, &why);

    ck_assert_ptr_nonnull(writer);
    writer->header.count = (16 << 20) - 1;
    ck_assert(sp_crl_writer_add(writer, &entry, &why));
    ck_assert(!sp_crl_writer_add(writer, &entry, &why));
    ck_assert_pstr_eq(why, "the CRL has more than 16777216 entries; it cannot be stored");
    OPENSSL_free(why);
    sp_crl_writer_free(writer);
}
END_TEST

/* An issuer whose name has a text that cannot be read is not found by it. */
START_TEST(unreadable_name)
{
    unsigned char key[SP_SHA256_LENGTH];
    struct sp_crl_issuer issuer = sp_issuer_with(crls.issuer, key);
    const struct sp_crl_about about = sp_today();
    X509_NAME *name = X509_NAME_new();
    char *why;

    ck_assert_int_eq(X509_NAME_add_entry_by_NID(name, NID_commonName, V_ASN1_UTF8STRING,
                                                (const unsigned char *)"\xff", 1, -1, 0),
                     1);
    issuer.name = name;
    ck_assert_ptr_null(sp_crl_writer_new(crls.place, &issuer, &about, &why));
    ck_assert_pstr_eq(why, "the name of the CRL's issuer cannot be read; it cannot be stored");
    OPENSSL_free(why);
    X509_NAME_free(name);
}
END_TEST

static bool see_number(const struct sp_crl_file *file, void *data)
{
    const size_t length = *(const size_t *)data;

    ck_assert_uint_eq(file->about.number_length, length);
    ck_assert_int_eq(file->about.number != NULL, length > 0);
    return true;
}

/* A number of zero is one, and none is another. */
static const struct {
    size_t octets, kept;
} numbers[] = { { 0, 0 }, { 1, 1 }, { 2, 1 } };

START_TEST(number_of_zero)
{
    static const unsigned char zeros[2];
    struct sp_crl_about about = sp_today();
    size_t kept = numbers[_i].kept;
    char *why;

    about.number = numbers[_i].octets > 0 ? zeros : NULL;
    about.number_length = numbers[_i].octets;
    ck_assert(sp_store_crl(crls.issuer, &about, three));
    ck_assert(sp_crl_files_each(crls.place, see_number, &kept, &why));
}
END_TEST

/* An issuer's certificate with an extension of so many bytes, more than 255. */
static X509 *long_issuer(size_t bytes)
{
    struct sp_recipe recipe = { .subject = "Root", .basic = "CA:TRUE", .key = sp_test_rsa() };
    char *text = calloc(1, 2 * bytes + 16);
    X509 *cert;

    memset(text + snprintf(text, 16, "DER:0482%04zx", bytes), '0', 2 * bytes);
    recipe.again[0] = "nsComment";
    recipe.again[1] = text;
    cert = sp_make_cert(&recipe);
    free(text);
    return cert;
}

START_TEST(longest_certificate)
{
    const size_t some = 60000;
    X509 *first = long_issuer(some);
    const size_t length = some + SP_CRL_LONGEST_CERT - (size_t)i2d_X509(first, NULL) + (size_t)_i;
    X509 *issuer = long_issuer(length);
    unsigned char key[SP_SHA256_LENGTH];
    const struct sp_crl_issuer about_it = sp_issuer_with(issuer, key);
    const struct sp_crl_about about = sp_today();
    struct sp_crl_writer *writer;
    char *why;

    ck_assert_int_eq(i2d_X509(issuer, NULL), SP_CRL_LONGEST_CERT + _i);
    writer = sp_crl_writer_new(crls.place, &about_it, &about, &why);
    ck_assert_int_eq(writer != NULL, _i == 0);
    if (_i == 0)
        ck_assert(sp_crl_writer_commit(writer, &why));
    else
        ck_assert_str_eq(why, "the certificate of the CRL's issuer is longer than 65536 bytes; it "
                              "cannot be stored");
    OPENSSL_free(why);
    sp_crl_writer_free(writer);
    X509_free(issuer);
    X509_free(first);
}
END_TEST

static Suite *write_suite(void)
{
    Suite *suite = suite_create("crl_write");
    TCase *tcase = tcase_create("write");

    tcase_add_checked_fixture(tcase, sp_crls_set_up, sp_crls_tear_down);
    tcase_add_checked_fixture(tcase, NULL, sp_crls_expect_closed);
    tcase_add_test(tcase, modes);
    tcase_add_test(tcase, unsafe_keyring);
    tcase_add_test(tcase, unsafe_folder);
    tcase_add_test(tcase, unsafe_way);
    tcase_add_loop_test(tcase, cannot_be_written, 0, 2);
    tcase_add_loop_test(tcase, not_allowed, 0, 3);
    tcase_add_test(tcase, place_is_taken);
    tcase_add_test(tcase, folder_is_taken);
    tcase_add_test(tcase, folder_is_removed);
    tcase_add_loop_test(tcase, longest_number, 0, SP_ROWS(longest));
    tcase_add_test(tcase, most_entries);
    tcase_add_test(tcase, unreadable_name);
    tcase_add_loop_test(tcase, number_of_zero, 0, SP_ROWS(numbers));
    tcase_add_loop_test(tcase, longest_certificate, 0, 2);
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    return sp_run(write_suite());
}
