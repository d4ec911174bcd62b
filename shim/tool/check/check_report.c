/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The output of `check`, as text and as JSON.
 */
#include <stdio.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "base/json_text.h"
#include "common/colour.h"
#include "common/print.h"
#include "tool/check/checking.h"
#include "tool/keyring/stored_entry.h"
#include "tool/report/outcome.h"

void shim_report_verdict(const smimepolicy_verdict *verdict, const char *name)
{
    bool usable = smimepolicy_verdict_allowed(verdict) == 1;
    bool colour = shim_colour_on(STDOUT_FILENO);

    printf("  %-8s %s%s%s\n", name,
           colour ? shim_colour_begin(usable ? SMIMEPOLICY_IGNORE : SMIMEPOLICY_DENY) : "",
           usable ? "usable" : "refused", colour ? shim_colour_end : "");
    shim_findings_print(verdict);
}

static void print_headline(const struct shim_report *report, const smimepolicy_verdict *verdict)
{
    const char *subject = smimepolicy_verdict_get0_subject(verdict);
    struct sp_facts *facts = sp_facts_new(report->cert);
    char *from = shim_moment_text(X509_get0_notBefore(report->cert));
    char *to = shim_moment_text(X509_get0_notAfter(report->cert));
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

static void print_key(const struct shim_report *report)
{
    if (report->number == 0 || report->asked_for)
        shim_print(stdout, "%s: private key\n", report->path);
    else
        shim_print(stdout, "%s, part %u: private key\n", report->path, report->number);
    shim_report_verdict(report->verdicts[0], "key");
}

static void print_cert(const struct shim_report *report)
{
    bool first = true;

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

static void add_key(json_t *told, const struct shim_report *report)
{
    json_t *key = json_pack("{s:o, s:o}", "file", sp_json_text(report->path), "verdict",
                            sp_verdict_json(report->verdicts[0]));

    if (report->asked_for) {
        json_object_set_new(told, "key", key);
        return;
    }
    json_object_set_new(key, "part", json_integer((json_int_t)report->number));
    json_array_append_new(json_object_get(told, "keys"), key);
}

static void add_cert(json_t *told, const struct shim_report *report)
{
    json_t *verdicts = json_array();

    for (int use = 0; use < SHIM_USES; use++)
        if (report->verdicts[use] != NULL)
            json_array_append_new(verdicts, sp_verdict_json(report->verdicts[use]));
    json_array_append_new(json_object_get(told, "certificates"),
                          json_pack("{s:o, s:i, s:o}", "file", sp_json_text(report->path), "part",
                                    (int)report->number, "verdicts", verdicts));
}

void shim_report_add(json_t *told, const struct shim_report *report)
{
    if (told != NULL && report->cert == NULL)
        add_key(told, report);
    else if (told != NULL)
        add_cert(told, report);
    else if (report->cert == NULL)
        print_key(report);
    else
        print_cert(report);
}
