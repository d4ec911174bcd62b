/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdio.h>
#include <string.h>

#include <openssl/crypto.h>

#include "verbs/verbs.h"
#include "base/json_text.h"
#include "base/text.h"
#include "common/print.h"
#include "tool/keyring/ocsp_answers.h"
#include "tool/run/copies.h"
#include "tool/run/run.h"

/* The command line of stock for a copy, without the words that only load the policy. */
static json_t *plan(const struct shim_operation *operation, size_t copy)
{
    struct shim_run run = { .operation = operation, .copy = copy, .plan = true };
    json_t *words = json_array();

    if (copy > 0)
        run.out = shim_copy_file(operation, copy);
    if (shim_run_words(&run))
        for (char **word = run.words; *word != NULL; word++)
            json_array_append_new(words, sp_json_text(*word));
    OPENSSL_free(run.words);
    OPENSSL_free(run.out);
    OPENSSL_free(run.delivery.outputs);
    return words;
}

static const char *output_of(const struct shim_operation *operation)
{
    const char *out = shim_args_value(operation->args, "out");

    return out == NULL || strcmp(out, "-") == 0 ? NULL : out;
}

/* Which part was covered; null: all. */
static json_t *covered_part(const struct shim_covered *covered)
{
    return covered->where == NULL
               ? json_null()
               : json_pack("{s:o, s:o, s:o}", "part", sp_json_text(covered->path), "type",
                           sp_json_text(covered->type), "where", sp_json_text(covered->where));
}

/* The files of --bcc separate. */
static json_t *files(const struct shim_operation *operation)
{
    json_t *files = shim_copies_json(operation);
    size_t first = shim_copy_first(&operation->selection);

    for (size_t i = 0; operation->explain && i < json_array_size(files); i++)
        json_object_set_new(json_array_get(files, i), "would_run", plan(operation, first + i));
    return files;
}

int shim_verb_report_json(const struct shim_verb_report *report)
{
    const struct shim_operation *operation = report->operation;
    const struct shim_selection *selection = &operation->selection;
    const bool done = report->code == SHIM_OK && !operation->explain;

    return shim_json_report(
        json_pack(
            "{s:s, s:s, s:b, s:b, s:i, s:o, s:o, s:O, s:O, s:o, s:o, s:o*, s:o*, s:O*, s:o*, "
            "s:o*}",
            "policy", SMIMEPOLICY_VERSION, "operation", operation->request->operation, "allowed",
            !report->outcome->denied && report->code != SHIM_REFUSED, "done", done, "exit",
            report->code, "output", sp_json_text(output_of(operation)), "keyring",
            sp_json_text(selection->path), "choices", selection->choices, "verdicts",
            report->outcome->json, "openssl", sp_json_text(report->said), "covered",
            covered_part(&selection->covered), "signers",
            report->incoming == NULL ? NULL : shim_signers_json(report->incoming, done),
            "would_run", operation->explain ? plan(operation, shim_copy_first(selection)) : NULL,
            "directories",
            json_array_size(selection->directories) > 0 ? selection->directories : NULL, "ocsp",
            shim_ocsp_unanswered(), "files", selection->separates ? files(operation) : NULL),
        NULL, report->code);
}

/* Print a word quoted for a shell. */
static void print_word(const char *word)
{
    struct sp_text quoted = { 0 };
    char *text;
    bool plain =
        word[0] != '\0' && word[strspn(word, "abcdefghijklmnopqrstuvwxyz0123456789"
                                             "ABCDEFGHIJKLMNOPQRSTUVWXYZ-_=+:,./@%")] == '\0';

    if (plain) {
        shim_print(stdout, " %s", word);
        return;
    }
    for (; *word != '\0'; word++) {
        if (*word == '\'')
            sp_text_add(&quoted, "'\\''");
        else
            sp_text_add_bytes(&quoted, word, 1);
    }
    text = sp_text_take(&quoted);
    shim_print(stdout, " '%s'", text != NULL ? text : "(out of memory)");
    OPENSSL_free(text);
}

static void print_plan(const struct shim_operation *operation, size_t copy)
{
    json_t *words = plan(operation, copy);
    char *file = copy > 0 ? shim_copy_file(operation, copy) : NULL;
    const char *out = copy > 0 ? file : output_of(operation);

    fputs("would run:", stdout);
    for (size_t i = 0; i < json_array_size(words); i++)
        print_word(json_string_value(json_array_get(words, i)));
    putchar('\n');
    shim_print(stdout, "would write: %s\n", out != NULL ? out : "standard output");
    OPENSSL_free(file);
    json_decref(words);
}

int shim_verb_report_plan(const struct shim_verb_report *report)
{
    const struct shim_selection *selection = &report->operation->selection;

    if (report->code != SHIM_OK)
        puts("would be refused, and nothing written");
    else
        for (size_t copy = shim_copy_first(selection); copy <= selection->bcc_copies; copy++)
            print_plan(report->operation, copy);
    return report->code;
}
