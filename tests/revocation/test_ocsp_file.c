/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The answers of responders, as gates read them.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "crls.h"

static bool keep(int serial, int reason, int64_t at, char **why)
{
    const unsigned char octets[] = { (unsigned char)(serial >> 8), (unsigned char)serial };
    unsigned char key[SP_SHA256_LENGTH];
    const struct sp_crl_issuer issuer = { .key = key,
                                          .name = X509_get_subject_name(crls.issuer),
                                          .ski = (const unsigned char *)"\1\2\3\4",
                                          .ski_length = 4,
                                          .cert = crls.issuer };
    const struct sp_crl_entry answer = { octets, 2, at, reason, 0 };

    sp_key_name(crls.issuer, key);
    return sp_ocsp_keep(crls.place, &issuer, &answer, SP_NOW, why);
}

static void answered(int serial, int reason, int64_t at)
{
    char *why = NULL;

    ck_assert_msg(keep(serial, reason, at, &why), "%s", why);
    ck_assert_ptr_null(why);
}

static enum sp_revocation_state state_of(int serial, unsigned wants, const char *aki)
{
    X509 *cert =
        sp_issued(crls.issuer, NULL, serial, aki == NULL ? NULL : "authorityKeyIdentifier", aki);
    struct sp_facts *facts = sp_facts_new(cert);
    const struct sp_asked asked = { facts, sp_x509_is_signed_by, cert };
    struct sp_revocation found;
    enum sp_revocation_state state;

    ck_assert(sp_revocation_find(crls.place, &asked, SP_NOW, wants, &found));
    state = found.state;
    if (state == SP_REVOCATION_NONE)
        ck_assert(found.reason == -1 && found.next_update >= SP_NOW);
    sp_revocation_clear(&found);
    sp_facts_free(facts);
    X509_free(cert);
    return state;
}

static void expect(int serial, enum sp_revocation_state expected)
{
    const unsigned both = SP_WANTS_ANSWER | SP_WANTS_OCSP;

    ck_assert_int_eq(state_of(serial, both, "DER:3006800401020304"), expected);
    ck_assert_int_eq(state_of(serial, both, NULL), expected);
    ck_assert_int_eq(state_of(serial, SP_WANTS_ANSWER, NULL), SP_REVOCATION_UNKNOWN);
}

START_TEST(answers)
{
    expect(3, SP_REVOCATION_UNKNOWN);
    answered(3, SP_CRL_GOOD, SP_NOW + DAY);
    answered(4, 1, SP_NOW - DAY);
    answered(5, SP_CRL_GOOD, SP_NOW);
    answered(128, -1, SP_NOW - DAY);
    expect(3, SP_REVOCATION_NONE);
    expect(4, SP_REVOCATION_REVOKED);
    expect(5, SP_REVOCATION_NONE);
    expect(128, SP_REVOCATION_REVOKED);
    expect(6, SP_REVOCATION_UNKNOWN);
    /* The last one counts. */
    answered(3, 1, SP_NOW - DAY);
    answered(4, SP_CRL_GOOD, SP_NOW + DAY);
    answered(128, SP_CRL_UNKNOWN, 0);
    expect(3, SP_REVOCATION_REVOKED);
    expect(4, SP_REVOCATION_NONE);
    expect(128, SP_REVOCATION_UNKNOWN);
}
END_TEST

static bool count_entry(const struct sp_crl_entry *entry, void *data)
{
    (void)entry;
    ++*(int *)data;
    return true;
}

static int entries(void)
{
    char *path = sp_only_crl(), *why = NULL;
    int count = 0;

    ck_assert(sp_crl_file_entries(path, count_entry, &count, &why));
    free(path);
    return count;
}

/* What has ended says nothing, and goes when the next one comes. */
START_TEST(ended)
{
    answered(3, SP_CRL_GOOD, SP_NOW - 1);
    expect(3, SP_REVOCATION_UNKNOWN);
    ck_assert_int_eq(entries(), 1);
    answered(4, 1, SP_NOW - 9 * DAY);
    ck_assert_int_eq(entries(), 1);
    expect(4, SP_REVOCATION_REVOKED);
}
END_TEST

/* An answer about a serial number that begins as another one says nothing of that. */
START_TEST(beginning_of_another)
{
    answered(5, 1, SP_NOW - DAY);
    answered(0x501, SP_CRL_GOOD, SP_NOW + DAY);
    expect(5, SP_REVOCATION_REVOKED);
    expect(0x501, SP_REVOCATION_NONE);
    ck_assert_int_eq(entries(), 2);
}
END_TEST

/* So many good answers are kept, beside all that say revoked. */
#define MOST_ANSWERS 10000

START_TEST(too_many)
{
    unsigned char key[SP_SHA256_LENGTH];
    const struct sp_crl_issuer issuer = sp_issuer_with(crls.issuer, key);
    const struct sp_crl_about about = { .scope = SP_CRL_OCSP };
    struct sp_crl_writer *writer;
    char *why = NULL;

    writer = sp_crl_writer_new(crls.place, &issuer, &about, &why);
    ck_assert_ptr_nonnull(writer);
    for (int i = 0; i <= MOST_ANSWERS; i++) {
        const unsigned char octets[] = { 1, (unsigned char)(i >> 8), (unsigned char)i };
        const struct sp_crl_entry answer = { octets, 3, SP_NOW + DAY, SP_CRL_GOOD, 0 };

        ck_assert(sp_crl_writer_add(writer, &answer, &why));
    }
    ck_assert(sp_crl_writer_commit(writer, &why));
    sp_crl_writer_free(writer);
    answered(3, 1, SP_NOW - DAY);
    ck_assert_int_eq(entries(), MOST_ANSWERS + 1);
    answered(4, SP_CRL_GOOD, SP_NOW + DAY);
    expect(3, SP_REVOCATION_REVOKED);
    expect(4, SP_REVOCATION_NONE);
}
END_TEST

/* A certificate of another key of that name is not meant. */
START_TEST(another_key)
{
    const struct sp_recipe recipe = { .serial = 3,
                                      .issuer = crls.issuer,
                                      .issuer_key = crls.other };
    X509 *cert = sp_make_cert(&recipe);
    struct sp_facts *facts = sp_facts_new(cert);
    const struct sp_asked asked = { facts, sp_x509_is_signed_by, cert };
    struct sp_revocation found;

    answered(3, _i == 0 ? 1 : SP_CRL_GOOD, SP_NOW + DAY);
    ck_assert(
        sp_revocation_find(crls.place, &asked, SP_NOW, SP_WANTS_ANSWER | SP_WANTS_OCSP, &found));
    ck_assert_int_eq(found.state, SP_REVOCATION_UNKNOWN);
    sp_revocation_clear(&found);
    sp_facts_free(facts);
    X509_free(cert);
}
END_TEST

/* Whether it is of that key cannot be told: it counts against the certificate, and not for it. */
START_TEST(cannot_be_told)
{
    X509 *cert = sp_issued(crls.issuer, NULL, 3, NULL, NULL);
    struct sp_facts *facts = sp_facts_new(cert);
    const struct sp_asked asked = { facts, NULL, NULL };
    struct sp_revocation found;

    answered(3, _i == 0 ? 1 : SP_CRL_GOOD, SP_NOW + DAY);
    ck_assert(sp_revocation_find(crls.place, &asked, SP_NOW, SP_WANTS_OCSP, &found));
    ck_assert_int_eq(found.state, _i == 0 ? SP_REVOCATION_REVOKED : SP_REVOCATION_UNKNOWN);
    ck_assert_int_eq(found.reason, _i == 0 ? 1 : -1);
    ck_assert_int_eq(found.at, _i == 0 ? SP_NOW + DAY : 0);
    sp_revocation_clear(&found);
    sp_facts_free(facts);
    X509_free(cert);
}
END_TEST

START_TEST(damaged)
{
    char *path;
    FILE *file;

    answered(3, 1, SP_NOW - DAY);
    path = sp_only_crl();
    file = fopen(path, "r+");
    ck_assert(file != NULL && fseek(file, 5000, SEEK_SET) == 0 && fputc('x', file) == 'x');
    ck_assert_int_eq(fclose(file), 0);
    ck_assert_int_eq(state_of(3, SP_WANTS_OCSP, NULL), SP_REVOCATION_DAMAGED);
    ck_assert(truncate(path, 100) == 0);
    answered(4, 1, SP_NOW - DAY);
    expect(4, SP_REVOCATION_REVOKED);
    free(path);
}
END_TEST

/* Processes that keep answers at the same time lose none. */
START_TEST(at_the_same_time)
{
    enum { PROCESSES = 4, EACH = 12 };
    pid_t children[PROCESSES];
    int status;

    for (int i = 0; i < PROCESSES; i++) {
        children[i] = fork();
        if (children[i] == 0) {
            bool done = true;
            char *why = NULL;

            for (int serial = 1; serial <= EACH; serial++)
                done = keep(i * 100 + serial, SP_CRL_GOOD, SP_NOW + DAY, &why) && done;
            _exit(done ? 0 : 1);
        }
        ck_assert_int_gt(children[i], 0);
    }
    for (int i = 0; i < PROCESSES; i++)
        ck_assert(waitpid(children[i], &status, 0) == children[i] && status == 0);
    ck_assert_int_eq(entries(), PROCESSES * EACH);
}
END_TEST

/* Where no answer can be kept, it is said why. */
START_TEST(cannot_be_written)
{
    char path[128], *why = NULL;
    FILE *file;

    ck_assert_int_lt(snprintf(path, sizeof(path), "%s/crls", crls.place), (int)sizeof(path));
    file = fopen(path, "w");
    ck_assert(file != NULL && fclose(file) == 0);
    ck_assert(!keep(3, 1, SP_NOW, &why));
    ck_assert_ptr_nonnull(why);
    OPENSSL_free(why);
}
END_TEST

static Suite *ocsp_suite(void)
{
    Suite *suite = suite_create("ocsp_file");
    TCase *tcase = tcase_create("answers");

    tcase_add_checked_fixture(tcase, sp_crls_set_up, sp_crls_tear_down);
    tcase_add_checked_fixture(tcase, NULL, sp_crls_expect_closed);
    tcase_add_test(tcase, answers);
    tcase_add_test(tcase, ended);
    tcase_add_test(tcase, beginning_of_another);
    tcase_add_test(tcase, too_many);
    tcase_add_loop_test(tcase, another_key, 0, 2);
    tcase_add_loop_test(tcase, cannot_be_told, 0, 2);
    tcase_add_test(tcase, damaged);
    tcase_add_test(tcase, at_the_same_time);
    tcase_add_test(tcase, cannot_be_written);
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    return sp_run(ocsp_suite());
}
