/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Only mail is judged: the same keys do other work, with certificates that the rules
 * refuse.
 */
#include <string.h>

#include <openssl/objects.h>
#include <openssl/x509.h>

#include "mail.h"

static const char *const refused[] = { "expired-rsa", "expired-ec", "no-address-rsa", "server-rsa",
                                       "server-ec" };

START_TEST(signatures_over_other_data)
{
    static const unsigned char set[] = { 0x31, 0x03, 0x02, 0x01, 0x05 };
    unsigned char digest[32] = { 0 };
    struct sp_owner owner;

    sp_start(NULL);
    owner = sp_read_owner(refused[_i]);
    ck_assert_int_eq(X509_check_private_key(owner.cert, owner.key), 1);
    EXPECT_DONE(sp_sign_data(owner.key, "SHA256", "hello", 5));
    EXPECT_DONE(sp_sign_data(owner.key, "SHA256", "", 0));
    EXPECT_DONE(sp_sign_data(owner.key, "SHA256", set, sizeof(set)));
    EXPECT_REFUSED(
        sp_sign_data(owner.key, "SHA256", sp_mail_attributes, sizeof(sp_mail_attributes)),
        "refused: sign:");
    /* Without data it may be a mail. */
    EXPECT_REFUSED(sp_sign_data(owner.key, NULL, digest, sizeof(digest)), "refused: sign:");
    sp_free_owner(&owner);
}
END_TEST

/*
 * Attributes of a time stamp pass if the certificate is for time stamps; else they
 * count as a mail.
 */
START_TEST(time_stamps)
{
    const bool stamper = _i == SP_ROWS(refused);
    struct sp_owner owner;

    sp_start(NULL);
    owner = sp_read_owner(stamper ? "stamp-ec" : refused[_i]);
    EXPECT(sp_sign_data(owner.key, "SHA256", sp_stamp_attributes, sizeof(sp_stamp_attributes)),
           stamper ? NULL : "refused: sign:");
    EXPECT_REFUSED(
        sp_sign_data(owner.key, "SHA256", sp_mail_attributes, sizeof(sp_mail_attributes)),
        "refused: sign:");
    sp_free_owner(&owner);
}
END_TEST

START_TEST(certificates_requests_and_revocation_lists)
{
    X509 *cert;
    X509_REQ *request;
    X509_CRL *list;
    ASN1_TIME *now;
    struct sp_owner owner;

    sp_start(NULL);
    owner = sp_read_owner(refused[_i]);
    ck_assert_int_eq(X509_check_private_key(owner.cert, owner.key), 1);
    cert = X509_dup(owner.cert);
    request = X509_REQ_new();
    list = X509_CRL_new();
    now = ASN1_TIME_set(NULL, 0);
    ck_assert_int_eq(X509_REQ_set_pubkey(request, owner.key), 1);
    ck_assert_int_eq(X509_CRL_set_issuer_name(list, X509_get_subject_name(owner.cert)), 1);
    ck_assert_int_eq(X509_CRL_set1_lastUpdate(list, now), 1);
    EXPECT_DONE(X509_sign(cert, owner.key, EVP_sha256()) > 0);
    EXPECT_DONE(X509_REQ_sign(request, owner.key, EVP_sha256()) > 0);
    EXPECT_DONE(X509_CRL_sign(list, owner.key, EVP_sha256()) > 0);
    EXPECT_DONE(X509_verify(cert, owner.key) == 1);
    ASN1_TIME_free(now);
    X509_CRL_free(list);
    X509_REQ_free(request);
    X509_free(cert);
    sp_free_owner(&owner);
}
END_TEST

/* A premaster secret is a version and 46 random bytes; a content key is 16, 24 or 32 bytes. */
START_TEST(premaster_secret)
{
    static const struct row {
        unsigned char bytes[49];
        size_t length;
        bool passes;
    } rows[] = { { { 3, 0 }, 48, true },        { { 3, 3 }, 48, true },
                 { { 3, 4 }, 48, false },       { { 2, 3 }, 48, false },
                 { { 3, 3 }, 47, false },       { { 3, 3 }, 49, false },
                 { { 3, 3 }, 32, false },       { { 3, 3 }, 16, false },
                 { { 0x31, 0 }, 24, false },    { { 0xfe, 0xfd }, 48, true },
                 { { 0xfe, 0xff }, 48, true },  { { 1, 0 }, 48, true },
                 { { 0xfe, 0xfc }, 48, false }, { { 0xfe, 0xfd }, 47, false },
                 { { 0xfe, 0xfd }, 49, false }, { { 0xfe, 0xfd }, 32, false } };
    const struct row *row = &rows[_i];
    EVP_PKEY *public;
    X509 *cert;

    sp_start(NULL);
    cert = sp_read_cert("server-rsa");
    public = X509_get_pubkey(cert);
    EXPECT(sp_rsa_encrypt(public, row->bytes, row->length),
           row->passes ? NULL : "[extended-key-usage]");
    EVP_PKEY_free(public);
    X509_free(cert);
}
END_TEST

static void has_no_name_in_a_mail(EVP_CIPHER *cipher, void *seen)
{
    const ASN1_OBJECT *object = OBJ_nid2obj(EVP_CIPHER_get_nid(cipher));
    int *count = seen;

    if (EVP_CIPHER_get_key_length(cipher) != 48)
        return;
    (*count)++;
    ck_assert_msg(object == NULL || OBJ_length(object) == 0, "%s", EVP_CIPHER_get0_name(cipher));
}

/*
 * A mail names its cipher by an object identifier.  AES-192-SIV, with a key of 48
 * bytes, has none.
 */
START_TEST(no_content_key_is_a_premaster_secret)
{
    int count = 0;

    sp_start(NULL);
    EVP_CIPHER_do_all_provided(NULL, has_no_name_in_a_mail, &count);
    ck_assert_int_gt(count, 0);
}
END_TEST

/* EVP treats message authentication codes as signatures, and key derivation as key exchange. */
START_TEST(keys_without_certificates)
{
    static const unsigned char secret[16] = { 1 };
    EVP_PKEY *hmac;
    EVP_PKEY_CTX *ctx;
    unsigned char out[32];
    size_t size = sizeof(out);
    bool done;

    sp_start("unknown_keys = refuse");
    hmac = EVP_PKEY_new_raw_private_key_ex(NULL, "HMAC", NULL, secret, sizeof(secret));
    EXPECT_DONE(sp_sign_data(hmac, "SHA256", sp_mail_attributes, sizeof(sp_mail_attributes)));
    ctx = EVP_PKEY_CTX_new_from_name(NULL, "HKDF", NULL);
    done = EVP_PKEY_derive_init(ctx) == 1 && EVP_PKEY_CTX_ctrl_str(ctx, "digest", "SHA256") == 1 &&
           EVP_PKEY_CTX_ctrl_str(ctx, "key", "secret") == 1 &&
           EVP_PKEY_derive(ctx, out, &size) == 1;
    EXPECT_DONE(done);
    EVP_PKEY_CTX_free(ctx);
    EVP_PKEY_free(hmac);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("not mail");
    TCase *tests = sp_case(suite, "not mail");

    tcase_add_loop_test(tests, signatures_over_other_data, 0, SP_ROWS(refused));
    tcase_add_loop_test(tests, time_stamps, 0, SP_ROWS(refused) + 1);
    tcase_add_loop_test(tests, certificates_requests_and_revocation_lists, 0, SP_ROWS(refused));
    tcase_add_loop_test(tests, premaster_secret, 0, 16);
    tcase_add_test(tests, no_content_key_is_a_premaster_secret);
    tcase_add_test(tests, keys_without_certificates);
    return sp_run_forked(suite);
}
