/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The role of an uploaded certificate, by its content.
 */
#include <string.h>

#include <openssl/objects.h>

#include "rules/case.h"

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
    if (!sp_facts_is_ca(facts) || sp_facts_is_person_ca(facts))
        return SP_ROLE_CONTACT;
    return !sp_facts_is_named_ca(facts) || sp_facts_only_issues(facts) ? SP_ROLE_CA : SP_ROLE_NONE;
}

void sp_ask_ambiguous_role(struct sp_case *c)
{
    if (c->role != SP_ROLE_NONE)
        return;
    sp_verdict_add(
        c->verdict, SP_RULE_CA_EXEMPT, SMIMEPOLICY_DENY,
        (struct sp_finding_text){
            sp_format("CA with an address that another one issued: a person's, or a CA's"),
            sp_format("CA:TRUE with an address, and a path to no ca that is known"),
            sp_format("a path to a ca in the keyring or in this upload, or --as"),
            sp_format("upload the CA that issued it too, or use --as ca if it is to vouch for "
                      "everybody it issues to, or --as contact if it is a person's") });
}
