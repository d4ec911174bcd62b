/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include <openssl/crypto.h>

#include "tool/keyring/crl_answers.h"
#include "keyring/keyring.h"
#include "revocation/asked.h"
#include "tool/keyring/keyring_at.h"

int shim_crls_find(struct shim *shim)
{
    char *place;
    bool has_place;

    if (!sp_keyring_place(NULL, &place))
        return shim_no_memory();
    has_place = place != NULL || shim->keyring != NULL || shim->settings->keyring != NULL;
    OPENSSL_free(place);
    return has_place ? shim_keyring_find(shim) : SHIM_OK;
}

const char *shim_crls(const struct shim *shim)
{
    return shim->keyring_path != NULL ? shim->keyring_path : shim->settings->keyring;
}

smimepolicy_verdict *shim_add_revocation(const struct shim *shim, smimepolicy_verdict *verdict,
                                         const X509 *cert, const struct sp_facts *facts, time_t at,
                                         const struct sp_signing_time *signed_at)
{
    const struct sp_asked asked = { facts, sp_x509_is_signed_by, cert };

    return sp_revocation_add(verdict, shim_crls(shim), &asked, at, signed_at, shim->settings);
}

smimepolicy_verdict *shim_evaluate(const struct shim *shim, const X509 *cert, const EVP_PKEY *key,
                                   smimepolicy_use use, time_t at)
{
    smimepolicy_verdict *verdict = sp_evaluate(shim->settings, cert, key, use, at);
    struct sp_facts *facts = verdict == NULL ? NULL : sp_facts_new(cert);

    if (facts != NULL) {
        verdict = shim_add_revocation(shim, verdict, cert, facts, at, NULL);
    } else {
        smimepolicy_verdict_free(verdict);
        verdict = NULL;
    }
    sp_facts_free(facts);
    return verdict;
}

/* An issuer that is asked about. */
struct issuer {
    const X509 *cert;
    const char *keyring; /* borrowed, or NULL */
    bool ends_chain;
};

static bool is_anchor(const void *data)
{
    const struct issuer *issuer = data;
    struct sp_standing standing;
    char *why;

    if (issuer->ends_chain)
        return true;
    standing = sp_keyring_standing_in(issuer->keyring, issuer->cert, &why);
    OPENSSL_free(why);
    return standing.role == SP_ROLE_CA && !sp_is_never_anchor(standing);
}

smimepolicy_verdict *shim_judge_issuer(const struct shim *shim, const X509 *cert, bool ends_chain,
                                       smimepolicy_use use, time_t at)
{
    const struct issuer issuer = { cert, shim_crls(shim), ends_chain };
    struct sp_facts *facts = sp_facts_new(cert);
    const struct sp_asked asked = { facts, sp_x509_is_signed_by, cert };
    smimepolicy_verdict *verdict = NULL;

    if (facts != NULL)
        verdict = sp_revocation_judge_issuer(issuer.keyring, &asked, is_anchor, &issuer, use, at,
                                             shim->settings);
    sp_facts_free(facts);
    return verdict;
}
