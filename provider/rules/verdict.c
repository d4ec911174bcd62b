/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>

#include <openssl/crypto.h>

#include "rules/verdict.h"

static void copy_addresses(smimepolicy_verdict *verdict, const struct sp_facts *facts)
{
    verdict->addresses = OPENSSL_zalloc((facts->address_count + 1) * sizeof(char *));
    if (verdict->addresses == NULL)
        verdict->failed = true;
    for (size_t i = 0; i < facts->address_count && !verdict->failed; i++) {
        verdict->addresses[i] = OPENSSL_strdup(facts->addresses[i]);
        if (verdict->addresses[i] == NULL)
            verdict->failed = true;
        else
            verdict->address_count++;
    }
}

smimepolicy_verdict *sp_verdict_new(const struct sp_facts *facts, smimepolicy_use use)
{
    smimepolicy_verdict *verdict = OPENSSL_zalloc(sizeof(*verdict));

    if (verdict == NULL)
        return NULL;
    verdict->use = use;
    if (facts == NULL)
        return verdict;
    verdict->subject = OPENSSL_strdup(facts->subject);
    verdict->serial = OPENSSL_strdup(facts->serial);
    if (verdict->subject == NULL || verdict->serial == NULL)
        verdict->failed = true;
    verdict->not_before = facts->not_before;
    verdict->not_after = facts->not_after;
    copy_addresses(verdict, facts);
    return verdict;
}

static void text_free(struct sp_finding_text *text)
{
    OPENSSL_free(text->fault);
    OPENSSL_free(text->found);
    OPENSSL_free(text->required);
    OPENSSL_free(text->remedy);
}

static bool reserve_finding(smimepolicy_verdict *verdict)
{
    size_t size = verdict->size == 0 ? 4 : 2 * verdict->size;
    smimepolicy_finding *findings;

    if (verdict->count < verdict->size)
        return true;
    findings = OPENSSL_realloc(verdict->findings, size * sizeof(*findings));
    if (findings == NULL)
        return false;
    verdict->findings = findings;
    verdict->size = size;
    return true;
}

void sp_verdict_add(smimepolicy_verdict *verdict, enum sp_rule rule, smimepolicy_severity severity,
                    struct sp_finding_text text)
{
    bool complete =
        text.fault != NULL && text.found != NULL && text.required != NULL && text.remedy != NULL;
    size_t place = verdict->count;

    if (severity == SMIMEPOLICY_IGNORE) {
        text_free(&text);
        return;
    }
    if (!complete || !reserve_finding(verdict)) {
        verdict->failed = true;
        text_free(&text);
        return;
    }
    for (; place > 0 && verdict->findings[place - 1].severity < severity; place--)
        verdict->findings[place] = verdict->findings[place - 1];
    verdict->findings[place] = (struct smimepolicy_finding){ .rule = rule,
                                                             .severity = severity,
                                                             .fault = text.fault,
                                                             .found = text.found,
                                                             .required = text.required,
                                                             .remedy = text.remedy };
    verdict->count++;
}

smimepolicy_verdict *sp_verdict_join(smimepolicy_verdict *verdict, smimepolicy_verdict *more)
{
    if (verdict == NULL || more == NULL) {
        smimepolicy_verdict_free(verdict);
        smimepolicy_verdict_free(more);
        return NULL;
    }
    for (size_t i = 0; i < more->count; i++) {
        const smimepolicy_finding *moved = &more->findings[i];

        sp_verdict_add(
            verdict, moved->rule, moved->severity,
            (struct sp_finding_text){ moved->fault, moved->found, moved->required, moved->remedy });
    }
    more->count = 0;
    smimepolicy_verdict_free(more);
    return sp_verdict_finish(verdict);
}

smimepolicy_verdict *sp_verdict_finish(smimepolicy_verdict *verdict)
{
    if (verdict == NULL || !verdict->failed)
        return verdict;
    smimepolicy_verdict_free(verdict);
    return NULL;
}

void smimepolicy_verdict_free(smimepolicy_verdict *verdict)
{
    if (verdict == NULL)
        return;
    OPENSSL_free(verdict->subject);
    OPENSSL_free(verdict->serial);
    for (size_t i = 0; i < verdict->address_count; i++)
        OPENSSL_free(verdict->addresses[i]);
    OPENSSL_free(verdict->addresses);
    for (size_t i = 0; i < verdict->count; i++) {
        OPENSSL_free(verdict->findings[i].fault);
        OPENSSL_free(verdict->findings[i].found);
        OPENSSL_free(verdict->findings[i].required);
        OPENSSL_free(verdict->findings[i].remedy);
    }
    OPENSSL_free(verdict->findings);
    OPENSSL_free(verdict);
}

int smimepolicy_verdict_allowed(const smimepolicy_verdict *verdict)
{
    return verdict->count == 0 || verdict->findings[0].severity != SMIMEPOLICY_DENY;
}

smimepolicy_use smimepolicy_verdict_use(const smimepolicy_verdict *verdict)
{
    return verdict->use;
}

const char *smimepolicy_verdict_get0_subject(const smimepolicy_verdict *verdict)
{
    return verdict->subject;
}

const char *smimepolicy_verdict_get0_serial(const smimepolicy_verdict *verdict)
{
    return verdict->serial;
}

const char *smimepolicy_verdict_get0_address(const smimepolicy_verdict *verdict)
{
    return verdict->address_count > 0 ? verdict->addresses[0] : NULL;
}

const char *const *smimepolicy_verdict_get0_addresses(const smimepolicy_verdict *verdict)
{
    return (const char *const *)verdict->addresses;
}

size_t smimepolicy_verdict_count(const smimepolicy_verdict *verdict)
{
    return verdict->count;
}

const smimepolicy_finding *smimepolicy_verdict_get0_finding(const smimepolicy_verdict *verdict,
                                                            size_t index)
{
    return index < verdict->count ? &verdict->findings[index] : NULL;
}

const char *smimepolicy_finding_rule(const smimepolicy_finding *finding)
{
    return sp_rule_id(finding->rule);
}

smimepolicy_severity smimepolicy_finding_severity(const smimepolicy_finding *finding)
{
    return finding->severity;
}

const char *smimepolicy_finding_get0_fault(const smimepolicy_finding *finding)
{
    return finding->fault;
}

const char *smimepolicy_finding_get0_found(const smimepolicy_finding *finding)
{
    return finding->found;
}

const char *smimepolicy_finding_get0_required(const smimepolicy_finding *finding)
{
    return finding->required;
}

const char *smimepolicy_finding_get0_remedy(const smimepolicy_finding *finding)
{
    return finding->remedy;
}

void smimepolicy_free(void *text)
{
    OPENSSL_free(text);
}
