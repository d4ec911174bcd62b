/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The provider's section, as the core hands it over: what is set, what is told beside the
 * settings, and what locks the policy.
 */
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness.h"
#include "log/report.h"
#include "module/configuration.h"
#include "policy/command.h"
#include "policy/policy.h"
#include "settings/expect.h"

#define NONCE "0123456789abcdef0123456789abcdef"
#define FILE_ "/nonexistent/openssl.cnf"

struct pair {
    const char *key, *value;
};

/* The section that the core has, its answer, and the library context that it is of. */
static const struct pair *section;
static int answer = 1;
static OSSL_LIB_CTX *libctx;

static int get_params(const OSSL_CORE_HANDLE *handle, OSSL_PARAM params[])
{
    (void)handle;
    for (const struct pair *pair = section; pair->key != NULL; pair++) {
        OSSL_PARAM *param = OSSL_PARAM_locate(params, pair->key);

        if (param != NULL)
            ck_assert_int_eq(OSSL_PARAM_set_utf8_ptr(param, pair->value), 1);
    }
    return answer;
}

static OPENSSL_CORE_CTX *get_libctx(const OSSL_CORE_HANDLE *handle)
{
    (void)handle;
    return (OPENSSL_CORE_CTX *)(libctx != NULL ? libctx : OSSL_LIB_CTX_get0_global_default());
}

static smimepolicy_settings *read_section(const struct pair *pairs)
{
    const struct sp_upcalls up = { .get_params = get_params, .get_libctx = get_libctx };
    smimepolicy_settings *settings;

    section = pairs;
    settings = sp_configuration_read(&up);
    ck_assert_ptr_nonnull(settings);
    return settings;
}

static const char *value_of(const smimepolicy_settings *settings, const char *key)
{
    static char copy[200];
    char *value = NULL;

    for (size_t i = 0; sp_settings_key(i) != NULL; i++)
        if (strcmp(sp_settings_key(i), key) == 0)
            value = sp_settings_value(settings, i);
    (void)snprintf(copy, sizeof(copy), "%s", value != NULL ? value : "");
    OPENSSL_free(value);
    return copy;
}

#define HINT    " (in " FILE_ "); mend the setting, or see 'smime-policy config --lint'"
#define WITHOUT "report_nonce and its like are set without report" HINT
#define BESIDE  ": accepted is what is stricter than the policy file, or nothing" HINT

/* FILE stands for a policy file with `mode = observe`, KEYRING for one that names /file, too. */
static const struct {
    struct pair pairs[4];
    const char *key, *value; /* one of the settings that are read */
    const char *lock;        /* NULL: none */
} rows[] = {
    { { { "mode", "observe" } }, "mode", "observe", NULL },
    { { { "expires_soon", "deny" } }, "expires_soon", "deny", NULL },
    { { { "another", "1" } }, "mode", "enforce", NULL },
    { { { "mode", "on" } }, "mode", "enforce", "mode = on: accepted is enforce or observe" HINT },
    { { { "mode", "on" }, { "keys", "mail" } },
      "keys",
      "mail",
      "mode = on: accepted is enforce or observe" HINT },
    { { { "san_email", "ignore" } },
      "mode",
      "enforce",
      "san_email = ignore: the rule 'san-email' cannot be changed" HINT },
    { { { "keyring_stale", "warn" } },
      "mode",
      "enforce",
      "keyring_stale = warn: the rule 'keyring-stale' cannot be changed" HINT },
    { { { "report_nonce", NONCE } }, "mode", "enforce", WITHOUT },
    { { { "report_use", "sign" } }, "mode", "enforce", WITHOUT },
    { { { "report_sender", "a@b" } }, "mode", "enforce", WITHOUT },
    { { { "report_cipher", "aes256" } }, "mode", "enforce", WITHOUT },
    { { { "report_asks", "no" } }, "mode", "enforce", WITHOUT },
    { { { "report_for", "person" } }, "mode", "enforce", WITHOUT },
    { { { "policy", "FILE" } }, "mode", "observe", NULL },
    { { { "policy", "policy.cnf" } },
      "mode",
      "enforce",
      "policy = policy.cnf: accepted is an absolute path" HINT },
    { { { "policy", "/nonexistent/policy.cnf" } },
      "mode",
      "enforce",
      "/nonexistent/policy.cnf: No such file or directory" },
    { { { "policy", "FILE" }, { "unknown_keys", "refuse" } }, "unknown_keys", "refuse", NULL },
    { { { "policy", "FILE" }, { "raw_keys", "judge" } }, "mode", "observe", NULL },
    { { { "policy", "FILE" }, { "signer_path", "refuse" } }, "signer_path", "refuse", NULL },
    { { { "policy", "FILE" }, { "unverified_signers", "refuse" } },
      "unverified_signers",
      "refuse",
      NULL },
    { { { "policy", "FILE" }, { "own_anchors", "first" } }, "own_anchors", "first", NULL },
    { { { "policy", "FILE" }, { "keys", "mail" } }, "keys", "mail", NULL },
    { { { "policy", "FILE" }, { "unknown_keys", "pass" } },
      "unknown_keys",
      "pass",
      "unknown_keys = pass" BESIDE },
    { { { "policy", "FILE" }, { "raw_keys", "pass" } },
      "raw_keys",
      "judge",
      "raw_keys = pass" BESIDE },
    { { { "policy", "FILE" }, { "mode", "enforce" } }, "mode", "observe", "mode = enforce" BESIDE },
    { { { "policy", "FILE" }, { "keyring", "/section" } }, "keyring", "/section", NULL },
    { { { "policy", "KEYRING" }, { "keyring", "/section" } }, "keyring", "/file", NULL },
};

START_TEST(section_of_settings)
{
    char *plain = sp_temporary("mode = observe\n");
    char *named = sp_temporary("mode = observe\nkeyring = /file\n");
    struct pair pairs[SP_ROWS(rows[0].pairs)];
    smimepolicy_settings *settings;

    ck_assert_int_eq(setenv("OPENSSL_CONF", FILE_, 1), 0);
    memcpy(pairs, rows[_i].pairs, sizeof(pairs));
    if (strcmp(pairs[0].value, "FILE") == 0)
        pairs[0].value = plain;
    else if (strcmp(pairs[0].value, "KEYRING") == 0)
        pairs[0].value = named;
    settings = read_section(pairs);
    ck_assert_str_eq(value_of(settings, rows[_i].key), rows[_i].value);
    ck_assert_pstr_eq(sp_policy_locked(), rows[_i].lock);
    ck_assert(!sp_report_failed());
    smimepolicy_settings_free(settings);
    free(plain);
    free(named);
}
END_TEST

/* Of another library context nobody knows the file. */
START_TEST(of_another_context)
{
    const struct pair pairs[] = { { "mode", "on" }, { NULL, NULL } };

    libctx = OSSL_LIB_CTX_new();
    smimepolicy_settings_free(read_section(pairs));
    ck_assert_str_eq(sp_policy_locked(), "mode = on: accepted is enforce or observe (in the "
                                         "configuration of this library context); mend the "
                                         "setting, or see 'smime-policy config --lint'");
    OSSL_LIB_CTX_free(libctx);
}
END_TEST

/* What the core could not answer is nothing that it has said. */
START_TEST(core_that_does_not_answer)
{
    const struct pair pairs[] = { { "mode", "observe" }, { "report_use", "sign" }, { NULL, NULL } };
    smimepolicy_settings *settings;

    answer = 0;
    settings = read_section(pairs);
    ck_assert_int_eq(settings->mode, SP_MODE_ENFORCE);
    ck_assert_ptr_null(sp_policy_locked());
    ck_assert(!sp_command()->has_use);
    smimepolicy_settings_free(settings);
}
END_TEST

/* The variable is removed where it would lead past the policy. */
START_TEST(variable_for_another_context)
{
    static const char variable[] = "OPENSSL_TEST_LIBCTX";
    const struct pair pairs[] = { { NULL, NULL } };

    if (_i != 0)
        ck_assert_int_eq(setenv(variable, "1", 1), 0);
    if (_i == 2)
        libctx = OSSL_LIB_CTX_new();
    smimepolicy_settings_free(read_section(pairs));
    if (_i == 1)
        ck_assert_ptr_nonnull(strstr(sp_policy_locked(), "OPENSSL_TEST_LIBCTX is set"));
    else
        ck_assert_ptr_null(sp_policy_locked());
    ck_assert_int_eq(getenv(variable) != NULL, _i == 2);
    OSSL_LIB_CTX_free(libctx);
}
END_TEST

/* Open a report to |fd| in the section, with |more| of the command's. */
static void read_report(const char *fd, const char *nonce, struct pair more)
{
    const struct pair pairs[] = {
        { "report", fd }, { "report_nonce", nonce }, more, { NULL, NULL }
    };
    const struct pair alone[] = { { "report", fd }, { NULL, NULL } };

    ck_assert_int_eq(setenv("OPENSSL_CONF", FILE_, 1), 0);
    smimepolicy_settings_free(read_section(nonce != NULL ? pairs : alone));
}

static void expect_lock(const char *begin)
{
    ck_assert_ptr_nonnull(sp_policy_locked());
    ck_assert_msg(strncmp(sp_policy_locked(), begin, strlen(begin)) == 0, "%s", sp_policy_locked());
}

/* Each of the lower descriptors is a pipe, those of the standard streams too. */
static void make_pipes(void)
{
    int ends[2];

    ck_assert_int_eq(pipe(ends), 0);
    ck_assert(dup2(ends[1], 20) == 20 && dup2(ends[1], 3) == 3);
    ck_assert(dup2(3, 0) == 0 && dup2(3, 2) == 2);
}

static const struct {
    const char *fd, *nonce;
    bool good;
} reports[] = {
    { "3", NONCE, true },   { "20", NONCE, true },  { "3", NULL, false },
    { "3", "0123", false }, { "", NONCE, false },   { "pipe", NONCE, false },
    { "0", NONCE, false },  { "2", NONCE, false },  { "3x", NONCE, false },
    { "-3", NONCE, false }, { "99", NONCE, false }, { "4294967299", NONCE, false },
};

START_TEST(descriptor_of_a_report)
{
    char expected[60];

    make_pipes();
    read_report(reports[_i].fd, reports[_i].nonce, (struct pair){ NULL, NULL });
    (void)snprintf(expected, sizeof(expected), "report = %s: accepted is the number of a pipe ",
                   reports[_i].fd);
    if (reports[_i].good)
        ck_assert_ptr_null(sp_policy_locked());
    else
        expect_lock(expected);
    sp_policy_reset();
}
END_TEST

static const struct {
    struct pair pair;
    const char *lock;
    struct sp_command command;
} told[] = {
    { { NULL, NULL }, NULL, { 0 } },
    { { "report_use", "sign" }, NULL, { .has_use = true, .use = SMIMEPOLICY_SIGN } },
    { { "report_use", "encrypt" }, NULL, { .has_use = true, .use = SMIMEPOLICY_ENCRYPT } },
    { { "report_use", "verify" }, NULL, { .has_use = true, .use = SMIMEPOLICY_VERIFY } },
    { { "report_use", "decrypt" }, NULL, { .has_use = true, .use = SMIMEPOLICY_DECRYPT } },
    { { "report_use", "print" },
      "report_use = print: accepted is sign, encrypt, verify or decrypt" HINT,
      { 0 } },
    { { "report_sender", "a@b" }, NULL, { .sender = (char[]){ "a@b" } } },
    { { "report_sender", "" }, "report_sender = : accepted is a value" HINT, { 0 } },
    { { "report_cipher", "aes256" }, NULL, { .cipher = (char[]){ "aes256" } } },
    { { "report_cipher", "" }, "report_cipher = : accepted is a value" HINT, { 0 } },
    { { "report_asks", "no" }, NULL, { .no_asking = true } },
    { { "report_asks", "yes" }, NULL, { 0 } },
    { { "report_asks", "n\n" }, "report_asks = n\\0A: accepted is no or yes" HINT, { 0 } },
    { { "report_for", "program" }, NULL, { .for_program = true } },
    { { "report_for", "person" }, NULL, { 0 } },
    { { "report_for", "all" }, "report_for = all: accepted is person or program" HINT, { 0 } },
};

START_TEST(told_by_the_command)
{
    const struct sp_command *command = sp_command(), *expected = &told[_i].command;

    make_pipes();
    read_report("20", NONCE, told[_i].pair);
    ck_assert_pstr_eq(sp_policy_locked(), told[_i].lock);
    ck_assert(command->has_use == expected->has_use && command->use == expected->use);
    ck_assert(command->no_asking == expected->no_asking);
    ck_assert(command->for_program == expected->for_program);
    ck_assert_pstr_eq(command->sender, expected->sender);
    ck_assert_pstr_eq(command->cipher, expected->cipher);
    sp_policy_reset();
}
END_TEST

START_TEST(told_twice)
{
    make_pipes();
    read_report("20", NONCE, (struct pair){ "report_use", "sign" });
    read_report("20", NONCE, (struct pair){ "report_use", "sign" });
    ck_assert_ptr_null(sp_policy_locked());
    read_report("20", NONCE, (struct pair){ "report_use", "encrypt" });
    expect_lock("the provider was loaded twice, with different report_use, ");
    sp_policy_reset();
}
END_TEST

/* The settings that smime-policy promised: by their text, or by the nonce. */
static const struct {
    const char *promised; /* NULL: nothing; "": the text of the defaults */
    const char *mode;
    bool reports, arrives;
} promises[] = {
    { NULL, "observe", false, true },
    { "", "enforce", false, true },
    { "", "observe", false, false },
    { "mode=enforce\n", "enforce", false, false },
    { SP_EXPECT_REPORT NONCE, "observe", true, true },
    { SP_EXPECT_REPORT "0123", "observe", true, false },
    { SP_EXPECT_REPORT NONCE, "observe", false, false },
    { "", "enforce", true, false },
};

START_TEST(promised)
{
    smimepolicy_settings *defaults = smimepolicy_settings_new();
    char *text = sp_settings_text(defaults);
    const struct pair mode[] = { { "mode", promises[_i].mode }, { NULL, NULL } };

    if (promises[_i].promised != NULL)
        ck_assert_int_eq(
            setenv(SP_EXPECT, *promises[_i].promised == '\0' ? text : promises[_i].promised, 1), 0);
    make_pipes();
    if (promises[_i].reports)
        read_report("20", NONCE, mode[0]);
    else
        smimepolicy_settings_free(read_section(mode));
    if (promises[_i].arrives)
        ck_assert_ptr_null(sp_policy_locked());
    else
        expect_lock("the settings that smime-policy started this program with did not arrive: ");
    OPENSSL_free(text);
    smimepolicy_settings_free(defaults);
    sp_policy_reset();
}
END_TEST

/* The settings in force that have a value, the reason of a lock, and that all is told. */
START_TEST(greeting)
{
    static const char begin[] = "hello " NONCE " " SMIMEPOLICY_VERSION "\n"
                                "setting mode enforce\nsetting backend default\n";
    const char *const end = _i == 0 ? "\nsetting expires_soon warn\nready\n"
                                    : "\nsetting expires_soon warn\nrefused - - - why\nready\n";
    char text[4000] = "";
    int ends[2];

    ck_assert_int_eq(pipe(ends), 0);
    sp_policy_adopt(smimepolicy_settings_new());
    sp_report_open(ends[1], NONCE);
    if (_i == 1)
        sp_policy_lock("why");
    sp_configuration_greet();
    ck_assert_int_gt(read(ends[0], text, sizeof(text) - 1), 0);
    ck_assert_int_eq(strncmp(text, begin, strlen(begin)), 0);
    ck_assert_ptr_null(strstr(text, "keyring"));
    ck_assert_ptr_nonnull(strstr(text, end));
    ck_assert_str_eq(strstr(text, end), end);
    sp_policy_reset();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("configuration");
    TCase *tests = sp_case(suite, "configuration");

    tcase_add_loop_test(tests, section_of_settings, 0, SP_ROWS(rows));
    tcase_add_test(tests, of_another_context);
    tcase_add_test(tests, core_that_does_not_answer);
    tcase_add_loop_test(tests, variable_for_another_context, 0, 3);
    tcase_add_loop_test(tests, descriptor_of_a_report, 0, SP_ROWS(reports));
    tcase_add_loop_test(tests, told_by_the_command, 0, SP_ROWS(told));
    tcase_add_test(tests, told_twice);
    tcase_add_loop_test(tests, promised, 0, SP_ROWS(promises));
    tcase_add_loop_test(tests, greeting, 0, 2);
    return sp_run_forked(suite);
}
