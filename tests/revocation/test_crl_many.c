/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Several CRLs of one issuer: how many are asked, in which order they are told, and what lies
 * beside them.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "crls.h"

/* As many files of one name are asked. */
#define MOST_FILES 256

/* Store the part |number| of the issuer's CRL, which names the certificate of that number. */
static void store_part(int number)
{
    const int serials[] = { number, 0 };
    struct sp_crl_about about = sp_today();

    about.scope = SP_CRL_PART;
    about.part = (uint64_t)number;
    ck_assert(sp_store_crl(crls.issuer, &about, serials));
}

/* The folder of the issuer's name, to free(); one CRL is stored. */
static char *only_folder(void)
{
    char *path = sp_only_crl();

    *strrchr(path, '/') = '\0';
    return path;
}

/* The parts that are stored, in the order of the folder; their number. */
static int parts_in(const char *folder, int parts[MOST_FILES + 1])
{
    DIR *dir = opendir(folder);
    const struct dirent *entry;
    int count = 0;

    ck_assert_ptr_nonnull(dir);
    while ((entry = readdir(dir)) != NULL)
        if (entry->d_name[0] != '.') {
            ck_assert_int_le(count, MOST_FILES);
            parts[count++] = (int)strtol(strrchr(entry->d_name, '-') + 1, NULL, 16);
        }
    closedir(dir);
    return count;
}

static void expect(int serial, const char *expected)
{
    X509 *cert = sp_issued(crls.issuer, NULL, serial, AKI("01020304"));

    sp_expect_answer(cert, expected);
    X509_free(cert);
}

static void expect_revoked(int serial)
{
    char text[32];

    (void)snprintf(text, sizeof(text), "revoked %d", serial % 7);
    expect(serial, text);
}

/* Those beyond are not asked, and that is a fault. */
START_TEST(too_many)
{
    int parts[MOST_FILES + 1];
    struct sp_facts *facts;
    struct sp_asked asked;
    struct sp_revocation found;
    X509 *cert;
    char *folder, *fault;

    store_part(1);
    folder = only_folder();
    for (int i = 2; i <= MOST_FILES; i++)
        store_part(i);
    ck_assert_int_eq(parts_in(folder, parts), MOST_FILES);
    expect_revoked(parts[MOST_FILES - 1]);
    expect(MOST_FILES + 2, "unknown");
    store_part(MOST_FILES + 1);
    ck_assert_int_eq(parts_in(folder, parts), MOST_FILES + 1);
    expect_revoked(parts[0]);
    expect_revoked(parts[MOST_FILES - 1]);
    expect(parts[MOST_FILES], "damaged");
    cert = sp_issued(crls.issuer, NULL, MOST_FILES + 2, AKI("01020304"));
    facts = sp_facts_new(cert);
    asked = (struct sp_asked){ facts, sp_x509_is_signed_by, cert };
    ck_assert(sp_revocation_find(crls.place, &asked, SP_NOW, SP_WANTS_ANSWER, &found));
    fault = sp_format("%s holds more than %d CRLs; remove those of keys that issue no more", folder,
                      MOST_FILES);
    ck_assert_str_eq(found.why, fault);
    OPENSSL_free(fault);
    sp_revocation_clear(&found);
    sp_facts_free(facts);
    X509_free(cert);
    free(folder);
}
END_TEST

/* The folder of a name is asked once, however often the certificate names it. */
START_TEST(asked_once)
{
    /* twice the cRLIssuer CN=Root, the certificate's own issuer */
    const struct sp_recipe recipe = {
        .serial = MOST_FILES + 2,
        .issuer = crls.issuer,
        .again = { "crlDistributionPoints", "DER:302e3015a213a411300f310d300b06035504030c04526f6f74"
                                            "3015a213a411300f310d300b06035504030c04526f6f74" }
    };
    const struct sp_recipe issuing = {
        .serial = 2, .subject = "Issuing", .basic = "CA:TRUE", .key = sp_test_ec()
    };
    struct sp_recipe other = recipe;
    X509 *own = sp_make_cert(&recipe), *ca = sp_make_cert(&issuing), *of_other;

    other.issuer = ca;
    of_other = sp_make_cert(&other);
    for (int i = 1; i <= MOST_FILES / 2 + 1; i++)
        store_part(i);
    sp_expect_answer(own, "unknown");
    sp_expect_answer(of_other, "unknown");
    X509_free(own);
    X509_free(ca);
    X509_free(of_other);
}
END_TEST

static char *path_of(const char *folder, int part)
{
    X509 *issuer = crls.issuer;
    unsigned char key[SP_SHA256_LENGTH];
    char name[SP_FINGERPRINT_TEXT];

    sp_key_name(issuer, key);
    sp_fingerprint_text(key, name);
    return sp_format("%s/%s-%x-%x.crl", folder, name, SP_CRL_PART, (unsigned)part);
}

/* A file that is damaged hides no other, whichever comes first. */
START_TEST(damage_hides_nothing)
{
    int parts[MOST_FILES + 1];
    char *folder, *path;

    store_part(1);
    folder = only_folder();
    store_part(2);
    ck_assert_int_eq(parts_in(folder, parts), 2);
    path = path_of(folder, parts[_i]);
    ck_assert_int_eq(truncate(path, 0), 0);
    expect(parts[_i], "damaged");
    expect_revoked(parts[1 - _i]);
    OPENSSL_free(path);
    free(folder);
}
END_TEST

struct told {
    char *paths[16];
    int count, most;
};

static bool note(const struct sp_crl_file *file, void *data)
{
    struct told *told = data;

    told->paths[told->count++] = strdup(file->path);
    return told->count < told->most;
}

static struct told tell(int most)
{
    struct told told = { .most = most };
    char *why = NULL;

    ck_assert_msg(sp_crl_files_each(crls.place, note, &told, &why), "%s", why);
    return told;
}

static void forget(struct told *told)
{
    for (int i = 0; i < told->count; i++)
        free(told->paths[i]);
}

START_TEST(sorted)
{
    struct told told;

    for (int i = 1; i <= 9; i++)
        store_part(i);
    told = tell(16);
    ck_assert_int_eq(told.count, 9);
    for (int i = 1; i < 9; i++)
        ck_assert_int_lt(strcmp(told.paths[i - 1], told.paths[i]), 0);
    forget(&told);
    told = tell(3);
    ck_assert_int_eq(told.count, 3);
    forget(&told);
}
END_TEST

/* KEYRING/crls/|name| with a mode; to free with OPENSSL_free(). */
static char *make_folder(const char *name, mode_t mode)
{
    char *path = sp_format("%s/crls/%s", crls.place, name);

    ck_assert(mkdir(path, 0700) == 0 && chmod(path, mode) == 0);
    return path;
}

static bool keep_damage(const struct sp_crl_file *file, void *data)
{
    char **text = data;

    if (file->damage != NULL) {
        ck_assert_ptr_null(*text);
        *text = sp_format("%s\n%s", file->path, file->damage);
    }
    return true;
}

/* What is no folder of ours is told as damage, and the others are told all the same. */
static const struct {
    const char *name;
    mode_t mode;        /* 0: a file */
    const char *damage; /* NULL: nothing is told of it */
} strangers[] = {
    { "0123456789abcdef", 0755, NULL },
    { "0123456789abcdef0", 0755, "is damaged; remove it, and upload the CRL of its issuer again" },
    { "0123456789abcdef", 0777, "can be written by others than its owner; " },
    { "0123456789abcdef", 0, ": Not a directory; correct that, or remove it" },
    { ".hidden", 0777, NULL },
};

START_TEST(strange_folder)
{
    char *path, *text = NULL, *why = NULL, *expected;
    struct told told;
    int fd;

    store_part(1);
    if (strangers[_i].mode != 0) {
        path = make_folder(strangers[_i].name, strangers[_i].mode);
    } else {
        path = sp_format("%s/crls/%s", crls.place, strangers[_i].name);
        fd = open(path, O_WRONLY | O_CREAT, 0600);
        ck_assert_int_eq(close(fd), 0);
    }
    ck_assert(sp_crl_files_each(crls.place, keep_damage, &text, &why));
    if (strangers[_i].damage == NULL) {
        ck_assert_ptr_null(text);
    } else {
        ck_assert_ptr_nonnull(text);
        expected = sp_format("%s\n%s", path, path);
        ck_assert_msg(strncmp(text, expected, strlen(expected)) == 0, "%s", text);
        ck_assert_msg(strstr(text, strangers[_i].damage) != NULL, "%s", text);
        OPENSSL_free(expected);
    }
    told = tell(16);
    ck_assert_int_eq(told.count, strangers[_i].damage == NULL ? 1 : 2);
    forget(&told);
    /* It comes first, and whoever is told of it may stop. */
    told = tell(1);
    ck_assert_int_eq(told.count, 1);
    forget(&told);
    OPENSSL_free(text);
    OPENSSL_free(path);
}
END_TEST

/* Files of another ending are none of ours; ".crl" alone is one. */
START_TEST(strange_file)
{
    static const char *const names[] = { ".crl", "x.crl", "x", "crl", "x.crl.new" };
    char *folder, *path;
    struct told told;
    int fd;

    store_part(1);
    folder = only_folder();
    path = sp_format("%s/%s", folder, names[_i]);
    fd = open(path, O_WRONLY | O_CREAT, 0600);
    ck_assert_int_eq(close(fd), 0);
    told = tell(16);
    ck_assert_int_eq(told.count, _i < 2 ? 2 : 1);
    forget(&told);
    OPENSSL_free(path);
    free(folder);
}
END_TEST

static Suite *many_suite(void)
{
    Suite *suite = suite_create("crl_many");
    TCase *tcase = tcase_create("many");

    tcase_add_checked_fixture(tcase, sp_crls_set_up, sp_crls_tear_down);
    tcase_add_checked_fixture(tcase, NULL, sp_crls_expect_closed);
    tcase_add_test(tcase, too_many);
    tcase_add_test(tcase, asked_once);
    tcase_add_loop_test(tcase, damage_hides_nothing, 0, 2);
    tcase_add_test(tcase, sorted);
    tcase_add_loop_test(tcase, strange_folder, 0, SP_ROWS(strangers));
    tcase_add_loop_test(tcase, strange_file, 0, 5);
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    return sp_run(many_suite());
}
