/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Certificates and keys loaded as stock loads them: what is judged is what stock uses.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/pem.h>
#include <openssl/pkcs12.h>

#include "common/shim.h"
#include "capture.h"
#include "keyrings.h"
#include "tool/certs/certs.h"

#define PASS "secret"

static char *place;
/* The first has the key |ec|, the second |rsa|. */
static X509 *first, *second;
static EVP_PKEY *ec, *rsa;

static FILE *create(const char *name)
{
    FILE *file = fopen(name, "w");

    ck_assert_ptr_nonnull(file);
    return file;
}

static void write_key(FILE *file, EVP_PKEY *key, const EVP_CIPHER *cipher)
{
    ck_assert_int_eq(PEM_write_PKCS8PrivateKey(file, key, cipher, cipher == NULL ? NULL : PASS,
                                               cipher == NULL ? 0 : (int)strlen(PASS), NULL, NULL),
                     1);
}

static void write_der(void)
{
    FILE *file = create("der");
    PKCS12 *bundle = PKCS12_create(PASS, NULL, ec, first, NULL, 0, 0, 2048, 2048, 0);

    ck_assert_int_eq(i2d_X509_fp(file, first), 1);
    fclose(file);
    file = create("p12");
    ck_assert_int_eq(i2d_PKCS12_fp(file, bundle), 1);
    fclose(file);
    PKCS12_free(bundle);
}

/* Files whose names say what they hold, one after the other. */
static void write_pem(const char *name)
{
    FILE *file = create(name);
    const char *next;

    for (const char *word = name; word != NULL; word = next) {
        next = strchr(word, '-');
        next = next == NULL ? NULL : next + 1;
        switch (*word) {
        case 'c': /* cert */
            ck_assert_int_eq(PEM_write_X509(file, first), 1);
            break;
        case 'o': /* other */
            ck_assert_int_eq(PEM_write_X509(file, second), 1);
            break;
        case 'k': /* key */
            write_key(file, ec, NULL);
            break;
        case 'l': /* locked */
            write_key(file, ec, EVP_aes_256_cbc());
            break;
        case 't': /* text */
            fputs("text before it\n", file);
            break;
        default:;
        }
    }
    fclose(file);
}

static void set_up(void)
{
    static const char *const names[] = { "cert",  "cert-other", "key-cert", "text-cert",
                                         "key",   "locked",     "cert-key", "text",
                                         "empty", "other-key" };

    place = sp_make_place();
    *strrchr(place, '/') = '\0';
    ck_assert_int_eq(chdir(place), 0);
    place[strlen(place)] = '/';
    ec = sp_test_ec();
    rsa = sp_test_rsa();
    first = sp_make_contact(1, "Bob", NULL, ec);
    second = sp_make_contact(2, "Carol", NULL, rsa);
    for (int i = 0; i < SP_ROWS(names); i++)
        write_pem(names[i]);
    write_der();
    ck_assert_int_eq(mkfifo("pipe", 0600), 0);
}

static void tear_down(void)
{
    X509_free(first);
    X509_free(second);
    ck_assert_int_eq(chdir("/"), 0);
    sp_remove_place(place);
}

/* What is wanted of a file, with which passphrase; the serial numbers that come, "k" for the key.
 */
static const struct {
    const char *uri;
    enum shim_want want;
    const char *pass;
    enum shim_load state;
    const char *found;
    const char *why;
} rows[] = {
    { "cert", WANT_FIRST_CERT, NULL, LOADED, "1", NULL },
    { "cert", WANT_FACTS, NULL, LOADED, "1", NULL },
    { "file:cert", WANT_FIRST_CERT, NULL, LOADED, "1", NULL },
    { "der", WANT_FIRST_CERT, NULL, LOADED, "1", NULL },
    { "der", WANT_FACTS, NULL, LOADED, "1", NULL },
    { "text-cert", WANT_FACTS, NULL, LOADED, "1", NULL },
    { "cert-other", WANT_FIRST_CERT, NULL, LOADED, "1", NULL },
    { "cert-other", WANT_CERTS, NULL, LOADED, "12", NULL },
    { "key-cert", WANT_FIRST_CERT, NULL, LOADED, "1", NULL },
    { "key-cert", WANT_KEY, NULL, LOADED, "k", NULL },
    { "cert-key", WANT_KEY, NULL, LOADED, "k", NULL },
    { "key", WANT_KEY, NULL, LOADED, "k", NULL },
    { "cert", WANT_KEY, NULL, LOAD_NOTHING, "", NULL },
    { "key", WANT_FIRST_CERT, NULL, LOAD_NOTHING, "", NULL },
    { "locked", WANT_KEY, PASS, LOADED, "k", NULL },
    { "locked", WANT_KEY, NULL, LOAD_LOCKED, "", NULL },
    { "locked", WANT_KEY, "wrong", LOAD_LOCKED, "", NULL },
    { "p12", WANT_FIRST_CERT, PASS, LOADED, "1", NULL },
    { "p12", WANT_KEY, PASS, LOADED, "k", NULL },
    { "p12", WANT_FACTS, NULL, LOAD_LOCKED, "", NULL },
    { "p12", WANT_FACTS, "wrong", LOAD_LOCKED, "", NULL },
    /* Not even a look: its first bytes would be gone. */
    { "pipe", WANT_FIRST_CERT, NULL, LOAD_ONCE, "", NULL },
    { "/dev/null", WANT_KEY, NULL, LOAD_ONCE, "", NULL },
    { "none", WANT_KEY, NULL, LOAD_FAILED, "", "No such file or directory" },
    { ".", WANT_CERTS, NULL, LOAD_FAILED, "", "Is a directory" },
    { "nobody:cert", WANT_FACTS, NULL, LOAD_FAILED, "", "" },
};

START_TEST(files_are_loaded)
{
    char pass[20];
    struct shim_secret secret = { .pass = rows[_i].pass == NULL ? NULL : pass };
    struct shim_loaded loaded;
    char found[20] = "";

    if (rows[_i].pass != NULL)
        strcpy(pass, rows[_i].pass);
    ck_assert_int_eq(shim_load(rows[_i].uri, rows[_i].want, &secret, &loaded), rows[_i].state);
    for (int i = 0; i < sk_X509_num(loaded.certs); i++)
        snprintf(found + i, 3, "%ld",
                 ASN1_INTEGER_get(X509_get0_serialNumber(sk_X509_value(loaded.certs, i))));
    if (loaded.key != NULL) {
        ck_assert_int_eq(EVP_PKEY_eq(loaded.key, ec), 1);
        strcat(found, "k");
    }
    ck_assert_str_eq(found, rows[_i].found);
    ck_assert_int_eq(loaded.why != NULL, rows[_i].why != NULL);
    if (rows[_i].why != NULL && rows[_i].why[0] != '\0')
        ck_assert_str_eq(loaded.why, rows[_i].why);
    shim_loaded_clear(&loaded);
}
END_TEST

/* Whether that is a failure or nothing, OpenSSL says. */
START_TEST(text_is_no_certificate)
{
    static const char *const names[] = { "text", "empty" };
    const struct shim_secret none = { .pass = NULL };
    struct shim_loaded loaded;

    for (int want = WANT_FIRST_CERT; want <= WANT_KEY; want++) {
        enum shim_load state = shim_load(names[_i], (enum shim_want)want, &none, &loaded);

        ck_assert(state == LOAD_NOTHING || state == LOAD_FAILED);
        ck_assert(loaded.certs == NULL && loaded.key == NULL);
        shim_loaded_clear(&loaded);
    }
}
END_TEST

/* Known for certain without a look at the key itself. */
START_TEST(a_key_is_told_to_be_the_own)
{
    static const struct {
        const char *uri;
        bool of_first;
    } keys[] = {
        { "key", true },     { "cert-key", true }, { "other-key", true },
        { "locked", false }, { "cert", false },    { "p12", false },
        { "pipe", false },   { "none", false },    { "text", false },
    };

    for (int i = 0; i < SP_ROWS(keys); i++) {
        ck_assert_msg(shim_key_is_own(keys[i].uri, first) == keys[i].of_first, "%s", keys[i].uri);
        ck_assert(!shim_key_is_own(keys[i].uri, second));
    }
}
END_TEST

/* Where a passphrase comes from without asking anybody. */
START_TEST(passphrases_are_read)
{
    static const struct {
        const char *source;
        const char *pass; /* NULL: none */
        const char *said; /* NULL: no fault */
    } sources[] = {
        { NULL, NULL, NULL },
        { "pass:a b", "a b", NULL },
        { "pass:", "", NULL },
        { "env:SP_PASS", "of the environment", NULL },
        { "env:SP_NONE", NULL, "cannot read the passphrase from env:SP_NONE" },
        { "file:text", "text before it", NULL },
        { "file:empty", "", NULL },
        { "file:none", NULL, "cannot read the passphrase from file:none: No such file" },
        { "file:pipe", NULL, NULL },
        { "stdin", NULL, NULL },
        { "fd:3", NULL, NULL },
    };
    struct shim_secret secret;

    ck_assert_int_eq(setenv("SP_PASS", "of the environment", 1), 0);
    unsetenv("SP_NONE");
    for (int i = 0; i < SP_ROWS(sources); i++) {
        sp_capture_begin(STDERR_FILENO);
        ck_assert_int_eq(shim_secret_read(&secret, sources[i].source, false) == SHIM_OK,
                         sources[i].said == NULL);
        sp_expect_captured(STDERR_FILENO, sources[i].said);
        ck_assert_int_eq(secret.pass == NULL, sources[i].pass == NULL);
        if (secret.pass != NULL)
            ck_assert_str_eq(secret.pass, sources[i].pass);
        shim_secret_clear(&secret);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("load");
    TCase *tests = tcase_create("load");

    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_loop_test(tests, files_are_loaded, 0, SP_ROWS(rows));
    tcase_add_loop_test(tests, text_is_no_certificate, 0, 2);
    tcase_add_test(tests, a_key_is_told_to_be_the_own);
    tcase_add_test(tests, passphrases_are_read);
    suite_add_tcase(suite, tests);
    return sp_run(suite);
}
