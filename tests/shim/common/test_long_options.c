/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The options of our own commands, and what a mistake in them is told.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "capture.h"
#include "common/long_options.h"
#include "stock/options.h"
#include "verdicts.h"

#define HELP (-1)

/* The words behind the command `upload`, and the options and operands that they are. */
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
    { { "--json", "--json" }, true, false, NULL, NULL, "" },
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
    { { "--jsn" },
      SHIM_USAGE,
      "upload: unknown option --jsn; did you mean --json?\nTry 'smime-policy --help'." },
    { { "-x" }, SHIM_USAGE, "upload: unknown option -x\n" },
    /* No value is repeated: it may be a passphrase. */
    { { "a", "--unknown=1" }, SHIM_USAGE, "upload: unknown option --unknown\n" },
    { { "--pasin=pass:1" },
      SHIM_USAGE,
      "upload: unknown option --pasin; did you mean --passin?\n" },
    /* Nothing is abbreviated, even if it could be one option only. */
    { { "--keep" }, SHIM_USAGE, "upload: unknown option --keep; did you mean --keep-going?\n" },
    { { "--k" }, SHIM_USAGE, "upload: unknown option --k\n" },
    { { "--=x" }, SHIM_USAGE, "upload: unknown option --\n" },
    { { "---json" }, SHIM_USAGE, "upload: unknown option ---json; did you mean --json?\n" },
    { { "--as" }, SHIM_USAGE, "upload: option --as needs a value" },
    { { "a", "--keyring" }, SHIM_USAGE, "upload: option --keyring needs a value" },
    { { "--json=yes" }, SHIM_USAGE, "upload: option --json does not take a value" },
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
    char *argv[40];
} parsed;

static int parse(const char *const *words)
{
    static char name[] = "upload";
    struct shim_long line;
    int code;

    parsed.argv[0] = name;
    for (int i = 0; words[i] != NULL; i++)
        memcpy(&parsed.argv[i + 1], &words[i], sizeof(words[0]));
    code = shim_long_parse(&parsed.shim, parsed.argv, &line);
    parsed.json = shim_long_has(&line, "json");
    parsed.keep = shim_long_has(&line, "keep-going");
    parsed.as = shim_long_value(&line, "as", 0);
    parsed.operands = line.operands;
    return code;
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
    sp_expect_captured(STDOUT_FILENO, code == HELP ? "smime-policy upload" : NULL);
    ck_assert_int_eq(code, bad[_i].code);
}
END_TEST

/* The words before the command, and what they are obeyed as. */
static const struct {
    const char *words[8];
    const char *command; /* NULL: none is left */
    int code;
    const char *said, *policy, *keyring;
    bool explain, version;
} before[] = {
    { { "list", "--json" }, "list", SHIM_OK, NULL, "installed", NULL, false, false },
    { { NULL }, NULL, SHIM_OK, NULL, "installed", NULL, false, false },
    { { "-" }, "-", SHIM_OK, NULL, "installed", NULL, false, false },
    { { "--version" }, NULL, SHIM_OK, NULL, "installed", NULL, false, true },
    { { "--explain", "sign" }, "sign", SHIM_OK, NULL, "installed", NULL, true, false },
    { { "--policy", "/p", "list" }, "list", SHIM_OK, NULL, "/p", NULL, false, false },
    { { "-keyring=/k", "--explain", "list" },
      "list",
      SHIM_OK,
      NULL,
      "installed",
      "/k",
      true,
      false },
    { { "--keyring" },
      NULL,
      SHIM_USAGE,
      "smime-policy: option --keyring needs a value\n",
      "installed",
      NULL,
      false,
      false },
    { { "--explain=1", "list" },
      "--explain=1",
      SHIM_USAGE,
      "smime-policy: option --explain does not take a value\n",
      "installed",
      NULL,
      false,
      false },
    { { "--polcy", "/p" },
      "--polcy",
      SHIM_USAGE,
      "smime-policy: unknown option --polcy; did you mean --policy?\n",
      "installed",
      NULL,
      false,
      false },
    { { "--explain", "--help", "list" }, "--help", HELP, NULL, "installed", NULL, false, false },
};

START_TEST(before_the_command)
{
    struct shim shim = { .policy_file = "installed" };
    char **argv = parsed.argv;
    struct shim_long line;
    int code;

    memcpy(parsed.argv, before[_i].words, sizeof(before[_i].words));
    sp_capture_begin(STDOUT_FILENO);
    sp_capture_begin(STDERR_FILENO);
    code = shim_long_before(&shim, &argv, &line);
    sp_expect_captured(STDERR_FILENO, before[_i].said);
    sp_expect_captured(STDOUT_FILENO, before[_i].code == HELP ? "COMMAND ..." : NULL);
    ck_assert_int_eq(code, before[_i].code);
    expect_text(*argv, before[_i].command);
    expect_text(shim.policy_file, before[_i].policy);
    ck_assert_int_eq(shim.policy_named, strcmp(before[_i].policy, "installed") != 0);
    expect_text(shim.keyring, before[_i].keyring);
    ck_assert_int_eq(shim.explain, before[_i].explain);
    ck_assert_int_eq(shim_long_has(&line, "version"), before[_i].version);
}
END_TEST

/* A keyring is named once, before the command or behind it. */
START_TEST(one_keyring)
{
    static char name[] = "list", same[] = "--keyring=/k", other[] = "--keyring=/other";
    static char json[] = "--json";
    char *argv[] = { name, same, NULL }, *again[] = { name, other, NULL },
         *more[] = { name, other, json, NULL };
    struct shim shim = { .keyring = "/k" };
    struct shim_long line;

    ck_assert_int_eq(shim_long_parse(&shim, argv, &line), SHIM_OK);
    sp_capture_begin(STDERR_FILENO);
    ck_assert_int_eq(shim_long_parse(&shim, again, &line), SHIM_USAGE);
    sp_expect_captured(STDERR_FILENO, "--keyring was given twice, with /k and with /other");
    ck_assert_str_eq(shim.keyring, "/k");
    /* What follows does not make it good. */
    sp_capture_begin(STDERR_FILENO);
    ck_assert_int_eq(shim_long_parse(&shim, more, &line), SHIM_USAGE);
    sp_expect_captured(STDERR_FILENO, "--keyring was given twice");
}
END_TEST

/* With --quiet nothing more is printed, or the command fails if that cannot be. */
START_TEST(quiet)
{
    static char name[] = "list", option[] = "--quiet";
    char *argv[] = { name, option, NULL };
    struct rlimit before_it, limit;
    struct shim shim = { 0 };
    struct shim_long line;
    int code;

    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &before_it), 0);
    limit = (struct rlimit){ _i == 0 ? before_it.rlim_cur : 0, before_it.rlim_max };
    sp_capture_begin(STDOUT_FILENO);
    sp_capture_begin(STDERR_FILENO);
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    code = shim_long_parse(&shim, argv, &line);
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &before_it), 0);
    if (_i == 0)
        ck_assert(puts("nothing") >= 0 && fflush(stdout) == 0);
    sp_expect_captured(STDERR_FILENO, _i == 0 ? NULL : "cannot open /dev/null: Too many open");
    ck_assert_int_eq(code, _i == 0 ? SHIM_OK : SHIM_SYSTEM);
    free(sp_capture_end(STDOUT_FILENO));
}
END_TEST

START_TEST(is_not_quiet)
{
    static char name[] = "list", option[] = "--json";
    char *argv[] = { name, option, NULL };
    struct shim shim = { 0 };
    struct shim_long line;

    sp_capture_begin(STDOUT_FILENO);
    ck_assert_int_eq(shim_long_parse(&shim, argv, &line), SHIM_OK);
    ck_assert(puts("something") >= 0 && fflush(stdout) == 0);
    sp_expect_captured(STDOUT_FILENO, "something\n");
}
END_TEST

START_TEST(dashes_are_seen)
{
    static char words[][10] = { "config", "a", "--", "--lint", "b" };
    char *argv[] = { words[0], words[1], words[2], words[3], words[4], NULL };
    char *without[] = { words[0], words[1], NULL };
    struct shim shim = { 0 };
    struct shim_long line;

    ck_assert_int_eq(shim_long_parse(&shim, argv, &line), SHIM_OK);
    ck_assert(line.dashes && line.behind == line.operands + 1 && line.count == 0);
    ck_assert_str_eq(line.behind[0], "--lint");
    ck_assert_int_eq(shim_long_parse(&shim, without, &line), SHIM_OK);
    ck_assert(!line.dashes && *line.behind == NULL);
}
END_TEST

/* Read `check` with |count| options --for, each with another value. */
static int parse_many(int count, struct shim_long *line)
{
    static char words[SHIM_LONG_MOST + 2][20] = { "check" };
    static char *argv[SHIM_LONG_MOST + 3] = { words[0] };
    struct shim shim = { 0 };

    for (int i = 1; i <= count; i++) {
        snprintf(words[i], sizeof(words[i]), "--for=%d", i);
        argv[i] = words[i];
    }
    return shim_long_parse(&shim, argv, line);
}

START_TEST(many_values_are_kept_in_order)
{
    struct shim_long line;

    ck_assert_int_eq(parse_many(SHIM_LONG_MOST, &line), SHIM_OK);
    ck_assert_str_eq(shim_long_value(&line, "for", 0), "1");
    ck_assert_str_eq(shim_long_value(&line, "for", SHIM_LONG_MOST - 1), "32");
    ck_assert_ptr_null(shim_long_value(&line, "for", SHIM_LONG_MOST));
    sp_capture_begin(STDERR_FILENO);
    ck_assert_int_eq(parse_many(SHIM_LONG_MOST + 1, &line), SHIM_USAGE);
    sp_expect_captured(STDERR_FILENO, "more than 32 options");
}
END_TEST

static const struct shim_word some_words[] = {
    { "look", NULL, NULL },
    { "take", "a file", "'look' tells it" },
    { NULL, NULL, NULL },
};

/* Operands, whether --explain is given, the index, and what is said without one. */
static const struct {
    const char *operands[4];
    bool explain;
    int index;
    const char *said;
} of_words[] = {
    { { "look" }, false, 0, NULL },
    { { "look" }, true, 0, NULL },
    { { "take", "a" }, false, 1, NULL },
    { { "take", "a" }, true, -1, "check take: it cannot be explained" },
    { { "take" }, false, -1, "check: take takes a file" },
    { { "take", "a", "b" }, false, -1, "takes a file" },
    { { "look", "a" }, false, -1, "check: look takes no other word" },
    { { NULL }, false, -1, "check: takes look or take FILE\n" },
    { { "loo" }, true, -1, "check: takes look or take FILE, and not: loo" },
};

START_TEST(a_word_is_found)
{
    struct shim shim = { .explain = of_words[_i].explain };
    static char beyond[] = "beyond";
    /* Behind the end there is something that is no operand. */
    char *operands[5] = { beyond, beyond, beyond, beyond, beyond };
    struct shim_long line = { .command = "check", .operands = operands };
    size_t count = 0;

    while (of_words[_i].operands[count] != NULL)
        count++;
    memcpy(operands, of_words[_i].operands, (count + 1) * sizeof(*operands));
    sp_capture_begin(STDERR_FILENO);
    ck_assert_int_eq(shim_long_word(&shim, &line, some_words, "look or take FILE"),
                     of_words[_i].index);
    sp_expect_captured(STDERR_FILENO, of_words[_i].said);
}
END_TEST

static const struct {
    const char *word, *name;
} near[] = {
    { "jsn", "json" },
    { "jason", "json" },
    { "josn", "json" },
    { "json", "json" },
    { "ver", "verify" },
    { "verfiy", "verify" },
    { "sgin", "sign" },
    { "sig", "sign" },
    { "s", NULL },
    { "", NULL },
    { "frobnicate", NULL },
    { "isgn", "sign" },
    { "sjon", "json" },
    { "ssin", NULL },
    { "sx", NULL },
    { "ax", "as" },
    { "vexifx", "verify" },
    { "vexixx", NULL },
    { "no-passprase", "no-passphrase" },
    { "a-word-that-is-longer-than-any-name-of-ours", NULL },
};

/* Of several names the nearest is meant; a word without likeness means none. */
START_TEST(nearest_is_found)
{
    static const char *const names[] = { "sign", "verify", "json", "no-passphrase", "as" };
    struct shim_nearest nearest = { .word = near[_i].word, .length = strlen(near[_i].word) };

    for (size_t i = 0; i < SP_ROWS(names); i++)
        shim_nearest_try(&nearest, names[i]);
    expect_text(nearest.name, near[_i].name);
}
END_TEST

/* Of names that are as near as each other the first is meant. */
START_TEST(nearest_of_equals)
{
    struct shim_nearest nearest = { .word = "list", .length = 4 };

    shim_nearest_try(&nearest, "lost");
    shim_nearest_try(&nearest, "last");
    expect_text(nearest.name, "lost");
}
END_TEST

/* As long as the longest that is compared, or longer. */
START_TEST(nearest_of_long_ones)
{
    static const char text[] = "zabcdefghijklmnopqrstuvwxyz012345",
                      name[] = "abcdefghijklmnopqrstuvwxyz012345";
    static const char longer[] = "abcdefghijklmnopqrstuvwxyz0123456";

    ck_assert_uint_eq(strlen(name), 32);
    for (size_t length = 30; length <= 33; length++) {
        struct shim_nearest nearest = { .word = text, .length = length };

        shim_nearest_try(&nearest, longer);
        ck_assert_ptr_null(nearest.name);
        shim_nearest_try(&nearest, name);
        expect_text(nearest.name, length <= 32 ? name : NULL);
    }
}
END_TEST

static const char *const verbs[] = { "sign", "encrypt", "verify", "decrypt" };

/* The help of the verbs and the table that reads their command lines name the same options. */
START_TEST(verbs_have_the_options_of_their_help)
{
    const struct shim_option *option;

    for (size_t i = 0; (option = shim_option_at(i)) != NULL; i++) {
        bool found = (option->apis & SHIM_VERB) == 0 || option->role == ROLE_HELP;

        for (size_t verb = 0; verb < SP_ROWS(verbs); verb++) {
            const struct shim_option_row *row = shim_option_row(
                shim_help_find(verbs[verb])->options, option->name, strlen(option->name));

            if (row == NULL || (option->apis & SHIM_VERB) == 0)
                continue;
            found = true;
            ck_assert_int_eq(option->takes_value, row->kind != OPTION_FLAG);
        }
        ck_assert_msg(found, "no help has %s", option->name);
    }
    for (size_t verb = 0; verb < SP_ROWS(verbs); verb++)
        for (const struct shim_option_row *row = shim_help_find(verbs[verb])->options;
             row->spelling != NULL; row++) {
            size_t i = 0;

            while ((option = shim_option_at(i)) != NULL && strcmp(option->name, row->spelling) != 0)
                i++;
            ck_assert_msg(option != NULL, "%s: %s is not read", verbs[verb], row->spelling);
        }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("long_options");
    TCase *tests = tcase_create("long_options");

    tcase_add_loop_test(tests, are_read, 0, SP_ROWS(good));
    tcase_add_loop_test(tests, mistakes_are_told, 0, SP_ROWS(bad));
    tcase_add_loop_test(tests, before_the_command, 0, SP_ROWS(before));
    tcase_add_test(tests, one_keyring);
    tcase_add_loop_test(tests, quiet, 0, 2);
    tcase_add_test(tests, is_not_quiet);
    tcase_add_test(tests, dashes_are_seen);
    tcase_add_test(tests, many_values_are_kept_in_order);
    tcase_add_loop_test(tests, a_word_is_found, 0, SP_ROWS(of_words));
    tcase_add_loop_test(tests, nearest_is_found, 0, SP_ROWS(near));
    tcase_add_test(tests, nearest_of_long_ones);
    tcase_add_test(tests, nearest_of_equals);
    tcase_add_test(tests, verbs_have_the_options_of_their_help);
    suite_add_tcase(suite, tests);
    return sp_run(suite);
}
