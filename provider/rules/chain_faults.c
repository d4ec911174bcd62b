/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * What libcrypto finds wrong with a signer's chain, in our words.
 */

#include "rules/case.h"

/* With `trust = keyring` nothing vouches that is only named. */
static void add_stranger(smimepolicy_verdict *verdict, const char *found,
                         const smimepolicy_settings *settings)
{
    bool keyring = settings->trust == SP_TRUST_KEYRING;

    sp_verdict_add(
        verdict, SP_RULE_DISTRUST_DEFAULT, SMIMEPOLICY_DENY,
        (struct sp_finding_text){
            sp_format("nobody provided a certificate of the sender or of its issuing CA"),
            sp_format("%s", found),
            sp_format(keyring ? "a certificate in the keyring"
                              : "a certificate in the keyring, or named with -CAfile, -CApath or "
                                "-CAstore"),
            sp_format("upload the certificate of the sender or of its issuing CA%s",
                      keyring ? ": with trust = keyring nothing else vouches"
                              : ", or name the CA's with -CAfile") });
}

smimepolicy_verdict *sp_refuse_stranger(const struct sp_facts *signer,
                                        const smimepolicy_settings *settings)
{
    smimepolicy_verdict *verdict = sp_verdict_new(signer, SMIMEPOLICY_VERIFY);

    if (verdict == NULL)
        return NULL;
    add_stranger(verdict, "an issuer that is not known", settings);
    return sp_verdict_finish(verdict);
}

static const char *name_of(const struct sp_facts *facts)
{
    return facts->subject[0] != '\0' ? facts->subject : "(no subject)";
}

/* Add one fault.  It names the signer's own certificate, or that of an issuer. */
static void add_fault(smimepolicy_verdict *verdict, const struct sp_facts *signer,
                      const struct sp_chain_fault *fault)
{
    bool own = fault->at == signer;

    sp_verdict_add(
        verdict, SP_RULE_DISTRUST_DEFAULT, SMIMEPOLICY_DENY,
        (struct sp_finding_text){
            own ? sp_format("the signer's own certificate: %s", fault->why)
                : sp_format("the issuing certificate %s, serial %s: %s", name_of(fault->at),
                            fault->at->serial, fault->why),
            sp_format("%s", name_of(fault->at)),
            sp_format("a chain to a provided anchor that libcrypto accepts"),
            sp_format(own ? "ask the sender for another certificate"
                          : "upload the sender's own certificate if you trust it, or ask the "
                            "sender for one of a CA that may issue it") });
}

smimepolicy_verdict *sp_judge_chain(const struct sp_facts *signer,
                                    const struct sp_chain_fault *faults, size_t count,
                                    const smimepolicy_settings *settings)
{
    smimepolicy_verdict *verdict = sp_verdict_new(signer, SMIMEPOLICY_VERIFY);

    if (verdict == NULL)
        return NULL;
    for (size_t i = 0; i < count; i++) {
        if (faults[i].at == NULL)
            add_stranger(verdict, faults[i].why, settings);
        else
            add_fault(verdict, signer, &faults[i]);
    }
    return sp_verdict_finish(verdict);
}

smimepolicy_verdict *sp_refuse_issuing(const struct sp_facts *made, const struct sp_facts *issuer,
                                       const char *why)
{
    smimepolicy_verdict *verdict = sp_verdict_new(made, SMIMEPOLICY_UPLOAD);

    if (verdict == NULL)
        return NULL;
    sp_verdict_add(verdict, SP_RULE_DISTRUST_DEFAULT, SMIMEPOLICY_DENY,
                   (struct sp_finding_text){
                       sp_format("%s may not issue it: %s", name_of(issuer), why),
                       sp_format("%s", why), sp_format("a certificate within the limits of its CA"),
                       sp_format("name addresses in the domains of that CA, or make "
                                 "another one with 'new --ca'") });
    return sp_verdict_finish(verdict);
}
