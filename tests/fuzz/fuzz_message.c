/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Fuzzing: a message in DER, verified and decrypted by libcrypto with the
 * provider in it.  Nobody is verified whom the rules do not accept.
 */
#include <stdlib.h>
#include <time.h>

#include <openssl/cms.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/pkcs7.h>
#include <openssl/provider.h>

#include "smimepolicy.h"

OSSL_provider_init_fn OSSL_provider_init;
int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

#define READERS 2
static X509 *readers[READERS];
static EVP_PKEY *keys[READERS];
static X509_STORE *store;

static BIO *file(const char *name)
{
    BIO *bio = BIO_new_file(name, "r");

    if (bio == NULL)
        abort();
    return bio;
}

static X509 *read_cert(const char *name)
{
    BIO *bio = file(name);
    X509 *cert = PEM_read_bio_X509(bio, NULL, NULL, NULL);

    BIO_free(bio);
    return cert;
}

static EVP_PKEY *read_key(const char *name)
{
    BIO *bio = file(name);
    EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);

    BIO_free(bio);
    return key;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    if (OSSL_PROVIDER_add_builtin(NULL, "smimepolicy", OSSL_provider_init) != 1 ||
        OSSL_PROVIDER_load(NULL, "smimepolicy") == NULL)
        abort();
    readers[0] = read_cert(SP_PKI "/good-rsa.pem");
    keys[0] = read_key(SP_PKI "/good-rsa.key");
    readers[1] = read_cert(SP_PKI "/good-ec.pem");
    keys[1] = read_key(SP_PKI "/good-ec.key");
    store = X509_STORE_new();
    if (X509_STORE_add_cert(store, read_cert(SP_PKI "/ca.pem")) != 1)
        abort();
    return 0;
}

/* Takes over the stack. */
static void must_be_accepted(STACK_OF(X509) *signers)
{
    if (sk_X509_num(signers) <= 0)
        abort();
    for (int i = 0; i < sk_X509_num(signers); i++) {
        smimepolicy_verdict *verdict = smimepolicy_evaluate(NULL, sk_X509_value(signers, i), NULL,
                                                            SMIMEPOLICY_VERIFY, time(NULL));

        if (verdict != NULL && smimepolicy_verdict_allowed(verdict) != 1)
            abort();
        smimepolicy_verdict_free(verdict);
    }
    sk_X509_free(signers);
}

static void try_cms(const unsigned char *data, size_t size)
{
    BIO *out = BIO_new(BIO_s_null());
    CMS_ContentInfo *message =
        d2i_CMS_ContentInfo(NULL, &(const unsigned char *){ data }, (long)size);

    if (message != NULL && CMS_verify(message, NULL, store, NULL, out, 0) == 1)
        must_be_accepted(CMS_get0_signers(message));
    for (int i = 0; message != NULL && i < READERS; i++)
        (void)CMS_decrypt(message, keys[i], readers[i], NULL, out, 0);
    CMS_ContentInfo_free(message);
    BIO_free(out);
}

static void try_pkcs7(const unsigned char *data, size_t size)
{
    BIO *out = BIO_new(BIO_s_null());
    PKCS7 *message = d2i_PKCS7(NULL, &(const unsigned char *){ data }, (long)size);

    if (message != NULL && PKCS7_verify(message, NULL, store, NULL, out, 0) == 1)
        must_be_accepted(PKCS7_get0_signers(message, NULL, 0));
    for (int i = 0; message != NULL && i < READERS; i++)
        (void)PKCS7_decrypt(message, keys[i], readers[i], out, 0);
    PKCS7_free(message);
    BIO_free(out);
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    try_cms(data, size);
    try_pkcs7(data, size);
    ERR_clear_error();
    return 0;
}
