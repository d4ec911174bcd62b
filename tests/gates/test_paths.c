/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * However a certificate gets into a process, the verdict is the same.
 */
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/store.h>

#include "mail.h"

static X509 *by_pem(const char *name)
{
    return sp_read_cert(name);
}

static X509 *by_pem_aux(const char *name)
{
    BIO *file = sp_read_file(name, "pem");
    X509 *cert = PEM_read_bio_X509_AUX(file, NULL, NULL, NULL);

    BIO_free(file);
    return cert;
}

static X509 *by_dup(const char *name)
{
    X509 *cert = sp_read_cert(name), *copy = X509_dup(cert);

    X509_free(cert);
    return copy;
}

/* Parsed into an object that held another certificate. */
static X509 *by_reuse(const char *name)
{
    X509 *cert = sp_read_cert("ca");
    unsigned char *der;
    int length = sp_read_der(name, &der);
    const unsigned char *p = der;

    ck_assert_ptr_eq(d2i_X509(&cert, &p, length), cert);
    OPENSSL_free(der);
    return cert;
}

/* A failed parse does not count: what is read next into the object counts. */
static X509 *after_failure(const char *name)
{
    unsigned char *der;
    int length = sp_read_der(name, &der);
    const unsigned char *p = der;

    for (int cut = 1; cut < length; cut++) {
        p = der;
        ck_assert_ptr_null(d2i_X509(NULL, &p, length - cut));
    }
    ERR_clear_error();
    OPENSSL_free(der);
    return sp_read_cert(name);
}

static X509 *by_library_context(const char *name)
{
    X509 *cert = X509_new_ex(OSSL_LIB_CTX_get0_global_default(), "?smime.policy=yes");
    BIO *file = sp_read_file(name, "pem");

    ck_assert_ptr_eq(PEM_read_bio_X509(file, &cert, NULL, NULL), cert);
    BIO_free(file);
    return cert;
}

static X509 *by_pkcs12(const char *name)
{
    X509 *cert = sp_read_cert(name), *copy = NULL;
    EVP_PKEY *key = sp_read_key(name), *key_copy = NULL;
    PKCS12 *bundle = PKCS12_create("x", name, key, cert, NULL, 0, 0, 2048, 2048, 0);
    unsigned char *der = NULL;
    int length = i2d_PKCS12(bundle, &der);
    const unsigned char *p = der;

    PKCS12_free(bundle);
    X509_free(cert);
    EVP_PKEY_free(key);
    bundle = d2i_PKCS12(NULL, &p, length);
    ck_assert_int_eq(PKCS12_parse(bundle, "x", &key_copy, &copy, NULL), 1);
    PKCS12_free(bundle);
    EVP_PKEY_free(key_copy);
    OPENSSL_free(der);
    return copy;
}

static X509 *by_pkcs7(const char *name)
{
    BIO *file = sp_read_file(name, "sig");
    PKCS7 *message = d2i_PKCS7_bio(file, NULL);
    X509 *cert = sk_X509_value(message->d.sign->cert, 0);

    ck_assert_int_eq(X509_up_ref(cert), 1);
    PKCS7_free(message);
    BIO_free(file);
    return cert;
}

static X509 *by_cms(const char *name)
{
    BIO *file = sp_read_file(name, "sig");
    CMS_ContentInfo *message = d2i_CMS_bio(file, NULL);
    STACK_OF(X509) *certs = CMS_get1_certs(message);
    X509 *cert = sk_X509_shift(certs);

    sk_X509_pop_free(certs, X509_free);
    CMS_ContentInfo_free(message);
    BIO_free(file);
    return cert;
}

static X509 *by_store(const char *name)
{
    char uri[4096];
    OSSL_STORE_CTX *store;
    OSSL_STORE_INFO *info;
    X509 *cert;

    (void)snprintf(uri, sizeof(uri), "file:" SP_PKI "/%s.pem", name);
    store = OSSL_STORE_open(uri, NULL, NULL, NULL, NULL);
    ck_assert_ptr_nonnull(store);
    info = OSSL_STORE_load(store);
    ck_assert_ptr_nonnull(info);
    cert = OSSL_STORE_INFO_get1_CERT(info);
    OSSL_STORE_INFO_free(info);
    OSSL_STORE_close(store);
    return cert;
}

static X509 *by_new_public_key(const char *name)
{
    X509 *cert = by_dup(name);
    EVP_PKEY *key = X509_get_pubkey(cert), *copy = EVP_PKEY_dup(key);

    ck_assert_int_eq(X509_set_pubkey(cert, copy), 1);
    EVP_PKEY_free(copy);
    EVP_PKEY_free(key);
    return cert;
}

static X509 *by_hand(const char *name)
{
    EVP_PKEY *key = sp_read_key(name);
    X509 *cert = sp_build_cert(name, key);

    EVP_PKEY_free(key);
    return cert;
}

static const struct row {
    X509 *(*make)(const char *name);
    const char *label;
} rows[] = {
    { by_pem, "PEM" },
    { by_pem_aux, "PEM with trust" },
    { by_dup, "X509_dup" },
    { by_reuse, "d2i_X509 into an object" },
    { after_failure, "after failed parses" },
    { by_library_context, "X509_new_ex" },
    { by_pkcs12, "PKCS #12" },
    { by_pkcs7, "PKCS #7" },
    { by_cms, "CMS" },
    { by_store, "OSSL_STORE" },
    { by_new_public_key, "X509_set_pubkey" },
    { by_hand, "by hand" },
};

static void use(const struct row *row, const char *name, const char *refused)
{
    X509 *cert = row->make(name);
    EVP_PKEY *key, *copy;

    ck_assert_msg(cert != NULL, "%s", row->label);
    ck_assert_msg(ERR_peek_error() == 0, "%s left: %s", row->label, sp_errors());
    EXPECT(sp_cms_encrypt(cert, NULL, 0), refused);
    key = sp_read_key(name);
    copy = EVP_PKEY_dup(key);
    EXPECT(sp_cms_sign(cert, key, 0), refused);
    EXPECT(sp_pkcs7_sign(cert, key, PKCS7_NOATTR), refused);
    EXPECT(sp_pkcs7_add_signature(cert, key), refused);
    EXPECT(sp_cms_sign(cert, copy, 0), refused);
    EXPECT(sp_pkcs7_add_signature(cert, copy), refused);
    EVP_PKEY_free(copy);
    EVP_PKEY_free(key);
    X509_free(cert);
}

START_TEST(expired_is_refused)
{
    sp_start(NULL);
    use(&rows[_i], "expired-rsa", "[expired]");
    use(&rows[_i], "expired-ec", "[expired]");
}
END_TEST

START_TEST(good_is_accepted)
{
    sp_start(NULL);
    use(&rows[_i], "good-ec", NULL);
    use(&rows[_i], "good-rsa", NULL);
}
END_TEST

/* The birth and death of a certificate leave no error behind. */
START_TEST(error_queue_stays_clean)
{
    static const char *const names[] = { "good-rsa", "expired-rsa", "no-usage-rsa", "server-ec",
                                         "ca" };
    X509 *cert;

    sp_start(NULL);
    for (int i = 0; i < SP_ROWS(names); i++) {
        cert = sp_read_cert(names[i]);
        ck_assert_msg(ERR_peek_error() == 0, "%s: %s", names[i], sp_errors());
        X509_free(X509_new());
        ck_assert_msg(ERR_peek_error() == 0, "%s, then a birth: %s", names[i], sp_errors());
        X509_free(cert);
        ck_assert_msg(ERR_peek_error() == 0, "%s, then its death: %s", names[i], sp_errors());
    }
}
END_TEST

static int freed;

static void on_free(void *parent, void *data, CRYPTO_EX_DATA *all, int index, long argl, void *argp)
{
    (void)parent;
    (void)all;
    (void)index;
    (void)argl;
    (void)argp;
    if (data != NULL)
        freed++;
}

/*
 * The provider holds the certificate that a thread parsed last, so data that a
 * program attached to it live until the thread's next certificate, as documented.
 */
START_TEST(data_of_the_program_on_a_certificate)
{
    int mark = 1, index;
    X509 *cert;

    sp_start(NULL);
    index = X509_get_ex_new_index(0, NULL, NULL, NULL, on_free);
    cert = sp_read_cert("good-rsa");
    ck_assert_int_eq(X509_set_ex_data(cert, index, &mark), 1);
    X509_free(cert);
    ck_assert_int_eq(freed, 0);
    cert = X509_new();
    ck_assert_int_eq(freed, 1);
    X509_free(cert);
    ck_assert_int_eq(freed, 1);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("paths");
    TCase *tests = sp_case(suite, "paths");

    tcase_add_loop_test(tests, expired_is_refused, 0, SP_ROWS(rows));
    tcase_add_loop_test(tests, good_is_accepted, 0, SP_ROWS(rows));
    tcase_add_test(tests, error_queue_stays_clean);
    tcase_add_test(tests, data_of_the_program_on_a_certificate);
    return sp_run_forked(suite);
}
