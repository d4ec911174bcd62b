/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Verdicts, told as they come: as text, as JSON, in the log, or not at all.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "capture.h"
#include "common/shim.h"
#include "keyrings.h"
#include "rules/rules.h"
#include "tool/report/outcome.h"

enum kind { ALLOWED, WARNED, DENIED };

static smimepolicy_verdict *verdict_of(enum kind kind)
{
    X509 *cert = sp_make_cert(&(struct sp_recipe){ .san = "email:bob@example.org" });
    struct sp_facts *facts = sp_facts_new(cert);
    smimepolicy_verdict *verdict =
        sp_judge_along(facts, kind == ALLOWED ? SP_NOW : SP_END_SECONDS + 1,
                       kind == DENIED ? SP_ALONG_CHAIN : SP_ALONG_BESIDE);

    ck_assert_ptr_nonnull(verdict);
    sp_facts_free(facts);
    X509_free(cert);
    return verdict;
}

/* How it is told, and how a line of it begins; NULL: nothing is said. */
static const struct {
    struct shim_outcome how;
    enum kind kind;
    const char *said;
} told[] = {
    { { .file = "a.pem" }, ALLOWED, NULL },
    { { .file = "a.pem" }, WARNED, "warning: sign: bob@example.org: " },
    { { .file = "a.pem" }, DENIED, "refused: sign: bob@example.org: " },
    { { .file = "a.pem", .names_file = true }, DENIED, "a.pem: refused: sign: " },
    { { .file = "a.pem", .names_file = true, .part = 2 }, WARNED, "a.pem:2: warning: sign: " },
    { { .file = "a\nb", .names_file = true }, DENIED, "a\\0Ab: refused: sign: " },
    { { .names_file = true, .part = 2 }, DENIED, "refused: sign: " },
    { { .denials_only = true }, WARNED, NULL },
    { { .denials_only = true }, DENIED, "refused: sign: " },
    { { .silent = true }, WARNED, NULL },
    { { .silent = true }, DENIED, NULL },
};

START_TEST(verdicts_are_told)
{
    struct shim_outcome outcome = told[_i].how;
    char *said;

    sp_capture_begin(STDERR_FILENO);
    shim_outcome_add(&outcome, verdict_of(told[_i].kind));
    said = sp_capture_end(STDERR_FILENO);
    if (told[_i].said == NULL)
        ck_assert_str_eq(said, "");
    else {
        ck_assert_msg(strncmp(said, told[_i].said, strlen(told[_i].said)) == 0, "%s", said);
        ck_assert_ptr_eq(strchr(said, '\n'), said + strlen(said) - 1);
    }
    ck_assert_int_eq(outcome.denied, told[_i].kind == DENIED);
    ck_assert_int_eq(outcome.fault, SHIM_OK);
    free(said);
    shim_outcome_clear(&outcome);
}
END_TEST

/* In JSON the same are objects, and nothing is printed beside them. */
static const struct {
    struct shim_outcome how;
    enum kind kind;
    bool allowed;
    const char *file;
    json_int_t part;
} collected[] = {
    { { .file = NULL }, ALLOWED, true, NULL, 0 },
    { { .file = "a.pem", .part = 2 }, WARNED, true, "a.pem", 0 },
    { { .file = "a.pem", .names_file = true, .part = 2 }, DENIED, false, "a.pem", 2 },
    { { .file = "a.pem", .names_file = true }, DENIED, false, "a.pem", 0 },
    { { .file = "a\xff", .silent = true }, DENIED, false, "a\\FF", 0 },
};

START_TEST(verdicts_are_collected)
{
    struct shim_outcome outcome = collected[_i].how;
    const json_t *object;
    const char *file;

    outcome.json = json_array();
    sp_capture_begin(STDERR_FILENO);
    shim_outcome_add(&outcome, verdict_of(collected[_i].kind));
    sp_expect_captured(STDERR_FILENO, NULL);
    ck_assert_int_eq(outcome.denied, !collected[_i].allowed);
    ck_assert_uint_eq(json_array_size(outcome.json), 1);
    object = json_array_get(outcome.json, 0);
    ck_assert_int_eq(json_is_true(json_object_get(object, "allowed")), collected[_i].allowed);
    file = json_string_value(json_object_get(object, "file"));
    ck_assert_int_eq(file == NULL, collected[_i].file == NULL);
    if (file != NULL)
        ck_assert_str_eq(file, collected[_i].file);
    ck_assert_int_eq(json_integer_value(json_object_get(object, "part")), collected[_i].part);
    shim_outcome_clear(&outcome);
}
END_TEST

/* What reassures waits for the success; a denial does not wait. */
START_TEST(what_reassures_waits)
{
    struct shim_outcome outcome = { .settings = NULL };

    sp_capture_begin(STDERR_FILENO);
    shim_outcome_hold(&outcome, verdict_of(WARNED));
    shim_outcome_hold(&outcome, verdict_of(ALLOWED));
    sp_expect_captured(STDERR_FILENO, NULL);
    ck_assert(!outcome.denied);
    sp_capture_begin(STDERR_FILENO);
    shim_outcome_hold(&outcome, verdict_of(DENIED));
    sp_expect_captured(STDERR_FILENO, "refused: sign: ");
    ck_assert(outcome.denied);

    sp_capture_begin(STDERR_FILENO);
    shim_outcome_tell_held(&outcome);
    sp_expect_captured(STDERR_FILENO, "warning: sign: ");
    sp_capture_begin(STDERR_FILENO);
    shim_outcome_tell_held(&outcome);
    sp_expect_captured(STDERR_FILENO, NULL);

    shim_outcome_hold(&outcome, verdict_of(WARNED));
    shim_outcome_clear(&outcome);
}
END_TEST

START_TEST(a_verdict_that_could_not_be_made_is_a_fault)
{
    struct shim_outcome outcome = { .silent = true };

    sp_capture_begin(STDERR_FILENO);
    if (_i == 0)
        shim_outcome_add(&outcome, NULL);
    else
        shim_outcome_hold(&outcome, NULL);
    sp_expect_captured(STDERR_FILENO, "out of memory");
    ck_assert_int_eq(outcome.fault, SHIM_SYSTEM);
    ck_assert(!outcome.denied);
}
END_TEST

/* The log has what the provider is not asked about; it is said there whether it was refused. */
static const struct {
    const char *mode;
    bool silent, hold;
    enum kind kind;
    const char *logged; /* NULL: no line */
} logs[] = {
    { "enforce", false, false, WARNED, NULL },      { "enforce", false, false, DENIED, "refused" },
    { "enforce", true, false, DENIED, "observed" }, { "enforce", false, true, DENIED, "refused" },
    { "observe", false, false, DENIED, NULL },      { "observe", false, true, DENIED, "observed" },
};

START_TEST(denials_are_logged)
{
    char *place = sp_make_place();
    const char *const pairs[] = { "decision_log", place, "mode", logs[_i].mode, NULL };
    smimepolicy_settings *settings = sp_settings_of(pairs);
    struct shim_outcome outcome = { .settings = settings, .silent = logs[_i].silent };
    char line[2000] = "";
    FILE *log;

    sp_capture_begin(STDERR_FILENO);
    (logs[_i].hold ? shim_outcome_hold : shim_outcome_add)(&outcome, verdict_of(logs[_i].kind));
    free(sp_capture_end(STDERR_FILENO));
    log = fopen(place, "r");
    if (log != NULL) {
        ck_assert_uint_lt(fread(line, 1, sizeof(line) - 1, log), sizeof(line) - 1);
        fclose(log);
    }
    if (logs[_i].logged == NULL)
        ck_assert_str_eq(line, "");
    else
        ck_assert_msg(strstr(line, logs[_i].logged) != NULL, "%s", line);
    smimepolicy_settings_free(settings);
    sp_remove_place(place);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("outcome");
    TCase *tests = tcase_create("outcome");

    tcase_add_loop_test(tests, verdicts_are_told, 0, SP_ROWS(told));
    tcase_add_loop_test(tests, verdicts_are_collected, 0, SP_ROWS(collected));
    tcase_add_test(tests, what_reassures_waits);
    tcase_add_loop_test(tests, a_verdict_that_could_not_be_made_is_a_fault, 0, 2);
    tcase_add_loop_test(tests, denials_are_logged, 0, SP_ROWS(logs));
    suite_add_tcase(suite, tests);
    return sp_run(suite);
}
