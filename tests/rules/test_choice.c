/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The choice among several certificates of one address.
 */
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "rules/rules.h"
#include "verdicts.h"

#define MOST 4

/* The letters of a row's |candidates|. */
static const struct {
    char letter;
    struct sp_recipe recipe;
} kinds[] = {
#define KIND(letter, ...)                                                                          \
    {                                                                                              \
        letter,                                                                                    \
        {                                                                                          \
            .san = "email:bob@example.org", __VA_ARGS__                                            \
        }                                                                                          \
    }
#define BOTH .usage = "digitalSignature,keyEncipherment"
    /* Valid until 2024, 2026 and 2028, at a moment in 2023. */
    KIND('a', BOTH, .not_after = "20240731142028Z"),
    KIND('b', BOTH, .not_after = "20260731142028Z"),
    KIND('c', BOTH, .not_after = "20280731142028Z"),
    /* Valid as long as b, but issued later; and equal to b. */
    KIND('n', BOTH, .not_after = "20260731142028Z", .not_before = "20231101000000Z"),
    KIND('B', BOTH, .not_after = "20260731142028Z"),
    /* Expired, one later than the other; and not yet valid. */
    KIND('x', BOTH, .not_after = "20230901000000Z"),
    KIND('y', BOTH, .not_after = "20231001000000Z"),
    KIND('f', BOTH, .not_before = "20240101000000Z", .not_after = "20300101000000Z"),
    /* One that only signs and one that only encrypts, both valid longer than a. */
    KIND('s', .usage = "digitalSignature", .not_after = "20280731142028Z"),
    KIND('e', .usage = "keyEncipherment", .not_after = "20280731142028Z"),
    /* Made for a web server; it is valid longest. */
    KIND('w', BOTH, .extended = "serverAuth", .not_after = "20300731142028Z"),
    /* Dates that cannot be read, and one before 1970. */
    KIND('?', BOTH, .not_after = "20281331142028Z"),
    KIND('o', BOTH, .not_before = "500101000000Z", .not_after = "20260731142028Z"),
    KIND('!', BOTH, .not_before = "20231331142028Z", .not_after = "20260731142028Z"),
};

static const struct {
    smimepolicy_use use;
    const char *candidates;
    int chosen;           /* counted from 0 */
    const char *expected; /* "+" or "-" for each: may it be used? */
} rows[] = {
    { SMIMEPOLICY_ENCRYPT, "", 0, "" },
    { SMIMEPOLICY_ENCRYPT, "a", 0, "+" },
    /* The one valid longest, in any position. */
    { SMIMEPOLICY_ENCRYPT, "abc", 2, "+++" },
    { SMIMEPOLICY_ENCRYPT, "cba", 0, "+++" },
    { SMIMEPOLICY_ENCRYPT, "acb", 1, "+++" },
    { SMIMEPOLICY_SIGN, "acb", 1, "+++" },
    /* Equally long: the one issued last, and of equal ones the first. */
    { SMIMEPOLICY_ENCRYPT, "bn", 1, "++" },
    { SMIMEPOLICY_ENCRYPT, "nb", 0, "++" },
    { SMIMEPOLICY_ENCRYPT, "bB", 0, "++" },
    { SMIMEPOLICY_ENCRYPT, "Bb", 0, "++" },
    { SMIMEPOLICY_ENCRYPT, "aBb", 1, "+++" },
    /* One that may not be used never hides another. */
    { SMIMEPOLICY_ENCRYPT, "xa", 1, "-+" },
    { SMIMEPOLICY_ENCRYPT, "ax", 0, "+-" },
    { SMIMEPOLICY_ENCRYPT, "fa", 1, "-+" },
    { SMIMEPOLICY_ENCRYPT, "wa", 1, "-+" },
    { SMIMEPOLICY_ENCRYPT, "aw", 0, "+-" },
    { SMIMEPOLICY_SIGN, "wfxa", 3, "---+" },
    { SMIMEPOLICY_ENCRYPT, "?a", 1, "-+" },
    { SMIMEPOLICY_ENCRYPT, "a?", 0, "+-" },
    /* Certificates that only sign or only encrypt. */
    { SMIMEPOLICY_SIGN, "ase", 1, "++-" },
    { SMIMEPOLICY_ENCRYPT, "ase", 2, "+-+" },
    { SMIMEPOLICY_SIGN, "es", 1, "-+" },
    { SMIMEPOLICY_ENCRYPT, "se", 1, "-+" },
    { SMIMEPOLICY_SIGN, "ea", 1, "-+" },
    { SMIMEPOLICY_ENCRYPT, "sa", 1, "-+" },
    /* None may be used: the one that was valid last is reported. */
    { SMIMEPOLICY_ENCRYPT, "xy", 1, "--" },
    { SMIMEPOLICY_ENCRYPT, "yx", 0, "--" },
    { SMIMEPOLICY_ENCRYPT, "?x", 1, "--" },
    { SMIMEPOLICY_ENCRYPT, "x?", 0, "--" },
    { SMIMEPOLICY_ENCRYPT, "??", 0, "--" },
    /* Of one the end can be read and the beginning not, of the other it is the other way round. */
    { SMIMEPOLICY_ENCRYPT, "!?", 0, "--" },
    { SMIMEPOLICY_ENCRYPT, "?!", 1, "--" },
    /* They end together, and the beginning of one of them cannot be read. */
    { SMIMEPOLICY_DECRYPT, "!b", 0, "++" },
    { SMIMEPOLICY_DECRYPT, "b!", 0, "++" },
    { SMIMEPOLICY_DECRYPT, "o!", 0, "++" },
    { SMIMEPOLICY_DECRYPT, "n!", 0, "++" },
    { SMIMEPOLICY_DECRYPT, "!n", 0, "++" },
    { SMIMEPOLICY_SIGN, "e", 0, "-" },
    /* An expired certificate of the user still decrypts. */
    { SMIMEPOLICY_DECRYPT, "xa", 1, "++" },
    { SMIMEPOLICY_DECRYPT, "ax", 0, "++" },
};

/* Why one that may be used is not; and one without a subject. */
START_TEST(passed_over)
{
    static const char *const expected[] = {
        "not CN=Bob, serial 0x1f: another one is valid for longer",
        "not (no subject), serial 0x1f: another one is valid for longer",
    };
    X509 *cert = sp_make_cert(
        &(struct sp_recipe){ .subject = _i == 0 ? "Bob" : "", .san = "email:bob@example.org" });
    smimepolicy_verdict *verdict =
        smimepolicy_evaluate(NULL, cert, NULL, SMIMEPOLICY_DECRYPT, SP_NOW);
    char *text = sp_passed_over_text(verdict);

    ck_assert_str_eq(text, expected[_i]);
    OPENSSL_free(text);
    smimepolicy_verdict_free(verdict);
    X509_free(cert);
}
END_TEST

static struct sp_facts *facts_of(char letter)
{
    for (int i = 0; i < SP_ROWS(kinds); i++)
        if (kinds[i].letter == letter) {
            X509 *cert = sp_make_cert(&kinds[i].recipe);
            struct sp_facts *facts = sp_facts_new(cert);

            ck_assert_ptr_nonnull(facts);
            X509_free(cert);
            return facts;
        }
    ck_abort_msg("no kind %c", letter);
}

START_TEST(choice)
{
    size_t count = strlen(rows[_i].candidates);
    struct sp_facts *facts[MOST];
    struct sp_candidate candidates[MOST];
    size_t order[MOST];

    for (size_t i = 0; i < count; i++) {
        facts[i] = facts_of(rows[_i].candidates[i]);
        candidates[i] = (struct sp_candidate){ .facts = facts[i] };
    }
    ck_assert(sp_rank(candidates, count, rows[_i].use, SP_NOW, NULL, order));
    ck_assert(count == 0 || order[0] == (size_t)rows[_i].chosen);
    for (size_t i = 0; i < count; i++) {
        ck_assert_int_eq(smimepolicy_verdict_allowed(candidates[i].verdict),
                         rows[_i].expected[i] == '+');
        ck_assert_int_eq(smimepolicy_verdict_use(candidates[i].verdict), rows[_i].use);
        smimepolicy_verdict_free(candidates[i].verdict);
        sp_facts_free(facts[i]);
    }
}
END_TEST

/* All of them in order: the best first, and equals as they stood. */
static const struct {
    const char *candidates, *order;
} ranks[] = {
    { "", "" },       { "a", "a" },   { "abc", "cba" }, { "cab", "cba" },
    { "acb", "cba" }, { "xa", "ax" }, { "?xa", "ax?" }, { "fanb", "nbaf" },
    { "yx", "yx" },   { "xy", "yx" }, { "bB", "bB" },   { "BxbB", "BbBx" },
};

START_TEST(rank)
{
    size_t count = strlen(ranks[_i].candidates), order[MOST];
    struct sp_facts *facts[MOST];
    struct sp_candidate candidates[MOST];
    char found[MOST + 1] = "";

    for (size_t i = 0; i < count; i++) {
        facts[i] = facts_of(ranks[_i].candidates[i]);
        candidates[i] = (struct sp_candidate){ .facts = facts[i] };
    }
    ck_assert(sp_rank(candidates, count, SMIMEPOLICY_ENCRYPT, SP_NOW, NULL, order));
    for (size_t i = 0; i < count; i++)
        found[i] = ranks[_i].candidates[order[i]];
    ck_assert_str_eq(found, ranks[_i].order);
    for (size_t i = 0; i < count; i++) {
        smimepolicy_verdict_free(candidates[i].verdict);
        sp_facts_free(facts[i]);
    }
}
END_TEST

/* The settings decide what may be used, and so what is chosen. */
START_TEST(by_settings)
{
    static const char *const strict[] = { "validity_too_long", "deny", NULL };
    struct sp_facts *a = facts_of('a');
    struct sp_facts *c = facts_of('c');

    for (int i = 0; i < 2; i++) {
        struct sp_candidate candidates[] = { { .facts = a }, { .facts = c } };
        smimepolicy_settings *settings = sp_settings_of(i == 0 ? NULL : strict);
        size_t order[2];

        ck_assert(sp_rank(candidates, 2, SMIMEPOLICY_ENCRYPT, SP_NOW, settings, order));
        ck_assert_uint_eq(order[0], i == 0 ? 1 : 0);
        smimepolicy_verdict_free(candidates[0].verdict);
        smimepolicy_verdict_free(candidates[1].verdict);
        smimepolicy_settings_free(settings);
    }
    sp_facts_free(a);
    sp_facts_free(c);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("choice");
    TCase *tests = tcase_create("choice");

    tcase_add_loop_test(tests, choice, 0, SP_ROWS(rows));
    tcase_add_loop_test(tests, rank, 0, SP_ROWS(ranks));
    tcase_add_test(tests, by_settings);
    tcase_add_loop_test(tests, passed_over, 0, 2);
    suite_add_tcase(suite, tests);
    return sp_run(suite);
}
