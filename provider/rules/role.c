/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * What an uploaded certificate is kept for, and what it then vouches for.
 */
#include <string.h>

#include <openssl/objects.h>

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

bool sp_facts_is_ca(const struct sp_facts *facts)
{
    return facts->ca;
}

bool sp_facts_is_named_ca(const struct sp_facts *facts)
{
    return facts->ca && (facts->address_count > 0 || facts->name_types[GEN_EMAIL] > 0 ||
                         facts->san == SP_EXT_DUPLICATE || facts->san == SP_EXT_BROKEN);
}

/* Made to issue and for nothing else: public roots look so.  What cannot be read shows nothing. */
static bool only_issues(const struct sp_facts *facts)
{
    const unsigned issuing = SP_KU_CERT_SIGN | SP_KU_CRL_SIGN;

    return facts->usage == SP_EXT_READ && facts->usage_bits != 0 &&
           (facts->usage_bits & ~issuing) == 0 &&
           (facts->extended == SP_EXT_ABSENT || facts->extended == SP_EXT_READ) &&
           !sp_facts_has_purpose(facts, NID_email_protect);
}

bool sp_facts_is_person_ca(const struct sp_facts *facts)
{
    return sp_facts_is_named_ca(facts) && facts->self_issued && !only_issues(facts);
}

enum sp_role sp_role_of(const struct sp_facts *facts, bool has_key)
{
    if (has_key)
        return SP_ROLE_IDENTITY;
    if (!sp_facts_is_ca(facts) || sp_facts_is_person_ca(facts))
        return SP_ROLE_CONTACT;
    return !sp_facts_is_named_ca(facts) || only_issues(facts) ? SP_ROLE_CA : SP_ROLE_NONE;
}

static void deny_key(struct sp_case *c, const char *fault, const char *found, const char *required,
                     const char *remedy)
{
    sp_verdict_add(c->verdict, SP_RULE_PRIVATE_KEY_MATCH, SMIMEPOLICY_DENY,
                   (struct sp_say){ sp_format("%s", fault), sp_format("%s", found),
                                    sp_format("%s", required), sp_format("%s", remedy) });
}

void sp_ask_ambiguous_role(struct sp_case *c)
{
    if (c->role != SP_ROLE_NONE)
        return;
    sp_verdict_add(
        c->verdict, SP_RULE_CA_EXEMPT, SMIMEPOLICY_DENY,
        (struct sp_say){
            sp_format("CA with an address that another one issued: a person's, or a CA's"),
            sp_format("CA:TRUE with an address, and a path to no ca that is known"),
            sp_format("a path to a ca in the keyring or in this upload, or --as"),
            sp_format("upload the CA that issued it too, or use --as ca if it is to vouch for "
                      "everybody it issues to, or --as contact if it is a person's") });
}

static void note_role(struct sp_case *c, const char *fault, const char *found, const char *remedy)
{
    sp_verdict_add(c->verdict, SP_RULE_CA_EXEMPT, SMIMEPOLICY_NOTE,
                   (struct sp_say){ sp_format("%s", fault), sp_format("%s", found),
                                    sp_format("nothing more, if that is what it is for"),
                                    sp_format("%s", remedy) });
}

/* Where the content leaves open what a CA certificate is kept as, whoever uploads it is told. */
static void tell_role(struct sp_case *c)
{
    static const char if_person[] = "use --as contact if it is a person's";

    if (c->by == SP_KEPT_BY_USER || !sp_facts_is_ca(c->facts))
        return;
    if (!sp_facts_is_named_ca(c->facts)) {
        if (!only_issues(c->facts))
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
    else if (c->by == SP_KEPT_BY_PATH)
        note_role(c,
                  "CA with an address, below a ca: kept as a ca, which vouches for the mail of "
                  "everybody it issues to",
                  "CA:TRUE with an address, and a path to a ca", if_person);
    else if (c->role == SP_ROLE_CA && only_issues(c->facts))
        note_role(c,
                  "CA with an address: kept as a ca, which vouches for the mail of everybody it "
                  "issues to",
                  "CA:TRUE with an address, for Certificate Sign and CRL Sign alone", if_person);
}

/* Whether the certificate can be what it is to be kept as. */
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

smimepolicy_verdict *sp_judge_upload(const struct sp_facts *facts, const struct sp_keeping *as,
                                     time_t at, const smimepolicy_settings *settings)
{
    bool exempt = (as->role == SP_ROLE_CA || as->role == SP_ROLE_NONE) && sp_facts_is_ca(facts);

    return sp_judge_case(&(struct sp_case){ .facts = facts,
                                            .use = SMIMEPOLICY_UPLOAD,
                                            .at = at,
                                            .exempt = exempt,
                                            .scope = SP_WITH_VALIDITY,
                                            .role = as->role,
                                            .by = as->by,
                                            .has_key = as->has_key,
                                            .ask_first = ask_role,
                                            .settings = settings });
}

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
