/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Answers for gates, which parse none and verify none.
 */
#include <openssl/crypto.h>
#include <openssl/x509v3.h>

#include "base/key_id.h"
#include "revocation/crl_file.h"
#include "tool/ocsp/ocsp.h"

static int reason_of(const struct sp_revocation *answer)
{
    if (answer->state == SP_REVOCATION_REVOKED)
        return answer->reason;
    return answer->state == SP_REVOCATION_NONE ? SP_CRL_GOOD : SP_CRL_UNKNOWN;
}

void shim_ocsp_keep_for_gates(const char *keyring, const struct shim_ocsp_exchange *exchange,
                              const struct sp_revocation *answer)
{
    const struct sp_keyid key = sp_keyid_of_cert(NULL, exchange->issuer);
    const struct sp_crl_issuer issuer = sp_crl_issuer_of(key.hash, exchange->issuer);
    const bool revoked = answer->state == SP_REVOCATION_REVOKED;
    struct sp_facts *facts = key.known ? sp_facts_new(exchange->cert) : NULL;
    struct sp_kinship kin;
    char *why = NULL;

    if (facts == NULL)
        return;
    kin = sp_facts_kinship(facts);
    if (kin.serial_length > 0)
        (void)sp_ocsp_keep(keyring, &issuer,
                           &(struct sp_crl_entry){ .serial = kin.serial,
                                                   .length = kin.serial_length,
                                                   .at = revoked ? answer->at : answer->next_update,
                                                   .reason = reason_of(answer) },
                           exchange->now, &why);
    /* Whoever may not write the keyring asks again the next time: that is no fault. */
    OPENSSL_free(why);
    sp_facts_free(facts);
}
