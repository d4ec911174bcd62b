/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Hashes of names, key identifiers and distribution points.  They are in files that another
 * release reads, so some are compared with fixed numbers.
 */
#include <endian.h>
#include <string.h>

#include <openssl/x509v3.h>

#include "base/name_hash.h"
#include "verdicts.h"

/* An entry of a name: common name or organisation, behind the one before or in its set. */
struct entry {
    int nid, type;
    const char *text;
    int length; /* -1: of |text| */
    int set;    /* as X509_NAME_add_entry() has it: 0 a new one, -1 that of the one before */
};

static uint64_t hash_of(const struct entry *entries)
{
    X509_NAME *name = X509_NAME_new();
    uint64_t hash;

    for (; entries->text != NULL; entries++)
        ck_assert_int_eq(X509_NAME_add_entry_by_NID(name, entries->nid, entries->type,
                                                    (const unsigned char *)entries->text,
                                                    entries->length, -1, entries->set),
                         1);
    hash = sp_name_hash(name);
    X509_NAME_free(name);
    return hash;
}

#define CN NID_commonName
#define O  NID_organizationName
#define END                                                                                        \
    {                                                                                              \
        0, 0, NULL, 0, 0                                                                           \
    }

/* Names that are equal, or not. */
static const struct {
    struct entry one[4], other[4];
    bool are_equal;
} names[] = {
    { { { CN, V_ASN1_UTF8STRING, "Root", -1, 0 }, END },
      { { CN, V_ASN1_PRINTABLESTRING, "ROOT", -1, 0 }, END },
      true },
    { { { CN, V_ASN1_UTF8STRING, " a\t\n\v\f\rb ", -1, 0 }, END },
      { { CN, V_ASN1_IA5STRING, "AB", -1, 0 }, END },
      true },
    { { { CN, V_ASN1_UTF8STRING, "a\bb", -1, 0 }, END },
      { { CN, V_ASN1_UTF8STRING, "ab", -1, 0 }, END },
      false },
    { { { CN, V_ASN1_UTF8STRING, "a\016b", -1, 0 }, END },
      { { CN, V_ASN1_UTF8STRING, "ab", -1, 0 }, END },
      false },
    { { { CN, V_ASN1_UTF8STRING, "a", -1, 0 }, END },
      { { O, V_ASN1_UTF8STRING, "a", -1, 0 }, END },
      false },
    /* What is no text is compared by its bytes. */
    { { { CN, V_ASN1_NUMERICSTRING, "1 2", -1, 0 }, END },
      { { CN, V_ASN1_NUMERICSTRING, "12", -1, 0 }, END },
      false },
    { { { CN, V_ASN1_BMPSTRING, "\0a\0b", 4, 0 }, END },
      { { CN, V_ASN1_UTF8STRING, "ab", -1, 0 }, END },
      true },
    { { { CN, V_ASN1_UTF8STRING, "", -1, 0 }, END },
      { { CN, V_ASN1_UTF8STRING, "\t ", -1, 0 }, END },
      true },
    /* The order of names counts, and that within one does not. */
    { { { CN, V_ASN1_UTF8STRING, "a", -1, 0 }, { O, V_ASN1_UTF8STRING, "b", -1, 0 }, END },
      { { O, V_ASN1_UTF8STRING, "b", -1, 0 }, { CN, V_ASN1_UTF8STRING, "a", -1, 0 }, END },
      false },
    { { { CN, V_ASN1_UTF8STRING, "a", -1, 0 }, { O, V_ASN1_UTF8STRING, "b", -1, -1 }, END },
      { { O, V_ASN1_UTF8STRING, "b", -1, 0 }, { CN, V_ASN1_UTF8STRING, "a", -1, -1 }, END },
      true },
    { { { CN, V_ASN1_UTF8STRING, "a", -1, 0 }, { O, V_ASN1_UTF8STRING, "b", -1, -1 }, END },
      { { CN, V_ASN1_UTF8STRING, "a", -1, 0 }, { O, V_ASN1_UTF8STRING, "b", -1, 0 }, END },
      false },
    { { { CN, V_ASN1_UTF8STRING, "a", -1, 0 }, { O, V_ASN1_UTF8STRING, "b", -1, 0 }, END },
      { { CN, V_ASN1_UTF8STRING, "a", -1, 0 }, END },
      false },
};

START_TEST(name)
{
    ck_assert_int_eq(hash_of(names[_i].one) == hash_of(names[_i].other), names[_i].are_equal);
}
END_TEST

START_TEST(fixed_numbers)
{
    static const struct entry none[] = { END };
    static const struct entry two[] = { { CN, V_ASN1_UTF8STRING, "Root", -1, 0 },
                                        { O, V_ASN1_UTF8STRING, "Org", -1, 0 },
                                        END };

    ck_assert_uint_eq(sp_hash_bytes(1, "", 0), 1);
    ck_assert_uint_eq(sp_hash_bytes(SP_HASH_START, "ab", 2), UINT64_C(0x089c4407b545986a));
    /* On another machine it is another number. */
    if (BYTE_ORDER == LITTLE_ENDIAN) {
        ck_assert_uint_eq(hash_of(none), UINT64_C(0xa8c7f832281a39c5));
        ck_assert_uint_eq(hash_of(two), UINT64_C(0xbb851ce35b7c7281));
    }
}
END_TEST

/* A text that cannot be read has no hash; an empty one has. */
START_TEST(unreadable)
{
    static const struct entry empty[] = { { CN, V_ASN1_UTF8STRING, "", -1, 0 }, END };
    static const struct entry broken[] = { { CN, V_ASN1_UTF8STRING, "a", -1, 0 },
                                           { CN, V_ASN1_UTF8STRING, "\xff", 1, 0 },
                                           END };

    ck_assert_uint_eq(hash_of(broken), 0);
    ck_assert_uint_ne(hash_of(empty), 0);
}
END_TEST

START_TEST(key_identifier)
{
    static const unsigned char id[] = { 1, 2 };
    static const unsigned char zero[] = { 0xd5, 0x6b, 0xb9, 0x53, 0x42, 0x87, 0x08, 0x36 };

    ck_assert_uint_eq(sp_key_identifier_hash(NULL, 0), 0);
    ck_assert_uint_eq(sp_key_identifier_hash(id, 0), SP_HASH_START);
    ck_assert_uint_eq(sp_key_identifier_hash(id, 2), sp_hash_bytes(SP_HASH_START, id, 2));
    ck_assert_uint_ne(sp_key_identifier_hash(id, 2), sp_key_identifier_hash(id, 1));
    /* 0 is no hash. */
    ck_assert_uint_eq(sp_hash_bytes(SP_HASH_START, zero, sizeof(zero)), 0);
    ck_assert_uint_eq(sp_key_identifier_hash(zero, sizeof(zero)), 1);
}
END_TEST

/* The names |text|, which X509V3 reads, added to |points|. */
static void add(uint64_t points[SP_MOST_POINTS], const char *text)
{
    X509V3_CTX context = { 0 };
    X509_EXTENSION *made = X509V3_EXT_conf_nid(NULL, &context, NID_subject_alt_name, text);
    GENERAL_NAMES *parsed = X509V3_EXT_d2i(made);

    ck_assert_ptr_nonnull(parsed);
    sp_add_points(points, parsed);
    GENERAL_NAMES_free(parsed);
    X509_EXTENSION_free(made);
}

static uint64_t hash_of_uri(const char *uri)
{
    return sp_key_identifier_hash((const unsigned char *)uri, strlen(uri));
}

/* URIs alone, each once, and so many. */
START_TEST(points_of_uris)
{
    uint64_t points[SP_MOST_POINTS + 1] = { 0 };

    points[SP_MOST_POINTS] = 77;
    add(points, "DNS:a,URI:b,URI:c,URI:b");
    ck_assert_uint_eq(points[0], hash_of_uri("b"));
    ck_assert_uint_eq(points[1], hash_of_uri("c"));
    ck_assert_uint_eq(points[2], 0);
    add(points, "URI:c,URI:d");
    ck_assert_uint_eq(points[2], hash_of_uri("d"));
    ck_assert_uint_eq(points[3], 0);
    add(points, "URI:1,URI:2,URI:3,URI:4,URI:5,URI:6,URI:7,URI:8");
    ck_assert_uint_eq(points[SP_MOST_POINTS - 1], hash_of_uri("5"));
    add(points, "URI:9");
    ck_assert_uint_eq(points[SP_MOST_POINTS - 1], hash_of_uri("5"));
    ck_assert_uint_eq(points[SP_MOST_POINTS], 77);
}
END_TEST

START_TEST(shared_points)
{
    uint64_t none[SP_MOST_POINTS] = { 0 }, one[SP_MOST_POINTS] = { 5 };
    uint64_t full[SP_MOST_POINTS + 1] = { 1, 2, 3 }, cut[SP_MOST_POINTS] = { 1, 0, 5 };

    ck_assert(!sp_share_point(none, none) && !sp_share_point(none, one));
    ck_assert(!sp_share_point(one, none) && sp_share_point(one, one));
    ck_assert(!sp_share_point(one, full) && !sp_share_point(full, one));
    for (size_t i = 3; i < SP_MOST_POINTS; i++)
        full[i] = i == SP_MOST_POINTS - 1 ? 5 : 9 + i;
    ck_assert(sp_share_point(one, full) && sp_share_point(full, one));
    /* What stands behind a list that is full is not of it. */
    full[SP_MOST_POINTS - 1] = 4;
    full[SP_MOST_POINTS] = 5;
    ck_assert(!sp_share_point(one, full) && !sp_share_point(full, one));
    /* 0 ends a list. */
    ck_assert(!sp_share_point(one, cut) && !sp_share_point(cut, one));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("name hash");
    TCase *tests = tcase_create("hashes");

    tcase_add_loop_test(tests, name, 0, SP_ROWS(names));
    tcase_add_test(tests, fixed_numbers);
    tcase_add_test(tests, unreadable);
    tcase_add_test(tests, key_identifier);
    tcase_add_test(tests, points_of_uris);
    tcase_add_test(tests, shared_points);
    suite_add_tcase(suite, tests);
    return sp_run(suite);
}
