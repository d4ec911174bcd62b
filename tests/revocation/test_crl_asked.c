/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Which CRL answers for a certificate, and what it says.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crls.h"

static const int three[] = { 3, 0 }, nothing[] = { 0 };

/* Expect |expected| of the certificate |serial| of |issuer| with the extension. */
static void expect(X509 *issuer, EVP_PKEY *key, int serial, const char *name, const char *value,
                   const char *expected)
{
    X509 *cert = sp_issued(issuer, key, serial, name, value);

    sp_expect_answer(cert, expected);
    X509_free(cert);
}

START_TEST(nothing_is_stored)
{
    expect(crls.issuer, NULL, 3, AKI("01020304"), "unknown");
    sp_revoke(crls.issuer, three);
    expect(crls.issuer, NULL, 3, AKI("01020304"), "revoked 3");
    expect(crls.issuer, NULL, 4, AKI("01020304"), "none");
}
END_TEST

/* Whatever the certificate says of its issuer's key, it is its issuer's. */
static const struct {
    const char *what, *name, *value;
} identifiers[] = {
    { "of its issuer", AKI("01020304") },
    { "of another", AKI("05060708") },
    { "none", NULL, NULL },
    { "broken", "authorityKeyIdentifier", "DER:3006800401" },
    { "without a key", "authorityKeyIdentifier", "DER:3000" },
};

START_TEST(key_identifier)
{
    sp_revoke(crls.issuer, three);
    expect(crls.issuer, NULL, 3, identifiers[_i].name, identifiers[_i].value, "revoked 3");
    expect(crls.issuer, NULL, 4, identifiers[_i].name, identifiers[_i].value, "none");
}
END_TEST

/* The first names another key: a reader may take one or the other. */
START_TEST(two_key_identifiers)
{
    const struct sp_recipe recipe = { .serial = 3,
                                      .issuer = crls.issuer,
                                      .again = { AKI("05060708"), AKI("01020304") } };
    X509 *cert = sp_make_cert(&recipe);

    sp_revoke(crls.issuer, three);
    sp_expect_answer(cert, "revoked 3");
    X509_free(cert);
}
END_TEST

/* Another issuer of the same name: its CRL says nothing of what ours has issued. */
START_TEST(issuers_of_one_name)
{
    const struct sp_recipe recipe = { .serial = 2,
                                      .subject = "Root",
                                      .basic = "CA:TRUE",
                                      .key = crls.other,
                                      .again = { SKI("05060708") } };
    X509 *twin = sp_make_cert(&recipe);

    sp_revoke(twin, three);
    expect(crls.issuer, NULL, 3, AKI("01020304"), "unknown");
    expect(crls.issuer, NULL, 3, NULL, NULL, "unknown");
    expect(twin, crls.other, 3, AKI("05060708"), "revoked 3");
    expect(twin, crls.other, 3, NULL, NULL, "revoked 3");
    sp_revoke(crls.issuer, nothing);
    expect(crls.issuer, NULL, 3, AKI("01020304"), "none");
    expect(crls.issuer, NULL, 3, NULL, NULL, "none");
    expect(twin, crls.other, 3, AKI("05060708"), "revoked 3");
    X509_free(twin);
}
END_TEST

/* An RSA key of the name that an EC key has: the signature is none of it. */
START_TEST(another_kind_of_key)
{
    const struct sp_recipe recipe = {
        .serial = 2, .subject = "Root", .basic = "CA:TRUE", .key = sp_test_rsa()
    };
    X509 *twin = sp_make_cert(&recipe);

    sp_revoke(twin, three);
    expect(crls.issuer, NULL, 3, NULL, NULL, "unknown");
    expect(twin, sp_test_rsa(), 3, NULL, NULL, "revoked 3");
    X509_free(twin);
}
END_TEST

START_TEST(another_name)
{
    const struct sp_recipe recipe = {
        .serial = 2, .subject = "Roots", .basic = "CA:TRUE", .again = { SKI("01020304") }
    };
    X509 *other = sp_make_cert(&recipe);

    sp_revoke(other, three);
    expect(crls.issuer, NULL, 3, AKI("01020304"), "unknown");
    X509_free(other);
}
END_TEST

/* Without a signature that could be looked at, it counts against the certificate alone. */
START_TEST(cannot_be_told)
{
    X509 *cert = sp_issued(crls.issuer, NULL, _i == 0 ? 3 : 4, NULL, NULL);
    struct sp_facts *facts = sp_facts_new(cert);
    const struct sp_asked asked = { facts, NULL, NULL };
    struct sp_revocation found;

    sp_revoke(crls.issuer, three);
    ck_assert(sp_revocation_find(crls.place, &asked, SP_NOW, SP_WANTS_ANSWER, &found));
    ck_assert_int_eq(found.state, _i == 0 ? SP_REVOCATION_REVOKED : SP_REVOCATION_UNKNOWN);
    sp_revocation_clear(&found);
    sp_facts_free(facts);
    X509_free(cert);
}
END_TEST

/* X509_NAME_cmp() finds these names equal. */
static const struct {
    const char *text;
    int type;
} spellings[] = { { "Root", V_ASN1_PRINTABLESTRING }, { "rOOT", V_ASN1_UTF8STRING },
                  { "  Root ", V_ASN1_IA5STRING },    { "Root", V_ASN1_BMPSTRING },
                  { "root", V_ASN1_UNIVERSALSTRING }, { "ROOT", V_ASN1_T61STRING } };

START_TEST(spelling_of_a_name)
{
    X509 *cert = sp_issued(crls.issuer, NULL, 3, NULL, NULL);
    X509_NAME *name = X509_NAME_new();
    ASN1_STRING *value = NULL;

    sp_revoke(crls.issuer, three);
    ck_assert_int_gt(ASN1_mbstring_copy(&value, (const unsigned char *)spellings[_i].text, -1,
                                        MBSTRING_ASC, ASN1_tag2bit(spellings[_i].type)),
                     0);
    ck_assert_int_eq(X509_NAME_add_entry_by_NID(name, NID_commonName, ASN1_STRING_type(value),
                                                ASN1_STRING_get0_data(value),
                                                ASN1_STRING_length(value), -1, 0),
                     1);
    ck_assert_int_eq(X509_set_issuer_name(cert, name), 1);
    ck_assert_int_eq(X509_NAME_cmp(name, X509_get_subject_name(crls.issuer)), 0);
    ck_assert_int_gt(X509_sign(cert, sp_test_ec(), EVP_sha256()), 0);
    sp_expect_answer(cert, "revoked 3");
    X509_NAME_free(name);
    ASN1_STRING_free(value);
    X509_free(cert);
}
END_TEST

START_TEST(dates)
{
    X509 *good = sp_issued(crls.issuer, NULL, 4, AKI("01020304"));
    X509 *bad = sp_issued(crls.issuer, NULL, 3, AKI("01020304"));

    sp_revoke(crls.issuer, three);
    sp_expect_answer_at(good, SP_NOW + 6 * DAY, "none");
    sp_expect_answer_at(good, SP_NOW + 6 * DAY + 1, "stale");
    sp_expect_answer_at(bad, SP_NOW + 6 * DAY + 1, "revoked 3");
    X509_free(good);
    X509_free(bad);
}
END_TEST

/* What covers a part says who is revoked, and of the rest nothing, unless they name its point. */
static const struct {
    unsigned scope;
    const char *user, *ca;
} scopes[] = { { 0, "none", "none" },
               { SP_CRL_USERS, "none", "unknown" },
               { SP_CRL_CAS, "unknown", "none" },
               { SP_CRL_ATTRIBUTES, "unknown", "unknown" },
               { SP_CRL_REASONS, "unknown", "unknown" },
               { SP_CRL_USERS | SP_CRL_PART, "unknown", "unknown" } };

START_TEST(scope)
{
    const struct sp_recipe recipe = {
        .serial = 4, .issuer = crls.issuer, .basic = "CA:TRUE", .again = { AKI("01020304") }
    };
    X509 *ca = sp_make_cert(&recipe);
    struct sp_crl_about about = sp_today();

    about.scope = scopes[_i].scope;
    about.part = (about.scope & SP_CRL_PART) != 0 ? 17 : 0;
    ck_assert(sp_store_crl(crls.issuer, &about, three));
    expect(crls.issuer, NULL, 3, AKI("01020304"), "revoked 3");
    expect(crls.issuer, NULL, 4, AKI("01020304"), scopes[_i].user);
    sp_expect_answer(ca, scopes[_i].ca);
    X509_free(ca);
}
END_TEST

/* The URI http://a/1 in the names of a distribution point. */
#define FULL_NAME "a00ea00c860a687474703a2f2f612f31"

/* What a certificate names, and whether a CRL of the point http://a/1 covers it. */
static const struct {
    const char *value, *again, *expected;
} points[] = {
    { "URI:http://a/1", NULL, "none" },
    { "URI:http://a/2,URI:http://a/1", NULL, "none" },
    { "URI:http://a/1,URI:http://a/1", NULL, "none" },
    { "DER:30123010" FULL_NAME, NULL, "none" },
    { "URI:http://a/2", NULL, "unknown" },
    { "URI:http://a/11", NULL, "unknown" },
    { "URI:HTTP://a/1", NULL, "unknown" },
    { "DNS:http://a/1", NULL, "unknown" },
    /* for some reasons, of another issuer, and with a name relative to the issuer */
    { "DER:30163014" FULL_NAME "81020640", NULL, "unknown" },
    { "DER:3020301e" FULL_NAME "a20c860a687474703a2f2f612f31", NULL, "unknown" },
    { "DER:3010300ea00ca10a300806035504030c0161", NULL, "unknown" },
    /* cut, empty, with more behind it, and twice */
    { "DER:301230", NULL, "unknown" },
    { "DER:3000", NULL, "unknown" },
    { "DER:30123010" FULL_NAME "0500", NULL, "unknown" },
    { "URI:http://a/1", "URI:http://a/1", "unknown" },
    /* as many as are looked at, and one more */
    { "URI:2,URI:3,URI:4,URI:5,URI:6,URI:7,URI:8,URI:http://a/1", NULL, "none" },
    { "URI:2,URI:3,URI:4,URI:5,URI:6,URI:7,URI:8,URI:9,URI:http://a/1", NULL, "unknown" },
    { "URI:2,URI:2,URI:4,URI:5,URI:6,URI:7,URI:8,URI:9,URI:http://a/1", NULL, "none" },
};

/* Store the CRL of the point with this URI, which names the certificate 3. */
static void store_part(const char *uri, unsigned limit)
{
    char names[64];
    X509V3_CTX context = { 0 };
    struct sp_crl_about about = sp_today();
    X509_EXTENSION *made;
    GENERAL_NAMES *parsed;

    ck_assert_int_lt(snprintf(names, sizeof(names), "URI:%s", uri), (int)sizeof(names));
    made = X509V3_EXT_conf_nid(NULL, &context, NID_subject_alt_name, names);
    parsed = X509V3_EXT_d2i(made);
    ck_assert_ptr_nonnull(parsed);
    about.scope = SP_CRL_PART | limit;
    about.part = 17;
    sp_add_points(about.points, parsed);
    ck_assert(sp_store_crl(crls.issuer, &about, three));
    GENERAL_NAMES_free(parsed);
    X509_EXTENSION_free(made);
}

static void expect_of_point(int serial, int row, const char *expected)
{
    const char *again = points[row].again;
    const struct sp_recipe recipe = { .serial = serial,
                                      .issuer = crls.issuer,
                                      .again = { "crlDistributionPoints", points[row].value,
                                                 again != NULL ? "crlDistributionPoints" : NULL,
                                                 again } };
    X509 *cert = sp_make_cert(&recipe);

    sp_expect_answer(cert, expected);
    X509_free(cert);
}

START_TEST(distribution_point)
{
    store_part("http://a/1", 0);
    expect_of_point(4, _i, points[_i].expected);
    expect_of_point(3, _i, "revoked 3");
}
END_TEST

/* The other bits of the scope count as ever. */
static const struct {
    unsigned scope;
    const char *expected;
} limits[] = { { SP_CRL_USERS, "none" },
               { SP_CRL_CAS, "unknown" },
               { SP_CRL_ATTRIBUTES, "unknown" },
               { SP_CRL_REASONS, "unknown" } };

START_TEST(limited_point)
{
    store_part("http://a/1", limits[_i].scope);
    expect_of_point(4, 0, limits[_i].expected);
    expect_of_point(3, 0, "revoked 3");
}
END_TEST

/* A CRL whose point has no URI covers nobody, not even who names no point either. */
START_TEST(point_without_uri)
{
    struct sp_crl_about about = sp_today();

    about.scope = SP_CRL_PART;
    about.part = 17;
    ck_assert(sp_store_crl(crls.issuer, &about, three));
    expect(crls.issuer, NULL, 4, AKI("01020304"), "unknown");
    expect_of_point(4, 0, "unknown");
}
END_TEST

/* A full CRL and a part of one are kept beside each other. */
START_TEST(full_and_part)
{
    struct sp_crl_about about = sp_today();

    sp_revoke(crls.issuer, nothing);
    about.scope = SP_CRL_REASONS;
    ck_assert(sp_store_crl(crls.issuer, &about, three));
    expect(crls.issuer, NULL, 3, AKI("01020304"), "revoked 3");
    expect(crls.issuer, NULL, 4, AKI("01020304"), "none");
}
END_TEST

static Suite *asked_suite(void)
{
    Suite *suite = suite_create("crl_asked");
    TCase *tcase = tcase_create("answers");

    tcase_add_checked_fixture(tcase, sp_crls_set_up, sp_crls_tear_down);
    tcase_add_checked_fixture(tcase, NULL, sp_crls_expect_closed);
    tcase_add_test(tcase, nothing_is_stored);
    tcase_add_loop_test(tcase, key_identifier, 0, SP_ROWS(identifiers));
    tcase_add_test(tcase, two_key_identifiers);
    tcase_add_test(tcase, issuers_of_one_name);
    tcase_add_test(tcase, another_kind_of_key);
    tcase_add_test(tcase, another_name);
    tcase_add_loop_test(tcase, cannot_be_told, 0, 2);
    tcase_add_loop_test(tcase, spelling_of_a_name, 0, SP_ROWS(spellings));
    tcase_add_test(tcase, dates);
    tcase_add_loop_test(tcase, scope, 0, SP_ROWS(scopes));
    tcase_add_loop_test(tcase, distribution_point, 0, SP_ROWS(points));
    tcase_add_loop_test(tcase, limited_point, 0, SP_ROWS(limits));
    tcase_add_test(tcase, point_without_uri);
    tcase_add_test(tcase, full_and_part);
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    return sp_run(asked_suite());
}
