/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The role of an uploaded certificate: by its content, and whether it can have it.
 */
#include <string.h>

#include "rules/case.h"

static const char *const names[] = {
    [SP_ROLE_IDENTITY] = "identity",
    [SP_ROLE_CONTACT] = "contact",
    [SP_ROLE_CA] = "ca",
    [SP_ROLE_INTERMEDIATE] = "intermediate",
};

static const char *const origins[] = {
    [SP_ORIGIN_UPLOADED] = "uploaded",
    [SP_ORIGIN_COLLECTED] = "collected",
    [SP_ORIGIN_DIRECTORY] = "directory",
    [SP_ORIGIN_MADE] = "made",
    [SP_ORIGIN_HUB] = "hub",
    [SP_ORIGIN_HUB_ANCHOR] = "hub-anchor",
};

const char *sp_role_name(enum sp_role role)
{
    return (size_t)role < sizeof(names) / sizeof(names[0]) ? names[role] : NULL;
}

enum sp_role sp_role_named(const char *name)
{
    for (enum sp_role role = SP_ROLE_IDENTITY; role < SP_ROLE_COUNT; role++)
        if (strcmp(names[role], name) == 0)
            return role;
    return SP_ROLE_NONE;
}

const char *sp_origin_name(enum sp_origin origin)
{
    return (size_t)origin < sizeof(origins) / sizeof(origins[0]) ? origins[origin] : NULL;
}

bool sp_origin_named(const char *name, enum sp_origin *origin)
{
    for (enum sp_origin o = SP_ORIGIN_UPLOADED; o <= SP_ORIGIN_HUB_ANCHOR; o++)
        if (strcmp(origins[o], name) == 0) {
            *origin = o;
            return true;
        }
    return false;
}

enum sp_role sp_role_of(const struct sp_facts *facts)
{
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

static void deny_key(struct sp_case *c, const char *fault, const char *found, const char *required,
                     const char *remedy)
{
    sp_verdict_add(c->verdict, SP_RULE_PRIVATE_KEY_MATCH, SMIMEPOLICY_DENY,
                   (struct sp_finding_text){ sp_format("%s", fault), sp_format("%s", found),
                                             sp_format("%s", required), sp_format("%s", remedy) });
}

static void note_role(struct sp_case *c, const char *fault, const char *found, const char *remedy)
{
    sp_verdict_add(c->verdict, SP_RULE_CA_EXEMPT, SMIMEPOLICY_NOTE,
                   (struct sp_finding_text){ sp_format("%s", fault), sp_format("%s", found),
                                             sp_format("nothing more, if that is what it is for"),
                                             sp_format("%s", remedy) });
}

/* If the content leaves the role of a CA certificate open, tell which one was taken. */
static void tell_role(struct sp_case *c)
{
    static const char if_person[] = "use --as contact if it is a person's";

    if (c->source == SP_ROLE_FROM_USER || !sp_facts_is_ca(c->facts))
        return;
    if (!sp_facts_is_named_ca(c->facts)) {
        if (!sp_facts_only_issues(c->facts))
            note_role(
                c,
                "CA without an address: kept as a ca, which vouches for the mail of everybody "
                "it issues to",
                "CA:TRUE, for more than Certificate Sign and CRL Sign",
                "leave it out if it is a person's: that needs an address");
        return;
    }
    if (c->role == SP_ROLE_CONTACT)
        note_role(c, "a person's own CA certificate: it vouches for its own addresses alone",
                  "self-issued CA:TRUE with an address",
                  "use --as ca if it is to vouch for everybody it issues to");
    else if (c->source == SP_ROLE_FROM_CHAIN)
        note_role(c,
                  "CA with an address, below a ca: kept as a ca, which vouches for the mail of "
                  "everybody it issues to",
                  "CA:TRUE with an address, and a path to a ca", if_person);
    else if (c->role == SP_ROLE_CA && sp_facts_only_issues(c->facts))
        note_role(c,
                  "CA with an address: kept as a ca, which vouches for the mail of everybody it "
                  "issues to",
                  "CA:TRUE with an address, for Certificate Sign and CRL Sign alone", if_person);
}

static bool is_issuer(const struct sp_case *c)
{
    return c->role == SP_ROLE_CA || c->role == SP_ROLE_INTERMEDIATE;
}

/* Refuse a certificate that cannot have its role. */
static void ask_role(struct sp_case *c)
{
    sp_ask_ambiguous_role(c);
    tell_role(c);
    if (c->role == SP_ROLE_IDENTITY && !c->has_key)
        deny_key(c, "an identity without its private key", "no private key",
                 "the private key of the certificate",
                 "give the private key too, or upload the certificate as a contact");
    if (c->role == SP_ROLE_CONTACT && c->has_key)
        deny_key(c, "a contact with a private key", "a private key",
                 "a certificate alone: a contact's private key is the contact's",
                 "upload it as an identity, or leave the key out");
    if (is_issuer(c) && c->has_key)
        deny_key(c, "a CA with a private key", "a private key",
                 "a certificate alone: a CA has its key here only where 'new --ca' made it",
                 "upload it as an identity, or leave the key out");
    if (is_issuer(c) && !sp_facts_is_ca(c->facts))
        sp_verdict_add(c->verdict, SP_RULE_CA_EXEMPT, SMIMEPOLICY_DENY,
                       (struct sp_finding_text){ sp_format("certificate is not one of a CA"),
                                                 sp_format("CA:FALSE"),
                                                 sp_format("CA:TRUE in Basic Constraints"),
                                                 sp_format("upload it as a contact") });
}

smimepolicy_verdict *sp_judge_upload(const struct sp_facts *facts,
                                     const struct sp_assigned_role *as, time_t at,
                                     const smimepolicy_settings *settings)
{
    bool exempt =
        as->role != SP_ROLE_IDENTITY && as->role != SP_ROLE_CONTACT && sp_facts_is_ca(facts);

    return sp_judge_case(&(struct sp_case){ .facts = facts,
                                            .use = SMIMEPOLICY_UPLOAD,
                                            .at = at,
                                            .exempt = exempt,
                                            .scope = SP_WITH_VALIDITY,
                                            .role = as->role,
                                            .source = as->source,
                                            .has_key = as->has_key,
                                            .ask_first = ask_role,
                                            .settings = settings });
}

smimepolicy_verdict *sp_note_lone_identity(const struct sp_facts *facts)
{
    smimepolicy_verdict *verdict = sp_verdict_new(facts, SMIMEPOLICY_UPLOAD);

    if (verdict == NULL)
        return NULL;
    sp_verdict_add(verdict, SP_RULE_PRIVATE_KEY_MATCH, SMIMEPOLICY_NOTE,
                   (struct sp_finding_text){
                       sp_format("an identity without its private key is kept as a contact"),
                       sp_format("no private key"),
                       sp_format("nothing more, if its owner has the key elsewhere"),
                       sp_format("export it with --keys, or upload its private key with it") });
    return sp_verdict_finish(verdict);
}
