/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>

#include <openssl/err.h>
#include <openssl/objects.h>
#include <openssl/pkcs12.h>

#include "tool/certs/pbe.h"
#include "base/text.h"

#define CONVERT "export it anew where it comes from, with AES"

void shim_object_text(const ASN1_OBJECT *object, char *text, int size)
{
    int nid = OBJ_obj2nid(object);

    if (nid == NID_undef)
        (void)OBJ_obj2txt(text, size, object, 1);
    else
        (void)OPENSSL_strlcpy(text, OBJ_nid2sn(nid), (size_t)size);
}

static bool load(struct shim_legacy *legacy)
{
    if (legacy->context != NULL)
        return legacy->legacy != NULL && legacy->standard != NULL;
    legacy->context = OSSL_LIB_CTX_new();
    if (legacy->context == NULL)
        return false;
    legacy->standard = OSSL_PROVIDER_load(legacy->context, "default");
    legacy->legacy = OSSL_PROVIDER_load(legacy->context, "legacy");
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

/*
 * Read the cipher, the digest and the key derivation of PBES2.  Fails for one
 * without a NID, which goes to |*unknown|.
 */
static bool read_scheme(const X509_ALGOR *pbe, int *cipher, int *digest, ASN1_OBJECT **unknown)
{
    PBE2PARAM *scheme = ASN1_TYPE_unpack_sequence(ASN1_ITEM_rptr(PBE2PARAM), pbe->parameter);
    PBKDF2PARAM *kdf = NULL;
    bool known = scheme != NULL;
    int kind = known ? OBJ_obj2nid(scheme->keyfunc->algorithm) : NID_undef;

    *cipher = known ? OBJ_obj2nid(scheme->encryption->algorithm) : NID_undef;
    *digest = NID_sha256;
    if (known && *cipher == NID_undef) {
        *unknown = OBJ_dup(scheme->encryption->algorithm);
        known = false;
    } else if (known && kind != NID_id_pbkdf2 && kind != NID_id_scrypt) {
        *unknown = OBJ_dup(scheme->keyfunc->algorithm);
        known = false;
    } else if (kind == NID_id_pbkdf2) {
        kdf = ASN1_TYPE_unpack_sequence(ASN1_ITEM_rptr(PBKDF2PARAM), scheme->keyfunc->parameter);
        known = kdf != NULL;
    }
    if (kdf != NULL && kdf->prf != NULL &&
        EVP_PBE_find(EVP_PBE_TYPE_PRF, OBJ_obj2nid(kdf->prf->algorithm), NULL, digest, NULL) != 1) {
        *unknown = OBJ_dup(kdf->prf->algorithm);
        known = false;
    }
    PBKDF2PARAM_free(kdf);
    PBE2PARAM_free(scheme);
    return known;
}

static bool read_algorithm(const X509_ALGOR *pbe, int *cipher, int *digest, ASN1_OBJECT **unknown)
{
    int nid = OBJ_obj2nid(pbe->algorithm);

    if (nid == NID_pbes2)
        return read_scheme(pbe, cipher, digest, unknown);
    if (nid != NID_undef && EVP_PBE_find(EVP_PBE_TYPE_OUTER, nid, cipher, digest, NULL) == 1 &&
        *cipher > 0)
        return true;
    *unknown = OBJ_dup(pbe->algorithm);
    return false;
}

static char *tell_unknown(const ASN1_OBJECT *unknown)
{
    char text[128];

    if (unknown == NULL)
        return OPENSSL_strdup("the parameters of its encryption cannot be read; it is damaged: "
                              "export it anew");
    shim_object_text(unknown, text, sizeof(text));
    return sp_format("it is encrypted by way of %s, which this OpenSSL does not have; " CONVERT,
                     text);
}

bool shim_pbe_find(struct shim_legacy *legacy, const X509_ALGOR *pbe, OSSL_LIB_CTX **context,
                   char **why)
{
    ASN1_OBJECT *unknown = NULL;
    EVP_CIPHER *cipher = NULL;
    EVP_MD *digest = NULL;
    int cipher_id, digest_id;

    *context = NULL;
    *why = NULL;
    ERR_set_mark();
    if (!read_algorithm(pbe, &cipher_id, &digest_id, &unknown)) {
        *why = tell_unknown(unknown);
    } else if ((cipher = shim_pbe_cipher(legacy, OBJ_nid2sn(cipher_id), context, why)) != NULL) {
        digest = EVP_MD_fetch(*context, OBJ_nid2sn(digest_id), NULL);
        if (digest == NULL)
            *why = tell_unknown(OBJ_nid2obj(digest_id));
    }
    ASN1_OBJECT_free(unknown);
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
