/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The outer form of a CRL (RFC 5280, 5.1).  Its entries, of which there may be millions, are
 * found without being parsed.
 */
#include <limits.h>
#include <string.h>

#include <openssl/asn1.h>
#include <openssl/err.h>

#include "tool/certs/certs.h"

/*
 * Take the element that |from| begins with off it, as |whole| and its |content|; returns its
 * tag of the universal class, -1 for another class or if it does not fit.
 */
static int next(struct shim_bytes *from, struct shim_bytes *whole, struct shim_bytes *content)
{
    const unsigned char *at = from->at;
    long inside = 0;
    int tag = -1, class = 0, form;

    if (from->length == 0 || from->length > LONG_MAX)
        return -1;
    form = ASN1_get_object(&at, &inside, &tag, &class, (long)from->length);
    if ((form & 0x81) != 0)
        return -1;
    *content = (struct shim_bytes){ at, (size_t)inside };
    *whole = (struct shim_bytes){ from->at, (size_t)(at - from->at) + (size_t)inside };
    from->at += whole->length;
    from->length -= whole->length;
    return class == V_ASN1_UNIVERSAL && (tag == V_ASN1_SEQUENCE) == (form == V_ASN1_CONSTRUCTED)
               ? tag
               : -1;
}

int shim_der_next(struct shim_bytes *from, struct shim_bytes *content)
{
    struct shim_bytes whole;

    return next(from, &whole, content);
}

static bool is_time(int tag)
{
    return tag == V_ASN1_UTCTIME || tag == V_ASN1_GENERALIZEDTIME;
}

/* Divide the content of a TBSCertList at its entries; |algorithm| is that of its signature. */
static bool divide(struct shim_crl_frame *frame, struct shim_bytes content,
                   struct shim_bytes *algorithm)
{
    struct shim_bytes left = content, whole, inner;
    struct shim_bytes ahead;
    int tag = next(&left, algorithm, &inner);

    if (tag == V_ASN1_INTEGER)
        tag = next(&left, algorithm, &inner);
    if (tag != V_ASN1_SEQUENCE || next(&left, &whole, &inner) != V_ASN1_SEQUENCE ||
        !is_time(next(&left, &whole, &inner)))
        return false;
    ahead = left;
    tag = next(&ahead, &whole, &inner);
    if (is_time(tag)) {
        left = ahead;
        tag = next(&ahead, &whole, &inner);
    }
    frame->before = (struct shim_bytes){ content.at, (size_t)(left.at - content.at) };
    frame->behind = left;
    if (tag != V_ASN1_SEQUENCE)
        return true;
    frame->entries = inner;
    frame->behind = ahead;
    return true;
}

bool shim_crl_frame_find(const unsigned char *der, size_t length, struct shim_crl_frame *frame)
{
    struct shim_bytes all = { der, length };
    struct shim_bytes whole, outer, content;
    struct shim_bytes inner_algorithm, outer_algorithm;
    bool found;

    *frame = (struct shim_crl_frame){ 0 };
    ERR_set_mark();
    found = next(&all, &whole, &outer) == V_ASN1_SEQUENCE && all.length == 0 &&
            next(&outer, &frame->list, &content) == V_ASN1_SEQUENCE &&
            divide(frame, content, &inner_algorithm);
    frame->signature = outer;
    found = found && next(&outer, &outer_algorithm, &content) == V_ASN1_SEQUENCE;
    frame->same_algorithm =
        found && inner_algorithm.length == outer_algorithm.length &&
        memcmp(inner_algorithm.at, outer_algorithm.at, inner_algorithm.length) == 0;
    ERR_pop_to_mark();
    return found;
}

bool shim_may_be_crl(const unsigned char *head, size_t length)
{
    const unsigned char *at = head, *end = head + length;

    for (int depth = 0; depth < 2 && end - at > 2 && at[0] == 0x30; depth++)
        at += 2 + (at[1] > 0x80 ? at[1] & 0x7f : 0);
    return end - at >= 4 && (at[0] == 0x30 || memcmp(at, "\x02\x01\x01\x30", 4) == 0);
}
