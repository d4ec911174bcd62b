/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The words with which the launcher calls stock, and the names that it gives to signers
 * and recipients by address.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "launches.h"
#include "verdicts.h"

/* Words of ours, and those of stock behind "openssl". */
#define BEGIN   "-provider-path /m -provider smimepolicy"
#define ANCHORS " -no-CAfile -no-CApath -no-CAstore"
#define KEYRING " -CAstore smimepolicy:trust -partial_chain"

static const struct {
    const char *name;
    const char *words[12];
    bool takes_input;
    size_t wanted;
    const char *given;
} rows[] = {
    { "sign",
      { "-signer", "both", "-in", "mail" },
      false,
      1,
      "cms " BEGIN " -sign -stream -signer both -in mail" },
    { "sign",
      { "-signer", "both", "-in", "mail", "-signer", "both", "-text", "-out", "x" },
      true,
      2,
      "cms " BEGIN " -sign -stream -signer both -signer both -text" },
    { "sign",
      { "-signer=both", "-in=mail", "-inkey=locked", "-passin", "pass:x" },
      false,
      1,
      "cms " BEGIN " -sign -stream -signer=both -in=mail -inkey=locked -passin pass:x" },
    { "sign",
      { "-signer", "rsa", "-inkey", "locked", "-in", "mail", "-passin", "env:HOME" },
      false,
      1,
      "cms " BEGIN " -sign -stream -signer rsa -inkey locked -in mail -passin "
      "env:SMIME_POLICY_PASSIN" },
    { "encrypt",
      { "-in", "mail", "rsa", "both" },
      false,
      2,
      "cms " BEGIN " -encrypt -stream -aes256 -in mail -- rsa both" },
    { "encrypt",
      { "-in", "mail", "rsa" },
      false,
      1,
      "cms " BEGIN " -encrypt -stream -aes256 -in mail -- rsa" },
    /* A value that looks like a passphrase. */
    { "sign",
      { "-signer", "both", "-in", "mail", "-subject", "env:HOME" },
      false,
      1,
      "cms " BEGIN " -sign -stream -signer both -in mail -subject env:HOME" },
    { "encrypt",
      { "-in", "mail", "-aes128", "-recip", "rsa" },
      true,
      1,
      "cms " BEGIN " -encrypt -stream -aes128 -recip rsa" },
    { "decrypt",
      { "-in", "mail", "-recip", "both" },
      false,
      1,
      "cms " BEGIN " -decrypt -in mail -recip both" },
    { "cms",
      { "-sign", "-signer", "both", "-in", "mail" },
      false,
      1,
      "cms " BEGIN " -sign -signer both -in mail" },
    { "smime",
      { "-encrypt", "-aes128", "-in", "mail", "rsa" },
      false,
      1,
      "smime " BEGIN " -encrypt -aes128 -in mail -- rsa" },
    /* By address. */
    { "sign",
      { "--from", "A <a@b>", "-in", "mail" },
      false,
      1,
      "cms " BEGIN " -sign -stream -in mail -signer smimepolicy:identity/a@b -nocerts -certfile "
      "smimepolicy:chain/a@b" },
    { "encrypt",
      { "--to", "a@b, c@d", "--cc", "e@f", "--from", "g@h", "--to-self", "-in", "mail", "rsa" },
      false,
      5,
      "cms " BEGIN " -encrypt -stream -aes256 -in mail -recip smimepolicy:contact/a@b -recip "
      "smimepolicy:contact/c@d -recip smimepolicy:contact/e@f -recip smimepolicy:contact/g@h -- "
      "rsa" },
    { "encrypt",
      { "--headers", "-in", "plain", "--to-self", "--to", "x@y" },
      true,
      3,
      "cms " BEGIN " -encrypt -stream -aes256 -recip smimepolicy:contact/x@y -recip "
      "smimepolicy:contact/c@d -recip smimepolicy:contact/a@b" },
    { "sign",
      { "--headers", "-in", "plain" },
      true,
      1,
      "cms " BEGIN " -sign -stream -signer smimepolicy:identity/a@b -nocerts -certfile "
      "smimepolicy:chain/a@b" },
    { "sign",
      { "--headers", "-in", "plain", "--from", "x@y" },
      true,
      1,
      "cms " BEGIN " -sign -stream -signer smimepolicy:identity/x@y -nocerts -certfile "
      "smimepolicy:chain/x@y" },
    { "sign",
      { "--headers", "-in", "plain", "-signer", "both" },
      true,
      1,
      "cms " BEGIN " -sign -stream -signer both" },
};

/* To verify. */
static const struct {
    const char *name;
    const char *words[8];
    bool has_keyring;
    const char *given;
} verifications[] = {
    { "verify", { "-in", "alone" }, false, "cms " BEGIN ANCHORS KEYRING " -verify" },
    { "verify",
      { "-in", "alone", "-CAfile", "rsa" },
      false,
      "cms " BEGIN ANCHORS " -verify -CAfile rsa" },
    { "verify",
      { "-in", "alone", "-CAfile", "rsa" },
      true,
      "cms " BEGIN ANCHORS KEYRING " -verify -CAfile rsa" },
    { "cms", { "-verify", "-in", "alone" }, true, "cms " BEGIN ANCHORS KEYRING " -verify" },
    { "smime",
      { "-verify", "-in", "alone", "-CAfile", "rsa" },
      false,
      "smime " BEGIN ANCHORS " -verify -CAfile rsa" },
};

static void expect_words(const char *const *words, const char *expected)
{
    char given[2000] = "";

    ck_assert_ptr_nonnull(words);
    ck_assert_str_eq(words[0], "openssl");
    for (words++; *words != NULL; words++) {
        strcat(given, given[0] == '\0' ? "" : " ");
        strcat(given, *words);
    }
    ck_assert_str_eq(given, expected);
}

START_TEST(words_of_stock)
{
    struct shim_launch launch = { .name = NULL };
    const char *words[12];
    const char **given;

    memcpy(words, rows[_i].words, sizeof(words));
    ck_assert(sp_launch_read(&launch, rows[_i].name, words));
    given = shim_launch_words(&launch, "/m", rows[_i].takes_input, false);
    expect_words(given, rows[_i].given);
    ck_assert_uint_eq(launch.wanted, rows[_i].wanted);
    free(given);
    shim_launch_clear(&launch);
}
END_TEST

START_TEST(words_to_verify)
{
    struct shim_launch launch = { .name = NULL };
    const char *words[8];
    const char **given;

    memcpy(words, verifications[_i].words, sizeof(words));
    ck_assert(sp_launch_read(&launch, verifications[_i].name, words));
    given = shim_launch_words(&launch, "/m", true, verifications[_i].has_keyring);
    expect_words(given, verifications[_i].given);
    ck_assert_uint_eq(launch.wanted, 1);
    free(given);
    shim_launch_clear(&launch);
}
END_TEST

/* If memory runs out a command line is not taken, or nothing of it is missing. */
START_TEST(memory_runs_out)
{
    long number = 0;
    bool starved, usual;

    do {
        struct shim_launch launch = { .name = NULL };
        const char *words[12];
        const char **given = NULL;

        memcpy(words, rows[_i].words, sizeof(words));
        sp_launch_starve(++number);
        usual = sp_launch_read(&launch, rows[_i].name, words);
        if (usual)
            given = shim_launch_words(&launch, "/m", rows[_i].takes_input, false);
        starved = sp_launch_starve_end();
        ck_assert(starved || given != NULL);
        if (given != NULL)
            expect_words(given, rows[_i].given);
        free(given);
        shim_launch_clear(&launch);
        ck_assert_int_eq(sp_launch_kept(), 0);
    } while (starved);
}
END_TEST

/* As many recipients as a list may have, and one more, which is the tool's. */
START_TEST(many_recipients)
{
    for (size_t count = SHIM_PLAIN_MOST - 1; count <= SHIM_PLAIN_MOST; count++) {
        struct shim_launch launch = { .name = NULL };
        char list[SHIM_PLAIN_MOST * 4 + 1] = "";
        const char *words[] = { "--to", list, "--to", "c@d", "-in", "mail", NULL };
        size_t given = 0;
        const char **all;

        for (size_t i = 0; i < count; i++)
            strcat(list, i == 0 ? "a@b" : ",a@b");
        ck_assert_int_eq(sp_launch_read(&launch, "encrypt", words), count < SHIM_PLAIN_MOST);
        ck_assert_uint_eq(launch.uri_count, SHIM_PLAIN_MOST);
        if (count < SHIM_PLAIN_MOST) {
            all = shim_launch_words(&launch, "/m", false, false);
            ck_assert_ptr_nonnull(all);
            while (all[given] != NULL)
                given++;
            ck_assert_uint_eq(given, 11 + 2 * SHIM_PLAIN_MOST);
            free(all);
        }
        shim_launch_clear(&launch);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("launch_words");
    TCase *tests = tcase_create("launch_words");

    tcase_add_checked_fixture(tests, sp_make_launch_files, sp_remove_launch_files);
    tcase_add_loop_test(tests, words_of_stock, 0, SP_ROWS(rows));
    tcase_add_loop_test(tests, words_to_verify, 0, SP_ROWS(verifications));
    tcase_add_loop_test(tests, memory_runs_out, 0, SP_ROWS(rows));
    tcase_add_test(tests, many_recipients);
    suite_add_tcase(suite, tests);
    return sp_run(suite);
}
