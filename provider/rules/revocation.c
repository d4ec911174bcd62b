/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The rules on revocation.  The issuer says who is revoked, and since when.
 */
#include <openssl/crypto.h>

#include "rules/case.h"

/* [RFC 5280, 5.3.1] Numbers 7 and 8 name no reason of an entry. */
static const char *const reasons[] = {
    "unspecified", "key compromise",         "CA compromise",    "affiliation changed",
    "superseded",  "cessation of operation", "certificate hold", NULL,
    NULL,          "privilege withdrawn",    "AA compromise"
};

/* "key compromise"; NULL if |reason| is -1 or no reason of RFC 5280. */
static const char *reason_text(int reason)
{
    return reason >= 0 && reason < (int)(sizeof(reasons) / sizeof(reasons[0])) ? reasons[reason]
                                                                               : NULL;
}

void sp_revocation_clear(struct sp_revocation *revocation)
{
    OPENSSL_free(revocation->why);
    *revocation = (struct sp_revocation){ .reason = -1 };
}

bool sp_revocation_is_asked(const smimepolicy_settings *settings)
{
    return settings->revocation != SP_REVOCATION_OFF;
}

bool sp_revocation_needs_answer(const smimepolicy_settings *settings)
{
    return settings->revocation == SP_REVOCATION_HARD;
}

bool sp_revocation_speaks(const struct sp_revocation *revocation,
                          const smimepolicy_settings *settings)
{
    if (revocation->above.is)
        return sp_revocation_is_asked(settings);
    switch (revocation->state) {
    case SP_REVOCATION_NONE:
        return false;
    case SP_REVOCATION_UNKNOWN:
    case SP_REVOCATION_STALE:
        return sp_revocation_needs_answer(settings);
    default:
        return sp_revocation_is_asked(settings);
    }
}

bool sp_says_revoked(const smimepolicy_verdict *verdict)
{
    for (size_t i = 0; i < verdict->count; i++)
        if (verdict->findings[i].rule == SP_RULE_REVOKED &&
            verdict->findings[i].severity == SMIMEPOLICY_DENY)
            return true;
    return false;
}

static void add(struct sp_case *c, enum sp_rule rule, smimepolicy_severity severity, char *fault,
                char *found, const char *required, char *remedy)
{
    sp_verdict_add(c->verdict, rule, severity,
                   (struct sp_finding_text){ fault, found, sp_format("%s", required), remedy });
}

/* "revoked by its issuer on DATE (REASON)", or of one that is on hold. */
static char *since(int64_t at, int number)
{
    const char *reason = reason_text(number);
    char *when = sp_format_time((time_t)at);
    char *text;

    if (when == NULL)
        return NULL;
    text = sp_format("revoked by its issuer on %s%s%s%s", when, reason != NULL ? " (" : "",
                     reason != NULL ? reason : "", reason != NULL ? ")" : "");
    OPENSSL_free(when);
    return text;
}

/* ", and signed on DATE by the signer's clock", or "" if the signer claims nothing. */
static char *signed_on(const struct sp_signing_time *signed_at)
{
    char *when, *text;

    if (signed_at == NULL || signed_at->state != SP_TIME_READ)
        return sp_format("%s", "");
    when = sp_format_time(signed_at->at);
    text = when == NULL ? NULL
                        : sp_format("; the message was signed on %s by the signer's clock", when);
    OPENSSL_free(when);
    return text;
}

/* |before| and the two texts, which are taken over and may be NULL. */
static char *join(const char *before, char *one, char *other)
{
    char *text = one == NULL || other == NULL ? NULL : sp_format("%s%s%s", before, one, other);

    OPENSSL_free(one);
    OPENSSL_free(other);
    return text;
}

/* What is read stays readable, and what is stored may be needed for it. */
static smimepolicy_severity weight(smimepolicy_use use)
{
    switch (use) {
    case SMIMEPOLICY_DECRYPT:
        return SMIMEPOLICY_NOTE;
    case SMIMEPOLICY_UPLOAD:
        return SMIMEPOLICY_WARN;
    default:
        return SMIMEPOLICY_DENY;
    }
}

static char *remedy_of(const struct sp_case *c)
{
    if (c->use == SMIMEPOLICY_DECRYPT)
        return sp_format("give your contacts another certificate");
    if (c->use == SMIMEPOLICY_UPLOAD)
        return sp_format("mail needs another certificate");
    if (c->use == SMIMEPOLICY_VERIFY)
        return sp_format("ask the sender, in another way, whether the message is genuine");
    return sp_remedy(c, "another certificate");
}

/*
 * The signing time does not help: it is the signer's claim, and who has stolen the key can
 * claim any.  A time that a person gives does help, if the issuer had not yet said it then.
 */
static void judge_revoked(struct sp_case *c, const struct sp_revocation *revocation,
                          const struct sp_signing_time *signed_at)
{
    char *revoked = since(revocation->at, revocation->reason);
    char *found = since(revocation->at, revocation->reason);

    if (c->at < revocation->at && c->at < revocation->this_update)
        add(c, SP_RULE_REVOKED, SMIMEPOLICY_NOTE,
            join("certificate was ", revoked, sp_format(", later than the time that was given")),
            found, "nothing: it was not revoked then", remedy_of(c));
    else
        add(c, SP_RULE_REVOKED, weight(c->use),
            join("certificate was ", revoked, signed_on(signed_at)), found,
            "a certificate that its issuer has not revoked", remedy_of(c));
}

/* Encryption builds no path.  What is known of the issuers without one is asked all the same. */
static void judge_above(struct sp_case *c, const struct sp_revoked_above *above)
{
    if (c->use == SMIMEPOLICY_ENCRYPT && above->is)
        add(c, SP_RULE_REVOKED, SMIMEPOLICY_DENY,
            join("a ca above the certificate was ", since(above->at, above->reason),
                 sp_format("%s", "")),
            since(above->at, above->reason), "a certificate below no ca that is revoked",
            remedy_of(c));
}

/* |why| names the fault, and behind a semicolon the way out. */
static void judge_damaged(struct sp_case *c, const char *why)
{
    const char *rest = strstr(why, "; ");
    const size_t length = rest != NULL ? (size_t)(rest - why) : strlen(why);
    const char *what = "whether it is revoked cannot be read";
    char *fault = OPENSSL_strndup(why, length);

    if (c->use == SMIMEPOLICY_DECRYPT) {
        OPENSSL_free(fault);
        return;
    }
    add(c, SP_RULE_REVOCATION_UNKNOWN, weight(c->use), join(what, sp_format("%s", ": "), fault),
        sp_format("%s", what), "a stored CRL that can be read",
        sp_format("%s", rest != NULL ? rest + 2 : "correct that, or remove it"));
}

bool sp_is_own_issuer(const struct sp_facts *facts)
{
    return facts->subject_hash != 0 && facts->subject_hash == facts->issuer_hash &&
           (facts->key_id == 0 || facts->issuer_key_id == 0 ||
            facts->key_id == facts->issuer_key_id);
}

static void judge_unanswered(struct sp_case *c, const struct sp_revocation *revocation)
{
    static const char required[] = "a stored CRL of its issuer whose next update is not past";
    char *due;

    if (!sp_revocation_needs_answer(c->settings) || c->use == SMIMEPOLICY_DECRYPT ||
        c->use == SMIMEPOLICY_UPLOAD || sp_is_own_issuer(c->facts))
        return;
    if (revocation->state == SP_REVOCATION_UNKNOWN) {
        add(c, SP_RULE_REVOCATION_UNKNOWN, SMIMEPOLICY_DENY,
            sp_format("no stored CRL of its issuer covers it"), sp_format("no CRL"), required,
            sp_format("upload the issuer's current CRL"));
        return;
    }
    due = sp_format_time((time_t)revocation->next_update);
    add(c, SP_RULE_REVOCATION_UNKNOWN, SMIMEPOLICY_DENY,
        due == NULL
            ? NULL
            : sp_format("the stored CRL of its issuer is stale: the next was due on %s", due),
        due == NULL ? NULL : sp_format("next update %s", due), required,
        sp_format("upload the issuer's current CRL"));
    OPENSSL_free(due);
}

smimepolicy_verdict *sp_judge_revocation(const struct sp_facts *facts,
                                         const struct sp_revocation *revocation,
                                         smimepolicy_use use, time_t at,
                                         const struct sp_signing_time *signed_at,
                                         const smimepolicy_settings *settings)
{
    struct sp_case c = { .facts = facts,
                         .settings = settings,
                         .verdict = sp_verdict_new(facts, use),
                         .use = use,
                         .at = at };

    if (c.verdict == NULL)
        return NULL;
    if (!sp_revocation_is_asked(settings))
        return sp_verdict_finish(c.verdict);
    if (revocation->state != SP_REVOCATION_REVOKED)
        judge_above(&c, &revocation->above);
    switch (revocation->state) {
    case SP_REVOCATION_REVOKED:
        judge_revoked(&c, revocation, signed_at);
        break;
    case SP_REVOCATION_DAMAGED:
        judge_damaged(&c, revocation->why);
        break;
    case SP_REVOCATION_UNKNOWN:
    case SP_REVOCATION_STALE:
        judge_unanswered(&c, revocation);
        break;
    case SP_REVOCATION_NONE:
        break;
    }
    return sp_verdict_finish(c.verdict);
}

smimepolicy_verdict *sp_judge_issuer_revocation(const struct sp_facts *facts,
                                                const struct sp_revocation *revocation,
                                                bool is_anchor, smimepolicy_use use, time_t at,
                                                const smimepolicy_settings *settings)
{
    static const struct sp_revocation nothing = { .state = SP_REVOCATION_NONE };
    const bool says = revocation->state == SP_REVOCATION_REVOKED || !is_anchor;

    return sp_judge_revocation(facts, says && !sp_is_own_issuer(facts) ? revocation : &nothing, use,
                               at, NULL, settings);
}

smimepolicy_verdict *sp_judge_with(const struct sp_facts *facts, smimepolicy_use use, time_t at,
                                   const smimepolicy_settings *settings,
                                   const struct sp_revocation *revocation)
{
    smimepolicy_verdict *verdict = sp_judge(facts, use, at, SP_WITH_VALIDITY, settings);

    if (verdict == NULL || revocation == NULL || !sp_revocation_speaks(revocation, settings))
        return verdict;
    return sp_verdict_join(verdict,
                           sp_judge_revocation(facts, revocation, use, at, NULL, settings));
}
