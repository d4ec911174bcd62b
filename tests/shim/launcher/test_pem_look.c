/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * What the launcher sees in a file of PEM.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "launches.h"
#include "verdicts.h"

#define BEGIN "-----BEGIN CERTIFICATE-----"
#define MOST  (1 << 20)

static const struct {
    const char *text;
    struct shim_pem pem;
} rows[] = {
    { "", { .has_cert = false } },
    { "-----BEGIN PRIVATE KEY-----\n", { .has_key = true } },
    { "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n",
      { .has_key = true, .is_encrypted = true } },
    { "-----BEGIN ENCRYPTED PRIVATE KEY-----\n", { .has_key = true, .is_encrypted = true } },
    { BEGIN, { .has_cert = true } },
    { BEGIN "\nMAYGAQE=\n", { .has_cert = true } },
    /* The identifiers of the keys at each place in a group of three bytes. */
    { BEGIN "BgcqhkjOPQIB", { .has_cert = true, .is_ec = true } },
    { BEGIN "AAYHKoZI\nzj0CAQ==", { .has_cert = true, .is_ec = true } },
    { BEGIN "AAAGByqGSM49AgE=", { .has_cert = true, .is_ec = true } },
    { BEGIN "+/8GByqGSM49AgE=", { .has_cert = true, .is_ec = true } },
    { BEGIN "aAYHKoZIzj0CAQ==", { .has_cert = true, .is_ec = true } },
    /* What is no character of base64 is passed over. */
    { BEGIN "A@[`{:.!AYHKoZIzj0CAQ==", { .has_cert = true, .is_ec = true } },
    { BEGIN "BgcqhkjOPQIC", { .has_cert = true } },
    { BEGIN "BgkqhkiG9w0BAQo=", { .has_cert = true, .is_pss = true } },
    { BEGIN "AAYJKoZIhvcNAQEK", { .has_cert = true, .is_pss = true } },
    /* The second certificate, or what stands behind the first, is not looked at. */
    { BEGIN "MAYG-----END CERTIFICATE-----\n" BEGIN "BgcqhkjOPQIB", { .has_cert = true } },
    { BEGIN "MAYG-BgcqhkjOPQIB", { .has_cert = true } },
    { "BgcqhkjOPQIB" BEGIN "MAYG", { .has_cert = true } },
};

static void expect(const char *name, const struct shim_pem *expected)
{
    struct shim_pem pem;

    memset(&pem, 1, sizeof(pem));
    ck_assert(shim_pem_look(name, &pem));
    ck_assert_int_eq(pem.has_cert, expected->has_cert);
    ck_assert_int_eq(pem.has_key, expected->has_key);
    ck_assert_int_eq(pem.is_encrypted, expected->is_encrypted);
    ck_assert_int_eq(pem.is_ec, expected->is_ec);
    ck_assert_int_eq(pem.is_pss, expected->is_pss);
}

START_TEST(a_file)
{
    sp_make_launch_file("x", rows[_i].text);
    expect("x", &rows[_i].pem);
}
END_TEST

/* The largest file, and one more byte. */
START_TEST(a_large_file)
{
    static const char end[] = "PRIVATE KEY-----";
    const struct shim_pem pem = { .has_key = true };
    char *text = malloc(MOST + 2);
    struct shim_pem none;

    ck_assert_ptr_nonnull(text);
    memset(text, 'x', MOST + 1);
    text[MOST + 1] = '\0';
    sp_make_launch_file("x", text);
    ck_assert(!shim_pem_look("x", &none));
    strcpy(text + MOST - strlen(end), end);
    sp_make_launch_file("x", text);
    expect("x", &pem);
    free(text);
}
END_TEST

/* What is no file, cannot be read or may be a URI. */
START_TEST(no_file)
{
    static const char *const names[] = { "none", ".", "/dev/null", "pipe", "a:b" };
    struct shim_pem pem;

    ck_assert_int_eq(mkfifo("pipe", 0600), 0);
    for (size_t i = 0; i < SP_ROWS(names); i++)
        ck_assert_msg(!shim_pem_look(names[i], &pem), "%s", names[i]);
    ck_assert_int_ge(fcntl(STDIN_FILENO, F_GETFD), 0);
}
END_TEST

/* A pipe is not opened, which would end its writer. */
START_TEST(a_pipe)
{
    int watch = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    struct inotify_event event;
    struct shim_pem pem;

    ck_assert_int_eq(mkfifo("pipe", 0600), 0);
    ck_assert_int_ge(inotify_add_watch(watch, "pipe", IN_OPEN), 0);
    ck_assert(!shim_pem_look("pipe", &pem));
    ck_assert_int_eq(read(watch, &event, sizeof(event)), -1);
    close(watch);
}
END_TEST

/* All memory of it is given back, and no file stays open. */
START_TEST(nothing_is_left)
{
    int next = dup(STDIN_FILENO);
    struct shim_pem pem;

    close(next);
    for (int i = 0; i < 2; i++) {
        sp_launch_starve(1);
        ck_assert(!shim_pem_look(i == 0 ? "both" : "empty", &pem));
        ck_assert(sp_launch_starve_end());
        ck_assert_int_eq(sp_launch_kept(), 0);
    }
    ck_assert(shim_pem_look("both", &pem));
    ck_assert_int_eq(sp_launch_kept(), 0);
    ck_assert_int_eq(dup(STDIN_FILENO), next);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("pem_look");
    TCase *tests = tcase_create("pem_look");

    tcase_add_checked_fixture(tests, sp_make_launch_files, sp_remove_launch_files);
    tcase_add_loop_test(tests, a_file, 0, SP_ROWS(rows));
    tcase_add_test(tests, a_large_file);
    tcase_add_test(tests, no_file);
    tcase_add_test(tests, a_pipe);
    tcase_add_test(tests, nothing_is_left);
    suite_add_tcase(suite, tests);
    return sp_run(suite);
}
