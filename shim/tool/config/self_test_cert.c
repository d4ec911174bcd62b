/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdbool.h>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "common/memory_file.h"
#include "common/shim.h"
#include "tool/config/self_test.h"

#define DAY (24L * 60 * 60)

static bool set_name(X509 *cert)
{
    static const unsigned char text[] = "smime-policy self-test";
    X509_NAME *name = X509_NAME_new();
    bool done = name != NULL &&
                X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, text, -1, -1, 0) &&
                X509_set_subject_name(cert, name) && X509_set_issuer_name(cert, name);

    X509_NAME_free(name);
    return done;
}

static bool add_extensions(X509 *cert)
{
    static const struct {
        int nid;
        const char *value;
    } rows[] = {
        { NID_basic_constraints, "CA:FALSE" },
        { NID_key_usage, "digitalSignature,keyEncipherment" },
        { NID_ext_key_usage, "emailProtection" },
        { NID_subject_alt_name, "email:self-test@smime-policy.invalid" },
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        X509_EXTENSION *ext = X509V3_EXT_conf_nid(NULL, NULL, rows[i].nid, rows[i].value);
        bool added = ext != NULL && X509_add_ext(cert, ext, -1);

        X509_EXTENSION_free(ext);
        if (!added)
            return false;
    }
    return true;
}

static X509 *make_cert(enum shim_specimen which, EVP_PKEY *key)
{
    X509 *cert = X509_new();
    long from = which == SHIM_EXPIRED ? -2 * DAY : -DAY;
    long to = which == SHIM_EXPIRED ? -DAY : 365 * DAY;

    if (cert != NULL && X509_set_version(cert, X509_VERSION_3) &&
        ASN1_INTEGER_set(X509_get_serialNumber(cert), 1) && set_name(cert) &&
        X509_gmtime_adj(X509_getm_notBefore(cert), from) != NULL &&
        X509_gmtime_adj(X509_getm_notAfter(cert), to) != NULL && X509_set_pubkey(cert, key) &&
        add_extensions(cert) && X509_sign(cert, key, EVP_sha256()) > 0)
        return cert;
    X509_free(cert);
    return NULL;
}

int shim_specimen_file(enum shim_specimen which)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *cert = key == NULL ? NULL : make_cert(which, key);
    BIO *pem = BIO_new(BIO_s_mem());
    char *text;
    long len;
    int fd = -1;

    if (pem != NULL && cert != NULL && PEM_write_bio_X509(pem, cert) &&
        PEM_write_bio_PrivateKey(pem, key, NULL, NULL, 0, NULL, NULL)) {
        len = BIO_get_mem_data(pem, &text);
        fd = shim_memory_file("specimen", text, (size_t)len);
    } else {
        shim_error("cannot make a certificate for the self-test");
    }
    BIO_free(pem);
    X509_free(cert);
    EVP_PKEY_free(key);
    return fd;
}
