/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The certificates that go along with a signature: those on the way of a signer are valid.
 */
#include <string.h>

#include "outcomes.h"
#include "tool/judge/judge.h"
#include "verdicts.h"

#define EXPIRED "20230901000000Z"
#define CA      "critical,CA:TRUE"

/* By the letters of the rows; a small one has expired.  Each is issued by the one of |issuer|. */
static const struct {
    char letter;
    struct sp_recipe recipe;
    char issuer;
} made[] = {
    { 'R', { .serial = 1, .subject = "Root", .basic = CA }, 'R' },
    { 'r', { .serial = 2, .subject = "Root", .basic = CA, .not_after = EXPIRED }, 'r' },
    { 'I', { .serial = 3, .subject = "Issuer", .basic = CA }, 'R' },
    { 'i', { .serial = 4, .subject = "Issuer", .basic = CA, .not_after = EXPIRED }, 'R' },
    { 'S', { .serial = 5, .subject = "Stray", .basic = CA }, 'S' },
    { 's', { .serial = 6, .subject = "Stray", .basic = CA, .not_after = EXPIRED }, 's' },
    { 'L', { .serial = 7, .subject = "Bob" }, 'I' },
    { 'M', { .serial = 8, .subject = "Carol" }, 'R' },
    { 'j', { .serial = 10, .subject = "Issuer", .basic = CA, .not_after = EXPIRED }, 'R' },
    { 'l', { .serial = 9, .subject = "Dave", .not_after = EXPIRED }, 'I' },
};

static X509 *certs[SP_ROWS(made)];

static X509 **place_of(char letter)
{
    for (int i = 0; i < SP_ROWS(made); i++)
        if (made[i].letter == letter)
            return &certs[i];
    ck_abort_msg("no certificate %c", letter);
}

static void set_up(void)
{
    for (int i = 0; i < SP_ROWS(made); i++) {
        struct sp_recipe recipe = made[i].recipe;

        recipe.issuer = *place_of(made[i].issuer);
        recipe.key = recipe.issuer_key = sp_test_ec();
        certs[i] = sp_make_cert(&recipe);
    }
}

static void tear_down(void)
{
    for (int i = 0; i < SP_ROWS(made); i++)
        X509_free(certs[i]);
}

/*
 * What goes along, for which signers: the verdicts, in the order in which they come.  Without
 * signers all are judged as if they were on a way; "-" leaves even that out.
 */
static const struct {
    const char *along;
    const char *signers;
    const char *told;
} rows[] = {
    { "", "L", "" },
    { "L", "L", "" },
    { "IR", "L", "3 1" },
    { "RI", "L", "3 1" },
    { "LIR", "L", "3 1" },
    { "R", "M", "1" },
    { "RI", "M", "1 3" },
    { "iR", "L", "4:deny:expired 1" },
    { "r", "M", "2:deny:expired" },
    /* One that is valid is enough, and the others are beside the way. */
    { "iIR", "L", "3 1 4:warn:expired" },
    { "ijR", "L", "4:deny:expired 1 10:warn:expired" },
    { "IrR", "L", "3 1 2:warn:expired" },
    { "Ir", "L", "3 2:deny:expired" },
    { "IRS", "L", "3 1 5" },
    { "IRs", "L", "3 1 6:warn:expired" },
    { "I", "L", "3" },
    { "S", "L", "5" },
    /* A way that two signers share is judged once. */
    { "IR", "LM", "3 1" },
    { "IR", "ML", "1 3" },
    { "IR", "LL", "3 1" },
    /* A root ends its way, though an older one of its name is there. */
    { "rR", "R", "2:warn:expired" },
    /* The signer's own validity is judged elsewhere. */
    { "lIR", "l", "3 1" },
    { "l", "L", "9:warn:expired" },
    /* Of a signer who is not known any may be on the way. */
    { "IsR", "", "3 6:deny:expired 1" },
    { "Is", "-", "3 6:warn:expired" },
};

START_TEST(ways_are_judged)
{
    STACK_OF(X509) *pool = sk_X509_new_null();
    STACK_OF(X509) *known = sk_X509_new_null();
    struct shim_outcome outcome = { .json = json_array() };
    const char *signers = rows[_i].signers;
    struct shim shim = { .settings = smimepolicy_settings_new() };
    bool all = *signers != '\0';

    for (const char *letter = rows[_i].along; *letter != '\0'; letter++)
        ck_assert_int_gt(sk_X509_push(pool, *place_of(*letter)), 0);
    for (; *signers != '\0' && *signers != '-'; signers++)
        ck_assert_int_gt(sk_X509_push(known, *place_of(*signers)), 0);
    shim_sent_judge(&shim, pool, known, all, SP_NOW, &outcome);
    sp_expect_outcome(&outcome, rows[_i].told);
    smimepolicy_settings_free(shim.settings);
    ck_assert_int_eq(outcome.denied, strstr(rows[_i].told, "deny") != NULL);
    shim_outcome_clear(&outcome);
    sk_X509_free(known);
    sk_X509_free(pool);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("sent_along");
    TCase *tests = tcase_create("sent_along");

    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_loop_test(tests, ways_are_judged, 0, SP_ROWS(rows));
    suite_add_tcase(suite, tests);
    return sp_run(suite);
}
