/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Which certificates may vouch for others, and which may be taken out of a mail or from a
 * directory.
 */
#include <string.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "rules/case.h"

bool sp_origin_is_by_hand(enum sp_origin origin)
{
    return origin == SP_ORIGIN_UPLOADED || origin == SP_ORIGIN_MADE ||
           origin == SP_ORIGIN_HUB_ANCHOR;
}

/* Is |fingerprint| one of |list|, which has ", " or spaces between them? */
static bool is_listed(const unsigned char fingerprint[SP_SHA256_LENGTH], const char *list)
{
    char digits[SP_FINGERPRINT_TEXT];

    sp_fingerprint_text(fingerprint, digits);
    while (*(list += strspn(list, ", ")) != '\0') {
        size_t length = strcspn(list, ", ");

        if (length == SP_FINGERPRINT_TEXT - 1 && strncasecmp(list, digits, length) == 0)
            return true;
        list += length;
    }
    return false;
}

enum sp_origin sp_origin_from_hub(struct sp_standing there,
                                  const unsigned char fingerprint[SP_SHA256_LENGTH],
                                  const smimepolicy_settings *settings)
{
    const char *anchors = settings->hub_anchors;
    bool admitted = strcmp(anchors, "yes") == 0 || is_listed(fingerprint, anchors);

    return admitted && !sp_is_never_anchor(there) ? SP_ORIGIN_HUB_ANCHOR : SP_ORIGIN_HUB;
}

bool sp_is_never_anchor(struct sp_standing standing)
{
    return standing.role != SP_ROLE_NONE &&
           (standing.role == SP_ROLE_INTERMEDIATE || !sp_origin_is_by_hand(standing.origin));
}

bool sp_may_issue(const struct sp_facts *facts, struct sp_standing standing, bool is_anchor)
{
    if (!sp_facts_is_ca(facts))
        return false;
    if (!is_anchor)
        return true;
    if (sp_is_never_anchor(standing))
        return false;
    return standing.role == SP_ROLE_CA ||
           (standing.role == SP_ROLE_NONE && !sp_facts_is_person_ca(facts));
}

bool sp_vouches_for_itself(struct sp_standing standing)
{
    return !sp_is_never_anchor(standing) &&
           (standing.role == SP_ROLE_IDENTITY || standing.role == SP_ROLE_CONTACT);
}

/* A certificate with nothing but the address, to check against the CA's name constraints. */
static X509 *bearer(const char *address)
{
    X509 *cert = X509_new();
    GENERAL_NAMES *names = GENERAL_NAMES_new();
    GENERAL_NAME *name = a2i_GENERAL_NAME(NULL, NULL, NULL, GEN_EMAIL, address, 0);
    bool done = cert != NULL && name != NULL && sk_GENERAL_NAME_push(names, name) > 0;

    if (done)
        name = NULL;
    done = done && X509_add1_ext_i2d(cert, NID_subject_alt_name, names, 0, X509V3_ADD_DEFAULT) == 1;
    GENERAL_NAME_free(name);
    GENERAL_NAMES_free(names);
    /* The check needs names that libcrypto caches first. */
    if (done)
        (void)X509_get_extension_flags(cert);
    if (done)
        return cert;
    X509_free(cert);
    return NULL;
}

const char *sp_issuer_limit(X509 *ca, const char *address)
{
    NAME_CONSTRAINTS *limits;
    const char *why = NULL;
    int critical;

    /* libcrypto's own checks, which a verification makes, too. */
    if (X509_check_purpose(ca, X509_PURPOSE_SMIME_SIGN, 1) < 1)
        return "it may not issue certificates for mail";
    limits = X509_get_ext_d2i(ca, NID_name_constraints, &critical, NULL);
    if (critical == -1)
        return NULL;
    if (limits == NULL) {
        why = "its name constraints cannot be read";
    } else {
        X509 *cert = bearer(address);

        if (cert == NULL || NAME_CONSTRAINTS_check(cert, limits) != X509_V_OK)
            why = "its name constraints exclude the address";
        X509_free(cert);
    }
    NAME_CONSTRAINTS_free(limits);
    ERR_clear_error();
    return why;
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

enum sp_vouching sp_vouches(const struct sp_facts *facts, struct sp_standing standing, bool is_last)
{
    const bool stored = standing.role != SP_ROLE_NONE && !sp_is_never_anchor(standing);

    if (stored && standing.role == SP_ROLE_CA && sp_facts_is_ca(facts))
        return SP_VOUCHES;
    if (stored)
        return is_last ? SP_VOUCHES : SP_VOUCHES_FOR_ITSELF;
    return is_last || !sp_facts_is_ca(facts) ? SP_VOUCHES_NOT : SP_VOUCHED_FOR_LATER;
}

smimepolicy_verdict *sp_judge_anchor(const struct sp_facts *signer, const struct sp_facts *anchor,
                                     struct sp_standing standing, bool is_signer)
{
    if (sp_is_never_anchor(standing))
        return sp_refuse(SP_DISTRUST_DEFAULT, signer, SMIMEPOLICY_VERIFY,
                         "the chain ends in a certificate that came with a mail, from a "
                         "directory or from the hub",
                         anchor->subject, "a certificate that a person has uploaded",
                         "upload the CA that issued it; or this certificate, if you trust it");
    if (standing.role == SP_ROLE_NONE)
        return sp_refuse(SP_DISTRUST_DEFAULT, signer, SMIMEPOLICY_VERIFY,
                         "the chain ends in a certificate that was not uploaded", anchor->subject,
                         "a certificate in the keyring",
                         "upload the sender's certificate, or its issuing CA");
    if (!is_signer && !sp_may_issue(anchor, standing, true))
        return sp_refuse_issuer(anchor, signer);
    return sp_verdict_finish(sp_verdict_new(signer, SMIMEPOLICY_VERIFY));
}

const char *sp_collecting_fault(size_t signers)
{
    if (signers == 0)
        return "its signer cannot be read; upload the sender's certificate";
    return signers == 1 ? NULL
                        : "it has several signers, so that it is not clear whose it is; upload the "
                          "certificate of the one that you mean";
}

static void deny(struct sp_case *c, enum sp_rule rule, const char *fault, const char *found,
                 const char *required, const char *remedy)
{
    sp_verdict_add(c->verdict, rule, SMIMEPOLICY_DENY,
                   (struct sp_finding_text){ sp_format("%s", fault), sp_format("%s", found),
                                             sp_format("%s", required), sp_format("%s", remedy) });
}

/* An expired certificate may be uploaded, for old mail; collected, it would be of no use. */
static void ask_validity(const struct sp_case *c)
{
    struct sp_case outgoing = *c;

    outgoing.use = SMIMEPOLICY_ENCRYPT;
    sp_ask_expired(&outgoing);
    sp_ask_not_yet_valid(&outgoing);
}

/* What nobody has put into the keyring by hand needs a CA, and is nobody's here. */
static void ask_unprovided(struct sp_case *c)
{
    const struct sp_collected *collected = c->collected;

    if (sp_facts_is_ca(c->facts))
        deny(c, SP_RULE_CA_EXEMPT,
             collected->sender != NULL ? "a CA's certificate signs this mail"
                                       : "it is a CA's certificate",
             "CA:TRUE",
             collected->sender != NULL
                 ? "CA:FALSE: a mail brings nobody who may vouch for others"
                 : "CA:FALSE: a directory has nobody who may vouch for others",
             "upload it if it is a person's");
    if (!collected->has_ca)
        deny(c, SP_RULE_DISTRUST_DEFAULT, "no CA that was provided vouches for it",
             "a chain that ends in the certificate itself", "a chain to a CA in the keyring",
             "upload the CA that issued it, or the certificate itself");
    if (collected->is_own)
        deny(c, SP_RULE_PRIVATE_KEY_MATCH, "its private key is in the keyring",
             "a certificate of one's own", "a certificate of somebody else",
             "upload it to sign and decrypt with it");
}

static void ask_collected(struct sp_case *c)
{
    ask_validity(c);
    if (!sp_is_only_sender(c->facts, c->collected->sender))
        sp_deny_sender(c->verdict, c->facts, c->collected->sender);
    ask_unprovided(c);
}

static void ask_found(struct sp_case *c)
{
    const char *address = c->collected->address;

    if (!sp_facts_has_address(c->facts, address))
        sp_verdict_add(
            c->verdict, SP_RULE_SAN_EMAIL, SMIMEPOLICY_DENY,
            (struct sp_finding_text){
                sp_format("Subject Alternative Name does not have the address that was asked for"),
                sp_format("%s", c->facts->address_count > 0 ? c->facts->addresses[0] : "none"),
                sp_format("%s", address),
                sp_format("have the directory corrected, or upload the contact's certificate") });
    ask_unprovided(c);
}

smimepolicy_verdict *sp_judge_collected(const struct sp_facts *facts,
                                        const struct sp_collected *collected, time_t at,
                                        const smimepolicy_settings *settings)
{
    return sp_judge_case(&(struct sp_case){ .facts = facts,
                                            .use = SMIMEPOLICY_UPLOAD,
                                            .at = at,
                                            .scope = SP_WITH_VALIDITY,
                                            .role = SP_ROLE_CONTACT,
                                            .source = SP_ROLE_FROM_USER,
                                            .collected = collected,
                                            .ask_first = ask_collected,
                                            .settings = settings });
}

smimepolicy_verdict *sp_judge_from_directory(const struct sp_facts *facts,
                                             const struct sp_collected *found, time_t at,
                                             const smimepolicy_settings *settings)
{
    return sp_judge_case(&(struct sp_case){ .facts = facts,
                                            .use = SMIMEPOLICY_ENCRYPT,
                                            .at = at,
                                            .scope = SP_WITH_VALIDITY,
                                            .role = SP_ROLE_CONTACT,
                                            .source = SP_ROLE_FROM_USER,
                                            .collected = found,
                                            .ask_first = ask_found,
                                            .settings = settings });
}
