/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Reading one extension of a certificate from its DER.
 */
#include <openssl/x509v3.h>

#include "rules/facts.h"

void *sp_read_extension(const X509 *cert, int nid, const ASN1_ITEM *item, enum sp_extension *state)
{
    const ASN1_OBJECT *object = OBJ_nid2obj(nid);
    int place = X509_get_ext_by_OBJ(cert, object, -1);
    const ASN1_OCTET_STRING *value;
    const unsigned char *der;
    const unsigned char *end;
    ASN1_VALUE *parsed;

    *state = SP_EXT_ABSENT;
    if (place < 0)
        return NULL;
    *state = SP_EXT_DUPLICATE;
    if (X509_get_ext_by_OBJ(cert, object, place) >= 0)
        return NULL;
    *state = SP_EXT_BROKEN;
    value = X509_EXTENSION_get_data(X509_get_ext(cert, place));
    der = ASN1_STRING_get0_data(value);
    end = der + ASN1_STRING_length(value);
    parsed = ASN1_item_d2i(NULL, &der, ASN1_STRING_length(value), item);
    if (parsed != NULL && der == end) {
        *state = SP_EXT_READ;
        return parsed;
    }
    ASN1_item_free(parsed, item);
    return NULL;
}
