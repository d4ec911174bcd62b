/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * What one object is: a DER file, or a block of a PEM file, which its label tells.
 */
#include <string.h>

#include <openssl/pem.h> /* before cms.h, which declares its PEM functions only then */
#include <openssl/cms.h>
#include <openssl/crypto.h>
#include <openssl/err.h>

#include "tool/certs/certs.h"
#include "base/text.h"

#define NEITHER                                                                                    \
    "it is neither a certificate nor a private key, or it is damaged; give PEM, DER, PKCS#7 or "   \
    "PKCS#12"
#define NO_BUNDLE "it is no PKCS#7 that can be read; it may be cut or damaged: fetch it anew"

/*
 * Read |der| as one kind of object, which must use every byte, and give its parts;
 * false if it is none.
 */
typedef bool read_fn(struct shim_file_parts *file, unsigned char *der, long length);

/* Give |cert|, which is freed; false if there is none. */
static bool give_cert(struct shim_file_parts *file, X509 *cert, bool is_whole)
{
    bool fits = cert != NULL && is_whole;

    if (fits)
        shim_part_give(file, (struct shim_part){ .cert = cert });
    X509_free(cert);
    return fits;
}

static bool read_cert(struct shim_file_parts *file, unsigned char *der, long length)
{
    const unsigned char *at = der;
    X509 *cert = sp_cert_without_key(&at, length);

    return give_cert(file, cert, at == der + length);
}

static bool read_trusted_cert(struct shim_file_parts *file, unsigned char *der, long length)
{
    const unsigned char *at = der;
    X509 *cert = d2i_X509_AUX(NULL, &at, length);

    return give_cert(file, cert, at == der + length);
}

/* A request tells that the key behind it waits, in what `export` wrote. */
static bool read_request(struct shim_file_parts *file, unsigned char *der, long length)
{
    const unsigned char *at = der;
    X509_REQ *request = d2i_X509_REQ(NULL, &at, length);
    bool fits = request != NULL && at == der + length;

    if (fits)
        shim_part_give(file, (struct shim_part){ .request = request });
    X509_REQ_free(request);
    return fits;
}

/* A CRL is known by its outer form; its issuer and its entries are read when it is stored. */
static bool read_crl(struct shim_file_parts *file, unsigned char *der, long length)
{
    struct shim_crl_frame frame;
    bool fits = file->reading->crls && shim_crl_frame_find(der, (size_t)length, &frame);

    if (fits)
        shim_part_give(file, (struct shim_part){ .crl = der, .crl_length = (size_t)length });
    return fits;
}

static bool read_pkcs12(struct shim_file_parts *file, unsigned char *der, long length)
{
    const unsigned char *at = der;
    PKCS12 *p12 = d2i_PKCS12(NULL, &at, length);
    bool fits = p12 != NULL && at == der + length;

    if (fits)
        shim_parts_pkcs12(file, p12);
    PKCS12_free(p12);
    return fits;
}

/* Give |crl| as its DER, which libcrypto has kept. */
static void give_crl(struct shim_file_parts *file, X509_CRL *crl)
{
    unsigned char *der = NULL;
    int length = i2d_X509_CRL(crl, &der);

    if (length > 0)
        shim_part_give(file, (struct shim_part){ .crl = der, .crl_length = (size_t)length });
    else
        shim_part_refuse(file, NULL);
    OPENSSL_free(der);
}

/* Give the certificates and CRLs of a PKCS#7: a CMS message of any type may carry some. */
static void give_certs(struct shim_file_parts *file, CMS_ContentInfo *cms)
{
    STACK_OF(X509) *certs = CMS_get1_certs(cms);
    STACK_OF(X509_CRL) *crls = file->reading->crls ? CMS_get1_crls(cms) : NULL;
    bool is_numbered = file->number == 0;

    if (sk_X509_num(certs) <= 0 && sk_X509_CRL_num(crls) <= 0)
        shim_part_broken(file, "it is a PKCS#7 without certificates");
    for (int i = 0; i < sk_X509_num(certs); i++) {
        if (is_numbered)
            file->number++;
        shim_part_give(file, (struct shim_part){ .cert = sk_X509_value(certs, i) });
    }
    for (int i = 0; i < sk_X509_CRL_num(crls); i++) {
        if (is_numbered)
            file->number++;
        give_crl(file, sk_X509_CRL_value(crls, i));
    }
    sk_X509_CRL_pop_free(crls, X509_CRL_free);
    sk_X509_pop_free(certs, X509_free);
}

static bool read_cms(struct shim_file_parts *file, unsigned char *der, long length)
{
    const unsigned char *at = der;
    CMS_ContentInfo *cms = d2i_CMS_ContentInfo(NULL, &at, length);
    bool fits = cms != NULL && at == der + length;

    if (fits)
        give_certs(file, cms);
    CMS_ContentInfo_free(cms);
    return fits;
}

/* Decrypt a key of PKCS#8 and give it. */
static void open_key(struct shim_file_parts *file, const X509_ALGOR *pbe,
                     const ASN1_OCTET_STRING *octets)
{
    OSSL_LIB_CTX *context;
    PKCS8_PRIV_KEY_INFO *plain = NULL;
    const char *pass;
    char *why;
    unsigned wrong = 0;

    if (!shim_pbe_find(&file->legacy, pbe, &context, &why)) {
        shim_part_refuse(file, why);
        return;
    }
    do {
        pass = shim_part_pass(file);
        if (pass != NULL)
            plain = shim_pbe_open(&file->legacy, pbe, octets, ASN1_ITEM_rptr(PKCS8_PRIV_KEY_INFO),
                                  &(struct shim_pass){ pass, (int)strlen(pass) }, context);
    } while (plain == NULL && shim_passphrase_again(&file->reading->pass, &wrong));
    if (plain != NULL)
        shim_part_plain_key(file, plain, pass);
    else
        shim_part_broken(file, pass != NULL ? SHIM_WRONG_PASSPHRASE : SHIM_NEEDS_PASSPHRASE);
    PKCS8_PRIV_KEY_INFO_free(plain);
}

/*
 * Read an EncryptedPrivateKeyInfo.  One that was exported stays encrypted and cannot be
 * looked into: that it is such a key at all is known.
 */
static bool read_encrypted_key(struct shim_file_parts *file, unsigned char *der, long length)
{
    const unsigned char *at = der;
    X509_SIG *closed = d2i_X509_SIG(NULL, &at, length);
    bool fits = closed != NULL && at == der + length;
    const struct sp_private_key locked = { .pkcs8 = der,
                                           .length = (size_t)length,
                                           .encrypted = true };
    const X509_ALGOR *pbe;
    const ASN1_OCTET_STRING *octets;

    if (fits) {
        X509_SIG_get0(closed, &pbe, &octets);
        if (!shim_iterations_few(pbe))
            shim_part_broken(file, SHIM_TOO_MANY_ITERATIONS);
        else if (file->reading->exported)
            shim_part_give(file, (struct shim_part){ .locked = &locked });
        else
            open_key(file, pbe, octets);
    }
    X509_SIG_free(closed);
    return fits;
}

/* Give |key|, which is freed, and was encrypted under |pass|; false if there is none. */
static bool give_key(struct shim_file_parts *file, EVP_PKEY *key, bool is_whole, const char *pass)
{
    bool fits = key != NULL && is_whole;

    if (fits)
        shim_part_give(file, (struct shim_part){ .key = key, .pass = pass });
    EVP_PKEY_free(key);
    return fits;
}

static bool read_key(struct shim_file_parts *file, unsigned char *der, long length)
{
    const unsigned char *at = der;
    EVP_PKEY *key = d2i_AutoPrivateKey(NULL, &at, length);

    return give_key(file, key, at == der + length, file->under);
}

/* A public key is given as a private one: the rules refuse it with a reason. */
static bool read_public_key(struct shim_file_parts *file, unsigned char *der, long length)
{
    const unsigned char *at = der;
    EVP_PKEY *key = d2i_PUBKEY(NULL, &at, length);

    return give_key(file, key, at == der + length, NULL);
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

bool shim_parts_der(struct shim_file_parts *file, unsigned char *der, long length)
{
    static read_fn *const attempts[] = { read_cert, read_trusted_cert,  read_crl, read_pkcs12,
                                         read_cms,  read_encrypted_key, read_key, read_public_key };

    for (size_t i = 0; i < sizeof(attempts) / sizeof(attempts[0]); i++) {
        ERR_clear_error();
        if (attempts[i](file, der, length))
            return true;
    }
    shim_part_broken(file, why_not(der, length));
    return true;
}

/* What is in PEM: its label, and why it could not be read.  What has no reader is passed over. */
static const struct kind {
    const char *label;
    read_fn *read;
    const char *why;
} kinds[] = {
    { PEM_STRING_X509, read_cert, SHIM_NO_CERTIFICATE },
    { PEM_STRING_X509_OLD, read_cert, SHIM_NO_CERTIFICATE },
    { PEM_STRING_X509_TRUSTED, read_trusted_cert, SHIM_NO_CERTIFICATE },
    { PEM_STRING_PKCS7, read_cms, NO_BUNDLE },
    { PEM_STRING_CMS, read_cms, NO_BUNDLE },
    { PEM_STRING_X509_CRL, read_crl, "it is no CRL that can be read; fetch it anew" },
    { PEM_STRING_X509_REQ, read_request, "it is no request that can be read" },
    /* No standard has this label, but examples (RFC 9216) and programs use it. */
    { "PKCS12", shim_parts_der, NULL },
    { PEM_STRING_PKCS8, read_encrypted_key, SHIM_NO_KEY },
    { PEM_STRING_PKCS8INF, read_key, SHIM_NO_KEY },
    { PEM_STRING_RSA, read_key, SHIM_NO_KEY },
    { PEM_STRING_ECPRIVATEKEY, read_key, SHIM_NO_KEY },
    { PEM_STRING_DSA, read_key, SHIM_NO_KEY },
    { PEM_STRING_PUBLIC, read_public_key, "it is no key that can be read" },
    /* The key behind repeats them. */
    { PEM_STRING_ECPARAMETERS, NULL, NULL },
    { PEM_STRING_DSAPARAMS, NULL, NULL },
};

void shim_parts_block(struct shim_file_parts *file, struct shim_block *block, bool failed)
{
    const struct kind *kind = NULL;

    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (strcmp(kinds[i].label, block->name) == 0)
            kind = &kinds[i];
    if (kind != NULL && ((kind->read == read_request && !file->reading->exported) ||
                         (kind->read == read_crl && !file->reading->crls)))
        kind = NULL;
    /* The lines are about one certificate or request. */
    if (kind == NULL ||
        (kind->read != read_cert && kind->read != read_trusted_cert && kind->read != read_request))
        shim_forget_exported(&file->exported);
    if (failed)
        shim_part_refuse(file, NULL);
    else if (kind == NULL)
        shim_part_refuse(file,
                         sp_format("%.80s is neither a certificate nor a private key; leave it out",
                                   block->name));
    else if (kind->read != NULL && (kind->read != read_key || shim_block_open(file, block)) &&
             !kind->read(file, block->data, block->length))
        shim_part_broken(file, kind->why);
    file->under = NULL;
    shim_forget_exported(&file->exported);
}
