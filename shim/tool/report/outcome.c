/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "tool/report/outcome.h"
#include "base/json_text.h"
#include "common/colour.h"
#include "common/print.h"
#include "log/decision_log.h"
#include "rules/rules.h"

/* Print the file and part before a line, as compilers do. */
static void print_place(const struct shim_outcome *outcome)
{
    if (!outcome->names_file || outcome->file == NULL)
        return;
    if (outcome->part == 0)
        shim_print(stderr, "%s: ", outcome->file);
    else
        shim_print(stderr, "%s:%u: ", outcome->file, outcome->part);
}

static void print_finding(const struct shim_outcome *outcome, const smimepolicy_verdict *verdict,
                          const smimepolicy_finding *finding, bool colour)
{
    char *text = smimepolicy_finding_text(verdict, finding);
    const char *line = text != NULL ? text : smimepolicy_finding_rule(finding);
    size_t word = strcspn(line, ":");

    print_place(outcome);
    if (colour) {
        fputs(shim_colour_begin(smimepolicy_finding_severity(finding)), stderr);
        shim_print(stderr, "%.*s", (int)word, line);
        fputs(shim_colour_end, stderr);
        line += word;
    }
    shim_print(stderr, "%s\n", line);
    smimepolicy_free(text);
}

static bool observes(const struct shim_outcome *outcome)
{
    return outcome->settings != NULL && outcome->settings->mode == SP_MODE_OBSERVE;
}

static void log_denial(const struct shim_outcome *outcome, const smimepolicy_verdict *verdict)
{
    const struct sp_decision decision = { .operation = smimepolicy_use_name(
                                              smimepolicy_verdict_use(verdict)),
                                          .refused = !outcome->silent && !observes(outcome),
                                          .denied = true,
                                          .verdict = verdict };

    sp_decision_log(outcome->settings, &decision);
}

static void tell(const struct shim_outcome *outcome, const smimepolicy_verdict *verdict)
{
    bool colour = !outcome->denials_only && shim_colour_on(STDERR_FILENO);

    for (size_t i = 0; i < smimepolicy_verdict_count(verdict); i++) {
        const smimepolicy_finding *finding = smimepolicy_verdict_get0_finding(verdict, i);

        if (!outcome->denials_only || smimepolicy_finding_severity(finding) == SMIMEPOLICY_DENY)
            print_finding(outcome, verdict, finding, colour);
    }
}

static void collect(const struct shim_outcome *outcome, const smimepolicy_verdict *verdict)
{
    json_t *object = sp_verdict_json(verdict);

    if (outcome->file != NULL)
        json_object_set_new(object, "file", sp_json_text(outcome->file));
    if (outcome->names_file && outcome->part != 0)
        json_object_set_new(object, "part", json_integer((json_int_t)outcome->part));
    json_array_append_new(outcome->json, object);
}

/* Keep the first denial. */
static void keep(struct shim_outcome *outcome, const smimepolicy_verdict *verdict)
{
    for (size_t i = 0; outcome->kept == NULL && i < smimepolicy_verdict_count(verdict); i++) {
        const smimepolicy_finding *finding = smimepolicy_verdict_get0_finding(verdict, i);

        if (smimepolicy_finding_severity(finding) == SMIMEPOLICY_DENY)
            outcome->kept = sp_finding_reason(verdict, finding);
    }
}

static void settle(struct shim_outcome *outcome, smimepolicy_verdict *verdict, bool log)
{
    if (verdict == NULL) {
        outcome->fault = shim_no_memory();
        return;
    }
    if (outcome->json != NULL)
        collect(outcome, verdict);
    else if (outcome->keeps)
        keep(outcome, verdict);
    else if (!outcome->silent)
        tell(outcome, verdict);
    if (!smimepolicy_verdict_allowed(verdict)) {
        outcome->denied = true;
        if (log && !outcome->explains)
            log_denial(outcome, verdict);
    }
    smimepolicy_verdict_free(verdict);
}

void shim_outcome_add(struct shim_outcome *outcome, smimepolicy_verdict *verdict)
{
    /* What is observed only is done, and then judged and logged by the provider, if it is asked. */
    settle(outcome, verdict, outcome->alone || !observes(outcome));
}

void shim_outcome_hold(struct shim_outcome *outcome, smimepolicy_verdict *verdict)
{
    smimepolicy_verdict **longer;

    if (verdict == NULL || !smimepolicy_verdict_allowed(verdict)) {
        settle(outcome, verdict, true);
        return;
    }
    longer = OPENSSL_realloc(outcome->held, (outcome->held_count + 1) * sizeof(*longer));
    if (longer == NULL) {
        smimepolicy_verdict_free(verdict);
        outcome->fault = shim_no_memory();
        return;
    }
    outcome->held = longer;
    outcome->held[outcome->held_count++] = verdict;
}

void shim_outcome_tell_held(struct shim_outcome *outcome)
{
    size_t count = outcome->held_count;

    outcome->held_count = 0;
    for (size_t i = 0; i < count; i++)
        shim_outcome_add(outcome, outcome->held[i]);
}

void shim_findings_print(const smimepolicy_verdict *verdict)
{
    for (size_t i = 0; i < smimepolicy_verdict_count(verdict); i++) {
        char *text =
            smimepolicy_finding_text(verdict, smimepolicy_verdict_get0_finding(verdict, i));

        shim_print(stdout, "    %s\n", text != NULL ? text : "?");
        smimepolicy_free(text);
    }
}

void shim_outcome_clear(struct shim_outcome *outcome)
{
    for (size_t i = 0; i < outcome->held_count; i++)
        smimepolicy_verdict_free(outcome->held[i]);
    OPENSSL_free(outcome->held);
    outcome->held = NULL;
    outcome->held_count = 0;
    json_decref(outcome->json);
    smimepolicy_free(outcome->kept);
    outcome->json = NULL;
    outcome->kept = NULL;
}

int shim_json_line(json_t *object)
{
    char *text = object == NULL ? NULL : json_dumps(object, JSON_COMPACT | JSON_ENSURE_ASCII);
    char *rest = text;
    char *piece;

    json_decref(object);
    if (text == NULL)
        return shim_no_memory();
    /* DEL is the one control character that JSON does not escape. */
    while ((piece = strsep(&rest, "\x7f")) != NULL) {
        fputs(piece, stdout);
        fputs(rest != NULL ? "\\u007f" : "\n", stdout);
    }
    free(text);
    return SHIM_OK;
}

int shim_json_report(json_t *object, json_t *more, int code)
{
    int printed;

    if (object != NULL && more != NULL && json_object_update(object, more) != 0) {
        json_decref(object);
        object = NULL;
    }
    json_decref(more);
    printed = shim_json_line(object);
    return printed == SHIM_OK ? code : printed;
}

int shim_json_keyring_report(const struct shim *shim, const char *operation, int code, json_t *more)
{
    if (more == NULL)
        return shim_no_memory();
    return shim_json_report(json_pack("{s:s, s:s, s:o, s:i}", "policy", SMIMEPOLICY_VERSION,
                                      "operation", operation, "keyring",
                                      sp_json_text(shim->keyring_path), "exit", code),
                            more, code);
}
