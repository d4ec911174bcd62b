/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * A run of stock: what it is given of our environment, and what is learnt of its end.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "capture.h"
#include "common/memory_file.h"
#include "common/output.h"
#include "stock/environment.h"
#include "tool/run/watch.h"
#include "verdicts.h"

static char *ours[] = { "PATH=/bin",
                        "HOME=/h",
                        "LC_ALL=C",
                        "LANG=de",
                        "OPENSSL_CONF=/evil",
                        "LD_PRELOAD=x",
                        "OPENSSL_MODULES=/evil",
                        "PATHS=x",
                        "SECRET=s",
                        "SSL_CERT_FILE=/x",
                        NULL };

/* What stock is given, in its order. */
static const struct {
    struct shim_stock stock;
    const char *given;
} environments[] = {
    { { .conf = "/c" }, "OPENSSL_CONF=/c PATH=/bin HOME=/h LC_ALL=C LANG=de" },
    { { .conf = "/c", .expect = "e", .pass = "p" },
      "OPENSSL_CONF=/c SMIME_POLICY_EXPECT=e SMIME_POLICY_PASSIN=p PATH=/bin HOME=/h LC_ALL=C "
      "LANG=de" },
    { { .conf = "/c", .as_is = true },
      "OPENSSL_CONF=/c PATH=/bin HOME=/h LC_ALL=C LANG=de LD_PRELOAD=x OPENSSL_MODULES=/evil "
      "PATHS=x SECRET=s SSL_CERT_FILE=/x" },
    { { .as_is = false }, "PATH=/bin HOME=/h LC_ALL=C LANG=de" },
};

START_TEST(the_environment_is_a_list_of_what_is_passed)
{
    char **before = environ;
    char given[400] = "";
    char **environment;

    environ = ours;
    environment = shim_environment(&environments[_i].stock);
    environ = before;
    ck_assert_ptr_nonnull(environment);
    for (char **entry = environment; *entry != NULL; entry++) {
        strcat(given, entry == environment ? "" : " ");
        strcat(given, *entry);
    }
    ck_assert_str_eq(given, environments[_i].given);
    shim_environment_free(environment);
}
END_TEST

START_TEST(the_variable_of_a_passphrase)
{
    ck_assert_int_eq(setenv("SP_PASS", "secret", 1), 0);
    unsetenv("SP_NONE");
    ck_assert_str_eq(shim_environment_pass("env:SP_PASS"), "secret");
    ck_assert_ptr_null(shim_environment_pass("env:SP_NONE"));
    ck_assert_ptr_null(shim_environment_pass("pass:SP_PASS"));
    ck_assert_ptr_null(shim_environment_pass(NULL));
}
END_TEST

/* A script in the place of stock, and what comes of it. */
static const struct {
    const char *script;
    const char *in; /* what it reads */
    int code, signal;
    bool refused, complained;
    const char *out, *said;
} runs[] = {
    { "exit 0", "", 0, 0, false, false, "", NULL },
    { "exit 7", "", 7, 0, false, false, "", NULL },
    { "kill -9 $$", "", -1, SIGKILL, false, false, "", NULL },
    { "cat; echo Verification successful >&2", "text", 0, 0, false, false, "text",
      "Verification successful" },
    { "echo no >&2; exit 4", "", 4, 0, false, true, "", "no" },
    { "echo 00:error:05000001:smimepolicy:f:r:c:1: >&2; exit 6", "", 6, 0, true, true, "",
      "smimepolicy" },
    { "echo smime: unable to load provider smimepolicy >&2", "", 1, 0, false, true, "", "unable" },
    { "echo 00:error:05000001:smimepolicy:f:r:c:1:", "", 0, 0, false, false,
      "00:error:05000001:smimepolicy:f:r:c:1:\n", NULL },
    { "echo $SMIME_POLICY_PASSIN$SECRET$OPENSSL_CONF", "", 0, 0, false, false, "pass/c\n", NULL },
    /* Who outlives stock and holds its streams is not waited for. */
    { "(sleep 3600 & echo $! ) ; exit 3", "", 3, 0, false, false, NULL, NULL },
};

START_TEST(its_end_is_told)
{
    static char sh[] = "sh", c[] = "-c";
    char *argv[] = { sh, c, OPENSSL_strdup(runs[_i].script), NULL };
    int in = shim_memory_file("in", runs[_i].in, strlen(runs[_i].in));
    int out = shim_memory_file("out", "", 0);
    struct shim_stock stock = { .program = "/bin/sh",
                                .argv = argv,
                                .conf = "/c",
                                .pass = "pass",
                                .keep = (const int[]){ -1 },
                                .in = in,
                                .out = out };
    struct shim_stock_result result;
    char written[200] = "";

    ck_assert_int_eq(setenv("SECRET", "secret", 1), 0);
    sp_capture_begin(STDERR_FILENO);
    ck_assert(shim_watched_run(&stock, &result));
    sp_expect_captured(STDERR_FILENO, runs[_i].said);
    ck_assert_int_eq(result.code, runs[_i].code);
    ck_assert_int_eq(result.signal, runs[_i].signal);
    ck_assert_int_eq(result.refused, runs[_i].refused);
    ck_assert_int_eq(result.complained, runs[_i].complained);
    ck_assert_int_eq(result.lost, 0);
    ck_assert_int_ge(pread(out, written, sizeof(written) - 1, 0), 0);
    if (runs[_i].out != NULL)
        ck_assert_str_eq(written, runs[_i].out);
    else
        ck_assert_int_eq(kill(atoi(written), SIGKILL), 0);
    OPENSSL_free(argv[2]);
    close(in);
    close(out);
}
END_TEST

START_TEST(what_cannot_be_kept_is_told)
{
    static char yes[] = "yes";
    char *argv[] = { yes, NULL };
    struct shim_stock stock = { .program = "/usr/bin/yes",
                                .argv = argv,
                                .keep = (const int[]){ -1 },
                                .in = STDIN_FILENO,
                                .out = open("/dev/full", O_WRONLY | O_CLOEXEC) };
    struct shim_stock_result result;

    ck_assert(shim_stock_run(&stock, &result));
    ck_assert_int_eq(result.lost, ENOSPC);
    close(stock.out);

    stock.program = "/nonexistent/openssl";
    sp_capture_begin(STDERR_FILENO);
    ck_assert(!shim_stock_run(&stock, &result));
    sp_expect_captured(STDERR_FILENO, "cannot run /nonexistent/openssl: No such file or directory");
    ck_assert_int_eq(result.code, -1);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("stock_run");
    TCase *tests = tcase_create("stock_run");

    tcase_add_loop_test(tests, the_environment_is_a_list_of_what_is_passed, 0,
                        SP_ROWS(environments));
    tcase_add_test(tests, the_variable_of_a_passphrase);
    tcase_add_loop_test(tests, its_end_is_told, 0, SP_ROWS(runs));
    tcase_add_test(tests, what_cannot_be_kept_is_told);
    suite_add_tcase(suite, tests);
    return sp_run(suite);
}
