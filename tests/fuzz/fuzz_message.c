/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Fuzzing: a message in DER, verified and decrypted by libcrypto with the
 * provider in it.  Nobody is verified whom the rules do not accept.
 */
#include <openssl/cms.h>
#include <openssl/err.h>
#include <openssl/pkcs7.h>

#include "smimepolicy.h"
#include "with_provider.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

#define READERS 2
static X509 *readers[READERS];
static EVP_PKEY *keys[READERS];
static X509_STORE *store;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    sp_load_provider("");
    readers[0] = sp_read_cert("good-rsa");
    keys[0] = sp_read_key("good-rsa");
    readers[1] = sp_read_cert("good-ec");
    keys[1] = sp_read_key("good-ec");
    store = sp_trust_ca();
    return 0;
}

/* Takes over the stack. */
static void must_be_accepted(STACK_OF(X509) *signers)
{
    sp_must(sk_X509_num(signers) > 0);
    for (int i = 0; i < sk_X509_num(signers); i++)
        sp_must(sp_accepted(sk_X509_value(signers, i), SMIMEPOLICY_VERIFY));
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
