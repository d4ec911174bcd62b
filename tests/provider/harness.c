/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include "harness.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/pem.h>

static char *temporaries[64];
static size_t temporary_count;

static void remove_temporaries(void)
{
    for (size_t i = 0; i < temporary_count; i++) {
        (void)unlink(temporaries[i]);
        free(temporaries[i]);
    }
    temporary_count = 0;
}

char *sp_temporary(const char *text)
{
    char path[] = "/tmp/sp-test-XXXXXX";
    int file = mkstemp(path);
    size_t length = strlen(text);

    ck_assert_int_ge(file, 0);
    ck_assert_int_eq(write(file, text, length), (ssize_t)length);
    ck_assert_int_eq(close(file), 0);
    ck_assert_uint_lt(temporary_count, sizeof(temporaries) / sizeof(temporaries[0]));
    if (temporary_count == 0)
        ck_assert_int_eq(atexit(remove_temporaries), 0);
    temporaries[temporary_count++] = strdup(path);
    return strdup(path);
}

static char *configuration(const char *module, const char *settings)
{
    char *text;

    ck_assert_int_gt(asprintf(&text,
                              "openssl_conf = init\n"
                              "[init]\nproviders = providers\nalg_section = algorithms\n"
                              "[algorithms]\ndefault_properties = ?smime.policy=yes\n"
                              "[providers]\nsmimepolicy = policy\n"
                              "[policy]\n%sactivate = 1\n%s\n",
                              module, settings != NULL ? settings : ""),
                     0);
    return text;
}

char *sp_configuration(const char *settings)
{
    return configuration("", settings);
}

static void initialise(const char *text)
{
    char *path = sp_temporary(text);

    ck_assert_int_eq(setenv("OPENSSL_CONF", path, 1), 0);
    free(path);
    ck_assert_int_eq(OPENSSL_init_crypto(OPENSSL_INIT_LOAD_CONFIG, NULL), 1);
    ck_assert_msg(OSSL_PROVIDER_available(NULL, "smimepolicy"), "not loaded: %s", sp_errors());
    ERR_clear_error();
}

void sp_start_with(const char *text)
{
    ck_assert_int_eq(OSSL_PROVIDER_add_builtin(NULL, "smimepolicy", OSSL_provider_init), 1);
    initialise(text);
}

void sp_start(const char *settings)
{
    char *text = configuration("", settings);

    sp_start_with(text);
    free(text);
}

void sp_start_module(const char *settings)
{
    char *text = configuration("module = " SP_MODULE "\n", settings);

    initialise(text);
    free(text);
}

BIO *sp_read_file(const char *name, const char *suffix)
{
    char path[4096];
    BIO *file;

    (void)snprintf(path, sizeof(path), SP_PKI "/%s.%s", name, suffix);
    file = BIO_new_file(path, "rb");
    ck_assert_msg(file != NULL, "%s", path);
    return file;
}

X509 *sp_read_cert(const char *name)
{
    BIO *file = sp_read_file(name, "pem");
    X509 *cert = PEM_read_bio_X509(file, NULL, NULL, NULL);

    BIO_free(file);
    ck_assert_msg(cert != NULL, "%s", name);
    return cert;
}

EVP_PKEY *sp_read_key(const char *name)
{
    BIO *file = sp_read_file(name, "key");
    EVP_PKEY *key = PEM_read_bio_PrivateKey(file, NULL, NULL, NULL);

    BIO_free(file);
    ck_assert_msg(key != NULL, "%s", name);
    return key;
}

/* Read from the PEM alone: no X509 is made. */
int sp_read_der(const char *name, unsigned char **der)
{
    BIO *file = sp_read_file(name, "pem");
    char *type = NULL, *header = NULL;
    long length = 0;

    ck_assert_int_eq(PEM_read_bio(file, &type, &header, der, &length), 1);
    OPENSSL_free(type);
    OPENSSL_free(header);
    BIO_free(file);
    return (int)length;
}

const char *sp_errors(void)
{
    static _Thread_local char text[8192];
    const char *data;
    size_t used = 0;
    unsigned long code;
    int flags;

    text[0] = '\0';
    while ((code = ERR_get_error_all(NULL, NULL, NULL, &data, &flags)) != 0) {
        const char *reason = ERR_reason_error_string(code);

        if (used < sizeof(text))
            used += (size_t)snprintf(text + used, sizeof(text) - used, "%s: %s\n",
                                     reason != NULL ? reason : "(no reason)", data);
    }
    return text;
}

void sp_expect_outcome(bool done, const char *text, const char *call, int line)
{
    const char *errors = sp_errors();

    if (text == NULL) {
        ck_assert_msg(done, "line %d: %s: %s", line, call, errors);
        ck_assert_msg(*errors == '\0', "line %d: %s left: %s", line, call, errors);
    } else {
        ck_assert_msg(!done, "line %d: %s was not refused", line, call);
        ck_assert_msg(strstr(errors, text) != NULL, "line %d: %s: no \"%s\" in: %s", line, call,
                      text, errors);
    }
}

TCase *sp_case(Suite *suite, const char *name)
{
    TCase *tests = tcase_create(name);

    tcase_set_timeout(tests, 300);
    suite_add_tcase(suite, tests);
    return tests;
}

int sp_run_forked(Suite *suite)
{
    SRunner *runner = srunner_create(suite);
    int failed;

    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
