/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * When a keyring was last in touch with its hub, and what that means for a verdict.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "base/text.h"
#include "failing_calls.h"
#include "keyring/contact.h"
#include "keyrings.h"
#include "rules/verdict.h"
#include "starve.h"

static char *place, *file;

static void set_up(void)
{
    place = sp_make_place();
    ck_assert_int_eq(mkdir(place, 0755), 0);
    file = sp_format("%s/hub-contact", place);
}

static void tear_down(void)
{
    OPENSSL_free(file);
    sp_remove_place(place);
}

START_TEST(noted)
{
    const int first = sp_free_descriptor();

    ck_assert_int_eq(sp_keyring_contact(NULL), 0);
    ck_assert_int_eq(sp_keyring_contact(place), 0);
    ck_assert(sp_keyring_touch(place, SP_NOW));
    ck_assert_int_eq(sp_keyring_contact(place), SP_NOW);
    ck_assert(sp_keyring_touch(place, SP_NOW + 1));
    ck_assert_int_eq(sp_keyring_contact(place), SP_NOW + 1);
    ck_assert_int_eq(sp_free_descriptor(), first);
}
END_TEST

/* What is no file says nothing, and is not followed. */
START_TEST(no_file)
{
    char *other = sp_format("%s/other", place);

    ck_assert_int_eq(mkdir(file, 0755), 0);
    ck_assert_int_eq(sp_keyring_contact(place), 0);
    ck_assert(!sp_keyring_touch(place, SP_NOW));
    ck_assert_int_eq(errno, EISDIR);
    ck_assert_int_eq(rmdir(file), 0);
    ck_assert_int_eq(symlink(other, file), 0);
    ck_assert_int_eq(sp_keyring_contact(place), 0);
    ck_assert(!sp_keyring_touch(place, SP_NOW));
    ck_assert_int_eq(errno, ELOOP);
    ck_assert_int_ne(access(other, F_OK), 0);
    OPENSSL_free(other);
}
END_TEST

START_TEST(without_memory)
{
    sp_starve(1);
    ck_assert_int_eq(sp_keyring_contact(place), 0);
    ck_assert(sp_starve_end());
    sp_starve(1);
    ck_assert(!sp_keyring_touch(place, SP_NOW));
    ck_assert_int_eq(errno, ENOMEM);
    ck_assert(sp_starve_end());
}
END_TEST

/* A contact that cannot be noted is no contact. */
START_TEST(every_call)
{
    const int first = sp_free_descriptor();
    long number = 0;
    bool done, failed;
    int reason;

    do {
        sp_fail_call(++number, EIO);
        done = sp_keyring_touch(place, SP_NOW);
        reason = errno;
        failed = sp_fail_end();
        ck_assert_int_eq(done, !failed);
        ck_assert(done || reason == EIO);
        ck_assert_int_eq(sp_free_descriptor(), first);
    } while (failed);
    ck_assert_int_eq(sp_keyring_contact(place), SP_NOW);
    sp_fail_call(1, EIO);
    ck_assert_int_eq(sp_keyring_contact(place), 0);
    ck_assert(sp_fail_end());
}
END_TEST

/* Standard input is closed, so that the file gets its number. */
START_TEST(without_input)
{
    close(STDIN_FILENO);
    ck_assert(sp_keyring_touch(place, SP_NOW));
    ck_assert_int_eq(fcntl(STDIN_FILENO, F_GETFD), -1);
    ck_assert_int_eq(sp_keyring_contact(place), SP_NOW);
}
END_TEST

/* With a hub; |ago| in seconds, -1: it never was in touch. */
static const struct {
    bool hub;
    const char *trust;
    smimepolicy_use use;
    int ago;
    const char *expected;
} rows[] = {
    { true, "caller", SMIMEPOLICY_SIGN, -1, "deny:keyring-stale" },
    { true, "caller", SMIMEPOLICY_SIGN, 86401, "deny:keyring-stale" },
    { true, "caller", SMIMEPOLICY_SIGN, 86400, "" },
    { true, "caller", SMIMEPOLICY_ENCRYPT, -1, "deny:keyring-stale" },
    { true, "keyring", SMIMEPOLICY_VERIFY, -1, "deny:keyring-stale" },
    { true, "keyring", SMIMEPOLICY_VERIFY, 5, "" },
    /* The program vouches, and not the keyring. */
    { true, "caller", SMIMEPOLICY_VERIFY, -1, "" },
    { true, "keyring", SMIMEPOLICY_DECRYPT, -1, "" },
    { true, "keyring", SMIMEPOLICY_UPLOAD, -1, "" },
    { false, "keyring", SMIMEPOLICY_SIGN, -1, "" },
};

START_TEST(age)
{
    const char *const pairs[] = { "keyring",
                                  place,
                                  "trust",
                                  rows[_i].trust,
                                  "expires_soon",
                                  "ignore",
                                  rows[_i].hub ? "hub" : NULL,
                                  "postgresql:///none",
                                  NULL };
    smimepolicy_settings *settings = sp_settings_of(pairs);
    X509 *cert = sp_make_contact(1, "Bob", "email:bob@example.org", NULL);
    struct sp_facts *facts = sp_facts_new(cert);
    smimepolicy_verdict *verdict = sp_verdict_finish(sp_verdict_new(facts, rows[_i].use));

    if (rows[_i].ago >= 0)
        ck_assert(sp_keyring_touch(place, SP_NOW - rows[_i].ago));
    sp_expect_verdict(sp_keyring_add_age(verdict, facts, SP_NOW, settings), rows[_i].expected);
    ck_assert_ptr_null(sp_keyring_add_age(NULL, facts, SP_NOW, settings));
    sp_facts_free(facts);
    X509_free(cert);
    smimepolicy_settings_free(settings);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("keyring: contact");
    TCase *tests = tcase_create("contact");

    if (!sp_starve_watch())
        return EXIT_FAILURE;
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, noted);
    tcase_add_test(tests, no_file);
    tcase_add_test(tests, without_memory);
    tcase_add_test(tests, every_call);
    tcase_add_test(tests, without_input);
    tcase_add_loop_test(tests, age, 0, SP_ROWS(rows));
    suite_add_tcase(suite, tests);
    return sp_run(suite);
}
