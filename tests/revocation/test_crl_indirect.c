/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Indirect CRLs: their entries with issuers, and the certificates that name their issuer.
 */
#include <string.h>
#include <sys/stat.h>

#include "base/name_hash.h"
#include "base/text.h"
#include "crls.h"
#include "revocation/crl_form.h"

/* Of a distribution point, in hexadecimal: the cRLIssuer CN=Root or another, a URI, and reasons. */
#define ROOT_NAME    "a213a411300f310d300b06035504030c04526f6f74"
#define OTHER_NAME   "a213a411300f310d300b06035504030c046f6f6f74"
#define URI          "a00ea00c860a687474703a2f2f612f31"
#define SOME_REASONS "81020640"

/* The issuer of the certificates below: another one than that of the CRL. */
static X509 *other_ca(void)
{
    const struct sp_recipe recipe = { .serial = 2,
                                      .subject = "Issuing",
                                      .basic = "critical,CA:TRUE",
                                      .key = sp_test_ec(),
                                      .again = { SKI("05060708") } };

    return sp_make_cert(&recipe);
}

static uint64_t hash_of(X509 *ca)
{
    return sp_name_hash(X509_get_subject_name(ca));
}

/* Store an indirect CRL of Root which names the certificate 3 of |ca|, and 4 of its own. */
static void store_indirect(X509 *ca, const uint64_t *others, unsigned scope, const char *uri)
{
    static const unsigned char three[] = { 3 }, four[] = { 4 };
    unsigned char key[SP_SHA256_LENGTH];
    const struct sp_crl_issuer issuer = { .key = key,
                                          .name = X509_get_subject_name(crls.issuer),
                                          .ski = (const unsigned char *)"\1\2\3\4",
                                          .ski_length = 4,
                                          .cert = crls.issuer };
    const struct sp_crl_entry of_other = { three, 1, SP_NOW - 2 * DAY, 3, hash_of(ca) };
    const struct sp_crl_entry own = { four, 1, SP_NOW - 2 * DAY, 4, hash_of(crls.issuer) };
    struct sp_crl_about about = sp_today();
    struct sp_crl_writer *writer;
    char *why = NULL;

    sp_key_name(crls.issuer, key);
    about.scope = SP_CRL_INDIRECT | scope;
    about.others = others;
    if (uri != NULL)
        about.points[0] = sp_key_identifier_hash((const unsigned char *)uri, strlen(uri));
    writer = sp_crl_writer_new(crls.place, &issuer, &about, &why);
    ck_assert(writer != NULL && sp_crl_writer_add(writer, &of_other, &why) &&
              sp_crl_writer_add(writer, &own, &why) && sp_crl_writer_commit(writer, &why));
    sp_crl_writer_free(writer);
}

static void expect(X509 *ca, int serial, const char *aki, const char *points, const char *expected)
{
    const struct sp_recipe recipe = { .serial = serial,
                                      .issuer = ca,
                                      .again = { aki == NULL ? NULL : "authorityKeyIdentifier", aki,
                                                 "crlDistributionPoints", points } };
    const struct sp_recipe nameless = { .serial = serial,
                                        .issuer = ca,
                                        .again = { "crlDistributionPoints", points } };
    X509 *cert = sp_make_cert(aki == NULL ? &nameless : &recipe);

    sp_expect_answer(cert, expected);
    X509_free(cert);
}

static const struct {
    const char *value, *expected, *of_three;
} points[] = {
    { "DER:30173015" ROOT_NAME, "none", "revoked 3" },
    { "DER:30273025" URI ROOT_NAME, "none", "revoked 3" },
    { "DER:301b3019" SOME_REASONS ROOT_NAME, "unknown", "revoked 3" },
    { "DER:30173015" OTHER_NAME, "unknown", "unknown" },
    /* a second point, which counts beside the first */
    { "DER:302e3015" OTHER_NAME "3015" ROOT_NAME, "none", "revoked 3" },
    /* a fifth one does not */
    { "DER:30733015" OTHER_NAME "3015" OTHER_NAME "3015" OTHER_NAME "3015" OTHER_NAME
      "3015" ROOT_NAME,
      "unknown", "unknown" },
    /* no directoryName, an empty list, and what is cut */
    { "DER:300730"
      "05a203820178",
      "unknown", "unknown" },
    { "DER:30043002a200", "unknown", "unknown" },
    { "DER:30173015"
      "a213a411300f310d300b06035504030c04526f6f",
      "unknown", "unknown" },
    { "URI:http://a/1", "unknown", "unknown" },
};

START_TEST(who_names_it)
{
    X509 *ca = other_ca();
    uint64_t others[SP_CRL_MOST_OTHERS] = { 0 };

    others[0] =
        sp_crl_other(hash_of(ca), sp_key_identifier_hash((const void *)"\5\6\7\10", 4), true);
    store_indirect(ca, others, 0, NULL);
    expect(ca, 5, "DER:3006800405060708", points[_i].value, points[_i].expected);
    expect(ca, 3, "DER:3006800405060708", points[_i].value, points[_i].of_three);
    /* An entry of its own issuer says nothing of that serial number. */
    expect(ca, 4, "DER:3006800405060708", points[_i].value, points[_i].expected);
    X509_free(ca);
}
END_TEST

/* What is known of the certificate's issuer, and what the CRL says then. */
static const struct {
    bool listed, below;
    const char *aki, *of_five, *of_three;
} known[] = {
    { true, true, "DER:3006800405060708", "none", "revoked 3" },
    { true, false, "DER:3006800405060708", "unknown", "unknown" },
    { false, false, "DER:3006800405060708", "unknown", "revoked 3" },
    { true, true, "DER:3006800401020304", "unknown", "revoked 3" },
    { true, true, NULL, "unknown", "revoked 3" },
    { true, false, NULL, "unknown", "revoked 3" },
};

START_TEST(whose_issuer_is_known)
{
    X509 *ca = other_ca();
    uint64_t others[SP_CRL_MOST_OTHERS] = { 0 };

    /* It is the last of as many as can be. */
    for (size_t i = 0; known[_i].listed && i < SP_CRL_MOST_OTHERS; i++)
        others[i] = sp_crl_other(i, 1, true);
    if (known[_i].listed)
        others[SP_CRL_MOST_OTHERS - 1] = sp_crl_other(
            hash_of(ca), sp_key_identifier_hash((const void *)"\5\6\7\10", 4), known[_i].below);
    store_indirect(ca, others, 0, NULL);
    expect(ca, 5, known[_i].aki, "DER:30173015" ROOT_NAME, known[_i].of_five);
    expect(ca, 3, known[_i].aki, "DER:30173015" ROOT_NAME, known[_i].of_three);
    X509_free(ca);
}
END_TEST

/* It answers for the certificates of its own issuer, too, whether they name it or not. */
START_TEST(its_own)
{
    X509 *ca = other_ca();

    store_indirect(ca, NULL, 0, NULL);
    expect(crls.issuer, 4, "DER:3006800401020304", "URI:http://a/1", "revoked 4");
    expect(crls.issuer, 3, "DER:3006800401020304", "URI:http://a/1", "none");
    expect(crls.issuer, 3, "DER:3006800401020304", "DER:30173015" ROOT_NAME, "none");
    X509_free(ca);
}
END_TEST

/* A part covers who names its point together with its issuer. */
START_TEST(part)
{
    X509 *ca = other_ca();
    uint64_t others[SP_CRL_MOST_OTHERS] = { 0 };

    others[0] =
        sp_crl_other(hash_of(ca), sp_key_identifier_hash((const void *)"\5\6\7\10", 4), true);
    store_indirect(ca, others, SP_CRL_PART, _i == 0 ? "http://a/1" : "http://a/2");
    expect(ca, 5, "DER:3006800405060708", "DER:30273025" URI ROOT_NAME,
           _i == 0 ? "none" : "unknown");
    expect(ca, 5, "DER:3006800405060708", "DER:30173015" ROOT_NAME, "unknown");
    expect(ca, 3, "DER:3006800405060708", "DER:30173015" ROOT_NAME, "revoked 3");
    X509_free(ca);
}
END_TEST

/* A CRL that is not indirect says nothing of whoever names its issuer. */
START_TEST(direct)
{
    static const int three[] = { 3, 0 };
    X509 *ca = other_ca();

    sp_revoke(crls.issuer, three);
    expect(ca, 3, "DER:3006800405060708", "DER:30173015" ROOT_NAME, "unknown");
    X509_free(ca);
}
END_TEST

/* Of two faults the first is told: that of the certificate's own issuer. */
START_TEST(two_faults)
{
    static const char *const subjects[] = { "Issuing", "Root" };
    X509 *ca = other_ca(), *cert;
    struct sp_facts *facts;
    struct sp_asked asked;
    struct sp_revocation found;
    char *paths[2];

    for (int i = 0; i < 2; i++) {
        const struct sp_recipe recipe = {
            .serial = 2, .subject = subjects[i], .basic = "CA:TRUE", .key = sp_test_ec()
        };
        X509 *issuer = sp_make_cert(&recipe);
        char folder[SP_CRL_FOLDER_NAME];

        sp_crl_folder_name(hash_of(issuer), folder);
        paths[i] = sp_format("%s/crls/%s", crls.place, folder);
        sp_revoke(issuer, (const int[]){ 3, 0 });
        ck_assert_int_eq(chmod(paths[i], 0777), 0);
        X509_free(issuer);
    }
    cert = sp_make_cert(
        &(struct sp_recipe){ .serial = 4,
                             .issuer = ca,
                             .again = { "crlDistributionPoints", "DER:30173015" ROOT_NAME } });
    facts = sp_facts_new(cert);
    asked = (struct sp_asked){ facts, sp_x509_is_signed_by, cert };
    ck_assert(sp_revocation_find(crls.place, &asked, SP_NOW, SP_WANTS_ANSWER, &found));
    ck_assert_int_eq(found.state, SP_REVOCATION_DAMAGED);
    ck_assert_msg(strncmp(found.why, paths[0], strlen(paths[0])) == 0, "%s", found.why);
    sp_revocation_clear(&found);
    sp_facts_free(facts);
    X509_free(cert);
    X509_free(ca);
    for (int i = 0; i < 2; i++)
        OPENSSL_free(paths[i]);
}
END_TEST

static bool see_others(const struct sp_crl_file *file, void *data)
{
    const uint64_t *others = data;

    ck_assert_uint_eq(file->about.scope, SP_CRL_INDIRECT);
    ck_assert_ptr_nonnull(file->about.others);
    ck_assert_mem_eq(file->about.others, others, sizeof(file->others));
    return true;
}

START_TEST(listed)
{
    X509 *ca = other_ca();
    uint64_t others[SP_CRL_MOST_OTHERS] = { 17 };
    char *why;

    store_indirect(ca, others, 0, NULL);
    ck_assert(sp_crl_files_each(crls.place, see_others, others, &why));
    X509_free(ca);
}
END_TEST

static Suite *indirect_suite(void)
{
    Suite *suite = suite_create("crl_indirect");
    TCase *tcase = tcase_create("answers");

    tcase_add_checked_fixture(tcase, sp_crls_set_up, sp_crls_tear_down);
    tcase_add_checked_fixture(tcase, NULL, sp_crls_expect_closed);
    tcase_add_loop_test(tcase, who_names_it, 0, SP_ROWS(points));
    tcase_add_loop_test(tcase, whose_issuer_is_known, 0, SP_ROWS(known));
    tcase_add_test(tcase, its_own);
    tcase_add_loop_test(tcase, part, 0, 2);
    tcase_add_test(tcase, direct);
    tcase_add_test(tcase, two_faults);
    tcase_add_test(tcase, listed);
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    return sp_run(indirect_suite());
}
