/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include "certs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/dsa.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

static void must(int holds, const char *what)
{
    if (holds)
        return;
    fprintf(stderr, "test certificate: %s\n", what);
    ERR_print_errors_fp(stderr);
    abort();
}

EVP_PKEY *sp_make_key(const char *type, const char *group)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
    EVP_PKEY *key = NULL;

    must(ctx != NULL && EVP_PKEY_keygen_init(ctx) > 0, type);
    if (group != NULL)
        must(EVP_PKEY_CTX_set_group_name(ctx, group) > 0, group);
    must(EVP_PKEY_generate(ctx, &key) > 0, type);
    EVP_PKEY_CTX_free(ctx);
    return key;
}

EVP_PKEY *sp_make_rsa(const char *type, unsigned bits)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
    EVP_PKEY *key = NULL;

    must(ctx != NULL && EVP_PKEY_keygen_init(ctx) > 0, type);
    must(EVP_PKEY_CTX_set_rsa_keygen_bits(ctx, (int)bits) > 0, type);
    must(EVP_PKEY_generate(ctx, &key) > 0, type);
    EVP_PKEY_CTX_free(ctx);
    return key;
}

EVP_PKEY *sp_make_explicit_ec(void)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
    EVP_PKEY *key = NULL;

    must(ctx != NULL && EVP_PKEY_keygen_init(ctx) > 0, "EC");
    must(EVP_PKEY_CTX_set_group_name(ctx, "P-256") > 0, "P-256");
    must(EVP_PKEY_CTX_set_ec_param_enc(ctx, OPENSSL_EC_EXPLICIT_CURVE) > 0, "explicit");
    must(EVP_PKEY_generate(ctx, &key) > 0, "EC");
    EVP_PKEY_CTX_free(ctx);
    return key;
}

EVP_PKEY *sp_make_dsa(void)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "DSA", NULL);
    EVP_PKEY *params = NULL;
    EVP_PKEY *key = NULL;

    must(ctx != NULL && EVP_PKEY_paramgen_init(ctx) > 0, "DSA");
    must(EVP_PKEY_CTX_set_dsa_paramgen_bits(ctx, 1024) > 0, "DSA");
    must(EVP_PKEY_generate(ctx, &params) > 0, "DSA");
    EVP_PKEY_CTX_free(ctx);
    ctx = EVP_PKEY_CTX_new_from_pkey(NULL, params, NULL);
    must(ctx != NULL && EVP_PKEY_keygen_init(ctx) > 0, "DSA");
    must(EVP_PKEY_generate(ctx, &key) > 0, "DSA");
    EVP_PKEY_CTX_free(ctx);
    EVP_PKEY_free(params);
    return key;
}

EVP_PKEY *sp_public_part(EVP_PKEY *key)
{
    unsigned char *der = NULL;
    int len = i2d_PUBKEY(key, &der);
    const unsigned char *p = der;
    EVP_PKEY *public;

    must(len > 0, "public key");
    public = d2i_PUBKEY(NULL, &p, len);
    must(public != NULL, "public key");
    OPENSSL_free(der);
    return public;
}

static EVP_PKEY *rsa;
static EVP_PKEY *ec;

static void free_keys(void)
{
    EVP_PKEY_free(rsa);
    EVP_PKEY_free(ec);
    rsa = ec = NULL;
}

/* Many tests need the quick one alone. */
EVP_PKEY *sp_test_rsa(void)
{
    if (rsa == NULL) {
        rsa = sp_make_rsa("RSA", 2048);
        must(atexit(free_keys) == 0, "atexit");
    }
    return rsa;
}

EVP_PKEY *sp_test_ec(void)
{
    if (ec == NULL) {
        ec = sp_make_key("EC", "P-256");
        must(atexit(free_keys) == 0, "atexit");
    }
    return ec;
}

static ASN1_TIME *make_time(const char *text)
{
    size_t len = strlen(text);
    ASN1_TIME *time = ASN1_STRING_type_new(len == 13 ? V_ASN1_UTCTIME : V_ASN1_GENERALIZEDTIME);

    must(time != NULL && ASN1_STRING_set(time, text, (int)len), "time");
    return time;
}

static void set_validity(X509 *cert, const struct sp_recipe *recipe)
{
    ASN1_TIME *start = make_time(recipe->not_before == NULL ? SP_START : recipe->not_before);
    ASN1_TIME *end = make_time(recipe->not_after == NULL ? SP_END : recipe->not_after);

    must(X509_set1_notBefore(cert, start) && X509_set1_notAfter(cert, end), "validity");
    ASN1_STRING_free(start);
    ASN1_STRING_free(end);
}

static void set_subject(X509 *cert, const char *common_name)
{
    X509_NAME *name = X509_NAME_new();

    must(name != NULL, "name");
    if (*common_name != '\0')
        must(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
                                        (const unsigned char *)common_name, -1, -1, 0),
             common_name);
    must(X509_set_subject_name(cert, name), "subject");
    X509_NAME_free(name);
}

static void add_extension(X509 *cert, const char *name, const char *value)
{
    X509V3_CTX ctx;
    X509_EXTENSION *extension;

    if (value == NULL)
        return;
    X509V3_set_ctx(&ctx, NULL, cert, NULL, NULL, 0);
    X509V3_set_ctx_nodb(&ctx);
    extension = X509V3_EXT_nconf(NULL, &ctx, name, value);
    must(extension != NULL && X509_add_ext(cert, extension, -1), value);
    X509_EXTENSION_free(extension);
}

static void sign(X509 *cert, const struct sp_recipe *recipe, EVP_PKEY *key)
{
    EVP_PKEY *signer = recipe->issuer_key;
    const EVP_MD *digest = recipe->digest == NULL ? EVP_sha256() : recipe->digest;

    if (signer == NULL)
        signer = recipe->issuer == NULL ? key : sp_test_ec();
    must(X509_sign(cert, signer, digest) > 0, "signature");
}

X509 *sp_make_cert(const struct sp_recipe *recipe)
{
    X509 *cert = X509_new();
    EVP_PKEY *key = recipe->key == NULL ? sp_test_rsa() : recipe->key;

    must(cert != NULL, "certificate");
    must(X509_set_version(cert, recipe->version < 0 ? X509_VERSION_1 : X509_VERSION_3), "version");
    must(ASN1_INTEGER_set(X509_get_serialNumber(cert), recipe->serial == 0 ? 31 : recipe->serial),
         "serial");
    set_validity(cert, recipe);
    set_subject(cert, recipe->subject == NULL ? "Bob" : recipe->subject);
    must(X509_set_issuer_name(
             cert, X509_get_subject_name(recipe->issuer == NULL ? cert : recipe->issuer)),
         "issuer");
    must(X509_set_pubkey(cert, key), "key");
    add_extension(cert, "basicConstraints", recipe->basic);
    add_extension(cert, "keyUsage", recipe->usage);
    add_extension(cert, "subjectAltName", recipe->san);
    add_extension(cert, "extendedKeyUsage", recipe->extended);
    add_extension(cert, recipe->again[0], recipe->again[1]);
    add_extension(cert, recipe->again[2], recipe->again[3]);
    sign(cert, recipe, key);
    return cert;
}

char *sp_san_der(int tag, const void *bytes, size_t len)
{
    const unsigned char *p = bytes;
    char *text = malloc(sizeof("DER:30:00:80:00") + 3 * len);
    char *out = text;

    must(text != NULL && len < 120, "name");
    out += sprintf(out, "DER:30:%02X:%02X:%02X", (unsigned)len + 2, 0x80U | (unsigned)tag,
                   (unsigned)len);
    for (size_t i = 0; i < len; i++)
        out += sprintf(out, ":%02X", p[i]);
    return text;
}
