/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * What is told of the choice among several certificates of one address.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bob.h"
#include "capture.h"
#include "common/shim.h"
#include "tool/keyring/choices.h"

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
    { "5c9", SMIMEPOLICY_ENCRYPT, true, "refused: encrypt: bob@example.org: the keyring" },
    { "1c9", SMIMEPOLICY_SIGN, true, "refused: sign: bob@example.org: the keyring has" },
    { "1c9", SMIMEPOLICY_ENCRYPT, false, NULL },
    { "1i9", SMIMEPOLICY_ENCRYPT, false, NULL },
    { "1i9 2c9", SMIMEPOLICY_SIGN, false, NULL },
    { "1c9 2c9", SMIMEPOLICY_ENCRYPT, false,
      "note: encrypt: bob@example.org: of 2 certificates CN=Bob, serial 0x2, is used\n"
      "note: encrypt: bob@example.org: not CN=Bob, serial 0x1: another one is valid for longer\n" },
    { "1c9 3c9", SMIMEPOLICY_ENCRYPT, false, "note: encrypt: bob@example.org: of 2" },
    { "2c9 4c9", SMIMEPOLICY_ENCRYPT, false, "note: encrypt: bob@example.org: of 2" },
    { "2i9 4i9", SMIMEPOLICY_SIGN, false, "note: sign: bob@example.org: of 2" },
    { "3c9", SMIMEPOLICY_ENCRYPT, true, "refused: encrypt: bob@example.org: " },
    { "4c9", SMIMEPOLICY_ENCRYPT, true, "refused: encrypt: bob@example.org: " },
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
    struct shim_outcome outcome = { .settings = bob.settings };
    struct sp_choice choice;

    sp_bob_store(rows[_i].stored);
    choice = sp_bob_choose(rows[_i].use);
    sp_capture_begin(STDERR_FILENO);
    shim_choice_tell(&choice, BOB, true, &outcome);
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
    struct shim_outcome outcome = { .settings = bob.settings };
    struct sp_choice choice;
    char *said;
    int lines = 0;

    sp_bob_store(quiet[_i].stored);
    outcome.json = quiet[_i].json ? json_array() : NULL;
    choice = sp_bob_choose(SMIMEPOLICY_ENCRYPT);
    sp_capture_begin(STDERR_FILENO);
    shim_choice_tell(&choice, BOB, quiet[_i].wanted, &outcome);
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

    sp_bob_store("3c9 1i9 2c9");
    choice = sp_bob_choose(SMIMEPOLICY_ENCRYPT);
    data = shim_choice_json(&choice, BOB);
    for (size_t i = 0; i < 3; i++) {
        json_t *each = json_array_get(json_object_get(data, "candidates"), i);

        ck_assert_uint_eq(json_string_length(json_object_get(each, "fingerprint")), 64);
        json_object_del(each, "fingerprint");
    }
    wanted = json_pack(
        "{s:s, s:s, s:[{s:s,s:s,s:s,s:b,s:b,s:s},{s:s,s:s,s:s,s:b,s:b,s:s},{s:s,s:s,s:s,s:b,s:b,"
        "s:n}]}",
        "address", BOB, "use", "encrypt", "candidates",
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

    tcase_add_checked_fixture(tests, sp_bob_set_up, sp_bob_tear_down);
    tcase_add_loop_test(tests, the_choice_is_told, 0, SP_ROWS(rows));
    tcase_add_loop_test(tests, others_are_told_of_where_it_is_wanted, 0, 5);
    tcase_add_test(tests, the_choice_is_data_too);
    suite_add_tcase(suite, tests);
    return sp_run(suite);
}
