/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The rules on time, to the second; and the guide's example certificate.
 */
#include "rules/rules.h"
#include "verdicts.h"

#define GOOD .san = "email:bob@example.org", .usage = "digitalSignature,keyEncipherment"
#define DAY  ((time_t)86400)

/* Both encodings: 2050 needs GeneralizedTime; 1950 and 2049 are the limits of UTCTime. */
static const struct {
    const char *not_before;
    const char *not_after;
    time_t start;
    time_t end;
} spans[] = {
    { SP_START, SP_END, SP_START_SECONDS, SP_END_SECONDS },
    { "230801142028Z", "240731142028Z", SP_START_SECONDS, SP_END_SECONDS },
    { "230801142028Z", SP_END, SP_START_SECONDS, SP_END_SECONDS },
    { "481231235959Z", "491231235959Z", 2493071999, 2524607999 },
    { "491231235959Z", "20500101000000Z", 2524607999, 2524608000 },
    { "500101000000Z", "700101000000Z", -631152000, 0 },
    { "20240229000000Z", "20240301000000Z", 1709164800, 1709251200 },
    { SP_START, SP_START, SP_START_SECONDS, SP_START_SECONDS },
};

/* Without the rules beyond the guide's. */
static const char *const quiet[] = { "expires_soon", "ignore", "validity_too_long", "ignore",
                                     NULL };

static void expect_at(const struct sp_recipe *recipe, time_t at, const char *state)
{
    char deny[64] = "";
    char note[64] = "";

    if (*state != '\0') {
        snprintf(deny, sizeof(deny), "deny:%s", state);
        snprintf(note, sizeof(note), "note:%s", state);
    }
    sp_expect(recipe, SMIMEPOLICY_SIGN, at, quiet, deny);
    sp_expect(recipe, SMIMEPOLICY_ENCRYPT, at, quiet, deny);
    sp_expect(recipe, SMIMEPOLICY_UPLOAD, at, quiet, note);
    sp_expect(recipe, SMIMEPOLICY_VERIFY, at, quiet, "");
    sp_expect(recipe, SMIMEPOLICY_DECRYPT, at, quiet,
              strcmp(state, "expired") == 0 ? "note:decrypt-expired" : "");
}

START_TEST(bounds_are_inclusive)
{
    struct sp_recipe recipe = { GOOD, .not_before = spans[_i].not_before,
                                .not_after = spans[_i].not_after };

    expect_at(&recipe, spans[_i].start - 1, "not-yet-valid");
    expect_at(&recipe, spans[_i].start, "");
    expect_at(&recipe, spans[_i].end, "");
    expect_at(&recipe, spans[_i].end + 1, "expired");
}
END_TEST

static const struct {
    const char *not_before;
    const char *not_after;
    const char *sign;
    const char *upload;
    const char *decrypt;
} unreadable[] = {
    { "2023", SP_END, "deny:not-yet-valid", "note:not-yet-valid", "" },
    { SP_START, "20240731142028", "deny:expired", "note:expired", "" },
    { SP_START, "20241331142028Z", "deny:expired", "note:expired", "" },
    { SP_START, "", "deny:expired", "note:expired", "" },
    { "x", "y", "deny:expired deny:not-yet-valid", "note:expired note:not-yet-valid", "" },
    /* In reverse order: never valid. */
    { SP_END, SP_START, "deny:expired deny:not-yet-valid", "note:expired note:not-yet-valid",
      "note:decrypt-expired" },
};

/* Some versions of libcrypto do not parse a certificate with a malformed time. */
static bool is_parsed(const struct sp_recipe *recipe)
{
    X509 *cert = sp_make_cert(recipe), *again;
    unsigned char *der = NULL;
    int len = i2d_X509(cert, &der);
    const unsigned char *p = der;
    bool parsed;

    again = d2i_X509(NULL, &p, len);
    parsed = again != NULL;
    X509_free(again);
    OPENSSL_free(der);
    X509_free(cert);
    return parsed;
}

START_TEST(unreadable_times)
{
    struct sp_recipe recipe = { GOOD, .not_before = unreadable[_i].not_before,
                                .not_after = unreadable[_i].not_after };

    if (!is_parsed(&recipe))
        return;
    sp_expect(&recipe, SMIMEPOLICY_SIGN, SP_NOW, NULL, unreadable[_i].sign);
    sp_expect(&recipe, SMIMEPOLICY_UPLOAD, SP_NOW, NULL, unreadable[_i].upload);
    sp_expect(&recipe, SMIMEPOLICY_VERIFY, SP_NOW, NULL, "");
    sp_expect(&recipe, SMIMEPOLICY_DECRYPT, SP_NOW, NULL, unreadable[_i].decrypt);
    /* It is no time of 1970 either. */
    if (_i == 0)
        sp_expect(&recipe, SMIMEPOLICY_SIGN, -1, NULL, unreadable[_i].sign);
}
END_TEST

static const char *const deny_soon[] = { "expires_soon", "deny", NULL };

START_TEST(expires_soon)
{
    struct sp_recipe recipe = { GOOD };
    time_t edge = SP_END_SECONDS - 30 * DAY;

    sp_expect(&recipe, SMIMEPOLICY_SIGN, edge, NULL, "");
    sp_expect(&recipe, SMIMEPOLICY_SIGN, edge + 1, NULL, "warn:expires-soon");
    sp_expect(&recipe, SMIMEPOLICY_ENCRYPT, SP_END_SECONDS, NULL, "warn:expires-soon");
    sp_expect(&recipe, SMIMEPOLICY_ENCRYPT, SP_END_SECONDS + 1, NULL, "deny:expired");
    sp_expect(&recipe, SMIMEPOLICY_UPLOAD, edge + 1, deny_soon, "deny:expires-soon");
    sp_expect(&recipe, SMIMEPOLICY_VERIFY, edge + 1, deny_soon, "");
}
END_TEST

/* 1185 days after SP_START, to the second. */
static const struct {
    const char *not_after;
    const char *expected;
    const char *found; /* a day that has begun counts */
} lengths[] = {
    { "20261029142028Z", "", NULL },
    { "20261029142029Z", "warn:validity-too-long", "1186 days" },
    { "20330801142028Z", "warn:validity-too-long", "3653 days" },
};

START_TEST(validity_too_long)
{
    struct sp_recipe recipe = { GOOD, .not_after = lengths[_i].not_after };
    struct sp_recipe ca = { .basic = "CA:TRUE", .not_after = lengths[_i].not_after };
    X509 *cert = sp_make_cert(&recipe);
    smimepolicy_verdict *verdict = smimepolicy_evaluate(NULL, cert, NULL, SMIMEPOLICY_SIGN, SP_NOW);

    if (lengths[_i].found != NULL)
        sp_expect_words(verdict, "validity-too-long",
                        "certificate is valid for more than 1185 days", lengths[_i].found,
                        "at most 1185 days");
    smimepolicy_verdict_free(verdict);
    X509_free(cert);
    sp_expect(&recipe, SMIMEPOLICY_SIGN, SP_NOW, NULL, lengths[_i].expected);
    sp_expect(&recipe, SMIMEPOLICY_SIGN, SP_NOW, quiet, "");
    sp_expect(&ca, SMIMEPOLICY_UPLOAD, SP_NOW, NULL, "note:ca-exempt");
}
END_TEST

/* A certificate that is sent along, in the signer's chain or not; to the second. */
static const struct {
    time_t at;
    const char *in_chain;
    const char *beside;
} along[] = {
    { SP_START_SECONDS - 1, "deny:not-yet-valid", "warn:not-yet-valid" },
    { SP_START_SECONDS, "", "" },
    { SP_END_SECONDS, "", "" },
    { SP_END_SECONDS + 1, "deny:expired", "warn:expired" },
};

START_TEST(sent_along)
{
    struct sp_recipe ca = { .basic = "critical,CA:TRUE", .usage = "keyCertSign" };
    X509 *cert = sp_make_cert(&ca);
    struct sp_facts *facts = sp_facts_new(cert);

    sp_expect_verdict(sp_judge_along(facts, along[_i].at, SP_ALONG_CHAIN), along[_i].in_chain);
    sp_expect_verdict(sp_judge_along(facts, along[_i].at, SP_ALONG_BESIDE), along[_i].beside);
    sp_facts_free(facts);
    X509_free(cert);
}
END_TEST

/* Dates that cannot be read are no dates at which it is valid. */
START_TEST(sent_along_unreadable)
{
    static const char *const rules[] = { "expired", "not-yet-valid" };
    static const char *const faults[] = {
        "certificate sent along has no Not After that can be read",
        "certificate sent along has no Not Before that can be read"
    };
    static const struct sp_recipe recipes[] = { { .not_after = "2024" }, { .not_before = "2023" } };
    X509 *cert = sp_make_cert(&recipes[_i]);
    struct sp_facts *facts = sp_facts_new(cert);
    smimepolicy_verdict *verdict = sp_judge_along(facts, SP_NOW, SP_ALONG_BESIDE);

    sp_expect_words(verdict, rules[_i], faults[_i], "an encoding that is no time",
                    "a UTCTime or GeneralizedTime");
    ck_assert_uint_eq(smimepolicy_verdict_count(verdict), 1);
    smimepolicy_verdict_free(verdict);
    sp_facts_free(facts);
    X509_free(cert);
}
END_TEST

/* An issuer of a signer must be a CA, too; the setting says what a fault does. */
START_TEST(issuer_of_a_signer)
{
    struct sp_recipe ca = { .basic = "critical,CA:TRUE", .usage = "keyCertSign" };
    struct sp_recipe broken = { .basic = "DER:30:01", .usage = "keyCertSign" };
    struct sp_recipe *recipes[] = { &ca, &broken };
    smimepolicy_settings *logs = smimepolicy_settings_new();
    smimepolicy_settings *refuses = smimepolicy_settings_new();
    static const char *const expected[][2] = {
        { "deny:not-yet-valid", "deny:not-yet-valid deny:ca-exempt" },
        { "", "deny:ca-exempt" },
        { "", "deny:ca-exempt" },
        { "deny:expired", "deny:expired deny:ca-exempt" },
    };

    ck_assert_int_eq(smimepolicy_settings_set(refuses, "signer_path", "refuse", NULL), 1);
    for (int i = 0; i < 2; i++) {
        X509 *cert = sp_make_cert(recipes[i]);
        struct sp_facts *facts = sp_facts_new(cert);

        sp_expect_verdict(sp_judge_signer_issuer(facts, along[_i].at, refuses), expected[_i][i]);
        if (i == 0)
            sp_expect_verdict(sp_judge_signer_issuer(facts, along[_i].at, logs), along[_i].beside);
        sp_facts_free(facts);
        X509_free(cert);
    }
    smimepolicy_settings_free(refuses);
    smimepolicy_settings_free(logs);
}
END_TEST

START_TEST(scope_without_validity)
{
    struct sp_recipe recipe = { GOOD };
    X509 *cert = sp_make_cert(&recipe);
    struct sp_facts *facts = sp_facts_new(cert);
    smimepolicy_verdict *without =
        sp_judge(facts, SMIMEPOLICY_SIGN, SP_END_SECONDS + 1, SP_WITHOUT_VALIDITY, NULL);
    smimepolicy_verdict *with =
        sp_judge(facts, SMIMEPOLICY_SIGN, SP_END_SECONDS + 1, SP_WITH_VALIDITY, NULL);

    /* The facts outlive their certificate. */
    X509_free(cert);
    ck_assert_int_eq(smimepolicy_verdict_allowed(without), 1);
    ck_assert_int_eq(smimepolicy_verdict_allowed(with), 0);
    smimepolicy_verdict_free(without);
    smimepolicy_verdict_free(with);
    sp_facts_free(facts);
}
END_TEST

/* The certificate that the guide prints, with its identifiers. */
static const struct sp_recipe example = {
    .san = "email:bob@example.org",
    .usage = "digitalSignature,nonRepudiation,keyEncipherment",
    .extended = "emailProtection",
    .basic = "CA:FALSE",
    .again = { "subjectKeyIdentifier", "hash", "authorityKeyIdentifier",
               "DER:30:06:80:04:01:02:03:04" },
    .not_before = "230801142028Z",
    .not_after = "240731142028Z",
};

START_TEST(guide_example)
{
    ck_assert_int_eq((long long)SP_END_SECONDS - (long long)SP_START_SECONDS, 365 * 86400LL);
    for (int use = SMIMEPOLICY_UPLOAD; use <= SMIMEPOLICY_DECRYPT; use++)
        sp_expect(&example, (smimepolicy_use)use, SP_NOW, NULL, "");
    sp_expect(&example, SMIMEPOLICY_UPLOAD, SP_END_SECONDS + 1, NULL, "note:expired");
    sp_expect(&example, SMIMEPOLICY_SIGN, SP_END_SECONDS + 1, NULL, "deny:expired");
    sp_expect(&example, SMIMEPOLICY_ENCRYPT, SP_END_SECONDS + 1, NULL, "deny:expired");
    sp_expect(&example, SMIMEPOLICY_VERIFY, SP_END_SECONDS + 1, NULL, "");
    sp_expect(&example, SMIMEPOLICY_DECRYPT, SP_END_SECONDS + 1, NULL, "note:decrypt-expired");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("validity");
    TCase *tests = tcase_create("time");

    tcase_add_loop_test(tests, bounds_are_inclusive, 0, SP_ROWS(spans));
    tcase_add_loop_test(tests, unreadable_times, 0, SP_ROWS(unreadable));
    tcase_add_test(tests, expires_soon);
    tcase_add_loop_test(tests, validity_too_long, 0, SP_ROWS(lengths));
    tcase_add_loop_test(tests, sent_along, 0, SP_ROWS(along));
    tcase_add_loop_test(tests, issuer_of_a_signer, 0, SP_ROWS(along));
    tcase_add_test(tests, scope_without_validity);
    tcase_add_test(tests, guide_example);
    tcase_add_loop_test(tests, sent_along_unreadable, 0, 2);
    suite_add_tcase(suite, tests);
    return sp_run(suite);
}
