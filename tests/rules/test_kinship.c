/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * By what the issuer's list of revoked certificates is found, and a certificate in it.
 */
#include <string.h>

#include "base/name_hash.h"
#include "rules/facts.h"
#include "rules/revocation.h"
#include "verdicts.h"

static uint64_t hash_of(const void *bytes, size_t length)
{
    return sp_key_identifier_hash(bytes, length);
}

#define SKI "subjectKeyIdentifier"
#define AKI "authorityKeyIdentifier"

/* The key identifiers, which have one byte here; 0: there is none, or it cannot be read. */
static const struct {
    const char *name, *value, *other, *other_value;
    unsigned char own, issuer;
} identifiers[] = {
    { NULL, NULL, NULL, NULL, 0, 0 },
    { SKI, "DER:040107", NULL, NULL, 7, 0 },
    { AKI, "DER:3003800108", NULL, NULL, 0, 8 },
    { SKI, "DER:040107", AKI, "DER:3003800108", 7, 8 },
    { SKI, "DER:0401", AKI, "DER:30038001", 0, 0 },
    { SKI, "DER:040107", SKI, "DER:040107", 0, 0 },
    { AKI, "DER:3003800108", AKI, "DER:3003800108", 0, 0 },
    { AKI, "DER:3000", NULL, NULL, 0, 0 },
};

START_TEST(key_identifiers)
{
    const struct sp_recipe recipe = { .again = { identifiers[_i].name, identifiers[_i].value,
                                                 identifiers[_i].other,
                                                 identifiers[_i].other_value } };
    X509 *cert = sp_make_cert(&recipe);
    struct sp_facts *facts = sp_facts_new(cert);
    const struct sp_kinship kin = sp_facts_kinship(facts);
    const unsigned char own = identifiers[_i].own, issuer = identifiers[_i].issuer;

    ck_assert_uint_eq(kin.key_id, own == 0 ? 0 : hash_of(&own, 1));
    ck_assert_uint_eq(kin.issuer_key_id, issuer == 0 ? 0 : hash_of(&issuer, 1));
    sp_facts_free(facts);
    X509_free(cert);
}
END_TEST

START_TEST(names_and_serial)
{
    static const unsigned char long_serial[] = { 0, 0x80 };
    const struct sp_recipe above = { .subject = "Issuer", .basic = "CA:TRUE", .key = sp_test_ec() };
    X509 *issuer = sp_make_cert(&above), *cert;
    struct sp_recipe recipe = { .issuer = issuer, .serial = 5 };
    struct sp_facts *facts = sp_facts_new(issuer), *without;
    struct sp_kinship kin = sp_facts_kinship(facts);

    ck_assert(kin.is_ca);
    ck_assert_uint_eq(kin.subject, kin.issuer);
    ck_assert_uint_eq(kin.serial_length, 1);
    ck_assert_uint_eq(kin.serial[0], 0x1f);
    sp_facts_free(facts);
    recipe.serial = 128;
    cert = sp_make_cert(&recipe);
    facts = sp_facts_new(cert);
    kin = sp_facts_kinship(facts);
    ck_assert(!kin.is_ca);
    ck_assert_uint_eq(kin.issuer, sp_name_hash(X509_get_subject_name(issuer)));
    ck_assert_uint_eq(kin.subject, sp_name_hash(X509_get_subject_name(cert)));
    ck_assert_uint_eq(kin.serial_length, 2);
    ck_assert_mem_eq(kin.serial, long_serial, 2);
    without = sp_facts_without_kinship(cert);
    kin = sp_facts_kinship(without);
    ck_assert(kin.issuer == 0 && kin.subject == 0 && kin.serial_length == 0);
    sp_facts_free(without);
    sp_facts_free(facts);
    X509_free(cert);
    X509_free(issuer);
}
END_TEST

/* Of a distribution point: the URI http://a/1, the cRLIssuer CN=Root, and reasons. */
#define URI          "a00ea00c860a687474703a2f2f612f31"
#define ROOT         "a411300f310d300b06035504030c04526f6f74"
#define ROOT_NAME    "a213" ROOT
#define RELATIVE     "a00ca10a300806035504030c0161"
#define SOME_REASONS "81020640"

/* The first of its points, and what it delegates to Root: "all" or "some" reasons, "+" the point.
 */
static const struct {
    const char *value, *again;
    bool point;
    const char *delegations;
} points[] = {
    { NULL, NULL, false, "" },
    { "URI:http://a/1", NULL, true, "" },
    { "URI:http://a/1", "URI:http://a/1", false, "" },
    { "DER:30123010" URI, NULL, true, "" },
    { "DER:30163014" URI SOME_REASONS, NULL, false, "" },
    { "DER:3010300e" RELATIVE, NULL, false, "" },
    { "DER:30063004" SOME_REASONS, NULL, false, "" },
    { "DER:30173015" ROOT_NAME, NULL, false, "all " },
    { "DER:30273025" URI ROOT_NAME, NULL, false, "all+ " },
    { "DER:301b3019" SOME_REASONS ROOT_NAME, NULL, false, "some " },
    { "DER:302b3029" URI SOME_REASONS ROOT_NAME, NULL, false, "some+ " },
    { "DER:30253023" RELATIVE ROOT_NAME, NULL, false, "all " },
    /* A name that is no directory's before it, and another one behind it. */
    { "DER:301a3018a216820178" ROOT, NULL, false, "all " },
    { "DER:302a3028a226" ROOT ROOT, NULL, false, "all all " },
    { "DER:302e3015" ROOT_NAME "3015" ROOT_NAME, NULL, false, "all all " },
    /* So many are kept, of one point or of several. */
    { "DER:30633061a25f" ROOT ROOT ROOT ROOT ROOT, NULL, false, "all all all all " },
    { "DER:30733015" ROOT_NAME "3015" ROOT_NAME "3015" ROOT_NAME "3015" ROOT_NAME "3015" ROOT_NAME,
      NULL, false, "all all all all " },
    { "DER:30043002a200", NULL, false, "" },
    { "DER:301230", NULL, false, "" },
};

START_TEST(distribution_points)
{
    const char *again = points[_i].again;
    const struct sp_recipe recipe = {
        .again = { points[_i].value == NULL ? NULL : "crlDistributionPoints", points[_i].value,
                   again == NULL ? NULL : "crlDistributionPoints", again }
    };
    const struct sp_recipe root = { .subject = "Root" };
    X509 *cert = sp_make_cert(&recipe), *named = sp_make_cert(&root);
    struct sp_facts *facts = sp_facts_new(cert), *plain = sp_facts_new(named);
    const struct sp_kinship kin = sp_facts_kinship(facts);
    const uint64_t uri = hash_of("http://a/1", 10);
    char text[64] = "";

    ck_assert_uint_eq(kin.points[0], points[_i].point ? uri : 0);
    ck_assert_uint_eq(kin.points[1], 0);
    for (size_t i = 0; i < SP_MOST_DELEGATIONS && kin.delegations[i].issuer != 0; i++) {
        const struct sp_delegation *one = &kin.delegations[i];

        ck_assert_uint_eq(one->issuer, sp_name_hash(X509_get_subject_name(named)));
        ck_assert(one->points[0] == 0 || one->points[0] == uri);
        strcat(text, one->all_reasons ? "all" : "some");
        strcat(text, one->points[0] != 0 ? "+ " : " ");
    }
    ck_assert_str_eq(text, points[_i].delegations);
    /* Nothing is written behind the list. */
    ck_assert_mem_eq(&facts->not_before, &plain->not_before, sizeof(plain->not_before));
    ck_assert_mem_eq(&facts->not_after, &plain->not_after, sizeof(plain->not_after));
    sp_facts_free(plain);
    sp_facts_free(facts);
    X509_free(named);
    X509_free(cert);
}
END_TEST

/* Is it its own issuer?  Equal names suffice, where no key identifier speaks against it. */
static const struct {
    const char *subject, *ski, *aki;
    bool own;
} selves[] = {
    { "Bob", NULL, NULL, true },
    { "Bob", "DER:040107", NULL, true },
    { "Bob", NULL, "DER:3003800108", true },
    { "Bob", "DER:040107", "DER:3003800107", true },
    { "Bob", "DER:040107", "DER:3003800108", false },
    { "Other", NULL, NULL, false },
};

START_TEST(own_issuer)
{
    X509 *issuer = sp_make_cert(&(struct sp_recipe){ .key = sp_test_ec() });
    const struct sp_recipe recipe = { .subject = selves[_i].subject,
                                      .issuer = issuer,
                                      .again = {
                                          selves[_i].ski == NULL ? NULL : SKI, selves[_i].ski,
                                          selves[_i].aki == NULL ? NULL : AKI, selves[_i].aki } };
    X509 *cert = sp_make_cert(&recipe);
    struct sp_facts *facts = sp_facts_new(cert);

    ck_assert_int_eq(sp_is_own_issuer(facts), selves[_i].own);
    facts->subject_hash = facts->issuer_hash = 0;
    ck_assert(!sp_is_own_issuer(facts));
    sp_facts_free(facts);
    X509_free(cert);
    X509_free(issuer);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("kinship");
    TCase *tests = tcase_create("kinship");

    tcase_add_loop_test(tests, key_identifiers, 0, SP_ROWS(identifiers));
    tcase_add_test(tests, names_and_serial);
    tcase_add_loop_test(tests, distribution_points, 0, SP_ROWS(points));
    tcase_add_loop_test(tests, own_issuer, 0, SP_ROWS(selves));
    suite_add_tcase(suite, tests);
    return sp_run(suite);
}
