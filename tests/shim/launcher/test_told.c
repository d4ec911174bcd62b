/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * What the launcher makes of the provider's report.
 */
#include <string.h>

#include "launcher/told.h"
#include "launches.h"
#include "verdicts.h"

#define A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

#define HELLO    "hello 0123456789abcdef0123456789abcdef 0.1.0\n"
#define GREETING HELLO "setting mode enforce\nready\n"

/* A report, and whether it proves that one signer, and |chosen| by address, were judged. */
static const struct {
    const char *report;
    size_t chosen;
    bool proves;
    const char *refusals, *notes;
} rows[] = {
    { GREETING "allowed sign " A "\n", 0, true, NULL, NULL },
    { GREETING "allowed sign -\n", 0, true, NULL, NULL },
    { GREETING "allowed sign " A "\nallowed sign " B "\n", 0, true, NULL, NULL },
    { GREETING "note sign " A " weak-key warning: it is weak\nallowed sign " A "\n", 0, true, NULL,
      "warning: it is weak\n" },
    { "", 0, false, NULL, NULL },
    { GREETING, 0, false, NULL, NULL },
    { GREETING "allowed encrypt " A "\n", 0, false, NULL, NULL },
    { GREETING "allowed signs " A "\n", 0, false, NULL, NULL },
    { "setting mode enforce\nready\nallowed sign -\n", 0, false, NULL, NULL },
    { "hello 0123456789abcdef0123456789abcdee 0.1.0\nready\nallowed sign -\n", 0, false, NULL,
      NULL },
    { "hello 0123456789abcdef0123456789abcdef0 0.1.0\nready\nallowed sign -\n", 0, false, NULL,
      NULL },
    { HELLO "allowed sign " A "\n", 0, false, NULL, NULL },
    { GREETING "allowed sign " A "\nwhat\n", 0, false, NULL, NULL },
    { GREETING "allowed sign " A "\nallowed", 0, false, NULL, NULL },
    { GREETING "allowed sign " A "\nreport-overflow\n", 0, false, NULL, NULL },
    { GREETING "allowed sign " A "\nasks passphrase\n", 0, false, NULL, NULL },
    { GREETING "refused sign " A " expired refused: sign: it is over\nallowed sign " B "\n", 0,
      false, "refused: sign: it is over\n", NULL },
    { GREETING "refused - - - policy is locked\nallowed sign " A "\n", 0, false,
      "policy is locked\n", NULL },
    /* By address. */
    { GREETING "chosen sign a@b " A " only\nallowed sign " A "\n", 1, true, NULL, NULL },
    { GREETING "chosen sign a@b " A " same of 2 is used\npassed-over sign a@b " B " - not\nallowed "
               "sign " A "\n",
      1, true, NULL, NULL },
    { GREETING "allowed sign " A "\n", 1, false, NULL, NULL },
    { GREETING "chosen sign a@b " A " only\nallowed sign " B "\n", 1, false, NULL, NULL },
    { GREETING "chosen sign a@b " A " only\nallowed sign -\n", 1, false, NULL, NULL },
    { GREETING "along " A "\nchosen sign a@b " A " only\nallowed sign " A "\n", 1, true, NULL,
      NULL },
    { GREETING "chosen sign a@b " A " only\nalong " B "\nallowed sign " A "\n", 1, false, NULL,
      NULL },
    { GREETING "chosen sign a@b " A " only\nalong\nallowed sign " A "\n", 1, false, NULL, NULL },
    { GREETING "chosen sign a@b short only\nallowed sign " A "\n", 1, false, NULL, NULL },
    { GREETING "chosen sign a@b " A "a only\nallowed sign " A "\n", 1, false, NULL, NULL },
    { GREETING "chosen sign a@b " A " only\nchosen sign c@d " B " only\nallowed sign " A
               "\nallowed sign " B "\n",
      2, true, NULL, NULL },
    { GREETING "chosen sign a@b " A " only\nchosen sign c@d " B " only\nallowed sign " A
               "\nallowed sign " A "\n",
      2, false, NULL, NULL },
    { GREETING "chosen sign a@b " A " only\nchosen sign c@d " B " only\nallowed sign " B
               "\nallowed sign " B "\n",
      2, false, NULL, NULL },
    { GREETING "chosen sign a@b " A " only\nallowed sign " A "\n", 2, false, NULL, NULL },
    { GREETING "chosen sign a@b " A " only\n", 1, false, NULL, NULL },
};

/* Of a verification: whether it proves that all signers were judged, and needs no tool. */
static const struct {
    const char *report;
    bool proves, is_odd;
    const char *signers;
} verifications[] = {
    { GREETING "vouched " A "\nallowed verify " A "\nverified " A " verified: a@b\n", true, false,
      "verified: a@b\n" },
    { GREETING "vouched " A "\nvouched " B "\nallowed verify " A "\nverified " A
               " verified: a@b\nallowed verify " B "\nverified " B " verified: c@d\n",
      true, false, "verified: a@b\nverified: c@d\n" },
    { GREETING "vouched " A "\nvouched " B "\nallowed verify " A "\n", false, false, NULL },
    { GREETING "vouched " A "\n", false, false, NULL },
    { GREETING "vouched " A "\nallowed sign " A "\n", false, false, NULL },
    { GREETING "vouched " A "\nallowed verify " B "\n", false, false, NULL },
    { GREETING "vouched " A "\nallowed verify " A "\nallowed verify " A "\n", true, true, NULL },
    { GREETING "vouched " A "\nvouched " B "\nallowed verify " A "\nallowed verify " A
               "\nallowed verify " B "\n",
      true, true, NULL },
    { GREETING "vouched short\nallowed verify " A "\n", false, false, NULL },
    { GREETING "vouched " A "\nvouched x" B "\nallowed verify " A "\n", false, false, NULL },
    { GREETING "vouched " A "\nallowed verify " A "\nrefused verify " A " sender-match x\n", false,
      false, NULL },
};

START_TEST(proves_a_verification)
{
    struct shim_told told = { .nonce = "0123456789abcdef0123456789abcdef", .use = "verify" };

    shim_told_hear(&told, verifications[_i].report, strlen(verifications[_i].report));
    ck_assert_int_eq(shim_told_proves(&told, 1, 0), verifications[_i].proves);
    ck_assert_int_eq(told.is_odd, verifications[_i].is_odd);
    ck_assert_pstr_eq(told.signers.data, verifications[_i].signers);
    shim_told_end(&told);
}
END_TEST

START_TEST(proves)
{
    for (size_t piece = 1; piece < 100; piece += 49) {
        struct shim_told told = { .nonce = "0123456789abcdef0123456789abcdef", .use = "sign" };
        const char *next = rows[_i].report;

        for (size_t left = strlen(next); left > 0;) {
            size_t len = left < piece ? left : piece;

            shim_told_hear(&told, next, len);
            next += len;
            left -= len;
        }
        ck_assert_int_eq(shim_told_proves(&told, 1, rows[_i].chosen), rows[_i].proves);
        ck_assert_pstr_eq(told.refusals.data, rows[_i].refusals);
        ck_assert_pstr_eq(told.notes.data, rows[_i].notes);
        shim_told_end(&told);
    }
}
END_TEST

/* What a person is told of, or what needs an option of the verb, is the tool's. */
static const struct {
    const char *use, *line;
    bool is_odd;
} choices[] = {
    { "sign", "chosen sign a@b " A " only\n", false },
    { "sign", "chosen sign a@b " A " same of 2\n", false },
    { "sign", "chosen sign a@b " A " changed of 2\n", true },
    { "sign", "chosen sign a@b " A " unusable of 2\n", true },
    { "sign", "chosen sign a@b " A "\n", true },
    { "encrypt", "chosen encrypt a@b " A " only\nchosen encrypt c@d " A " only\n", true },
    { "encrypt", "chosen encrypt a@b " A " only\nchosen encrypt c@d " B " only\n", false },
    { "encrypt", "key encrypt " A " rsa\n", false },
    { "encrypt", "key encrypt " A " ec\n", true },
    { "encrypt", "key encrypt " A " new\n", true },
    { "sign", "key sign " A " ec\n", false },
    { "sign", "key sign " A " pss\n", true },
    { "sign", "key sign " A " pss\nallowed sign " A "\n", true },
    { "sign", "allowed sign " A "\nallowed sign " A "\n", false },
    { "sign", "chosen sign a@b " A " changed of 2\nchosen sign c@d " B " only\n", true },
};

START_TEST(is_odd)
{
    struct shim_told told = { .nonce = "0123456789abcdef0123456789abcdef", .use = choices[_i].use };

    shim_told_hear(&told, GREETING, strlen(GREETING));
    shim_told_hear(&told, choices[_i].line, strlen(choices[_i].line));
    ck_assert(!told.is_broken);
    ck_assert_int_eq(told.is_odd, choices[_i].is_odd);
    shim_told_end(&told);
}
END_TEST

START_TEST(the_keyring_that_was_named)
{
    static const char text[] = HELLO "setting keyring /other\nready\n";
    struct shim_told told = { .nonce = "0123456789abcdef0123456789abcdef", .use = "sign" };

    shim_told_hear(&told, text, strlen(text));
    ck_assert(!told.other_keyring);
    shim_told_end(&told);
    told = (struct shim_told){ .nonce = "0123456789abcdef0123456789abcdef",
                               .use = "sign",
                               .keyring = "/mine" };
    shim_told_hear(&told, text, strlen(text));
    ck_assert(told.other_keyring);
    shim_told_end(&told);
}
END_TEST

static void begin(struct shim_told *told)
{
    *told = (struct shim_told){ .nonce = "0123456789abcdef0123456789abcdef",
                                .use = "sign",
                                .keyring = "/mine" };
    shim_told_hear(told, GREETING, strlen(GREETING));
}

static void hear(struct shim_told *told, const char *line)
{
    shim_told_hear(told, line, strlen(line));
}

/* Each of these alone proves nothing, whatever else was said. */
START_TEST(proves_nothing)
{
    static const char *const lines[] = { "refused sign " A " expired over\n",
                                         "asks passphrase\n",
                                         "what\n",
                                         "setting keyring /other\n",
                                         "allow",
                                         "\n",
                                         "hello 0123456789abcdef0123456789abcdef 0.1.0\n" };
    struct shim_told told;

    begin(&told);
    hear(&told, "setting keyring /mine\n");
    hear(&told, "setting mode /other\n");
    hear(&told, "allowed sign " A "\n");
    ck_assert(shim_told_proves(&told, 1, 0));
    ck_assert(!shim_told_proves(&told, 2, 0));
    hear(&told, lines[_i]);
    ck_assert(!shim_told_proves(&told, 1, 0));
    hear(&told, "ed sign " A "\nsetting keyring /mine\nallowed sign " A "\n");
    ck_assert_int_eq(shim_told_proves(&told, 1, 0), _i == 4);
    shim_told_end(&told);
}
END_TEST

/* Behind what is broken nothing is taken any more. */
START_TEST(broken)
{
    static const char nul[] = "note sign - x a\0b\n";
    struct shim_told told;

    begin(&told);
    hear(&told, "what\nallowed sign " A "\nnote sign - x y\n");
    ck_assert(told.is_broken);
    ck_assert_uint_eq(told.allowed, 0);
    ck_assert_ptr_null(told.notes.data);
    shim_told_end(&told);
    begin(&told);
    hear(&told, "chosen sign a@b short only\n");
    ck_assert(told.is_broken);
    ck_assert_uint_eq(told.chosen_count, 0);
    shim_told_end(&told);
    begin(&told);
    shim_told_hear(&told, nul, sizeof(nul) - 1);
    ck_assert(told.is_broken);
    shim_told_end(&told);
}
END_TEST

/* The longest line, the most lines and about the most text, and one more of each. */
START_TEST(bounds)
{
    char line[sizeof(((struct shim_told *)0)->line) + 1] = "note sign - x ";
    struct shim_told told;

    memset(line + strlen(line), 'y', sizeof(line) - 1 - strlen(line));
    begin(&told);
    hear(&told, line);
    ck_assert(told.is_broken);
    shim_told_end(&told);
    line[sizeof(line) - 2] = '\0';
    begin(&told);
    hear(&told, line);
    hear(&told, "\n");
    ck_assert(!told.is_broken);
    ck_assert_uint_eq(told.notes.len, strlen(line) - strlen("note sign - x ") + 1);

    /* Its texts have room for a MiB, and for the line that ends beyond it. */
    while (told.notes.len < 1 << 20) {
        size_t more = (1 << 20) - told.notes.len;

        if (more < strlen(line) - strlen("note sign - x ") + 1)
            line[strlen("note sign - x ") + more - 1] = '\0';
        hear(&told, line);
        hear(&told, "\n");
        ck_assert(!told.is_broken);
    }
    ck_assert_uint_eq(told.notes.len, 1 << 20);
    hear(&told, "note sign - x y\n");
    ck_assert(!told.is_broken);
    hear(&told, "note sign - x y\n");
    ck_assert(told.is_broken);
    shim_told_end(&told);

    begin(&told);
    while (told.count < 20000)
        hear(&told, "setting mode enforce\n");
    ck_assert(!told.is_broken);
    hear(&told, "setting mode enforce\n");
    ck_assert(told.is_broken);
    shim_told_end(&told);
}
END_TEST

/* What is reported is kept, without the words before it. */
START_TEST(kept)
{
    struct shim_told told;

    begin(&told);
    hear(&told, "refused sign " A " expired refused: sign: it is over\n");
    hear(&told, "observed sign " A " expired would refuse it\n");
    hear(&told, "note sign " A " weak-key it is  weak\n");
    hear(&told, "allowed sign " A "\n");
    hear(&told, "allowed encrypt " B "\n");
    hear(&told, "chosen sign a@b " B " only\n");
    hear(&told, "key sign " B " rsa\n");
    ck_assert_str_eq(told.refusals.data, "refused: sign: it is over\n");
    ck_assert_str_eq(told.observed.data, "would refuse it\n");
    ck_assert_str_eq(told.notes.data, "it is  weak\n");
    ck_assert_str_eq(told.used.data, A "\n");
    ck_assert_str_eq(told.chosen.data, B "\n");
    ck_assert(told.is_ready && told.is_refused && !told.asks && !told.is_broken && !told.is_odd);
    ck_assert_uint_eq(told.allowed, 1);
    ck_assert_uint_eq(told.chosen_count, 1);
    hear(&told, "key sign " B " pss\nkey sign " B " rsa\n");
    ck_assert(told.is_odd);
    shim_told_end(&told);
}
END_TEST

/* What could not be kept breaks the report. */
START_TEST(memory_runs_out)
{
    static const char *const lines[] = { "note sign - x y\n", "allowed sign " A "\n",
                                         "along " A "\n" };
    struct shim_told told;

    begin(&told);
    sp_launch_starve(1);
    hear(&told, lines[_i]);
    ck_assert(sp_launch_starve_end());
    ck_assert(told.is_broken);
    shim_told_end(&told);
    ck_assert_int_eq(sp_launch_kept(), 0);
}
END_TEST

/* What was chosen has to be used even where nothing else has to. */
START_TEST(chosen_and_not_used)
{
    struct shim_told told;

    begin(&told);
    hear(&told, "chosen sign a@b " A " only\n");
    ck_assert(!shim_told_proves(&told, 0, 1));
    hear(&told, "allowed sign " A "\n");
    ck_assert(shim_told_proves(&told, 0, 1));
    shim_told_end(&told);
}
END_TEST

START_TEST(a_nonce_is_new)
{
    struct shim_told one = { .len = 0 };
    struct shim_told two = { .len = 0 };

    ck_assert(shim_told_begin(&one) && shim_told_begin(&two));
    ck_assert_uint_eq(strlen(one.nonce), SHIM_NONCE);
    ck_assert_str_ne(one.nonce, two.nonce);
    ck_assert_uint_eq(strspn(one.nonce, "0123456789abcdef"), SHIM_NONCE);
    /* No digit is the same each time. */
    for (size_t i = 0; i < SHIM_NONCE; i++) {
        bool differs = false;

        for (int again = 0; !differs && again < 100; again++) {
            ck_assert(shim_told_begin(&two));
            differs = one.nonce[i] != two.nonce[i];
        }
        ck_assert(differs);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("told");
    TCase *tests = tcase_create("told");

    tcase_add_loop_test(tests, proves_a_verification, 0, SP_ROWS(verifications));
    tcase_add_loop_test(tests, proves, 0, SP_ROWS(rows));
    tcase_add_loop_test(tests, is_odd, 0, SP_ROWS(choices));
    tcase_add_test(tests, the_keyring_that_was_named);
    tcase_add_loop_test(tests, proves_nothing, 0, 7);
    tcase_add_test(tests, broken);
    tcase_add_test(tests, bounds);
    tcase_add_test(tests, kept);
    tcase_add_loop_test(tests, memory_runs_out, 0, 3);
    tcase_add_test(tests, chosen_and_not_used);
    tcase_add_test(tests, a_nonce_is_new);
    suite_add_tcase(suite, tests);
    return sp_run(suite);
}
