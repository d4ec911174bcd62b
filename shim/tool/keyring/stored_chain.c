/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "tool/keyring/stored_chain.h"
#include "tool/keyring/keyring_at.h"

/* The most issuers of one name: with more of them the search stops. */
#define MOST 64

static bool holds(const STACK_OF(X509) *certs, const X509 *cert)
{
    for (int i = 0; i < sk_X509_num(certs); i++)
        if (X509_cmp(sk_X509_value(certs, i), cert) == 0)
            return true;
    return false;
}

/* Add every stored CA whose subject is |name|. */
static int add_issuers(struct sp_keyring *keyring, const X509_NAME *name, STACK_OF(X509) *found)
{
    struct sp_cursor *cursor = sp_keyring_find(
        keyring, &(struct sp_query){
                     .index = SP_BY_SUBJECT, .name = name, .roles = SP_ROLE_BIT(SP_ROLE_CA) });
    struct sp_record record;
    int next = cursor == NULL ? -1 : 0;

    while (cursor != NULL && sk_X509_num(found) < MOST &&
           (next = sp_cursor_next(cursor, &record)) == 1) {
        X509 *ca = sp_record_cert(&record);

        if (ca == NULL || X509_NAME_cmp(X509_get_subject_name(ca), name) != 0 || holds(found, ca) ||
            sk_X509_push(found, ca) <= 0)
            X509_free(ca);
        sp_record_clear(&record);
    }
    sp_cursor_free(cursor);
    return next < 0 ? shim_keyring_failed(keyring) : SHIM_OK;
}

/* Collect the issuers of |cert|, their issuers, and so on. */
static int collect(struct sp_keyring *keyring, const X509 *cert, STACK_OF(X509) *found)
{
    int code = add_issuers(keyring, X509_get_issuer_name(cert), found);

    for (int i = 0; code == SHIM_OK && i < sk_X509_num(found); i++)
        code = add_issuers(keyring, X509_get_issuer_name(sk_X509_value(found, i)), found);
    return code;
}

int shim_keyring_chain(struct sp_keyring *keyring, X509 *cert, struct shim_chain *chain)
{
    STACK_OF(X509) *cas = sk_X509_new_null();
    int code = cas == NULL ? shim_no_memory() : collect(keyring, cert, cas);
    X509_STORE *store = code == SHIM_OK && sk_X509_num(cas) > 0 ? shim_store_of(cas) : NULL;

    if (code == SHIM_OK && sk_X509_num(cas) > 0 && store == NULL)
        code = shim_no_memory();
    shim_chain_find(chain, store, cert, NULL, NULL);
    X509_STORE_free(store);
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
