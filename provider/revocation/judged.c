/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Judging what was found; and asking elsewhere, which the command alone does.
 */
#include <openssl/err.h>

#include "revocation/asked.h"

/* Written by sp_revocation_ask_also(), in the command. */
static sp_ask_also_fn *ask_also;

void sp_revocation_ask_also(sp_ask_also_fn *also)
{
    ask_also = also;
}

static bool find_elsewhere(const struct sp_asked *asked, struct sp_revocation *found)
{
    const struct sp_revoked_above above = found->above;
    bool done;

    if (ask_also == NULL || asked->has_signed != sp_x509_is_signed_by ||
        found->state == SP_REVOCATION_REVOKED || found->state == SP_REVOCATION_DAMAGED)
        return true;
    done = ask_also(asked->data, found);
    found->above = above;
    return done;
}

bool sp_revocation_find_for(const char *keyring, const struct sp_asked *asked, time_t at,
                            const smimepolicy_settings *settings, struct sp_revocation *found)
{
    const unsigned wants = (sp_revocation_needs_answer(settings) ? SP_WANTS_ANSWER : 0U) |
                           (settings->asks_ocsp && ask_also == NULL ? SP_WANTS_OCSP : 0U);

    *found = (struct sp_revocation){ .state = SP_REVOCATION_NONE, .reason = -1 };
    return !sp_revocation_is_asked(settings) ||
           (sp_revocation_find(keyring, asked, at, wants, found) && find_elsewhere(asked, found));
}

smimepolicy_verdict *sp_revocation_judge(const char *keyring, const struct sp_asked *asked,
                                         smimepolicy_use use, time_t at,
                                         const struct sp_signing_time *signed_at,
                                         const smimepolicy_settings *settings)
{
    smimepolicy_verdict *verdict = NULL;
    struct sp_revocation found;

    if (sp_revocation_find_for(keyring, asked, at, settings, &found))
        verdict = sp_judge_revocation(asked->facts, &found, use, at, signed_at, settings);
    sp_revocation_clear(&found);
    return verdict;
}

smimepolicy_verdict *sp_revocation_judge_issuer(const char *keyring, const struct sp_asked *asked,
                                                sp_is_anchor_fn *is_anchor, const void *data,
                                                smimepolicy_use use, time_t at,
                                                const smimepolicy_settings *settings)
{
    smimepolicy_verdict *verdict = NULL;
    struct sp_revocation found = { .state = SP_REVOCATION_NONE };
    bool anchor;

    if (sp_is_own_issuer(asked->facts) ||
        sp_revocation_find_for(keyring, asked, at, settings, &found)) {
        anchor = found.state != SP_REVOCATION_REVOKED && sp_revocation_speaks(&found, settings) &&
                 is_anchor(data);
        verdict = sp_judge_issuer_revocation(asked->facts, &found, anchor, use, at, settings);
    }
    sp_revocation_clear(&found);
    return verdict;
}

smimepolicy_verdict *sp_revocation_add(smimepolicy_verdict *verdict, const char *keyring,
                                       const struct sp_asked *asked, time_t at,
                                       const struct sp_signing_time *signed_at,
                                       const smimepolicy_settings *settings)
{
    struct sp_revocation found;

    if (verdict == NULL)
        return NULL;
    if (!sp_revocation_find_for(keyring, asked, at, settings, &found))
        verdict = sp_verdict_join(verdict, NULL);
    else if (sp_revocation_speaks(&found, settings))
        verdict = sp_verdict_join(verdict, sp_judge_revocation(asked->facts, &found,
                                                               smimepolicy_verdict_use(verdict), at,
                                                               signed_at, settings));
    sp_revocation_clear(&found);
    return verdict;
}

/* libcrypto reports a key of another kind as an error. */
int sp_is_signed_by(X509 *cert, X509 *issuer)
{
    EVP_PKEY *key = X509_get0_pubkey(issuer);
    const int verified = key == NULL ? -1 : X509_verify(cert, key);

    if (verified >= 0 || key == NULL)
        return verified;
    return ERR_GET_REASON(ERR_peek_last_error()) == ASN1_R_WRONG_PUBLIC_KEY_TYPE ? 0 : -1;
}

int sp_x509_is_signed_by(const unsigned char *issuer, size_t length, const void *data)
{
    X509 *above, *cert;
    int is = -1;

    ERR_set_mark();
    above = d2i_X509(NULL, &issuer, (long)length);
    cert = X509_dup(data);
    if (above != NULL && cert != NULL)
        is = sp_is_signed_by(cert, above);
    X509_free(above);
    X509_free(cert);
    ERR_pop_to_mark();
    return is;
}
