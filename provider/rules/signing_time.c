/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Whether a signer was valid at the signing time that it claims.  An expired
 * certificate refuses outgoing mail only: a signature stays good after its
 * certificate has expired.
 *
 * And what is said of a signer who passes: who, when, and through which anchor.
 */
#include <openssl/asn1.h>
#include <openssl/crypto.h>
#include <openssl/x509.h>

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

struct sp_signing_time sp_signing_time_read(X509_ATTRIBUTE *attribute, bool is_only)
{
    struct sp_signing_time time = { .state = SP_TIME_ABSENT };
    const ASN1_TYPE *value;
    struct tm tm;

    if (attribute == NULL)
        return time;
    time.state = SP_TIME_BROKEN;
    value = X509_ATTRIBUTE_count(attribute) == 1 ? X509_ATTRIBUTE_get0_type(attribute, 0) : NULL;
    if (!is_only || value == NULL ||
        (value->type != V_ASN1_UTCTIME && value->type != V_ASN1_GENERALIZEDTIME) ||
        !ASN1_TIME_to_tm(value->value.asn1_string, &tm))
        return time;
    time.state = SP_TIME_READ;
    time.at = timegm(&tm);
    return time;
}

static bool is_signing_time(X509_ATTRIBUTE *attribute)
{
    return OBJ_obj2nid(X509_ATTRIBUTE_get0_object(attribute)) == NID_pkcs9_signingTime;
}

struct sp_signing_time sp_signing_time_find(const unsigned char *attributes, size_t length)
{
    struct sp_signing_time time = { .state = SP_TIME_BROKEN };
    const unsigned char *at = attributes, *end;
    X509_ATTRIBUTE *found = NULL, *next = NULL;
    size_t count = 0;
    int tag, class;
    long rest;

    /* 0x80: an error; 0x01: an indefinite length, which DER does not have. */
    if ((ASN1_get_object(&at, &rest, &tag, &class, (long)length) & 0x81) != 0 || tag != V_ASN1_SET)
        return time;
    for (end = at + rest; at < end && (next = d2i_X509_ATTRIBUTE(NULL, &at, end - at)) != NULL;)
        if (is_signing_time(next)) {
            count++;
            X509_ATTRIBUTE_free(found);
            found = next;
        } else {
            X509_ATTRIBUTE_free(next);
        }
    if (at == end)
        time = sp_signing_time_read(found, count == 1);
    X509_ATTRIBUTE_free(found);
    return time;
}

char *sp_through_text(const STACK_OF(X509) *chain)
{
    char *name;
    char *text;

    if (sk_X509_num(chain) <= 0)
        return OPENSSL_strdup("");
    if (sk_X509_num(chain) == 1)
        return OPENSSL_strdup(", through that certificate, which was provided");
    name = sp_name_text(X509_get_subject_name(sk_X509_value(chain, sk_X509_num(chain) - 1)));
    text = name == NULL ? NULL : sp_format(", through %s", name);
    OPENSSL_free(name);
    return text;
}

char *sp_signer_text(const struct sp_facts *signer)
{
    const char *address = sp_facts_address(signer, 0);

    return sp_format("%s (%s, serial %s)", address != NULL ? address : "no address",
                     signer->subject[0] != '\0' ? signer->subject : "no subject", signer->serial);
}

char *sp_verified_text(const struct sp_facts *signer, const struct sp_signing_time *time,
                       const char *through)
{
    char *name = sp_signer_text(signer);
    char *when = time->state == SP_TIME_READ ? sp_format_time(time->at) : NULL;
    char *text = NULL;

    if (name != NULL && (when != NULL || time->state != SP_TIME_READ))
        text = sp_format("verified: %s, signed %s%s%s%s", name, when != NULL ? "on " : "",
                         when != NULL ? when : "at a time that it does not say",
                         when != NULL ? " by the signer's clock" : "", through);
    OPENSSL_free(name);
    OPENSSL_free(when);
    return text;
}
