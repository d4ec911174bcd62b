/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Numbers are written with their lowest byte first, on every machine.
 */
#include "revocation/crl_form.h"

#include <endian.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/name_hash.h"

static const unsigned char mark[8] = { 's', 'p', 'c', 'r', 'l', 0, 0, 1 };

static uint64_t get64(const unsigned char *from)
{
    uint64_t value;

    memcpy(&value, from, sizeof(value));
    return le64toh(value);
}

static void put64(unsigned char *to, uint64_t value)
{
    value = htole64(value);
    memcpy(to, &value, sizeof(value));
}

/* [X.690, 8.3.2] Nine leading bits that are equal say nothing. */
struct sp_crl_serial sp_crl_serial(const unsigned char *octets, size_t length)
{
    static const unsigned char zero = 0;

    if (length == 0)
        return (struct sp_crl_serial){ &zero, 1 };
    while (length > 1 &&
           ((octets[0] == 0x00 && octets[1] < 0x80) || (octets[0] == 0xff && octets[1] >= 0x80)))
        octets++, length--;
    return (struct sp_crl_serial){ octets, length };
}

/* Spread every bit of |hash| over the whole. */
static uint64_t mix(uint64_t hash)
{
    hash = (hash ^ (hash >> 33)) * UINT64_C(0xff51afd7ed558ccd);
    hash = (hash ^ (hash >> 33)) * UINT64_C(0xc4ceb9fe1a85ec53);
    return hash ^ (hash >> 33);
}

uint64_t sp_crl_page_of(struct sp_crl_serial serial, uint64_t issuer,
                        const struct sp_crl_header *header)
{
    const uint64_t start = SP_HASH_START ^ header->seed ^ issuer;
    const uint64_t hash = mix(sp_hash_bytes(start, serial.octets, serial.length));

    return 1 + (hash >> 32) * header->pages / (UINT64_C(1) << 32);
}

/* The lowest bit tells whether it is below the same ca. */
uint64_t sp_crl_other(uint64_t name, uint64_t key_id, bool is_below)
{
    return (mix(name ^ mix(key_id)) & ~UINT64_C(1)) | is_below;
}

int sp_crl_is_about(const struct sp_crl_header *header, uint64_t name, uint64_t key_id)
{
    const uint64_t below = sp_crl_other(name, key_id, true);

    for (size_t i = 0; key_id != 0 && i < SP_CRL_MOST_OTHERS; i++)
        if ((header->others[i] | 1) == below)
            return header->others[i] == below;
    return -1;
}

/* By words of eight bytes: a page is read for each question. */
uint64_t sp_crl_sum(uint64_t start, const void *bytes, size_t length)
{
    const unsigned char *p = bytes;
    uint64_t sum = start;

    for (; length >= 8; p += 8, length -= 8) {
        sum = (sum ^ get64(p)) * UINT64_C(0x9e3779b97f4a7c15);
        sum ^= sum >> 29;
    }
    return mix(sp_hash_bytes(sum, p, length));
}

uint64_t sp_crl_identity(const struct sp_crl_header *header)
{
    uint64_t sum = sp_crl_sum(header->seed, header->key, sizeof(header->key));

    sum = sp_crl_sum(sum, header->content, sizeof(header->content));
    sum = mix(sum ^ header->count);
    return mix(sum ^ header->pages);
}

#define SUM_AT (SP_CRL_PAGE - 8)

void sp_crl_seal(unsigned char page[SP_CRL_PAGE], uint64_t identity, uint64_t number)
{
    put64(page + SUM_AT, sp_crl_sum(mix(identity + number), page, SUM_AT));
}

bool sp_crl_is_sealed(const unsigned char page[SP_CRL_PAGE], uint64_t identity, uint64_t number)
{
    return get64(page + SUM_AT) == sp_crl_sum(mix(identity + number), page, SUM_AT);
}

/* The numbers of the header, in the order of the file. */
#define NUMBERS(X)                                                                                 \
    X(number_length)                                                                               \
    X(name)                                                                                        \
    X(ski)                                                                                         \
    X(scope) X(part) X(count) X(pages) X(seed) X(cert_length) X(cert_sum)

void sp_crl_put_header(unsigned char page[SP_CRL_PAGE], const struct sp_crl_header *header)
{
    unsigned char *to = page;

    memset(page, 0, SP_CRL_PAGE);
    memcpy(to, mark, sizeof(mark));
    to += sizeof(mark);
    memcpy(to, header->key, sizeof(header->key));
    to += sizeof(header->key);
    memcpy(to, header->content, sizeof(header->content));
    to += sizeof(header->content);
    memcpy(to, header->number, sizeof(header->number));
    to += sizeof(header->number);
    put64(to, (uint64_t)header->this_update);
    put64(to + 8, (uint64_t)header->next_update);
    to += 16;
#define X(field) put64(to, header->field), to += 8;
    NUMBERS(X)
#undef X
    for (size_t i = 0; i < SP_MOST_POINTS; i++, to += 8)
        put64(to, header->points[i]);
    for (size_t i = 0; (header->scope & SP_CRL_INDIRECT) != 0 && i < SP_CRL_MOST_OTHERS; i++)
        put64(to + 8 * i, header->others[i]);
    sp_crl_seal(page, 0, 0);
}

bool sp_crl_get_header(const unsigned char page[SP_CRL_PAGE], struct sp_crl_header *header)
{
    const unsigned char *from = page + sizeof(mark);

    if (memcmp(page, mark, sizeof(mark)) != 0 || !sp_crl_is_sealed(page, 0, 0))
        return false;
    memcpy(header->key, from, sizeof(header->key));
    from += sizeof(header->key);
    memcpy(header->content, from, sizeof(header->content));
    from += sizeof(header->content);
    memcpy(header->number, from, sizeof(header->number));
    from += sizeof(header->number);
    header->this_update = (int64_t)get64(from);
    header->next_update = (int64_t)get64(from + 8);
    from += 16;
#define X(field) header->field = get64(from), from += 8;
    NUMBERS(X)
#undef X
    for (size_t i = 0; i < SP_MOST_POINTS; i++, from += 8)
        header->points[i] = get64(from);
    for (size_t i = 0; (header->scope & SP_CRL_INDIRECT) != 0 && i < SP_CRL_MOST_OTHERS; i++)
        header->others[i] = get64(from + 8 * i);
    /* The number of a page is found with 32 bits of a hash. */
    return header->number_length <= SP_CRL_LONGEST_NUMBER && header->pages >= 1 &&
           header->pages <= UINT32_MAX && header->cert_length <= SP_CRL_LONGEST_CERT;
}

/* In the byte of the reason: the entry has an issuer. */
#define HAS_ISSUER 0x80

/* Where the octets of an entry begin. */
static size_t fixed_length(const unsigned char *entry)
{
    return SP_CRL_FIXED + ((entry[1] & HAS_ISSUER) != 0 ? SP_CRL_FIXED_ISSUER : 0);
}

size_t sp_crl_put_entry(unsigned char *to, const struct sp_crl_entry *entry)
{
    const struct sp_crl_serial serial = sp_crl_serial(entry->serial, entry->length);

    to[0] = (unsigned char)serial.length;
    to[1] = (unsigned char)((entry->reason + 1) | (entry->issuer != 0 ? HAS_ISSUER : 0));
    put64(to + 2, (uint64_t)entry->at);
    if (entry->issuer != 0)
        put64(to + SP_CRL_FIXED, entry->issuer);
    memcpy(to + fixed_length(to), serial.octets, serial.length);
    return fixed_length(to) + serial.length;
}

size_t sp_crl_read_entry(const unsigned char *from, struct sp_crl_entry *entry)
{
    const size_t fixed = fixed_length(from);

    entry->length = from[0];
    entry->reason = (from[1] & ~HAS_ISSUER) - 1;
    entry->at = (int64_t)get64(from + 2);
    entry->issuer = fixed > SP_CRL_FIXED ? get64(from + SP_CRL_FIXED) : 0;
    entry->serial = from + fixed;
    return fixed + entry->length;
}

void sp_crl_put_page(unsigned char page[SP_CRL_PAGE], const unsigned char *entries, size_t used)
{
    memset(page, 0, SP_CRL_PAGE);
    page[0] = (unsigned char)used;
    page[1] = (unsigned char)(used >> 8);
    memcpy(page + 2, entries, used);
}

bool sp_crl_get_entry(const unsigned char page[SP_CRL_PAGE], size_t *offset,
                      struct sp_crl_entry *entry)
{
    const size_t used = page[0] | (size_t)page[1] << 8;
    const unsigned char *from = page + 2 + *offset;

    /* A sealed page is as it was written.  The bounds are checked all the same. */
    if (used > SP_CRL_ROOM || *offset + fixed_length(from) + from[0] > used)
        return false;
    *offset += sp_crl_read_entry(from, entry);
    return true;
}

void sp_crl_file_name(const unsigned char key[SP_SHA256_LENGTH], uint64_t scope, uint64_t part,
                      char name[SP_CRL_FILE_NAME])
{
    size_t length = SP_FINGERPRINT_TEXT - 1;

    sp_fingerprint_text(key, name);
    if (scope != 0)
        length += (size_t)snprintf(name + length, SP_CRL_FILE_NAME - length, "-%" PRIx64, scope);
    if (part != 0)
        length += (size_t)snprintf(name + length, SP_CRL_FILE_NAME - length, "-%" PRIx64, part);
    memcpy(name + length, ".crl", sizeof(".crl"));
}

void sp_crl_folder_name(uint64_t hash, char name[SP_CRL_FOLDER_NAME])
{
    (void)snprintf(name, SP_CRL_FOLDER_NAME, "%016" PRIx64, hash);
}
