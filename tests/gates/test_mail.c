/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Signing, encrypting, verifying and decrypting, with certificates that the
 * rules accept and with some that they refuse.
 */
#include <string.h>

#include <openssl/err.h>
#include <openssl/x509_vfy.h>

#include "mail.h"

/* The error of each use of a certificate; NULL: it works. */
static const struct row {
    const char *name, *sign, *encrypt, *verify;
} rows[] = {
    { "good-rsa", NULL, NULL, NULL },
    { "good-ec", NULL, NULL, NULL },
    { "expired-rsa", "[expired]", "[expired]", "certificate has expired" },
    { "expired-ec", "[expired]", "[expired]", "certificate has expired" },
    { "future-rsa", "[not-yet-valid]", "[not-yet-valid]", "certificate is not yet valid" },
    { "no-address-rsa", "[san-email]", "[san-email]", "(san-email) [signer-certificate]" },
    { "no-address-ec", "[san-email]", "[san-email]", "(san-email) [signer-certificate]" },
    { "no-usage-rsa", "[key-usage]", "[key-usage]", NULL },
    { "sign-only-rsa", NULL, "[usage-encrypt]", NULL },
    { "encrypt-only-rsa", "[usage-sign]", NULL, "unsuitable certificate purpose" },
    { "server-rsa", "[extended-key-usage]", "[extended-key-usage]",
      "unsuitable certificate purpose" },
};

static const unsigned int cms_flags[] = {
    0, CMS_NOATTR, CMS_DETACHED, CMS_DETACHED | CMS_NOATTR, CMS_STREAM, CMS_STREAM | CMS_NOATTR
};
static const int pkcs7_flags[] = { 0,
                                   PKCS7_NOATTR,
                                   PKCS7_DETACHED,
                                   PKCS7_DETACHED | PKCS7_NOATTR,
                                   PKCS7_STREAM,
                                   PKCS7_STREAM | PKCS7_NOATTR };

START_TEST(signing)
{
    const struct row *row = &rows[_i];
    X509 *cert;
    EVP_PKEY *key;

    sp_start(NULL);
    cert = sp_read_cert(row->name);
    key = sp_read_key(row->name);
    for (int i = 0; i < SP_ROWS(cms_flags); i++)
        EXPECT(sp_cms_sign(cert, key, cms_flags[i]), row->sign);
    for (int i = 0; i < SP_ROWS(pkcs7_flags); i++)
        EXPECT(sp_pkcs7_sign(cert, key, pkcs7_flags[i]), row->sign);
    EVP_PKEY_free(key);
    X509_free(cert);
}
END_TEST

START_TEST(encrypting)
{
    const struct row *row = &rows[_i];
    const bool ec = strstr(row->name, "-ec") != NULL;
    X509 *cert, *good;

    sp_start(NULL);
    cert = sp_read_cert(row->name);
    good = sp_read_cert("good-rsa");
    EXPECT(sp_cms_encrypt(cert, NULL, 0), row->encrypt);
    EXPECT(sp_cms_encrypt(cert, NULL, CMS_STREAM), row->encrypt);
    EXPECT(sp_cms_encrypt(good, cert, 0), row->encrypt);
    EXPECT(sp_cms_encrypt(cert, good, 0), row->encrypt);
    /* PKCS #7 has only key transport. */
    if (!ec) {
        EXPECT(sp_pkcs7_encrypt(cert, NULL, 0), row->encrypt);
        EXPECT(sp_pkcs7_encrypt(good, cert, 0), row->encrypt);
        EXPECT(sp_pkcs7_encrypt(cert, good, 0), row->encrypt);
    }
    X509_free(good);
    X509_free(cert);
}
END_TEST

START_TEST(verifying)
{
    const struct row *row = &rows[_i];

    sp_start(NULL);
    EXPECT(sp_cms_verify(row->name, 0), row->verify);
    EXPECT(sp_pkcs7_verify(row->name, 0), row->verify);
}
END_TEST

/* A certificate with any fault still decrypts what was sent to it. */
START_TEST(decrypting)
{
    const struct row *row = &rows[_i];

    sp_start(NULL);
    EXPECT_DONE(sp_cms_decrypt(row->name));
    if (strstr(row->name, "-ec") == NULL)
        EXPECT_DONE(sp_pkcs7_decrypt(row->name));
}
END_TEST

/* The second of two signers is judged, too, and the message is not finished. */
START_TEST(several_signers)
{
    const unsigned int flags = CMS_BINARY | CMS_PARTIAL;
    X509 *good, *bad;
    EVP_PKEY *good_key, *bad_key;
    CMS_ContentInfo *message;
    BIO *data = BIO_new_mem_buf("hello", 5);
    bool done;

    sp_start(NULL);
    good = sp_read_cert("good-rsa");
    bad = sp_read_cert("expired-ec");
    good_key = sp_read_key("good-rsa");
    bad_key = sp_read_key("expired-ec");
    message = CMS_sign(NULL, NULL, NULL, data, flags);
    ck_assert_ptr_nonnull(CMS_add1_signer(message, good, good_key, NULL, flags));
    done = CMS_add1_signer(message, bad, bad_key, NULL, flags) != NULL &&
           CMS_final(message, data, NULL, CMS_BINARY) == 1;
    EXPECT_REFUSED(done, "[expired]");
    CMS_ContentInfo_free(message);
    BIO_free(data);
    X509_free(good);
    X509_free(bad);
    EVP_PKEY_free(good_key);
    EVP_PKEY_free(bad_key);
}
END_TEST

/* A signer is added to an existing message. */
START_TEST(resigning)
{
    BIO *file;
    CMS_ContentInfo *message;
    X509 *cert;
    EVP_PKEY *key;
    const char *name = _i == 0 ? "good-ec" : "expired-ec";
    bool done;

    sp_start(NULL);
    file = sp_read_file("good-rsa", "sig");
    message = d2i_CMS_bio(file, NULL);
    cert = sp_read_cert(name);
    key = sp_read_key(name);
    done = CMS_add1_signer(message, cert, key, NULL, CMS_REUSE_DIGEST) != NULL;
    EXPECT(done, _i == 0 ? NULL : "[expired]");
    CMS_ContentInfo_free(message);
    BIO_free(file);
    X509_free(cert);
    EVP_PKEY_free(key);
}
END_TEST

/* The refusal names signer, time, certificate and reason, in one line. */
START_TEST(text_of_a_refusal)
{
    sp_start(NULL);
    EXPECT_REFUSED(sp_encrypt_to("expired-rsa"),
                   "refused: encrypt: bob@example.org: certificate expired on 2024-07-31T14:20:28Z "
                   "[expired] (CN=expired-rsa, serial 0x68); ");
    EXPECT_REFUSED(sp_sign_as("expired-rsa"),
                   "refused: sign: bob@example.org: certificate expired on 2024-07-31T14:20:28Z");
}
END_TEST

START_TEST(through_the_module)
{
    const struct row *row = &rows[_i];

    sp_start_module(NULL);
    EXPECT(sp_sign_as(row->name), row->sign);
    EXPECT(sp_encrypt_to(row->name), row->encrypt);
    EXPECT(sp_cms_verify(row->name, 0), row->verify);
    EXPECT_DONE(sp_cms_decrypt(row->name));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("mail");
    TCase *tests = sp_case(suite, "mail");

    tcase_add_loop_test(tests, signing, 0, SP_ROWS(rows));
    tcase_add_loop_test(tests, encrypting, 0, SP_ROWS(rows));
    tcase_add_loop_test(tests, verifying, 0, SP_ROWS(rows));
    tcase_add_loop_test(tests, decrypting, 0, SP_ROWS(rows));
    tcase_add_test(tests, several_signers);
    tcase_add_loop_test(tests, resigning, 0, 2);
    tcase_add_test(tests, text_of_a_refusal);
    tcase_add_loop_test(tests, through_the_module, 0, SP_ROWS(rows));
    return sp_run_forked(suite);
}
