/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Reading the facts of a certificate.  X509_get_extension_flags() and similar
 * functions are used nowhere: they cache into the X509, which may be incomplete.
 */
#include <string.h>

#include <openssl/asn1t.h>
#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/err.h>

#include "base/name_hash.h"
#include "rules/facts.h"
#include "base/shown.h"
#include "base/text.h"

/* As RFC 2253, but letters outside ASCII stay as they are for people to read. */
#define NAME_FORM (XN_FLAG_RFC2253 & ~(unsigned long)ASN1_STRFLGS_ESC_MSB)

char *sp_name_text(const X509_NAME *name)
{
    BIO *bio = BIO_new(BIO_s_mem());
    char *data = NULL;
    char *text = NULL;

    if (bio == NULL)
        return NULL;
    if (X509_NAME_print_ex(bio, name, 0, NAME_FORM) < 0)
        text = sp_format("(a name that cannot be read)");
    else if (BIO_write(bio, "", 1) == 1 && BIO_get_mem_data(bio, &data) > 0)
        text = sp_shown(data);
    BIO_free(bio);
    return text;
}

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

static char *read_serial(const X509 *cert)
{
    static const char digits[] = "0123456789abcdef";
    const ASN1_INTEGER *serial = X509_get0_serialNumber(cert);
    const unsigned char *bytes = ASN1_STRING_get0_data(serial);
    size_t len = (size_t)ASN1_STRING_length(serial);
    char *text = OPENSSL_malloc(sizeof("-0x0") + 2 * len);
    char *out = text;

    if (text == NULL)
        return NULL;
    if (ASN1_STRING_type(serial) == V_ASN1_NEG_INTEGER)
        *out++ = '-';
    *out++ = '0';
    *out++ = 'x';
    while (len > 0 && *bytes == 0)
        bytes++, len--;
    if (len == 0)
        *out++ = '0';
    for (size_t i = 0; i < len; i++) {
        if (i > 0 || bytes[i] > 15)
            *out++ = digits[bytes[i] >> 4];
        *out++ = digits[bytes[i] & 15];
    }
    *out = '\0';
    return text;
}

static void read_moment(struct sp_moment *moment, const ASN1_TIME *time)
{
    const struct tm epoch = { .tm_year = 70, .tm_mday = 1 };
    int days;
    int seconds;

    /* ASN1_TIME_to_tm(NULL) returns the present. */
    moment->known = time != NULL && ASN1_TIME_to_tm(time, &moment->tm) == 1 &&
                    OPENSSL_gmtime_diff(&days, &seconds, &epoch, &moment->tm) == 1;
    if (moment->known)
        moment->seconds = (int64_t)days * 86400 + seconds;
}

static void read_key_usage(struct sp_facts *facts, const X509 *cert)
{
    ASN1_BIT_STRING *bits =
        sp_read_extension(cert, NID_key_usage, ASN1_ITEM_rptr(ASN1_BIT_STRING), &facts->usage);

    for (int i = 0; i < SP_KU_COUNT; i++)
        if (ASN1_BIT_STRING_get_bit(bits, i))
            facts->usage_bits |= 1U << i;
    ASN1_BIT_STRING_free(bits);
}

static void read_basic_constraints(struct sp_facts *facts, const X509 *cert)
{
    BASIC_CONSTRAINTS *basic = sp_read_extension(cert, NID_basic_constraints,
                                                 ASN1_ITEM_rptr(BASIC_CONSTRAINTS), &facts->basic);

    facts->ca = basic != NULL && basic->ca != 0;
    BASIC_CONSTRAINTS_free(basic);
}

/*
 * X509_NAME_cmp() encodes a name that a program may still be building, so it is
 * called only if needed.
 */
static void read_self_issued(struct sp_facts *facts, const X509 *cert)
{
    facts->self_issued =
        sp_facts_is_named_ca(facts) &&
        X509_NAME_cmp(X509_get_subject_name(cert), X509_get_issuer_name(cert)) == 0;
}

/* An identifier that cannot be read, or occurs twice, tells nothing. */
static void read_key_ids(struct sp_facts *facts, const X509 *cert)
{
    enum sp_extension state;
    ASN1_OCTET_STRING *own = sp_read_extension(cert, NID_subject_key_identifier,
                                               ASN1_ITEM_rptr(ASN1_OCTET_STRING), &state);
    AUTHORITY_KEYID *issuer = sp_read_extension(cert, NID_authority_key_identifier,
                                                ASN1_ITEM_rptr(AUTHORITY_KEYID), &state);

    if (own != NULL)
        facts->key_id =
            sp_key_identifier_hash(ASN1_STRING_get0_data(own), (size_t)ASN1_STRING_length(own));
    if (issuer != NULL && issuer->keyid != NULL)
        facts->issuer_key_id = sp_key_identifier_hash(ASN1_STRING_get0_data(issuer->keyid),
                                                      (size_t)ASN1_STRING_length(issuer->keyid));
    ASN1_OCTET_STRING_free(own);
    AUTHORITY_KEYID_free(issuer);
}

/* Keep that the names in cRLIssuer sign the CRL of |point|.  Those without room are left out. */
static void read_delegation(struct sp_facts *facts, const DIST_POINT *point)
{
    size_t count = 0;

    while (count < SP_MOST_DELEGATIONS && facts->delegations[count].issuer != 0)
        count++;
    for (int i = 0; i < sk_GENERAL_NAME_num(point->CRLissuer) && count < SP_MOST_DELEGATIONS; i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(point->CRLissuer, i);
        struct sp_delegation *delegation = &facts->delegations[count];

        if (name->type != GEN_DIRNAME)
            continue;
        delegation->issuer = sp_name_hash(name->d.directoryName);
        delegation->all_reasons = point->reasons == NULL;
        if (point->distpoint != NULL && point->distpoint->type == 0)
            sp_add_points(delegation->points, point->distpoint->name.fullname);
        count += delegation->issuer != 0;
    }
}

/*
 * [RFC 5280, 4.2.1.13] The URIs of the points that have CRLs of its own issuer for all reasons,
 * and the points that have CRLs of another one.  An extension that cannot be read, or occurs
 * twice, names none.
 */
static void read_points(struct sp_facts *facts, const X509 *cert)
{
    enum sp_extension state;
    CRL_DIST_POINTS *points = sp_read_extension(cert, NID_crl_distribution_points,
                                                ASN1_ITEM_rptr(CRL_DIST_POINTS), &state);

    for (int i = 0; i < sk_DIST_POINT_num(points); i++) {
        const DIST_POINT *point = sk_DIST_POINT_value(points, i);

        if (point->CRLissuer != NULL)
            read_delegation(facts, point);
        else if (point->distpoint != NULL && point->distpoint->type == 0 && point->reasons == NULL)
            sp_add_points(facts->points, point->distpoint->name.fullname);
    }
    CRL_DIST_POINTS_free(points);
}

/* Keep the content octets of the INTEGER: a CRL names it by these.  False if out of memory. */
static bool read_serial_octets(struct sp_facts *facts, const X509 *cert)
{
    const ASN1_INTEGER *serial = X509_get0_serialNumber(cert);
    unsigned char *der = NULL;
    const int length = i2d_ASN1_INTEGER(serial, &der);
    const unsigned char *content = der;
    long content_length;
    int tag, class;

    if (length > 0) {
        (void)ASN1_get_object(&content, &content_length, &tag, &class, length);
        facts->serial_octets = OPENSSL_memdup(content, (size_t)content_length);
        facts->serial_length = (size_t)content_length;
    }
    OPENSSL_free(der);
    return facts->serial_octets != NULL;
}

/* What ties it to its issuer.  False if out of memory. */
static bool read_kinship(struct sp_facts *facts, const X509 *cert)
{
    facts->subject_hash = sp_name_hash(X509_get_subject_name(cert));
    facts->issuer_hash = sp_name_hash(X509_get_issuer_name(cert));
    read_key_ids(facts, cert);
    read_points(facts, cert);
    return read_serial_octets(facts, cert);
}

static struct sp_facts *read_facts(const X509 *cert, bool with_kinship)
{
    struct sp_facts *facts = OPENSSL_zalloc(sizeof(*facts));

    if (facts == NULL)
        return NULL;
    ERR_set_mark();
    facts->subject = sp_name_text(X509_get_subject_name(cert));
    facts->serial = read_serial(cert);
    read_moment(&facts->not_before, X509_get0_notBefore(cert));
    read_moment(&facts->not_after, X509_get0_notAfter(cert));
    sp_read_public_key(&facts->key, cert);
    facts->digest = sp_read_digest(cert);
    read_key_usage(facts, cert);
    facts->purposes = sp_read_extension(cert, NID_ext_key_usage, ASN1_ITEM_rptr(EXTENDED_KEY_USAGE),
                                        &facts->extended);
    read_basic_constraints(facts, cert);
    if (facts->subject == NULL || facts->serial == NULL || !sp_read_names(facts, cert) ||
        (with_kinship && !read_kinship(facts, cert))) {
        sp_facts_free(facts);
        facts = NULL;
    } else {
        read_self_issued(facts, cert);
    }
    ERR_pop_to_mark();
    return facts;
}

struct sp_facts *sp_facts_new(const X509 *cert)
{
    return read_facts(cert, true);
}

struct sp_facts *sp_facts_without_kinship(const X509 *cert)
{
    return read_facts(cert, false);
}

void sp_facts_free(struct sp_facts *facts)
{
    if (facts == NULL)
        return;
    OPENSSL_free(facts->subject);
    OPENSSL_free(facts->serial);
    OPENSSL_free(facts->serial_octets);
    OPENSSL_free(facts->addresses);
    OPENSSL_free(facts->bad_address);
    EXTENDED_KEY_USAGE_free(facts->purposes);
    OPENSSL_free(facts);
}
