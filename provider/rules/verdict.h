/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Building a verdict: for the rules alone.
 */
#ifndef SP_VERDICT_H
#define SP_VERDICT_H

#include "base/text.h"
#include "rules/facts.h"
#include "settings/rule_ids.h"

struct smimepolicy_finding {
    enum sp_rule rule;
    smimepolicy_severity severity;
    char *fault; /* owned, as are the three below; never NULL */
    char *found;
    char *required;
    char *remedy;
};

struct smimepolicy_verdict {
    smimepolicy_use use;
    bool failed; /* out of memory on the way: never leaves the rules */
    /* Of the certificate; owned, NULL without one. */
    char *subject;
    char *serial;
    struct sp_moment not_before; /* zeroed without one */
    struct sp_moment not_after;
    char **addresses; /* owned with its strings; NULL past the last */
    size_t address_count;
    smimepolicy_finding *findings; /* owned; by falling severity */
    size_t count;
    size_t size;
};

/* What a finding says; each string new and owned, NULL counts as out of memory. */
struct sp_finding_text {
    char *fault;
    char *found;
    char *required;
    char *remedy;
};

/* |facts| may be NULL. */
smimepolicy_verdict *sp_verdict_new(const struct sp_facts *facts, smimepolicy_use use);
/* Takes over the strings of |text|, also on failure.  SMIMEPOLICY_IGNORE drops them. */
void sp_verdict_add(smimepolicy_verdict *verdict, enum sp_rule rule, smimepolicy_severity severity,
                    struct sp_finding_text text);
/* |verdict|, or NULL if it failed; then it is freed. */
smimepolicy_verdict *sp_verdict_finish(smimepolicy_verdict *verdict);

const char *sp_severity_name(smimepolicy_severity severity);

/* Add the findings on |key|; |cert| and |certs| as for smimepolicy_evaluate_key(). */
void sp_judge_key(smimepolicy_verdict *verdict, const EVP_PKEY *key, const X509 *cert,
                  const STACK_OF(X509) *certs);

#endif
