/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Building a verdict; for the rules alone.
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
    bool failed; /* memory ran out; such a verdict never leaves the rules */
    /* Of the certificate; owned, NULL without a certificate. */
    char *subject;
    char *serial;
    struct sp_moment not_before; /* zeroed without a certificate */
    struct sp_moment not_after;
    char **addresses; /* owned, with its strings; the last is NULL */
    size_t address_count;
    smimepolicy_finding *findings; /* owned; sorted, denials first */
    size_t count;
    size_t size;
};

/* The text of a finding.  Each string is new and owned; NULL counts as out of memory. */
struct sp_finding_text {
    char *fault;
    char *found;
    char *required;
    char *remedy;
};

/* A new verdict without findings; |facts| may be NULL. */
smimepolicy_verdict *sp_verdict_new(const struct sp_facts *facts, smimepolicy_use use);
/*
 * Add a finding.  The strings of |text| are taken over, also on failure.
 * SMIMEPOLICY_IGNORE frees them.
 */
void sp_verdict_add(smimepolicy_verdict *verdict, enum sp_rule rule, smimepolicy_severity severity,
                    struct sp_finding_text text);
/* Returns |verdict|, or frees it and returns NULL if memory ran out, also if it is NULL. */
smimepolicy_verdict *sp_verdict_finish(smimepolicy_verdict *verdict);

const char *sp_severity_name(smimepolicy_severity severity);

/* Add the findings on |key|; |cert| and |certs| as for smimepolicy_evaluate_key(). */
void sp_judge_key(smimepolicy_verdict *verdict, const EVP_PKEY *key, const X509 *cert,
                  const STACK_OF(X509) *certs);

#endif
