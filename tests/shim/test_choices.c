/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * What is told of the choice among several certificates of one address.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "capture.h"
#include "common/shim.h"
#include "keyrings.h"
#include "tool/keyring/choices.h"

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

/* Store |stored|: "1i 2c8", certificate 1 as an identity nine days ago, 2 as a contact eight. */
static void store(const char *stored)
{
    int number, used;
    char role;

    for (; sscanf(stored, "%d%c%n", &number, &role, &used) == 2; stored += used) {
        struct sp_recipe recipe = recipes[number - 1];
        X509 *cert;

        /* A certificate with the key of an identity would become one. */
        recipe.key = role == 'i' ? sp_test_ec() : sp_test_rsa();
        recipe.san = recipe.san == NULL ? "email:bob@example.org" : recipe.san;
        recipe.usage =
            recipe.usage == NULL ? "digitalSignature,keyEncipherment,keyAgreement" : recipe.usage;
        cert = sp_make_cert(&recipe);
        sp_store(keyring, cert, role == 'i' ? SP_ROLE_IDENTITY : SP_ROLE_CONTACT);
        X509_free(cert);
    }
}

/* Choose among what is stored. */
static struct sp_choice choose(smimepolicy_use use)
{
    struct sp_choice choice;
    char *why;

    ck_assert(sp_choice_find(&choice, keyring, "bob@example.org", use, &why));
    ck_assert(sp_choice_rank(&choice, SP_NOW, settings, &why));
    return choice;
}

/*
 * What is stored, for what one is wanted, whether it is denied, and how what is said
 * with all others begins.  tests/choice/test_choose.c has what is chosen.
 */
static const struct {
    const char *stored;
    smimepolicy_use use;
    bool denied;
    const char *said;
} rows[] = {
    { "", SMIMEPOLICY_ENCRYPT, true,
      "refused: encrypt: bob@example.org: the keyring has no certificate of this address" },
    { "", SMIMEPOLICY_SIGN, true,
      "refused: sign: bob@example.org: the keyring has no certificate with a private key of" },
    { "5c", SMIMEPOLICY_ENCRYPT, true, "refused: encrypt: bob@example.org: the keyring" },
    { "1c", SMIMEPOLICY_SIGN, true, "refused: sign: bob@example.org: the keyring has" },
    { "1c", SMIMEPOLICY_ENCRYPT, false, NULL },
    { "1i", SMIMEPOLICY_ENCRYPT, false, NULL },
    { "1i 2c", SMIMEPOLICY_SIGN, false, NULL },
    { "1c 2c", SMIMEPOLICY_ENCRYPT, false,
      "note: encrypt: bob@example.org: of 2 certificates CN=Bob, serial 0x2, is used\n"
      "note: encrypt: bob@example.org: not CN=Bob, serial 0x1: another one is valid for longer\n" },
    { "1c 3c", SMIMEPOLICY_ENCRYPT, false, "note: encrypt: bob@example.org: of 2" },
    { "2c 4c", SMIMEPOLICY_ENCRYPT, false, "note: encrypt: bob@example.org: of 2" },
    { "2i 4i", SMIMEPOLICY_SIGN, false, "note: sign: bob@example.org: of 2" },
    { "3c", SMIMEPOLICY_ENCRYPT, true, "refused: encrypt: bob@example.org: " },
    { "4c", SMIMEPOLICY_ENCRYPT, true, "refused: encrypt: bob@example.org: " },
};

static void expect_begins(char *said, const char *expected)
{
    if (expected == NULL)
        ck_assert_str_eq(said, "");
    else
        ck_assert_msg(strncmp(said, expected, strlen(expected)) == 0, "%s", said);
    free(said);
}

START_TEST(the_choice_is_told)
{
    struct shim_outcome outcome = { .settings = settings };
    struct sp_choice choice;

    store(rows[_i].stored);
    choice = choose(rows[_i].use);
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
        { "1c 2c", false, false, 0 }, { "1c 2c", true, false, 2 },  { "1c 2c", true, true, 0 },
        { "1c", true, false, 0 },     { "3c 4c", false, false, 2 },
    };
    struct shim_outcome outcome = { .settings = settings };
    struct sp_choice choice;
    char *said;
    int lines = 0;

    store(quiet[_i].stored);
    outcome.json = quiet[_i].json ? json_array() : NULL;
    choice = choose(SMIMEPOLICY_ENCRYPT);
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

    store("3c 1i 2c");
    choice = choose(SMIMEPOLICY_ENCRYPT);
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

int main(void)
{
    Suite *suite = suite_create("choices");
    TCase *tests = tcase_create("choices");

    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_loop_test(tests, the_choice_is_told, 0, SP_ROWS(rows));
    tcase_add_loop_test(tests, others_are_told_of_where_it_is_wanted, 0, 5);
    tcase_add_test(tests, the_choice_is_data_too);
    suite_add_tcase(suite, tests);
    return sp_run(suite);
}
