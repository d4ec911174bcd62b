/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Whether a signer was valid at the signing time that it claims.  An expired
 * certificate refuses outgoing mail only: a signature stays good after its
 * certificate has expired.
 */
#include <openssl/crypto.h>

#include "rules/verdict.h"

/* Clocks differ: a new mail may come from a few minutes ahead. */
#define CLOCK_SKEW 300

/* One signature that is judged. */
struct claim {
    const struct sp_facts *signer;
    const struct sp_signing_time *time;
    time_t now;
    smimepolicy_verdict *verdict;
};

static bool is_valid_at(const struct sp_facts *facts, time_t at)
{
    return facts->not_before.known && facts->not_after.known && at >= facts->not_before.seconds &&
           at <= facts->not_after.seconds;
}

/* "|before|2024-07-31T14:20:28Z" */
static void add_time(struct sp_text *text, const char *before, time_t at)
{
    char *when = sp_format_time(at);

    sp_text_add(text, before);
    if (when == NULL)
        text->failed = true;
    else
        sp_text_add(text, when);
    OPENSSL_free(when);
}

static void add_now(struct sp_text *text, const struct claim *claim)
{
    add_time(text, " (now ", claim->now);
    sp_text_add(text, ")");
}

static char *found_clocks(const struct claim *claim)
{
    struct sp_text text = { 0 };

    if (claim->time->state == SP_TIME_READ)
        add_time(&text, "signing time ", claim->time->at);
    else
        sp_text_add(&text, claim->time->state == SP_TIME_ABSENT ? "no signing time"
                                                                : "an unreadable signing time");
    add_now(&text, claim);
    return sp_text_take(&text);
}

static char *required_time(const struct sp_facts *facts)
{
    struct sp_text text = { 0 };

    if (!facts->not_before.known || !facts->not_after.known)
        return sp_format("a validity that can be read");
    add_time(&text, "a time from ", (time_t)facts->not_before.seconds);
    add_time(&text, " to ", (time_t)facts->not_after.seconds);
    return sp_text_take(&text);
}

/* Add a finding.  |fault| is taken over; |whose| is the certificate whose validity counts. */
static void add_finding(const struct claim *claim, smimepolicy_severity severity,
                        const struct sp_facts *whose, char *fault, const char *remedy)
{
    sp_verdict_add(claim->verdict, SP_RULE_SIGNER_VALIDITY, severity,
                   (struct sp_finding_text){ fault, found_clocks(claim), required_time(whose),
                                             sp_format("%s", remedy) });
}

static void deny(const struct claim *claim, struct sp_text *fault)
{
    add_now(fault, claim);
    add_finding(claim, SMIMEPOLICY_DENY, claim->signer, sp_text_take(fault),
                "check the clock, then ask the sender to sign with a current certificate");
}

/* Add a note with both times, which names the source of each. */
static void note(const struct claim *claim, const struct sp_facts *whose, struct sp_text *fault)
{
    add_time(fault, "; signed on ", claim->time->at);
    sp_text_add(fault, " by the signer's clock");
    add_now(fault, claim);
    add_finding(claim, SMIMEPOLICY_NOTE, whose, sp_text_take(fault),
                "the signing time is the signer's own claim: trust it as far as you trust the "
                "signer");
}

/* Is there a signing time, and can it be true? */
static bool is_credible(const struct claim *claim)
{
    time_t latest = claim->now + (is_valid_at(claim->signer, claim->now) ? CLOCK_SKEW : 0);

    return claim->time->state == SP_TIME_READ && claim->time->at <= latest &&
           is_valid_at(claim->signer, claim->time->at);
}

static void judge_signer(const struct claim *claim)
{
    const struct sp_facts *signer = claim->signer;
    bool valid = is_valid_at(signer, claim->now);
    struct sp_text text = { 0 };

    if (is_credible(claim)) {
        if (valid)
            return;
        add_time(&text, "certificate expired on ", (time_t)signer->not_after.seconds);
        note(claim, signer, &text);
    } else if (claim->time->state == SP_TIME_BROKEN) {
        sp_text_add(&text, "signing time cannot be read");
        deny(claim, &text);
    } else if (claim->time->state == SP_TIME_READ && is_valid_at(signer, claim->time->at)) {
        add_time(&text, "signing time is in the future, ", claim->time->at);
        deny(claim, &text);
    } else if (claim->time->state == SP_TIME_READ) {
        add_time(&text, "certificate was not valid at its signing time, ", claim->time->at);
        deny(claim, &text);
    } else if (!valid) {
        sp_text_add(&text, "certificate is not valid now, and the message has no signing time");
        deny(claim, &text);
    }
}

static void judge_issuer(const struct claim *claim, const struct sp_facts *issuer)
{
    struct sp_text text = { 0 };

    if (is_valid_at(issuer, claim->now))
        return;
    sp_text_add(&text, "the issuing certificate ");
    sp_text_add(&text, issuer->subject);
    if (is_credible(claim) && is_valid_at(issuer, claim->time->at)) {
        sp_text_add(&text, " is not valid now");
        note(claim, issuer, &text);
        return;
    }
    sp_text_add(&text, " was valid neither now nor at the signing time");
    add_now(&text, claim);
    add_finding(claim, SMIMEPOLICY_DENY, issuer, sp_text_take(&text),
                "provide a current certificate of that issuer");
}

smimepolicy_verdict *sp_judge_signing_time(const struct sp_facts *signer,
                                           const struct sp_facts *const *issuers, size_t count,
                                           const struct sp_signing_time *time, time_t now)
{
    struct claim claim = { signer, time, now, sp_verdict_new(signer, SMIMEPOLICY_VERIFY) };

    if (claim.verdict == NULL)
        return NULL;
    judge_signer(&claim);
    for (size_t i = 0; i < count; i++)
        judge_issuer(&claim, issuers[i]);
    return sp_verdict_finish(claim.verdict);
}
