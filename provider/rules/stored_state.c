/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The present state of a stored certificate, by its role.
 */
#include "rules/case.h"

static const char *const names[] = { [SP_STORED_USABLE] = "usable",
                                     [SP_STORED_EXPIRED] = "expired",
                                     [SP_STORED_NOT_YET_VALID] = "not-yet-valid",
                                     [SP_STORED_UNUSABLE] = "unusable",
                                     [SP_STORED_REVOKED] = "revoked" };

/* The uses of each role.  Those in |decide| decide whether it is usable. */
static const struct {
    unsigned asked, decide;
} uses[] = {
    [SP_ROLE_IDENTITY] = { 1 << SMIMEPOLICY_SIGN | 1 << SMIMEPOLICY_ENCRYPT |
                               1 << SMIMEPOLICY_VERIFY | 1 << SMIMEPOLICY_DECRYPT,
                           1 << SMIMEPOLICY_SIGN | 1 << SMIMEPOLICY_ENCRYPT },
    [SP_ROLE_CONTACT] = { 1 << SMIMEPOLICY_ENCRYPT | 1 << SMIMEPOLICY_VERIFY,
                          1 << SMIMEPOLICY_ENCRYPT | 1 << SMIMEPOLICY_VERIFY },
};

const char *sp_stored_state_name(enum sp_stored_state state)
{
    return names[state];
}

bool sp_stored_state_named(const char *name, enum sp_stored_state *state)
{
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (strcmp(names[i], name) == 0) {
            *state = (enum sp_stored_state)i;
            return true;
        }
    return false;
}

static bool denies(const smimepolicy_verdict *verdict, enum sp_rule rule)
{
    for (size_t i = 0; i < verdict->count; i++)
        if (verdict->findings[i].severity == SMIMEPOLICY_DENY && verdict->findings[i].rule == rule)
            return true;
    return false;
}

/* Does a rule deny it that another date would not change? */
static bool denies_for_good(const smimepolicy_verdict *verdict)
{
    for (size_t i = 0; i < verdict->count; i++)
        if (verdict->findings[i].severity == SMIMEPOLICY_DENY &&
            verdict->findings[i].rule != SP_RULE_EXPIRED &&
            verdict->findings[i].rule != SP_RULE_NOT_YET_VALID &&
            verdict->findings[i].rule != SP_RULE_REVOKED)
            return true;
    return false;
}

static enum sp_stored_state state_of(const smimepolicy_verdict *verdict, bool unusable)
{
    if (unusable)
        return SP_STORED_UNUSABLE;
    if (denies(verdict, SP_RULE_REVOKED))
        return SP_STORED_REVOKED;
    if (denies(verdict, SP_RULE_EXPIRED))
        return SP_STORED_EXPIRED;
    return denies(verdict, SP_RULE_NOT_YET_VALID) ? SP_STORED_NOT_YET_VALID : SP_STORED_USABLE;
}

static bool judge_person(struct sp_stored_verdicts *stored, const struct sp_facts *facts,
                         enum sp_role role, time_t at, const smimepolicy_settings *settings,
                         const struct sp_revocation *revocation)
{
    bool unusable = true;

    for (int use = 0; use < SP_USE_COUNT; use++) {
        smimepolicy_verdict *verdict;

        if ((uses[role].asked & 1U << use) == 0)
            continue;
        verdict = sp_judge_with(facts, (smimepolicy_use)use, at, settings, revocation);
        stored->verdicts[use] = verdict;
        if (verdict == NULL)
            return false;
        if (smimepolicy_verdict_allowed(verdict))
            stored->uses |= 1U << use;
        if ((uses[role].decide & 1U << use) != 0 && !denies_for_good(verdict))
            unusable = false;
    }
    stored->state = state_of(stored->verdicts[SMIMEPOLICY_ENCRYPT], unusable);
    /*
     * An expired certificate still verifies old signatures; one that is not yet valid
     * has signed nothing.
     */
    if (stored->state == SP_STORED_NOT_YET_VALID)
        stored->uses &= ~(1U << SMIMEPOLICY_VERIFY);
    return true;
}

/* Judge the validity of a CA alone, as for one in a signer's chain. */
static void ask_validity(struct sp_case *c)
{
    sp_ask_expired(c);
    sp_ask_not_yet_valid(c);
}

static smimepolicy_verdict *judge_validity(const struct sp_facts *facts, time_t at)
{
    struct sp_case c = { .facts = facts, .use = SMIMEPOLICY_VERIFY, .at = at };

    c.verdict = sp_verdict_new(facts, c.use);
    if (c.verdict == NULL)
        return NULL;
    ask_validity(&c);
    return sp_verdict_finish(c.verdict);
}

static bool judge_ca(struct sp_stored_verdicts *stored, const struct sp_facts *facts,
                     enum sp_role role, time_t at, const smimepolicy_settings *settings,
                     const struct sp_revocation *revocation)
{
    stored->verdicts[SMIMEPOLICY_UPLOAD] = sp_judge_upload(
        facts, &(struct sp_assigned_role){ role, SP_ROLE_FROM_USER, false }, at, settings);
    stored->verdicts[SMIMEPOLICY_VERIFY] = judge_validity(facts, at);
    /* A ca is an anchor, which needs no CRL. */
    if (revocation != NULL && stored->verdicts[SMIMEPOLICY_VERIFY] != NULL)
        stored->verdicts[SMIMEPOLICY_VERIFY] =
            sp_verdict_join(stored->verdicts[SMIMEPOLICY_VERIFY],
                            sp_judge_issuer_revocation(facts, revocation, role == SP_ROLE_CA,
                                                       SMIMEPOLICY_VERIFY, at, settings));
    if (stored->verdicts[SMIMEPOLICY_UPLOAD] == NULL ||
        stored->verdicts[SMIMEPOLICY_VERIFY] == NULL)
        return false;
    stored->state = state_of(stored->verdicts[SMIMEPOLICY_VERIFY],
                             denies_for_good(stored->verdicts[SMIMEPOLICY_UPLOAD]) ||
                                 denies_for_good(stored->verdicts[SMIMEPOLICY_VERIFY]));
    stored->vouches = stored->state == SP_STORED_USABLE && role == SP_ROLE_CA;
    return true;
}

bool sp_judge_stored(const struct sp_facts *facts, enum sp_role role, time_t at,
                     const smimepolicy_settings *settings, const struct sp_revocation *revocation,
                     struct sp_stored_verdicts *stored)
{
    bool done;

    *stored = (struct sp_stored_verdicts){ .state = SP_STORED_UNUSABLE };
    if (role == SP_ROLE_CA || role == SP_ROLE_INTERMEDIATE)
        done = judge_ca(stored, facts, role, at, settings, revocation);
    else
        done = judge_person(stored, facts,
                            role == SP_ROLE_IDENTITY ? SP_ROLE_IDENTITY : SP_ROLE_CONTACT, at,
                            settings, revocation);
    if (!done)
        sp_stored_verdicts_clear(stored);
    return done;
}

void sp_stored_verdicts_clear(struct sp_stored_verdicts *stored)
{
    for (int use = 0; use < SP_USE_COUNT; use++)
        smimepolicy_verdict_free(stored->verdicts[use]);
    *stored = (struct sp_stored_verdicts){ .state = SP_STORED_UNUSABLE };
}
