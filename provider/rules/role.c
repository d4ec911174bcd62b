/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * What an uploaded certificate is kept for, and what it then vouches for.
 */
#include <string.h>

#include "judge.h"

static const char *const names[] = {
    [SP_ROLE_IDENTITY] = "identity", [SP_ROLE_CONTACT] = "contact", [SP_ROLE_CA] = "ca"
};

const char *sp_role_name(enum sp_role role)
{
    return (size_t)role < sizeof(names) / sizeof(names[0]) ? names[role] : NULL;
}

enum sp_role sp_role_named(const char *name)
{
    for (enum sp_role role = SP_ROLE_IDENTITY; role <= SP_ROLE_CA; role++)
        if (strcmp(names[role], name) == 0)
            return role;
    return SP_ROLE_NONE;
}

enum sp_role sp_role_of(const struct sp_facts *facts, bool has_key)
{
    if (has_key)
        return SP_ROLE_IDENTITY;
    return sp_facts_is_ca(facts) && !sp_facts_is_person_ca(facts) ? SP_ROLE_CA : SP_ROLE_CONTACT;
}

static void deny_key(struct sp_case *c, const char *fault, const char *found, const char *required,
                     const char *remedy)
{
    sp_verdict_add(c->verdict, SP_RULE_PRIVATE_KEY_MATCH, SMIMEPOLICY_DENY,
                   (struct sp_say){ sp_format("%s", fault), sp_format("%s", found),
                                    sp_format("%s", required), sp_format("%s", remedy) });
}

/* Whether the certificate can be what it is to be kept as. */
static void ask_role(struct sp_case *c)
{
    if (c->role == SP_ROLE_IDENTITY && !c->has_key)
        deny_key(c, "an identity without its private key", "no private key",
                 "the private key of the certificate",
                 "give the private key too, or upload the certificate as a contact");
    if (c->role == SP_ROLE_CONTACT && c->has_key)
        deny_key(c, "a contact with a private key", "a private key",
                 "a certificate alone: a contact's private key is the contact's",
                 "upload it as an identity, or leave the key out");
    if (c->role == SP_ROLE_CA && c->has_key)
        deny_key(c, "a CA with a private key", "a private key",
                 "a certificate alone: issuing is not done here",
                 "upload it as an identity, or leave the key out");
    if (c->role == SP_ROLE_CA && !sp_facts_is_ca(c->facts))
        sp_verdict_add(c->verdict, SP_RULE_CA_EXEMPT, SMIMEPOLICY_DENY,
                       (struct sp_say){ sp_format("certificate is not one of a CA"),
                                        sp_format("CA:FALSE"),
                                        sp_format("CA:TRUE in Basic Constraints"),
                                        sp_format("upload it as a contact") });
}

smimepolicy_verdict *sp_judge_upload(const struct sp_facts *facts, enum sp_role role, bool has_key,
                                     time_t at, const smimepolicy_settings *settings)
{
    return sp_judge_case(&(struct sp_case){ .facts = facts,
                                            .use = SMIMEPOLICY_UPLOAD,
                                            .at = at,
                                            .exempt = role == SP_ROLE_CA && sp_facts_is_ca(facts),
                                            .scope = SP_WITH_VALIDITY,
                                            .role = role,
                                            .has_key = has_key,
                                            .ask_first = ask_role,
                                            .settings = settings });
}

bool sp_may_issue(const struct sp_facts *facts, enum sp_role role)
{
    return role == SP_ROLE_CA || !sp_facts_is_person_ca(facts);
}

smimepolicy_verdict *sp_refuse_issuer(const struct sp_facts *issuer, const struct sp_facts *signer)
{
    return sp_refuse(SP_DISTRUST_DEFAULT, signer, SMIMEPOLICY_VERIFY,
                     "a contact's own certificate cannot vouch for others", issuer->subject,
                     "a CA that was provided as a CA",
                     "provide the sender's certificate, or its issuing CA");
}

enum sp_vouching sp_vouches(const struct sp_facts *facts, enum sp_role role, bool is_last)
{
    if (role != SP_ROLE_NONE)
        return SP_VOUCHES;
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
    if (role != SP_ROLE_CA && !is_signer)
        return sp_refuse_issuer(anchor, signer);
    return sp_verdict_finish(sp_verdict_new(signer, SMIMEPOLICY_VERIFY));
}
