/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * A verdict as text and as JSON.
 */
#include <stdlib.h>

#include <openssl/crypto.h>

#include <jansson.h>

#include "rules/verdict.h"

const char *smimepolicy_version(void)
{
    return SMIMEPOLICY_VERSION;
}

const char *smimepolicy_use_name(smimepolicy_use use)
{
    switch (use) {
    case SMIMEPOLICY_UPLOAD:
        return "upload";
    case SMIMEPOLICY_SIGN:
        return "sign";
    case SMIMEPOLICY_ENCRYPT:
        return "encrypt";
    case SMIMEPOLICY_VERIFY:
        return "verify";
    case SMIMEPOLICY_DECRYPT:
        return "decrypt";
    }
    return NULL;
}

const char *sp_severity_name(smimepolicy_severity severity)
{
    switch (severity) {
    case SMIMEPOLICY_DENY:
        return "deny";
    case SMIMEPOLICY_WARN:
        return "warn";
    case SMIMEPOLICY_NOTE:
        return "note";
    case SMIMEPOLICY_IGNORE:
        break;
    }
    return "ignore";
}

static const char *text_prefix(smimepolicy_severity severity)
{
    if (severity == SMIMEPOLICY_DENY)
        return "refused";
    return severity == SMIMEPOLICY_WARN ? "warning" : "note";
}

static void add_reason(struct sp_text *text, const smimepolicy_verdict *verdict,
                       const smimepolicy_finding *finding)
{
    if (verdict->address_count > 0) {
        sp_text_add(text, verdict->addresses[0]);
        sp_text_add(text, ": ");
    }
    sp_text_add(text, finding->fault);
    sp_text_add(text, " [");
    sp_text_add(text, smimepolicy_finding_rule(finding));
    sp_text_add(text, "]");
    if (verdict->subject != NULL) {
        sp_text_add(text, " (");
        sp_text_add(text, verdict->subject[0] == '\0' ? "no subject" : verdict->subject);
        sp_text_add(text, ", serial ");
        sp_text_add(text, verdict->serial);
        sp_text_add(text, ")");
    }
    sp_text_add(text, "; ");
    sp_text_add(text, finding->remedy);
}

static void add_line(struct sp_text *text, const smimepolicy_verdict *verdict,
                     const smimepolicy_finding *finding)
{
    sp_text_add(text, text_prefix(finding->severity));
    sp_text_add(text, ": ");
    sp_text_add(text, smimepolicy_use_name(verdict->use));
    sp_text_add(text, ": ");
    add_reason(text, verdict, finding);
}

char *sp_finding_reason(const smimepolicy_verdict *verdict, const smimepolicy_finding *finding)
{
    struct sp_text text = { 0 };

    add_reason(&text, verdict, finding);
    return sp_text_take(&text);
}

char *smimepolicy_finding_text(const smimepolicy_verdict *verdict,
                               const smimepolicy_finding *finding)
{
    struct sp_text text = { 0 };

    add_line(&text, verdict, finding);
    return sp_text_take(&text);
}

char *smimepolicy_verdict_text(const smimepolicy_verdict *verdict)
{
    struct sp_text text = { 0 };

    for (size_t i = 0; i < verdict->count; i++) {
        add_line(&text, verdict, &verdict->findings[i]);
        sp_text_add(&text, "\n");
    }
    return sp_text_take(&text);
}

static json_t *json_addresses(const smimepolicy_verdict *verdict)
{
    json_t *list = json_array();

    for (size_t i = 0; i < verdict->address_count; i++)
        json_array_append_new(list, json_string(verdict->addresses[i]));
    return list;
}

/* NULL if out of memory; then the object it is packed into fails, too. */
static json_t *json_moment(const struct sp_moment *moment)
{
    char *text = moment->known ? sp_format_tm(&moment->tm) : NULL;
    json_t *json = moment->known ? json_string(text) : json_null();

    OPENSSL_free(text);
    return json;
}

static json_t *json_certificate(const smimepolicy_verdict *verdict)
{
    if (verdict->subject == NULL)
        return json_null();
    return json_pack("{s:s, s:s, s:o, s:o, s:o}", "subject", verdict->subject, "serial",
                     verdict->serial, "addresses", json_addresses(verdict), "not_before",
                     json_moment(&verdict->not_before), "not_after",
                     json_moment(&verdict->not_after));
}

json_t *sp_finding_json(const smimepolicy_finding *finding)
{
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "rule", smimepolicy_finding_rule(finding),
                     "severity", sp_severity_name(finding->severity), "fault", finding->fault,
                     "found", finding->found, "required", finding->required, "remedy",
                     finding->remedy);
}

static json_t *json_findings(const smimepolicy_verdict *verdict)
{
    json_t *list = json_array();

    for (size_t i = 0; i < verdict->count; i++)
        json_array_append_new(list, sp_finding_json(&verdict->findings[i]));
    return list;
}

json_t *sp_verdict_json(const smimepolicy_verdict *verdict)
{
    return json_pack("{s:s, s:s, s:b, s:o, s:o}", "policy", SMIMEPOLICY_VERSION, "use",
                     smimepolicy_use_name(verdict->use), "allowed",
                     smimepolicy_verdict_allowed(verdict), "certificate", json_certificate(verdict),
                     "findings", json_findings(verdict));
}

/* The program may change jansson's allocator, so the result is a copy made with ours. */
char *smimepolicy_verdict_json(const smimepolicy_verdict *verdict)
{
    json_t *object = sp_verdict_json(verdict);
    char *dump = json_dumps(object, JSON_COMPACT);
    char *text = dump == NULL ? NULL : OPENSSL_strdup(dump);

    free(dump);
    json_decref(object);
    return text;
}
