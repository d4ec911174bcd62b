/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Fuzzing: a certificate with any content, in every use that libcrypto has for it,
 * with the provider loaded.  A trusted issuer has signed it.  If libcrypto does what
 * it is asked, the rules must accept the certificate.
 *
 * The input is a list of fields: kind, length, value.
 */
#include <openssl/cms.h>
#include <openssl/err.h>
#include <openssl/pkcs7.h>

#include "smimepolicy.h"
#include "with_provider.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

/* The owner of the certificate, with a key and a message signed by it. */
static struct owner {
    EVP_PKEY *key;
    X509 *cert; /* has the key, the issuer and the serial number */
    unsigned char *message;
    long length;
} owners[2];

static EVP_PKEY *issuer;
static X509_STORE *store;

static void read_owner(struct owner *owner, const char *name)
{
    BIO *bio = sp_open(name, "sig");
    char block[16384];
    int length = BIO_read(bio, block, sizeof(block));

    BIO_free(bio);
    sp_must(length > 0);
    owner->message = OPENSSL_memdup(block, (size_t)length);
    owner->length = length;
    owner->cert = sp_read_cert(name);
    owner->key = sp_read_key(name);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    sp_load_provider("");
    read_owner(&owners[0], "good-ec");
    read_owner(&owners[1], "good-rsa");
    issuer = sp_read_key("ca");
    store = sp_trust_ca();
    return 0;
}

struct field {
    unsigned char kind;
    const unsigned char *value;
    int length;
};

static const int extensions[] = { NID_subject_alt_name,    NID_key_usage,
                                  NID_ext_key_usage,       NID_basic_constraints,
                                  NID_name_constraints,    NID_issuer_alt_name,
                                  NID_certificate_policies };
#define EXTENSIONS (sizeof(extensions) / sizeof(extensions[0]))

/* Put a date in either form and with any content.  Only the length decides between the forms. */
static void put_date(ASN1_TIME *date, const struct field *field)
{
    date->type = field->length == 13 ? V_ASN1_UTCTIME : V_ASN1_GENERALIZEDTIME;
    sp_must(ASN1_STRING_set(date, field->value, field->length) == 1);
}

static void put_extension(X509 *cert, int nid, bool critical, const struct field *field)
{
    ASN1_OCTET_STRING *value = ASN1_OCTET_STRING_new();
    X509_EXTENSION *extension;

    sp_must(value != NULL && ASN1_OCTET_STRING_set(value, field->value, field->length) == 1);
    extension = X509_EXTENSION_create_by_NID(NULL, nid, critical, value);
    sp_must(extension != NULL && X509_add_ext(cert, extension, -1) == 1);
    X509_EXTENSION_free(extension);
    ASN1_OCTET_STRING_free(value);
}

/* Put a field: an extension by its number (critical from 0x80 on), a date, or the subject. */
static void put(X509 *cert, const struct field *field)
{
    unsigned kind = field->kind & 0x7F;

    if (kind < EXTENSIONS)
        put_extension(cert, extensions[kind], (field->kind & 0x80) != 0, field);
    else if (kind == EXTENSIONS)
        put_date(X509_getm_notBefore(cert), field);
    else if (kind == EXTENSIONS + 1)
        put_date(X509_getm_notAfter(cert), field);
    else
        (void)X509_NAME_add_entry_by_NID(X509_get_subject_name(cert), NID_pkcs9_emailAddress,
                                         V_ASN1_IA5STRING, field->value, field->length, -1, 0);
}

/* The certificate as users parse it; NULL if the fields make no certificate. */
static X509 *make_cert(const struct owner *owner, const unsigned char *data, size_t size)
{
    X509 *built = X509_dup(owner->cert), *cert = NULL;
    unsigned char *der = NULL;
    int length;

    sp_must(built != NULL);
    while (X509_get_ext_count(built) > 0)
        X509_EXTENSION_free(X509_delete_ext(built, 0));
    while (size >= 2) {
        size_t left = size - 2 < data[1] ? size - 2 : data[1];

        put(built, &(struct field){ data[0], data + 2, (int)left });
        data += 2 + left;
        size -= 2 + left;
    }
    if (X509_sign(built, issuer, EVP_sha256()) > 0 && (length = i2d_X509(built, &der)) > 0)
        cert = d2i_X509(NULL, &(const unsigned char *){ der }, length);
    OPENSSL_free(der);
    X509_free(built);
    return cert;
}

static bool verifies(const struct owner *owner, STACK_OF(X509) *certs, BIO *out)
{
    const unsigned char *cms_der = owner->message, *pkcs7_der = owner->message;
    CMS_ContentInfo *cms = d2i_CMS_ContentInfo(NULL, &cms_der, owner->length);
    PKCS7 *pkcs7 = d2i_PKCS7(NULL, &pkcs7_der, owner->length);
    int by_cms, by_pkcs7;

    sp_must(cms != NULL && pkcs7 != NULL);
    by_cms = CMS_verify(cms, certs, store, NULL, out, CMS_NOINTERN);
    by_pkcs7 = PKCS7_verify(pkcs7, certs, store, NULL, out, PKCS7_NOINTERN);
    CMS_ContentInfo_free(cms);
    PKCS7_free(pkcs7);
    sp_must((by_cms == 1) == (by_pkcs7 == 1));
    return by_cms == 1;
}

static bool encrypts(STACK_OF(X509) *certs, bool by_cms)
{
    BIO *text = BIO_new_mem_buf("hello", -1);
    CMS_ContentInfo *cms = by_cms ? CMS_encrypt(certs, text, EVP_aes_128_cbc(), 0) : NULL;
    PKCS7 *pkcs7 = by_cms ? NULL : PKCS7_encrypt(certs, text, EVP_aes_128_cbc(), 0);
    bool done = cms != NULL || pkcs7 != NULL;

    CMS_ContentInfo_free(cms);
    PKCS7_free(pkcs7);
    BIO_free(text);
    return done;
}

static bool signs(const struct owner *owner, X509 *cert, unsigned int flags)
{
    BIO *text = BIO_new_mem_buf("hello", -1);
    CMS_ContentInfo *cms = CMS_sign(cert, owner->key, NULL, text, flags);

    CMS_ContentInfo_free(cms);
    BIO_free(text);
    return cms != NULL;
}

static void use(const struct owner *owner, X509 *cert)
{
    STACK_OF(X509) *certs = sk_X509_new_null();
    BIO *out = BIO_new(BIO_s_null());

    sp_must(out != NULL && sk_X509_push(certs, cert) == 1);
    sp_must(!verifies(owner, certs, out) || sp_accepted(cert, SMIMEPOLICY_VERIFY));
    sp_must(encrypts(certs, true) == sp_accepted(cert, SMIMEPOLICY_ENCRYPT));
    /* PKCS#7 encrypts with RSA alone. */
    sp_must(!encrypts(certs, false) || sp_accepted(cert, SMIMEPOLICY_ENCRYPT));
    sp_must(signs(owner, cert, 0) == sp_accepted(cert, SMIMEPOLICY_SIGN));
    sp_must(signs(owner, cert, CMS_NOATTR) == sp_accepted(cert, SMIMEPOLICY_SIGN));
    BIO_free(out);
    sk_X509_free(certs);
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    const struct owner *owner = size > 0 ? &owners[data[0] & 1] : NULL;
    X509 *cert = owner != NULL ? make_cert(owner, data + 1, size - 1) : NULL;

    if (cert != NULL)
        use(owner, cert);
    X509_free(cert);
    ERR_clear_error();
    return 0;
}
