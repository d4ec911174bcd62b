/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Questions about the facts of a certificate that depend on no use.
 */
#include <openssl/objects.h>
#include <openssl/x509v3.h>

#include "rules/facts.h"

bool sp_facts_has_purpose(const struct sp_facts *facts, int nid)
{
    for (int i = 0; i < sk_ASN1_OBJECT_num(facts->purposes); i++)
        if (OBJ_obj2nid(sk_ASN1_OBJECT_value(facts->purposes, i)) == nid)
            return true;
    return false;
}

bool sp_may_stamp(const struct sp_facts *facts)
{
    return sk_ASN1_OBJECT_num(facts->purposes) == 1 && sp_facts_has_purpose(facts, NID_time_stamp);
}

const char *sp_facts_subject(const struct sp_facts *facts)
{
    return facts->subject;
}

const char *sp_facts_serial(const struct sp_facts *facts)
{
    return facts->serial;
}

const char *sp_facts_address(const struct sp_facts *facts, size_t index)
{
    return index < facts->address_count ? facts->addresses[index] : NULL;
}

bool sp_facts_is_ca(const struct sp_facts *facts)
{
    return facts->ca;
}

bool sp_facts_is_named_ca(const struct sp_facts *facts)
{
    return facts->ca && (facts->address_count > 0 || facts->name_types[GEN_EMAIL] > 0 ||
                         facts->san == SP_EXT_DUPLICATE || facts->san == SP_EXT_BROKEN);
}

bool sp_facts_only_issues(const struct sp_facts *facts)
{
    const unsigned issuing = SP_KU_CERT_SIGN | SP_KU_CRL_SIGN;

    return facts->usage_bits != 0 && (facts->usage_bits & ~issuing) == 0 &&
           (facts->extended == SP_EXT_ABSENT || facts->extended == SP_EXT_READ) &&
           !sp_facts_has_purpose(facts, NID_email_protect);
}

bool sp_facts_is_person_ca(const struct sp_facts *facts)
{
    return sp_facts_is_named_ca(facts) && facts->self_issued && !sp_facts_only_issues(facts);
}

struct sp_kinship sp_facts_kinship(const struct sp_facts *facts)
{
    return (struct sp_kinship){ .subject = facts->subject_hash,
                                .issuer = facts->issuer_hash,
                                .key_id = facts->key_id,
                                .issuer_key_id = facts->issuer_key_id,
                                .serial = facts->serial_octets,
                                .serial_length = facts->serial_length,
                                .points = facts->points,
                                .delegations = facts->delegations,
                                .is_ca = facts->ca };
}
