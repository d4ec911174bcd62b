/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdbool.h>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "tool/certs/making.h"
#include "tool/certs/specimen.h"

static bool add_extensions(X509 *cert, const struct shim_specimen *specimen)
{
    const struct shim_extension rows[] = {
        { NID_basic_constraints, "CA:FALSE" },
        { NID_key_usage, "digitalSignature,keyEncipherment" },
        { NID_ext_key_usage, specimen->purpose },
        { NID_subject_alt_name, specimen->names },
    };

    return shim_cert_extend(cert, cert, rows, sizeof(rows) / sizeof(rows[0]));
}

static X509 *make_cert(const struct shim_specimen *specimen, EVP_PKEY *key)
{
    X509 *cert = X509_new();

    if (cert != NULL && X509_set_version(cert, X509_VERSION_3) &&
        ASN1_INTEGER_set(X509_get_serialNumber(cert), 1) &&
        shim_cert_name(cert, NULL, specimen->subject) &&
        X509_gmtime_adj(X509_getm_notBefore(cert), specimen->from) != NULL &&
        X509_gmtime_adj(X509_getm_notAfter(cert), specimen->to) != NULL &&
        X509_set_pubkey(cert, key) && add_extensions(cert, specimen) &&
        X509_sign(cert, key, EVP_sha256()) > 0)
        return cert;
    X509_free(cert);
    return NULL;
}

BIO *shim_specimen_pem(const struct shim_specimen *specimen)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *cert = key == NULL ? NULL : make_cert(specimen, key);
    BIO *pem = cert == NULL ? NULL : BIO_new(BIO_s_mem());

    if (pem != NULL && !(PEM_write_bio_X509(pem, cert) &&
                         PEM_write_bio_PrivateKey(pem, key, NULL, NULL, 0, NULL, NULL))) {
        BIO_free(pem);
        pem = NULL;
    }
    X509_free(cert);
    EVP_PKEY_free(key);
    return pem;
}
