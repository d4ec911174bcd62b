/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Ways round the gates of encryption: see docs/security/bypasses.md.
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

/* Encrypt by key agreement with the sender's certificate instead of a key made for the message. */
static bool encrypt_from(struct sp_owner *originator, X509 *to)
{
    BIO *data = BIO_new_mem_buf("hello", 5);
    CMS_ContentInfo *message = CMS_encrypt(NULL, data, EVP_aes_128_cbc(), CMS_PARTIAL | CMS_BINARY);
    bool done = message != NULL &&
                CMS_add1_recipient(message, to, originator->key, originator->cert, 0) != NULL &&
                CMS_final(message, data, NULL, CMS_BINARY) == 1;

    CMS_ContentInfo_free(message);
    BIO_free(data);
    return done;
}

/* libcrypto cannot encrypt so.  If it ever can, the gate has to judge it. */
START_TEST(originator_with_a_certificate)
{
    struct sp_owner me;
    X509 *expired;

    sp_start(NULL);
    me = sp_read_owner("good-ec");
    expired = sp_read_cert("expired-ec");
    EXPECT_REFUSED(encrypt_from(&me, expired), "unsupported static key agreement");
    X509_free(expired);
    sp_free_owner(&me);
}
END_TEST

/* A context that has encrypted something else before. */
START_TEST(premaster_first)
{
    static const unsigned char premaster[48] = { 3, 3 }, content_key[32] = { 1 };
    struct sp_owner to;
    EVP_PKEY_CTX *ctx;
    unsigned char out[1024];
    size_t size = sizeof(out);
    bool done;

    sp_start(NULL);
    to = sp_read_owner("expired-rsa");
    ctx = EVP_PKEY_CTX_new_from_pkey(NULL, X509_get0_pubkey(to.cert), NULL);
    done = EVP_PKEY_encrypt_init(ctx) == 1 &&
           EVP_PKEY_encrypt(ctx, out, &size, premaster, sizeof(premaster)) == 1;
    EXPECT_DONE(done);
    size = sizeof(out);
    done = EVP_PKEY_encrypt(ctx, out, &size, content_key, sizeof(content_key)) == 1;
    EXPECT_REFUSED(done, "[expired]");
    /* Once refused it stays so, for a premaster secret too, until it is begun anew. */
    size = sizeof(out);
    done = EVP_PKEY_encrypt(ctx, out, &size, premaster, sizeof(premaster)) == 1;
    EXPECT_REFUSED(done, "start a new operation with another certificate");
    size = sizeof(out);
    done = EVP_PKEY_encrypt_init(ctx) == 1 &&
           EVP_PKEY_encrypt(ctx, out, &size, premaster, sizeof(premaster)) == 1;
    EXPECT_DONE(done);
    EVP_PKEY_CTX_free(ctx);
    sp_free_owner(&to);
}
END_TEST

/* With |ctx|, begun for an encryption: the content key, or an agreement on one. */
static bool finish(EVP_PKEY_CTX *ctx, X509 *to)
{
    static const unsigned char content_key[32] = { 1 };
    unsigned char out[1024];
    size_t size = sizeof(out);

    if (EVP_PKEY_is_a(X509_get0_pubkey(to), "RSA"))
        return EVP_PKEY_encrypt(ctx, out, &size, content_key, sizeof(content_key)) == 1;
    return EVP_PKEY_derive_set_peer(ctx, X509_get0_pubkey(to)) == 1;
}

/* What is made of a copy is judged as what is made of the context itself. */
START_TEST(copied_context)
{
    const char *said = good_and_expired[_i][1];
    EVP_PKEY_CTX *ctx, *copy;
    EVP_PKEY *own;
    X509 *to;
    bool rsa;

    sp_start(NULL);
    to = sp_read_cert(good_and_expired[_i][0]);
    rsa = EVP_PKEY_is_a(X509_get0_pubkey(to), "RSA") == 1;
    own = rsa ? NULL : EVP_EC_gen("P-256");
    ctx = EVP_PKEY_CTX_new_from_pkey(NULL, rsa ? X509_get0_pubkey(to) : own, NULL);
    ck_assert_int_eq(rsa ? EVP_PKEY_encrypt_init(ctx) : EVP_PKEY_derive_init(ctx), 1);
    copy = EVP_PKEY_CTX_dup(ctx);
    ck_assert_ptr_nonnull(copy);
    EXPECT(finish(copy, to), said);
    EVP_PKEY_CTX_free(copy);
    /* The copy goes, and the context is what it was; then a copy that outlives it. */
    EXPECT(finish(ctx, to), said);
    ck_assert_int_eq(rsa ? EVP_PKEY_encrypt_init(ctx) : EVP_PKEY_derive_init(ctx), 1);
    copy = EVP_PKEY_CTX_dup(ctx);
    ck_assert_ptr_nonnull(copy);
    EVP_PKEY_CTX_free(ctx);
    EXPECT(finish(copy, to), said);
    EVP_PKEY_CTX_free(copy);
    EVP_PKEY_free(own);
    X509_free(to);
}
END_TEST

/* Recipients named by their key identifier, authenticated encryption, a key put in by the program.
 */
static bool encrypt_by_hand(X509 *cert, const EVP_CIPHER *cipher, unsigned int flags, EVP_PKEY *key)
{
    const bool authenticated = EVP_CIPHER_get_mode(cipher) == EVP_CIPH_GCM_MODE;
    BIO *data = BIO_new_mem_buf("hello", 5);
    CMS_ContentInfo *message =
        authenticated ? CMS_AuthEnvelopedData_create(cipher) : CMS_EnvelopedData_create(cipher);
    CMS_RecipientInfo *info = CMS_add1_recipient_cert(message, cert, flags);
    bool done = info != NULL &&
                (key == NULL ||
                 (EVP_PKEY_up_ref(key) == 1 && CMS_RecipientInfo_set0_pkey(info, key) == 1)) &&
                CMS_final(message, data, NULL, CMS_BINARY) == 1;

    CMS_ContentInfo_free(message);
    BIO_free(data);
    return done;
}

START_TEST(recipients_by_hand)
{
    const char *said = good_and_expired[_i][1];
    struct sp_owner to;

    sp_start(NULL);
    to = sp_read_owner(good_and_expired[_i][0]);
    EXPECT(encrypt_by_hand(to.cert, EVP_aes_128_cbc(), 0, NULL), said);
    EXPECT(encrypt_by_hand(to.cert, EVP_aes_128_cbc(), CMS_USE_KEYID, NULL), said);
    EXPECT(encrypt_by_hand(to.cert, EVP_aes_128_gcm(), 0, NULL), said);
    EXPECT(encrypt_by_hand(to.cert, EVP_aes_128_gcm(), CMS_USE_KEYID, NULL), said);
    sp_free_owner(&to);
}
END_TEST

/* The key that is encrypted to counts, not the certificate that is named. */
START_TEST(key_of_another_recipient)
{
    struct sp_owner good, expired;

    sp_start(NULL);
    good = sp_read_owner("good-rsa");
    expired = sp_read_owner("expired-rsa");
    EXPECT_REFUSED(encrypt_by_hand(good.cert, EVP_aes_128_cbc(), 0, expired.key), "[expired]");
    EXPECT_DONE(encrypt_by_hand(good.cert, EVP_aes_128_cbc(), 0, good.key));
    sp_free_owner(&good);
    sp_free_owner(&expired);
}
END_TEST

/* Envelope, and sign if |who| is given, with the functions below PKCS7_encrypt(). */
static bool pkcs7_by_hand(X509 *to, struct sp_owner *who)
{
    PKCS7 *message = PKCS7_new();
    BIO *data = NULL;
    bool done =
        PKCS7_set_type(message, who != NULL ? NID_pkcs7_signedAndEnveloped : NID_pkcs7_enveloped) ==
            1 &&
        PKCS7_set_cipher(message, EVP_aes_128_cbc()) == 1 &&
        PKCS7_add_recipient(message, to) != NULL &&
        (who == NULL || PKCS7_add_signature(message, who->cert, who->key, EVP_sha256()) != NULL) &&
        (data = PKCS7_dataInit(message, NULL)) != NULL && BIO_write(data, "hello", 5) == 5 &&
        BIO_flush(data) == 1 && PKCS7_dataFinal(message, data) == 1;

    BIO_free_all(data);
    PKCS7_free(message);
    return done;
}

START_TEST(pkcs7_from_its_parts)
{
    struct sp_owner good, expired;

    sp_start(NULL);
    good = sp_read_owner("good-rsa");
    expired = sp_read_owner("expired-rsa");
    EXPECT_DONE(pkcs7_by_hand(good.cert, NULL));
    EXPECT_DONE(pkcs7_by_hand(good.cert, &good));
    EXPECT_REFUSED(pkcs7_by_hand(expired.cert, NULL), "[expired]");
    EXPECT_REFUSED(pkcs7_by_hand(expired.cert, &good), "[expired]");
    EXPECT_REFUSED(pkcs7_by_hand(good.cert, &expired), "[expired]");
    sp_free_owner(&good);
    sp_free_owner(&expired);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("ways to encrypt");
    TCase *tests = sp_case(suite, "ways to encrypt");

    tcase_add_test(tests, originator_with_a_certificate);
    tcase_add_test(tests, premaster_first);
    tcase_add_loop_test(tests, copied_context, 0, SP_ROWS(good_and_expired));
    tcase_add_loop_test(tests, recipients_by_hand, 0, SP_ROWS(good_and_expired));
    tcase_add_test(tests, key_of_another_recipient);
    tcase_add_test(tests, pkcs7_from_its_parts);
    return sp_run_forked(suite);
}
