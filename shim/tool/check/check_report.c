/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The output of `check`, as text and as JSON.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include <jansson.h>

#include "base/json_text.h"
#include "base/text.h"
#include "common/colour.h"
#include "common/print.h"
#include "common/shim.h"
#include "rules/rules.h"
#include "tool/check/checking.h"
#include "tool/keyring/stored_entry.h"

struct shim_reporter {
    const struct shim_check *check;
    json_t *certificates;   /* owned; with --json */
    json_t *key;            /* owned; NULL if there is none */
    json_t *keys;           /* owned: the keys in the files */
    json_t *unread, *notes; /* owned */
};

struct shim_reporter *shim_reporter_new(const struct shim_check *check)
{
    struct shim_reporter *reporter = OPENSSL_zalloc(sizeof(*reporter));

    if (reporter == NULL)
        return NULL;
    reporter->check = check;
    reporter->certificates = json_array();
    reporter->keys = json_array();
    reporter->unread = json_array();
    reporter->notes = json_array();
    return reporter;
}

json_t *shim_reporter_unread(struct shim_reporter *reporter)
{
    return reporter->unread;
}

json_t *shim_reporter_notes(struct shim_reporter *reporter)
{
    return reporter->notes;
}

void shim_report_verdict(const smimepolicy_verdict *verdict, const char *name)
{
    char *findings = smimepolicy_verdict_text(verdict);

    bool usable = smimepolicy_verdict_allowed(verdict) == 1;
    bool colour = shim_colour_on(STDOUT_FILENO);

    printf("  %-8s %s%s%s\n", name,
           colour ? shim_colour_begin(usable ? SMIMEPOLICY_IGNORE : SMIMEPOLICY_DENY) : "",
           usable ? "usable" : "refused", colour ? shim_colour_end : "");
    for (char *line = findings; line != NULL && *line != '\0';) {
        char *end = line;

        while (*end != '\n')
            end++;
        shim_print(stdout, "    %.*s\n", (int)(end - line), line);
        line = end + 1;
    }
    smimepolicy_free(findings);
}

static char *time_text(const ASN1_TIME *at)
{
    struct tm tm;

    return ASN1_TIME_to_tm(at, &tm) ? sp_format_tm(&tm) : OPENSSL_strdup("(no valid time)");
}

static void print_headline(const struct shim_report *report, const smimepolicy_verdict *verdict)
{
    const char *subject = smimepolicy_verdict_get0_subject(verdict);
    struct sp_facts *facts = sp_facts_new(report->cert);
    char *from = time_text(X509_get0_notBefore(report->cert));
    char *to = time_text(X509_get0_notAfter(report->cert));
    const char *address;

    shim_print(stdout, "%s: %s, serial %s\n", report->path,
               *subject == '\0' ? "(no subject)" : subject,
               smimepolicy_verdict_get0_serial(verdict));
    fputs("  addresses:", stdout);
    for (size_t i = 0; facts != NULL && (address = sp_facts_address(facts, i)) != NULL; i++)
        shim_print(stdout, "%s %s", i == 0 ? "" : ",", address);
    puts(facts == NULL || sp_facts_address(facts, 0) == NULL ? " none" : "");
    shim_print(stdout, "  valid: %s to %s\n", from != NULL ? from : "?", to != NULL ? to : "?");
    OPENSSL_free(from);
    OPENSSL_free(to);
    sp_facts_free(facts);
}

static void print_place(const struct shim_report *report)
{
    if (report->number == 0 || report->asked_for)
        shim_print(stdout, "%s: ", report->path);
    else
        shim_print(stdout, "%s, part %u: ", report->path, report->number);
}

static void print_report(const struct shim_report *report)
{
    bool first = true;

    if (report->cert == NULL) {
        print_place(report);
        shim_print(stdout, "private key\n");
        shim_report_verdict(report->verdicts[0], "key");
        return;
    }
    for (int use = 0; use < SHIM_USES; use++) {
        const smimepolicy_verdict *verdict = report->verdicts[use];

        if (verdict == NULL)
            continue;
        if (first)
            print_headline(report, verdict);
        first = false;
        shim_report_verdict(verdict, smimepolicy_use_name((smimepolicy_use)use));
    }
}

/* The library's own JSON of a verdict, so that there is one form of it. */
json_t *shim_json_verdict(const smimepolicy_verdict *verdict)
{
    char *text = smimepolicy_verdict_json(verdict);
    json_t *object = text == NULL ? NULL : json_loads(text, 0, NULL);

    smimepolicy_free(text);
    return object;
}

static bool add_key(struct shim_reporter *reporter, const struct shim_report *report)
{
    json_t *key = json_pack("{s:o, s:o}", "file", sp_json_text(report->path), "verdict",
                            shim_json_verdict(report->verdicts[0]));

    if (report->asked_for) {
        reporter->key = key;
        return key != NULL;
    }
    return json_object_set_new(key, "part", json_integer((json_int_t)report->number)) == 0 &&
           json_array_append_new(reporter->keys, key) == 0;
}

static bool add_json(struct shim_reporter *reporter, const struct shim_report *report)
{
    json_t *verdicts;
    bool complete = true;

    if (report->cert == NULL)
        return add_key(reporter, report);
    verdicts = json_array();
    for (int use = 0; use < SHIM_USES; use++)
        if (report->verdicts[use] != NULL)
            complete =
                json_array_append_new(verdicts, shim_json_verdict(report->verdicts[use])) == 0 &&
                complete;
    return json_array_append_new(reporter->certificates,
                                 json_pack("{s:o, s:i, s:o}", "file", sp_json_text(report->path),
                                           "part", (int)report->number, "verdicts", verdicts)) ==
               0 &&
           complete;
}

bool shim_reporter_add(struct shim_reporter *reporter, const struct shim_report *report)
{
    if (reporter->check->json)
        return add_json(reporter, report);
    print_report(report);
    return true;
}

static bool print_json(const struct shim_reporter *reporter, bool allowed)
{
    char *at = sp_format_time(reporter->check->at);
    json_t *object = json_pack("{s:s, s:s?, s:b, s:O, s:O?, s:O, s:O, s:O}", "policy",
                               SMIMEPOLICY_VERSION, "at", at, "allowed", allowed, "certificates",
                               reporter->certificates, "key", reporter->key, "keys", reporter->keys,
                               "unreadable", reporter->unread, "notes", reporter->notes);

    OPENSSL_free(at);
    return shim_json_line(object) == SHIM_OK;
}

bool shim_reporter_end(struct shim_reporter *reporter, bool allowed)
{
    bool done;

    if (reporter == NULL)
        return false;
    done = !reporter->check->json || print_json(reporter, allowed);
    json_decref(reporter->certificates);
    json_decref(reporter->key);
    json_decref(reporter->keys);
    json_decref(reporter->unread);
    json_decref(reporter->notes);
    OPENSSL_free(reporter);
    return done;
}
