/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * What no gate stops: docs/security/security.md and docs/security/bypasses.md say why.  A test
 * that fails here has found something that is better than they say.
 */
/* OpenSSL 3 deprecates the functions for keys with methods of the program. */
#undef OPENSSL_NO_DEPRECATED
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "mail.h"

/* A certificate that a program builds is not watched any more after many others were parsed. */
START_TEST(certificate_built_late)
{
    struct sp_owner who;
    X509 *model;

    sp_start(_i == 0 ? NULL : "unknown_keys = refuse");
    who.cert = X509_new();
    for (int i = 0; i < 40; i++)
        X509_free(sp_read_cert("good-ec"));
    who.key = sp_read_key("expired-rsa");
    model = sp_build_cert("expired-rsa", who.key);
    ck_assert_int_eq(X509_set1_notAfter(who.cert, X509_get0_notAfter(model)), 1);
    ck_assert_int_eq(X509_set_issuer_name(who.cert, X509_get_issuer_name(model)), 1);
    ck_assert_int_eq(X509_set_pubkey(who.cert, who.key), 1);
    X509_free(model);
    /* The model is gone from the register, too. */
    X509_free(X509_new());
    EXPECT(sp_cms_encrypt(who.cert, NULL, 0), _i == 0 ? NULL : "[certificate-required]");
    EXPECT_REFUSED(sp_cms_sign(who.cert, who.key, 0), "[certificate-required]");
    sp_free_owner(&who);
}
END_TEST

/*
 * A signature of the content itself is no sign of a mail: a CA signs certificates, a
 * TLS server its handshake.
 */
START_TEST(signature_of_the_content)
{
    struct sp_owner who;

    sp_start(NULL);
    who = sp_read_owner("expired-rsa");
    EXPECT_DONE(sp_sign_data(who.key, "SHA256", "hello", 5));
    sp_free_owner(&who);
}
END_TEST

/* Decryption is never refused, and decrypting padded data makes a signature. */
START_TEST(signature_by_decryption)
{
    struct sp_owner who;
    unsigned char padded[256] = { 0, 1, 0xff }, out[256];
    size_t size = sizeof(out);
    EVP_PKEY_CTX *ctx;
    bool done;

    sp_start("unknown_keys = refuse");
    who = sp_read_owner("expired-rsa");
    ctx = EVP_PKEY_CTX_new_from_pkey(NULL, who.key, NULL);
    done = EVP_PKEY_decrypt_init(ctx) == 1 &&
           EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_NO_PADDING) == 1 &&
           EVP_PKEY_decrypt(ctx, out, &size, padded, sizeof(padded)) == 1;
    EXPECT_DONE(done);
    EVP_PKEY_CTX_free(ctx);
    sp_free_owner(&who);
}
END_TEST

/* Functions below EVP use no provider. */
START_TEST(functions_below_evp)
{
    struct sp_owner who;
    unsigned char digest[32] = { 0 }, out[256];
    unsigned int size;
    RSA *rsa;

    sp_start("unknown_keys = refuse");
    who = sp_read_owner("expired-rsa");
    rsa = EVP_PKEY_get1_RSA(who.key);
    EXPECT_DONE(RSA_sign(NID_sha256, digest, sizeof(digest), out, &size, rsa) == 1);
    EXPECT_DONE(RSA_public_encrypt(sizeof(digest), digest, out, rsa, RSA_PKCS1_PADDING) == 256);
    RSA_free(rsa);
    sp_free_owner(&who);
}
END_TEST

/*
 * Does an operation with |key| avoid all providers?  Verifying is used, because it
 * is not judged here.
 */
static bool is_kept_from_providers(EVP_PKEY *key)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);
    bool kept;

    ck_assert_int_eq(EVP_PKEY_verify_init(ctx), 1);
    kept = EVP_PKEY_CTX_get0_provider(ctx) == NULL;
    EVP_PKEY_CTX_free(ctx);
    return kept;
}

/* OpenSSL 3 does not give a key with methods of the program to providers, as for an engine's. */
START_TEST(key_with_methods_of_its_own)
{
    RSA_METHOD *methods;
    struct sp_owner who;
    RSA *rsa;

    sp_start(NULL);
    methods = RSA_meth_dup(RSA_get_default_method());
    who = sp_read_owner("expired-rsa");
    rsa = EVP_PKEY_get1_RSA(who.key);
    EVP_PKEY_free(who.key);
    who.key = EVP_PKEY_new();
    ck_assert_int_eq(EVP_PKEY_set1_RSA(who.key, rsa), 1);
    EXPECT_REFUSED(sp_pkcs7_add_signature(who.cert, who.key), "[expired]");
    EVP_PKEY_free(who.key);
    ck_assert_int_eq(RSA_set_method(rsa, methods), 1);
    who.key = EVP_PKEY_new();
    ck_assert_int_eq(EVP_PKEY_set1_RSA(who.key, rsa), 1);
    EXPECT(sp_pkcs7_add_signature(who.cert, who.key),
           is_kept_from_providers(who.key) ? NULL : "[expired]");
    sp_free_owner(&who);
    RSA_free(rsa);
    RSA_meth_free(methods);
}
END_TEST

/* A program compares its key with one certificate, and signs in the name of another. */
START_TEST(key_compared_with_another_certificate)
{
    struct sp_owner good;
    X509 *old;

    sp_start(NULL);
    good = sp_read_owner("good-rsa");
    old = sp_read_cert("old-rsa");
    ck_assert_int_eq(X509_check_private_key(good.cert, good.key), 1);
    EXPECT_DONE(sp_pkcs7_add_signature(old, good.key));
    /* A program that compares it with the certificate it names, as libcrypto does, is refused. */
    EXPECT_REFUSED(sp_cms_sign(old, good.key, 0), "[expired]");
    X509_free(old);
    sp_free_owner(&good);
}
END_TEST

/* The certificate was freed: its key may belong to any other. */
START_TEST(certificate_gone)
{
    struct sp_owner who;
    unsigned char digest[32] = { 0 };

    sp_start(_i == 0 ? NULL : "unknown_keys = refuse");
    who = sp_read_owner("expired-rsa");
    X509_free(who.cert);
    X509_free(X509_new());
    EXPECT(sp_sign_data(who.key, NULL, digest, sizeof(digest)),
           _i == 0 ? NULL : "[certificate-required]");
    EXPECT_REFUSED(sp_sign_data(who.key, "SHA256", sp_mail_attributes, sizeof(sp_mail_attributes)),
                   "[certificate-required]");
    EVP_PKEY_free(who.key);
}
END_TEST

/* Key agreement with a decoded key is how mail is read, which is never refused. */
START_TEST(agreement_with_a_decoded_key)
{
    BIO *data = BIO_new_mem_buf("hello", 5);
    CMS_ContentInfo *message;
    CMS_RecipientInfo *info;
    EVP_PKEY *mine;
    X509 *to;

    sp_start("unknown_keys = refuse");
    to = sp_read_cert("expired-ec");
    mine = sp_read_key("good-ec");
    message = CMS_EnvelopedData_create(EVP_aes_128_cbc());
    info = CMS_add1_recipient_cert(message, to, 0);
    ck_assert_int_eq(CMS_RecipientInfo_kari_set0_pkey(info, mine), 1);
    EXPECT_DONE(CMS_final(message, data, NULL, CMS_BINARY) == 1);
    CMS_ContentInfo_free(message);
    BIO_free(data);
    EVP_PKEY_free(mine);
    X509_free(to);
}
END_TEST

static EVP_PKEY *read_key_of(const char *name, const char *properties)
{
    BIO *file = sp_read_file(name, "key");
    EVP_PKEY *key = PEM_read_bio_PrivateKey_ex(file, NULL, NULL, NULL, NULL, properties);

    BIO_free(file);
    return key;
}

static bool sign_by(EVP_PKEY *key, const char *properties)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    unsigned char out[256];
    size_t size = sizeof(out);
    bool done =
        EVP_DigestSignInit_ex(ctx, NULL, "SHA256", NULL, properties, key, NULL) == 1 &&
        EVP_DigestSign(ctx, out, &size, sp_mail_attributes, sizeof(sp_mail_attributes)) == 1;

    EVP_MD_CTX_free(ctx);
    return done;
}

static bool sign_asking_for(const char *properties)
{
    EVP_PKEY *key = read_key_of("expired-rsa", properties);
    bool done = key != NULL && sign_by(key, properties);

    EVP_PKEY_free(key);
    return done;
}

/* Our algorithms have the backend's names, so asking for it by name does not avoid them. */
START_TEST(backend_asked_for_by_name)
{
    OSSL_PROVIDER *active;
    X509 *cert;

    sp_start(NULL);
    cert = sp_read_cert("expired-rsa");
    EXPECT_REFUSED(sign_asking_for("provider=default"), "[expired]");
    active = OSSL_PROVIDER_load(NULL, "default");
    EXPECT_REFUSED(sign_asking_for("provider=default"), "[expired]");
    EXPECT_REFUSED(sign_asking_for("fips=no"), "[expired]");
    X509_free(cert);
    OSSL_PROVIDER_unload(active);
}
END_TEST

/*
 * If a program asks for other algorithms than ours, and another provider is active,
 * it gets them.
 */
START_TEST(other_than_ours_asked_for)
{
    static const char *const not_ours = "smime.policy!=yes";
    OSSL_PROVIDER *active;
    X509 *cert;

    sp_start(NULL);
    cert = sp_read_cert("expired-rsa");
    ck_assert(!sign_asking_for(not_ours));
    ERR_clear_error();
    active = OSSL_PROVIDER_load(NULL, "default");
    EXPECT_DONE(sign_asking_for(not_ours));
    X509_free(cert);
    OSSL_PROVIDER_unload(active);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("limits");
    TCase *tests = sp_case(suite, "limits");

    tcase_add_loop_test(tests, certificate_built_late, 0, 2);
    tcase_add_test(tests, signature_of_the_content);
    tcase_add_test(tests, signature_by_decryption);
    tcase_add_test(tests, functions_below_evp);
    tcase_add_test(tests, key_with_methods_of_its_own);
    tcase_add_test(tests, key_compared_with_another_certificate);
    tcase_add_loop_test(tests, certificate_gone, 0, 2);
    tcase_add_test(tests, agreement_with_a_decoded_key);
    tcase_add_test(tests, backend_asked_for_by_name);
    tcase_add_test(tests, other_than_ours_asked_for);
    return sp_run_forked(suite);
}
