/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include "with_provider.h"

#include <time.h>

#include <openssl/pem.h>
#include <openssl/provider.h>

#include "memory_file.h"
#include "smimepolicy.h"

OSSL_provider_init_fn OSSL_provider_init;

void sp_must(bool holds)
{
    if (!holds)
        abort();
}

void sp_load_provider(const char *settings)
{
    char text[4096];
    int length = snprintf(text, sizeof(text),
                          "openssl_conf = init\n[init]\nproviders = providers\n"
                          "[providers]\nsmimepolicy = policy\n"
                          "[policy]\nactivate = 1\n%s\n",
                          settings);

    sp_must(length > 0 && (size_t)length < sizeof(text));
    sp_must(OSSL_PROVIDER_add_builtin(NULL, "smimepolicy", OSSL_provider_init) == 1);
    sp_must(OSSL_LIB_CTX_load_config(
                NULL, sp_memory_file((const unsigned char *)text, (size_t)length)) == 1);
    sp_must(OSSL_PROVIDER_available(NULL, "smimepolicy") == 1);
}

BIO *sp_open(const char *name, const char *suffix)
{
    char path[4096];
    BIO *bio;

    (void)snprintf(path, sizeof(path), SP_PKI "/%s.%s", name, suffix);
    bio = BIO_new_file(path, "r");
    sp_must(bio != NULL);
    return bio;
}

X509 *sp_read_cert(const char *name)
{
    BIO *bio = sp_open(name, "pem");
    X509 *cert = PEM_read_bio_X509(bio, NULL, NULL, NULL);

    BIO_free(bio);
    sp_must(cert != NULL);
    return cert;
}

EVP_PKEY *sp_read_key(const char *name)
{
    BIO *bio = sp_open(name, "key");
    EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);

    BIO_free(bio);
    sp_must(key != NULL);
    return key;
}

X509_STORE *sp_trust_ca(void)
{
    X509_STORE *store = X509_STORE_new();
    X509 *ca = sp_read_cert("ca");

    sp_must(store != NULL && X509_STORE_add_cert(store, ca) == 1);
    X509_free(ca);
    return store;
}

bool sp_accepted(const X509 *cert, int use)
{
    smimepolicy_verdict *verdict =
        smimepolicy_evaluate(NULL, cert, NULL, (smimepolicy_use)use, time(NULL));
    bool accepted = verdict == NULL || smimepolicy_verdict_allowed(verdict) == 1;

    smimepolicy_verdict_free(verdict);
    return accepted;
}
