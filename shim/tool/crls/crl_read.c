/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Reading a CRL (RFC 5280, 5).  libcrypto parses all but the entries: it would need ten
 * times the size of the file for them.  They are read one by one, from the DER.
 */
#include <string.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "base/name_hash.h"
#include "tool/crls/crls.h"

/* The limit of all that is no entry. */
#define LONGEST_HEAD ((size_t)1 << 20)

#define BROKEN      "it is no CRL that can be read; it may be cut or damaged: fetch it anew"
#define NO_MEMORY   "out of memory"
#define LONG_NUMBER "its number is longer than RFC 5280 allows; ask its issuer for another one"

/* Write a SEQUENCE of two pieces to |to|; returns its length. */
static size_t put_sequence(unsigned char *to, struct shim_bytes one, struct shim_bytes other)
{
    unsigned char *at = to;

    ASN1_put_object(&at, 1, (int)(one.length + other.length), V_ASN1_SEQUENCE, V_ASN1_UNIVERSAL);
    memcpy(at, one.at, one.length);
    memcpy(at + one.length, other.at, other.length);
    return (size_t)(at - to) + one.length + other.length;
}

/* Parse it without its entries.  Its signature does not fit then, and is verified elsewhere. */
static X509_CRL *parse_head(const struct shim_crl_frame *frame)
{
    const size_t room = frame->before.length + frame->behind.length + frame->signature.length +
                        2 * sizeof(long) + 4;
    unsigned char *list = OPENSSL_malloc(room);
    unsigned char *all = OPENSSL_malloc(room);
    const unsigned char *at = all;
    X509_CRL *head = NULL;

    if (list != NULL && all != NULL) {
        const struct shim_bytes inner = { list, put_sequence(list, frame->before, frame->behind) };
        size_t length = put_sequence(all, inner, frame->signature);

        head = d2i_X509_CRL(NULL, &at, (long)length);
        if (head != NULL && at != all + length) {
            X509_CRL_free(head);
            head = NULL;
        }
    }
    OPENSSL_free(list);
    OPENSSL_free(all);
    return head;
}

/* Seconds since the epoch; false if it is no time. */
static bool read_time(const ASN1_TIME *time, int64_t *seconds)
{
    struct tm tm;

    if (time == NULL || ASN1_TIME_to_tm(time, &tm) != 1)
        return false;
    *seconds = timegm(&tm);
    return true;
}

/* Read a number that is not negative; false if it is no such one, or too long. */
static bool read_number(const ASN1_INTEGER *from, struct sp_crl_number *number)
{
    const size_t length = (size_t)ASN1_STRING_length(from);

    if (ASN1_STRING_type(from) != V_ASN1_INTEGER || length > sizeof(number->bytes))
        return false;
    number->given = true;
    number->length = length;
    memcpy(number->bytes, ASN1_STRING_get0_data(from), length);
    return true;
}

static const char *read_numbers(struct shim_crl *crl, int nid, struct sp_crl_number *number)
{
    int critical = -1;
    ASN1_INTEGER *value = X509_CRL_get_ext_d2i(crl->head, nid, &critical, NULL);
    const char *fault = NULL;

    if (value == NULL && critical != -1)
        fault = BROKEN;
    else if (value != NULL && !read_number(value, number))
        fault = LONG_NUMBER;
    ASN1_INTEGER_free(value);
    return fault;
}

/* A name relative to the issuer is none that a certificate is compared with. */
static void read_point(struct shim_crl *crl, const DIST_POINT_NAME *point)
{
    crl->facts.partition = point != NULL;
    if (point != NULL && point->type == 0)
        sp_add_points(crl->points, point->name.fullname);
    crl->facts.has_uri = crl->points[0] != 0;
}

/* [RFC 5280, 5.2.5] Which certificates it covers. */
static const char *read_scope(struct shim_crl *crl)
{
    int critical = -1;
    ISSUING_DIST_POINT *point =
        X509_CRL_get_ext_d2i(crl->head, NID_issuing_distribution_point, &critical, NULL);
    int place = X509_CRL_get_ext_by_NID(crl->head, NID_issuing_distribution_point, -1);
    const ASN1_OCTET_STRING *value;

    if (point == NULL)
        return critical == -1 ? NULL : BROKEN;
    crl->facts.users_only = point->onlyuser > 0;
    crl->facts.cas_only = point->onlyCA > 0;
    crl->facts.attributes_only = point->onlyattr > 0;
    crl->facts.indirect = point->indirectCRL > 0;
    crl->facts.some_reasons = point->onlysomereasons != NULL;
    read_point(crl, point->distpoint);
    ISSUING_DIST_POINT_free(point);
    if (crl->facts.users_only + crl->facts.cas_only + crl->facts.attributes_only > 1)
        return BROKEN;
    crl->scope = (crl->facts.users_only ? SP_CRL_USERS : 0U) |
                 (crl->facts.cas_only ? SP_CRL_CAS : 0U) |
                 (crl->facts.some_reasons ? SP_CRL_REASONS : 0U) |
                 (crl->facts.indirect ? SP_CRL_INDIRECT : 0U);
    /* What says something else of its part is kept beside it. */
    if (crl->facts.some_reasons || crl->facts.partition) {
        crl->scope |= SP_CRL_PART;
        value = X509_EXTENSION_get_data(X509_CRL_get_ext(crl->head, place));
        crl->part = sp_hash_bytes(SP_HASH_START, ASN1_STRING_get0_data(value),
                                  (size_t)ASN1_STRING_length(value));
    }
    return NULL;
}

/* [RFC 5280, 5.2] Those that libcrypto follows, and that are followed here. */
static bool has_unknown_critical(const X509_CRL *head)
{
    for (int i = 0; i < X509_CRL_get_ext_count(head); i++) {
        int nid = OBJ_obj2nid(X509_EXTENSION_get_object(X509_CRL_get_ext(head, i)));

        if (X509_EXTENSION_get_critical(X509_CRL_get_ext(head, i)) &&
            nid != NID_issuing_distribution_point && nid != NID_authority_key_identifier &&
            nid != NID_delta_crl && nid != NID_crl_number)
            return true;
    }
    return false;
}

static const char *read_head(struct shim_crl *crl)
{
    const char *fault;
    const ASN1_TIME *next = X509_CRL_get0_nextUpdate(crl->head);

    if (!read_time(X509_CRL_get0_lastUpdate(crl->head), &crl->facts.this_update) ||
        (next != NULL && !read_time(next, &crl->facts.next_update)))
        return BROKEN;
    fault = read_numbers(crl, NID_crl_number, &crl->facts.number);
    if (fault == NULL)
        fault = read_numbers(crl, NID_delta_crl, &crl->facts.base);
    if (fault == NULL)
        fault = read_scope(crl);
    crl->facts.has_critical = has_unknown_critical(crl->head);
    return fault;
}

const char *shim_crl_read(struct shim_crl *crl, const unsigned char *der, size_t length)
{
    *crl = (struct shim_crl){ 0 };
    if (length > SHIM_LONGEST_CRL)
        return SHIM_CRL_TOO_LONG;
    if (!shim_crl_frame_find(der, length, &crl->frame) ||
        length - crl->frame.entries.length > LONGEST_HEAD)
        return BROKEN;
    crl->head = parse_head(&crl->frame);
    ERR_clear_error();
    /* No entry may be left to libcrypto, which is content with a SEQUENCE of another form. */
    if (crl->head == NULL || sk_X509_REVOKED_num(X509_CRL_get_REVOKED(crl->head)) > 0)
        return BROKEN;
    return read_head(crl);
}

struct sp_crl_number shim_crl_number_of(const struct sp_crl_about *about)
{
    struct sp_crl_number number = { 0 };

    number.given = about->number != NULL && about->number_length <= sizeof(number.bytes);
    if (number.given) {
        number.length = about->number_length;
        memcpy(number.bytes, about->number, number.length);
    }
    return number;
}

char *shim_crl_number_text(const struct sp_crl_number *number)
{
    static const char digits[] = "0123456789abcdef";
    char text[2 + 2 * sizeof(number->bytes) + 1] = "0x";
    size_t length = 2;

    for (size_t i = 0; i < number->length; i++) {
        if (i > 0 || number->bytes[i] >= 0x10)
            text[length++] = digits[number->bytes[i] >> 4];
        text[length++] = digits[number->bytes[i] & 0xf];
    }
    text[length] = '\0';
    return number->given ? OPENSSL_strdup(text) : NULL;
}

void shim_crl_clear(struct shim_crl *crl)
{
    X509_CRL_free(crl->head);
    crl->head = NULL;
}

/*
 * What is signed, as a type of libcrypto that is written as it is.  A type of its own would
 * copy the bytes first.
 */
static int write_bytes(const ASN1_VALUE **value, unsigned char **out, const ASN1_ITEM *item,
                       int tag, int class)
{
    const struct shim_bytes *bytes = (const void *)*value;

    (void)item, (void)tag, (void)class;
    if (out != NULL) {
        memcpy(*out, bytes->at, bytes->length);
        *out += bytes->length;
    }
    return (int)bytes->length;
}

bool shim_crl_is_signed_by(const struct shim_crl *crl, X509 *issuer)
{
    static const ASN1_EXTERN_FUNCS functions = { .asn1_ex_i2d = write_bytes };
    static const ASN1_ITEM item = { .itype = ASN1_ITYPE_EXTERN,
                                    .utype = V_ASN1_SEQUENCE,
                                    .funcs = &functions,
                                    .sname = "TBSCertList" };
    EVP_PKEY *key = X509_get0_pubkey(issuer);
    const X509_ALGOR *algorithm;
    const ASN1_BIT_STRING *signature;
    bool signs;

    X509_CRL_get0_signature(crl->head, &signature, &algorithm);
    /* As X509_CRL_verify() does it, whose CRL would have all entries in memory. */
    signs = key != NULL && crl->frame.same_algorithm &&
            ASN1_item_verify(&item, algorithm, signature, &crl->frame.list, key) == 1;
    ERR_clear_error();
    return signs;
}
