/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include "verdicts.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/err.h>

char *sp_summary(const smimepolicy_verdict *verdict)
{
    static const char *const names[] = { "ignore", "note", "warn", "deny" };
    size_t count = smimepolicy_verdict_count(verdict);
    char *text = calloc(count + 1, 64);
    char *out = text;

    ck_assert_ptr_nonnull(text);
    for (size_t i = 0; i < count; i++) {
        const smimepolicy_finding *finding = smimepolicy_verdict_get0_finding(verdict, i);

        out +=
            sprintf(out, "%s%s:%s", i == 0 ? "" : " ", names[smimepolicy_finding_severity(finding)],
                    smimepolicy_finding_rule(finding));
    }
    return text;
}

const smimepolicy_finding *sp_find(const smimepolicy_verdict *verdict, const char *rule)
{
    for (size_t i = 0; i < smimepolicy_verdict_count(verdict); i++) {
        const smimepolicy_finding *finding = smimepolicy_verdict_get0_finding(verdict, i);

        if (strcmp(smimepolicy_finding_rule(finding), rule) == 0)
            return finding;
    }
    return NULL;
}

smimepolicy_settings *sp_settings_of(const char *const *pairs)
{
    smimepolicy_settings *settings = smimepolicy_settings_new();

    ck_assert_ptr_nonnull(settings);
    for (; pairs != NULL && pairs[0] != NULL; pairs += 2)
        ck_assert_msg(smimepolicy_settings_set(settings, pairs[0], pairs[1], NULL), "%s = %s",
                      pairs[0], pairs[1]);
    return settings;
}

void sp_expect_words(const smimepolicy_verdict *verdict, const char *rule, const char *fault,
                     const char *found, const char *required)
{
    const smimepolicy_finding *finding = sp_find(verdict, rule);

    ck_assert_ptr_nonnull(finding);
    ck_assert_str_eq(smimepolicy_finding_get0_fault(finding), fault);
    ck_assert_str_eq(smimepolicy_finding_get0_found(finding), found);
    ck_assert_str_eq(smimepolicy_finding_get0_required(finding), required);
}

void sp_expect_verdict(smimepolicy_verdict *verdict, const char *expected)
{
    char *summary;

    ck_assert_ptr_nonnull(verdict);
    summary = sp_summary(verdict);
    ck_assert_str_eq(summary, expected);
    ck_assert_int_eq(smimepolicy_verdict_allowed(verdict), strncmp(expected, "deny", 4) != 0);
    free(summary);
    smimepolicy_verdict_free(verdict);
}

void sp_expect(const struct sp_recipe *recipe, smimepolicy_use use, time_t at,
               const char *const *settings, const char *expected)
{
    smimepolicy_settings *set = sp_settings_of(settings);
    X509 *cert = sp_make_cert(recipe);
    unsigned char *der = NULL;
    int len = i2d_X509(cert, &der);

    ck_assert_int_gt(len, 0);
    ERR_clear_error();
    sp_expect_verdict(smimepolicy_evaluate(set, cert, NULL, use, at), expected);
    sp_expect_verdict(smimepolicy_evaluate_der(set, der, (size_t)len, NULL, use, at), expected);
    ck_assert_uint_eq(ERR_peek_error(), 0);
    OPENSSL_free(der);
    X509_free(cert);
    smimepolicy_settings_free(set);
}

int sp_run(Suite *suite)
{
    SRunner *runner = srunner_create(suite);
    int failed;

    /* Made before the forks, and not in every row. */
    (void)sp_test_rsa();
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
