/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdio.h>

#include "outcome.h"
#include "shim.h"

static void print_finding(const smimepolicy_verdict *verdict, const smimepolicy_finding *finding)
{
    char *text = smimepolicy_finding_text(verdict, finding);

    fprintf(stderr, "%s\n", text != NULL ? text : smimepolicy_finding_rule(finding));
    smimepolicy_free(text);
}

void shim_outcome_add(struct shim_outcome *outcome, smimepolicy_verdict *verdict)
{
    if (verdict == NULL) {
        outcome->fault = shim_no_memory();
        return;
    }
    for (size_t i = 0; i < smimepolicy_verdict_count(verdict); i++) {
        const smimepolicy_finding *finding = smimepolicy_verdict_get0_finding(verdict, i);

        if (!outcome->denials_only || smimepolicy_finding_severity(finding) == SMIMEPOLICY_DENY)
            print_finding(verdict, finding);
    }
    if (!smimepolicy_verdict_allowed(verdict))
        outcome->denied = true;
    smimepolicy_verdict_free(verdict);
}
