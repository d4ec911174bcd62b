/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Verify a signed mail under the rules:
 *
 *     verify_program cms|pkcs7 ANCHORS.pem MAIL.eml [policy.cnf]
 *
 * A program like any other: it knows smimepolicy.h and libcrypto, nothing else.
 */
#include <stdio.h>
#include <string.h>

#include <openssl/cms.h>
#include <openssl/err.h>
#include <openssl/pkcs7.h>

#include <smimepolicy.h>

/* Only what the user has provided is an anchor. */
static X509_STORE *open_store(const char *anchors, const char *policy)
{
    smimepolicy_settings *settings = smimepolicy_settings_new();
    X509_STORE *store = X509_STORE_new();
    char *why = NULL;
    int ready = settings != NULL && store != NULL && X509_STORE_load_file(store, anchors);

    if (ready && policy != NULL)
        ready = smimepolicy_settings_load(settings, policy, &why);
    if (ready)
        ready = smimepolicy_store_set1_settings(store, settings);
    if (why != NULL)
        fprintf(stderr, "%s\n", why);
    smimepolicy_free(why);
    smimepolicy_settings_free(settings);
    if (ready) {
        X509_STORE_set_verify_cb(store, smimepolicy_verify_cb);
        return store;
    }
    X509_STORE_free(store);
    return NULL;
}

static int verify_cms(BIO *mail, X509_STORE *store)
{
    BIO *content = NULL;
    CMS_ContentInfo *cms = SMIME_read_CMS(mail, &content);
    int verified = cms != NULL && CMS_verify(cms, NULL, store, content, NULL, 0) == 1;

    CMS_ContentInfo_free(cms);
    BIO_free(content);
    return verified;
}

static int verify_pkcs7(BIO *mail, X509_STORE *store)
{
    BIO *content = NULL;
    PKCS7 *pkcs7 = SMIME_read_PKCS7(mail, &content);
    int verified = pkcs7 != NULL && PKCS7_verify(pkcs7, NULL, store, content, NULL, 0) == 1;

    PKCS7_free(pkcs7);
    BIO_free(content);
    return verified;
}

int main(int argc, char **argv)
{
    BIO *mail;
    X509_STORE *store;
    int verified = 0;

    if (argc < 4) {
        fprintf(stderr, "usage: verify_program cms|pkcs7 ANCHORS.pem MAIL.eml [policy.cnf]\n");
        return 2;
    }
    mail = BIO_new_file(argv[3], "rb");
    store = open_store(argv[2], argv[4]);
    if (mail != NULL && store != NULL)
        verified =
            strcmp(argv[1], "cms") == 0 ? verify_cms(mail, store) : verify_pkcs7(mail, store);
    if (!verified)
        ERR_print_errors_fp(stderr);
    X509_STORE_free(store);
    BIO_free(mail);
    return verified ? 0 : 1;
}
