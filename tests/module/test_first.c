/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The first certificate of a process that has initialised nothing: the provider is
 * loaded during its parse, and misses its birth.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"

static const struct row {
    const char *arguments[3], *settings, *text;
} rows[] = {
    /* The certificate is not known, so its key signs nothing, and the reason says why. */
    { { "sign", "good-rsa" }, "", "parsed before OpenSSL was initialised" },
    { { "sign", "expired-rsa" }, "", "parsed before OpenSSL was initialised" },
    { { "sign", "good-ec" }, "", "parsed before OpenSSL was initialised" },
    { { "sign", "expired-ec" }, "", "parsed before OpenSSL was initialised" },
    /* An unknown key may be encrypted to, unless the setting refuses it. */
    { { "encrypt", "good-rsa" }, "", "done" },
    { { "encrypt", "good-rsa" }, "unknown_keys = refuse", "parsed before OpenSSL was initialised" },
    { { "encrypt", "expired-rsa" },
      "unknown_keys = refuse",
      "parsed before OpenSSL was initialised" },
    { { "encrypt", "expired-ec" },
      "unknown_keys = refuse",
      "parsed before OpenSSL was initialised" },
    /* From the second certificate on all are known. */
    { { "sign", "good-rsa", "ca" }, "", "done" },
    { { "sign", "good-ec", "good-rsa" }, "unknown_keys = refuse", "done" },
    { { "sign", "expired-rsa", "ca" }, "", "[expired]" },
    { { "sign", "expired-ec", "good-rsa" }, "", "[expired]" },
    { { "encrypt", "good-rsa", "ca" }, "unknown_keys = refuse", "done" },
    { { "encrypt", "expired-rsa", "ca" }, "", "[expired]" },
    { { "encrypt", "expired-ec", "good-rsa" }, "", "[expired]" },
    /* Only a decision log loads jansson. */
    { { "sign", "good-rsa", "ca" }, "decision_log = /dev/null", "done" },
};

static void run(const struct row *row, int output)
{
    char settings[256], *text, *path;

    (void)snprintf(settings, sizeof(settings), "module = " SP_MODULE "\n%s", row->settings);
    text = sp_configuration(settings);
    path = sp_temporary(text);
    free(text);
    ck_assert_int_eq(setenv("OPENSSL_CONF", path, 1), 0);
    free(path);
    if (fork() != 0)
        return;
    if (dup2(output, STDOUT_FILENO) < 0)
        _exit(EXIT_FAILURE);
    (void)execl(SP_FIRST_PROGRAM, "first_program", row->arguments[0], row->arguments[1],
                row->arguments[2], (char *)NULL);
    _exit(EXIT_FAILURE);
}

START_TEST(first_certificate)
{
    const struct row *row = &rows[_i];
    char text[8192] = "";
    size_t used = 0;
    ssize_t got;
    int ends[2], status = -1;

    ck_assert_int_eq(pipe(ends), 0);
    run(row, ends[1]);
    ck_assert_int_eq(close(ends[1]), 0);
    while ((got = read(ends[0], text + used, sizeof(text) - 1 - used)) > 0)
        used += (size_t)got;
    ck_assert_int_eq(close(ends[0]), 0);
    ck_assert_int_gt(wait(&status), 0);
    ck_assert_int_eq(status, 0);
    ck_assert_msg(strstr(text, row->text) != NULL, "no \"%s\" in: %s", row->text, text);
    ck_assert_int_eq(strstr(text, "jansson is loaded") != NULL,
                     strstr(row->settings, "decision_log") != NULL);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("first");
    TCase *tests = sp_case(suite, "first");

    tcase_add_loop_test(tests, first_certificate, 0, SP_ROWS(rows));
    return sp_run_forked(suite);
}
