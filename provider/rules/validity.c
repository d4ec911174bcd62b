/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The rules on time.  Both bounds belong to the validity (RFC 5280, 4.1.2.5).
 */

#include <openssl/crypto.h>

#include "rules/case.h"
#include "settings/accepted.h"

#define DAY          INT64_C(86400)
#define LONGEST_DAYS 1185
#define SOON_DAYS    30

static bool is_past(const struct sp_case *c)
{
    return c->facts->not_after.known && c->at > c->facts->not_after.seconds;
}

static bool is_early(const struct sp_case *c)
{
    return c->facts->not_before.known && c->at < c->facts->not_before.seconds;
}

/* An upload is allowed at any time: old mail may need the certificate. */
static smimepolicy_severity weight(const struct sp_case *c)
{
    return c->use == SMIMEPOLICY_UPLOAD ? SMIMEPOLICY_NOTE : SMIMEPOLICY_DENY;
}

static char *remedy(const struct sp_case *c, const char *own, const char *contact)
{
    if (c->use == SMIMEPOLICY_ENCRYPT)
        return sp_format("%s", contact);
    if (c->use == SMIMEPOLICY_UPLOAD)
        return sp_format("outgoing mail needs a valid certificate");
    return sp_format("%s", own);
}

/* |before|, |when| and |after| in one new string.  |when| is taken over, and may be NULL. */
static char *around(const char *before, char *when, const char *after)
{
    char *text = when == NULL ? NULL : sp_format("%s%s%s", before, when, after);

    OPENSSL_free(when);
    return text;
}

static void deny_unreadable(struct sp_case *c, enum sp_rule rule, const char *name)
{
    sp_verdict_add(
        c->verdict, rule, weight(c),
        (struct sp_finding_text){ sp_format("%s cannot be read", name),
                                  sp_format("an encoding that is no time"),
                                  sp_format("a UTCTime or GeneralizedTime"),
                                  sp_remedy(c, "a certificate that is encoded correctly") });
}

void sp_ask_expired(struct sp_case *c)
{
    const struct sp_moment *end = &c->facts->not_after;

    if (!end->known)
        deny_unreadable(c, SP_RULE_EXPIRED, "Not After");
    if (!is_past(c))
        return;
    sp_verdict_add(
        c->verdict, SP_RULE_EXPIRED, weight(c),
        (struct sp_finding_text){
            around("certificate expired on ", sp_format_tm(&end->tm), ""),
            around("Not After ", sp_format_tm(&end->tm), ""),
            around("Not After no earlier than ", sp_format_time(c->at), ""),
            remedy(c, "renew the certificate", "ask the contact for a current certificate") });
}

void sp_ask_not_yet_valid(struct sp_case *c)
{
    const struct sp_moment *start = &c->facts->not_before;

    if (!start->known)
        deny_unreadable(c, SP_RULE_NOT_YET_VALID, "Not Before");
    if (!is_early(c))
        return;
    sp_verdict_add(c->verdict, SP_RULE_NOT_YET_VALID, weight(c),
                   (struct sp_finding_text){
                       around("certificate is not valid before ", sp_format_tm(&start->tm), ""),
                       around("Not Before ", sp_format_tm(&start->tm), ""),
                       around("Not Before no later than ", sp_format_time(c->at), ""),
                       remedy(c, "wait until then, check the clock, or use another certificate",
                              "wait until then, or ask the contact for a current certificate") });
}

void sp_ask_decrypt_expired(struct sp_case *c)
{
    const struct sp_moment *end = &c->facts->not_after;

    if (!is_past(c))
        return;
    sp_verdict_add(
        c->verdict, SP_RULE_DECRYPT_EXPIRED, SMIMEPOLICY_NOTE,
        (struct sp_finding_text){
            around("certificate expired on ", sp_format_tm(&end->tm), " and still decrypts"),
            around("Not After ", sp_format_tm(&end->tm), ""),
            sp_format("nothing: expiry is a rule for outgoing mail"),
            sp_format("give your contacts a current certificate") });
}

void sp_ask_expires_soon(struct sp_case *c)
{
    const struct sp_moment *end = &c->facts->not_after;

    if (!end->known || is_past(c) || end->seconds - c->at >= SOON_DAYS * DAY)
        return;
    sp_verdict_add(
        c->verdict, SP_RULE_EXPIRES_SOON, c->settings->beyond[SP_EXPIRES_SOON],
        (struct sp_finding_text){ around("certificate expires on ", sp_format_tm(&end->tm), ""),
                                  around("Not After ", sp_format_tm(&end->tm), ""),
                                  sp_format("at least %d days left", SOON_DAYS),
                                  sp_remedy(c, "a renewed certificate soon") });
}

void sp_ask_validity_too_long(struct sp_case *c)
{
    const struct sp_moment *start = &c->facts->not_before;
    const struct sp_moment *end = &c->facts->not_after;
    int64_t length = end->seconds - start->seconds;

    if (c->exempt || !start->known || !end->known || length <= LONGEST_DAYS * DAY)
        return;
    sp_verdict_add(c->verdict, SP_RULE_VALIDITY_TOO_LONG, c->settings->beyond[SP_VALIDITY_TOO_LONG],
                   (struct sp_finding_text){
                       sp_format("certificate is valid for more than %d days", LONGEST_DAYS),
                       sp_format("%lld days", (long long)((length + DAY - 1) / DAY)),
                       sp_format("at most %d days", LONGEST_DAYS),
                       sp_remedy(c, "a certificate with a shorter validity") });
}

/* How a certificate beside the signer's is judged. */
struct along {
    smimepolicy_severity severity;
    const char *what; /* "sent along", "on the signer's path" */
    const char *remedy;
};

static void add_along(smimepolicy_verdict *verdict, enum sp_rule rule, const struct along *along,
                      char *fault, char *found, const char *required)
{
    char *text = fault == NULL ? NULL : sp_format("certificate %s %s", along->what, fault);

    OPENSSL_free(fault);
    sp_verdict_add(verdict, rule, along->severity,
                   (struct sp_finding_text){ text, found, sp_format("%s", required),
                                             sp_format("%s", along->remedy) });
}

static void judge_validity(const struct sp_case *c, const struct along *along)
{
    const struct sp_moment *start = &c->facts->not_before;
    const struct sp_moment *end = &c->facts->not_after;

    if (!end->known)
        add_along(c->verdict, SP_RULE_EXPIRED, along,
                  sp_format("has no Not After that can be read"),
                  sp_format("an encoding that is no time"), "a UTCTime or GeneralizedTime");
    else if (is_past(c))
        add_along(
            c->verdict, SP_RULE_EXPIRED, along, around("expired on ", sp_format_tm(&end->tm), ""),
            around("Not After ", sp_format_tm(&end->tm), ""), "a certificate that is valid now");
    if (!start->known)
        add_along(c->verdict, SP_RULE_NOT_YET_VALID, along,
                  sp_format("has no Not Before that can be read"),
                  sp_format("an encoding that is no time"), "a UTCTime or GeneralizedTime");
    else if (is_early(c))
        add_along(c->verdict, SP_RULE_NOT_YET_VALID, along,
                  around("is not valid before ", sp_format_tm(&start->tm), ""),
                  around("Not Before ", sp_format_tm(&start->tm), ""),
                  "a certificate that is valid now");
}

smimepolicy_verdict *sp_judge_along(const struct sp_facts *facts, time_t at, enum sp_along place)
{
    static const struct along along[] = {
        [SP_ALONG_BESIDE] = { SMIMEPOLICY_WARN, "sent along",
                              "replace it in -certfile or leave it out" },
        [SP_ALONG_CHAIN] = { SMIMEPOLICY_DENY, "on the signer's path",
                             "replace it in -certfile or leave it out" },
        [SP_ALONG_STORED] = { SMIMEPOLICY_DENY, "on the signer's path",
                              "upload a current certificate of that CA" }
    };
    struct sp_case c = { .facts = facts,
                         .at = at,
                         .verdict = sp_verdict_new(facts, SMIMEPOLICY_SIGN) };

    if (c.verdict == NULL)
        return NULL;
    judge_validity(&c, &along[place]);
    return sp_verdict_finish(c.verdict);
}

smimepolicy_verdict *sp_judge_signer_issuer(const struct sp_facts *issuer, time_t at,
                                            const smimepolicy_settings *settings)
{
    const struct along along = { settings->refuse_signer_path ? SMIMEPOLICY_DENY : SMIMEPOLICY_WARN,
                                 "on the signer's path",
                                 "send a current certificate of that CA along, or none" };
    struct sp_case c = { .facts = issuer,
                         .at = at,
                         .verdict = sp_verdict_new(issuer, SMIMEPOLICY_SIGN) };

    if (c.verdict == NULL)
        return NULL;
    judge_validity(&c, &along);
    if (!sp_facts_is_ca(issuer))
        add_along(c.verdict, SP_RULE_CA_EXEMPT, &along, sp_format("is not one of a CA"),
                  sp_format("no CA:TRUE that can be read"), "CA:TRUE in Basic Constraints");
    return sp_verdict_finish(c.verdict);
}

/*
 * The rule `keyring-stale`: a copy of a hub is believed for a while.  What was removed there
 * since would be used.
 */

/* A clock that was put back by less than that is no fault. */
#define SKEW 300

bool sp_age_is_asked(smimepolicy_use use, const smimepolicy_settings *settings)
{
    return settings->hub != NULL &&
           (use == SMIMEPOLICY_SIGN || use == SMIMEPOLICY_ENCRYPT || use == SMIMEPOLICY_VERIFY);
}

bool sp_is_stale(time_t contact, time_t now, const smimepolicy_settings *settings)
{
    return contact <= 0 || now - contact > sp_seconds(settings->hub_max_age) ||
           contact - now > SKEW;
}

smimepolicy_verdict *sp_judge_age(const struct sp_facts *facts, smimepolicy_use use, time_t contact,
                                  time_t now, const smimepolicy_settings *settings)
{
    smimepolicy_verdict *verdict = sp_verdict_new(facts, use);
    char *since;

    if (verdict == NULL)
        return NULL;
    if (!sp_age_is_asked(use, settings) || !sp_is_stale(contact, now, settings))
        return sp_verdict_finish(verdict);
    since = contact > 0 ? sp_format_time(contact) : NULL;
    verdict->failed = verdict->failed || (contact > 0 && since == NULL);
    sp_verdict_add(
        verdict, SP_RULE_KEYRING_STALE, SMIMEPOLICY_DENY,
        (struct sp_finding_text){
            since != NULL
                ? sp_format("the keyring has not been in touch with its hub since %s", since)
                : sp_format("the keyring has never been in touch with its hub"),
            since != NULL ? sp_format("%s", since) : sp_format("no contact"),
            sp_format("contact within hub_max_age = %s", settings->hub_max_age),
            sp_format("run 'smime-policy sync' as the owner of the keyring, and see to the hub") });
    OPENSSL_free(since);
    return sp_verdict_finish(verdict);
}
