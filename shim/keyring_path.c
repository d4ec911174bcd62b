/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>

#include <openssl/err.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include "keyring_at.h"
#include "keyring_path.h"

/* More issuers than anybody has; a keyring that holds as many of one name is not searched on. */
#define MOST 64

static bool holds(const STACK_OF(X509) *certs, const X509 *cert)
{
    for (int i = 0; i < sk_X509_num(certs); i++)
        if (X509_cmp(sk_X509_value(certs, i), cert) == 0)
            return true;
    return false;
}

/* Every stored CA whose subject is |name|. */
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

/* The issuers of |cert|, theirs, and so on. */
static int collect(struct sp_keyring *keyring, const X509 *cert, STACK_OF(X509) *found)
{
    int code = add_issuers(keyring, X509_get_issuer_name(cert), found);

    for (int i = 0; code == SHIM_OK && i < sk_X509_num(found); i++)
        code = add_issuers(keyring, X509_get_issuer_name(sk_X509_value(found, i)), found);
    return code;
}

/* The dates are judged by the rules, for each certificate of the chain. */
static int pass_time(int ok, X509_STORE_CTX *ctx)
{
    int error = X509_STORE_CTX_get_error(ctx);

    return ok != 0 || error == X509_V_ERR_CERT_HAS_EXPIRED ||
           error == X509_V_ERR_CERT_NOT_YET_VALID;
}

/* As verifications do; every CA in the keyring is an anchor. */
static STACK_OF(X509) *build(X509 *cert, const STACK_OF(X509) *cas, const char **why)
{
    X509_STORE *store = X509_STORE_new();
    X509_STORE_CTX *ctx = X509_STORE_CTX_new();
    STACK_OF(X509) *chain = NULL;
    bool ready = store != NULL && ctx != NULL;

    for (int i = 0; ready && i < sk_X509_num(cas); i++)
        ready = X509_STORE_add_cert(store, sk_X509_value(cas, i)) == 1;
    ready = ready && X509_STORE_CTX_init(ctx, store, cert, NULL) == 1 &&
            X509_STORE_CTX_set_default(ctx, "smime_sign") == 1;
    if (ready) {
        X509_STORE_CTX_set_flags(ctx, X509_V_FLAG_PARTIAL_CHAIN);
        X509_STORE_CTX_set_verify_cb(ctx, pass_time);
        if (X509_verify_cert(ctx) == 1)
            chain = X509_STORE_CTX_get1_chain(ctx);
        else
            *why = X509_verify_cert_error_string(X509_STORE_CTX_get_error(ctx));
    }
    X509_STORE_CTX_free(ctx);
    X509_STORE_free(store);
    ERR_clear_error();
    return chain;
}

int shim_keyring_path(struct sp_keyring *keyring, const struct sp_record *record,
                      STACK_OF(X509) **chain, const char **why)
{
    X509 *cert = sp_record_cert(record);
    STACK_OF(X509) *cas = sk_X509_new_null();
    int code = cert == NULL || cas == NULL ? shim_no_memory() : collect(keyring, cert, cas);

    *chain = NULL;
    *why = "its issuer is no CA in the keyring";
    if (cert != NULL && X509_NAME_cmp(X509_get_subject_name(cert), X509_get_issuer_name(cert)) == 0)
        *why = "it has signed itself, and vouches for nobody else";
    if (code == SHIM_OK && sk_X509_num(cas) > 0)
        *chain = build(cert, cas, why);
    sk_X509_pop_free(cas, X509_free);
    X509_free(cert);
    return code;
}

/* A certificate with nothing but the address, to hold against the CA's limits. */
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
    /* The check reads names that libcrypto has cached. */
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

    /* libcrypto's own questions, which a verification asks too. */
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
