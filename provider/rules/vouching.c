/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Which certificates may vouch for others.
 */
#include <openssl/crypto.h>

#include "rules/case.h"

bool sp_may_issue(const struct sp_facts *facts, enum sp_role role, bool is_anchor)
{
    if (!sp_facts_is_ca(facts))
        return false;
    if (!is_anchor || role == SP_ROLE_CA)
        return true;
    return role == SP_ROLE_NONE && !sp_facts_is_person_ca(facts);
}

bool sp_vouches_for_itself(enum sp_role role)
{
    return role == SP_ROLE_IDENTITY || role == SP_ROLE_CONTACT;
}

smimepolicy_verdict *sp_refuse_issuer(const struct sp_facts *issuer, const struct sp_facts *signer)
{
    bool ca = sp_facts_is_ca(issuer);

    return sp_refuse(SP_DISTRUST_DEFAULT, signer, SMIMEPOLICY_VERIFY,
                     ca ? "a contact's own certificate cannot vouch for others"
                        : "a certificate that is no CA's cannot vouch for others",
                     issuer->subject,
                     ca ? "a CA that was provided as a CA"
                        : "CA:TRUE in the Basic Constraints of every issuer",
                     "provide the sender's certificate, or its issuing CA");
}

smimepolicy_verdict *sp_refuse_unreadable(const struct sp_facts *anchor)
{
    return sp_refuse(SP_DISTRUST_DEFAULT, anchor, SMIMEPOLICY_VERIFY,
                     "the extensions of a trusted certificate cannot be read", anchor->subject,
                     "extensions that can be parsed, each of them once",
                     "provide a certificate that is encoded correctly");
}

enum sp_vouching sp_vouches(const struct sp_facts *facts, enum sp_role role, bool is_last)
{
    if (role == SP_ROLE_CA && sp_facts_is_ca(facts))
        return SP_VOUCHES;
    if (role != SP_ROLE_NONE)
        return is_last ? SP_VOUCHES : SP_VOUCHES_FOR_ITSELF;
    return is_last || !sp_facts_is_ca(facts) ? SP_VOUCHES_NOT : SP_VOUCHED_FOR_LATER;
}

smimepolicy_verdict *sp_judge_anchor(const struct sp_facts *signer, const struct sp_facts *anchor,
                                     enum sp_role role, bool is_signer)
{
    if (role == SP_ROLE_NONE)
        return sp_refuse(SP_DISTRUST_DEFAULT, signer, SMIMEPOLICY_VERIFY,
                         "the chain ends in a certificate that was not uploaded", anchor->subject,
                         "a certificate in the keyring",
                         "upload the sender's certificate, or its issuing CA");
    if (!is_signer && !sp_may_issue(anchor, role, true))
        return sp_refuse_issuer(anchor, signer);
    return sp_verdict_finish(sp_verdict_new(signer, SMIMEPOLICY_VERIFY));
}
