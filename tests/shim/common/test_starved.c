/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * What the room does while memory runs out.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "capture.h"
#include "common/memory_file.h"
#include "common/output.h"
#include "common/passphrase.h"
#include "common/print.h"
#include "common/shim.h"
#include "keyrings.h"
#include "starve.h"

static char *place; /* the name of a file in an empty directory */

static void set_up(void)
{
    place = sp_make_place();
}

static void tear_down(void)
{
    sp_remove_place(place);
}

/* What could not be shown is said, on a line of its own. */
START_TEST(a_message)
{
    static const struct {
        const char *format, *said;
    } rows[] = { { "it\n", "it\n" }, { "it", "it" } };

    for (long number = 1; number <= 3; number++) {
        char *said;
        bool starved;

        sp_capture_begin(STDERR_FILENO);
        sp_starve(number);
        shim_print(stderr, rows[_i].format, NULL);
        starved = sp_starve_end();
        said = sp_capture_end(STDERR_FILENO);
        ck_assert_str_eq(said, starved ? "(out of memory)\n" : rows[_i].said);
        ck_assert_int_eq(starved, number < 3);
        free(said);
    }
}
END_TEST

/* No output is left, and no memory lost. */
START_TEST(an_output)
{
    char *slash = strrchr(place, '/');
    long number = 0;
    bool starved, done;

    do {
        long kept = sp_starve_kept();
        struct shim_output output;

        sp_capture_begin(STDERR_FILENO);
        sp_starve(++number);
        done = shim_output_begin(&output, place, SHIM_PUBLIC) && shim_output_commit(&output);
        starved = sp_starve_end();
        shim_output_end(&output);
        sp_expect_captured(STDERR_FILENO, starved ? ": Cannot allocate memory\n" : NULL);
        ck_assert_int_eq(done, !starved);
        ck_assert_int_eq(sp_starve_kept(), kept);
        if (starved) {
            *slash = '\0';
            ck_assert_int_eq(rmdir(place) | mkdir(place, 0700), 0);
            *slash = '/';
        }
    } while (starved);
    ck_assert_int_gt(number, 2);
}
END_TEST

START_TEST(a_spool)
{
    sp_starve(1);
    ck_assert_int_eq(shim_spool(), -1);
    ck_assert(sp_starve_end());
    sp_capture_begin(STDERR_FILENO);
    sp_starve(1);
    ck_assert_ptr_null(shim_fd_path(STDIN_FILENO));
    ck_assert(sp_starve_end());
    sp_expect_captured(STDERR_FILENO, "out of memory");
}
END_TEST

/* No policy is taken for another one. */
START_TEST(a_policy)
{
    static const struct {
        const char *content;
        int code;
    } rows[] = { { "mode = observe\n", SHIM_OK }, { "mode = other\n", SHIM_REFUSED } };
    FILE *file = fopen(place, "w");
    long number = 0;
    bool starved;

    ck_assert(file != NULL && fputs(rows[_i].content, file) >= 0 && fclose(file) == 0);
    do {
        struct shim shim = { .policy_file = place, .policy_named = true };
        char *said;
        int code;

        sp_capture_begin(STDERR_FILENO);
        sp_starve(++number);
        code = shim_load_settings(&shim);
        starved = sp_starve_end();
        said = sp_capture_end(STDERR_FILENO);
        ck_assert(starved || code == rows[_i].code);
        ck_assert_msg(code == rows[_i].code || code == SHIM_SYSTEM || code == SHIM_REFUSED, "%d",
                      code);
        ck_assert_int_eq(code == SHIM_OK, said[0] == '\0');
        ck_assert_ptr_null(strstr(said, "(null)"));
        smimepolicy_settings_free(shim.settings);
        free(said);
    } while (starved);
    ck_assert_int_gt(number, 2);
}
END_TEST

/* A passphrase is whole, or there is none.  Without a terminal it is read from standard input. */
static void ask(void)
{
    long number = 0;
    bool starved, done;

    do {
        struct shim_passphrase pass = { 0 };
        long kept = sp_starve_kept();
        int ends[2];

        ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
        ck_assert_int_eq(write(ends[1], "secret\n", 7), 7);
        close(ends[1]);
        ck_assert_int_eq(dup2(ends[0], STDIN_FILENO), STDIN_FILENO);
        close(ends[0]);
        clearerr(stdin);
        sp_capture_begin(STDERR_FILENO);
        sp_starve(++number);
        done = shim_passphrase_ask(&pass, "passphrase", "a key", false, "give one");
        starved = sp_starve_end();
        free(sp_capture_end(STDERR_FILENO));
        ck_assert_int_eq(done, !starved);
        ck_assert_pstr_eq(pass.text, starved ? NULL : "secret");
        shim_passphrase_clear(&pass);
        ck_assert(number == 1 || sp_starve_kept() <= kept);
    } while (starved);
    ck_assert_int_gt(number, 4);
}

START_TEST(a_passphrase)
{
    pid_t child = fork();
    int status;

    if (child == 0 && setsid() > 0) {
        ask();
        _exit(0);
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, 0);
}
END_TEST

START_TEST(a_passphrase_that_is_given)
{
    struct shim_passphrase pass = { 0 };

    sp_capture_begin(STDERR_FILENO);
    sp_starve(1);
    ck_assert_int_eq(shim_passphrase_read(&pass, "passin", "pass:x"), SHIM_SYSTEM);
    ck_assert(sp_starve_end());
    sp_expect_captured(STDERR_FILENO, "out of memory");
    ck_assert(!pass.given && pass.text == NULL);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("starved");
    TCase *tests = tcase_create("starved");

    if (!sp_starve_watch())
        return EXIT_FAILURE;
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_loop_test(tests, a_message, 0, 2);
    tcase_add_test(tests, an_output);
    tcase_add_test(tests, a_spool);
    tcase_add_loop_test(tests, a_policy, 0, 2);
    tcase_add_test(tests, a_passphrase);
    tcase_add_test(tests, a_passphrase_that_is_given);
    suite_add_tcase(suite, tests);
    return sp_run(suite);
}
