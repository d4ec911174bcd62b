/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The wording that the rules on one certificate share.
 */
#include <openssl/crypto.h>

#include "rules/case.h"

void sp_deny(struct sp_case *c, enum sp_rule rule, struct sp_finding_text text)
{
    char *fault = text.fault;

    /* For incoming mail the client rules are parts of one rule: signer-certificate. */
    if (c->use == SMIMEPOLICY_VERIFY && rule != SP_RULE_SIGNER_CERTIFICATE) {
        text.fault = fault == NULL ? NULL : sp_format("%s (%s)", fault, sp_rule_id(rule));
        OPENSSL_free(fault);
        rule = SP_RULE_SIGNER_CERTIFICATE;
    }
    sp_verdict_add(c->verdict, rule, SMIMEPOLICY_DENY, text);
}

char *sp_remedy(const struct sp_case *c, const char *what)
{
    switch (c->use) {
    case SMIMEPOLICY_ENCRYPT:
        return sp_format("ask the contact for %s", what);
    case SMIMEPOLICY_VERIFY:
        return sp_format("ask the sender for %s", what);
    default:
        return sp_format("use %s", what);
    }
}
