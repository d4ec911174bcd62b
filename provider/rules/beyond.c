/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The rules beyond the guide's.  Their severity is a setting.
 */
#include <openssl/objects.h>

#include "rules/case.h"

#define RSA_BITS 2048
#define EC_BITS  256

void sp_ask_weak_key(struct sp_case *c)
{
    const struct sp_public_key *key = &c->facts->key;
    bool rsa = key->kind == SP_KEY_RSA || key->kind == SP_KEY_RSA_PSS;
    int least = rsa ? RSA_BITS : EC_BITS;

    if ((!rsa && key->kind != SP_KEY_EC) || key->bits >= least)
        return;
    sp_verdict_add(c->verdict, SP_RULE_WEAK_KEY, c->settings->beyond[SP_WEAK_KEY],
                   (struct sp_finding_text){
                       sp_format("%s key has only %d bits", rsa ? "RSA" : "EC", key->bits),
                       sp_format("%d bits", key->bits), sp_format("at least %d bits", least),
                       sp_remedy(c, "a certificate with a longer key") });
}

void sp_ask_eku_any(struct sp_case *c)
{
    if (c->exempt || !sp_facts_has_purpose(c->facts, NID_anyExtendedKeyUsage))
        return;
    sp_verdict_add(
        c->verdict, SP_RULE_EKU_ANY, c->settings->beyond[SP_EKU_ANY],
        (struct sp_finding_text){ sp_format("Extended Key Usage allows any purpose"),
                                  sp_format("Any Extended Key Usage"),
                                  sp_format("E-mail Protection without it"),
                                  sp_remedy(c, "a certificate for E-mail Protection alone") });
}
