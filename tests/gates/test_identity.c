/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Which certificate is meant, if a key has several or the program does not say: with
 * the wrong answer an expired certificate would sign.
 */
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/err.h>

#include "certs.h"
#include "mail.h"
#include "register/register.h"

/* One private key signs for two certificates: refused if one of them may not sign. */
static bool sign_for_two(const char *first, const char *second)
{
    X509 *a = sp_read_cert(first), *b = sp_read_cert(second);
    EVP_PKEY *key = sp_read_key(first);
    BIO *data = BIO_new_mem_buf("hello", 5);
    CMS_ContentInfo *message = CMS_sign(NULL, NULL, NULL, data, CMS_BINARY | CMS_PARTIAL);
    bool done = CMS_add1_signer(message, a, key, NULL, 0) != NULL &&
                CMS_add1_signer(message, b, key, NULL, 0) != NULL &&
                CMS_final(message, data, NULL, CMS_BINARY) == 1;

    CMS_ContentInfo_free(message);
    BIO_free(data);
    EVP_PKEY_free(key);
    X509_free(a);
    X509_free(b);
    return done;
}

START_TEST(two_signers_with_one_key)
{
    static const char *const pairs[][2] = { { "good-rsa", "old-rsa" },
                                            { "old-rsa", "good-rsa" },
                                            { "good-ec", "old-ec" },
                                            { "old-ec", "good-ec" } };
    const char *good = _i < 2 ? "allowed: CN=good-rsa" : "allowed: CN=good-ec";

    sp_start(NULL);
    EXPECT_REFUSED(sign_for_two(pairs[_i][0], pairs[_i][1]), good);
    EXPECT_REFUSED(sign_for_two(pairs[_i][0], pairs[_i][1]),
                   _i < 2 ? "refused: CN=old-rsa" : "refused: CN=old-ec");
    EXPECT_REFUSED(sign_for_two(pairs[_i][0], pairs[_i][1]), "[expired]");
    EXPECT_DONE(sp_sign_as(_i < 2 ? "good-rsa" : "good-ec"));
}
END_TEST

/* A certificate that is only sent along must not replace the signer's own. */
START_TEST(extra_certificate)
{
    X509 *signer, *extra;
    EVP_PKEY *key;
    STACK_OF(X509) *others = sk_X509_new_null();
    BIO *data = BIO_new_mem_buf("hello", 5);
    CMS_ContentInfo *message;
    const bool extra_first = _i != 0;

    sp_start(NULL);
    extra = extra_first ? sp_read_cert("good-ec") : NULL;
    signer = sp_read_cert("expired-rsa");
    if (extra == NULL)
        extra = sp_read_cert("good-ec");
    key = sp_read_key("expired-rsa");
    EXPECT_REFUSED(sp_pkcs7_add_signature(signer, key), "[expired]");
    ck_assert_int_gt(sk_X509_push(others, extra), 0);
    message = CMS_sign(signer, key, others, data, CMS_BINARY);
    EXPECT_REFUSED(message != NULL, "[expired]");
    BIO_free(data);
    sk_X509_free(others);
    EVP_PKEY_free(key);
    X509_free(signer);
    X509_free(extra);
}
END_TEST

/*
 * Keys that are decoded between a certificate's parse and its use are not its own,
 * even if they are equal to other keys.
 */
START_TEST(other_keys_decoded_in_between)
{
    X509 *cert;
    EVP_PKEY *stranger, *key;

    sp_start(NULL);
    cert = sp_read_cert("expired-rsa");
    stranger = sp_read_key("good-rsa");
    key = sp_read_key("expired-rsa");
    EXPECT_REFUSED(sp_pkcs7_add_signature(cert, key), "[expired]");
    EXPECT_REFUSED(sp_cms_encrypt(cert, NULL, 0), "[expired]");
    EVP_PKEY_free(stranger);
    EVP_PKEY_free(key);
    X509_free(cert);
}
END_TEST

static const struct renewal {
    const char *good, *old;
    bool good_first;
} renewals[] = { { "good-rsa", "old-rsa", true },
                 { "good-rsa", "old-rsa", false },
                 { "good-ec", "old-ec", true },
                 { "good-ec", "old-ec", false } };

struct both {
    X509 *good, *old;
    EVP_PKEY *key;
};

static struct both read_both(const struct renewal *row)
{
    struct both both = { .good = row->good_first ? sp_read_cert(row->good) : NULL };

    both.old = sp_read_cert(row->old);
    if (both.good == NULL)
        both.good = sp_read_cert(row->good);
    both.key = sp_read_key(row->good);
    return both;
}

static void free_both(struct both *both)
{
    EVP_PKEY_free(both->key);
    X509_free(both->good);
    X509_free(both->old);
}

START_TEST(renewed_with_the_old_key)
{
    const struct renewal *row = &renewals[_i];
    struct both both;

    sp_start(NULL);
    both = read_both(row);
    for (int round = 0; round < 2; round++) {
        EXPECT_DONE(sp_cms_encrypt(both.good, NULL, 0));
        EXPECT_REFUSED(sp_cms_encrypt(both.old, NULL, 0), "[expired]");
        EXPECT_DONE(sp_cms_sign(both.good, both.key, 0));
        EXPECT_REFUSED(sp_cms_sign(both.old, both.key, 0), "[expired]");
        EXPECT_DONE(sp_pkcs7_sign(both.good, both.key, PKCS7_NOATTR));
        EXPECT_REFUSED(sp_pkcs7_sign(both.old, both.key, PKCS7_NOATTR), "[expired]");
    }
    free_both(&both);
}
END_TEST

/* Only the key tells who signs: then both certificates must allow it. */
START_TEST(renewed_and_nobody_says_which)
{
    const struct renewal *row = &renewals[_i];
    struct both both;

    sp_start(NULL);
    both = read_both(row);
    EXPECT_REFUSED(sp_pkcs7_add_signature(both.good, both.key), "share this key");
    ck_assert_int_eq(X509_check_private_key(both.good, both.key), 1);
    EXPECT_DONE(sp_pkcs7_add_signature(both.good, both.key));
    ck_assert_int_eq(X509_check_private_key(both.good, both.key), 1);
    ck_assert_int_eq(X509_check_private_key(both.old, both.key), 1);
    EXPECT_REFUSED(sp_pkcs7_add_signature(both.good, both.key), "share this key");
    free_both(&both);
}
END_TEST

/* When the expired certificate is freed, the key belongs to the renewed one alone. */
START_TEST(renewed_and_the_old_one_freed)
{
    const struct renewal *row = &renewals[_i];
    struct both both;
    X509 *other;

    sp_start(NULL);
    both = read_both(row);
    X509_free(both.old);
    both.old = NULL;
    other = sp_read_cert("ca");
    EXPECT_DONE(sp_pkcs7_add_signature(both.good, both.key));
    X509_free(other);
    free_both(&both);
}
END_TEST

/* The key has the same id, compressed in the certificate and uncompressed as a key. */
START_TEST(compressed_point)
{
    X509 *cert;
    EVP_PKEY *key;

    sp_start(NULL);
    cert = sp_read_cert("compressed-ec");
    key = sp_read_key("compressed-ec");
    ck_assert_int_eq(EVP_PKEY_set_utf8_string_param(key, OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT,
                                                    _i == 0 ? "uncompressed" : "compressed"),
                     1);
    EXPECT_REFUSED(sp_pkcs7_add_signature(cert, key), "[expired]");
    EVP_PKEY_free(key);
    X509_free(cert);
}
END_TEST

/* The content at the time of the parse counts; later changes do not. */
START_TEST(changed_after_its_parse)
{
    X509 *good, *expired;

    sp_start(NULL);
    good = sp_read_cert("good-rsa");
    expired = sp_read_cert("expired-rsa");
    X509_free(X509_new());
    ck_assert_ptr_nonnull(X509_gmtime_adj(X509_getm_notAfter(good), -86400));
    ck_assert_ptr_nonnull(X509_gmtime_adj(X509_getm_notAfter(expired), 86400));
    EXPECT_DONE(sp_cms_encrypt(good, NULL, 0));
    EXPECT_REFUSED(sp_cms_encrypt(expired, NULL, 0), "[expired]");
    X509_free(good);
    X509_free(expired);
}
END_TEST

static bool sign_attributes(EVP_MD_CTX *ctx)
{
    unsigned char signature[1024];
    size_t size = sizeof(signature);

    return EVP_DigestSign(ctx, signature, &size, sp_mail_attributes, sizeof(sp_mail_attributes)) ==
           1;
}

/* An init without a key keeps the previous key, and so does a copy. */
START_TEST(initialised_again_and_copied)
{
    const char *name = _i == 0 ? "good-rsa" : "expired-rsa";
    const char *refused = _i == 0 ? NULL : "[expired]";
    EVP_MD_CTX *ctx = NULL, *copy = NULL;
    X509 *cert;
    EVP_PKEY *key;

    sp_start(NULL);
    cert = sp_read_cert(name);
    key = sp_read_key(name);
    ctx = EVP_MD_CTX_new();
    copy = EVP_MD_CTX_new();
    ck_assert_int_eq(EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, key), 1);
    ck_assert_int_eq(EVP_MD_CTX_copy_ex(copy, ctx), 1);
    EXPECT(sign_attributes(copy), refused);
    ck_assert_int_eq(EVP_MD_CTX_copy_ex(copy, ctx), 1);
    EXPECT(sign_attributes(ctx), refused);
    ck_assert_int_eq(EVP_DigestSignInit(copy, NULL, NULL, NULL, NULL), 1);
    EXPECT(sign_attributes(copy), refused);
    EVP_MD_CTX_free(ctx);
    EVP_MD_CTX_free(copy);
    EVP_PKEY_free(key);
    X509_free(cert);
}
END_TEST

/* A refused context stays refused, also for later data and copies. */
START_TEST(refused_stays_refused)
{
    static const unsigned char more[] = "more";
    EVP_MD_CTX *ctx = NULL, *copy = NULL;
    unsigned char signature[1024];
    size_t size = sizeof(signature);
    X509 *cert;
    EVP_PKEY *key;
    bool done;

    sp_start(NULL);
    cert = sp_read_cert("expired-rsa");
    key = sp_read_key("expired-rsa");
    ctx = EVP_MD_CTX_new();
    copy = EVP_MD_CTX_new();
    ck_assert_int_eq(EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, key), 1);
    done = EVP_DigestSignUpdate(ctx, sp_mail_attributes, sizeof(sp_mail_attributes)) == 1;
    EXPECT_REFUSED(done, "[expired]");
    done = EVP_DigestSignUpdate(ctx, more, sizeof(more)) == 1;
    EXPECT_REFUSED(done, "refused before");
    ck_assert_int_eq(EVP_MD_CTX_copy_ex(copy, ctx), 1);
    done = EVP_DigestSign(copy, signature, &size, more, sizeof(more)) == 1;
    EXPECT_REFUSED(done, "refused before");
    EVP_MD_CTX_free(ctx);
    EVP_MD_CTX_free(copy);
    EVP_PKEY_free(key);
    X509_free(cert);
}
END_TEST

/*
 * Parses that fail at any byte, into a new and into an existing certificate, leave
 * nothing behind.
 */
START_TEST(parses_that_fail)
{
    unsigned char *der;
    int length, failed = 0;

    sp_start(NULL);
    length = sp_read_der("good-rsa", &der);
    for (int i = 0; i < length; i++) {
        X509 *known = i % 2 == 0 ? sp_read_cert("good-ec") : NULL;
        const unsigned char *at = der;

        der[i] ^= 0x80;
        if (d2i_X509(&known, &at, length) == NULL)
            failed++;
        der[i] ^= 0x80;
        X509_free(known);
        /* The next birth settles what was parsed before. */
        X509_free(X509_new());
        ERR_clear_error();
    }
    ck_assert_int_gt(failed, 20);
    OPENSSL_free(der);
    EXPECT_DONE(sp_encrypt_to("good-rsa"));
    EXPECT_REFUSED(sp_encrypt_to("expired-rsa"), "[expired]");
}
END_TEST

/* A certificate whose key libcrypto cannot decode: no key object tells the end of its parse. */
static X509 *read_without_key(const char *name)
{
    static const unsigned char exponent[] = { 0x02, 0x03, 0x01, 0x00, 0x01 };
    unsigned char *der, *at;
    const unsigned char *in;
    int length = sp_read_der(name, &der);
    X509 *cert;

    in = at = der;
    while (memcmp(at, exponent, sizeof(exponent)) != 0)
        ck_assert_ptr_ne(++at, der + length - sizeof(exponent));
    at[0] = 0x04;
    cert = d2i_X509(NULL, &in, length);
    ck_assert_ptr_nonnull(cert);
    ck_assert_ptr_null(X509_get0_pubkey(cert));
    ERR_clear_error();
    OPENSSL_free(der);
    return cert;
}

static EVP_PKEY *read_public(X509 *cert)
{
    unsigned char *der = NULL;
    const unsigned char *in;
    int length = i2d_PUBKEY(X509_get0_pubkey(cert), &der);
    EVP_PKEY *key;

    in = der;
    key = d2i_PUBKEY(NULL, &in, length);
    ck_assert_ptr_nonnull(key);
    OPENSSL_free(der);
    return key;
}

/* The key decoded after such a certificate may belong to another: the ids decide. */
START_TEST(the_next_key_is_no_proof)
{
    static const unsigned char data[32] = "no premaster";
    const char *owner = _i == 0 ? "expired-rsa" : "good-rsa";
    const char *refused = _i == 0 ? "[expired]" : NULL;
    X509 *cert, *without;
    EVP_PKEY *next;

    sp_start(NULL);
    cert = sp_read_cert(owner);
    without = read_without_key(_i == 0 ? "good-rsa" : "expired-rsa");
    next = read_public(cert);
    for (int round = 0; round < 2; round++)
        EXPECT(sp_rsa_encrypt(next, data, sizeof(data)), refused);
    EVP_PKEY_free(next);
    X509_free(without);
    X509_free(cert);
}
END_TEST

/* Keys of one curve, whose parameters alone were compared, are not one key. */
START_TEST(parameters_compared)
{
    unsigned char *der = NULL;
    const unsigned char *in;
    EVP_PKEY *made, *key;
    X509 *cert;
    int length;

    sp_start(NULL);
    cert = sp_read_cert("expired-ec");
    made = sp_make_key("EC", "P-256");
    length = i2d_PrivateKey(made, &der);
    in = der;
    key = d2i_AutoPrivateKey(NULL, &in, length);
    ck_assert_int_eq(EVP_PKEY_parameters_eq(X509_get0_pubkey(cert), key), 1);
    EXPECT_DONE(sp_sign_data(key, NULL, sp_mail_attributes, 32));
    EVP_PKEY_free(key);
    OPENSSL_free(der);
    EVP_PKEY_free(made);
    X509_free(cert);
}
END_TEST

/* A private key that is read before any certificate belongs to none that could not be watched. */
START_TEST(private_key_before_any_certificate)
{
    EVP_PKEY *key;

    sp_start(NULL);
    key = sp_read_key(_i == 0 ? "stranger-rsa" : "stranger-ec");
    EXPECT_REFUSED(sp_sign_data(key, "SHA256", sp_mail_attributes, sizeof(sp_mail_attributes)),
                   "belongs to no certificate that this program has parsed");
    EVP_PKEY_free(key);
}
END_TEST

/* The same if the key is compared with a private key before that signs. */
START_TEST(the_next_key_matches_no_other)
{
    const char *owner = _i == 0 ? "expired-rsa" : "good-rsa";
    const char *refused = _i == 0 ? "[expired]" : NULL;
    EVP_PKEY *next, *key;
    X509 *cert, *without;

    sp_start(NULL);
    cert = sp_read_cert(owner);
    without = read_without_key(_i == 0 ? "good-rsa" : "expired-rsa");
    next = read_public(cert);
    key = sp_read_key(owner);
    ck_assert_int_eq(EVP_PKEY_eq(next, key), 1);
    EXPECT(sp_sign_data(key, "SHA256", sp_mail_attributes, sizeof(sp_mail_attributes)), refused);
    EVP_PKEY_free(key);
    EVP_PKEY_free(next);
    X509_free(without);
    X509_free(cert);
}
END_TEST

/* As many as are watched while they are incomplete. */
START_TEST(built_side_by_side)
{
    X509 *certs[4];
    EVP_PKEY *key;

    sp_start(NULL);
    key = sp_read_key("good-rsa");
    for (int i = 0; i < SP_ROWS(certs); i++)
        certs[i] = X509_new();
    for (int i = 0; i < SP_ROWS(certs); i++) {
        ck_assert_int_eq(X509_set_pubkey(certs[i], key), 1);
        ck_assert_int_gt(X509_sign(certs[i], key, EVP_sha256()), 0);
    }
    for (int i = 0; i < SP_ROWS(certs); i++) {
        struct sp_cert *cert = sp_register_of_x509(certs[i]);

        ck_assert_msg(sp_cert_facts(cert) != NULL, "%d", i);
        sp_cert_unref(cert);
        X509_free(certs[i]);
    }
    EVP_PKEY_free(key);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("identity");
    TCase *tests = sp_case(suite, "identity");

    tcase_add_loop_test(tests, two_signers_with_one_key, 0, 4);
    tcase_add_loop_test(tests, extra_certificate, 0, 2);
    tcase_add_test(tests, other_keys_decoded_in_between);
    tcase_add_loop_test(tests, the_next_key_is_no_proof, 0, 2);
    tcase_add_loop_test(tests, the_next_key_matches_no_other, 0, 2);
    tcase_add_test(tests, parameters_compared);
    tcase_add_loop_test(tests, private_key_before_any_certificate, 0, 2);
    tcase_add_loop_test(tests, renewed_with_the_old_key, 0, SP_ROWS(renewals));
    tcase_add_loop_test(tests, renewed_and_nobody_says_which, 0, SP_ROWS(renewals));
    tcase_add_loop_test(tests, renewed_and_the_old_one_freed, 0, SP_ROWS(renewals));
    tcase_add_loop_test(tests, compressed_point, 0, 2);
    tcase_add_test(tests, changed_after_its_parse);
    tcase_add_test(tests, parses_that_fail);
    tcase_add_loop_test(tests, initialised_again_and_copied, 0, 2);
    tcase_add_test(tests, refused_stays_refused);
    tcase_add_test(tests, built_side_by_side);
    return sp_run_forked(suite);
}
