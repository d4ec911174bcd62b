/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>

#include <openssl/err.h>
#include <openssl/objects.h>

#include "tool/certs/certs.h"
#include "base/text.h"

#define CONVERT "export it anew where it comes from, with AES"

#define TOO_MANY (SHIM_MOST_ITERATIONS + (int64_t)1)

/* What the parameters of an encryption under a passphrase say. */
struct pbe {
    int cipher, digest; /* NIDs */
    int64_t work;       /* the iterations of its key derivation, up to TOO_MANY */
    char unknown[128];  /* the algorithm that this OpenSSL does not have, if one is named */
};

void shim_object_text(const ASN1_OBJECT *object, char *text, int size)
{
    int nid = OBJ_obj2nid(object);

    if (nid == NID_undef)
        (void)OBJ_obj2txt(text, size, object, 1);
    else
        (void)OPENSSL_strlcpy(text, OBJ_nid2sn(nid), (size_t)size);
}

/* |object| is unknown: returns false. */
static bool is_unknown(struct pbe *pbe, const ASN1_OBJECT *object)
{
    shim_object_text(object, pbe->unknown, sizeof(pbe->unknown));
    return false;
}

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

static bool read_pbkdf2(const X509_ALGOR *kdf, struct pbe *pbe)
{
    PBKDF2PARAM *params = ASN1_TYPE_unpack_sequence(ASN1_ITEM_rptr(PBKDF2PARAM), kdf->parameter);
    bool known = params != NULL;

    if (known)
        pbe->work = times(number(params->iter), 1);
    if (known && params->prf != NULL &&
        EVP_PBE_find(EVP_PBE_TYPE_PRF, OBJ_obj2nid(params->prf->algorithm), NULL, &pbe->digest,
                     NULL) != 1)
        known = is_unknown(pbe, params->prf->algorithm);
    PBKDF2PARAM_free(params);
    return known;
}

/* Each of its N * r * p steps takes about as long as one of PBKDF2. */
static bool read_scrypt(const X509_ALGOR *kdf, struct pbe *pbe)
{
    SCRYPT_PARAMS *params =
        ASN1_TYPE_unpack_sequence(ASN1_ITEM_rptr(SCRYPT_PARAMS), kdf->parameter);

    if (params != NULL)
        pbe->work = times(times(number(params->costParameter), number(params->blockSize)),
                          number(params->parallelizationParameter));
    SCRYPT_PARAMS_free(params);
    return true;
}

/* Read PBES2, or PBMAC1 (RFC 9579), whose parameters look like its own. */
static bool read_scheme(const X509_ALGOR *algorithm, struct pbe *pbe)
{
    PBE2PARAM *scheme = ASN1_TYPE_unpack_sequence(ASN1_ITEM_rptr(PBE2PARAM), algorithm->parameter);
    int kdf = scheme == NULL ? NID_undef : OBJ_obj2nid(scheme->keyfunc->algorithm);
    bool known = false;

    if (kdf == NID_id_pbkdf2)
        known = read_pbkdf2(scheme->keyfunc, pbe);
    else if (kdf == NID_id_scrypt)
        known = read_scrypt(scheme->keyfunc, pbe);
    else if (scheme != NULL)
        known = is_unknown(pbe, scheme->keyfunc->algorithm);
    pbe->cipher = scheme == NULL ? NID_undef : OBJ_obj2nid(scheme->encryption->algorithm);
    if (scheme != NULL && pbe->cipher == NID_undef)
        known = is_unknown(pbe, scheme->encryption->algorithm);
    PBE2PARAM_free(scheme);
    return known;
}

/* Read |algorithm|; false if it is damaged, or has an algorithm that is unknown. */
static bool read_pbe(const X509_ALGOR *algorithm, struct pbe *pbe)
{
    int nid = OBJ_obj2nid(algorithm->algorithm);
    PBEPARAM *params;

    *pbe = (struct pbe){ .digest = NID_sha256 };
    if (nid == NID_pbes2 || nid == NID_pbmac1)
        return read_scheme(algorithm, pbe);
    params = ASN1_TYPE_unpack_sequence(ASN1_ITEM_rptr(PBEPARAM), algorithm->parameter);
    if (params != NULL)
        pbe->work = times(number(params->iter), 1);
    PBEPARAM_free(params);
    return (nid != NID_undef &&
            EVP_PBE_find(EVP_PBE_TYPE_OUTER, nid, &pbe->cipher, &pbe->digest, NULL) == 1 &&
            pbe->cipher > 0) ||
           is_unknown(pbe, algorithm->algorithm);
}

static int64_t work_of(const X509_ALGOR *algorithm)
{
    struct pbe pbe;

    ERR_set_mark();
    (void)read_pbe(algorithm, &pbe);
    ERR_pop_to_mark();
    return pbe.work;
}

bool shim_iterations_few(const X509_ALGOR *pbe)
{
    return work_of(pbe) <= SHIM_MOST_ITERATIONS;
}

static int64_t work_of_mac(const PKCS12 *p12)
{
    const X509_ALGOR *algorithm = NULL;
    const ASN1_INTEGER *iterations = NULL;

    PKCS12_get0_mac(NULL, &algorithm, NULL, &iterations, p12);
    if (algorithm == NULL)
        return 0;
    return OBJ_obj2nid(algorithm->algorithm) == NID_pbmac1 ? work_of(algorithm)
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

int64_t shim_iterations_in(const PKCS12 *p12, const STACK_OF(PKCS7) *contents)
{
    int64_t work = work_of_mac(p12);

    ERR_set_mark();
    for (int i = 0; i < sk_PKCS7_num(contents) && work < TOO_MANY; i++)
        work += work_of_content(sk_PKCS7_value(contents, i));
    ERR_pop_to_mark();
    return work;
}

static bool load(struct shim_legacy *legacy)
{
    if (legacy->context == NULL) {
        legacy->context = OSSL_LIB_CTX_new();
        if (legacy->context == NULL)
            return false;
        legacy->standard = OSSL_PROVIDER_load(legacy->context, "default");
        legacy->legacy = OSSL_PROVIDER_load(legacy->context, "legacy");
    }
    return legacy->legacy != NULL && legacy->standard != NULL;
}

void shim_legacy_clear(struct shim_legacy *legacy)
{
    if (legacy->legacy != NULL)
        (void)OSSL_PROVIDER_unload(legacy->legacy);
    if (legacy->standard != NULL)
        (void)OSSL_PROVIDER_unload(legacy->standard);
    OSSL_LIB_CTX_free(legacy->context);
    OPENSSL_free(legacy->cipher);
    memset(legacy, 0, sizeof(*legacy));
}

EVP_CIPHER *shim_pbe_cipher(struct shim_legacy *legacy, const char *name, OSSL_LIB_CTX **context,
                            char **why)
{
    EVP_CIPHER *cipher = EVP_CIPHER_fetch(NULL, name, NULL);
    bool loaded;

    *context = NULL;
    if (cipher != NULL)
        return cipher;
    loaded = load(legacy);
    cipher = loaded ? EVP_CIPHER_fetch(legacy->context, name, NULL) : NULL;
    if (cipher != NULL) {
        *context = legacy->context;
        if (legacy->cipher == NULL)
            legacy->cipher = OPENSSL_strdup(name);
        return cipher;
    }
    *why = loaded ? sp_format("it is encrypted with %s, which this OpenSSL does not have; " CONVERT,
                              name)
                  : sp_format("it is encrypted with %s, for which OpenSSL's legacy provider is "
                              "needed, and that cannot be loaded; install it "
                              "(openssl-provider-legacy), or " CONVERT,
                              name);
    return NULL;
}

static char *tell_unknown(const struct pbe *pbe)
{
    return pbe->unknown[0] == '\0'
               ? OPENSSL_strdup("the parameters of its encryption cannot be read; it is damaged: "
                                "export it anew")
               : sp_format("it is encrypted by way of %s, which this OpenSSL does not "
                           "have; " CONVERT,
                           pbe->unknown);
}

bool shim_pbe_find(struct shim_legacy *legacy, const X509_ALGOR *algorithm, OSSL_LIB_CTX **context,
                   char **why)
{
    struct pbe pbe;
    EVP_CIPHER *cipher = NULL;
    EVP_MD *digest = NULL;

    *context = NULL;
    *why = NULL;
    ERR_set_mark();
    if (!read_pbe(algorithm, &pbe)) {
        *why = tell_unknown(&pbe);
    } else if ((cipher = shim_pbe_cipher(legacy, OBJ_nid2sn(pbe.cipher), context, why)) != NULL) {
        digest = EVP_MD_fetch(*context, OBJ_nid2sn(pbe.digest), NULL);
        if (digest == NULL && !is_unknown(&pbe, OBJ_nid2obj(pbe.digest)))
            *why = tell_unknown(&pbe);
    }
    EVP_CIPHER_free(cipher);
    EVP_MD_free(digest);
    ERR_pop_to_mark();
    return digest != NULL;
}

void *shim_pbe_open(struct shim_legacy *legacy, const X509_ALGOR *pbe,
                    const ASN1_OCTET_STRING *closed, const ASN1_ITEM *item,
                    const struct shim_pass *pass, OSSL_LIB_CTX *context)
{
    void *opened;

    ERR_set_mark();
    opened =
        PKCS12_item_decrypt_d2i_ex(pbe, item, pass->text, pass->length, closed, 1, context, NULL);
    legacy->used = legacy->used || (opened != NULL && context != NULL);
    ERR_pop_to_mark();
    return opened;
}
