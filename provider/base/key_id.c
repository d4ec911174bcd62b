/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include "base/key_id.h"

#include <endian.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/objects.h>
#include <openssl/params.h>

/* The kind is hashed with the number, so that keys of two algorithms never have one id. */
enum kind { KIND_RSA = 'R', KIND_EC = 'E', KIND_INTEGER = 'I', KIND_OCTETS = 'O' };

static struct sp_keyid name_it(const struct sp_sha256 *sha, enum kind kind, const void *data,
                               size_t length)
{
    const unsigned char head[] = { (unsigned char)kind };
    const struct sp_piece pieces[] = { { head, sizeof(head) }, { data, length }, { NULL, 0 } };
    struct sp_keyid id = { 0 };

    id.known = length != 0 && sp_sha256(sha, pieces, id.hash);
    id.failed = length != 0 && !id.known;
    return id;
}

/* Name a key by a big-endian number; leading zeros do not count. */
static struct sp_keyid name_number(const struct sp_sha256 *sha, enum kind kind,
                                   const unsigned char *data, size_t length)
{
    while (length > 0 && *data == 0) {
        data++;
        length--;
    }
    return name_it(sha, kind, data, length);
}

/* An OSSL_PARAM holds numbers in the byte order of the machine. */
static unsigned char byte_of(const OSSL_PARAM *param, size_t place)
{
    const unsigned char *bytes = param->data;

    return bytes[BYTE_ORDER == LITTLE_ENDIAN ? param->data_size - 1 - place : place];
}

static struct sp_keyid name_param(const struct sp_sha256 *sha, enum kind kind,
                                  const OSSL_PARAM *param)
{
    struct sp_keyid id = { 0 };
    unsigned char *number;

    if (param->data_type != OSSL_PARAM_UNSIGNED_INTEGER || param->data == NULL)
        return id;
    number = OPENSSL_malloc(param->data_size + 1);
    if (number == NULL)
        return (struct sp_keyid){ .failed = true };
    for (size_t i = 0; i < param->data_size; i++)
        number[i] = byte_of(param, i);
    id = name_number(sha, kind, number, param->data_size);
    OPENSSL_free(number);
    return id;
}

/*
 * X and Y of a compressed point.  This builds the curve, which is slow; compressed
 * points are rare.
 */
static unsigned char *decompress(int curve, const unsigned char *point, size_t length,
                                 size_t *full_length)
{
    EC_GROUP *group = EC_GROUP_new_by_curve_name(curve);
    EC_POINT *decoded = group != NULL ? EC_POINT_new(group) : NULL;
    unsigned char *full = NULL;

    *full_length = 0;
    if (decoded != NULL && EC_POINT_oct2point(group, decoded, point, length, NULL) == 1)
        *full_length =
            EC_POINT_point2buf(group, decoded, POINT_CONVERSION_UNCOMPRESSED, &full, NULL);
    EC_POINT_free(decoded);
    EC_GROUP_free(group);
    return full;
}

/*
 * Name a key by its point.  The curve is not hashed: a certificate may write out
 * parameters for which the backend's key has a name.  Two keys never share a point.
 */
static struct sp_keyid name_point(const struct sp_sha256 *sha, int curve,
                                  const unsigned char *point, size_t length)
{
    struct sp_keyid id = { 0 };
    unsigned char *full;
    size_t full_length;

    if (length < 2)
        return id;
    /* [SEC 1, 2.3.3] 02 and 03 are compressed; 04, 06 and 07 carry X and Y. */
    if (point[0] != 2 && point[0] != 3)
        return name_it(sha, KIND_EC, point + 1, length - 1);
    full = decompress(curve, point, length, &full_length);
    if (full_length > 1)
        id = name_it(sha, KIND_EC, full + 1, full_length - 1);
    OPENSSL_free(full);
    return id;
}

/*
 * Name a key by the first INTEGER at |*der|: that of an RSAPublicKey, or the only
 * one of a DSA key.
 */
static struct sp_keyid name_der_integer(const struct sp_sha256 *sha, enum kind kind,
                                        const unsigned char *der, long length)
{
    struct sp_keyid id = { 0 };
    const unsigned char *end = der + length;
    long inner;
    int tag, class;

    if (kind == KIND_RSA) {
        if ((ASN1_get_object(&der, &inner, &tag, &class, length) & 0x80) != 0 ||
            tag != V_ASN1_SEQUENCE)
            return id;
        length = end - der;
    }
    if ((ASN1_get_object(&der, &inner, &tag, &class, length) & 0x80) != 0 ||
        tag != V_ASN1_INTEGER || inner <= 0)
        return id;
    return name_number(sha, kind, der, (size_t)inner);
}

static int curve_of(const X509_ALGOR *algorithm)
{
    const ASN1_OBJECT *object;
    const void *parameters;
    int type;

    X509_ALGOR_get0(&object, &type, &parameters, algorithm);
    return type == V_ASN1_OBJECT ? OBJ_obj2nid(parameters) : NID_undef;
}

struct sp_keyid sp_keyid_of_cert(const struct sp_sha256 *sha, const X509 *cert)
{
    return sp_keyid_of_spki(sha, X509_get_X509_PUBKEY(cert));
}

const ASN1_BIT_STRING *sp_keyid_rsa_bits(const X509 *cert)
{
    const X509_PUBKEY *spki = X509_get_X509_PUBKEY(cert);
    ASN1_OBJECT *algorithm;

    if (spki == NULL || X509_PUBKEY_get0_param(&algorithm, NULL, NULL, NULL, spki) != 1)
        return NULL;
    switch (OBJ_obj2nid(algorithm)) {
    case NID_rsaEncryption:
    case NID_rsassaPss:
        return X509_get0_pubkey_bitstr(cert);
    default:
        return NULL;
    }
}

struct sp_keyid sp_keyid_of_spki(const struct sp_sha256 *sha, const X509_PUBKEY *spki)
{
    struct sp_keyid none = { 0 };
    const unsigned char *bits;
    X509_ALGOR *algorithm;
    ASN1_OBJECT *object;
    int length;

    if (X509_PUBKEY_get0_param(&object, &bits, &length, &algorithm, spki) != 1 || length <= 0)
        return none;
    switch (OBJ_obj2nid(object)) {
    case NID_rsaEncryption:
    case NID_rsassaPss:
        return name_der_integer(sha, KIND_RSA, bits, length);
    case NID_X9_62_id_ecPublicKey:
        return name_point(sha, curve_of(algorithm), bits, (size_t)length);
    case NID_dsa:
    case NID_dhKeyAgreement:
    case NID_dhpublicnumber:
        return name_der_integer(sha, KIND_INTEGER, bits, length);
    default:
        return name_it(sha, KIND_OCTETS, bits, (size_t)length);
    }
}

static int curve_named(const OSSL_PARAM *group)
{
    const char *name = NULL;
    int curve = NID_undef;

    if (group == NULL || OSSL_PARAM_get_utf8_string_ptr(group, &name) != 1)
        return NID_undef;
    curve = OBJ_txt2nid(name);
    return curve != NID_undef ? curve : EC_curve_nist2nid(name);
}

struct exported {
    const struct sp_sha256 *sha;
    struct sp_keyid id;
};

static int take_export(const OSSL_PARAM params[], void *arg)
{
    struct exported *result = arg;
    const OSSL_PARAM *modulus = OSSL_PARAM_locate_const(params, OSSL_PKEY_PARAM_RSA_N);
    const OSSL_PARAM *public = OSSL_PARAM_locate_const(params, OSSL_PKEY_PARAM_PUB_KEY);
    const OSSL_PARAM *group = OSSL_PARAM_locate_const(params, OSSL_PKEY_PARAM_GROUP_NAME);

    if (modulus != NULL)
        result->id = name_param(result->sha, KIND_RSA, modulus);
    else if (public == NULL)
        return 1;
    else if (public->data_type == OSSL_PARAM_UNSIGNED_INTEGER)
        result->id = name_param(result->sha, KIND_INTEGER, public);
    else if (public->data_type == OSSL_PARAM_OCTET_STRING &&
             (group != NULL ||
              OSSL_PARAM_locate_const(params, OSSL_PKEY_PARAM_EC_GENERATOR) != NULL))
        result->id = name_point(result->sha, curve_named(group), public->data, public->data_size);
    else if (public->data_type == OSSL_PARAM_OCTET_STRING)
        result->id = name_it(result->sha, KIND_OCTETS, public->data, public->data_size);
    return 1;
}

struct sp_keyid sp_keyid_of_key(const struct sp_sha256 *sha,
                                OSSL_FUNC_keymgmt_export_fn *export_key, const void *key)
{
    struct exported result = { .sha = sha };
    /* The export function takes a non-const key, but does not change it. */
    union {
        const void *in;
        void *out;
    } cast = { .in = key };

    if (export_key != NULL)
        (void)export_key(cast.out,
                         OSSL_KEYMGMT_SELECT_PUBLIC_KEY | OSSL_KEYMGMT_SELECT_DOMAIN_PARAMETERS,
                         take_export, &result);
    return result.id;
}

bool sp_keyid_equal(const struct sp_keyid *a, const struct sp_keyid *b)
{
    return a->known && b->known && memcmp(a->hash, b->hash, sizeof(a->hash)) == 0;
}
