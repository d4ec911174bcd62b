/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "defaults.h"
#include "shim.h"
#include "verb_report.h"

/* A passphrase or key in the command line is in it only because somebody put it there: enough. */
static const char *shown(const struct shim_given *given)
{
    if (given->option->role == ROLE_SHARED_SECRET)
        return "***";
    if (given->option->role == ROLE_PASSIN && strncmp(given->value, "pass:", 5) == 0)
        return "pass:***";
    return given->value;
}

/* The words of stock's command line, but for those that only load the policy. */
static json_t *plan(const struct shim_operation *operation)
{
    const struct shim_args *args = operation->args;
    json_t *words = json_array();

    json_array_append_new(words, json_string("openssl"));
    json_array_append_new(words, json_string(operation->api == SHIM_CMS ? "cms" : "smime"));
    if (operation->verb != NULL)
        json_array_append_new(words, json_string(operation->verb));
    for (const char *const *word = shim_default_words(operation); *word != NULL; word++)
        json_array_append_new(words, json_string(*word));
    for (size_t i = 0; i < args->count; i++) {
        const struct shim_given *given = &args->given[i];

        if (shim_option_is_own(given->option))
            continue;
        json_array_append_new(words, json_sprintf("-%s", given->option->name[0] != '\0'
                                                             ? given->option->name
                                                             : given->word + 1));
        if (given->value != NULL)
            json_array_append_new(words, json_string(shown(given)));
    }
    for (char **operand = args->operands; *operand != NULL; operand++)
        json_array_append_new(words, json_string(*operand));
    return words;
}

static const char *output_of(const struct shim_operation *operation)
{
    const char *out = shim_args_value(operation->args, "out");

    return out == NULL || strcmp(out, "-") == 0 ? NULL : out;
}

/* Stock prints what it finds in files: anything. */
static json_t *plain_text(const char *text)
{
    size_t len = text == NULL ? 0 : strlen(text);
    char *copy = text == NULL ? NULL : malloc(len + 1);
    json_t *string;

    if (copy == NULL)
        return json_null();
    for (size_t i = 0; i <= len; i++)
        copy[i] = (char)((unsigned char)text[i] < 0x80 ? text[i] : '?');
    string = json_string(copy);
    free(copy);
    return string;
}

int shim_verb_report_json(const struct shim_verb_report *report)
{
    const struct shim_operation *operation = report->operation;
    json_t *object = json_pack("{s:s, s:s, s:b, s:b, s:i, s:s?, s:O, s:o}", "policy",
                               SMIMEPOLICY_VERSION, "operation", operation->request->operation,
                               "allowed", !report->outcome->denied && report->code != SHIM_REFUSED,
                               "done", report->code == SHIM_OK && !operation->explain, "exit",
                               report->code, "output", output_of(operation), "verdicts",
                               report->outcome->json, "openssl", plain_text(report->said));
    char *text;

    if (object != NULL && operation->explain)
        json_object_set_new(object, "would_run", plan(operation));
    text = object == NULL ? NULL : json_dumps(object, JSON_COMPACT | JSON_ENSURE_ASCII);
    if (text != NULL)
        puts(text);
    json_decref(object);
    if (text == NULL)
        return shim_no_memory();
    free(text);
    return report->code;
}

/* A word as a shell would have to be given it. */
static void print_word(const char *word)
{
    bool plain =
        word[0] != '\0' && word[strspn(word, "abcdefghijklmnopqrstuvwxyz0123456789"
                                             "ABCDEFGHIJKLMNOPQRSTUVWXYZ-_=+:,./@%")] == '\0';

    if (plain) {
        printf(" %s", word);
        return;
    }
    fputs(" '", stdout);
    for (; *word != '\0'; word++) {
        if (*word == '\'')
            fputs("'\\''", stdout);
        else
            putchar((unsigned char)*word < 0x20 || *word == 0x7f ? '?' : *word);
    }
    putchar('\'');
}

int shim_verb_report_plan(const struct shim_verb_report *report)
{
    const char *out = output_of(report->operation);
    json_t *words = plan(report->operation);

    if (report->code != SHIM_OK) {
        puts("would be refused, and nothing written");
    } else {
        fputs("would run:", stdout);
        for (size_t i = 0; i < json_array_size(words); i++)
            print_word(json_string_value(json_array_get(words, i)));
        printf("\nwould write: %s\n", out != NULL ? out : "standard output");
    }
    json_decref(words);
    return report->code;
}
