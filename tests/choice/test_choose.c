/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The choice among several stored certificates of one address.
 */
#include <stdlib.h>
#include <string.h>

#include "bob.h"
#include "starve.h"

static int chosen_serial(const struct sp_choice *choice)
{
    X509 *cert = sp_record_cert(&choice->records[sp_choice_place(choice, 0)]);
    int serial = (int)ASN1_INTEGER_get(X509_get0_serialNumber(cert));

    X509_free(cert);
    return serial;
}

/*
 * What is stored, for what one is wanted, and which one is chosen: 0 if there is none.
 * |changed|: a week ago it was another.  |usable|: it may be used.
 */
static const struct {
    const char *stored;
    smimepolicy_use use;
    int chosen;
    bool changed, usable;
} rows[] = {
    { "", SMIMEPOLICY_ENCRYPT, 0, false, false },
    { "", SMIMEPOLICY_SIGN, 0, false, false },
    { "5c9", SMIMEPOLICY_ENCRYPT, 0, false, false },
    { "1c9", SMIMEPOLICY_SIGN, 0, false, false },
    { "1c9", SMIMEPOLICY_ENCRYPT, 1, false, true },
    { "1i9", SMIMEPOLICY_ENCRYPT, 1, false, true },
    { "1i9 2c9", SMIMEPOLICY_SIGN, 1, false, true },
    { "1c9 2c9", SMIMEPOLICY_ENCRYPT, 2, false, true },
    { "1c9 2c6", SMIMEPOLICY_ENCRYPT, 2, true, true },
    { "2c9 1c6", SMIMEPOLICY_ENCRYPT, 2, false, true },
    /* A week ago the third was still valid, and nobody's choice either. */
    { "1c9 3c9", SMIMEPOLICY_ENCRYPT, 1, false, true },
    /* And here the only one. */
    { "3c9 1c6", SMIMEPOLICY_ENCRYPT, 1, true, true },
    { "2c9 4c9", SMIMEPOLICY_ENCRYPT, 2, false, true },
    { "2i9 4i9", SMIMEPOLICY_SIGN, 4, false, true },
    { "3c9", SMIMEPOLICY_ENCRYPT, 3, false, false },
    { "4c9", SMIMEPOLICY_ENCRYPT, 4, false, false },
    { "3c9 4c9", SMIMEPOLICY_ENCRYPT, 4, true, false },
    /* A week ago there was none. */
    { "1c6 2c6", SMIMEPOLICY_ENCRYPT, 2, false, true },
    /* It has been there for a week. */
    { "1c9 2c7", SMIMEPOLICY_ENCRYPT, 2, false, true },
    /* One that may not be used was no choice that could have changed. */
    { "4c9 1c6", SMIMEPOLICY_ENCRYPT, 1, false, true },
};

START_TEST(one_is_chosen)
{
    struct sp_choice choice;
    bool changed;

    sp_bob_store(rows[_i].stored);
    choice = sp_bob_choose(rows[_i].use);
    ck_assert_int_eq(choice.count == 0 ? 0 : chosen_serial(&choice), rows[_i].chosen);
    ck_assert_int_eq(choice.count > 0 && sp_choice_is_usable(&choice, sp_choice_place(&choice, 0)),
                     rows[_i].usable);
    ck_assert(sp_choice_has_changed(&choice, SP_NOW, bob.settings, &changed));
    ck_assert_int_eq(changed, rows[_i].changed);
    sp_choice_clear(&choice);
}
END_TEST

/* One alone is chosen unjudged, and of several none before they are ranked. */
START_TEST(found_without_being_ranked)
{
    struct sp_choice choice;
    char *why;

    sp_bob_store("1c9 2c9");
    ck_assert(sp_choice_find(&choice, bob.keyring, "BOB@example.org", SMIMEPOLICY_ENCRYPT, &why));
    ck_assert_uint_eq(choice.count, 2);
    ck_assert_uint_eq(sp_choice_place(&choice, 1), 1);
    ck_assert_ptr_null(choice.candidates);
    sp_choice_clear(&choice);
    ck_assert_uint_eq(choice.count, 0);
}
END_TEST

START_TEST(no_keyring_has_no_certificate)
{
    struct sp_choice choice;
    char *why;

    ck_assert(sp_choice_find(&choice, NULL, BOB, SMIMEPOLICY_SIGN, &why));
    ck_assert_uint_eq(choice.count, 0);
    sp_choice_clear(&choice);
}
END_TEST

/* Which one is the best is not known if one cannot be read. */
START_TEST(a_damaged_one_is_told)
{
    struct sp_choice choice;
    char *why;

    sp_bob_store("1c9 2c9");
    sp_run_sql(bob.place, SP_CERTIFICATES, "UPDATE certificate SET der = x'3000' WHERE id = 2");
    ck_assert(sp_choice_find(&choice, bob.keyring, BOB, SMIMEPOLICY_ENCRYPT, &why));
    ck_assert(!sp_choice_rank(&choice, NULL, SP_NOW, bob.settings, &why));
    ck_assert_str_eq(why, "keyring: entry 2 cannot be parsed; 'smime-policy keyring check' tells "
                          "what is damaged");
    OPENSSL_free(why);
    sp_choice_clear(&choice);
}
END_TEST

/* The whole choice; false if memory ran out. */
static bool try_choice(void)
{
    struct sp_choice choice;
    char *why;
    bool changed;
    bool done = sp_choice_find(&choice, bob.keyring, BOB, SMIMEPOLICY_ENCRYPT, &why) &&
                sp_choice_rank(&choice, NULL, SP_NOW, bob.settings, &why);

    ck_assert_msg(why == NULL || (!done && strcmp(why, "out of memory") == 0), "%s", why);
    ck_assert(!done || choice.count == 2);
    done = done && sp_choice_has_changed(&choice, SP_NOW, bob.settings, &changed);
    ck_assert(!done || changed);
    sp_choice_clear(&choice);
    OPENSSL_free(why);
    return done;
}

/* Every allocation of ours fails once. */
START_TEST(memory_runs_out)
{
    bool starved = true, done;
    int failed = 0;

    sp_bob_store("1c9 2c6");
    for (long number = 1; starved; number++) {
        sp_starve(number);
        done = try_choice();
        starved = sp_starve_end();
        ck_assert(starved != done);
        failed += !done;
    }
    ck_assert_int_gt(failed, 0);
}
END_TEST

/* What was read the first time is kept by libcrypto; a second choice leaves nothing behind. */
START_TEST(nothing_is_left)
{
    long kept;

    sp_bob_store("1c9 2c6");
    ck_assert(try_choice());
    kept = sp_starve_kept();
    for (int i = 0; i < 10; i++)
        ck_assert(try_choice());
    ck_assert_int_lt(sp_starve_kept(), kept + 10);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("choose");
    TCase *tests = tcase_create("choose");

    if (!sp_starve_watch())
        return EXIT_FAILURE;
    tcase_add_checked_fixture(tests, sp_bob_set_up, sp_bob_tear_down);
    tcase_add_loop_test(tests, one_is_chosen, 0, SP_ROWS(rows));
    tcase_add_test(tests, found_without_being_ranked);
    tcase_add_test(tests, no_keyring_has_no_certificate);
    tcase_add_test(tests, a_damaged_one_is_told);
    tcase_add_test(tests, memory_runs_out);
    tcase_add_test(tests, nothing_is_left);
    suite_add_tcase(suite, tests);
    return sp_run(suite);
}
