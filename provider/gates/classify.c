/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include "gates/classify.h"

#include <string.h>

#include <openssl/asn1.h>
#include <openssl/objects.h>

struct span {
    const unsigned char *data;
    size_t length;
};

/*
 * Take one element of the universal type |tag| off the front of |from|, and its
 * content into |content|.  Data that are no DER leave an error in the queue, which
 * the caller takes back.
 */
static bool take(struct span *from, int tag, struct span *content)
{
    const unsigned char *data = from->data;
    long length;
    int found, class, header;

    /* Most data begin with another byte: return before anything costly. */
    if (from->length < 2 || (data[0] & 0x1f) != tag || from->length > 0x7fffffff)
        return false;
    header = ASN1_get_object(&data, &length, &found, &class, (long)from->length);
    if ((header & 0x81) != 0 || class != V_ASN1_UNIVERSAL)
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

/* Are there values, and is each of them a content type of a time stamp? */
static bool are_stamps(struct span values)
{
    bool some = false;
    struct span value;

    while (take(&values, V_ASN1_OBJECT, &value)) {
        if (!is_object(&value, NID_id_smime_ct_TSTInfo))
            return false;
        some = true;
    }
    return some && values.length == 0;
}

enum sp_kind sp_kind_of(const unsigned char *data, size_t length)
{
    struct span all = { data, length }, attributes, attribute, type, values;
    bool digest = false, stamp = false, other = false;

    if (!take(&all, V_ASN1_SET, &attributes) || data[0] != 0x31 || all.length != 0)
        return SP_KIND_OTHER;
    while (take(&attributes, V_ASN1_SEQUENCE, &attribute)) {
        if (!take(&attribute, V_ASN1_OBJECT, &type) || !take(&attribute, V_ASN1_SET, &values))
            return SP_KIND_OTHER;
        digest = digest || is_object(&type, NID_pkcs9_messageDigest);
        if (!is_object(&type, NID_pkcs9_contentType))
            continue;
        if (are_stamps(values))
            stamp = true;
        else
            other = true;
    }
    if (attributes.length != 0 || !digest)
        return SP_KIND_OTHER;
    return stamp && !other ? SP_KIND_STAMP : SP_KIND_MAIL;
}

bool sp_attributes_begin(const unsigned char *data, size_t length)
{
    size_t head = 2, size = 0;

    if (length == 0 || data[0] != 0x31)
        return false;
    if (length == 1)
        return true;
    if (data[1] < 0x80)
        return length < head + data[1];
    /* The long form of a length.  0x80, the indefinite form, which DER does not have, gives 0. */
    head += data[1] & 0x7f;
    if (head > 6)
        return false;
    if (length < head)
        return true;
    for (size_t i = 2; i < head; i++)
        size = size << 8 | data[i];
    return size <= SP_ATTRIBUTES_MAX && length - head < size;
}

bool sp_is_tls_premaster(const unsigned char *data, size_t length)
{
    /*
     * SSL 3.0 to TLS 1.2; DTLS 1.2, 1.0 and the version before it.  TLS 1.3 has no such
     * key exchange.
     */
    static const unsigned char versions[][2] = { { 3, 0 },       { 3, 1 },       { 3, 2 }, { 3, 3 },
                                                 { 0xfe, 0xfd }, { 0xfe, 0xff }, { 1, 0 } };

    for (size_t i = 0; length == 48 && i < sizeof(versions) / sizeof(versions[0]); i++)
        if (memcmp(data, versions[i], sizeof(versions[i])) == 0)
            return true;
    return false;
}
