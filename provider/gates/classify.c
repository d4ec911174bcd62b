/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include "classify.h"

#include <string.h>

#include <openssl/asn1.h>
#include <openssl/objects.h>

struct span {
    const unsigned char *data;
    size_t length;
};

/*
 * Take one element of the universal type |tag| off the front of |from|; its
 * content goes to |content|.  What is no DER raises an error, which is the
 * caller's to take back.
 */
static bool take(struct span *from, int tag, struct span *content)
{
    const unsigned char *data = from->data;
    long length = 0;
    int found = 0, class = 0, header;

    /* A foreign first byte, the common case, must cost nothing. */
    if (from->length < 2 || (data[0] & 0x1f) != tag || from->length > 0x7fffffff)
        return false;
    header = ASN1_get_object(&data, &length, &found, &class, (long)from->length);
    if ((header & 0x81) != 0 || found != tag || class != V_ASN1_UNIVERSAL)
        return false;
    *content = (struct span){ data, (size_t)length };
    from->length -= (size_t)(data - from->data) + (size_t)length;
    from->data = data + length;
    return true;
}

static bool is_object(const struct span *content, int nid)
{
    const ASN1_OBJECT *object = OBJ_nid2obj(nid);

    return object != NULL && OBJ_length(object) == content->length &&
           memcmp(OBJ_get0_data(object), content->data, content->length) == 0;
}

bool sp_is_signed_attributes(const unsigned char *data, size_t length)
{
    struct span all = { data, length }, attributes, attribute, type, values, value;
    bool content_type = false, message_digest = false, time_stamp = false;

    if (length < 2 || data[0] != 0x31 || !take(&all, V_ASN1_SET, &attributes) || all.length != 0)
        return false;
    while (take(&attributes, V_ASN1_SEQUENCE, &attribute)) {
        if (!take(&attribute, V_ASN1_OBJECT, &type) || !take(&attribute, V_ASN1_SET, &values))
            return false;
        message_digest = message_digest || is_object(&type, NID_pkcs9_messageDigest);
        if (!is_object(&type, NID_pkcs9_contentType))
            continue;
        content_type = true;
        time_stamp =
            take(&values, V_ASN1_OBJECT, &value) && is_object(&value, NID_id_smime_ct_TSTInfo);
    }
    return attributes.length == 0 && content_type && message_digest && !time_stamp;
}

bool sp_is_tls_premaster(const unsigned char *data, size_t length)
{
    return length == 48 && data[0] == 3 && data[1] <= 4;
}
