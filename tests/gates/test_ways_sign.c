/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Ways round the gates of signing: see docs/security/bypasses.md.
 */
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/rsa.h>

#include "mail.h"

static const char *const good_and_expired[][2] = { { "good-rsa", NULL },
                                                   { "good-ec", NULL },
                                                   { "expired-rsa", "[expired]" },
                                                   { "expired-ec", "[expired]" } };

static bool sign_pkcs7(struct sp_owner *who, int type)
{
    PKCS7 *message = sp_pkcs7_of_type(who->cert, who->key, type);

    PKCS7_free(message);
    return message != NULL;
}

static bool sign_cms(struct sp_owner *who, int type)
{
    CMS_ContentInfo *message = sp_cms_of_type(who->cert, who->key, type);

    CMS_ContentInfo_free(message);
    return message != NULL;
}

/* Attributes without a content type, which PKCS7_verify() accepts. */
START_TEST(no_content_type)
{
    struct sp_owner who;

    sp_start(NULL);
    who = sp_read_owner(good_and_expired[_i][0]);
    EXPECT(sign_pkcs7(&who, NID_pkcs7_data), good_and_expired[_i][1]);
    EXPECT(sign_pkcs7(&who, NID_undef), good_and_expired[_i][1]);
    sp_free_owner(&who);
}
END_TEST

/* A mail with the content type of a time stamp, signed with a certificate for mail. */
START_TEST(content_type_of_a_time_stamp)
{
    struct sp_owner who;

    sp_start(NULL);
    who = sp_read_owner(good_and_expired[_i][0]);
    EXPECT(sign_pkcs7(&who, NID_id_smime_ct_TSTInfo), good_and_expired[_i][1]);
    EXPECT(sign_cms(&who, NID_id_smime_ct_TSTInfo), good_and_expired[_i][1]);
    sp_free_owner(&who);
}
END_TEST

/* Sign the attributes of a mail in two pieces, the first perhaps empty. */
static bool sign_in_pieces(EVP_PKEY *key, size_t first)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    unsigned char signature[1024];
    size_t size = sizeof(signature);
    bool done = EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, key) == 1 &&
                EVP_DigestSignUpdate(ctx, sp_mail_attributes, first) == 1 &&
                EVP_DigestSignUpdate(ctx, sp_mail_attributes + first,
                                     sizeof(sp_mail_attributes) - first) == 1 &&
                EVP_DigestSignFinal(ctx, signature, &size) == 1;

    EVP_MD_CTX_free(ctx);
    return done;
}

START_TEST(attributes_in_pieces)
{
    struct sp_owner who;

    sp_start(NULL);
    who = sp_read_owner(good_and_expired[_i][0]);
    EXPECT(sign_in_pieces(who.key, 0), good_and_expired[_i][1]);
    EXPECT(sign_in_pieces(who.key, 1), good_and_expired[_i][1]);
    EXPECT(sign_in_pieces(who.key, 40), good_and_expired[_i][1]);
    EXPECT(sign_in_pieces(who.key, sizeof(sp_mail_attributes) - 1), good_and_expired[_i][1]);
    sp_free_owner(&who);
}
END_TEST

/* The certificate is freed before the signature is made. */
static bool sign_after_free(const char *name, int flags)
{
    struct sp_owner who = sp_read_owner(name);
    BIO *data = BIO_new_mem_buf("hello", 5);
    PKCS7 *message = PKCS7_sign(NULL, NULL, NULL, data, PKCS7_PARTIAL | PKCS7_BINARY);
    bool done = PKCS7_sign_add_signer(message, who.cert, who.key, NULL,
                                      flags | PKCS7_NOCERTS | PKCS7_PARTIAL) != NULL;

    X509_free(who.cert);
    who.cert = NULL;
    X509_free(X509_new());
    X509_free(X509_new());
    done = done && PKCS7_final(message, data, PKCS7_BINARY) == 1;
    sp_free_owner(&who);
    PKCS7_free(message);
    BIO_free(data);
    return done;
}

START_TEST(certificate_freed_before_signing)
{
    sp_start(NULL);
    EXPECT(sign_after_free(good_and_expired[_i][0], 0), good_and_expired[_i][1]);
    EXPECT(sign_after_free(good_and_expired[_i][0], PKCS7_NOATTR), good_and_expired[_i][1]);
}
END_TEST

/* Key and certificate were both made here. */
START_TEST(generated_in_the_process)
{
    const bool ec = strstr(good_and_expired[_i][0], "-ec") != NULL;
    const char *said = good_and_expired[_i][1];
    struct sp_owner who;

    sp_start(NULL);
    who.key = ec ? EVP_EC_gen("P-256") : EVP_RSA_gen(2048);
    who.cert = sp_build_cert(good_and_expired[_i][0], who.key);
    EXPECT(sp_cms_encrypt(who.cert, NULL, 0), said);
    EXPECT(sp_cms_sign(who.cert, who.key, 0), said);
    EXPECT(sp_pkcs7_sign(who.cert, who.key, PKCS7_NOATTR), said);
    EXPECT(sp_pkcs7_add_signature(who.cert, who.key), said);
    sp_free_owner(&who);
}
END_TEST

/* The same key, imported as numbers, without a decoder. */
static EVP_PKEY *from_numbers(EVP_PKEY *key)
{
    OSSL_PARAM *numbers = NULL;
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
    EVP_PKEY *copy = NULL;

    ck_assert_int_eq(EVP_PKEY_todata(key, EVP_PKEY_KEYPAIR, &numbers), 1);
    ck_assert_int_eq(EVP_PKEY_fromdata_init(ctx), 1);
    ck_assert_int_eq(EVP_PKEY_fromdata(ctx, &copy, EVP_PKEY_KEYPAIR, numbers), 1);
    OSSL_PARAM_free(numbers);
    EVP_PKEY_CTX_free(ctx);
    return copy;
}

/* Keys that were not decoded with their certificates. */
START_TEST(key_from_numbers)
{
    const char *said = good_and_expired[_i][1];
    struct sp_owner who;
    EVP_PKEY *key;

    sp_start(NULL);
    who = sp_read_owner(good_and_expired[_i][0]);
    key = from_numbers(who.key);
    EXPECT(sp_cms_sign(who.cert, key, 0), said);
    EXPECT(sp_cms_sign(who.cert, key, CMS_NOATTR), said);
    EXPECT(sp_pkcs7_add_signature(who.cert, key), said);
    ck_assert_int_eq(X509_set_pubkey(who.cert, key), 1);
    EXPECT(sp_cms_encrypt(who.cert, NULL, 0), said);
    EVP_PKEY_free(key);
    sp_free_owner(&who);
}
END_TEST

/* Each signer may have its own digest, and be added late. */
START_TEST(another_digest)
{
    static const unsigned int flags[] = { 0, CMS_NOATTR, CMS_USE_KEYID, CMS_NOCERTS, CMS_CADES };
    struct sp_owner who;

    sp_start(NULL);
    who = sp_read_owner(good_and_expired[_i][0]);
    for (int i = 0; i < SP_ROWS(flags); i++) {
        BIO *data = BIO_new_mem_buf("hello", 5);
        CMS_ContentInfo *message = CMS_sign(NULL, NULL, NULL, data, CMS_BINARY | CMS_PARTIAL);
        bool done = CMS_add1_signer(message, who.cert, who.key, EVP_sha512(), flags[i]) != NULL &&
                    CMS_final(message, data, NULL, CMS_BINARY) == 1;

        EXPECT(done, good_and_expired[_i][1]);
        CMS_ContentInfo_free(message);
        BIO_free(data);
    }
    sp_free_owner(&who);
}
END_TEST

/* A receipt is a signed mail, too. */
START_TEST(receipt)
{
    struct sp_owner sender, who;
    BIO *data = BIO_new_mem_buf("hello", 5);
    CMS_ContentInfo *message, *answer;
    CMS_SignerInfo *info;
    CMS_ReceiptRequest *request;
    STACK_OF(GENERAL_NAMES) *to = sk_GENERAL_NAMES_new_null();

    sp_start(NULL);
    sender = sp_read_owner("good-rsa");
    who = sp_read_owner(good_and_expired[_i][0]);
    ck_assert_int_gt(sk_GENERAL_NAMES_push(to, GENERAL_NAMES_new()), 0);
    request = CMS_ReceiptRequest_create0(NULL, -1, 0, NULL, to);
    message = CMS_sign(NULL, NULL, NULL, data, CMS_BINARY | CMS_PARTIAL);
    info = CMS_add1_signer(message, sender.cert, sender.key, NULL, 0);
    ck_assert_int_eq(CMS_add1_ReceiptRequest(info, request), 1);
    ck_assert_int_eq(CMS_final(message, data, NULL, CMS_BINARY), 1);
    answer = CMS_sign_receipt(info, who.cert, who.key, NULL, CMS_BINARY);
    EXPECT(answer != NULL, good_and_expired[_i][1]);
    CMS_ContentInfo_free(answer);
    CMS_ContentInfo_free(message);
    CMS_ReceiptRequest_free(request);
    BIO_free(data);
    sp_free_owner(&who);
    sp_free_owner(&sender);
}
END_TEST

/* What was compared and found to be of others proves nothing. */
START_TEST(compared_with_what_is_not_its_own)
{
    struct sp_owner good;
    X509 *other;

    sp_start(NULL);
    good = sp_read_owner("good-rsa");
    other = sp_read_cert(_i == 0 ? "expired-rsa" : "expired-ec");
    ck_assert_int_eq(X509_check_private_key(other, good.key), 0);
    ERR_clear_error();
    EXPECT_DONE(sp_sign_data(good.key, "SHA256", sp_mail_attributes, sizeof(sp_mail_attributes)));
    X509_free(other);
    sp_free_owner(&good);
}
END_TEST

/* A digest that the setting denies is not signed with, for mail; for the rest it is. */
START_TEST(denied_digest)
{
    EVP_PKEY *key;
    X509 *cert;

    sp_start("weak_digest = deny");
    cert = sp_read_cert("good-rsa");
    key = sp_read_key("good-rsa");
    EXPECT_DONE(sp_sign_data(key, "SHA256", sp_mail_attributes, sizeof(sp_mail_attributes)));
    EXPECT_REFUSED(sp_sign_data(key, "SHA1", sp_mail_attributes, sizeof(sp_mail_attributes)),
                   "[weak-digest]");
    EXPECT_DONE(sp_sign_data(key, "SHA1", "hello", 5));
    EXPECT_DONE(sp_sign_data(key, "SHA256", sp_mail_attributes, sizeof(sp_mail_attributes)));
    EVP_PKEY_free(key);
    X509_free(cert);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("ways to sign");
    TCase *tests = sp_case(suite, "ways to sign");

    tcase_add_loop_test(tests, no_content_type, 0, SP_ROWS(good_and_expired));
    tcase_add_loop_test(tests, content_type_of_a_time_stamp, 0, SP_ROWS(good_and_expired));
    tcase_add_loop_test(tests, attributes_in_pieces, 0, SP_ROWS(good_and_expired));
    tcase_add_loop_test(tests, certificate_freed_before_signing, 0, SP_ROWS(good_and_expired));
    tcase_add_loop_test(tests, generated_in_the_process, 0, SP_ROWS(good_and_expired));
    tcase_add_loop_test(tests, key_from_numbers, 0, SP_ROWS(good_and_expired));
    tcase_add_loop_test(tests, another_digest, 0, SP_ROWS(good_and_expired));
    tcase_add_loop_test(tests, receipt, 0, SP_ROWS(good_and_expired));
    tcase_add_loop_test(tests, compared_with_what_is_not_its_own, 0, 2);
    tcase_add_test(tests, denied_digest);
    return sp_run_forked(suite);
}
