/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * What the provider takes only from the command that started this program: the settings of its
 * section beside a policy file, and the pipe to report to.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "log/report.h"
#include "mail.h"
#include "policy/command.h"
#include "policy/policy.h"
#include "reporting.h"

START_TEST(without_a_command)
{
    sp_start(NULL);
    ck_assert(!sp_report_is_on());
    ck_assert(!sp_command_is_to(SMIMEPOLICY_UPLOAD));
    ck_assert(!sp_command()->no_asking);
    EXPECT_DONE(sp_sign_as("good-rsa"));
    EXPECT_REFUSED(sp_encrypt_to("expired-rsa"), "[expired]");
}
END_TEST

static const char *const bad[][2] = {
    { "report_use = show\n", "report_use = show: accepted is sign, encrypt, verify or decrypt" },
    { "report_for = nobody\n", "report_for = nobody: accepted is person or program" },
    { "report_asks = maybe\n", "report_asks = maybe: accepted is no or yes" },
    { "report_cipher = \"\"\n", "report_cipher = : accepted is a value" },
    { "report_sender = \"\"\n", "report_sender = : accepted is a value" },
    { "report = 2\n", "report = 2: accepted is the number of a pipe" },
    { "report = 3x\n", "report = 3x: accepted is" },
    { "report = 4294967299\n", "report = 4294967299: accepted is" },
    { "report_nonce = 00\n", "accepted is" },
    { "policy = relative\n", "policy = relative: accepted is an absolute path" },
    { "policy = /nonexistent/policy.cnf\n", "/nonexistent/policy.cnf: No such file" },
};

/* The later value of a key counts. */
START_TEST(bad_value)
{
    sp_start_reporting(bad[_i][0]);
    ck_assert_ptr_nonnull(sp_policy_locked());
    ck_assert_ptr_nonnull(strstr(sp_policy_locked(), bad[_i][1]));
    EXPECT_REFUSED(sp_sign_as("good-rsa"), bad[_i][1]);
}
END_TEST

/* A number is all that the value is. */
START_TEST(letter_behind_a_descriptor)
{
    char *text;

    ck_assert_int_eq(pipe(sp_report_ends), 0);
    ck_assert_int_gt(
        asprintf(&text, "report = %dx\nreport_nonce = " SP_NONCE "\n", sp_report_ends[1]), 0);
    sp_start(text);
    ck_assert_ptr_nonnull(sp_policy_locked());
    ck_assert_ptr_nonnull(strstr(sp_policy_locked(), "x: accepted is the number of a pipe"));
    free(text);
}
END_TEST

/* The first descriptor behind the standard ones, in a child: here it may be libcheck's. */
START_TEST(number_of_a_descriptor)
{
    /* The lowest that there is, and one of two digits. */
    const int number = _i == 0 ? 3 : 12;
    int status = 0;
    pid_t child;

    ck_assert_int_eq(pipe(sp_report_ends), 0);
    child = fork();
    if (child == 0) {
        char *text;

        sp_report_ends[1] = dup2(sp_report_ends[1], number);
        text = sp_reporting("report_use = sign\n");
        sp_start(text);
        _exit(sp_report_ends[1] == number && sp_policy_locked() == NULL && sp_report_is_on() ? 0
                                                                                             : 1);
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, 0);
}
END_TEST

START_TEST(without_a_pipe)
{
    static const char *const keys[] = {
        "report_nonce = 00",      "report_use = sign", "report_sender = a@b.example",
        "report_cipher = aes256", "report_asks = no",  "report_for = person"
    };

    sp_start(keys[_i]);
    ck_assert_ptr_nonnull(strstr(sp_policy_locked(), "are set without report"));
    ck_assert(!sp_report_is_on());
}
END_TEST

START_TEST(told)
{
    sp_start_reporting("report_use = decrypt\nreport_sender = a@b.example\nreport_cipher = aes256\n"
                       "report_asks = no\nreport_for = program\n");
    ck_assert_ptr_null(sp_policy_locked());
    ck_assert(sp_command_is_to(SMIMEPOLICY_DECRYPT));
    ck_assert(!sp_command_is_to(SMIMEPOLICY_SIGN));
    ck_assert_str_eq(sp_command()->sender, "a@b.example");
    ck_assert_str_eq(sp_command()->cipher, "aes256");
    ck_assert(sp_command()->no_asking);
    ck_assert(sp_command()->for_program);
}
END_TEST

static const char *const others[] = {
    "report_use = sign\nreport_sender = a@b.example\n",
    "report_use = encrypt\nreport_sender = a@b.example\n",
    "report_sender = a@b.example\n",
    "report_use = sign\n",
    "report_use = sign\nreport_sender = other@b.example\n",
    "report_use = sign\nreport_sender = a@b.example\nreport_cipher = aes256\n",
    "report_use = sign\nreport_sender = a@b.example\nreport_asks = no\n",
    "report_use = sign\nreport_sender = a@b.example\nreport_for = program\n",
};

/* Another library context of the process: the first one decides. */
START_TEST(told_twice)
{
    OSSL_LIB_CTX *libctx;
    char *more, *text, *file;

    sp_start_reporting(others[0]);
    libctx = OSSL_LIB_CTX_new();
    more = sp_reporting(others[_i]);
    text = sp_configuration(more);
    file = sp_temporary(text);
    ck_assert_int_eq(OSSL_PROVIDER_add_builtin(libctx, "smimepolicy", OSSL_provider_init), 1);
    ck_assert_int_eq(OSSL_LIB_CTX_load_config(libctx, file), 1);
    ck_assert_int_eq(sp_policy_locked() == NULL, _i == 0);
    ck_assert_str_eq(sp_command()->sender, "a@b.example");
    sp_expect_reported("");
    free(file);
    free(text);
    free(more);
    OSSL_LIB_CTX_free(libctx);
}
END_TEST

static const struct {
    bool has_use;
    smimepolicy_use use;
    const char *sender, *cipher;
    bool no_asking, for_program;
} adopted[] = {
    { false, SMIMEPOLICY_UPLOAD, NULL, NULL, false, false },
    { true, SMIMEPOLICY_UPLOAD, NULL, NULL, false, false },
    { true, SMIMEPOLICY_SIGN, NULL, NULL, false, false },
    { false, SMIMEPOLICY_UPLOAD, "a@b.example", NULL, false, false },
    { false, SMIMEPOLICY_UPLOAD, "c@b.example", NULL, false, false },
    { false, SMIMEPOLICY_UPLOAD, NULL, "aes256", false, false },
    { false, SMIMEPOLICY_UPLOAD, NULL, "aes128", false, false },
    { false, SMIMEPOLICY_UPLOAD, NULL, NULL, true, false },
    { false, SMIMEPOLICY_UPLOAD, NULL, NULL, false, true },
};

static bool adopt(int row)
{
    struct sp_command command = { .has_use = adopted[row].has_use,
                                  .use = adopted[row].use,
                                  .no_asking = adopted[row].no_asking,
                                  .for_program = adopted[row].for_program };

    command.sender = adopted[row].sender != NULL ? OPENSSL_strdup(adopted[row].sender) : NULL;
    command.cipher = adopted[row].cipher != NULL ? OPENSSL_strdup(adopted[row].cipher) : NULL;
    return sp_command_adopt(&command);
}

/* The first one decides until it is forgotten, and so does what was done once. */
START_TEST(adopted_until_forgotten)
{
    for (int row = 0; row < SP_ROWS(adopted); row++) {
        ck_assert(adopt(_i));
        ck_assert_int_eq(adopt(row), row == _i);
        ck_assert_pstr_eq(sp_command()->sender, adopted[_i].sender);
        ck_assert_pstr_eq(sp_command()->cipher, adopted[_i].cipher);
        ck_assert_int_eq(sp_command()->no_asking, adopted[_i].no_asking);
        ck_assert_int_eq(sp_command_is_to(SMIMEPOLICY_UPLOAD), _i == 1);
        for (int what = 0; what < SP_ONCE_COUNT; what++) {
            ck_assert(sp_command_once((enum sp_once)what));
            ck_assert(!sp_command_once((enum sp_once)what));
        }
        sp_command_reset();
        ck_assert_ptr_null(sp_command()->sender);
        ck_assert(!sp_command_is_to(SMIMEPOLICY_UPLOAD));
    }
}
END_TEST

static const struct {
    const char *file, *beside;
    const char *key, *value; /* in force; NULL: the policy is locked */
} files[] = {
    { "mode = observe\n", "", "mode", "observe" },
    { "mode = observe\n", "mode = enforce\n", NULL, NULL },
    { "mode = enforce\n", "mode = enforce\n", NULL, NULL },
    { "", "unknown_keys = refuse\n", "unknown_keys", "refuse" },
    { "unknown_keys = refuse\n", "unknown_keys = pass\n", NULL, NULL },
    { "raw_keys = pass\n", "raw_keys = judge\n", "raw_keys", "judge" },
    { "", "raw_keys = pass\n", NULL, NULL },
    { "", "unverified_signers = refuse\n", "unverified_signers", "refuse" },
    { "", "unverified_signers = pass\n", NULL, NULL },
    { "", "keyring = /nonexistent/beside\n", "keyring", "/nonexistent/beside" },
    { "keyring = /nonexistent/first\n", "keyring = /nonexistent/beside\n", "keyring",
      "/nonexistent/first" },
    { "", "weak_key = deny\n", NULL, NULL },
    { "", "expired = ignore\n", NULL, NULL },
    { "module = /nonexistent/module\n", "", NULL, NULL },
    { "activate = 0\n", "", NULL, NULL },
    { "report = 1\n", "", NULL, NULL },
};

START_TEST(policy_file)
{
    char *path, *more, *value = NULL;

    path = sp_temporary(files[_i].file);
    ck_assert_int_gt(asprintf(&more, "policy = %s\n%s", path, files[_i].beside), 0);
    sp_start_reporting(more);
    ck_assert_int_eq(sp_policy_locked() == NULL, files[_i].key != NULL);
    for (size_t i = 0; files[_i].key != NULL && sp_settings_key(i) != NULL; i++)
        if (strcmp(sp_settings_key(i), files[_i].key) == 0)
            value = sp_settings_value(sp_policy(), i);
    ck_assert_pstr_eq(value, files[_i].value);
    OPENSSL_free(value);
    free(more);
    free(path);
}
END_TEST

/* Each setting that has a value, and then whether the policy is locked. */
START_TEST(greeting)
{
    char text[65537] = "", *expected, *settings;
    ssize_t got;

    sp_start_reporting(_i == 0 ? "keyring = /nonexistent/ring\n" : "mode = other\n");
    got = read(sp_report_ends[0], text, sizeof(text) - 1);
    ck_assert_int_gt(got, 0);
    settings = strstr(text, "\nsetting mode enforce\nsetting backend default\n");
    ck_assert_ptr_nonnull(settings);
    ck_assert_ptr_null(strstr(text, "setting decision_log"));
    ck_assert_int_eq(strstr(text, "\nsetting keyring /nonexistent/ring\n") != NULL, _i == 0);
    expected = strstr(text, "\nrefused - - - mode = other: accepted is enforce or observe");
    ck_assert_int_eq(expected != NULL, _i == 1);
    ck_assert_str_eq(text + strlen(text) - strlen("\nready\n"), "\nready\n");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("command");
    TCase *tests = sp_case(suite, "command");

    tcase_add_test(tests, without_a_command);
    tcase_add_loop_test(tests, bad_value, 0, SP_ROWS(bad));
    tcase_add_test(tests, letter_behind_a_descriptor);
    tcase_add_loop_test(tests, number_of_a_descriptor, 0, 2);
    tcase_add_loop_test(tests, without_a_pipe, 0, 6);
    tcase_add_test(tests, told);
    tcase_add_loop_test(tests, told_twice, 0, SP_ROWS(others));
    tcase_add_loop_test(tests, adopted_until_forgotten, 0, SP_ROWS(adopted));
    tcase_add_loop_test(tests, policy_file, 0, SP_ROWS(files));
    tcase_add_loop_test(tests, greeting, 0, 2);
    return sp_run_forked(suite);
}
