/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>
#include <time.h>

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

#include "tool/certs/making.h"
#include "tool/certs/specimen.h"

#define SERIAL_BITS 128

static const struct kind {
    const char *name;
    int bits;          /* of RSA; 0: EC */
    const char *curve; /* as EVP_PKEY_get_group_name() has it */
} kinds[] = {
    { "rsa:3072", 3072, NULL },      { "rsa:2048", 2048, NULL },     { "rsa:4096", 4096, NULL },
    { "ec:P-256", 0, "prime256v1" }, { "ec:P-384", 0, "secp384r1" }, { "ec:P-521", 0, "secp521r1" },
};

#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

static const struct kind *find_kind(const char *name)
{
    for (size_t i = 0; i < KINDS; i++)
        if (strcmp(kinds[i].name, name) == 0)
            return &kinds[i];
    return NULL;
}

bool shim_key_kind_known(const char *kind)
{
    return find_kind(kind) != NULL;
}

EVP_PKEY *shim_key_make(const char *name)
{
    const struct kind *kind = find_kind(name);

    if (kind == NULL)
        return NULL;
    return kind->bits != 0 ? EVP_RSA_gen((unsigned)kind->bits) : EVP_EC_gen(kind->curve);
}

const char *shim_key_kind_of(const EVP_PKEY *key)
{
    char curve[64] = "";
    size_t length;
    bool rsa = EVP_PKEY_is_a(key, "RSA") == 1;

    if (!rsa && EVP_PKEY_get_group_name(key, curve, sizeof(curve), &length) != 1)
        return NULL;
    for (size_t i = 0; i < KINDS; i++)
        if (rsa ? kinds[i].bits == EVP_PKEY_get_bits(key)
                : kinds[i].curve != NULL && strcmp(kinds[i].curve, curve) == 0)
            return kinds[i].name;
    return NULL;
}

/* An extension as in openssl.cnf. */
struct extension {
    int nid;
    const char *value;
};

/* Add |count| of |rows|; |issuer| signs the certificate.  False if libcrypto fails. */
static bool extend(X509 *cert, X509 *issuer, const struct extension *rows, size_t count)
{
    X509V3_CTX context;

    X509V3_set_ctx(&context, issuer, cert, NULL, NULL, 0);
    for (size_t i = 0; i < count; i++) {
        X509_EXTENSION *made = X509V3_EXT_conf_nid(NULL, &context, rows[i].nid, rows[i].value);
        bool added = made != NULL && X509_add_ext(cert, made, -1) == 1;

        X509_EXTENSION_free(made);
        if (!added)
            return false;
    }
    return true;
}

static bool add_addresses(X509 *cert, const struct shim_making *making)
{
    GENERAL_NAMES *names = GENERAL_NAMES_new();
    bool done = names != NULL;

    for (size_t i = 0; done && i < making->count; i++) {
        GENERAL_NAME *name = a2i_GENERAL_NAME(NULL, NULL, NULL, GEN_EMAIL, making->each[i], 0);

        done = name != NULL && sk_GENERAL_NAME_push(names, name) > 0;
        if (!done)
            GENERAL_NAME_free(name);
    }
    done = done && X509_add1_ext_i2d(cert, NID_subject_alt_name, names, 0, X509V3_ADD_DEFAULT) == 1;
    GENERAL_NAMES_free(names);
    return done;
}

static bool permit(NAME_CONSTRAINTS *limits, const char *domain)
{
    GENERAL_SUBTREE *tree = GENERAL_SUBTREE_new();

    if (tree == NULL)
        return false;
    GENERAL_NAME_free(tree->base);
    tree->base = a2i_GENERAL_NAME(NULL, NULL, NULL, GEN_EMAIL, domain, 0);
    if (tree->base != NULL && sk_GENERAL_SUBTREE_push(limits->permittedSubtrees, tree) > 0)
        return true;
    GENERAL_SUBTREE_free(tree);
    return false;
}

/* [RFC 5280, 4.2.1.10] The extension is critical: who cannot obey it has to refuse. */
static bool add_limits(X509 *cert, const struct shim_making *making)
{
    NAME_CONSTRAINTS *limits = NAME_CONSTRAINTS_new();
    bool done = limits != NULL;

    if (done) {
        limits->permittedSubtrees = sk_GENERAL_SUBTREE_new_null();
        done = limits->permittedSubtrees != NULL;
    }
    for (size_t i = 0; done && i < making->count; i++)
        done = permit(limits, making->each[i]);
    done = done && X509_add1_ext_i2d(cert, NID_name_constraints, limits, 1, X509V3_ADD_DEFAULT);
    NAME_CONSTRAINTS_free(limits);
    return done;
}

/* [RFC 8813, 3] An EC key agrees on keys, and enciphers none. */
static bool add_extensions(X509 *cert, X509 *issuer, const struct shim_making *making,
                           const EVP_PKEY *key)
{
    const struct extension rows[] = {
        { NID_basic_constraints,
          making->is_ca ? "critical,CA:TRUE,pathlen:0" : "critical,CA:FALSE" },
        { NID_key_usage, making->is_ca ? "critical,keyCertSign,cRLSign"
                         : EVP_PKEY_is_a(key, "EC") == 1
                             ? "critical,digitalSignature,keyAgreement"
                             : "critical,digitalSignature,keyEncipherment" },
        { NID_ext_key_usage, "emailProtection" },
        { NID_subject_key_identifier, "hash" },
        { NID_authority_key_identifier, "keyid:always" },
    };

    return extend(cert, issuer, rows, sizeof(rows) / sizeof(rows[0])) &&
           (making->is_ca ? add_limits(cert, making) : add_addresses(cert, making));
}

/* A serial of random bits, which is not 0. */
static bool set_serial(X509 *cert)
{
    BIGNUM *number = BN_new();
    bool done = number != NULL &&
                BN_rand(number, SERIAL_BITS, BN_RAND_TOP_ANY, BN_RAND_BOTTOM_ANY) == 1 &&
                (!BN_is_zero(number) || BN_one(number) == 1) &&
                BN_to_ASN1_INTEGER(number, X509_get_serialNumber(cert)) != NULL;

    BN_free(number);
    return done;
}

static bool set_names(X509 *cert, X509 *issuer, const char *subject)
{
    X509_NAME *name = X509_NAME_new();
    bool done =
        name != NULL &&
        X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const unsigned char *)subject, -1,
                                   -1, 0) == 1 &&
        X509_set_subject_name(cert, name) == 1 &&
        X509_set_issuer_name(cert, issuer == NULL ? name : X509_get_subject_name(issuer)) == 1;

    X509_NAME_free(name);
    return done;
}

/* A certificate with all but its serial number, extensions and signature; NULL if libcrypto fails.
 */
static X509 *begin(X509 *issuer, const char *subject, time_t from, time_t to, EVP_PKEY *key)
{
    X509 *cert = X509_new();

    if (cert != NULL && X509_set_version(cert, X509_VERSION_3) == 1 &&
        set_names(cert, issuer, subject) &&
        ASN1_TIME_set(X509_getm_notBefore(cert), from) != NULL &&
        ASN1_TIME_set(X509_getm_notAfter(cert), to) != NULL && X509_set_pubkey(cert, key) == 1)
        return cert;
    X509_free(cert);
    return NULL;
}

X509 *shim_cert_make(const struct shim_making *making, EVP_PKEY *key, X509 *issuer,
                     EVP_PKEY *issuer_key)
{
    X509 *cert = begin(issuer, making->name, making->from, making->to, key);

    if (cert != NULL && set_serial(cert) &&
        add_extensions(cert, issuer != NULL ? issuer : cert, making, key) &&
        (issuer_key == NULL || X509_sign(cert, issuer_key, EVP_sha256()) > 0))
        return cert;
    X509_free(cert);
    return NULL;
}

static X509 *make_specimen(const struct shim_specimen *specimen, EVP_PKEY *key)
{
    const struct extension rows[] = {
        { NID_basic_constraints, "CA:FALSE" },
        { NID_key_usage, "digitalSignature,keyEncipherment" },
        { NID_ext_key_usage, specimen->purpose },
        { NID_subject_alt_name, specimen->names },
    };
    const time_t now = time(NULL);
    X509 *cert = begin(NULL, specimen->subject, now + specimen->from, now + specimen->to, key);

    if (cert != NULL && ASN1_INTEGER_set(X509_get_serialNumber(cert), 1) == 1 &&
        extend(cert, cert, rows, sizeof(rows) / sizeof(rows[0])) &&
        X509_sign(cert, key, EVP_sha256()) > 0)
        return cert;
    X509_free(cert);
    return NULL;
}

BIO *shim_specimen_pem(const struct shim_specimen *specimen)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *cert = key == NULL ? NULL : make_specimen(specimen, key);
    BIO *pem = cert == NULL ? NULL : BIO_new(BIO_s_mem());

    if (pem != NULL && !(PEM_write_bio_X509(pem, cert) &&
                         PEM_write_bio_PrivateKey(pem, key, NULL, NULL, 0, NULL, NULL))) {
        BIO_free(pem);
        pem = NULL;
    }
    X509_free(cert);
    EVP_PKEY_free(key);
    return pem;
}

/* Copies of its extensions.  The identifiers of keys are the CA's to set. */
static STACK_OF(X509_EXTENSION) *asked_for(const X509 *cert)
{
    STACK_OF(X509_EXTENSION) *list = sk_X509_EXTENSION_new_null();

    for (int i = 0; list != NULL && i < X509_get_ext_count(cert); i++) {
        int nid = OBJ_obj2nid(X509_EXTENSION_get_object(X509_get_ext(cert, i)));
        X509_EXTENSION *copy;

        if (nid == NID_subject_key_identifier || nid == NID_authority_key_identifier)
            continue;
        copy = X509_EXTENSION_dup(X509_get_ext(cert, i));
        if (copy == NULL || sk_X509_EXTENSION_push(list, copy) <= 0) {
            X509_EXTENSION_free(copy);
            sk_X509_EXTENSION_pop_free(list, X509_EXTENSION_free);
            return NULL;
        }
    }
    return list;
}

X509_REQ *shim_request_make(const X509 *cert, EVP_PKEY *key)
{
    STACK_OF(X509_EXTENSION) *list = asked_for(cert);
    X509_REQ *request = list == NULL ? NULL : X509_REQ_new();
    bool done = request != NULL && X509_REQ_set_version(request, X509_REQ_VERSION_1) == 1 &&
                X509_REQ_set_subject_name(request, X509_get_subject_name(cert)) == 1 &&
                X509_REQ_set_pubkey(request, key) == 1 &&
                X509_REQ_add_extensions(request, list) == 1 &&
                X509_REQ_sign(request, key, EVP_sha256()) > 0;

    sk_X509_EXTENSION_pop_free(list, X509_EXTENSION_free);
    if (done)
        return request;
    X509_REQ_free(request);
    return NULL;
}

X509 *shim_request_cert(X509_REQ *request)
{
    STACK_OF(X509_EXTENSION) *list = X509_REQ_get_extensions(request);
    X509 *cert = X509_new();
    bool done = cert != NULL && X509_set_version(cert, X509_VERSION_3) == 1 &&
                X509_set_subject_name(cert, X509_REQ_get_subject_name(request)) == 1;

    for (int i = 0; done && i < sk_X509_EXTENSION_num(list); i++)
        done = X509_add_ext(cert, sk_X509_EXTENSION_value(list, i), -1) == 1;
    sk_X509_EXTENSION_pop_free(list, X509_EXTENSION_free);
    if (done)
        return cert;
    X509_free(cert);
    return NULL;
}
