/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The public key and the digest of the signature, read from their encodings.
 * Decoding the key would call providers, ours among them.
 */
#include <string.h>

#include <openssl/asn1.h>
#include <openssl/ec.h>
#include <openssl/objects.h>
#include <openssl/rsa.h>

#include "rules/facts.h"
#include "rules/rules.h"

/* Enter the element with |tag| at |*der|; returns its length, or -1. */
static long enter(const unsigned char **der, long left, int tag)
{
    long len;
    int found;
    int class;
    int flags;

    if (left <= 0)
        return -1;
    flags = ASN1_get_object(der, &len, &found, &class, left);
    /* 0x80: an error; 0x01: an indefinite length, which DER does not have. */
    return (flags & 0x81) == 0 && class == V_ASN1_UNIVERSAL && found == tag ? len : -1;
}

/* RSAPublicKey ::= SEQUENCE { modulus INTEGER, ... }.  Returns 0 if it is not one. */
static int modulus_bits(const unsigned char *der, long len)
{
    int bits;

    len = enter(&der, len, V_ASN1_SEQUENCE);
    len = enter(&der, len, V_ASN1_INTEGER);
    while (len > 0 && *der == 0)
        der++, len--;
    if (len <= 0 || len > 1 << 20)
        return 0;
    bits = (int)len * 8;
    for (unsigned top = *der; top < 0x80; top <<= 1)
        bits--;
    return bits;
}

/* The size of a named curve, for the usual ones without building the group; 0: unknown. */
static int curve_bits(int nid)
{
    EC_GROUP *group;
    int bits;

    switch (nid) {
    case NID_X9_62_prime256v1:
        return 256;
    case NID_secp384r1:
        return 384;
    case NID_secp521r1:
        return 521;
    }
    group = EC_GROUP_new_by_curve_name(nid);
    bits = group == NULL ? 0 : EC_GROUP_order_bits(group);
    EC_GROUP_free(group);
    return bits;
}

static void read_ec(struct sp_public_key *key, const X509_ALGOR *algorithm)
{
    const void *value;
    int type;
    int nid;

    X509_ALGOR_get0(NULL, &type, &value, algorithm);
    if (type == V_ASN1_SEQUENCE)
        key->kind = SP_KEY_EC_EXPLICIT;
    if (type != V_ASN1_OBJECT)
        return;
    OBJ_obj2txt(key->name, sizeof(key->name), value, 0);
    nid = OBJ_obj2nid(value);
    key->bits = curve_bits(nid);
    /* An SM2 key has the algorithm id-ecPublicKey; only its curve tells. */
    if (nid == NID_sm2)
        key->kind = SP_KEY_OTHER;
    else if (key->bits > 0)
        key->kind = SP_KEY_EC;
}

/* Read RSASSA-PSS parameters.  They may be absent; |*broken| if they cannot be read. */
static RSA_PSS_PARAMS *read_pss(const X509_ALGOR *algorithm, bool *broken)
{
    const void *value;
    int type;
    RSA_PSS_PARAMS *pss = NULL;

    X509_ALGOR_get0(NULL, &type, &value, algorithm);
    if (type == V_ASN1_SEQUENCE) {
        const ASN1_STRING *sequence = value;
        const unsigned char *der = ASN1_STRING_get0_data(sequence);

        pss = d2i_RSA_PSS_PARAMS(NULL, &der, ASN1_STRING_length(sequence));
    }
    *broken = pss == NULL && type != V_ASN1_UNDEF;
    return pss;
}

static void read_rsa(struct sp_public_key *key, const X509_ALGOR *algorithm, int nid,
                     const unsigned char *der, int len)
{
    bool broken = false;

    if (nid == NID_rsassaPss)
        RSA_PSS_PARAMS_free(read_pss(algorithm, &broken));
    key->bits = modulus_bits(der, len);
    if (key->bits > 0 && !broken)
        key->kind = nid == NID_rsassaPss ? SP_KEY_RSA_PSS : SP_KEY_RSA;
}

void sp_read_public_key(struct sp_public_key *key, const X509 *cert)
{
    ASN1_OBJECT *object = NULL;
    const unsigned char *bits;
    int len;
    X509_ALGOR *algorithm;

    if (X509_get_X509_PUBKEY(cert) == NULL ||
        !X509_PUBKEY_get0_param(&object, &bits, &len, &algorithm, X509_get_X509_PUBKEY(cert)))
        return;
    switch (OBJ_obj2nid(object)) {
    case NID_rsaEncryption:
    case NID_rsassaPss:
        read_rsa(key, algorithm, OBJ_obj2nid(object), bits, len);
        break;
    case NID_X9_62_id_ecPublicKey:
        read_ec(key, algorithm);
        break;
    default:
        key->kind = SP_KEY_OTHER;
        break;
    }
    /* No rule refuses RSA, so its name is never printed. */
    if (key->kind != SP_KEY_RSA && key->name[0] == '\0')
        OBJ_obj2txt(key->name, sizeof(key->name), object, 0);
}

bool sp_has_key_of_mail(const X509 *cert)
{
    struct sp_public_key key = { .kind = SP_KEY_BROKEN };

    sp_read_public_key(&key, cert);
    return key.kind != SP_KEY_BROKEN && key.kind != SP_KEY_OTHER;
}

static int pss_digest(const X509_ALGOR *algorithm)
{
    bool broken;
    RSA_PSS_PARAMS *pss = read_pss(algorithm, &broken);
    int digest = NID_sha1; /* RFC 4055, 3.1: the default */

    if (pss != NULL && pss->hashAlgorithm != NULL) {
        const ASN1_OBJECT *object;

        X509_ALGOR_get0(&object, NULL, NULL, pss->hashAlgorithm);
        digest = OBJ_obj2nid(object);
    }
    RSA_PSS_PARAMS_free(pss);
    return broken ? NID_undef : digest;
}

int sp_algorithm_digest(const X509_ALGOR *algorithm)
{
    const ASN1_OBJECT *object;
    int digest;

    X509_ALGOR_get0(&object, NULL, NULL, algorithm);
    if (OBJ_obj2nid(object) == NID_rsassaPss)
        return pss_digest(algorithm);
    return OBJ_find_sigid_algs(OBJ_obj2nid(object), &digest, NULL) ? digest : NID_undef;
}

int sp_read_digest(const X509 *cert)
{
    return sp_algorithm_digest(X509_get0_tbs_sigalg(cert));
}
