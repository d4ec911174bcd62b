/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The decision log: one line of JSON a decision, in a file that may be
 * rotated, and never in the way of the mail.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <jansson.h>
#include <openssl/err.h>

#include "mail.h"
#include "smimepolicy.h"

static char directory[] = "/tmp/sp-log-XXXXXX", path[64], rotated[64];

static void remove_directory(void)
{
    (void)unlink(path);
    (void)unlink(rotated);
    (void)rmdir(directory);
}

/* Start with a log in a directory of its own, and with |more| settings. */
static void start_logging(const char *more)
{
    char settings[256];

    ck_assert_ptr_nonnull(mkdtemp(directory));
    (void)snprintf(path, sizeof(path), "%s/log", directory);
    (void)snprintf(rotated, sizeof(rotated), "%s/log.1", directory);
    ck_assert_int_eq(atexit(remove_directory), 0);
    (void)snprintf(settings, sizeof(settings), "decision_log = %s\n%s", path, more);
    sp_start(settings);
}

/* Every line of |file| as a JSON array; a missing file has none. */
static json_t *read_log(const char *file)
{
    FILE *in = fopen(file, "r");
    json_t *all = json_array();
    char line[8192];

    while (in != NULL && fgets(line, sizeof(line), in) != NULL) {
        json_t *object = json_loads(line, 0, NULL);

        ck_assert_msg(object != NULL && line[strlen(line) - 1] == '\n', "%s", line);
        ck_assert_int_eq(json_array_append_new(all, object), 0);
    }
    if (in != NULL)
        (void)fclose(in);
    return all;
}

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));

    ck_assert_msg(text != NULL, "%s", key);
    return text;
}

static bool encrypt_to(const char *name)
{
    return sp_encrypt_to(name);
}

static bool verify(const char *name)
{
    return sp_cms_verify(name, 0);
}

static bool sign_stranger(const char *name)
{
    EVP_PKEY *key = sp_read_key(name);
    bool done = sp_sign_data(key, "SHA256", sp_mail_attributes, sizeof(sp_mail_attributes));

    EVP_PKEY_free(key);
    return done;
}

static const struct row {
    bool (*use)(const char *name);
    const char *name, *settings, *operation, *verdict, *rule;
} rows[] = {
    { sp_sign_as, "good-rsa", "", "sign", "allowed", NULL },
    { sp_sign_as, "good-ec", "", "sign", "allowed", NULL },
    { sp_sign_as, "expired-rsa", "", "sign", "refused", "expired" },
    { sp_sign_as, "expired-ec", "mode = observe", "sign", "observed", "expired" },
    { encrypt_to, "good-ec", "", "encrypt", "allowed", NULL },
    { encrypt_to, "no-address-rsa", "", "encrypt", "refused", "san-email" },
    { encrypt_to, "no-address-ec", "mode = observe", "encrypt", "observed", "san-email" },
    { verify, "good-rsa", "", "verify", "allowed", NULL },
    { verify, "no-address-rsa", "", "verify", "refused", "signer-certificate" },
    { verify, "no-address-ec", "mode = observe", "verify", "observed", "signer-certificate" },
    { sign_stranger, "stranger-ec", "", "sign", "refused", "certificate-required" },
};

static void expect_line(const json_t *line, const struct row *row)
{
    const json_t *certificate = json_object_get(line, "certificate");
    const json_t *findings = json_object_get(line, "findings");
    const json_t *first = json_array_get(findings, 0);

    ck_assert_uint_eq(strlen(text_of(line, "time")), strlen("2026-01-01T00:00:00Z"));
    ck_assert_int_eq(json_integer_value(json_object_get(line, "pid")), getpid());
    ck_assert_str_eq(text_of(line, "program"), program_invocation_short_name);
    ck_assert_str_eq(text_of(line, "policy"), SMIMEPOLICY_VERSION);
    ck_assert_str_eq(text_of(line, "operation"), row->operation);
    ck_assert_str_eq(text_of(line, "verdict"), row->verdict);
    ck_assert(json_is_array(findings));
    if (row->rule != NULL)
        ck_assert_str_eq(text_of(first, "rule"), row->rule);
    if (row->use == sign_stranger)
        ck_assert(json_is_null(certificate));
    else
        ck_assert_uint_eq(json_string_length(certificate), 64);
}

START_TEST(one_line_a_decision)
{
    const struct row *row = &rows[_i];
    json_t *log;

    start_logging(row->settings);
    ck_assert_int_eq(row->use(row->name), strcmp(row->verdict, "refused") != 0);
    log = read_log(path);
    ck_assert_uint_eq(json_array_size(log), 1);
    expect_line(json_array_get(log, 0), row);
    json_decref(log);
}
END_TEST

START_TEST(one_line_a_recipient)
{
    X509 *first, *second;
    json_t *log;

    start_logging("");
    first = sp_read_cert("good-rsa");
    second = sp_read_cert("good-ec");
    EXPECT_DONE(sp_cms_encrypt(first, second, 0));
    log = read_log(path);
    ck_assert_uint_eq(json_array_size(log), 2);
    ck_assert(strcmp(text_of(json_array_get(log, 0), "certificate"),
                     text_of(json_array_get(log, 1), "certificate")) != 0);
    json_decref(log);
    X509_free(first);
    X509_free(second);
}
END_TEST

/* What is not mail is not logged either. */
START_TEST(silent_about_other_work)
{
    static const unsigned char premaster[48] = { 3, 3 };
    X509 *cert;
    EVP_PKEY *key;

    start_logging("");
    cert = sp_read_cert("server-rsa");
    key = sp_read_key("server-rsa");
    EXPECT_DONE(sp_sign_data(key, "SHA256", "hello", 5));
    EXPECT_DONE(sp_rsa_encrypt(key, premaster, sizeof(premaster)));
    EXPECT_DONE(sp_cms_decrypt("expired-rsa"));
    ck_assert_int_ne(access(path, F_OK), 0);
    EVP_PKEY_free(key);
    X509_free(cert);
}
END_TEST

START_TEST(locked)
{
    json_t *log;

    start_logging("mode = nonsense");
    EXPECT_REFUSED(sp_sign_as("good-ec"), "mode = nonsense");
    log = read_log(path);
    ck_assert_uint_eq(json_array_size(log), 1);
    ck_assert_str_eq(text_of(json_array_get(log, 0), "verdict"), "refused");
    ck_assert_ptr_nonnull(strstr(text_of(json_array_get(log, 0), "note"), "mode = nonsense"));
    json_decref(log);
}
END_TEST

START_TEST(rotated_while_running)
{
    struct stat status;
    json_t *log;

    start_logging("");
    EXPECT_DONE(sp_sign_as("good-ec"));
    ck_assert_int_eq(stat(path, &status), 0);
    ck_assert_uint_eq(status.st_mode & 0777, 0600);
    ck_assert_int_eq(rename(path, rotated), 0);
    EXPECT_DONE(sp_sign_as("good-ec"));
    EXPECT_DONE(sp_sign_as("good-ec"));
    log = read_log(path);
    ck_assert_uint_eq(json_array_size(log), 2);
    json_decref(log);
    log = read_log(rotated);
    ck_assert_uint_eq(json_array_size(log), 1);
    json_decref(log);
    ck_assert_int_eq(unlink(path), 0);
    EXPECT_DONE(sp_sign_as("good-ec"));
    log = read_log(path);
    ck_assert_uint_eq(json_array_size(log), 1);
    json_decref(log);
}
END_TEST

/* Places that cannot take a line; the decisions are the same. */
static const char *const nowhere[] = { "/nonexistent/log",  "/tmp",  "/dev/full", "/proc/version",
                                       "/etc/hostname/log", "syslog" };

START_TEST(cannot_be_written)
{
    char settings[128];

    (void)snprintf(settings, sizeof(settings), "decision_log = %s", nowhere[_i]);
    sp_start(settings);
    EXPECT_DONE(sp_sign_as("good-rsa"));
    EXPECT_DONE(sp_encrypt_to("good-ec"));
    EXPECT_REFUSED(sp_sign_as("expired-ec"), "[expired]");
}
END_TEST

/* With and without a reader that never reads. */
START_TEST(pipe_does_not_block)
{
    FILE *reader = NULL;

    start_logging("");
    ck_assert_int_eq(mkfifo(path, 0600), 0);
    if (_i == 1)
        reader = fopen(path, "r+");
    alarm(SP_PATIENCE);
    for (int i = 0; i < 5; i++)
        EXPECT_DONE(sp_sign_as("good-ec"));
    EXPECT_REFUSED(sp_sign_as("expired-ec"), "[expired]");
    if (reader != NULL)
        (void)fclose(reader);
}
END_TEST

#define THREADS 4
#define ROUNDS  25

static void *sign_many(void *arg)
{
    bool *fine = arg;

    *fine = true;
    for (int i = 0; i < ROUNDS; i++)
        *fine = *fine && sp_sign_as("good-ec");
    return NULL;
}

START_TEST(lines_of_threads_do_not_mix)
{
    pthread_t threads[THREADS];
    bool fine[THREADS];
    json_t *log;

    start_logging("");
    for (int i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, sign_many, &fine[i]), 0);
    for (int i = 0; i < THREADS; i++) {
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
        ck_assert(fine[i]);
    }
    log = read_log(path);
    ck_assert_uint_eq(json_array_size(log), THREADS * ROUNDS);
    json_decref(log);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("log");
    TCase *tests = sp_case(suite, "log");

    tcase_add_loop_test(tests, one_line_a_decision, 0, SP_ROWS(rows));
    tcase_add_test(tests, one_line_a_recipient);
    tcase_add_test(tests, silent_about_other_work);
    tcase_add_test(tests, locked);
    tcase_add_test(tests, rotated_while_running);
    tcase_add_loop_test(tests, cannot_be_written, 0, SP_ROWS(nowhere));
    tcase_add_loop_test(tests, pipe_does_not_block, 0, 2);
    tcase_add_test(tests, lines_of_threads_do_not_mix);
    return sp_run_forked(suite);
}
