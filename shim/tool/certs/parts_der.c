/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The parts of a DER file: a certificate, a key, a PKCS#7 or a PKCS#12.
 */
#include <string.h>

#include <openssl/cms.h>
#include <openssl/err.h>
#include <openssl/pkcs12.h>

#include "tool/certs/iterations.h"
#include "tool/certs/parts.h"

#define NEITHER                                                                                    \
    "it is neither a certificate nor a private key, or it is damaged; give PEM, DER, PKCS#7 or "   \
    "PKCS#12"

bool shim_parts_encrypted_key(struct shim_file_parts *file, const unsigned char *der, long length)
{
    X509_SIG *encrypted = d2i_X509_SIG(NULL, &der, length);
    const X509_ALGOR *pbe = NULL;
    const ASN1_OCTET_STRING *octets = NULL;
    OSSL_LIB_CTX *context = NULL;
    PKCS8_PRIV_KEY_INFO *plain = NULL;
    const char *pass = NULL;
    char *why = NULL;
    unsigned wrong = 0;
    bool more;

    if (encrypted == NULL)
        return shim_part_broken(file, SHIM_NO_KEY);
    X509_SIG_get0(encrypted, &pbe, &octets);
    if (!shim_iterations_few(pbe))
        why = OPENSSL_strdup(SHIM_TOO_MANY_ITERATIONS);
    else if (shim_pbe_find(&file->legacy, pbe, &context, &why))
        do {
            pass = shim_part_pass(file);
            if (pass != NULL)
                plain =
                    shim_pbe_open(&file->legacy, pbe, octets, ASN1_ITEM_rptr(PKCS8_PRIV_KEY_INFO),
                                  &(struct shim_pass){ pass, (int)strlen(pass) }, context);
        } while (plain == NULL && shim_passphrase_again(&file->reading->pass, &wrong));
    if (plain == NULL && why == NULL)
        why = OPENSSL_strdup(pass != NULL ? SHIM_WRONG_PASSPHRASE
                                          : "its private key needs a passphrase");
    more = plain != NULL ? shim_part_plain_key(file, plain, pass) : shim_part_broken(file, why);
    PKCS8_PRIV_KEY_INFO_free(plain);
    X509_SIG_free(encrypted);
    OPENSSL_free(why);
    return more;
}

/* A message of any type may carry certificates. */
bool shim_parts_cms(struct shim_file_parts *file, CMS_ContentInfo *cms)
{
    STACK_OF(X509) *certs = CMS_get1_certs(cms);
    bool numbered = file->number == 0;
    bool more = true;

    if (sk_X509_num(certs) <= 0)
        more = shim_part_broken(file, "it is a PKCS#7 without certificates");
    for (int i = 0; more && i < sk_X509_num(certs); i++) {
        if (numbered)
            file->number++;
        more = shim_part_cert(file, sk_X509_value(certs, i));
    }
    sk_X509_pop_free(certs, X509_free);
    return more;
}

/*
 * Try to read |der| as one kind of object, which must use every byte.  True if it is
 * one; then |*more| is the result.
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
        *more = shim_parts_pkcs12(file, p12);
    PKCS12_free(p12);
    return fits;
}

static bool try_cms(struct shim_file_parts *file, const unsigned char *der, long length, bool *more)
{
    const unsigned char *at = der;
    CMS_ContentInfo *cms = d2i_CMS_ContentInfo(NULL, &at, length);
    bool fits = cms != NULL && at == der + length;

    if (fits)
        *more = shim_parts_cms(file, cms);
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

/* Why it cannot be read: by the length it names it is cut, or something follows. */
static const char *why_not(const unsigned char *der, long length)
{
    const unsigned char *at = der;
    long inside = 0;
    int tag = 0, class = 0;
    int form = ASN1_get_object(&at, &inside, &tag, &class, length);
    bool too_long = (form & 0x80) != 0 && ERR_GET_LIB(ERR_peek_last_error()) == ERR_LIB_ASN1 &&
                    ERR_GET_REASON(ERR_peek_last_error()) == ASN1_R_TOO_LONG;

    if (der[0] != (V_ASN1_SEQUENCE | V_ASN1_CONSTRUCTED))
        return NEITHER;
    if (too_long)
        return "it is cut: it ends before its contents do; fetch it anew";
    if (form == V_ASN1_CONSTRUCTED && at + inside < der + length)
        return "more follows behind its end; give one certificate or key in each file, or PEM";
    return NEITHER;
}

/* A public key is given as a private one: the rules refuse it with a reason. */
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
    return shim_part_broken(file, why_not(der, length));
}
