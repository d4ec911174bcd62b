/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Command lines, read as stock reads them: an option that we took for something
 * else would be a way round the policy.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "capture.h"
#include "common/shim.h"
#include "stock/refused_options.h"
#include "tool/run/ciphers.h"
#include "tool/run/operation.h"
#include "verdicts.h"

/*
 * Words, and what they are: the names of options with their values, "+" before
 * those of our own and the word itself for a cipher; then the operands.
 */
static const struct {
    enum shim_api api;
    const char *words[10];
    const char *options;
    const char *operands;
} good[] = {
    { SHIM_CMS, { NULL }, "", "" },
    { SHIM_CMS, { "-sign", "-signer", "a" }, "sign signer=a", "" },
    { SHIM_CMS, { "--sign", "--signer=a=b" }, "sign signer=a=b", "" },
    { SHIM_CMS, { "-signer=", "x" }, "signer=", "x" },
    { SHIM_CMS, { "-signer", "-sign" }, "signer=-sign", "" },
    { SHIM_CMS, { "-signer", "--", "-sign" }, "signer=-- sign", "" },
    { SHIM_CMS, { "-signer", "" }, "signer=", "" },
    { SHIM_CMS, { "-sign", "-verify", "-sign" }, "sign verify sign", "" },
    { SHIM_CMS, { "-out", "a", "-out=b" }, "out=a out=b", "" },
    { SHIM_CMS, { "-certsout", "a" }, "certsout=a", "" },
    { SHIM_CMS, { "-aes256", "--aes-128-cbc" }, "(-aes256) (--aes-128-cbc)", "" },
    { SHIM_CMS, { "-2.16.840.1.101.3.4.1.42" }, "(-2.16.840.1.101.3.4.1.42)", "" },
    { SHIM_CMS, { "-from", "a", "--to", "b" }, "from=a to=b", "" },
    { SHIM_SMIME, { "-pk7out", "-in=x" }, "pk7out in=x", "" },

    /* The first word that is no option ends them. */
    { SHIM_CMS, { "-encrypt", "a", "-out", "b" }, "encrypt", "a -out b" },
    { SHIM_CMS, { "-encrypt", "-", "-out", "b" }, "encrypt", "- -out b" },
    { SHIM_CMS, { "-encrypt", "--", "-out", "b" }, "encrypt", "-out b" },
    { SHIM_CMS, { "-encrypt", "", "-sign" }, "encrypt", " -sign" },

    /* Under a verb options may follow operands, and two dashes make some of them ours. */
    { SHIM_VERB, { "a", "-out", "b", "c" }, "out=b", "a c" },
    { SHIM_VERB, { "a", "-out", "b", "--", "-c", "d" }, "out=b", "a -c d" },
    { SHIM_VERB, { "-", "-json" }, "+json", "-" },
    { SHIM_VERB, { "-from", "a", "-to", "b" }, "from=a to=b", "" },
    { SHIM_VERB, { "--from", "a", "--to=b" }, "+from=a +to=b", "" },
    { SHIM_VERB, { "-cc", "a", "--cc=b", "-to-self" }, "+cc=a +cc=b +to-self", "" },
    { SHIM_VERB, { "-o", "a", "--output=b", "--out", "c" }, "out=a out=b out=c", "" },
    { SHIM_VERB, { "--signer", "a", "--aes256" }, "signer=a (--aes256)", "" },
};

static const struct {
    enum shim_api api;
    const char *words[10];
    const char *said;
} bad[] = {
    { SHIM_CMS, { "-sig" }, "unknown option -sig; did you mean -sign?\n" },
    { SHIM_CMS, { "-hlp" }, "unknown option -hlp; did you mean -help?\n" },
    { SHIM_VERB, { "--frm=x" }, "unknown option --frm; did you mean --from?\n" },
    /* -output is a verb's. */
    { SHIM_CMS, { "-output", "x" }, "unknown option -output\n" },
    { SHIM_CMS, { "-Sign" }, "unknown option -Sign" },
    { SHIM_CMS, { "-sign", "---out", "x" }, "unknown option ---out" },
    { SHIM_CMS, { "-=x" }, "unknown option -" },
    { SHIM_CMS, { "-aes256=x" }, "unknown option -aes256" },
    { SHIM_CMS, { "-pk7out" }, "unknown option -pk7out" },
    { SHIM_CMS, { "--json" }, "unknown option --json" },
    { SHIM_SMIME, { "-cmsout" }, "unknown option -cmsout" },
    { SHIM_SMIME, { "-keyopt", "x" }, "unknown option -keyopt" },
    { SHIM_VERB, { "-pk7out" }, "unknown option -pk7out" },
    { SHIM_VERB, { "a", "-no-such-cipher" }, "unknown option -no-such-cipher" },
    { SHIM_CMS, { "-sign=x" }, "option -sign does not take a value" },
    { SHIM_CMS, { "--sign=" }, "option -sign does not take a value" },
    { SHIM_CMS, { "-sign", "-signer" }, "option -signer needs a value" },
    { SHIM_VERB, { "--from" }, "option -from needs a value" },
};

/* In words of the caller's, as of main(). */
static char *words_of_row[20];

static int parse(enum shim_api api, const char *const *words, struct shim_args *args)
{
    memcpy(words_of_row, words, 10 * sizeof(words[0]));
    return shim_args_parse(api, words_of_row, shim_cipher_is_known, args);
}

static void add(struct sp_text *text, const char *word)
{
    if (text->len > 0)
        sp_text_add_bytes(text, " ", 1);
    sp_text_add_bytes(text, word, strlen(word));
}

static void add_option(struct sp_text *text, const struct shim_given *given)
{
    const char *own = shim_option_is_own(given->option) ? "+" : "";
    char *word;

    if (given->option->role == ROLE_CIPHER)
        word = sp_format("(%s)", given->word);
    else if (given->value == NULL)
        word = sp_format("%s%s", own, given->option->name);
    else
        word = sp_format("%s%s=%s", own, given->option->name, given->value);
    add(text, word);
    OPENSSL_free(word);
}

static void expect_text(struct sp_text *text, const char *expected)
{
    char *taken = sp_text_take(text);

    ck_assert_str_eq(taken == NULL ? "" : taken, expected);
    OPENSSL_free(taken);
}

START_TEST(words_are_taken_apart)
{
    struct sp_text options = { 0 };
    struct sp_text operands = { 0 };
    struct shim_args args;

    ck_assert_int_eq(parse(good[_i].api, good[_i].words, &args), SHIM_OK);
    for (size_t i = 0; i < args.count; i++)
        add_option(&options, &args.given[i]);
    for (size_t i = 0; args.operands[i] != NULL; i++) {
        if (i > 0)
            sp_text_add_bytes(&operands, " ", 1);
        sp_text_add_bytes(&operands, args.operands[i], strlen(args.operands[i]));
    }
    expect_text(&options, good[_i].options);
    expect_text(&operands, good[_i].operands);
    shim_args_free(&args);
}
END_TEST

START_TEST(what_is_no_option_is_refused)
{
    struct shim_args args;

    sp_capture_begin(STDERR_FILENO);
    ck_assert_int_eq(parse(bad[_i].api, bad[_i].words, &args), SHIM_USAGE);
    sp_expect_captured(STDERR_FILENO, bad[_i].said);
    shim_args_free(&args);
}
END_TEST

/* One of our own that has one value; stock's take the last, as stock does. */
static const struct {
    const char *words[10];
    const char *said;
} repeated[] = {
    { { "--keyring", "a" }, NULL },
    { { "--keyring", "a", "--keyring=a" }, NULL },
    { { "--keyring", "a", "--keyring", "b" }, "--keyring was given twice, with a and with b" },
    { { "--sender", "a", "-in", "x", "--sender", "b" }, "--sender was given twice" },
    { { "--bcc", "separate", "--bcc", "x" }, "--bcc was given twice" },
    { { "--to", "a", "--to", "b", "-out", "c", "-out", "d", "-json", "-json" }, NULL },
};

START_TEST(two_values_are_one_too_many)
{
    struct shim_args args;

    ck_assert_int_eq(parse(SHIM_VERB, repeated[_i].words, &args), SHIM_OK);
    sp_capture_begin(STDERR_FILENO);
    ck_assert_int_eq(shim_args_repeated(&args), repeated[_i].said == NULL ? SHIM_OK : SHIM_USAGE);
    sp_expect_captured(STDERR_FILENO, repeated[_i].said);
    shim_args_free(&args);
}
END_TEST

START_TEST(the_last_one_counts)
{
    const char *const words[10] = { "-in", "a", "-in=b", "-sign", "-out", "c" };
    const char *const one[10] = { "-in", "a" };
    struct shim_args args;

    ck_assert_int_eq(parse(SHIM_CMS, words, &args), SHIM_OK);
    ck_assert_str_eq(shim_args_value(&args, "in"), "b");
    ck_assert_str_eq(shim_args_value(&args, "out"), "c");
    ck_assert_ptr_null(shim_args_value(&args, "sign"));
    ck_assert_ptr_null(shim_args_value(&args, "signer"));
    ck_assert(shim_args_has(&args, "sign"));
    ck_assert(!shim_args_has(&args, "signer"));
    ck_assert_ptr_eq(shim_args_last(&args, ROLE_OUTPUT), &args.given[3]);
    ck_assert_ptr_eq(shim_args_last(&args, ROLE_OPERATION), &args.given[2]);
    ck_assert_ptr_null(shim_args_last(&args, ROLE_SIGNER));
    shim_args_free(&args);
    ck_assert_ptr_null(args.given);

    ck_assert_int_eq(parse(SHIM_CMS, one, &args), SHIM_OK);
    ck_assert_str_eq(shim_args_value(&args, "in"), "a");
    ck_assert_ptr_eq(shim_args_last(&args, ROLE_NONE), &args.given[0]);
    shim_args_free(&args);
}
END_TEST

START_TEST(operations_are_told_apart)
{
    static const struct {
        const char *name;
        bool signs, verifies;
    } rows[] = {
        { "sign", true, false },           { "resign", true, false },
        { "sign_receipt", true, false },   { "verify", false, true },
        { "verify_receipt", false, true }, { "encrypt", false, false },
        { "digest_verify", false, false }, { "", false, false },
    };

    for (int i = 0; i < SP_ROWS(rows); i++) {
        ck_assert_int_eq(shim_operation_signs(rows[i].name), rows[i].signs);
        ck_assert_int_eq(shim_operation_verifies(rows[i].name), rows[i].verifies);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("options");
    TCase *tests = tcase_create("options");

    tcase_add_loop_test(tests, words_are_taken_apart, 0, SP_ROWS(good));
    tcase_add_loop_test(tests, what_is_no_option_is_refused, 0, SP_ROWS(bad));
    tcase_add_loop_test(tests, two_values_are_one_too_many, 0, SP_ROWS(repeated));
    tcase_add_test(tests, the_last_one_counts);
    tcase_add_test(tests, operations_are_told_apart);
    suite_add_tcase(suite, tests);
    return sp_run(suite);
}
