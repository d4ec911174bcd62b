/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Text for a configuration: libcrypto reads what was meant, or it is refused.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <check.h>
#include <openssl/bio.h>
#include <openssl/conf.h>
#include <openssl/crypto.h>

#include "tool/run/conf_text.h"
#include "base/text.h"
#include "verdicts.h"

#define SECTION "smimepolicy_settings"

/* Not random: the same strings in every run on every machine. */
static unsigned next_random(unsigned *state)
{
    *state = *state * 1664525U + 1013904223U;
    return *state >> 16;
}

/* Characters of the syntax are frequent; a NUL never occurs. */
static char random_byte(unsigned *state)
{
    static const char meant[] = "\\#$\"'` \t\r\n[]=.{}()&;:,!?*~";

    if (next_random(state) % 2 == 0)
        return meant[next_random(state) % (sizeof(meant) - 1)];
    return (char)(1 + next_random(state) % 255);
}

static bool holds_control(const char *text)
{
    for (; *text != '\0'; text++)
        if ((unsigned char)*text < 0x20 || *text == 0x7f)
            return true;
    return false;
}

static CONF *read_text(const char *text)
{
    BIO *bio = BIO_new_mem_buf(text, -1);
    CONF *conf = NCONF_new(NULL);
    long line = 0;

    ck_assert_msg(NCONF_load_bio(conf, bio, &line) > 0, "line %ld of: %s", line, text);
    BIO_free(bio);
    return conf;
}

/* Check that libcrypto reads |value| back, between two others. */
static void check_quoted(const char *value)
{
    char *why;
    char *quoted = shim_conf_quote(value, &why);
    char *text;
    CONF *conf;

    if (holds_control(value)) {
        ck_assert_ptr_null(quoted);
        ck_assert_ptr_nonnull(strstr(why, "control character"));
        OPENSSL_free(why);
        return;
    }
    ck_assert_ptr_nonnull(quoted);
    text = sp_format("[one]\nbefore = 1\nvalue = %s\nafter = 2\n", quoted);
    conf = read_text(text);
    ck_assert_str_eq(NCONF_get_string(conf, "one", "value"), value);
    ck_assert_str_eq(NCONF_get_string(conf, "one", "before"), "1");
    ck_assert_str_eq(NCONF_get_string(conf, "one", "after"), "2");
    ck_assert_int_eq(sk_CONF_VALUE_num(NCONF_get_section(conf, "one")), 3);
    NCONF_free(conf);
    OPENSSL_free(text);
    OPENSSL_free(quoted);
}

static const char *const hostile[] = {
    "/dir/kr\nmode = observe",
    "/dir/kr\rmode = observe",
    "/a b",
    " /leading",
    "/trailing ",
    "/trailing\\",
    "/trailing\\\\",
    "/$HOME",
    "/${ENV::HOME}",
    "/$(x)",
    "/a#b",
    "/'a",
    "/a\"b",
    "/a`b",
    "/a`b`c",
    "[default]",
    "=",
    ".include /x",
    "",
    "\x80\xff\xc3",
    "/tab\there",
    "\xef\xbb\xbf/mark",
};

START_TEST(hostile_is_quoted_or_refused)
{
    check_quoted(hostile[_i]);
}
END_TEST

START_TEST(random_bytes_are_read_back)
{
    unsigned state = 20260101;

    for (int round = 0; round < 20000; round++) {
        char value[64];
        size_t len = next_random(&state) % sizeof(value);

        for (size_t i = 0; i < len; i++)
            value[i] = random_byte(&state);
        value[len] = '\0';
        check_quoted(value);
    }
}
END_TEST

/* Longer than the lines and values that libcrypto reads at once. */
START_TEST(long_values_are_read_back)
{
    static const size_t lengths[] = { 510, 511, 512, 513, 4096, 65535, 65536, 65537, 200000 };
    static const char *const pieces[] = { "x", "\\", "\"", "$", " ", "'" };
    size_t length = lengths[_i];

    for (int i = 0; i < SP_ROWS(pieces); i++) {
        char *value = OPENSSL_malloc(length + 1);

        memset(value, pieces[i][0], length);
        value[length] = '\0';
        check_quoted(value);
        OPENSSL_free(value);
    }
}
END_TEST

/* Check that a whole configuration has every setting and nothing else. */
static void check_settings(const char *module, const smimepolicy_settings *settings)
{
    char *why;
    char *text = shim_conf_text(module, settings, &why);
    CONF *conf;
    const char *key;
    int lines = 2; /* activate, module */

    ck_assert_msg(text != NULL, "%s", why);
    conf = read_text(text);
    ck_assert_str_eq(NCONF_get_string(conf, SECTION, "module"), module);
    for (size_t i = 0; (key = sp_settings_key(i)) != NULL; i++) {
        char *value = sp_settings_value(settings, i);

        if (value != NULL && strcmp(value, "default") != 0) {
            ck_assert_str_eq(NCONF_get_string(conf, SECTION, key), value);
            lines++;
        }
        OPENSSL_free(value);
    }
    ck_assert_int_eq(sk_CONF_VALUE_num(NCONF_get_section(conf, SECTION)), lines);
    NCONF_free(conf);
    OPENSSL_free(text);
}

START_TEST(random_settings_are_read_back)
{
    unsigned state = 20260102;
    unsigned accepted = 0;

    for (int round = 0; round < 5000; round++) {
        smimepolicy_settings *settings = smimepolicy_settings_new();
        char value[32] = "/";
        size_t len = 1 + next_random(&state) % (sizeof(value) - 2);

        for (size_t i = 1; i < len; i++)
            value[i] = random_byte(&state);
        if (smimepolicy_settings_set(settings, "keyring", value, NULL) == 1 &&
            smimepolicy_settings_set(settings, "decision_log", value, NULL) == 1) {
            check_settings(value, settings);
            accepted++;
        }
        smimepolicy_settings_free(settings);
    }
    ck_assert_uint_gt(accepted, 500);
}
END_TEST

/* A program that has set its settings without the table. */
START_TEST(unfit_settings_are_refused)
{
    smimepolicy_settings *settings = smimepolicy_settings_new();
    char *why;

    settings->keyring = OPENSSL_strdup(hostile[0]);
    ck_assert_ptr_null(shim_conf_text("/m.so", settings, &why));
    ck_assert_ptr_nonnull(strstr(why, "keyring = /dir/kr\\0Amode"));
    ck_assert_ptr_nonnull(strstr(why, "cannot be written into a configuration"));
    OPENSSL_free(why);
    smimepolicy_settings_free(settings);

    settings = smimepolicy_settings_new();
    ck_assert_ptr_null(shim_conf_text("/m\n.so", settings, &why));
    ck_assert_ptr_nonnull(strstr(why, "module = /m\\0A.so"));
    OPENSSL_free(why);
    smimepolicy_settings_free(settings);
}
END_TEST

START_TEST(names_of_sections_are_refused)
{
    static const char *const sections[] = { "smimepolicy_init", "smimepolicy_providers",
                                            "smimepolicy_algorithms", "smimepolicy_settings" };
    smimepolicy_settings *settings = smimepolicy_settings_new();
    char *why;

    ck_assert_int_eq(smimepolicy_settings_set(settings, "backend", sections[_i], NULL), 1);
    ck_assert_ptr_null(shim_conf_text("/m.so", settings, &why));
    ck_assert_ptr_nonnull(strstr(why, sections[_i]));
    ck_assert_ptr_nonnull(strstr(why, "name of a section"));
    OPENSSL_free(why);
    smimepolicy_settings_free(settings);
}
END_TEST

/* A policy.cnf that we print is read back as the same settings. */
START_TEST(policy_files_are_read_back)
{
    static const char *const paths[] = { "/srv/a b", "/srv/$HOME", "/srv/a#b",    "/srv/it's",
                                         "/srv/\\n", "/srv/`x`",   "/srv/\"q\" ", "/srv/[x] = y" };
    smimepolicy_settings *settings = smimepolicy_settings_new();
    char name[] = "/tmp/test_conf_text.XXXXXX";
    int fd = mkstemp(name);
    char *why;
    char *quoted = shim_conf_quote(paths[_i], &why);
    FILE *file = fdopen(fd, "w");

    ck_assert_ptr_nonnull(quoted);
    (void)fprintf(file, "keyring = %s\nmode = enforce\n", quoted);
    ck_assert_int_eq(fclose(file), 0);
    ck_assert_msg(smimepolicy_settings_load(settings, name, &why) == 1, "%s", why);
    ck_assert_str_eq(settings->keyring, paths[_i]);
    unlink(name);
    OPENSSL_free(quoted);
    smimepolicy_settings_free(settings);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("conf_text");
    TCase *tests = tcase_create("conf_text");

    tcase_set_timeout(tests, 120);
    tcase_add_loop_test(tests, hostile_is_quoted_or_refused, 0, SP_ROWS(hostile));
    tcase_add_test(tests, random_bytes_are_read_back);
    tcase_add_loop_test(tests, long_values_are_read_back, 0, 9);
    tcase_add_test(tests, random_settings_are_read_back);
    tcase_add_test(tests, unfit_settings_are_refused);
    tcase_add_loop_test(tests, names_of_sections_are_refused, 0, 4);
    tcase_add_loop_test(tests, policy_files_are_read_back, 0, 8);
    suite_add_tcase(suite, tests);
    return sp_run(suite);
}
