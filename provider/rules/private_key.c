/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The rules on private keys.
 */
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include "rules/verdict.h"

enum key_state { KEY_GOOD, KEY_OTHER, KEY_EXPLICIT, KEY_PUBLIC };

/*
 * Has |key| only a public half?  Providers offer the private number and then may not
 * have one.  A key in hardware does not offer it, and counts as private.
 */
static bool is_public_only(const EVP_PKEY *key, const char *name)
{
    const OSSL_PARAM *offered = EVP_PKEY_gettable_params(key);
    /*
     * enough for an RSA key of 16384 bits; for a longer one the call fails, too, but its
     * size is told
     */
    unsigned char number[2048];
    OSSL_PARAM params[] = { OSSL_PARAM_construct_BN(name, number, sizeof(number)),
                            OSSL_PARAM_construct_end() };

    if (OSSL_PARAM_locate_const(offered, name) == NULL)
        return false;
    (void)EVP_PKEY_get_params(key, params);
    OPENSSL_cleanse(number, sizeof(number));
    return !OSSL_PARAM_modified(params);
}

static enum key_state ec_state(const EVP_PKEY *key)
{
    char text[80];

    if (EVP_PKEY_get_utf8_string_param(key, OSSL_PKEY_PARAM_EC_ENCODING, text, sizeof(text),
                                       NULL) &&
        strcmp(text, OSSL_PKEY_EC_ENCODING_EXPLICIT) == 0)
        return KEY_EXPLICIT;
    if (!EVP_PKEY_get_group_name(key, text, sizeof(text), NULL))
        return KEY_EXPLICIT;
    if (OBJ_txt2nid(text) == NID_sm2)
        return KEY_OTHER;
    return is_public_only(key, OSSL_PKEY_PARAM_PRIV_KEY) ? KEY_PUBLIC : KEY_GOOD;
}

static enum key_state key_state(const EVP_PKEY *key)
{
    if (EVP_PKEY_is_a(key, "RSA") || EVP_PKEY_is_a(key, "RSA-PSS"))
        return is_public_only(key, OSSL_PKEY_PARAM_RSA_D) ? KEY_PUBLIC : KEY_GOOD;
    return EVP_PKEY_is_a(key, "EC") ? ec_state(key) : KEY_OTHER;
}

static char *key_name(const EVP_PKEY *key)
{
    const char *name = EVP_PKEY_get0_type_name(key);

    /* A key of an ENGINE has no provider that could name it. */
    if (name == NULL)
        name = OBJ_nid2sn(EVP_PKEY_get_base_id(key));
    return sp_escape(name, strlen(name));
}

static char *algorithm_fault(const EVP_PKEY *key, enum key_state state)
{
    char *name;
    char *fault;

    if (state == KEY_EXPLICIT)
        return sp_format("private key is EC with explicit parameters");
    name = key_name(key);
    fault = name == NULL ? NULL : sp_format("private key algorithm is %s", name);
    OPENSSL_free(name);
    return fault;
}

static void ask_algorithm(smimepolicy_verdict *verdict, const EVP_PKEY *key)
{
    enum key_state state = key_state(key);

    if (state == KEY_PUBLIC)
        sp_verdict_add(
            verdict, SP_RULE_PRIVATE_KEY_ALGORITHM, SMIMEPOLICY_DENY,
            (struct sp_finding_text){ sp_format("a public key was given as private key"),
                                      key_name(key), sp_format("an RSA or EC private key"),
                                      sp_format("give the private key of the certificate") });
    else if (state != KEY_GOOD)
        sp_verdict_add(
            verdict, SP_RULE_PRIVATE_KEY_ALGORITHM, SMIMEPOLICY_DENY,
            (struct sp_finding_text){ algorithm_fault(key, state), key_name(key),
                                      sp_format("RSA, or EC on a named curve"),
                                      sp_format("use a certificate with an RSA or EC key") });
}

static bool belongs(const EVP_PKEY *key, const X509 *cert)
{
    const EVP_PKEY *mine = X509_get0_pubkey(cert);

    return mine != NULL && EVP_PKEY_eq(mine, key) == 1;
}

static const X509 *find_owner(const EVP_PKEY *key, const STACK_OF(X509) *certs)
{
    for (int i = 0; i < sk_X509_num(certs); i++)
        if (belongs(key, sk_X509_value(certs, i)))
            return sk_X509_value(certs, i);
    return NULL;
}

static char *name_owner(const X509 *owner)
{
    struct sp_facts *facts;
    char *text;

    if (owner == NULL)
        return sp_format("a key of none of the given certificates");
    facts = sp_facts_new(owner);
    text = facts == NULL ? NULL
                         : sp_format("the key of %s, serial %s",
                                     facts->subject[0] == '\0' ? "(no subject)" : facts->subject,
                                     facts->serial);
    sp_facts_free(facts);
    return text;
}

static char *match_fault(const char *found, bool owned)
{
    if (found == NULL)
        return NULL;
    if (owned)
        return sp_format("private key does not belong to the certificate, it is %s", found);
    return sp_format("private key does not belong to the certificate");
}

static void ask_match(smimepolicy_verdict *verdict, const EVP_PKEY *key, const X509 *cert,
                      const STACK_OF(X509) *certs)
{
    const X509 *owner = NULL;
    char *found;

    if (cert == NULL && sk_X509_num(certs) <= 0)
        return;
    if (cert != NULL && belongs(key, cert))
        return;
    owner = find_owner(key, certs);
    if (cert == NULL && owner != NULL)
        return;
    found = name_owner(owner);
    sp_verdict_add(
        verdict, SP_RULE_PRIVATE_KEY_MATCH, SMIMEPOLICY_DENY,
        (struct sp_finding_text){ match_fault(found, owner != NULL), found,
                                  sp_format("the private key of the certificate"),
                                  sp_format("give the key and the certificate that belong "
                                            "together") });
}

void sp_judge_key(smimepolicy_verdict *verdict, const EVP_PKEY *key, const X509 *cert,
                  const STACK_OF(X509) *certs)
{
    ask_algorithm(verdict, key);
    ask_match(verdict, key, cert, certs);
}
