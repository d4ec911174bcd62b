/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The rules on a CRL that shall be stored: what it says, and what is stored before it.
 */
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "rules/crls/crl_rules.h"
#include "starve.h"
#include "verdicts.h"

#define DAY ((int64_t)86400)

/* A CRL of yesterday with the number 0x0102; the next one is due in a week. */
static struct sp_crl_facts good(void)
{
    return (struct sp_crl_facts){ .this_update = SP_NOW - DAY,
                                  .next_update = SP_NOW + 7 * DAY,
                                  .number = { true, { 1, 2 }, 2 } };
}

static struct sp_crl_before stored(void)
{
    return (struct sp_crl_before){ SP_NOW - DAY, SP_NOW + 7 * DAY, { true, { 1, 2 }, 2 } };
}

/* |expected|: a part of the reason; NULL: it may be stored. */
static void expect(const struct sp_crl_facts *crl, const struct sp_crl_before *before,
                   const char *expected)
{
    bool failed = true;
    char *why = sp_refuse_crl(crl, before, SP_NOW, &failed);

    ck_assert(!failed);
    if (expected == NULL)
        ck_assert_msg(why == NULL, "%s", why);
    else
        ck_assert_msg(why != NULL && strstr(why, expected) != NULL, "%s",
                      why != NULL ? why : "not refused");
    OPENSSL_free(why);
}

static void expect_note(const struct sp_crl_facts *crl, const char *expected)
{
    bool failed = true;
    char *note = sp_note_crl(crl, SP_NOW, &failed);

    ck_assert(!failed);
    if (expected == NULL)
        ck_assert_ptr_null(note);
    else
        ck_assert_msg(note != NULL && strstr(note, expected) != NULL, "%s",
                      note != NULL ? note : "no note");
    OPENSSL_free(note);
}

START_TEST(by_itself)
{
    struct sp_crl_facts crl = good();

    expect(&crl, NULL, NULL);
    expect_note(&crl, NULL);
    crl.has_critical = true;
    expect(&crl, NULL, "a critical extension that is not known here");
    crl = good();
    crl.indirect = true;
    expect(&crl, NULL, NULL);
    expect_note(&crl, "it is an indirect CRL");
    crl = good();
    crl.attributes_only = true;
    expect(&crl, NULL, "attribute certificates alone");
    crl = good();
    crl.users_only = true;
    expect(&crl, NULL, NULL);
    expect_note(&crl, NULL);
    crl.users_only = false;
    crl.cas_only = true;
    expect(&crl, NULL, NULL);
}
END_TEST

START_TEST(parts)
{
    struct sp_crl_facts crl = good();

    crl.some_reasons = true;
    expect(&crl, NULL, NULL);
    expect_note(&crl, "it covers a part");
    crl = good();
    crl.partition = true;
    expect(&crl, NULL, NULL);
    expect_note(&crl, "it covers a part");
    crl.has_uri = true;
    expect_note(&crl, "it covers the certificates that name its distribution point");
    crl.some_reasons = true;
    expect_note(&crl, "it covers a part");
    /* A point with a URI does not make it a part of one. */
    crl = good();
    crl.has_uri = true;
    expect_note(&crl, NULL);
}
END_TEST

START_TEST(dates)
{
    struct sp_crl_facts crl = good();

    crl.this_update = SP_NOW;
    expect(&crl, NULL, NULL);
    crl.this_update = SP_NOW + 1;
    expect(&crl, NULL, "it is issued on 2023-12-01T00:00:01Z");
    crl = good();
    crl.next_update = 0;
    expect(&crl, NULL, "does not say when the next one is issued");
    crl.next_update = crl.this_update;
    expect(&crl, NULL, NULL);
    crl.next_update = crl.this_update - 1;
    expect(&crl, NULL, "the next one is issued before it is");
    crl = good();
    crl.next_update = SP_NOW;
    expect_note(&crl, NULL);
    crl.next_update = SP_NOW - 1;
    expect(&crl, NULL, NULL);
    expect_note(&crl, "the next one was due on ");
    crl.partition = true;
    expect_note(&crl, "the next one was due on ");
}
END_TEST

/* What changes in the CRL against the stored one. */
static const struct {
    int number; /* 0: none, else the second byte; above 255 of three bytes, -1 of one */
    int64_t date, until;
    bool stored_has_none;
    enum sp_crl_age age;
} ages[] = {
    { 2, 0, 0, false, SP_CRL_SAME },    { 2, 0, 1, false, SP_CRL_NEWER },
    { 2, 0, -1, false, SP_CRL_SAME },   { 2, 1, 0, false, SP_CRL_NEWER },
    { 2, -1, 0, false, SP_CRL_OLDER },  { 1, 5, 9, false, SP_CRL_OLDER },
    { 3, -5, -9, false, SP_CRL_NEWER }, { 256, -5, 0, false, SP_CRL_NEWER },
    { 0, 0, 0, false, SP_CRL_SAME },    { 0, 1, 0, false, SP_CRL_NEWER },
    { 0, -1, 0, false, SP_CRL_OLDER },  { 1, 0, 0, true, SP_CRL_SAME },
    { 1, 1, 0, true, SP_CRL_NEWER },    { 255, -1, 0, true, SP_CRL_OLDER },
    { 0, 0, 0, true, SP_CRL_SAME },     { 0, -1, 0, true, SP_CRL_OLDER },
    { -1, 5, 9, false, SP_CRL_OLDER },
};

START_TEST(age)
{
    struct sp_crl_facts crl = good();
    struct sp_crl_before before = stored();
    const int number = ages[_i].number;

    crl.this_update += ages[_i].date;
    crl.next_update += ages[_i].until;
    crl.number = (struct sp_crl_number){ .given = number != 0,
                                         .length = number > 255 ? 3
                                                   : number < 0 ? 1
                                                                : 2 };
    crl.number.bytes[0] = 1;
    crl.number.bytes[1] = (unsigned char)number;
    if (ages[_i].stored_has_none)
        before.number = (struct sp_crl_number){ 0 };
    ck_assert_int_eq(sp_crl_age(&crl, &before), ages[_i].age);
    expect(&crl, &before,
           ages[_i].age == SP_CRL_OLDER ? "a newer one of its issuer is stored" : NULL);
    ck_assert_int_eq(sp_crl_age(&crl, NULL), SP_CRL_NEWER);
}
END_TEST

START_TEST(deltas)
{
    struct sp_crl_facts crl = good();
    struct sp_crl_before before = stored();

    crl.base = (struct sp_crl_number){ true, { 1, 2 }, 2 };
    crl.number.bytes[1] = 9;
    expect(&crl, &before, NULL);
    crl.base.bytes[1] = 1;
    expect(&crl, &before, NULL);
    crl.base.bytes[1] = 3;
    expect(&crl, &before, "continues a later CRL than the one stored");
    crl.base.bytes[1] = 2;
    crl.base.length = 3;
    expect(&crl, &before, "continues a later CRL than the one stored");
    crl.base.length = 2;
    expect(&crl, NULL, "the complete CRL that it continues is not stored");
    before.number.given = false;
    before.this_update -= 1;
    expect(&crl, &before, "the complete CRL that it continues is not stored");
    crl.number.given = false;
    before = stored();
    before.this_update -= 1;
    expect(&crl, &before, "a delta without a number of its own");
}
END_TEST

/* One that is refused, or noted, is not taken for a good one because memory runs out. */
enum { CRITICAL, FUTURE, OLDER, DELTA, STALE, PART, WHOLE };

static char *try(int which, bool *failed)
{
    struct sp_crl_facts crl = good();
    const struct sp_crl_before before = stored();

    crl.has_critical = which == CRITICAL;
    crl.this_update = which == FUTURE ? SP_NOW + 1 : which == OLDER ? 5 : crl.this_update;
    crl.next_update = which == STALE ? SP_NOW - 1 : crl.next_update;
    crl.number.given = which != OLDER && which != DELTA;
    crl.base.given = which == DELTA;
    crl.partition = which == PART;
    return which < STALE ? sp_refuse_crl(&crl, &before, SP_NOW, failed)
                         : sp_note_crl(&crl, SP_NOW, failed);
}

START_TEST(memory_runs_out)
{
    long number = 0;
    bool starved, failed;

    do {
        char *text;

        sp_starve(++number);
        text = try(_i, &failed);
        starved = sp_starve_end();
        ck_assert_int_eq(failed, starved);
        ck_assert_int_eq(text != NULL, !starved && _i != WHOLE);
        OPENSSL_free(text);
    } while (starved);
    ck_assert_int_gt(number, _i == WHOLE ? 0 : 1);
}
END_TEST

START_TEST(no_issuer)
{
    static const char *const texts[] = {
        [SP_CRL_ISSUER_ABSENT] = "its issuer is not stored as a ca",
        [SP_CRL_ISSUER_OTHER] = "its signature does not fit the key of its issuer",
        [SP_CRL_ISSUER_UNVOUCHED] = "no ca in the keyring vouches for its issuer",
        [SP_CRL_ISSUER_REVOKED] = "the certificate of its issuer is revoked",
    };

    for (int i = 0; i < SP_ROWS(texts); i++)
        ck_assert_ptr_nonnull(
            strstr(sp_refuse_crl_without_issuer((enum sp_crl_no_issuer)i), texts[i]));
}
END_TEST

static const struct {
    const char *basic, *usage, *again;
    const char *expected;
} issuers[] = {
    { "critical,CA:TRUE", "critical,keyCertSign,cRLSign", NULL, NULL },
    { "critical,CA:TRUE", "cRLSign", NULL, NULL },
    { "critical,CA:TRUE", NULL, NULL, NULL },
    { "critical,CA:TRUE", "keyCertSign", NULL, "lacks CRL Sign" },
    { "critical,CA:TRUE", "DER:0500", NULL, "lacks CRL Sign" },
    { "critical,CA:TRUE", "cRLSign", "cRLSign", "lacks CRL Sign" },
    { "CA:FALSE", "cRLSign", NULL, "is no CA's" },
    { NULL, "cRLSign", NULL, "is no CA's" },
};

START_TEST(issuer)
{
    const struct sp_recipe recipe = {
        .key = sp_test_ec(),
        .basic = issuers[_i].basic,
        .usage = issuers[_i].usage,
        .again = { issuers[_i].again != NULL ? "keyUsage" : NULL, issuers[_i].again },
    };
    X509 *cert = sp_make_cert(&recipe);
    struct sp_facts *facts = sp_facts_new(cert);
    const char *why = sp_refuse_crl_issuer(facts);

    if (issuers[_i].expected == NULL)
        ck_assert_msg(why == NULL, "%s", why);
    else
        ck_assert_msg(why != NULL && strstr(why, issuers[_i].expected) != NULL, "%s",
                      why != NULL ? why : "may sign");
    sp_facts_free(facts);
    X509_free(cert);
}
END_TEST

START_TEST(digest)
{
    static const char *const deny[] = { "weak_digest", "deny", NULL };
    static const char *const ignore[] = { "weak_digest", "ignore", NULL };
    static const char *const *const settings[] = { NULL, deny, ignore };
    static const char *const expected[] = { "warn:weak-digest", "deny:weak-digest", "" };
    X509_ALGOR *algorithm = X509_ALGOR_new();
    X509 *cert = sp_make_cert(&(struct sp_recipe){ .key = sp_test_ec() });
    struct sp_facts *facts = sp_facts_new(cert);

    ck_assert_int_eq(
        X509_ALGOR_set0(algorithm, OBJ_nid2obj(NID_ecdsa_with_SHA1), V_ASN1_UNDEF, NULL), 1);
    ck_assert_int_eq(sp_algorithm_digest(algorithm), NID_sha1);
    for (size_t i = 0; i < 3; i++) {
        smimepolicy_settings *made = sp_settings_of(settings[i]);

        sp_expect_verdict(sp_judge_crl_digest(NID_sha1, facts, made), expected[i]);
        sp_expect_verdict(sp_judge_crl_digest(NID_sha256, facts, made), "");
        smimepolicy_settings_free(made);
    }
    X509_ALGOR_free(algorithm);
    sp_facts_free(facts);
    X509_free(cert);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("CRLs");
    TCase *tests = tcase_create("rules");

    if (!sp_starve_watch())
        return EXIT_FAILURE;

    tcase_add_test(tests, by_itself);
    tcase_add_test(tests, parts);
    tcase_add_test(tests, dates);
    tcase_add_loop_test(tests, age, 0, SP_ROWS(ages));
    tcase_add_test(tests, deltas);
    tcase_add_loop_test(tests, memory_runs_out, 0, WHOLE + 1);
    tcase_add_test(tests, no_issuer);
    tcase_add_loop_test(tests, issuer, 0, SP_ROWS(issuers));
    tcase_add_test(tests, digest);
    suite_add_tcase(suite, tests);
    return sp_run(suite);
}
