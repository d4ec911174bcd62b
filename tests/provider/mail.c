/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include "mail.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509_vfy.h>

#define CONTENT_TYPE   0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x03
#define MESSAGE_DIGEST 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x04
#define DATA           0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x01
#define TST_INFO       0x06, 0x0b, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x10, 0x01, 0x04

/* The digest is all zeros. */
const unsigned char sp_mail_attributes[77] = { 0x31,           0x4b, 0x30, 0x18, CONTENT_TYPE,
                                               0x31,           0x0b, DATA, 0x30, 0x2f,
                                               MESSAGE_DIGEST, 0x31, 0x22, 0x04, 0x20 };
const unsigned char sp_stamp_attributes[79] = { 0x31,           0x4d, 0x30,     0x1a, CONTENT_TYPE,
                                                0x31,           0x0d, TST_INFO, 0x30, 0x2f,
                                                MESSAGE_DIGEST, 0x31, 0x22,     0x04, 0x20 };

static BIO *letter(void)
{
    BIO *data = BIO_new_mem_buf("hello\r\n", -1);

    ck_assert_ptr_nonnull(data);
    return data;
}

/* Write the mail through |chain|, which encodes the message around it. */
static bool pump(BIO *chain, BIO *out)
{
    bool done = chain != NULL && BIO_write(chain, "hello\r\n", 7) == 7 && BIO_flush(chain) == 1;

    while (chain != NULL && chain != out) {
        BIO *next = BIO_pop(chain);

        BIO_free(chain);
        chain = next;
    }
    BIO_free(out);
    return done;
}

bool sp_cms_sign(X509 *signer, EVP_PKEY *key, unsigned int flags)
{
    const bool stream = (flags & CMS_STREAM) != 0;
    BIO *data = letter(), *out = BIO_new(BIO_s_mem());
    CMS_ContentInfo *message =
        CMS_sign(signer, key, NULL, stream ? NULL : data, flags | CMS_BINARY);
    bool done = message != NULL;

    if (done && stream)
        done = pump(BIO_new_CMS(out, message), out);
    else
        BIO_free(out);
    CMS_ContentInfo_free(message);
    BIO_free(data);
    return done;
}

bool sp_pkcs7_sign(X509 *signer, EVP_PKEY *key, int flags)
{
    const bool stream = (flags & PKCS7_STREAM) != 0;
    BIO *data = letter(), *out = BIO_new(BIO_s_mem());
    PKCS7 *message = PKCS7_sign(signer, key, NULL, stream ? NULL : data, flags | PKCS7_BINARY);
    bool done = message != NULL;

    if (done && stream)
        done = pump(BIO_new_PKCS7(out, message), out);
    else
        BIO_free(out);
    PKCS7_free(message);
    BIO_free(data);
    return done;
}

PKCS7 *sp_pkcs7_of_type(X509 *signer, EVP_PKEY *key, int type)
{
    PKCS7 *message = PKCS7_new();
    PKCS7_SIGNER_INFO *info = NULL;
    BIO *data = NULL;
    bool done =
        PKCS7_set_type(message, NID_pkcs7_signed) == 1 &&
        PKCS7_content_new(message, NID_pkcs7_data) == 1 &&
        (info = PKCS7_add_signature(message, signer, key, EVP_sha256())) != NULL &&
        PKCS7_add_certificate(message, signer) == 1 &&
        PKCS7_add0_attrib_signing_time(info, NULL) == 1 &&
        (type == NID_undef || PKCS7_add_attrib_content_type(info, OBJ_nid2obj(type)) == 1) &&
        (data = PKCS7_dataInit(message, NULL)) != NULL && BIO_write(data, "hello", 5) == 5 &&
        PKCS7_dataFinal(message, data) == 1;

    BIO_free_all(data);
    if (done)
        return message;
    PKCS7_free(message);
    return NULL;
}

bool sp_pkcs7_add_signature(X509 *signer, EVP_PKEY *key)
{
    PKCS7 *message = sp_pkcs7_of_type(signer, key, NID_pkcs7_data);

    PKCS7_free(message);
    return message != NULL;
}

CMS_ContentInfo *sp_cms_of_type(X509 *signer, EVP_PKEY *key, int type)
{
    BIO *data = letter();
    CMS_ContentInfo *message = CMS_sign(NULL, NULL, NULL, data, CMS_BINARY | CMS_PARTIAL);
    bool done = CMS_set1_eContentType(message, OBJ_nid2obj(type)) == 1 &&
                CMS_add1_signer(message, signer, key, NULL, 0) != NULL &&
                CMS_final(message, data, NULL, CMS_BINARY) == 1;

    BIO_free(data);
    if (done)
        return message;
    CMS_ContentInfo_free(message);
    return NULL;
}

static STACK_OF(X509) *recipients(X509 *first, X509 *second)
{
    STACK_OF(X509) *to = sk_X509_new_null();

    ck_assert_int_gt(sk_X509_push(to, first), 0);
    if (second != NULL)
        ck_assert_int_gt(sk_X509_push(to, second), 0);
    return to;
}

bool sp_cms_encrypt(X509 *first, X509 *second, unsigned int flags)
{
    const bool stream = (flags & CMS_STREAM) != 0;
    STACK_OF(X509) *to = recipients(first, second);
    BIO *data = letter(), *out = BIO_new(BIO_s_mem());
    CMS_ContentInfo *message =
        CMS_encrypt(to, stream ? NULL : data, EVP_aes_256_cbc(), flags | CMS_BINARY);
    bool done = message != NULL;

    if (done && stream)
        done = pump(BIO_new_CMS(out, message), out);
    else
        BIO_free(out);
    CMS_ContentInfo_free(message);
    BIO_free(data);
    sk_X509_free(to);
    return done;
}

bool sp_pkcs7_encrypt(X509 *first, X509 *second, int flags)
{
    STACK_OF(X509) *to = recipients(first, second);
    BIO *data = letter();
    PKCS7 *message = PKCS7_encrypt(to, data, EVP_aes_256_cbc(), flags | PKCS7_BINARY);
    bool done = message != NULL;

    PKCS7_free(message);
    BIO_free(data);
    sk_X509_free(to);
    return done;
}

static X509_STORE *anchors(void)
{
    X509_STORE *store = X509_STORE_new();
    X509 *ca = sp_read_cert("ca");

    ck_assert_int_eq(X509_STORE_add_cert(store, ca), 1);
    X509_free(ca);
    return store;
}

bool sp_cms_verify(const char *name, unsigned int flags)
{
    BIO *file = sp_read_file(name, "sig");
    CMS_ContentInfo *message = d2i_CMS_bio(file, NULL);
    X509_STORE *store = anchors();
    bool done;

    BIO_free(file);
    ck_assert_ptr_nonnull(message);
    ERR_clear_error();
    done = CMS_verify(message, NULL, store, NULL, NULL, flags) == 1;
    CMS_ContentInfo_free(message);
    X509_STORE_free(store);
    return done;
}

bool sp_pkcs7_verify_into(const char *name, int flags, BIO *out)
{
    BIO *file = sp_read_file(name, "sig");
    PKCS7 *message = d2i_PKCS7_bio(file, NULL);
    X509_STORE *store = anchors();
    bool done;

    BIO_free(file);
    ck_assert_ptr_nonnull(message);
    ERR_clear_error();
    done = PKCS7_verify(message, NULL, store, NULL, out, flags) == 1;
    PKCS7_free(message);
    X509_STORE_free(store);
    return done;
}

bool sp_pkcs7_verify(const char *name, int flags)
{
    return sp_pkcs7_verify_into(name, flags, NULL);
}

static bool is_letter(BIO *out)
{
    char text[16] = "";

    return BIO_read(out, text, sizeof(text)) == 7 && memcmp(text, "hello\r\n", 7) == 0;
}

bool sp_cms_decrypt(const char *name)
{
    X509 *cert = sp_read_cert(name);
    EVP_PKEY *key = sp_read_key(name);
    BIO *file = sp_read_file(name, "enc"), *out = BIO_new(BIO_s_mem());
    CMS_ContentInfo *message = d2i_CMS_bio(file, NULL);
    bool done = CMS_decrypt(message, key, cert, NULL, out, 0) == 1 && is_letter(out);

    CMS_ContentInfo_free(message);
    BIO_free(file);
    BIO_free(out);
    EVP_PKEY_free(key);
    X509_free(cert);
    return done;
}

bool sp_pkcs7_decrypt(const char *name)
{
    X509 *cert = sp_read_cert(name);
    EVP_PKEY *key = sp_read_key(name);
    BIO *file = sp_read_file(name, "enc"), *out = BIO_new(BIO_s_mem());
    PKCS7 *message = d2i_PKCS7_bio(file, NULL);
    bool done = PKCS7_decrypt(message, key, cert, out, 0) == 1 && is_letter(out);

    PKCS7_free(message);
    BIO_free(file);
    BIO_free(out);
    EVP_PKEY_free(key);
    X509_free(cert);
    return done;
}

static bool sign_with_digest(EVP_PKEY *key, const char *digest, const void *data, size_t length)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    unsigned char signature[1024];
    size_t size = sizeof(signature);
    bool done = EVP_DigestSignInit_ex(ctx, NULL, digest, NULL, NULL, key, NULL) == 1 &&
                EVP_DigestSign(ctx, signature, &size, data, length) == 1;

    EVP_MD_CTX_free(ctx);
    return done;
}

bool sp_sign_data(EVP_PKEY *key, const char *digest, const void *data, size_t length)
{
    EVP_PKEY_CTX *ctx;
    unsigned char signature[1024];
    size_t size = sizeof(signature);
    bool done;

    if (digest != NULL)
        return sign_with_digest(key, digest, data, length);
    ctx = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
    done = EVP_PKEY_sign_init(ctx) == 1 && EVP_PKEY_sign(ctx, signature, &size, data, length) == 1;
    EVP_PKEY_CTX_free(ctx);
    return done;
}

bool sp_rsa_encrypt(EVP_PKEY *key, const void *data, size_t length)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
    unsigned char out[1024];
    size_t size = sizeof(out);
    bool done =
        EVP_PKEY_encrypt_init(ctx) == 1 && EVP_PKEY_encrypt(ctx, out, &size, data, length) == 1;

    EVP_PKEY_CTX_free(ctx);
    return done;
}

X509 *sp_build_cert(const char *name, EVP_PKEY *key)
{
    X509 *model = sp_read_cert(name), *cert = X509_new();

    ck_assert_int_eq(X509_set_version(cert, X509_VERSION_3), 1);
    ck_assert_int_eq(ASN1_INTEGER_set(X509_get_serialNumber(cert), 7), 1);
    ck_assert_int_eq(X509_set_subject_name(cert, X509_get_subject_name(model)), 1);
    ck_assert_int_eq(X509_set_issuer_name(cert, X509_get_subject_name(model)), 1);
    ck_assert_int_eq(X509_set1_notBefore(cert, X509_get0_notBefore(model)), 1);
    ck_assert_int_eq(X509_set1_notAfter(cert, X509_get0_notAfter(model)), 1);
    ck_assert_int_eq(X509_set_pubkey(cert, key), 1);
    for (int i = 0; i < X509_get_ext_count(model); i++)
        ck_assert_int_eq(X509_add_ext(cert, X509_get_ext(model, i), -1), 1);
    ck_assert_int_gt(X509_sign(cert, key, EVP_sha256()), 0);
    X509_free(model);
    return cert;
}

struct sp_owner sp_read_owner(const char *name)
{
    return (struct sp_owner){ .cert = sp_read_cert(name), .key = sp_read_key(name) };
}

void sp_free_owner(struct sp_owner *owner)
{
    EVP_PKEY_free(owner->key);
    X509_free(owner->cert);
}

bool sp_sign_as(const char *name)
{
    X509 *cert = sp_read_cert(name);
    EVP_PKEY *key = sp_read_key(name);
    bool done = sp_cms_sign(cert, key, 0);

    EVP_PKEY_free(key);
    X509_free(cert);
    return done;
}

bool sp_encrypt_to(const char *name)
{
    X509 *cert = sp_read_cert(name);
    bool done = sp_cms_encrypt(cert, NULL, 0);

    X509_free(cert);
    return done;
}
