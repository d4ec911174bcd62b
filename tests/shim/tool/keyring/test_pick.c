/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Which certificates of the keyring a word of the command line names.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "capture.h"
#include "keyrings.h"
#include "tool/keyring/stored_entry.h"

static char *place;
static struct sp_keyring *keyring;
static struct shim shim;

#define ONE   "aabbccdd11111111111111111111111111111111111111111111111111111111"
#define TWO   "aabbccdd22222222222222222222222222222222222222222222222222222222"
#define THREE "0011223333333333333333333333333333333333333333333333333333333333"

/* Bob has two, whose fingerprints begin alike. */
static void set_up(void)
{
    static const struct {
        const char *subject, *san, *fingerprint;
    } rows[] = { { "Bob", "email:bob@example.org", ONE },
                 { "Bob", "email:bob@example.org,email:rob@example.org", TWO },
                 { "Carol", "email:carol@xn--bcher-kva.example", THREE } };

    place = sp_make_place();
    keyring = sp_must_open(place, SP_KEYRING_WRITE);
    for (int i = 0; i < SP_ROWS(rows); i++) {
        X509 *cert = sp_make_contact(i + 1, rows[i].subject, rows[i].san, NULL);
        char sql[200];

        sp_store(keyring, cert, SP_ROLE_CONTACT);
        snprintf(sql, sizeof(sql), "UPDATE certificate SET fingerprint = x'%s' WHERE id = %d",
                 rows[i].fingerprint, i + 1);
        sp_run_sql(place, SP_CERTIFICATES, sql);
        X509_free(cert);
    }
    shim = (struct shim){ .settings = smimepolicy_settings_new(), .keyring_path = place };
}

static void tear_down(void)
{
    smimepolicy_settings_free(shim.settings);
    sp_keyring_close(keyring);
    sp_remove_place(place);
}

/* A word, and the numbers of those that it names. */
static const struct {
    const char *word;
    int code;
    const char *named;
    const char *said;
} words[] = {
    { "bob@example.org", SHIM_OK, "12", NULL },
    { "BOB@Example.ORG", SHIM_OK, "12", NULL },
    { "Bob <bob@example.org>", SHIM_OK, "12", NULL },
    { "rob@example.org", SHIM_OK, "2", NULL },
    { "carol@XN--bcher-kva.example", SHIM_OK, "3", NULL },
    { "@example.org", SHIM_INPUT, "", "no certificate in the keyring" },
    { "dave@example.org", SHIM_INPUT, "", "is found by dave@example.org; 'smime-policy list'" },
    { "bob@example.org, carol@xn--bcher-kva.example", SHIM_INPUT, "", "no certificate in" },
    { "bob@example.org\xff", SHIM_USAGE, "", "not an address, or one that may be read as another" },

    { TWO, SHIM_OK, "2", NULL },
    { "AABBCCDD22", SHIM_OK, "2", NULL },
    { "aa:bb:cc:dd:1", SHIM_OK, "1", NULL },
    { "00112233", SHIM_OK, "3", NULL },
    { "0011223", SHIM_USAGE, "", "0011223: neither an address nor a fingerprint" },
    { "00:11:22:3", SHIM_USAGE, "", "at least the first 8" },
    { "0011223g", SHIM_USAGE, "", "neither an address nor a fingerprint" },
    { TWO "2", SHIM_USAGE, "", "neither an address nor a fingerprint" },
    { "", SHIM_USAGE, "", "neither an address nor a fingerprint" },
    { "aabbccdd33", SHIM_INPUT, "", "is found by aabbccdd33" },
    { "aabbccdd", SHIM_USAGE, "",
      "several certificates begin like this; give more digits:\n"
      "  aabbccdd1111" },
};

static void expect_picks(const struct shim_picks *picks, const char *named)
{
    ck_assert_uint_eq(picks->count, strlen(named));
    for (size_t i = 0; i < picks->count; i++)
        ck_assert_int_eq(picks->each[i][4] & 0x0f, named[i] - '0');
}

START_TEST(words_name_certificates)
{
    struct shim_picks picks = { 0 };
    size_t found = 99;

    sp_capture_begin(STDERR_FILENO);
    ck_assert_int_eq(shim_pick(&shim, keyring, words[_i].word, &picks, &found), words[_i].code);
    sp_expect_captured(STDERR_FILENO, words[_i].said);
    expect_picks(&picks, words[_i].named);
    if (words[_i].code == SHIM_OK)
        ck_assert_uint_eq(found, picks.count);
    shim_picks_clear(&picks);
}
END_TEST

static int count_entry(const struct shim_entry *entry, void *data)
{
    ck_assert_int_eq(entry->record.role, SP_ROLE_CONTACT);
    ++*(int *)data;
    return SHIM_OK;
}

static int stop(const struct shim_entry *entry, void *data)
{
    (void)count_entry(entry, data);
    return SHIM_REFUSED;
}

/* Each once, however often it is named; one that is gone by then is passed over. */
START_TEST(each_is_taken_once)
{
    struct shim_picks picks = { 0 };
    size_t found;
    int count = 0;

    ck_assert_int_eq(shim_pick(&shim, keyring, "rob@example.org", &picks, &found), SHIM_OK);
    ck_assert_int_eq(shim_pick(&shim, keyring, "bob@example.org", &picks, &found), SHIM_OK);
    ck_assert_uint_eq(found, 2);
    expect_picks(&picks, "21");
    ck_assert_int_eq(shim_picks_each(&shim, keyring, &picks, SP_NOW, count_entry, &count), SHIM_OK);
    ck_assert_int_eq(count, 2);
    ck_assert_int_eq(shim_picks_each(&shim, keyring, &picks, SP_NOW, stop, &count), SHIM_REFUSED);
    ck_assert_int_eq(count, 3);

    sp_run_sql(place, SP_CERTIFICATES, "DELETE FROM certificate WHERE id = 2");
    ck_assert_int_eq(shim_picks_each(&shim, keyring, &picks, SP_NOW, count_entry, &count), SHIM_OK);
    ck_assert_int_eq(count, 4);
    shim_picks_clear(&picks);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("pick");
    TCase *tests = tcase_create("pick");

    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_loop_test(tests, words_name_certificates, 0, SP_ROWS(words));
    tcase_add_test(tests, each_is_taken_once);
    suite_add_tcase(suite, tests);
    return sp_run(suite);
}
