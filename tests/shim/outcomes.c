/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include "outcomes.h"

#include <stdlib.h>
#include <string.h>

#include <check.h>
#include <openssl/crypto.h>

#include "base/text.h"

static void add(struct sp_text *text, const char *piece)
{
    sp_text_add_bytes(text, piece, strlen(piece));
}

static void describe(struct sp_text *text, const json_t *verdict)
{
    const json_t *cert = json_object_get(verdict, "certificate");
    const char *serial = json_string_value(json_object_get(cert, "serial"));
    const json_t *finding;
    size_t index;
    char number[20];

    snprintf(number, sizeof(number), "%s%ld", text->len > 0 ? " " : "",
             serial == NULL ? 0 : strtol(serial, NULL, 16));
    add(text, serial == NULL ? (text->len > 0 ? " -" : "-") : number);
    json_array_foreach(json_object_get(verdict, "findings"), index, finding)
    {
        add(text, ":");
        add(text, json_string_value(json_object_get(finding, "severity")));
        add(text, ":");
        add(text, json_string_value(json_object_get(finding, "rule")));
    }
}

void sp_expect_outcome(struct shim_outcome *outcome, const char *expected)
{
    struct sp_text text = { 0 };
    const json_t *verdict;
    size_t index;
    char *told;

    json_array_foreach(outcome->json, index, verdict) describe(&text, verdict);
    told = sp_text_take(&text);
    ck_assert_str_eq(told == NULL ? "" : told, expected);
    OPENSSL_free(told);
    json_array_clear(outcome->json);
}
