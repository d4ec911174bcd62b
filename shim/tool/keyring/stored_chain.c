/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "choice/stored_issuers.h"
#include "tool/keyring/stored_chain.h"
#include "tool/keyring/keyring_at.h"

static bool add_all(STACK_OF(X509) *near, const STACK_OF(X509) *along)
{
    for (int i = 0; i < sk_X509_num(along); i++)
        if (X509_add_cert(near, sk_X509_value(along, i), X509_ADD_FLAG_UP_REF) != 1)
            return false;
    return true;
}

int shim_keyring_chain(struct sp_keyring *keyring, X509 *cert, const STACK_OF(X509) *along,
                       struct shim_chain *chain)
{
    STACK_OF(X509) *cas = sk_X509_new_null();
    STACK_OF(X509) *near = sk_X509_new_null();
    X509_STORE *store = NULL;
    char *why = NULL;
    int code = SHIM_OK;

    if (cas == NULL || near == NULL || X509_add_cert(near, cert, X509_ADD_FLAG_UP_REF) != 1 ||
        !add_all(near, along) || !sp_stored_intermediates(keyring, near, &why))
        code = shim_keyring_fault(why);
    for (int i = 0; code == SHIM_OK && i < sk_X509_num(near); i++)
        if (!sp_stored_issuers(keyring, sk_X509_value(near, i), cas, &why))
            code = shim_keyring_fault(why);
    /* Each of them vouches by itself, so that their own issuers need not be found. */
    if (code == SHIM_OK && sk_X509_num(cas) > 0 && (store = shim_store_of(cas)) == NULL)
        code = shim_no_memory();
    shim_chain_find(chain, store, cert, near, NULL);
    X509_STORE_free(store);
    sk_X509_pop_free(near, X509_free);
    sk_X509_pop_free(cas, X509_free);
    return code;
}

/* A certificate with nothing but the address, to check against the CA's name constraints. */
static X509 *bearer(const char *address)
{
    X509 *cert = X509_new();
    GENERAL_NAMES *names = GENERAL_NAMES_new();
    GENERAL_NAME *name = GENERAL_NAME_new();
    ASN1_IA5STRING *text = ASN1_IA5STRING_new();
    bool done = cert != NULL && names != NULL && name != NULL && text != NULL &&
                ASN1_STRING_set(text, address, -1) == 1;

    if (done) {
        GENERAL_NAME_set0_value(name, GEN_EMAIL, text);
        text = NULL;
        done = sk_GENERAL_NAME_push(names, name) > 0;
    }
    if (done) {
        name = NULL;
        done = X509_add1_ext_i2d(cert, NID_subject_alt_name, names, 0, X509V3_ADD_DEFAULT) == 1;
    }
    ASN1_IA5STRING_free(text);
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

const char *shim_ca_limit(X509 *ca, const char *address)
{
    NAME_CONSTRAINTS *limits;
    const char *why = NULL;
    int critical;

    /* libcrypto's own checks, which a verification makes, too. */
    if (X509_check_purpose(ca, X509_PURPOSE_SMIME_SIGN, 1) < 1)
        return "it may not issue certificates for mail";
    limits = X509_get_ext_d2i(ca, NID_name_constraints, &critical, NULL);
    if (limits == NULL && critical == -1)
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
