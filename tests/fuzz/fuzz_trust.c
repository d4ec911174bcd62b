/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Fuzzing: a message in DER that is verified with `trust = keyring`.  The keyring
 * has one contact.  No other signer must be verified, whatever the program trusts,
 * and the contact's own message must be.
 */
#include <openssl/cms.h>
#include <openssl/err.h>
#include <openssl/pkcs7.h>

#include "with_provider.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

static X509 *contact;
/* The program's trust stores: with persons alone, and with persons and their issuer. */
static X509_STORE *people, *everybody;

/* Takes over the stack. */
static void must_be_contact(STACK_OF(X509) *signers)
{
    sp_must(sk_X509_num(signers) > 0);
    for (int i = 0; i < sk_X509_num(signers); i++)
        sp_must(X509_cmp(sk_X509_value(signers, i), contact) == 0);
    sk_X509_free(signers);
}

static bool by_cms(const unsigned char *data, size_t size, X509_STORE *store)
{
    CMS_ContentInfo *message =
        d2i_CMS_ContentInfo(NULL, &(const unsigned char *){ data }, (long)size);
    BIO *out = BIO_new(BIO_s_null());
    bool verified = message != NULL && CMS_verify(message, NULL, store, NULL, out, 0) == 1;

    if (verified)
        must_be_contact(CMS_get0_signers(message));
    CMS_ContentInfo_free(message);
    BIO_free(out);
    return verified;
}

static bool by_pkcs7(const unsigned char *data, size_t size, X509_STORE *store)
{
    PKCS7 *message = d2i_PKCS7(NULL, &(const unsigned char *){ data }, (long)size);
    BIO *out = BIO_new(BIO_s_null());
    bool verified = message != NULL && PKCS7_verify(message, NULL, store, NULL, out, 0) == 1;

    if (verified)
        must_be_contact(PKCS7_get0_signers(message, NULL, 0));
    PKCS7_free(message);
    BIO_free(out);
    return verified;
}

/* The contact is verified.  Without this check a broken setup would look like success. */
static void must_verify_contact(void)
{
    BIO *bio = sp_open("good-ec", "sig");
    unsigned char block[16384];
    int length = BIO_read(bio, block, sizeof(block));

    BIO_free(bio);
    sp_must(length > 0 && by_cms(block, (size_t)length, people) &&
            by_pkcs7(block, (size_t)length, people));
}

/* Takes over |store|. */
static X509_STORE *trust_people(X509_STORE *store)
{
    static const char *const trusted[] = { "good-ec", "good-rsa", "old-ec", "no-address-ec" };

    for (size_t i = 0; i < sizeof(trusted) / sizeof(trusted[0]); i++) {
        X509 *cert = sp_read_cert(trusted[i]);

        sp_must(X509_STORE_add_cert(store, cert) == 1);
        X509_free(cert);
    }
    sp_must(X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN) == 1);
    return store;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    sp_load_provider("trust = keyring\nkeyring = " SP_KEYRING);
    contact = sp_read_cert("good-ec");
    people = trust_people(X509_STORE_new());
    everybody = trust_people(sp_trust_ca());
    must_verify_contact();
    return 0;
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    X509_STORE *const stores[] = { people, everybody };

    for (size_t i = 0; i < sizeof(stores) / sizeof(stores[0]); i++) {
        (void)by_cms(data, size, stores[i]);
        (void)by_pkcs7(data, size, stores[i]);
    }
    ERR_clear_error();
    return 0;
}
