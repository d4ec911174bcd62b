/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * A file in DER: a certificate, a key, a PKCS#7 or a PKCS#12.
 */
#include <string.h>

#include <openssl/cms.h>
#include <openssl/err.h>
#include <openssl/pkcs12.h>

#include "iterations.h"
#include "parts.h"

bool shim_parts_encrypted_key(struct shim_file_parts *file, const unsigned char *der, long length)
{
    X509_SIG *encrypted = d2i_X509_SIG(NULL, &der, length);
    bool few = encrypted != NULL && shim_iterations_few_key(encrypted);
    const char *pass = few ? shim_part_pass(file) : NULL;
    PKCS8_PRIV_KEY_INFO *plain =
        pass == NULL ? NULL : PKCS8_decrypt(encrypted, pass, (int)strlen(pass));
    EVP_PKEY *key = plain == NULL ? NULL : EVP_PKCS82PKEY(plain);
    bool more;

    if (key != NULL)
        more = shim_part_key(file, key, pass);
    else if (encrypted == NULL)
        more = shim_part_broken(file, "it is no private key that can be read");
    else if (!few)
        more = shim_part_broken(file, SHIM_TOO_MANY_ITERATIONS);
    else if (pass == NULL)
        more = shim_part_broken(file, "its private key needs a passphrase");
    else
        more = shim_part_broken(file, plain == NULL ? "the passphrase of the private key is wrong"
                                                    : NULL);
    EVP_PKEY_free(key);
    PKCS8_PRIV_KEY_INFO_free(plain);
    X509_SIG_free(encrypted);
    return more;
}

/* The passphrase of |p12|: none, an empty one, or the one at hand; NULL: wrong or not to be had. */
static const char *find_pass(struct shim_file_parts *file, PKCS12 *p12)
{
    const char *pass;

    if (PKCS12_verify_mac(p12, "", 0) == 1 || PKCS12_verify_mac(p12, NULL, 0) == 1)
        return "";
    pass = shim_part_pass(file);
    return pass != NULL && PKCS12_verify_mac(p12, pass, -1) == 1 ? pass : NULL;
}

/* The key's own certificate first; the rest are its issuers, or others'. */
static bool take_contents(struct shim_file_parts *file, PKCS12 *p12, const char *pass)
{
    EVP_PKEY *key = NULL;
    X509 *cert = NULL;
    STACK_OF(X509) *others = NULL;
    bool more = true;

    if (PKCS12_parse(p12, pass, &key, &cert, &others) != 1)
        return shim_part_broken(file, "its contents cannot be decrypted, by an old algorithm "
                                      "perhaps: convert it with 'openssl pkcs12 -legacy'");
    if (cert == NULL && key == NULL && sk_X509_num(others) <= 0)
        more = shim_part_broken(file, "it is a PKCS#12 that holds nothing");
    if (more && cert != NULL)
        more = shim_part_cert(file, cert);
    if (more && key != NULL)
        more = shim_part_key(file, key, pass[0] != '\0' ? pass : NULL);
    more = more && shim_part_certs(file, others);
    EVP_PKEY_free(key);
    X509_free(cert);
    sk_X509_pop_free(others, X509_free);
    return more;
}

static bool take_pkcs12(struct shim_file_parts *file, PKCS12 *p12)
{
    const char *pass;

    if (!shim_iterations_few_in(p12, NULL))
        return shim_part_broken(file, SHIM_TOO_MANY_ITERATIONS);
    pass = PKCS12_mac_present(p12) ? find_pass(file, p12) : shim_part_pass(file);
    if (pass == NULL)
        return shim_part_broken(file, "the passphrase of the PKCS#12 is wrong");
    if (!shim_iterations_few_in(p12, pass))
        return shim_part_broken(file, SHIM_TOO_MANY_ITERATIONS);
    return take_contents(file, p12, pass);
}

static bool take_cms(struct shim_file_parts *file, CMS_ContentInfo *cms)
{
    STACK_OF(X509) *certs = CMS_get1_certs(cms);
    bool more = sk_X509_num(certs) > 0
                    ? shim_part_certs(file, certs)
                    : shim_part_broken(file, "it is a PKCS#7 without certificates");

    sk_X509_pop_free(certs, X509_free);
    return more;
}

/*
 * Each attempt must use every byte: more behind it mean that it is something
 * else.  True if it was that, and then |*more| is what came of it.
 */
typedef bool attempt_fn(struct shim_file_parts *file, const unsigned char *der, long length,
                        bool *more);

static bool try_cert(struct shim_file_parts *file, const unsigned char *der, long length,
                     bool *more)
{
    const unsigned char *at = der;
    X509 *cert = d2i_X509_AUX(NULL, &at, length);
    bool fits = cert != NULL && at == der + length;

    if (fits)
        *more = shim_part_cert(file, cert);
    X509_free(cert);
    return fits;
}

static bool try_pkcs12(struct shim_file_parts *file, const unsigned char *der, long length,
                       bool *more)
{
    const unsigned char *at = der;
    PKCS12 *p12 = d2i_PKCS12(NULL, &at, length);
    bool fits = p12 != NULL && at == der + length;

    if (fits)
        *more = take_pkcs12(file, p12);
    PKCS12_free(p12);
    return fits;
}

static bool try_cms(struct shim_file_parts *file, const unsigned char *der, long length, bool *more)
{
    const unsigned char *at = der;
    CMS_ContentInfo *cms = d2i_CMS_ContentInfo(NULL, &at, length);
    bool fits = cms != NULL && at == der + length;

    if (fits)
        *more = take_cms(file, cms);
    CMS_ContentInfo_free(cms);
    return fits;
}

static bool try_encrypted_key(struct shim_file_parts *file, const unsigned char *der, long length,
                              bool *more)
{
    const unsigned char *at = der;
    X509_SIG *encrypted = d2i_X509_SIG(NULL, &at, length);
    bool fits = encrypted != NULL && at == der + length;

    X509_SIG_free(encrypted);
    if (fits)
        *more = shim_parts_encrypted_key(file, der, length);
    return fits;
}

static bool try_key(struct shim_file_parts *file, const unsigned char *der, long length, bool *more)
{
    const unsigned char *at = der;
    EVP_PKEY *key = d2i_AutoPrivateKey(NULL, &at, length);
    bool fits = key != NULL && at == der + length;

    if (fits)
        *more = shim_part_key(file, key, NULL);
    EVP_PKEY_free(key);
    return fits;
}

/* That it is no private key the rules say. */
static bool try_public_key(struct shim_file_parts *file, const unsigned char *der, long length,
                           bool *more)
{
    const unsigned char *at = der;
    EVP_PKEY *key = d2i_PUBKEY(NULL, &at, length);
    bool fits = key != NULL && at == der + length;

    if (fits)
        *more = shim_part_key(file, key, NULL);
    EVP_PKEY_free(key);
    return fits;
}

bool shim_parts_der(struct shim_file_parts *file, const unsigned char *der, long length)
{
    static attempt_fn *const attempts[] = { try_cert,          try_pkcs12, try_cms,
                                            try_encrypted_key, try_key,    try_public_key };
    bool more;

    for (size_t i = 0; i < sizeof(attempts) / sizeof(attempts[0]); i++) {
        ERR_clear_error();
        if (attempts[i](file, der, length, &more))
            return more;
    }
    return shim_part_broken(file, "it is neither a certificate nor a private key; give PEM, DER, "
                                  "PKCS#7 or PKCS#12");
}
