/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The choice among several certificates of one address, and its wording.
 */
#include "rules/case.h"

#include <openssl/crypto.h>

#include "base/text.h"

/* Is |a| valid longer from now than |b|?  A date that cannot be read counts as invalid. */
static bool outlasts(const struct sp_facts *a, const struct sp_facts *b)
{
    if (a->not_after.known != b->not_after.known)
        return a->not_after.known;
    if (a->not_after.known && a->not_after.seconds != b->not_after.seconds)
        return a->not_after.seconds > b->not_after.seconds;
    return a->not_before.known && b->not_before.known &&
           a->not_before.seconds > b->not_before.seconds;
}

static bool is_better(const struct sp_candidate *a, const struct sp_candidate *b)
{
    bool a_usable = smimepolicy_verdict_allowed(a->verdict) != 0;

    /* A certificate that may not be used never goes before one that may. */
    if (a_usable != (smimepolicy_verdict_allowed(b->verdict) != 0))
        return a_usable;
    return outlasts(a->facts, b->facts);
}

bool sp_rank(struct sp_candidate *candidates, size_t count, smimepolicy_use use, time_t at,
             const smimepolicy_settings *settings, size_t *order)
{
    for (size_t i = 0; i < count; i++) {
        size_t place = i;

        candidates[i].verdict =
            sp_judge_with(candidates[i].facts, use, at, settings, candidates[i].revocation);
        if (candidates[i].verdict == NULL)
            return false;
        /* Few certificates have one address in common, so insertion sort is enough. */
        for (; place > 0 && is_better(&candidates[i], &candidates[order[place - 1]]); place--)
            order[place] = order[place - 1];
        order[place] = i;
    }
    return true;
}

static const char *subject_of(const smimepolicy_verdict *verdict)
{
    const char *subject = smimepolicy_verdict_get0_subject(verdict);

    return *subject == '\0' ? "(no subject)" : subject;
}

char *sp_chosen_text(const smimepolicy_verdict *verdict, size_t count)
{
    return sp_format("of %zu certificates %s, serial %s, is used", count, subject_of(verdict),
                     smimepolicy_verdict_get0_serial(verdict));
}

char *sp_passed_over_reason(const smimepolicy_verdict *verdict)
{
    const smimepolicy_finding *finding;

    if (smimepolicy_verdict_allowed(verdict))
        return OPENSSL_strdup("another one is valid for longer");
    finding = smimepolicy_verdict_get0_finding(verdict, 0);
    return sp_format("%s [%s]", smimepolicy_finding_get0_fault(finding),
                     smimepolicy_finding_rule(finding));
}

char *sp_passed_over_text(const smimepolicy_verdict *verdict)
{
    char *reason = sp_passed_over_reason(verdict);
    char *text = reason == NULL ? NULL
                                : sp_format("not %s, serial %s: %s", subject_of(verdict),
                                            smimepolicy_verdict_get0_serial(verdict), reason);

    OPENSSL_free(reason);
    return text;
}
