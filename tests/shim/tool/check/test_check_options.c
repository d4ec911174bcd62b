/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The command line of `smime-policy check`.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "capture.h"
#include "tool/check/checking.h"
#include "verdicts.h"

/* Words, and the uses asked for ("uSevd", a capital or small letter each), time, key and files. */
static const struct {
    const char *words[8];
    const char *uses;
    time_t at;
    const char *key, *passin;
    const char *files; /* "a b" */
    bool json;
} good[] = {
    { { "a" }, "usevd", 0, NULL, NULL, "a", false },
    { { "a", "--json", "b" }, "usevd", 0, NULL, NULL, "a b", true },
    { { "--for", "sign", "a", "-for=decrypt" }, "sd", 0, NULL, NULL, "a", false },
    { { "--for", "upload", "-" }, "u", 0, NULL, NULL, "-", false },
    { { "--at", "2024-07-31T14:20:28Z", "a" }, "usevd", SP_END_SECONDS, NULL, NULL, "a", false },
    { { "--at=1722435628", "a" }, "usevd", SP_END_SECONDS, NULL, NULL, "a", false },
    { { "--at=-1", "--at", "-1", "a" }, "usevd", -1, NULL, NULL, "a", false },
    { { "--key", "k" }, "usevd", 0, "k", NULL, "", false },
    { { "--key", "k", "--key=k", "a" }, "usevd", 0, "k", NULL, "a", false },
    { { "--key", "k", "--passin", "fd:3" }, "usevd", 0, "k", "fd:3", "", false },
    { { "--passin=pass:x", "a" }, "usevd", 0, NULL, "pass:x", "a", false },
    { { "--passin", "stdin", "a" }, "usevd", 0, NULL, "stdin", "a", false },
    { { "a", "--", "--json", "-b" }, "usevd", 0, NULL, NULL, "a --json -b", false },
    { { "--key", "--json", "a" }, "usevd", 0, "--json", NULL, "a", false },
};

static const struct {
    const char *words[8];
    const char *said;
} bad[] = {
    { { NULL }, "check: no certificate given" },
    { { "--json" }, "check: no certificate given" },
    { { "--" }, "check: no certificate given" },
    { { "a", "-x" }, "check: unknown option -x" },
    { { "a", "--jsons" }, "check: unknown option --jsons; did you mean --json?" },
    { { "a", "--json=1" }, "check: option --json does not take a value" },
    { { "a", "--for" }, "check: option --for needs a value" },
    { { "a", "--for", "Sign" }, "--for Sign: no such use; there are upload, sign" },
    { { "a", "--for=" }, "--for : no such use" },
    { { "a", "--at", "yesterday" }, "--at yesterday: not a time" },
    { { "a", "--at", "2024-07-31" }, "--at 2024-07-31: not a time" },
    { { "a", "--at", "2024-07-31T14:20:28" }, "not a time" },
    { { "a", "--at", "2024-07-31T14:20:28Zx" }, "not a time" },
    { { "a", "--at", "" }, "not a time" },
    { { "a", "--at", "99999999999999999999" }, "not a time" },
    { { "--at=1", "--at=-1", "a" }, "--at was given twice, with 1 and with -1" },
    { { "--key", "a", "--key", "b" }, "--key was given twice, with a and with b" },
    /* The passphrases themselves are not repeated. */
    { { "a", "--passin=pass:1", "--passin=pass:2" }, "--passin was given twice; give it once\n" },
};

static char *words_of_row[10];

static int parse(const char *const *words, struct shim_check *check)
{
    static char name[] = "check";
    struct shim shim = { 0 };
    struct shim_long line;
    int code;

    words_of_row[0] = name;
    memcpy(words_of_row + 1, words, 8 * sizeof(*words));
    code = shim_long_parse(&shim, words_of_row, &line);
    return code == SHIM_OK ? shim_check_options(&line, check) : code;
}

static void expect_text(const char *text, const char *expected)
{
    if (expected == NULL)
        ck_assert_ptr_null(text);
    else
        ck_assert_str_eq(text, expected);
}

START_TEST(are_read)
{
    struct shim_check check = { 0 };
    char files[100] = "";
    char uses[SHIM_USES + 1] = "";
    time_t before = time(NULL);

    ck_assert_int_eq(parse(good[_i].words, &check), SHIM_OK);
    for (int use = 0; use < SHIM_USES; use++)
        if (check.wanted[use])
            strncat(uses, smimepolicy_use_name((smimepolicy_use)use), 1);
    ck_assert_str_eq(uses, good[_i].uses);
    if (good[_i].at != 0)
        ck_assert_int_eq(check.at, good[_i].at);
    else
        ck_assert(check.at >= before && check.at <= time(NULL));
    expect_text(check.key_path, good[_i].key);
    expect_text(check.passin, good[_i].passin);
    for (char **file = check.files; *file != NULL; file++) {
        strcat(files, file == check.files ? "" : " ");
        strcat(files, *file);
    }
    ck_assert_str_eq(files, good[_i].files);
    ck_assert_int_eq(check.json, good[_i].json);
}
END_TEST

START_TEST(mistakes_are_told)
{
    struct shim_check check = { 0 };

    sp_capture_begin(STDERR_FILENO);
    ck_assert_int_eq(parse(bad[_i].words, &check), SHIM_USAGE);
    sp_expect_captured(STDERR_FILENO, bad[_i].said);
}
END_TEST

/* It is asked for without a file. */
START_TEST(help_is_asked_for)
{
    static const char *const words[][8] = { { "--help" }, { "-help" }, { "-h", "a" } };
    struct shim_check check = { 0 };

    for (int i = 0; i < SP_ROWS(words); i++) {
        sp_capture_begin(STDOUT_FILENO);
        ck_assert_int_eq(parse(words[i], &check), -1);
        fflush(stdout);
        sp_expect_captured(STDOUT_FILENO, "Usage: smime-policy check");
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("check_options");
    TCase *tests = tcase_create("check_options");

    tcase_add_loop_test(tests, are_read, 0, SP_ROWS(good));
    tcase_add_loop_test(tests, mistakes_are_told, 0, SP_ROWS(bad));
    tcase_add_test(tests, help_is_asked_for);
    suite_add_tcase(suite, tests);
    return sp_run(suite);
}
