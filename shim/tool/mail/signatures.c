/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include <openssl/cms.h>
#include <openssl/crypto.h>

#include "tool/mail/signatures.h"

static struct sp_signing_time signing_time(const CMS_SignerInfo *signer)
{
    struct sp_signing_time time = { .state = SP_TIME_ABSENT };
    int at = CMS_signed_get_attr_by_NID(signer, NID_pkcs9_signingTime, -1);
    X509_ATTRIBUTE *attribute = at < 0 ? NULL : CMS_signed_get_attr(signer, at);
    const ASN1_TYPE *value;
    struct tm tm;

    if (attribute == NULL)
        return time;
    /* RFC 5652, 11.3 wants one attribute with one value. */
    time.state = SP_TIME_BROKEN;
    value = X509_ATTRIBUTE_count(attribute) == 1 ? X509_ATTRIBUTE_get0_type(attribute, 0) : NULL;
    if (CMS_signed_get_attr_by_NID(signer, NID_pkcs9_signingTime, at) >= 0 || value == NULL ||
        (value->type != V_ASN1_UTCTIME && value->type != V_ASN1_GENERALIZEDTIME) ||
        !ASN1_TIME_to_tm(value->value.asn1_string, &tm))
        return time;
    time.state = SP_TIME_READ;
    time.at = timegm(&tm);
    return time;
}

static int digest_of(CMS_SignerInfo *signer)
{
    const ASN1_OBJECT *algorithm;
    X509_ALGOR *digest;

    CMS_SignerInfo_get0_algs(signer, NULL, NULL, &digest, NULL);
    X509_ALGOR_get0(&algorithm, NULL, NULL, digest);
    return OBJ_obj2nid(algorithm);
}

static bool collect_certs(struct shim_incoming *incoming, CMS_ContentInfo *cms,
                          STACK_OF(X509) *along)
{
    incoming->certs = CMS_get1_certs(cms);
    if (incoming->certs == NULL)
        incoming->certs = sk_X509_new_null();
    return incoming->certs != NULL &&
           (along == NULL || X509_add_certs(incoming->certs, along, X509_ADD_FLAG_UP_REF) == 1);
}

void shim_signatures_clear(struct shim_incoming *incoming)
{
    for (size_t i = 0; i < incoming->count; i++) {
        sp_facts_free(incoming->signatures[i].facts);
        shim_chain_clear(&incoming->signatures[i].chain);
    }
    OPENSSL_free(incoming->signatures);
    incoming->signatures = NULL;
    incoming->count = 0;
}

/*
 * Read the signatures; false if out of memory.  If the certificate of one is
 * missing, none is read.
 */
static bool read_signatures(struct shim_incoming *incoming, CMS_ContentInfo *cms,
                            const struct shim_incoming_from *from)
{
    STACK_OF(CMS_SignerInfo) *infos = CMS_get0_SignerInfos(cms);
    int count = infos == NULL ? 0 : sk_CMS_SignerInfo_num(infos);

    if (count <= 0)
        return true;
    /* The same choice as stock's: first in |along|, then in the message. */
    (void)CMS_set1_signers_certs(cms, from->along, from->nointern ? CMS_NOINTERN : 0);
    incoming->signatures = OPENSSL_zalloc((size_t)count * sizeof(*incoming->signatures));
    if (incoming->signatures == NULL)
        return false;
    for (int i = 0; i < count; i++) {
        CMS_SignerInfo *info = sk_CMS_SignerInfo_value(infos, i);
        struct shim_signature *signature = &incoming->signatures[i];

        CMS_SignerInfo_get0_algs(info, NULL, &signature->cert, NULL, NULL);
        if (signature->cert == NULL) {
            shim_signatures_clear(incoming);
            return true;
        }
        incoming->count++;
        signature->facts = sp_facts_new(signature->cert);
        signature->time = signing_time(info);
        signature->digest = digest_of(info);
        if (signature->facts == NULL)
            return false;
    }
    return true;
}

bool shim_signatures_are_few(CMS_ContentInfo *cms)
{
    STACK_OF(CMS_SignerInfo) *infos = CMS_get0_SignerInfos(cms);
    STACK_OF(X509) *certs = CMS_get1_certs(cms);
    bool few = infos == NULL || (sk_CMS_SignerInfo_num(infos) <= SHIM_MOST_SIGNATURES &&
                                 sk_X509_num(certs) <= SHIM_MOST_CERTIFICATES);

    sk_X509_pop_free(certs, X509_free);
    return few;
}

bool shim_signatures_read(struct shim_incoming *incoming, const struct shim_incoming_from *from)
{
    CMS_ContentInfo *cms = incoming->cms;

    return collect_certs(incoming, cms, from->along) && read_signatures(incoming, cms, from);
}
