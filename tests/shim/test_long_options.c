/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The options of our own commands, and what a mistake in them is told.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "capture.h"
#include "common/long_options.h"
#include "verdicts.h"

#define HELP (-1)

/* The words behind the command `list`, and the options and operands that they are. */
static const struct {
    const char *words[8];
    bool json, keep;
    const char *as;
    const char *keyring;
    const char *operands; /* "a b" */
} good[] = {
    { { NULL }, false, false, NULL, NULL, "" },
    { { "a", "b" }, false, false, NULL, NULL, "a b" },
    { { "--json" }, true, false, NULL, NULL, "" },
    { { "-json", "--keep-going" }, true, true, NULL, NULL, "" },
    { { "--as", "ca", "a" }, false, false, "ca", NULL, "a" },
    { { "--as=ca", "a" }, false, false, "ca", NULL, "a" },
    { { "-as=", "a" }, false, false, "", NULL, "a" },
    { { "a", "--json", "b", "--as", "ca" }, true, false, "ca", NULL, "a b" },
    { { "--keep" }, false, true, NULL, NULL, "" },
    { { "--as", "--json" }, false, false, "--json", NULL, "" },
    { { "--as", "ca", "--as=ca" }, false, false, "ca", NULL, "" },
    { { "--keyring", "/k", "-" }, false, false, NULL, "/k", "-" },
    { { "--", "--json", "-x" }, false, false, NULL, NULL, "--json -x" },
    { { "a", "--", "--json" }, false, false, NULL, NULL, "a --json" },
};

static const struct {
    const char *words[8];
    int code;
    const char *said;
} bad[] = {
    { { "--jsn" }, SHIM_USAGE, "list: unknown option --jsn\nTry 'smime-policy --help'." },
    { { "-x" }, SHIM_USAGE, "list: unknown option -x" },
    { { "a", "--unknown=1" }, SHIM_USAGE, "list: unknown option --unknown=1" },
    { { "--k" }, SHIM_USAGE, "list: unknown option --k" },
    { { "--as" }, SHIM_USAGE, "list: option --as needs a value" },
    { { "a", "--keyring" }, SHIM_USAGE, "list: option --keyring needs a value" },
    { { "--json=yes" }, SHIM_USAGE, "list: option --json does not take a value" },
    { { "--as", "ca", "--as", "contact" },
      SHIM_USAGE,
      "--as was given twice, with ca and with contact; give it once" },
    { { "--keyring=/a", "--keyring=/b" },
      SHIM_USAGE,
      "--keyring was given twice, with /a and with /b" },
    { { "--json", "--help", "--unknown" }, HELP, NULL },
};

static struct {
    struct shim shim;
    bool json, keep;
    const char *as;
    char **operands;
    char *argv[10];
} parsed;

static int parse(const char *const *words)
{
    static char name[] = "list";
    const struct shim_long table[] = { { "json", LONG_FLAG, &parsed.json },
                                       { "keep-going", LONG_FLAG, &parsed.keep },
                                       { "as", LONG_VALUE, &parsed.as },
                                       { NULL, LONG_FLAG, NULL } };
    int argc = 1;

    parsed.argv[0] = name;
    for (; words[argc - 1] != NULL; argc++)
        memcpy(&parsed.argv[argc], &words[argc - 1], sizeof(words[0]));
    return shim_long_parse(&parsed.shim, argc, parsed.argv, table, &parsed.operands);
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
    char operands[100] = "";

    ck_assert_int_eq(parse(good[_i].words), SHIM_OK);
    ck_assert_int_eq(parsed.json, good[_i].json);
    ck_assert_int_eq(parsed.keep, good[_i].keep);
    expect_text(parsed.as, good[_i].as);
    expect_text(parsed.shim.keyring, good[_i].keyring);
    for (char **operand = parsed.operands; *operand != NULL; operand++) {
        strcat(operands, operand == parsed.operands ? "" : " ");
        strcat(operands, *operand);
    }
    ck_assert_str_eq(operands, good[_i].operands);
}
END_TEST

START_TEST(mistakes_are_told)
{
    int code;

    sp_capture_begin(STDOUT_FILENO);
    sp_capture_begin(STDERR_FILENO);
    code = parse(bad[_i].words);
    sp_expect_captured(STDERR_FILENO, bad[_i].said);
    sp_expect_captured(STDOUT_FILENO, code == HELP ? "smime-policy list" : NULL);
    ck_assert_int_eq(code, bad[_i].code);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("long_options");
    TCase *tests = tcase_create("long_options");

    tcase_add_loop_test(tests, are_read, 0, SP_ROWS(good));
    tcase_add_loop_test(tests, mistakes_are_told, 0, SP_ROWS(bad));
    suite_add_tcase(suite, tests);
    return sp_run(suite);
}
