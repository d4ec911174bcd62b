/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include "tool/certs/iterations.h"

#include <openssl/asn1t.h>
#include <openssl/err.h>
#include <openssl/objects.h>

#define TOO_MANY (SHIM_MOST_ITERATIONS + (int64_t)1)

/* A number of iterations; 1 if it is absent.  If it is no such number libcrypto fails at once. */
static int64_t number(const ASN1_INTEGER *from)
{
    int64_t value = 1;

    if (from != NULL && ASN1_INTEGER_get_int64(&value, from) != 1)
        return TOO_MANY;
    return value < 1 ? 1 : value;
}

/* Multiply, up to TOO_MANY, so that no sum of results overflows. */
static int64_t times(int64_t a, int64_t b)
{
    return a > SHIM_MOST_ITERATIONS / b ? TOO_MANY : a * b;
}

static int64_t work_of_pbkdf2(const X509_ALGOR *kdf)
{
    PBKDF2PARAM *params = ASN1_TYPE_unpack_sequence(ASN1_ITEM_rptr(PBKDF2PARAM), kdf->parameter);
    int64_t work = params == NULL ? 0 : times(number(params->iter), 1);

    PBKDF2PARAM_free(params);
    return work;
}

/* Each of its N * r * p steps takes about as long as one of PBKDF2. */
static int64_t work_of_scrypt(const X509_ALGOR *kdf)
{
    SCRYPT_PARAMS *params =
        ASN1_TYPE_unpack_sequence(ASN1_ITEM_rptr(SCRYPT_PARAMS), kdf->parameter);
    int64_t work = params == NULL
                       ? 0
                       : times(times(number(params->costParameter), number(params->blockSize)),
                               number(params->parallelizationParameter));

    SCRYPT_PARAMS_free(params);
    return work;
}

static int64_t work_of_kdf(const X509_ALGOR *kdf)
{
    switch (OBJ_obj2nid(kdf->algorithm)) {
    case NID_id_pbkdf2:
        return work_of_pbkdf2(kdf);
    case NID_id_scrypt:
        return work_of_scrypt(kdf);
    default:
        return 0;
    }
}

/* The parameters of PBMAC1 (RFC 9579) look like those of PBES2. */
static int64_t work_of_scheme(const X509_ALGOR *scheme)
{
    PBE2PARAM *params = ASN1_TYPE_unpack_sequence(ASN1_ITEM_rptr(PBE2PARAM), scheme->parameter);
    int64_t work = params == NULL ? 0 : work_of_kdf(params->keyfunc);

    PBE2PARAM_free(params);
    return work;
}

static int64_t work_of(const X509_ALGOR *pbe)
{
    PBEPARAM *params;
    int64_t work;
    int nid = OBJ_obj2nid(pbe->algorithm);

    if (nid == NID_pbes2 || nid == NID_pbmac1)
        return work_of_scheme(pbe);
    params = ASN1_TYPE_unpack_sequence(ASN1_ITEM_rptr(PBEPARAM), pbe->parameter);
    work = params == NULL ? 0 : times(number(params->iter), 1);
    PBEPARAM_free(params);
    return work;
}

static int64_t work_of_mac(const PKCS12 *p12)
{
    const X509_ALGOR *algorithm = NULL;
    const ASN1_INTEGER *iterations = NULL;

    PKCS12_get0_mac(NULL, &algorithm, NULL, &iterations, p12);
    if (algorithm == NULL)
        return 0;
    return OBJ_obj2nid(algorithm->algorithm) == NID_pbmac1 ? work_of_scheme(algorithm)
                                                           : times(number(iterations), 1);
}

int64_t shim_iterations_of_bags(const STACK_OF(PKCS12_SAFEBAG) *bags)
{
    int64_t work = 0;

    for (int i = 0; i < sk_PKCS12_SAFEBAG_num(bags) && work < TOO_MANY; i++) {
        const PKCS12_SAFEBAG *bag = sk_PKCS12_SAFEBAG_value(bags, i);
        const X509_ALGOR *pbe = NULL;

        if (PKCS12_SAFEBAG_get_nid(bag) == NID_pkcs8ShroudedKeyBag) {
            X509_SIG_get0(PKCS12_SAFEBAG_get0_pkcs8(bag), &pbe, NULL);
            work += work_of(pbe);
        } else if (PKCS12_SAFEBAG_get_nid(bag) == NID_safeContentsBag) {
            work += shim_iterations_of_bags(PKCS12_SAFEBAG_get0_safes(bag));
        }
    }
    return work;
}

static int64_t work_of_content(PKCS7 *content)
{
    STACK_OF(PKCS12_SAFEBAG) *bags;
    int64_t work;

    /* libcrypto's parser accepts missing contents. */
    if (content->d.ptr == NULL)
        return 0;
    if (PKCS7_type_is_encrypted(content))
        return work_of(content->d.encrypted->enc_data->algorithm);
    if (!PKCS7_type_is_data(content))
        return 0;
    bags = PKCS12_unpack_p7data(content);
    work = shim_iterations_of_bags(bags);
    sk_PKCS12_SAFEBAG_pop_free(bags, PKCS12_SAFEBAG_free);
    return work;
}

bool shim_iterations_few(const X509_ALGOR *pbe)
{
    return work_of(pbe) <= SHIM_MOST_ITERATIONS;
}

int64_t shim_iterations_in(const PKCS12 *p12, const STACK_OF(PKCS7) *contents)
{
    int64_t work = work_of_mac(p12);

    ERR_set_mark();
    for (int i = 0; i < sk_PKCS7_num(contents) && work < TOO_MANY; i++)
        work += work_of_content(sk_PKCS7_value(contents, i));
    ERR_pop_to_mark();
    return work;
}
