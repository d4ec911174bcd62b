/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The rules about one certificate: one function for each.  The table at the end says
 * which use asks which rule.
 */
#include <openssl/crypto.h>

#include "rules/case.h"

/* The names that libcrypto prints and the guide uses. */
static const char *const usage_names[SP_KU_COUNT] = { "Digital Signature", "Non Repudiation",
                                                      "Key Encipherment",  "Data Encipherment",
                                                      "Key Agreement",     "Certificate Sign",
                                                      "CRL Sign",          "Encipher Only",
                                                      "Decipher Only" };

/* Deny under |rule|, or under `signer-certificate` where the use is to verify. */
static void deny(struct sp_case *c, enum sp_rule rule, struct sp_finding_text text)
{
    char *fault = text.fault;

    /* For incoming mail the client rules are parts of one rule: signer-certificate. */
    if (c->use == SMIMEPOLICY_VERIFY && rule != SP_RULE_SIGNER_CERTIFICATE) {
        text.fault = fault == NULL ? NULL : sp_format("%s (%s)", fault, sp_rule_id(rule));
        OPENSSL_free(fault);
        rule = SP_RULE_SIGNER_CERTIFICATE;
    }
    sp_verdict_add(c->verdict, rule, SMIMEPOLICY_DENY, text);
}

char *sp_remedy(const struct sp_case *c, const char *what)
{
    switch (c->use) {
    case SMIMEPOLICY_ENCRYPT:
        return sp_format("ask the contact for %s", what);
    case SMIMEPOLICY_VERIFY:
        return sp_format("ask the sender for %s", what);
    default:
        return sp_format("use %s", what);
    }
}

static bool refuse_unreadable(struct sp_case *c, enum sp_rule rule, enum sp_extension state,
                              const char *name)
{
    bool twice = state == SP_EXT_DUPLICATE;

    if (!twice && state != SP_EXT_BROKEN)
        return false;
    deny(c, rule,
         (struct sp_finding_text){
             sp_format(twice ? "%s is there more than once" : "%s cannot be read", name),
             sp_format(twice ? "several extensions of that type"
                             : "an extension that is not valid DER"),
             sp_format("one readable extension at most"),
             sp_remedy(c, "a certificate that is encoded correctly") });
    return true;
}

static char *found_names(const struct sp_facts *facts)
{
    static const char *const types[SP_NAME_TYPES] = { "otherName", "email",      "DNS",
                                                      "X400Name",  "dirName",    "ediPartyName",
                                                      "URI",       "IP Address", "Registered ID" };
    struct sp_text text = { 0 };

    if (facts->san == SP_EXT_ABSENT)
        return sp_format("no Subject Alternative Name");
    for (size_t i = 0; i < SP_NAME_TYPES; i++)
        if (facts->name_types[i] > 0)
            sp_text_add_item(&text, types[i]);
    if (text.len == 0)
        sp_text_add(&text, "no names");
    if (facts->bad_address != NULL) {
        sp_text_add(&text, "; '");
        sp_text_add(&text, facts->bad_address);
        sp_text_add(&text, "' is no address");
    }
    return sp_text_take(&text);
}

/* The remedy for certificates that are not for mail: all of them are refused under this rule. */
static char *san_remedy(const struct sp_case *c)
{
    return sp_remedy(c, c->names_raw_keys
                            ? "a certificate with an email address in Subject Alternative Name, or "
                              "set raw_keys = pass if this is no mail"
                            : "a certificate with an email address in Subject Alternative Name");
}

static void ask_san_email(struct sp_case *c)
{
    if (refuse_unreadable(c, SP_RULE_SAN_EMAIL, c->facts->san, "Subject Alternative Name") ||
        c->exempt || c->facts->address_count > 0)
        return;
    deny(c, SP_RULE_SAN_EMAIL,
         (struct sp_finding_text){
             sp_format("no email address in Subject Alternative Name"), found_names(c->facts),
             sp_format("at least one email address (rfc822Name)"), san_remedy(c) });
}

static char *found_usage(const struct sp_facts *facts)
{
    struct sp_text text = { 0 };

    if (facts->usage == SP_EXT_ABSENT)
        return sp_format("no Key Usage");
    for (unsigned i = 0; i < SP_KU_COUNT; i++)
        if ((facts->usage_bits & 1U << i) != 0)
            sp_text_add_item(&text, usage_names[i]);
    if (text.len == 0)
        sp_text_add(&text, "nothing");
    return sp_text_take(&text);
}

static bool has_usage(const struct sp_case *c, unsigned bits)
{
    return (c->facts->usage_bits & bits) != 0;
}

static bool is_ec(const struct sp_facts *facts)
{
    return facts->key.kind == SP_KEY_EC;
}

/* If a setting would have avoided the refusal, the remedy names it. */
static char *usage_remedy(const struct sp_case *c)
{
    const char *what = "a certificate with Digital Signature or Key Encipherment in Key Usage";

    if (c->facts->usage == SP_EXT_ABSENT)
        what = "a certificate with a Key Usage, or set missing_key_usage = accept";
    else if (is_ec(c->facts) && has_usage(c, SP_KU_KEY_AGREEMENT))
        what = "a certificate with Digital Signature or Key Encipherment in Key Usage, or set "
               "ec_key_agreement = accept";
    return sp_remedy(c, what);
}

static void ask_key_usage(struct sp_case *c)
{
    unsigned enough = SP_KU_DIGITAL_SIGNATURE | SP_KU_KEY_ENCIPHERMENT;
    bool absent = c->facts->usage == SP_EXT_ABSENT;

    if (refuse_unreadable(c, SP_RULE_KEY_USAGE, c->facts->usage, "Key Usage") || c->exempt)
        return;
    /* RFC 8813, 3: a key for ECDH alone has Key Agreement and nothing else. */
    if (c->settings->accept_ec_key_agreement && is_ec(c->facts))
        enough |= SP_KU_KEY_AGREEMENT;
    if (absent ? c->settings->accept_missing_key_usage : has_usage(c, enough))
        return;
    deny(c, SP_RULE_KEY_USAGE,
         (struct sp_finding_text){
             sp_format(absent ? "no Key Usage"
                              : "Key Usage has neither Digital Signature nor Key Encipherment"),
             found_usage(c->facts), sp_format("Digital Signature and/or Key Encipherment"),
             usage_remedy(c) });
}

/* ask_key_usage() reports a Key Usage that is absent or unreadable. */
static void ask_usage_sign(struct sp_case *c)
{
    if (c->facts->usage != SP_EXT_READ || has_usage(c, SP_KU_DIGITAL_SIGNATURE))
        return;
    deny(c, SP_RULE_USAGE_SIGN,
         (struct sp_finding_text){
             sp_format("Key Usage does not allow signing"), found_usage(c->facts),
             sp_format("%s", usage_names[0]),
             sp_remedy(c, "a certificate with Digital Signature in Key Usage") });
}

static void ask_usage_encrypt(struct sp_case *c)
{
    bool ec = is_ec(c->facts);

    if (c->facts->usage != SP_EXT_READ ||
        has_usage(c, SP_KU_KEY_ENCIPHERMENT | (ec ? SP_KU_KEY_AGREEMENT : 0U)))
        return;
    deny(c, SP_RULE_USAGE_ENCRYPT,
         (struct sp_finding_text){
             sp_format("Key Usage does not allow encryption"), found_usage(c->facts),
             sp_format(ec ? "Key Encipherment or Key Agreement" : "Key Encipherment"),
             sp_remedy(c, ec ? "a certificate with Key Agreement in Key Usage"
                             : "a certificate with Key Encipherment in Key Usage") });
}

/* RFC 8550, 4.4.2: which Key Usage a receiving agent accepts of a signer. */
static void ask_may_sign(struct sp_case *c)
{
    bool absent = c->facts->usage == SP_EXT_ABSENT;
    bool fit = has_usage(c, SP_KU_DIGITAL_SIGNATURE | SP_KU_NON_REPUDIATION);
    struct sp_finding_text text;

    if (refuse_unreadable(c, SP_RULE_SIGNER_CERTIFICATE, c->facts->usage, "Key Usage") ||
        has_usage(c, SP_KU_DIGITAL_SIGNATURE))
        return;
    text = (struct sp_finding_text){
        sp_format(absent ? "signer's certificate has no Key Usage"
                         : (fit ? "signer's Key Usage has Non Repudiation alone"
                                : "Key Usage does not allow signing")),
        found_usage(c->facts), sp_format("Digital Signature or Non Repudiation, if there"),
        sp_remedy(c, "a certificate with Digital Signature in Key Usage")
    };
    if (absent || fit)
        sp_verdict_add(c->verdict, SP_RULE_SIGNER_CERTIFICATE, SMIMEPOLICY_NOTE, text);
    else
        deny(c, SP_RULE_SIGNER_CERTIFICATE, text);
}

static char *found_purposes(const struct sp_facts *facts)
{
    struct sp_text text = { 0 };

    for (int i = 0; i < sk_ASN1_OBJECT_num(facts->purposes); i++) {
        char name[80];

        if (OBJ_obj2txt(name, sizeof(name), sk_ASN1_OBJECT_value(facts->purposes, i), 0) > 0)
            sp_text_add_item(&text, name);
    }
    if (text.len == 0)
        sp_text_add(&text, "no purpose");
    return sp_text_take(&text);
}

static void ask_extended_key_usage(struct sp_case *c)
{
    if (refuse_unreadable(c, SP_RULE_EXTENDED_KEY_USAGE, c->facts->extended,
                          "Extended Key Usage") ||
        c->exempt || c->facts->extended == SP_EXT_ABSENT ||
        sp_facts_has_purpose(c->facts, NID_email_protect))
        return;
    deny(c, SP_RULE_EXTENDED_KEY_USAGE,
         (struct sp_finding_text){ sp_format("Extended Key Usage lacks E-mail Protection"),
                                   found_purposes(c->facts), sp_format("E-mail Protection"),
                                   sp_remedy(c, "a certificate for E-mail Protection") });
}

static char *algorithm_fault(const struct sp_public_key *key)
{
    char *name = sp_escape(key->name, strnlen(key->name, sizeof(key->name)));
    char *fault = NULL;

    if (name == NULL)
        return NULL;
    if (key->kind == SP_KEY_RSA_PSS)
        fault = sp_format("public key is RSASSA-PSS, which only signs");
    else if (key->kind == SP_KEY_EC_EXPLICIT)
        fault = sp_format("public key is EC with explicit parameters");
    else if (key->kind == SP_KEY_BROKEN)
        fault = sp_format("public key (%s) cannot be read", name);
    else
        fault = sp_format("public key algorithm is %s", name);
    OPENSSL_free(name);
    return fault;
}

static void ask_key_algorithm(struct sp_case *c)
{
    const struct sp_public_key *key = &c->facts->key;
    bool encrypt = c->use == SMIMEPOLICY_ENCRYPT;

    if (c->exempt || key->kind == SP_KEY_RSA || key->kind == SP_KEY_EC ||
        (key->kind == SP_KEY_RSA_PSS && !encrypt))
        return;
    deny(c, SP_RULE_KEY_ALGORITHM,
         (struct sp_finding_text){ algorithm_fault(key),
                                   sp_escape(key->name, strnlen(key->name, sizeof(key->name))),
                                   sp_format("RSA, or EC on a named curve"),
                                   sp_remedy(c, "a certificate with an RSA or EC key") });
}

static void ask_basic_constraints(struct sp_case *c)
{
    if (refuse_unreadable(c, SP_RULE_CA_EXEMPT, c->facts->basic, "Basic Constraints") || !c->exempt)
        return;
    sp_verdict_add(
        c->verdict, SP_RULE_CA_EXEMPT, SMIMEPOLICY_NOTE,
        (struct sp_finding_text){
            sp_format("CA certificate, the rules for client certificates are not asked"),
            sp_format("CA:TRUE"), sp_format("nothing more, as an issuer"),
            sp_format("to sign or be encrypted to, a certificate has to satisfy them") });
}

static const struct {
    unsigned uses;
    bool validity; /* left out by SP_WITHOUT_VALIDITY */
    void (*ask)(struct sp_case *c);
} questions[] = {
#define USE(name) (1U << SMIMEPOLICY_##name)
    { USE(UPLOAD) | USE(SIGN) | USE(ENCRYPT) | USE(VERIFY), false, ask_san_email },
    { USE(UPLOAD) | USE(SIGN) | USE(ENCRYPT), false, ask_key_usage },
    { USE(UPLOAD) | USE(SIGN) | USE(ENCRYPT) | USE(VERIFY), false, ask_key_algorithm },
    { USE(UPLOAD) | USE(SIGN) | USE(ENCRYPT) | USE(VERIFY), false, ask_extended_key_usage },
    { USE(UPLOAD) | USE(SIGN) | USE(ENCRYPT) | USE(VERIFY), false, ask_basic_constraints },
    { USE(UPLOAD) | USE(SIGN) | USE(ENCRYPT), true, sp_ask_expired },
    { USE(UPLOAD) | USE(SIGN) | USE(ENCRYPT), true, sp_ask_not_yet_valid },
    { USE(SIGN), false, ask_usage_sign },
    { USE(ENCRYPT), false, ask_usage_encrypt },
    { USE(VERIFY), false, ask_may_sign },
    { USE(DECRYPT), true, sp_ask_decrypt_expired },
    { USE(UPLOAD) | USE(SIGN) | USE(ENCRYPT) | USE(VERIFY), false, sp_ask_weak_key },
    { USE(UPLOAD) | USE(SIGN) | USE(ENCRYPT) | USE(VERIFY), false, sp_ask_weak_digest },
    { USE(UPLOAD) | USE(SIGN) | USE(ENCRYPT) | USE(VERIFY), false, sp_ask_eku_any },
    { USE(UPLOAD) | USE(SIGN) | USE(ENCRYPT) | USE(VERIFY), false, sp_ask_validity_too_long },
    { USE(UPLOAD) | USE(SIGN) | USE(ENCRYPT), true, sp_ask_expires_soon },
#undef USE
};

static void ask_all(struct sp_case *c)
{
    for (size_t i = 0; i < sizeof(questions) / sizeof(questions[0]); i++) {
        if ((questions[i].uses & 1U << c->use) == 0)
            continue;
        if (questions[i].validity && c->scope == SP_WITHOUT_VALIDITY)
            continue;
        questions[i].ask(c);
    }
}

smimepolicy_verdict *sp_judge(const struct sp_facts *facts, smimepolicy_use use, time_t at,
                              enum sp_scope scope, const smimepolicy_settings *settings)
{
    struct sp_case c = {
        .facts = facts, .use = use, .at = at, .scope = scope, .settings = settings
    };

    if (use == SMIMEPOLICY_UPLOAD) {
        c.role = sp_role_of(facts);
        c.exempt = c.role != SP_ROLE_CONTACT;
        c.ask_first = sp_ask_ambiguous_role;
    }
    return sp_judge_case(&c);
}

smimepolicy_verdict *sp_judge_case(struct sp_case *c)
{
    smimepolicy_settings *defaults = NULL;

    if (c->settings == NULL)
        c->settings = defaults = smimepolicy_settings_new();
    if (c->settings != NULL)
        c->verdict = sp_verdict_new(c->facts, c->use);
    if (c->verdict != NULL) {
        if (c->ask_first != NULL)
            c->ask_first(c);
        ask_all(c);
        c->verdict = sp_verdict_finish(c->verdict);
    }
    smimepolicy_settings_free(defaults);
    return c->verdict;
}
