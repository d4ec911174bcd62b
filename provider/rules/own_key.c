/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The rules on private keys, answered from the encodings of key and certificate.
 * Decoding a key costs OpenSSL 3.0 more than all other questions about a
 * certificate.
 */
#include <string.h>

#include <openssl/asn1.h>
#include <openssl/objects.h>

#include "rules/rules.h"

/* The rest of some DER. */
struct der {
    const unsigned char *at;
    long length;
};

/* Read the next element of |from|, which moves on; returns its tag, or -1 if there is none. */
static int next(struct der *from, struct der *content)
{
    const unsigned char *start = from->at;
    int tag, class;

    /* 0x80: an error; 0x01: an indefinite length, which DER does not have. */
    if ((ASN1_get_object(&from->at, &content->length, &tag, &class, from->length) & 0x81) != 0)
        return -1;
    content->at = from->at;
    from->at += content->length;
    from->length -= from->at - start;
    return class == V_ASN1_UNIVERSAL ? tag : tag | class;
}

/*
 * RFC 8017, A.1.1 and A.1.2: compare modulus and exponent.  In the private key a
 * version precedes them.
 */
static bool is_same_rsa(struct der private, struct der public)
{
    struct der numbers, all, version, modulus;

    return next(&public, &numbers) == V_ASN1_SEQUENCE && public.length == 0 &&
           next(&private, &all) == V_ASN1_SEQUENCE && next(&all, &version) == V_ASN1_INTEGER &&
           all.length > numbers.length && memcmp(all.at, numbers.at, (size_t)numbers.length) == 0 &&
           next(&numbers, &modulus) == V_ASN1_INTEGER;
}

/*
 * RFC 5915, 3: compare the public point, which is optional and the last element of
 * the private key.
 */
static bool is_same_ec(struct der private, struct der public)
{
    const int public_key = V_ASN1_CONTEXT_SPECIFIC | 1;
    struct der all, last = { 0 }, bits;
    int tag = -1;

    if (next(&private, &all) != V_ASN1_SEQUENCE)
        return false;
    while (all.length > 0)
        if ((tag = next(&all, &last)) == -1)
            return false;
    /* A BIT STRING begins with the number of its unused bits. */
    return tag == public_key && next(&last, &bits) == V_ASN1_BIT_STRING && public.length > 0 &&
           bits.length == public.length + 1 && bits.at[0] == 0 &&
           memcmp(bits.at + 1, public.at, (size_t) public.length) == 0;
}

static bool is_named_curve(const X509_ALGOR *algorithm)
{
    const ASN1_OBJECT *object;
    const void *curve;
    int type;

    X509_ALGOR_get0(&object, &type, &curve, algorithm);
    return type == V_ASN1_OBJECT && OBJ_obj2nid(curve) != NID_sm2;
}

bool sp_key_is_own(const PKCS8_PRIV_KEY_INFO *key, const X509 *cert)
{
    const X509_ALGOR *key_algorithm = NULL;
    X509_ALGOR *cert_algorithm = NULL;
    struct der private = { 0 }, public = { 0 };
    int private_length = 0, public_length = 0;

    if (X509_get_X509_PUBKEY(cert) == NULL ||
        PKCS8_pkey_get0(NULL, &private.at, &private_length, &key_algorithm, key) != 1 ||
        X509_PUBKEY_get0_param(NULL, &public.at, &public_length, &cert_algorithm,
                               X509_get_X509_PUBKEY(cert)) != 1 ||
        X509_ALGOR_cmp(key_algorithm, cert_algorithm) != 0)
        return false;
    private.length = private_length;
    public.length = public_length;
    switch (OBJ_obj2nid(cert_algorithm->algorithm)) {
    case NID_rsaEncryption:
        return is_same_rsa(private, public);
    case NID_X9_62_id_ecPublicKey:
        return is_named_curve(cert_algorithm) && is_same_ec(private, public);
    default:
        return false;
    }
}
