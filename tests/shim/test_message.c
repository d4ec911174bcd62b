/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * What the command says: one line each, whatever comes from outside.
 */
#include <stdlib.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "capture.h"
#include "common/memory.h"
#include "common/passphrase.h"
#include "common/print.h"
#include "common/shim.h"
#include "verdicts.h"

static void expect_said(const char *expected)
{
    char *said = sp_capture_end(STDERR_FILENO);

    ck_assert_str_eq(said, expected);
    free(said);
}

/* The name of a file, and how it is shown. */
static const struct {
    const char *name;
    const char *shown;
} names[] = {
    { "cert.pem", "cert.pem" },
    { "a\nrefused: b", "a\\0Arefused: b" },
    { "a\r\x1b[2Jb", "a\\0D\\1B[2Jb" },
    { "\xc3\xbc", "\xc3\xbc" },
    { "100%s", "100%s" },
    { "end\n", "end\\0A" },
};

START_TEST(a_name_stays_on_its_line)
{
    char expected[200];

    snprintf(expected, sizeof(expected), "smime-policy: cannot read %s: gone\n", names[_i].shown);
    sp_capture_begin(STDERR_FILENO);
    shim_error("cannot read %s: gone", names[_i].name);
    expect_said(expected);

    /* A line end of our own is one, and no other. */
    snprintf(expected, sizeof(expected), "%s.\n", names[_i].shown);
    sp_capture_begin(STDERR_FILENO);
    shim_print(stderr, "%s.\n", names[_i].name);
    expect_said(expected);
}
END_TEST

START_TEST(a_mistake_leads_to_the_help)
{
    sp_capture_begin(STDERR_FILENO);
    ck_assert_int_eq(shim_usage("no %s", "such thing"), SHIM_USAGE);
    expect_said("smime-policy: no such thing\nTry 'smime-policy --help'.\n");

    shim_usage_is_of("list");
    sp_capture_begin(STDERR_FILENO);
    ck_assert_int_eq(shim_usage_twice("as", "a", "b"), SHIM_USAGE);
    expect_said("smime-policy: --as was given twice, with a and with b; give it once\n"
                "Try 'smime-policy list --help'.\n");

    sp_capture_begin(STDERR_FILENO);
    ck_assert_int_eq(shim_explains_not("remove", "see what list shows"), SHIM_USAGE);
    expect_said("smime-policy: remove: it cannot be explained without being done, so --explain is "
                "refused; see what list shows\nTry 'smime-policy list --help'.\n");
}
END_TEST

/* Under the sanitizers too, memory that is not there is refused and ends no program. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "allocator_may_return_null=1";
}

const char *__tsan_default_options(void);
const char *__tsan_default_options(void)
{
    return "allocator_may_return_null=1";
}

/* Memory that ran out somewhere fails the command, and is said once. */
START_TEST(memory_that_ran_out_is_said_once)
{
    static const size_t too_much = SIZE_MAX / 2;

    ck_assert(shim_memory_sufficed());
    ck_assert_int_eq(shim_memory_end(SHIM_OK), SHIM_OK);
    ck_assert_ptr_null(OPENSSL_malloc(0));
    ck_assert(shim_memory_sufficed());

    ck_assert_ptr_null(OPENSSL_malloc(too_much));
    sp_capture_begin(STDERR_FILENO);
    ck_assert(!shim_memory_sufficed());
    ck_assert_int_eq(shim_memory_end(SHIM_OK), SHIM_SYSTEM);
    ck_assert_int_eq(shim_memory_end(SHIM_REFUSED), SHIM_REFUSED);
    expect_said("smime-policy: out of memory\n");
}
END_TEST

/* Where a passphrase comes from, by the option that says so; NULL: nowhere. */
static const struct {
    const char *option;
    const char *source;
    const char *text;
    const char *said;
} sources[] = {
    { "passin", "pass:a b", "a b", NULL },
    { "passin", "pass:", "", NULL },
    { "passin", "env:SP_PASS", "of the environment", NULL },
    { "passin", "env:SP_NONE", NULL, "cannot read the passphrase from env:SP_NONE: no such" },
    { "passin", "stdin", "first line", NULL },
    { "passin", "fd:0", "first line", NULL },
    { "passin", "fd:", NULL, "--passin takes pass:TEXT, env:NAME, file:PATH, fd:N or stdin" },
    { "passin", "fd:0x", NULL, "--passin takes" },
    { "passin", "fd:-1", NULL, "--passin takes" },
    { "passin", "fd:1000", NULL, "cannot read the passphrase from fd:1000: Bad file descriptor" },
    { "passin", "first line", NULL, "--passin takes" },
    { "passin", "file:/nonexistent", NULL,
      "cannot read the passphrase from file:/nonexistent: No such" },
    { "passout", "stdin", "first line", NULL },
    { "passout", "pass:a", NULL, "--passout takes fd:N, file:PATH or stdin: what stands in a" },
    { "passout", "env:SP_PASS", NULL, "--passout takes fd:N, file:PATH or stdin" },
};

START_TEST(a_passphrase_is_the_first_line)
{
    static const char lines[] = "first line\r\nsecond line\n";
    struct shim_passphrase pass = { 0 };
    char rest[100] = "";
    int ends[2];
    unsigned wrong = 0;
    bool done;

    ck_assert_int_eq(setenv("SP_PASS", "of the environment", 1), 0);
    unsetenv("SP_NONE");
    ck_assert_int_eq(pipe(ends), 0);
    ck_assert_int_eq(dup2(ends[0], STDIN_FILENO), STDIN_FILENO);
    ck_assert_int_eq(write(ends[1], lines, sizeof(lines) - 1), sizeof(lines) - 1);
    sp_capture_begin(STDERR_FILENO);
    done = shim_passphrase_read(&pass, sources[_i].option, sources[_i].source) == SHIM_OK;
    sp_expect_captured(STDERR_FILENO, sources[_i].said);
    ck_assert_int_eq(done, sources[_i].text != NULL);
    if (!done) {
        ck_assert_ptr_null(pass.text);
        return;
    }
    ck_assert_str_eq(pass.text, sources[_i].text);
    /* What was given is not asked for again, and what follows the line is left to others. */
    ck_assert(!shim_passphrase_again(&pass, &wrong));
    ck_assert_int_gt(read(STDIN_FILENO, rest, sizeof(rest) - 1), 0);
    ck_assert_str_eq(rest, sources[_i].text[0] == 'f' ? "second line\n" : lines);
    shim_passphrase_clear(&pass);
}
END_TEST

/* Three may be typed, and then it is enough. */
START_TEST(a_typed_passphrase_is_asked_for_three_times)
{
    char text[] = "typed";
    struct shim_passphrase pass = { .text = text };
    unsigned wrong = 0;

    sp_capture_begin(STDERR_FILENO);
    ck_assert(shim_passphrase_again(&pass, &wrong));
    ck_assert(shim_passphrase_again(&pass, &wrong));
    ck_assert(!shim_passphrase_again(&pass, &wrong));
    expect_said("smime-policy: the passphrase is wrong; type it again\n"
                "smime-policy: the passphrase is wrong; type it again\n");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("message");
    TCase *tests = tcase_create("message");

    /* Before libcrypto has allocated anything, as in the command. */
    shim_memory_watch();
    tcase_add_loop_test(tests, a_name_stays_on_its_line, 0, SP_ROWS(names));
    tcase_add_test(tests, a_mistake_leads_to_the_help);
    tcase_add_test(tests, memory_that_ran_out_is_said_once);
    tcase_add_loop_test(tests, a_passphrase_is_the_first_line, 0, SP_ROWS(sources));
    tcase_add_test(tests, a_typed_passphrase_is_asked_for_three_times);
    suite_add_tcase(suite, tests);
    return sp_run(suite);
}
