/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Judging one certificate for a program: by the rules, and by the keyring that its settings
 * name, which has CRLs and may be the copy of a hub.
 */
#include <limits.h>

#include <openssl/err.h>

#include "keyring/contact.h"
#include "revocation/asked.h"

/* Settings that are NULL have no keyring, and refuse nobody without one. */
static smimepolicy_verdict *add_keyring(smimepolicy_verdict *verdict,
                                        const smimepolicy_settings *settings, const X509 *cert,
                                        time_t at)
{
    struct sp_facts *facts;
    struct sp_asked asked = { NULL, sp_x509_is_signed_by, cert };

    if (verdict == NULL || settings == NULL ||
        (!sp_revocation_is_asked(settings) &&
         !sp_age_is_asked(smimepolicy_verdict_use(verdict), settings)))
        return verdict;
    ERR_set_mark();
    asked.facts = facts = sp_facts_new(cert);
    if (facts != NULL) {
        verdict = sp_revocation_add(verdict, settings->keyring, &asked, at, NULL, settings);
        verdict = sp_keyring_add_age(verdict, facts, at, settings);
    } else {
        smimepolicy_verdict_free(verdict);
        verdict = NULL;
    }
    sp_facts_free(facts);
    ERR_pop_to_mark();
    return verdict;
}

smimepolicy_verdict *smimepolicy_evaluate(const smimepolicy_settings *settings, const X509 *cert,
                                          const EVP_PKEY *key, smimepolicy_use use, time_t at)
{
    return add_keyring(sp_evaluate(settings, cert, key, use, at), settings, cert, at);
}

smimepolicy_verdict *smimepolicy_evaluate_der(const smimepolicy_settings *settings,
                                              const unsigned char *der, size_t len,
                                              const EVP_PKEY *key, smimepolicy_use use, time_t at)
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
