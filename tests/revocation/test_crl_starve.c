/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Every allocation of ours fails once: whoever is revoked is never let pass, what is stored stays,
 * and nothing is lost.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/crypto.h>
#include <openssl/err.h>

#include "base/name_hash.h"
#include "crls.h"
#include "revocation/crl_form.h"
#include "rules/facts.h"
#include "starve.h"

static const int three[] = { 3, 0 }, four[] = { 4, 0 };
static X509 *plain, *unsure, *issuing, *delegating;
static struct sp_facts *plain_facts, *unsure_facts, *delegating_facts;
static smimepolicy_settings *settings;

static void set_up(void)
{
    sp_crls_set_up();
    plain = sp_issued(crls.issuer, NULL, 3, AKI("01020304"));
    unsure = sp_issued(crls.issuer, NULL, 3, NULL, NULL);
    plain_facts = sp_facts_new(plain);
    unsure_facts = sp_facts_new(unsure);
    issuing = sp_make_cert(&(struct sp_recipe){
        .serial = 2, .subject = "Issuing", .basic = "CA:TRUE", .key = sp_test_ec() });
    /* Its distribution point names the cRLIssuer CN=Root. */
    delegating = sp_issued(issuing, NULL, 4, "crlDistributionPoints",
                           "DER:30173015a213a411300f310d300b06035504030c04526f6f74");
    delegating_facts = sp_facts_new(delegating);
    settings = smimepolicy_settings_new();
    sp_revoke(crls.issuer, three);
}

static void tear_down(void)
{
    smimepolicy_settings_free(settings);
    sp_facts_free(plain_facts);
    sp_facts_free(unsure_facts);
    X509_free(plain);
    X509_free(unsure);
    sp_facts_free(delegating_facts);
    X509_free(delegating);
    X509_free(issuing);
    sp_crls_tear_down();
}

/* Was it found out that it is revoked?  If not, it is said that memory ran out. */
static bool is_found(const struct sp_facts *facts, const X509 *cert)
{
    const struct sp_asked asked = { facts, sp_x509_is_signed_by, cert };
    struct sp_revocation found;
    const bool done = sp_revocation_find(crls.place, &asked, SP_NOW, SP_WANTS_ANSWER, &found);

    if (done)
        ck_assert_int_eq(found.state, SP_REVOCATION_REVOKED);
    sp_revocation_clear(&found);
    return done;
}

static bool ask_plain(void)
{
    return is_found(plain_facts, plain);
}

static bool ask_unsure(void)
{
    return is_found(unsure_facts, unsure);
}

static bool judge(void)
{
    const struct sp_asked asked = { plain_facts, sp_x509_is_signed_by, plain };
    smimepolicy_verdict *verdict =
        sp_judge(plain_facts, SMIMEPOLICY_SIGN, SP_NOW, SP_WITH_VALIDITY, settings);
    bool done;

    verdict = sp_revocation_add(verdict, crls.place, &asked, SP_NOW, NULL, settings);
    done = verdict != NULL;
    ck_assert(!done || sp_says_revoked(verdict));
    smimepolicy_verdict_free(verdict);
    return done;
}

static bool evaluate(void)
{
    smimepolicy_verdict *verdict =
        smimepolicy_evaluate(settings, plain, NULL, SMIMEPOLICY_ENCRYPT, SP_NOW);
    const bool done = verdict != NULL;

    ck_assert(!done || sp_says_revoked(verdict));
    smimepolicy_verdict_free(verdict);
    return done;
}

static bool count(const struct sp_crl_file *file, void *data)
{
    ck_assert_ptr_null(file->damage);
    ++*(int *)data;
    return true;
}

static bool list_all(int wanted)
{
    int counted = 0;
    char *why = NULL;
    const bool done = sp_crl_files_each(crls.place, count, &counted, &why);

    ck_assert(!done || counted == wanted);
    OPENSSL_free(why);
    return done;
}

static bool list(void)
{
    return list_all(1);
}

/* A CRL and the answers of OCSP, in one folder. */
static bool list_two(void)
{
    return list_all(2);
}

/* An answer of OCSP is kept beside those before it, or it is not. */
static bool keep_answer(void)
{
    static const unsigned char name[] = { 5 };
    const struct sp_crl_entry answer = { name, sizeof(name), SP_NOW + DAY, SP_CRL_GOOD, 0 };
    unsigned char key[SP_SHA256_LENGTH];
    const struct sp_crl_issuer issuer = sp_issuer_with(crls.issuer, key);
    char *why = NULL;
    const bool done = sp_ocsp_keep(crls.place, &issuer, &answer, SP_NOW, &why);

    ck_assert(!done || why == NULL);
    OPENSSL_free(why);
    return done;
}

/* So many answers are stored before that the memory for their copies grows. */
#define ANSWERS 400

static void store_answers(void)
{
    const struct sp_crl_about about = { .scope = SP_CRL_OCSP };
    unsigned char key[SP_SHA256_LENGTH];
    const struct sp_crl_issuer issuer = sp_issuer_with(crls.issuer, key);
    char *why = NULL;
    struct sp_crl_writer *writer = sp_crl_writer_new(crls.place, &issuer, &about, &why);

    for (int i = 0; i < ANSWERS; i++) {
        const unsigned char octets[] = { 1, (unsigned char)(i >> 8), (unsigned char)i };
        const struct sp_crl_entry answer = { octets, 3, SP_NOW + DAY, SP_CRL_GOOD, 0 };

        ck_assert(sp_crl_writer_add(writer, &answer, &why));
    }
    ck_assert(sp_crl_writer_commit(writer, &why));
    sp_crl_writer_free(writer);
}

static uint64_t count_answers(void)
{
    const struct sp_crl_about about = { .scope = SP_CRL_OCSP };
    unsigned char key[SP_SHA256_LENGTH];
    const struct sp_crl_issuer issuer = sp_issuer_with(crls.issuer, key);
    struct sp_crl_file file;
    char *why;
    uint64_t count;

    ck_assert_int_eq(sp_crl_file_read(crls.place, &issuer, &about, &file, &why), 1);
    count = file.count;
    sp_crl_file_clear(&file);
    return count;
}

/* Either the new CRL is there or the old one. */
static bool store(void)
{
    static const unsigned char name[] = { 0, 4 };
    const struct sp_crl_entry entry = { name, sizeof(name), SP_NOW - 2 * DAY, 4, 0 };
    unsigned char key[SP_SHA256_LENGTH];
    const struct sp_crl_issuer issuer = sp_issuer_with(crls.issuer, key);
    const struct sp_crl_about about = sp_today();
    char *why = NULL;
    struct sp_crl_writer *writer;
    bool done;

    writer = sp_crl_writer_new(crls.place, &issuer, &about, &why);
    done = writer != NULL && sp_crl_writer_add(writer, &entry, &why) &&
           sp_crl_writer_commit(writer, &why);
    ck_assert_pstr_eq(why, NULL);
    sp_crl_writer_free(writer);
    return done;
}

/* Others can write the folders of both issuers that |delegating| has. */
static void close_folders(void)
{
    const struct sp_crl_about about = sp_today();
    X509 *const issuers[] = { crls.issuer, issuing };
    char folder[SP_CRL_FOLDER_NAME], path[256];

    for (int i = 0; i < 2; i++) {
        ck_assert(sp_store_crl(issuers[i], &about, three));
        sp_crl_folder_name(sp_name_hash(X509_get_subject_name(issuers[i])), folder);
        (void)snprintf(path, sizeof(path), "%s/crls/%s", crls.place, folder);
        ck_assert_int_eq(chmod(path, 0777), 0);
    }
}

/* That memory ran out for the one folder is not forgotten because of the other. */
static bool ask_closed(void)
{
    const struct sp_asked asked = { delegating_facts, sp_x509_is_signed_by, delegating };
    char folder[SP_CRL_FOLDER_NAME];
    struct sp_revocation found;
    const bool done = sp_revocation_find(crls.place, &asked, SP_NOW, SP_WANTS_ANSWER, &found);

    ck_assert_int_eq(found.state, SP_REVOCATION_DAMAGED);
    /* Of two faults the first one is told: that of its own issuer. */
    sp_crl_folder_name(delegating_facts->issuer_hash, folder);
    ck_assert(!done || strstr(found.why, folder) != NULL);
    sp_revocation_clear(&found);
    return done;
}

static bool count_closed(const struct sp_crl_file *file, void *data)
{
    ck_assert(file->path != NULL && file->damage != NULL);
    ++*(int *)data;
    return true;
}

static bool list_closed(void)
{
    int counted = 0;
    char *why = NULL;
    const bool done = sp_crl_files_each(crls.place, count_closed, &counted, &why);

    ck_assert(!done || counted == 2);
    OPENSSL_free(why);
    return done;
}

static const struct {
    bool (*run)(void);
    int at_least; /* allocations of ours */
} cases[] = { { ask_plain, 10 }, { ask_unsure, 11 }, { judge, 20 }, { evaluate, 20 },
              { list, 15 },      { list_two, 20 },   { store, 10 }, { keep_answer, 10 },
              { ask_closed, 5 }, { list_closed, 5 } };

START_TEST(every_allocation_fails_once)
{
    long fails = 0, before;
    bool done, starved;

    smimepolicy_settings_set(settings, "keyring", crls.place, NULL);
    if (cases[_i].run == keep_answer || cases[_i].run == list_two)
        store_answers();
    if (cases[_i].run == ask_closed || cases[_i].run == list_closed)
        close_folders();
    do {
        before = sp_starve_kept();
        sp_starve(++fails);
        done = cases[_i].run();
        starved = sp_starve_end();
        ERR_clear_error();
        ck_assert_msg(starved || done, "it fails with all the memory");
        ck_assert_msg(sp_starve_kept() <= before + 8, "%ld blocks are lost when %ld fails",
                      sp_starve_kept() - before, fails);
        if (cases[_i].run == keep_answer)
            ck_assert_uint_eq(count_answers(), done ? ANSWERS + 1 : ANSWERS);
        if (cases[_i].run == store) {
            sp_expect_answer(plain, done ? "none" : "revoked 3");
            sp_revoke(crls.issuer, done ? four : three);
            sp_revoke(crls.issuer, three);
        }
    } while (starved);
    ck_assert_int_gt(fails, cases[_i].at_least);
}
END_TEST

/* A keyring gets its first CRL, and loses it: each time as much memory is used as before. */
START_TEST(first_crl)
{
    long kept = 0;

    for (int i = 0; i < 4; i++) {
        char *path = sp_only_crl(), *why;

        ck_assert(sp_crl_file_remove(path, &why));
        for (int level = 0; level < 2; level++)
            *strrchr(path, '/') = '\0';
        ck_assert_int_eq(rmdir(path), 0);
        free(path);
        sp_revoke(crls.issuer, three);
        if (i == 1)
            kept = sp_starve_kept();
    }
    ck_assert_int_eq(sp_starve_kept(), kept);
}
END_TEST

static Suite *starve_suite(void)
{
    Suite *suite = suite_create("crl_starve");
    TCase *tcase = tcase_create("memory");

    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_checked_fixture(tcase, NULL, sp_crls_expect_closed);
    tcase_set_timeout(tcase, 120);
    tcase_add_loop_test(tcase, every_allocation_fails_once, 0, SP_ROWS(cases));
    tcase_add_test(tcase, first_crl);
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    if (!sp_starve_watch())
        return EXIT_FAILURE;
    return sp_run(starve_suite());
}
