/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * SMIMEEncryptionKeyPreference: a signed attribute that names a certificate by its issuer
 * and serial number, or by its Subject Key Identifier.
 */
#include <openssl/err.h>
#include <openssl/objects.h>
#include <openssl/pkcs7.h>
#include <openssl/x509v3.h>

#include "tool/collect/collecting.h"

/* The tags of the alternatives; the first two are SEQUENCEs. */
#define ISSUER_AND_SERIAL 0xa0
#define RECIPIENT_KEY     0xa1
#define SUBJECT_KEY       0x82

/* How a certificate is named.  Owned. */
struct name {
    PKCS7_ISSUER_AND_SERIAL *serial;
    ASN1_OCTET_STRING *key;
};

/* The value, in an encoding of its own whose first byte is the tag; owned. */
static unsigned char *value_of(const CMS_SignerInfo *info, int *length)
{
    int at = CMS_signed_get_attr_by_NID(info, NID_id_smime_aa_encrypKeyPref, -1);
    X509_ATTRIBUTE *attribute = CMS_signed_get_attr(info, at);
    unsigned char *der = NULL;

    *length = 0;
    if (attribute == NULL || X509_ATTRIBUTE_count(attribute) != 1 ||
        CMS_signed_get_attr_by_NID(info, NID_id_smime_aa_encrypKeyPref, at) >= 0)
        return NULL;
    *length = i2d_ASN1_TYPE(X509_ATTRIBUTE_get0_type(attribute, 0), &der);
    return *length > 0 ? der : NULL;
}

/* RFC 5652, 6.2.2: RecipientKeyIdentifier begins with the key identifier. */
static ASN1_OCTET_STRING *first_string(const unsigned char *der, long length)
{
    const unsigned char *at = der;
    int tag, class;
    long inner;

    if ((ASN1_get_object(&at, &inner, &tag, &class, length) & 0x80) != 0)
        return NULL;
    return d2i_ASN1_OCTET_STRING(NULL, &at, inner);
}

/* Each alternative is tagged implicitly: under the universal tag libcrypto reads it. */
static struct name read_name(unsigned char *der, int length)
{
    const unsigned char *at = der;
    struct name name = { 0 };

    switch (length > 0 ? der[0] : 0) {
    case ISSUER_AND_SERIAL:
        der[0] = V_ASN1_SEQUENCE | V_ASN1_CONSTRUCTED;
        name.serial = d2i_PKCS7_ISSUER_AND_SERIAL(NULL, &at, length);
        break;
    case RECIPIENT_KEY:
        name.key = first_string(der, length);
        break;
    case SUBJECT_KEY:
        der[0] = V_ASN1_OCTET_STRING;
        name.key = d2i_ASN1_OCTET_STRING(NULL, &at, length);
        break;
    default:
        break;
    }
    ERR_clear_error();
    return name;
}

static bool is_named(const struct name *name, X509 *cert)
{
    const ASN1_OCTET_STRING *key = X509_get0_subject_key_id(cert);

    if (name->serial != NULL)
        return X509_NAME_cmp(name->serial->issuer, X509_get_issuer_name(cert)) == 0 &&
               ASN1_INTEGER_cmp(name->serial->serial, X509_get0_serialNumber(cert)) == 0;
    return name->key != NULL && key != NULL && ASN1_OCTET_STRING_cmp(name->key, key) == 0;
}

/* The one certificate of that name; NULL if there is none, or another one beside it. */
static X509 *find(const struct name *name, const STACK_OF(X509) *certs)
{
    X509 *found = NULL;

    for (int i = 0; i < sk_X509_num(certs); i++) {
        X509 *cert = sk_X509_value(certs, i);

        if (!is_named(name, cert) || (found != NULL && X509_cmp(found, cert) == 0))
            continue;
        if (found != NULL)
            return NULL;
        found = cert;
    }
    return found;
}

enum shim_preference shim_preference_read(const CMS_SignerInfo *info, const X509 *signer,
                                          const STACK_OF(X509) *certs, X509 **cert)
{
    int length;
    unsigned char *der;
    struct name name;

    *cert = NULL;
    if (CMS_signed_get_attr_by_NID(info, NID_id_smime_aa_encrypKeyPref, -1) < 0)
        return SHIM_PREFERS_NONE;
    der = value_of(info, &length);
    name = read_name(der, length);
    *cert = find(&name, certs);
    PKCS7_ISSUER_AND_SERIAL_free(name.serial);
    ASN1_OCTET_STRING_free(name.key);
    OPENSSL_free(der);
    if (*cert == NULL)
        return SHIM_PREFERS_ABSENT;
    return X509_cmp(*cert, signer) == 0 ? SHIM_PREFERS_NONE : SHIM_PREFERS_OTHER;
}
