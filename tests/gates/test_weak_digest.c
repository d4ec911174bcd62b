/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The setting `weak_digest` and the digest of a message, as the gates see it.
 */
#include <string.h>

#include <openssl/err.h>
#include <openssl/pem.h>

#include "mail.h"

#define DENY  "weak_digest = deny"
#define FAULT "[weak-digest]"

/*
 * A message of good-rsa, encoded.  It is signed in a library context of its own, without the
 * policy.
 */
static int sign_elsewhere(const char *digest, unsigned int flags, unsigned char **der)
{
    OSSL_LIB_CTX *libctx = OSSL_LIB_CTX_new();
    OSSL_PROVIDER *provider = OSSL_PROVIDER_load(libctx, "default");
    EVP_MD *md = EVP_MD_fetch(libctx, digest, NULL);
    BIO *file = sp_read_file("good-rsa", "key"), *data = BIO_new_mem_buf("hello", 5);
    EVP_PKEY *key = PEM_read_bio_PrivateKey_ex(file, NULL, NULL, NULL, libctx, NULL);
    X509 *cert = X509_new_ex(libctx, NULL);
    CMS_ContentInfo *message;
    int length;

    flags |= CMS_BINARY;
    BIO_free(file);
    file = sp_read_file("good-rsa", "pem");
    ck_assert_ptr_nonnull(PEM_read_bio_X509(file, &cert, NULL, NULL));
    message = CMS_sign_ex(NULL, NULL, NULL, data, flags | CMS_PARTIAL, libctx, NULL);
    ck_assert_ptr_nonnull(CMS_add1_signer(message, cert, key, md, flags));
    ck_assert_int_eq(CMS_final(message, data, NULL, flags), 1);
    length = i2d_CMS_ContentInfo(message, der);
    ck_assert_int_gt(length, 0);
    CMS_ContentInfo_free(message);
    X509_free(cert);
    EVP_PKEY_free(key);
    BIO_free(file);
    BIO_free(data);
    EVP_MD_free(md);
    OSSL_PROVIDER_unload(provider);
    OSSL_LIB_CTX_free(libctx);
    return length;
}

static const struct {
    const char *settings, *digest;
    unsigned int how;   /* it is signed */
    unsigned int flags; /* of the verification */
    const char *fault;
} messages[] = {
    { DENY, "SHA256", 0, 0, NULL },
    { DENY, "SHA1", 0, 0, FAULT },
    { DENY, "SHA256", CMS_NOATTR, 0, NULL },
    { DENY, "SHA1", CMS_NOATTR, 0, FAULT },
    { DENY "\nmode = observe", "SHA1", 0, 0, NULL },
    { "weak_digest = ignore", "SHA1", 0, 0, NULL },
    { "weak_digest = ignore", "SHA1", CMS_NOATTR, 0, NULL },
    /* Whose mail it is was not asked: no rule is asked about the signer either. */
    { DENY, "SHA1", 0, CMS_NO_SIGNER_CERT_VERIFY, NULL },
    { DENY, "SHA1", CMS_NOATTR, CMS_NO_SIGNER_CERT_VERIFY, NULL },
};

START_TEST(verified)
{
    X509_STORE *store;
    X509 *ca;
    CMS_ContentInfo *message;
    unsigned char *der = NULL;
    const unsigned char *end;
    int length;

    sp_start(messages[_i].settings);
    length = sign_elsewhere(messages[_i].digest, messages[_i].how, &der);
    end = der;
    message = d2i_CMS_ContentInfo(NULL, &end, length);
    ca = sp_read_cert("ca");
    store = X509_STORE_new();
    ck_assert_int_eq(X509_STORE_add_cert(store, ca), 1);
    ERR_clear_error();
    EXPECT(CMS_verify(message, NULL, store, NULL, NULL, messages[_i].flags) == 1,
           messages[_i].fault);
    CMS_ContentInfo_free(message);
    X509_STORE_free(store);
    X509_free(ca);
    OPENSSL_free(der);
}
END_TEST

static const struct {
    const char *settings, *name, *digest;
    const unsigned char *data;
    size_t length;
    const char *fault;
} signatures[] = {
    { DENY, "good-ec", "SHA1", sp_mail_attributes, sizeof(sp_mail_attributes), FAULT },
    { DENY, "good-ec", "SHA1", sp_stamp_attributes, sizeof(sp_stamp_attributes), FAULT },
    { DENY, "good-ec", "SHA256", sp_stamp_attributes, sizeof(sp_stamp_attributes), NULL },
    { "weak_digest = warn", "good-ec", "SHA1", sp_mail_attributes, sizeof(sp_mail_attributes),
      NULL },
    { DENY "\nmode = observe", "good-ec", "SHA1", sp_mail_attributes, sizeof(sp_mail_attributes),
      NULL },
    /* A time stamp is no mail, whatever its digest. */
    { DENY, "stamp-ec", "SHA1", sp_stamp_attributes, sizeof(sp_stamp_attributes), NULL },
};

START_TEST(signed_with)
{
    X509 *cert;
    EVP_PKEY *key;

    sp_start(signatures[_i].settings);
    cert = sp_read_cert(signatures[_i].name);
    key = sp_read_key(signatures[_i].name);
    for (int i = 0; i < 2; i++)
        EXPECT(sp_sign_data(key, signatures[_i].digest, signatures[_i].data, signatures[_i].length),
               signatures[_i].fault);
    EVP_PKEY_free(key);
    X509_free(cert);
}
END_TEST

/* Who is refused is not asked for the digest, too. */
START_TEST(refused_for_one_reason)
{
    struct sp_owner who;
    const char *errors;

    sp_start(DENY);
    who = sp_read_owner("expired-ec");
    ck_assert(!sp_sign_data(who.key, "SHA1", sp_mail_attributes, sizeof(sp_mail_attributes)));
    errors = sp_errors();
    ck_assert_msg(strstr(errors, "[expired]") != NULL && strstr(errors, FAULT) == NULL, "%s",
                  errors);
    sp_free_owner(&who);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("weak digest");
    TCase *tests = sp_case(suite, "weak digest");

    tcase_add_loop_test(tests, verified, 0, SP_ROWS(messages));
    tcase_add_loop_test(tests, signed_with, 0, SP_ROWS(signatures));
    tcase_add_test(tests, refused_for_one_reason);
    return sp_run_forked(suite);
}
