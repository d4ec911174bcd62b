/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include "base/name_hash.h"

#include "base/text.h"

#define HASH_PRIME UINT64_C(0x100000001b3)

/* The types of string that X509_NAME_cmp() compares by their characters. */
#define COMPARED_AS_TEXT                                                                           \
    (B_ASN1_UTF8STRING | B_ASN1_BMPSTRING | B_ASN1_UNIVERSALSTRING | B_ASN1_PRINTABLESTRING |      \
     B_ASN1_T61STRING | B_ASN1_IA5STRING | B_ASN1_VISIBLESTRING)

uint64_t sp_hash_bytes(uint64_t hash, const void *bytes, size_t length)
{
    const unsigned char *p = bytes;

    for (size_t i = 0; i < length; i++)
        hash = (hash ^ p[i]) * HASH_PRIME;
    return hash;
}

static bool is_blank(unsigned char byte)
{
    return byte == ' ' || (byte >= '\t' && byte <= '\r');
}

/* X509_NAME_cmp() counts blanks inside as one.  Here they do not count at all. */
static uint64_t hash_text(uint64_t hash, const unsigned char *text, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (!is_blank(text[i])) {
            const unsigned char byte = (unsigned char)sp_fold((char)text[i]);

            hash = sp_hash_bytes(hash, &byte, 1);
        }
    return hash;
}

/* False if its value cannot be read, or memory ran out. */
static bool hash_entry(const X509_NAME_ENTRY *entry, uint64_t *hash)
{
    const ASN1_OBJECT *type = X509_NAME_ENTRY_get_object(entry);
    const ASN1_STRING *value = X509_NAME_ENTRY_get_data(entry);
    unsigned char *text = NULL;
    int length;

    *hash = sp_hash_bytes(SP_HASH_START, OBJ_get0_data(type), OBJ_length(type));
    if ((ASN1_tag2bit(ASN1_STRING_type(value)) & COMPARED_AS_TEXT) == 0) {
        *hash =
            sp_hash_bytes(*hash, ASN1_STRING_get0_data(value), (size_t)ASN1_STRING_length(value));
        return true;
    }
    length = ASN1_STRING_to_UTF8(&text, value);
    if (length < 0)
        return false;
    *hash = hash_text(*hash, text, (size_t)length);
    OPENSSL_free(text);
    return true;
}

/* 0 says that there is no hash. */
static uint64_t not_zero(uint64_t hash)
{
    return hash != 0 ? hash : 1;
}

/* The entries of one relative name are a set: their order does not count. */
uint64_t sp_name_hash(const X509_NAME *name)
{
    uint64_t hash = SP_HASH_START, set = 0;
    int number = -1;

    for (int i = 0; i < X509_NAME_entry_count(name); i++) {
        const X509_NAME_ENTRY *entry = X509_NAME_get_entry(name, i);
        uint64_t one;

        if (!hash_entry(entry, &one))
            return 0;
        if (X509_NAME_ENTRY_set(entry) != number) {
            hash = sp_hash_bytes(hash, &set, sizeof(set));
            number = X509_NAME_ENTRY_set(entry);
            set = 0;
        }
        set += one;
    }
    return not_zero(sp_hash_bytes(hash, &set, sizeof(set)));
}

uint64_t sp_key_identifier_hash(const unsigned char *id, size_t length)
{
    return id == NULL ? 0 : not_zero(sp_hash_bytes(SP_HASH_START, id, length));
}

static bool has_point(const uint64_t points[SP_MOST_POINTS], uint64_t hash)
{
    for (size_t i = 0; i < SP_MOST_POINTS && points[i] != 0; i++)
        if (points[i] == hash)
            return true;
    return false;
}

void sp_add_points(uint64_t points[SP_MOST_POINTS], const GENERAL_NAMES *names)
{
    size_t count = 0;

    while (count < SP_MOST_POINTS && points[count] != 0)
        count++;
    for (int i = 0; i < sk_GENERAL_NAME_num(names) && count < SP_MOST_POINTS; i++) {
        int type;
        const ASN1_STRING *uri = GENERAL_NAME_get0_value(sk_GENERAL_NAME_value(names, i), &type);
        uint64_t hash;

        if (type != GEN_URI)
            continue;
        hash = sp_key_identifier_hash(ASN1_STRING_get0_data(uri), (size_t)ASN1_STRING_length(uri));
        if (hash != 0 && !has_point(points, hash))
            points[count++] = hash;
    }
}

bool sp_share_point(const uint64_t one[SP_MOST_POINTS], const uint64_t other[SP_MOST_POINTS])
{
    for (size_t i = 0; i < SP_MOST_POINTS && one[i] != 0; i++)
        if (has_point(other, one[i]))
            return true;
    return false;
}
