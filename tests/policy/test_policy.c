/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The policy of the process: its lock, and the reasons that are raised.
 */
#include <string.h>

#include <openssl/err.h>

#include "base/text.h"
#include "harness.h"
#include "policy/policy.h"
#include "policy/reasons.h"
#include "rules/verdict.h"
#include "settings/rule_ids.h"
#include "starve.h"

START_TEST(first_lock_gives_the_reason)
{
    ck_assert_ptr_null(sp_policy_locked());
    sp_policy_lock("the first reason is told");
    sp_policy_lock("another reason");
    ck_assert_str_eq(sp_policy_locked(), "the first reason is told");
    sp_policy_reset();
    ck_assert_ptr_null(sp_policy_locked());
}
END_TEST

static void lock_without_memory(void)
{
    sp_starve(1);
    sp_policy_lock("a reason that cannot be copied");
    ck_assert(sp_starve_end());
}

START_TEST(locked_without_memory)
{
    ck_assert(sp_starve_watch());
    lock_without_memory();
    lock_without_memory();
    sp_policy_lock("another reason");
    ck_assert_str_eq(sp_policy_locked(), "out of memory");
    sp_policy_reset();
    ck_assert_ptr_null(sp_policy_locked());
    sp_policy_lock("a reason");
    lock_without_memory();
    ck_assert_str_eq(sp_policy_locked(), "a reason");
    sp_policy_reset();
}
END_TEST

static smimepolicy_settings *settings_with(const char *key, const char *value)
{
    smimepolicy_settings *settings = smimepolicy_settings_new();
    char *why = NULL;

    ck_assert_msg(smimepolicy_settings_set(settings, key, value, &why) == 1, "%s", why);
    return settings;
}

START_TEST(settings_that_agree)
{
    smimepolicy_settings *first = settings_with("raw_keys", "pass");

    sp_policy_adopt(first);
    sp_policy_adopt(settings_with("raw_keys", "pass"));
    ck_assert_ptr_eq(sp_policy(), first);
    ck_assert_ptr_null(sp_policy_locked());
    sp_policy_adopt(settings_with("raw_keys", "judge"));
    ck_assert_ptr_eq(sp_policy(), first);
    ck_assert_ptr_nonnull(strstr(sp_policy_locked(), "settings that disagree"));
    sp_policy_reset();
    ck_assert_ptr_null(sp_policy());
}
END_TEST

/* The one error in the queue. */
static void expect_error(int reason, const char *text, const char *data)
{
    const char *found;
    int flags;
    unsigned long code = ERR_get_error_all(NULL, NULL, NULL, &found, &flags);

    ck_assert_int_eq(ERR_GET_REASON(code), reason);
    ck_assert_str_eq(ERR_lib_error_string(code), "smimepolicy");
    ck_assert_str_eq(ERR_reason_error_string(code), text);
    ck_assert_msg(strstr(found, data) != NULL, "%s", found);
    ck_assert_uint_eq(ERR_peek_error(), 0);
}

static struct sp_finding_text finding(void)
{
    return (struct sp_finding_text){ sp_format("fault"), sp_format("found"), sp_format("required"),
                                     sp_format("remedy") };
}

/* Denials alone are raised. */
START_TEST(reason_of_a_rule)
{
    const enum sp_rule rule = (enum sp_rule)_i;
    smimepolicy_verdict *verdict = sp_verdict_new(NULL, SMIMEPOLICY_SIGN);

    ck_assert(sp_reasons_begin());
    sp_verdict_add(verdict, rule, SMIMEPOLICY_WARN, finding());
    sp_raise_verdict(verdict);
    ck_assert_uint_eq(ERR_peek_error(), 0);
    sp_verdict_add(verdict, rule, SMIMEPOLICY_DENY, finding());
    sp_raise_verdict(verdict);
    expect_error(_i + 1, sp_rule_reason((size_t)_i), sp_rule_id((size_t)_i));
    smimepolicy_verdict_free(verdict);
}
END_TEST

static const struct {
    int reason;
    const char *text;
} own[] = {
#define X(id, text) { id, text },
    SP_OWN_REASONS(X)
#undef X
};

START_TEST(reason_of_our_own)
{
    ck_assert(sp_reasons_begin());
    /* Once in a process: the number stays. */
    ck_assert(sp_reasons_begin());
    SP_RAISE(own[_i].reason, "%s", "more about it");
    expect_error(own[_i].reason, own[_i].text, "more about it");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("policy");
    TCase *tests = sp_case(suite, "policy");

    tcase_add_test(tests, first_lock_gives_the_reason);
    tcase_add_test(tests, locked_without_memory);
    tcase_add_test(tests, settings_that_agree);
    tcase_add_loop_test(tests, reason_of_a_rule, 0, SP_RULE_COUNT);
    tcase_add_loop_test(tests, reason_of_our_own, 0, SP_ROWS(own));
    return sp_run_forked(suite);
}
