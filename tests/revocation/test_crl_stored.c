/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Stored CRLs by their paths: their entries, what is there, and what is removed.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "crls.h"

static const int some[] = { 3, 4, 300, 0 };

static struct sp_crl_about part(int number)
{
    struct sp_crl_about about = sp_today();

    about.scope = SP_CRL_PART | SP_CRL_USERS;
    about.part = (uint64_t)number;
    about.points[0] = 5;
    return about;
}

/* Paths that are none of a stored CRL; @ is the keyring, and F the folder of an issuer. */
static const char *const none[] = {
    "x",
    "/x",
    "x/y",
    "a/b/c.crl",
    "@/crls/c.crl",
    "@/other/F/c.crl",
    "@/crls/F/c.crl",
    "@/crls/0000000000000000/c.crl",
    "/nowhere/crls/F/c.crl",
    "@/x/crls/F/c.crl",
    "@/crls/x/F/c.crl",
};

static char *resolve(const char *text, const char *folder)
{
    struct sp_text path = { 0 };

    for (; *text != '\0'; text++)
        if (*text == '@')
            sp_text_add(&path, crls.place);
        else if (*text == 'F')
            sp_text_add(&path, strrchr(folder, '/') + 1);
        else
            sp_text_add_bytes(&path, text, 1);
    return sp_text_take(&path);
}

START_TEST(no_stored_crl)
{
    char *folder, *path, *why = NULL, *expected;

    sp_revoke(crls.issuer, some);
    folder = sp_only_crl();
    *strrchr(folder, '/') = '\0';
    path = resolve(none[_i], folder);
    expected = sp_format("%s is no stored CRL", path);
    ck_assert(!sp_crl_file_check(path, &why));
    ck_assert_str_eq(why, expected);
    OPENSSL_free(why);
    ck_assert(!sp_crl_file_remove(path, &why));
    if (strcmp(none[_i], "@/crls/F/c.crl") == 0) {
        OPENSSL_free(expected);
        expected = sp_format("cannot remove %s: No such file or directory", path);
    }
    ck_assert_str_eq(why, expected);
    OPENSSL_free(why);
    OPENSSL_free(expected);
    OPENSSL_free(path);
    free(folder);
}
END_TEST

struct told {
    unsigned numbers[8];
    int count, most;
};

static bool note(const struct sp_crl_entry *entry, void *data)
{
    struct told *told = data;
    unsigned number = 0;

    for (size_t i = 0; i < entry->length; i++)
        number = number << 8 | entry->serial[i];
    ck_assert_int_eq(entry->reason, (int)number % 7);
    ck_assert_int_eq(entry->at, SP_NOW - 2 * DAY);
    told->numbers[told->count++] = number;
    return told->count < told->most;
}

START_TEST(entries)
{
    struct told told = { .most = 8 };
    unsigned sum = 0;
    char *path, *why = NULL;
    struct stat is;

    sp_revoke(crls.issuer, some);
    path = sp_only_crl();
    /* A page for them, behind that of the header and before the certificate. */
    ck_assert_int_eq(stat(path, &is), 0);
    ck_assert_int_eq(is.st_size, 2 * 4096 + i2d_X509(crls.issuer, NULL));
    ck_assert(sp_crl_file_entries(path, note, &told, &why));
    ck_assert_int_eq(told.count, 3);
    for (int i = 0; i < 3; i++)
        sum += told.numbers[i];
    ck_assert_uint_eq(sum, 3 + 4 + 300);
    /* Whoever is told may stop. */
    told = (struct told){ .most = 2 };
    ck_assert(sp_crl_file_entries(path, note, &told, &why));
    ck_assert_int_eq(told.count, 2);
    ck_assert_ptr_null(why);
    free(path);
}
END_TEST

/* He may stop on any page of several. */
START_TEST(entries_of_pages)
{
    struct told told = { .most = 2 };
    int many[1001] = { 0 };
    char *path, *why;
    struct stat is;

    for (int i = 0; i < 1000; i++)
        many[i] = 1000 + i;
    sp_revoke(crls.issuer, many);
    path = sp_only_crl();
    ck_assert_int_eq(stat(path, &is), 0);
    ck_assert_int_gt(is.st_size, 3 * 4096 + i2d_X509(crls.issuer, NULL));
    ck_assert(sp_crl_file_entries(path, note, &told, &why));
    ck_assert_int_eq(told.count, 2);
    free(path);
}
END_TEST

/* Before they are committed, too. */
START_TEST(entries_of_a_writer)
{
    unsigned char key[SP_SHA256_LENGTH];
    const struct sp_crl_issuer issuer = sp_issuer_with(crls.issuer, key);
    const struct sp_crl_about about = sp_today();
    struct told told = { .most = 8 };
    struct sp_crl_writer *writer;
    char *why;

    writer = sp_crl_writer_new(crls.place, &issuer, &about, &why);
    ck_assert_ptr_nonnull(writer);
    ck_assert(sp_crl_writer_entries(writer, note, &told));
    for (int i = 0; some[i] != 0; i++) {
        const unsigned char octets[] = { (unsigned char)(some[i] >> 8), (unsigned char)some[i] };
        const struct sp_crl_entry entry = { octets, 2, SP_NOW - 2 * DAY, some[i] % 7, 0 };

        ck_assert(sp_crl_writer_add(writer, &entry, &why));
    }
    ck_assert(sp_crl_writer_entries(writer, note, &told));
    ck_assert_int_eq(told.count, 3);
    ck_assert(told.numbers[0] == 3 && told.numbers[1] == 4 && told.numbers[2] == 300);
    told = (struct told){ .most = 1 };
    ck_assert(!sp_crl_writer_entries(writer, note, &told));
    ck_assert_int_eq(told.count, 1);
    sp_crl_writer_free(writer);
    sp_crl_writer_free(NULL);
}
END_TEST

/* What a reason may be; another number says that none is given. */
static const struct {
    int given, kept;
} reasons[] = { { -1, -1 }, { -2, -1 }, { 0, 0 },
                { 10, 10 }, { 11, -1 }, { SP_CRL_GOOD, SP_CRL_GOOD } };

static bool note_reason(const struct sp_crl_entry *entry, void *data)
{
    *(int *)data = entry->reason;
    return true;
}

START_TEST(reason)
{
    static const unsigned char octets[] = { 3 };
    unsigned char key[SP_SHA256_LENGTH];
    const struct sp_crl_issuer issuer = sp_issuer_with(crls.issuer, key);
    const struct sp_crl_about about = sp_today();
    const struct sp_crl_entry entry = { octets, 1, 0, reasons[_i].given, 0 };
    struct sp_crl_writer *writer;
    int kept = 50;
    char *why;

    writer = sp_crl_writer_new(crls.place, &issuer, &about, &why);
    ck_assert(writer != NULL && sp_crl_writer_add(writer, &entry, &why));
    ck_assert(sp_crl_writer_entries(writer, note_reason, &kept));
    ck_assert_int_eq(kept, reasons[_i].kept);
    sp_crl_writer_free(writer);
}
END_TEST

/* One file of several, by what it is about. */
START_TEST(read_one)
{
    unsigned char key[SP_SHA256_LENGTH];
    const struct sp_crl_issuer issuer = sp_issuer_with(crls.issuer, key);
    struct sp_crl_about about = part(7), other = part(8);
    struct sp_crl_file file;
    char *why = NULL;

    ck_assert_int_eq(sp_crl_file_read(crls.place, &issuer, &about, &file, &why), 0);
    ck_assert(sp_store_crl(crls.issuer, &about, some));
    ck_assert_int_eq(sp_crl_file_read(crls.place, &issuer, &other, &file, &why), 0);
    sp_crl_file_clear(&file);
    ck_assert_int_eq(sp_crl_file_read(crls.place, &issuer, &about, &file, &why), 1);
    ck_assert_ptr_null(why);
    ck_assert_uint_eq(file.name, sp_name_hash(X509_get_subject_name(crls.issuer)));
    ck_assert_uint_eq(file.count, 3);
    ck_assert_uint_eq(file.about.part, 7);
    ck_assert_uint_eq(file.about.scope, SP_CRL_PART | SP_CRL_USERS);
    ck_assert_uint_eq(file.about.points[0], 5);
    ck_assert_ptr_null(file.about.number);
    ck_assert_ptr_null(file.about.others);
    ck_assert_int_eq(truncate(file.path, 0), 0);
    sp_crl_file_clear(&file);
    ck_assert_int_eq(sp_crl_file_read(crls.place, &issuer, &about, &file, &why), -1);
    ck_assert_ptr_nonnull(strstr(why, "is damaged"));
    OPENSSL_free(why);
    sp_crl_file_clear(&file);
    /* Others can write the keyring. */
    ck_assert_int_eq(chmod(crls.place, 0777), 0);
    ck_assert_int_eq(sp_crl_file_read(crls.place, &issuer, &about, &file, &why), -1);
    ck_assert_ptr_nonnull(strstr(why, "can be written by others"));
    OPENSSL_free(why);
}
END_TEST

/* The folder goes with its last file. */
START_TEST(removed)
{
    struct sp_crl_about about = part(7);
    char *whole, *folder, *other, *why = NULL;

    sp_revoke(crls.issuer, some);
    whole = sp_only_crl();
    folder = strdup(whole);
    *strrchr(folder, '/') = '\0';
    ck_assert(sp_store_crl(crls.issuer, &about, some));
    ck_assert(sp_crl_file_remove(whole, &why));
    ck_assert_ptr_null(why);
    ck_assert_int_ne(access(whole, F_OK), 0);
    other = sp_only_crl();
    ck_assert(sp_crl_file_remove(other, &why));
    ck_assert_int_ne(access(folder, F_OK), 0);
    free(other);
    free(folder);
    free(whole);
}
END_TEST

static Suite *stored_suite(void)
{
    Suite *suite = suite_create("crl_stored");
    TCase *tcase = tcase_create("stored");

    tcase_add_checked_fixture(tcase, sp_crls_set_up, sp_crls_tear_down);
    tcase_add_checked_fixture(tcase, NULL, sp_crls_expect_closed);
    tcase_add_loop_test(tcase, no_stored_crl, 0, SP_ROWS(none));
    tcase_add_test(tcase, entries);
    tcase_add_test(tcase, entries_of_pages);
    tcase_add_test(tcase, entries_of_a_writer);
    tcase_add_loop_test(tcase, reason, 0, SP_ROWS(reasons));
    tcase_add_test(tcase, read_one);
    tcase_add_test(tcase, removed);
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    return sp_run(stored_suite());
}
