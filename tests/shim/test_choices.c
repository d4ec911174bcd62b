/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The choice among several certificates of one address, and what is told of it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "capture.h"
#include "common/shim.h"
#include "keyrings.h"
#include "tool/keyring/choices.h"

#define DAY ((time_t)24 * 60 * 60)

/* Certificates of Bob, by their serial numbers. */
static const struct sp_recipe recipes[] = {
    { .serial = 1 },
    { .serial = 2, .not_after = "20250731142028Z" },
    { .serial = 3, .not_after = "20231130000000Z" },
    { .serial = 4, .not_after = "20260731142028Z", .usage = "digitalSignature" },
    { .serial = 5, .san = "email:rob@example.org" },
};

static char *place;
static struct sp_keyring *keyring;
static smimepolicy_settings *settings;

static void set_up(void)
{
    place = sp_make_place();
    keyring = sp_must_open(place, SP_KEYRING_WRITE);
    settings = smimepolicy_settings_new();
}

static void tear_down(void)
{
    smimepolicy_settings_free(settings);
    sp_keyring_close(keyring);
    sp_remove_place(place);
}

/* Store |stored|: "1i9 2c8", certificate 1 as an identity nine days ago, 2 as a contact eight. */
static void store(const char *stored)
{
    int number, days, used;
    char role;

    for (; sscanf(stored, "%d%c%d%n", &number, &role, &days, &used) == 3; stored += used) {
        struct sp_recipe recipe = recipes[number - 1];
        X509 *cert;
        char *sql;

        /* A certificate with the key of an identity would become one. */
        recipe.key = role == 'i' ? sp_test_ec() : sp_test_rsa();
        recipe.san = recipe.san == NULL ? "email:bob@example.org" : recipe.san;
        recipe.usage =
            recipe.usage == NULL ? "digitalSignature,keyEncipherment,keyAgreement" : recipe.usage;
        cert = sp_make_cert(&recipe);
        sp_store(keyring, cert, role == 'i' ? SP_ROLE_IDENTITY : SP_ROLE_CONTACT);
        sql = sp_format("UPDATE certificate SET uploaded = %lld WHERE id = (SELECT max(id) FROM "
                        "certificate)",
                        (long long)(SP_NOW - days * DAY));
        sp_run_sql(place, SP_CERTIFICATES, sql);
        OPENSSL_free(sql);
        X509_free(cert);
    }
}

/* Choose among what is stored; |*changed| is set too. */
static struct sp_choice choose(smimepolicy_use use, bool *changed)
{
    struct sp_choice choice;
    char *why;

    ck_assert(sp_choice_find(&choice, keyring, "bob@example.org", use, &why));
    ck_assert(sp_choice_rank(&choice, SP_NOW, settings, &why));
    ck_assert(sp_choice_has_changed(&choice, SP_NOW, settings, changed));
    return choice;
}

static int chosen_serial(const struct sp_choice *choice)
{
    X509 *cert = sp_record_cert(&choice->records[choice->order[0]]);
    int serial = (int)ASN1_INTEGER_get(X509_get0_serialNumber(cert));

    X509_free(cert);
    return serial;
}

/*
 * What is stored, for what one is wanted, and which one is chosen: 0 for none.
 * |changed|: a week ago it was another.  |said|, all of it with --verbose, begins so.
 */
static const struct {
    const char *stored;
    smimepolicy_use use;
    int chosen;
    bool changed, denied;
    const char *said;
} rows[] = {
    { "", SMIMEPOLICY_ENCRYPT, 0, false, true,
      "refused: encrypt: bob@example.org: the keyring has no certificate of this address" },
    { "", SMIMEPOLICY_SIGN, 0, false, true,
      "refused: sign: bob@example.org: the keyring has no certificate with a private key of" },
    { "5c9", SMIMEPOLICY_ENCRYPT, 0, false, true,
      "refused: encrypt: bob@example.org: the keyring" },
    { "1c9", SMIMEPOLICY_SIGN, 0, false, true, "refused: sign: bob@example.org: the keyring has" },
    { "1c9", SMIMEPOLICY_ENCRYPT, 1, false, false, NULL },
    { "1i9", SMIMEPOLICY_ENCRYPT, 1, false, false, NULL },
    { "1i9 2c9", SMIMEPOLICY_SIGN, 1, false, false, NULL },
    { "1c9 2c9", SMIMEPOLICY_ENCRYPT, 2, false, false,
      "note: encrypt: bob@example.org: of 2 certificates CN=Bob, serial 0x2, is used\n"
      "note: encrypt: bob@example.org: not CN=Bob, serial 0x1: another one is valid for longer\n" },
    { "1c9 2c6", SMIMEPOLICY_ENCRYPT, 2, true, false, "note: encrypt: bob@example.org: of 2" },
    { "2c9 1c6", SMIMEPOLICY_ENCRYPT, 2, false, false, "note: encrypt: bob@example.org: of 2" },
    /* A week ago the third was still valid, and nobody's choice either. */
    { "1c9 3c9", SMIMEPOLICY_ENCRYPT, 1, false, false, "note: encrypt: bob@example.org: of 2" },
    /* And here the only one. */
    { "3c9 1c6", SMIMEPOLICY_ENCRYPT, 1, true, false, "note: encrypt: bob@example.org: of 2" },
    { "2c9 4c9", SMIMEPOLICY_ENCRYPT, 2, false, false, "note: encrypt: bob@example.org: of 2" },
    { "2i9 4i9", SMIMEPOLICY_SIGN, 4, false, false, "note: sign: bob@example.org: of 2" },
    { "3c9", SMIMEPOLICY_ENCRYPT, 0, false, true, "refused: encrypt: bob@example.org: " },
    { "4c9", SMIMEPOLICY_ENCRYPT, 0, false, true, "refused: encrypt: bob@example.org: " },
    /* One that may not be used was no choice that could have changed. */
    { "4c9 1c6", SMIMEPOLICY_ENCRYPT, 1, false, false, "note: encrypt: bob@example.org: of 2" },
};

static void expect_begins(char *said, const char *expected)
{
    if (expected == NULL)
        ck_assert_str_eq(said, "");
    else
        ck_assert_msg(strncmp(said, expected, strlen(expected)) == 0, "%s", said);
    free(said);
}

START_TEST(one_is_chosen)
{
    struct shim_outcome outcome = { .settings = settings };
    struct sp_choice choice;
    bool changed;

    store(rows[_i].stored);
    choice = choose(rows[_i].use, &changed);
    ck_assert_int_eq(changed, rows[_i].changed);
    if (!rows[_i].denied)
        ck_assert_int_eq(chosen_serial(&choice), rows[_i].chosen);
    sp_capture_begin(STDERR_FILENO);
    shim_choice_tell(&choice, "bob@example.org", true, &outcome);
    expect_begins(sp_capture_end(STDERR_FILENO), rows[_i].said);
    ck_assert_int_eq(outcome.denied, rows[_i].denied);
    sp_choice_clear(&choice);
}
END_TEST

/* The others are told of if this is wanted, and in JSON never as text. */
START_TEST(others_are_told_of_where_it_is_wanted)
{
    static const struct {
        const char *stored;
        bool wanted, json;
        int lines;
    } quiet[] = {
        { "1c9 2c9", false, false, 0 }, { "1c9 2c9", true, false, 2 },
        { "1c9 2c9", true, true, 0 },   { "1c9", true, false, 0 },
        { "3c9 4c9", false, false, 2 },
    };
    struct shim_outcome outcome = { .settings = settings };
    struct sp_choice choice;
    bool changed;
    char *said;
    int lines = 0;

    store(quiet[_i].stored);
    outcome.json = quiet[_i].json ? json_array() : NULL;
    choice = choose(SMIMEPOLICY_ENCRYPT, &changed);
    sp_capture_begin(STDERR_FILENO);
    shim_choice_tell(&choice, "bob@example.org", quiet[_i].wanted, &outcome);
    said = sp_capture_end(STDERR_FILENO);
    for (const char *p = said; *p != '\0'; p++)
        lines += *p == '\n';
    ck_assert_msg(lines == quiet[_i].lines, "%s", said);
    free(said);
    shim_outcome_clear(&outcome);
    sp_choice_clear(&choice);
}
END_TEST

START_TEST(the_choice_is_data_too)
{
    struct sp_choice choice;
    json_t *data, *wanted;
    bool changed;

    store("3c9 1i9 2c9");
    choice = choose(SMIMEPOLICY_ENCRYPT, &changed);
    data = shim_choice_json(&choice, "bob@example.org");
    for (size_t i = 0; i < 3; i++) {
        json_t *each = json_array_get(json_object_get(data, "candidates"), i);

        ck_assert_uint_eq(json_string_length(json_object_get(each, "fingerprint")), 64);
        json_object_del(each, "fingerprint");
    }
    wanted = json_pack(
        "{s:s, s:s, s:[{s:s,s:s,s:s,s:b,s:b,s:s},{s:s,s:s,s:s,s:b,s:b,s:s},{s:s,s:s,s:s,s:b,s:b,"
        "s:n}]}",
        "address", "bob@example.org", "use", "encrypt", "candidates",
        /* the one that has expired */
        "role", "contact", "subject", "CN=Bob", "serial", "0x3", "usable", 0, "chosen", 0, "reason",
        "certificate expired on 2023-11-30T00:00:00Z [expired]",
        /* the one that ends sooner */
        "role", "identity", "subject", "CN=Bob", "serial", "0x1", "usable", 1, "chosen", 0,
        "reason", "another one is valid for longer",
        /* the one that is taken */
        "role", "contact", "subject", "CN=Bob", "serial", "0x2", "usable", 1, "chosen", 1,
        "reason");
    ck_assert_ptr_nonnull(wanted);
    ck_assert_msg(json_equal(data, wanted) == 1, "%s", json_dumps(data, 0));
    json_decref(wanted);
    json_decref(data);
    sp_choice_clear(&choice);
}
END_TEST

/* Without a keyring there is nobody. */
START_TEST(no_keyring_has_no_certificate)
{
    struct sp_choice choice;
    char *why;

    ck_assert(sp_choice_find(&choice, NULL, "bob@example.org", SMIMEPOLICY_SIGN, &why));
    ck_assert(sp_choice_rank(&choice, SP_NOW, settings, &why));
    ck_assert_uint_eq(choice.count, 0);
    sp_choice_clear(&choice);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("choices");
    TCase *tests = tcase_create("choices");

    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_loop_test(tests, one_is_chosen, 0, SP_ROWS(rows));
    tcase_add_loop_test(tests, others_are_told_of_where_it_is_wanted, 0, 5);
    tcase_add_test(tests, the_choice_is_data_too);
    tcase_add_test(tests, no_keyring_has_no_certificate);
    suite_add_tcase(suite, tests);
    return sp_run(suite);
}
