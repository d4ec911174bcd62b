/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The entry functions: judge one certificate, one private key, or refuse without
 * either.
 */
#include <limits.h>

#include <openssl/err.h>

#include "rules/verdict.h"

smimepolicy_verdict *smimepolicy_evaluate(const smimepolicy_settings *settings, const X509 *cert,
                                          EVP_PKEY *key, smimepolicy_use use, time_t at)
{
    struct sp_facts *facts;
    smimepolicy_verdict *verdict;

    if (cert == NULL || smimepolicy_use_name(use) == NULL)
        return NULL;
    facts = sp_facts_new(cert);
    if (facts == NULL)
        return NULL;
    verdict = sp_judge(facts, use, at, SP_WITH_VALIDITY, settings);
    sp_facts_free(facts);
    if (verdict == NULL || key == NULL)
        return verdict;
    ERR_set_mark();
    sp_judge_key(verdict, key, cert, NULL);
    verdict = sp_verdict_finish(verdict);
    ERR_pop_to_mark();
    return verdict;
}

smimepolicy_verdict *smimepolicy_evaluate_der(const smimepolicy_settings *settings,
                                              const unsigned char *der, size_t len, EVP_PKEY *key,
                                              smimepolicy_use use, time_t at)
{
    const unsigned char *end = der;
    X509 *cert = NULL;
    smimepolicy_verdict *verdict = NULL;

    ERR_set_mark();
    if (der != NULL && len <= LONG_MAX)
        cert = d2i_X509(NULL, &end, (long)len);
    /* Bytes behind the certificate mean that this is something else. */
    if (cert != NULL && end == der + len)
        verdict = smimepolicy_evaluate(settings, cert, key, use, at);
    X509_free(cert);
    ERR_pop_to_mark();
    return verdict;
}

smimepolicy_verdict *smimepolicy_evaluate_key(const smimepolicy_settings *settings, EVP_PKEY *key,
                                              const X509 *cert, const STACK_OF(X509) *certs)
{
    struct sp_facts *facts = NULL;
    smimepolicy_verdict *verdict = NULL;

    (void)settings; /* no setting changes the rules on private keys */
    if (key == NULL)
        return NULL;
    ERR_set_mark();
    if (cert != NULL)
        facts = sp_facts_new(cert);
    if (cert == NULL || facts != NULL)
        verdict = sp_verdict_new(facts, SMIMEPOLICY_UPLOAD);
    sp_facts_free(facts);
    if (verdict != NULL) {
        sp_judge_key(verdict, key, cert, certs);
        verdict = sp_verdict_finish(verdict);
    }
    ERR_pop_to_mark();
    return verdict;
}

smimepolicy_verdict *sp_refuse(enum sp_single rule, const struct sp_facts *facts,
                               smimepolicy_use use, const char *fault, const char *found,
                               const char *required, const char *remedy)
{
    static const enum sp_rule rules[] = { [SP_CERTIFICATE_REQUIRED] = SP_RULE_CERTIFICATE_REQUIRED,
                                          [SP_DISTRUST_DEFAULT] = SP_RULE_DISTRUST_DEFAULT,
                                          [SP_PRIVATE_KEY_MATCH] = SP_RULE_PRIVATE_KEY_MATCH };
    smimepolicy_verdict *verdict;

    ERR_set_mark();
    verdict = sp_verdict_new(facts, use);
    if (verdict != NULL) {
        sp_verdict_add(verdict, rules[rule], SMIMEPOLICY_DENY,
                       (struct sp_finding_text){ sp_format("%s", fault), sp_format("%s", found),
                                                 sp_format("%s", required),
                                                 sp_format("%s", remedy) });
        verdict = sp_verdict_finish(verdict);
    }
    ERR_pop_to_mark();
    return verdict;
}
