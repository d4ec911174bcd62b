/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * What is asked for, by the settings and by the command, and what a mark of an issuer says.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/err.h>

#include "base/text.h"
#include "crls.h"
#include "rules/facts.h"

static const int three[] = { 3, 0 };
static X509 *revoked, *good, *plain;
static smimepolicy_settings *settings;

/* What the command finds elsewhere. */
static struct {
    bool done;
    int calls;
    const X509 *cert;
    enum sp_revocation_state before, after;
} elsewhere;

static void set_up(void)
{
    memset(&elsewhere, 0, sizeof(elsewhere));
    sp_crls_set_up();
    revoked = sp_issued(crls.issuer, NULL, 3, AKI("01020304"));
    good = sp_issued(crls.issuer, NULL, 4, AKI("01020304"));
    plain = sp_issued(crls.issuer, NULL, 3, NULL, NULL);
    settings = smimepolicy_settings_new();
    sp_revoke(crls.issuer, three);
}

static void tear_down(void)
{
    sp_revocation_ask_also(NULL);
    smimepolicy_settings_free(settings);
    X509_free(revoked);
    X509_free(good);
    X509_free(plain);
    sp_crls_tear_down();
}

static void set(const char *key, const char *value)
{
    ck_assert(smimepolicy_settings_set(settings, key, value, NULL));
}

static enum sp_revocation_state find(X509 *cert, unsigned wants)
{
    struct sp_facts *facts = sp_facts_new(cert);
    const struct sp_asked asked = { facts, sp_x509_is_signed_by, cert };
    struct sp_revocation found;
    enum sp_revocation_state state;

    ck_assert(sp_revocation_find(crls.place, &asked, SP_NOW, wants, &found));
    state = found.state;
    sp_revocation_clear(&found);
    sp_facts_free(facts);
    return state;
}

/* Who wants no answer is told of those that are revoked alone. */
START_TEST(wants)
{
    ck_assert_int_eq(find(revoked, 0), SP_REVOCATION_REVOKED);
    ck_assert_int_eq(find(good, 0), SP_REVOCATION_UNKNOWN);
    ck_assert_int_eq(find(good, SP_WANTS_OCSP), SP_REVOCATION_UNKNOWN);
    ck_assert_int_eq(find(good, SP_WANTS_ANSWER), SP_REVOCATION_NONE);
}
END_TEST

START_TEST(without_a_keyring)
{
    struct sp_facts *facts = sp_facts_new(revoked);
    const struct sp_asked asked = { facts, sp_x509_is_signed_by, revoked };
    struct sp_revocation found = { .state = SP_REVOCATION_STALE };

    ck_assert(sp_revocation_find(NULL, &asked, SP_NOW, SP_WANTS_ANSWER, &found));
    ck_assert_int_eq(found.state, SP_REVOCATION_UNKNOWN);
    ck_assert_int_eq(found.reason, -1);
    sp_facts_free(facts);
}
END_TEST

/* What it cannot be looked for by is a fault, where anything is stored. */
START_TEST(without_a_name)
{
    struct sp_facts *facts = sp_facts_new(good);
    const struct sp_asked asked = { facts, sp_x509_is_signed_by, good };
    struct sp_revocation found;

    if (_i == 0)
        facts->issuer_hash = 0;
    else
        facts->serial_length = 0;
    ck_assert(sp_revocation_find(crls.place, &asked, SP_NOW, SP_WANTS_ANSWER, &found));
    ck_assert_int_eq(found.state, SP_REVOCATION_DAMAGED);
    ck_assert_str_eq(found.why, "the name of the certificate's issuer cannot be read; use another "
                                "certificate");
    sp_revocation_clear(&found);
    sp_facts_free(facts);
}
END_TEST

static int signed_by_none(const unsigned char *issuer, size_t length, const void *data)
{
    ck_assert_ptr_nonnull(issuer);
    ck_assert_uint_gt(length, 0);
    return *(const int *)data;
}

/* What the signature says of the key, where no key identifier does; with the DER of the issuer. */
static const struct {
    int is;
    enum sp_revocation_state state;
} signatures[] = { { 1, SP_REVOCATION_REVOKED },
                   { -1, SP_REVOCATION_REVOKED },
                   { 0, SP_REVOCATION_UNKNOWN } };

START_TEST(by_the_signature)
{
    struct sp_facts *facts = sp_facts_new(plain);
    const struct sp_asked asked = { facts, signed_by_none, &signatures[_i].is };
    struct sp_revocation found;

    ck_assert(sp_revocation_find(crls.place, &asked, SP_NOW, SP_WANTS_ANSWER, &found));
    ck_assert_int_eq(found.state, signatures[_i].state);
    sp_revocation_clear(&found);
    sp_facts_free(facts);
}
END_TEST

/* Behind the pages is the certificate of the issuer.  If that is damaged nothing is told by it. */
START_TEST(damaged_issuer)
{
    static const int no = 0;
    struct sp_facts *facts = sp_facts_new(plain);
    const struct sp_asked asked = { facts, signed_by_none, &no };
    struct sp_revocation found;
    char *path = sp_only_crl();
    FILE *file = fopen(path, "r+");

    ck_assert(file != NULL && fseek(file, -1, SEEK_END) == 0 && fputc('x', file) == 'x');
    ck_assert_int_eq(fclose(file), 0);
    ck_assert(sp_revocation_find(crls.place, &asked, SP_NOW, SP_WANTS_ANSWER, &found));
    ck_assert_int_eq(found.state, SP_REVOCATION_REVOKED);
    sp_revocation_clear(&found);
    sp_facts_free(facts);
    free(path);
}
END_TEST

/* Of a signature whose algorithm nobody knows it cannot be told whose it is. */
START_TEST(unknown_algorithm)
{
    static const unsigned char known[] = { 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2 };
    unsigned char *der = NULL, *issuer = NULL, *found;
    const int length = i2d_X509(good, &der), issuer_length = i2d_X509(crls.issuer, &issuer);
    const unsigned char *at = der;
    X509 *cert;

    ck_assert(length > 0 && issuer_length > 0);
    ck_assert_int_eq(sp_x509_is_signed_by(issuer, (size_t)issuer_length, good), 1);
    for (int i = 0; i < 2; i++) {
        found = memmem(der, (size_t)length, known, sizeof(known));
        ck_assert_ptr_nonnull(found);
        found[sizeof(known) - 1] = 99;
    }
    cert = d2i_X509(NULL, &at, length);
    ck_assert_int_eq(sp_x509_is_signed_by(issuer, (size_t)issuer_length, cert), -1);
    ck_assert_uint_eq(ERR_peek_error(), 0);
    X509_free(cert);
    OPENSSL_free(issuer);
    OPENSSL_free(der);
}
END_TEST

/* A mark in the folder of |issuer|, which says since when it is revoked, and why. */
static void mark(X509 *issuer, int64_t at)
{
    static const unsigned char zero[] = { 0 };
    unsigned char key[SP_SHA256_LENGTH];
    const struct sp_crl_issuer about_it = sp_issuer_with(issuer, key);
    const struct sp_crl_about about = { .scope = SP_CRL_ISSUER };
    const struct sp_crl_entry entry = { zero, sizeof(zero), at, 5, 0 };
    struct sp_crl_writer *writer;
    char *why;

    writer = sp_crl_writer_new(crls.place, &about_it, &about, &why);
    ck_assert(writer != NULL && sp_crl_writer_add(writer, &entry, &why) &&
              sp_crl_writer_commit(writer, &why));
    sp_crl_writer_free(writer);
}

static struct sp_revocation found_with(X509 *cert, sp_has_signed_fn *has_signed)
{
    struct sp_facts *facts = sp_facts_new(cert);
    const struct sp_asked asked = { facts, has_signed, cert };
    struct sp_revocation found;

    ck_assert(sp_revocation_find(crls.place, &asked, SP_NOW, SP_WANTS_ANSWER, &found));
    sp_facts_free(facts);
    return found;
}

/* It says that of all which this key has issued, and of nothing else; no answer goes with it. */
START_TEST(marked_issuer)
{
    const struct sp_recipe recipe = {
        .serial = 2, .subject = "Root", .basic = "CA:TRUE", .key = crls.other
    };
    X509 *twin = sp_make_cert(&recipe), *of_twin = sp_issued(twin, crls.other, 4, NULL, NULL);
    struct sp_revocation found = found_with(good, sp_x509_is_signed_by);

    ck_assert(!found.above.is);
    mark(crls.issuer, SP_NOW - 3 * DAY);
    found = found_with(good, sp_x509_is_signed_by);
    ck_assert_int_eq(found.state, SP_REVOCATION_NONE);
    ck_assert(found.above.is);
    ck_assert_int_eq(found.above.at, SP_NOW - 3 * DAY);
    ck_assert_int_eq(found.above.reason, 5);
    /* A certificate of the twin's; where that cannot be told it counts against it. */
    ck_assert(!found_with(of_twin, sp_x509_is_signed_by).above.is);
    ck_assert(found_with(of_twin, NULL).above.is);
    X509_free(of_twin);
    X509_free(twin);
}
END_TEST

static bool ask_also(const X509 *cert, struct sp_revocation *found)
{
    elsewhere.calls++;
    elsewhere.cert = cert;
    elsewhere.before = found->state;
    found->above = (struct sp_revoked_above){ 0 };
    found->state = elsewhere.after;
    return elsewhere.done;
}

static bool find_for(X509 *cert, sp_has_signed_fn *has_signed, struct sp_revocation *found)
{
    struct sp_facts *facts = sp_facts_new(cert);
    const struct sp_asked asked = { facts, has_signed, cert };
    const bool done = sp_revocation_find_for(crls.place, &asked, SP_NOW, settings, found);

    sp_facts_free(facts);
    return done;
}

START_TEST(asked_elsewhere)
{
    struct sp_revocation found;

    set("revocation", "hard");
    mark(crls.issuer, SP_NOW);
    elsewhere.done = true;
    elsewhere.after = SP_REVOCATION_STALE;
    sp_revocation_ask_also(ask_also);
    ck_assert(find_for(good, sp_x509_is_signed_by, &found));
    ck_assert_int_eq(elsewhere.calls, 1);
    ck_assert_ptr_eq(elsewhere.cert, good);
    ck_assert_int_eq(elsewhere.before, SP_REVOCATION_NONE);
    ck_assert_int_eq(found.state, SP_REVOCATION_STALE);
    /* What is known of the issuer stays. */
    ck_assert(found.above.is);
    /* Not where a CRL names it, where the data are no X509, or where nothing is asked. */
    ck_assert(find_for(revoked, sp_x509_is_signed_by, &found));
    ck_assert_int_eq(found.state, SP_REVOCATION_REVOKED);
    ck_assert(find_for(good, signed_by_none, &found));
    ck_assert_int_eq(found.state, SP_REVOCATION_NONE);
    set("revocation", "off");
    ck_assert(find_for(revoked, sp_x509_is_signed_by, &found));
    ck_assert_int_eq(found.state, SP_REVOCATION_NONE);
    ck_assert_int_eq(found.reason, -1);
    ck_assert_int_eq(elsewhere.calls, 1);
    set("revocation", "soft");
    elsewhere.done = false;
    ck_assert(!find_for(good, sp_x509_is_signed_by, &found));
    ck_assert_int_eq(elsewhere.calls, 2);
    ck_assert_int_eq(elsewhere.before, SP_REVOCATION_UNKNOWN);
}
END_TEST

/* Nor where what is stored is damaged. */
START_TEST(not_asked_elsewhere)
{
    struct sp_revocation found;
    char *path = sp_only_crl();

    elsewhere.done = true;
    sp_revocation_ask_also(ask_also);
    ck_assert_int_eq(truncate(path, 0), 0);
    ck_assert(find_for(good, sp_x509_is_signed_by, &found));
    ck_assert_int_eq(found.state, SP_REVOCATION_DAMAGED);
    ck_assert_int_eq(elsewhere.calls, 0);
    sp_revocation_clear(&found);
    free(path);
}
END_TEST

/* What is asked for without the command: answers of responders, where the settings ask for them. */
START_TEST(answers_of_responders)
{
    static const unsigned char four[] = { 4 };
    const struct sp_crl_entry answer = { four, sizeof(four), SP_NOW, 1, 0 };
    unsigned char key[SP_SHA256_LENGTH];
    const struct sp_crl_issuer issuer = sp_issuer_with(crls.issuer, key);
    struct sp_revocation found;
    char *why;

    ck_assert(sp_ocsp_keep(crls.place, &issuer, &answer, SP_NOW, &why));
    ck_assert(find_for(good, sp_x509_is_signed_by, &found));
    ck_assert_int_eq(found.state, SP_REVOCATION_UNKNOWN);
    set("revocation", "hard");
    ck_assert(find_for(good, sp_x509_is_signed_by, &found));
    ck_assert_int_eq(found.state, SP_REVOCATION_NONE);
    set("ocsp", "on");
    ck_assert(find_for(good, sp_x509_is_signed_by, &found));
    ck_assert_int_eq(found.state, SP_REVOCATION_REVOKED);
    /* The command asks them itself. */
    elsewhere.done = true;
    elsewhere.after = SP_REVOCATION_NONE;
    sp_revocation_ask_also(ask_also);
    ck_assert(find_for(good, sp_x509_is_signed_by, &found));
    ck_assert_int_eq(elsewhere.before, SP_REVOCATION_NONE);
}
END_TEST

static bool is_anchor(const void *data)
{
    elsewhere.calls++;
    return *(const bool *)data;
}

enum who { REVOKED, GOOD, UNKNOWN, ITSELF };

/* An issuer on a path: whether it is asked if it is an anchor, and what is said of it. */
static const struct {
    const char *revocation;
    enum who who;
    bool anchor;
    int calls;
    const char *expected;
} issuers[] = {
    { "hard", REVOKED, true, 0, "deny:revoked" },
    { "hard", REVOKED, false, 0, "deny:revoked" },
    { "soft", REVOKED, true, 0, "deny:revoked" },
    { "off", REVOKED, false, 0, "" },
    { "hard", GOOD, false, 0, "" },
    { "hard", UNKNOWN, false, 1, "deny:revocation-unknown" },
    { "hard", UNKNOWN, true, 1, "" },
    { "soft", UNKNOWN, false, 0, "" },
    { "hard", ITSELF, false, 0, "" },
};

START_TEST(issuer_on_a_path)
{
    const struct sp_recipe recipe = {
        .serial = 2, .subject = "Other", .basic = "CA:TRUE", .key = sp_test_ec()
    };
    X509 *other = sp_make_cert(&recipe), *unknown = sp_issued(other, NULL, 3, NULL, NULL);
    X509 *certs[] = { revoked, good, unknown, other };
    const X509 *cert = certs[issuers[_i].who];
    struct sp_facts *facts = sp_facts_new(cert);
    const struct sp_asked asked = { facts, sp_x509_is_signed_by, cert };

    set("revocation", issuers[_i].revocation);
    sp_expect_verdict(sp_revocation_judge_issuer(crls.place, &asked, is_anchor, &issuers[_i].anchor,
                                                 SMIMEPOLICY_VERIFY, SP_NOW, settings),
                      issuers[_i].expected);
    ck_assert_int_eq(elsewhere.calls, issuers[_i].calls);
    sp_facts_free(facts);
    X509_free(unknown);
    X509_free(other);
}
END_TEST

/* The findings are added to those that there are. */
static const struct {
    const char *revocation;
    enum who who;
    const char *expected;
} added[] = { { "soft", REVOKED, "deny:revoked" },
              { "off", REVOKED, "" },
              { "hard", GOOD, "" },
              { "hard", UNKNOWN, "deny:revocation-unknown" },
              { "soft", UNKNOWN, "" } };

START_TEST(added_to_a_verdict)
{
    const struct sp_recipe recipe = {
        .serial = 2, .subject = "Other", .basic = "CA:TRUE", .key = sp_test_ec()
    };
    X509 *other = sp_make_cert(&recipe), *unknown = sp_issued(other, NULL, 3, NULL, NULL);
    X509 *certs[] = { revoked, good, unknown };
    const X509 *cert = certs[added[_i].who];
    struct sp_facts *facts = sp_facts_new(cert);
    const struct sp_asked asked = { facts, sp_x509_is_signed_by, cert };
    static const struct sp_revocation nothing = { .state = SP_REVOCATION_NONE };

    set("revocation", added[_i].revocation);
    sp_expect_verdict(sp_revocation_add(sp_judge_revocation(facts, &nothing, SMIMEPOLICY_VERIFY,
                                                            SP_NOW, NULL, settings),
                                        crls.place, &asked, SP_NOW, NULL, settings),
                      added[_i].expected);
    sp_expect_verdict(
        sp_revocation_judge(crls.place, &asked, SMIMEPOLICY_VERIFY, SP_NOW, NULL, settings),
        added[_i].expected);
    ck_assert_ptr_null(sp_revocation_add(NULL, crls.place, &asked, SP_NOW, NULL, settings));
    sp_facts_free(facts);
    X509_free(unknown);
    X509_free(other);
}
END_TEST

/* If memory runs out while it is asked elsewhere there is no verdict. */
START_TEST(no_verdict)
{
    struct sp_facts *facts = sp_facts_new(good);
    const struct sp_asked asked = { facts, sp_x509_is_signed_by, good };
    static const struct sp_revocation nothing = { .state = SP_REVOCATION_NONE };
    static const bool no = false;

    sp_revocation_ask_also(ask_also);
    ck_assert_ptr_null(
        sp_revocation_judge(crls.place, &asked, SMIMEPOLICY_SIGN, SP_NOW, NULL, settings));
    ck_assert_ptr_null(sp_revocation_judge_issuer(crls.place, &asked, is_anchor, &no,
                                                  SMIMEPOLICY_SIGN, SP_NOW, settings));
    ck_assert_ptr_null(sp_revocation_add(
        sp_judge_revocation(facts, &nothing, SMIMEPOLICY_SIGN, SP_NOW, NULL, settings), crls.place,
        &asked, SP_NOW, NULL, settings));
    ck_assert_int_eq(elsewhere.calls, 3);
    sp_facts_free(facts);
}
END_TEST

START_TEST(signatures_of_keys)
{
    const struct sp_recipe of_rsa = { .serial = 2, .subject = "Root", .key = sp_test_rsa() };
    const struct sp_recipe of_other = { .serial = 2, .subject = "Root", .key = crls.other };
    X509 *rsa = sp_make_cert(&of_rsa), *other = sp_make_cert(&of_other), *keyless = X509_new();
    static const unsigned char no_der[] = { 0x30 };

    ck_assert_int_eq(sp_is_signed_by(plain, crls.issuer), 1);
    ck_assert_int_eq(sp_is_signed_by(plain, other), 0);
    ck_assert_int_eq(sp_is_signed_by(plain, rsa), 0);
    ck_assert_int_eq(sp_is_signed_by(plain, keyless), -1);
    ERR_clear_error();
    ck_assert_int_eq(sp_x509_is_signed_by(no_der, sizeof(no_der), plain), -1);
    ck_assert_uint_eq(ERR_peek_error(), 0);
    X509_free(rsa);
    X509_free(other);
    X509_free(keyless);
}
END_TEST

static Suite *judged_suite(void)
{
    Suite *suite = suite_create("crl_judged");
    TCase *tcase = tcase_create("judged");

    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_checked_fixture(tcase, NULL, sp_crls_expect_closed);
    tcase_add_test(tcase, wants);
    tcase_add_test(tcase, without_a_keyring);
    tcase_add_loop_test(tcase, without_a_name, 0, 2);
    tcase_add_loop_test(tcase, by_the_signature, 0, SP_ROWS(signatures));
    tcase_add_test(tcase, damaged_issuer);
    tcase_add_test(tcase, unknown_algorithm);
    tcase_add_test(tcase, marked_issuer);
    tcase_add_test(tcase, asked_elsewhere);
    tcase_add_test(tcase, not_asked_elsewhere);
    tcase_add_test(tcase, answers_of_responders);
    tcase_add_loop_test(tcase, issuer_on_a_path, 0, SP_ROWS(issuers));
    tcase_add_loop_test(tcase, added_to_a_verdict, 0, SP_ROWS(added));
    tcase_add_test(tcase, no_verdict);
    tcase_add_test(tcase, signatures_of_keys);
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    return sp_run(judged_suite());
}
