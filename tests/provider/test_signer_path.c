/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The issuer of a signer has expired, and every allocation of ours fails once.
 */
#include <stdlib.h>
#include <string.h>

#include <openssl/cms.h>
#include <openssl/crypto.h>
#include <openssl/err.h>

#include "certs.h"
#include "harness.h"
#include "starve.h"

#define PAST   "20150101000000Z", "20210101000000Z"
#define FUTURE "20200101000000Z", "20991231235959Z"

struct encoded {
    unsigned char *der;
    int length;
};

static struct encoded signer, old_ca, new_ca, key;
static char *conf; /* the name of a file */

static struct encoded encode(X509 *cert)
{
    struct encoded encoded = { 0 };

    encoded.length = i2d_X509(cert, &encoded.der);
    ck_assert_int_gt(encoded.length, 0);
    return encoded;
}

static X509 *make_ca(const char *not_before, const char *not_after, int serial)
{
    return sp_make_cert(&(struct sp_recipe){ .subject = "CA",
                                             .not_before = not_before,
                                             .not_after = not_after,
                                             .key = sp_test_ec(),
                                             .usage = "keyCertSign",
                                             .basic = "critical,CA:TRUE",
                                             .serial = serial,
                                             .again = { "subjectKeyIdentifier", "hash" } });
}

/* Before the provider: it would not let the certificates be made. */
static void make_certs(void)
{
    X509 *old = make_ca(PAST, 1), *renewed = make_ca(FUTURE, 2), *cert;
    const struct sp_recipe recipe = { .not_before = "20200101000000Z",
                                      .not_after = "20991231235959Z",
                                      .issuer = old,
                                      .issuer_key = sp_test_ec(),
                                      .san = "email:bob@example.org",
                                      .usage = "digitalSignature" };

    cert = sp_make_cert(&recipe);
    signer = encode(cert);
    old_ca = encode(old);
    new_ca = encode(renewed);
    key.length = i2d_PrivateKey(sp_test_rsa(), &key.der);
    ck_assert_int_gt(key.length, 0);
    X509_free(cert);
    X509_free(renewed);
    X509_free(old);
}

static void free_certs(void)
{
    OPENSSL_free(signer.der);
    OPENSSL_free(old_ca.der);
    OPENSSL_free(new_ca.der);
    OPENSSL_free(key.der);
}

static X509 *parse(OSSL_LIB_CTX *libctx, const struct encoded *encoded)
{
    const unsigned char *der = encoded->der;
    X509 *cert = X509_new_ex(libctx, NULL);

    if (cert != NULL)
        (void)d2i_X509(&cert, &der, encoded->length);
    return cert;
}

/* Sign while |ca|, and perhaps |other|, are parsed certificates of the process. */
static bool sign(OSSL_LIB_CTX *libctx, const struct encoded *ca, const struct encoded *other)
{
    const unsigned char *der = key.der;
    X509 *first = parse(libctx, ca), *second = other != NULL ? parse(libctx, other) : NULL;
    X509 *cert = parse(libctx, &signer);
    EVP_PKEY *private = d2i_AutoPrivateKey_ex(NULL, &der, key.length, libctx, NULL);
    BIO *data = BIO_new_mem_buf("hello", 5);
    CMS_ContentInfo *message = NULL;

    if (first != NULL && cert != NULL && private != NULL)
        message = CMS_sign_ex(cert, private, NULL, data, CMS_BINARY, libctx, NULL);
    CMS_ContentInfo_free(message);
    BIO_free(data);
    EVP_PKEY_free(private);
    X509_free(cert);
    X509_free(second);
    X509_free(first);
    return message != NULL;
}

static OSSL_LIB_CTX *context(void)
{
    OSSL_LIB_CTX *libctx = OSSL_LIB_CTX_new();

    ck_assert_int_eq(OSSL_PROVIDER_add_builtin(libctx, "smimepolicy", OSSL_provider_init), 1);
    ck_assert_int_eq(OSSL_LIB_CTX_load_config(libctx, conf), 1);
    return libctx;
}

/* Sign while one allocation fails; false if none was left to fail. */
static bool refuses(long fails)
{
    OSSL_LIB_CTX *libctx = context();
    bool starving;

    sp_starve(fails);
    ck_assert_msg(!sign(libctx, &old_ca, NULL), "signs when allocation %ld fails", fails);
    starving = sp_starve_end();
    if (!starving)
        ck_assert_ptr_nonnull(strstr(sp_errors(), "on the signer's path expired"));
    ERR_clear_error();
    OSSL_LIB_CTX_free(libctx);
    return starving;
}

START_TEST(every_allocation_fails_once)
{
    const char *text = getenv("SP_STARVE_STEP");
    const long step = text != NULL ? strtol(text, NULL, 10) : 1;
    char *settings = sp_configuration("signer_path = refuse");
    OSSL_LIB_CTX *libctx;
    long fails = 1;

    ck_assert(sp_starve_watch());
    ck_assert_int_eq(OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL), 1);
    make_certs();
    conf = sp_temporary(settings);
    while (refuses(fails))
        fails += step;
    ck_assert_int_gt(fails, 30);
    libctx = context();
    ck_assert(sign(libctx, &new_ca, NULL));
    ck_assert(sign(libctx, &old_ca, &new_ca));
    ck_assert(!sign(libctx, &old_ca, NULL));
    OSSL_LIB_CTX_free(libctx);
    free_certs();
    free(conf);
    free(settings);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("signer_path");
    TCase *tests = sp_case(suite, "signer_path");

    tcase_set_timeout(tests, 900);
    tcase_add_test(tests, every_allocation_fails_once);
    return sp_run_forked(suite);
}
