/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * A process with the provider.
 *
 * The provider is compiled in and loaded by a configuration file, as programs do it,
 * so that sanitizers and valgrind see its symbols.  libcheck forks for each test,
 * and nothing calls libcrypto before: each test is a process of its own.
 */
#ifndef SP_TEST_HARNESS_H
#define SP_TEST_HARNESS_H

#include <check.h>
#include <stdbool.h>

#include <openssl/bio.h>
#include <openssl/provider.h>
#include <openssl/x509.h>

/* The time in seconds after which a process hangs, and is not only slow on a busy machine. */
#define SP_PATIENCE 300

/* The entry point of the provider, which is compiled in. */
OSSL_provider_init_fn OSSL_provider_init;

/*
 * Initialise libcrypto from a configuration that activates the provider alone,
 * with |settings| (lines of its section, or NULL).
 */
void sp_start(const char *settings);
/* As sp_start(), with the module itself, by `module = path`. */
void sp_start_module(const char *settings);
/* As sp_start(), with a configuration that the test has written. */
void sp_start_with(const char *configuration);
/* The text of such a configuration, for a library context of the test; free() it. */
char *sp_configuration(const char *settings);
/* Write |text| to a file that is removed when the process ends; returns its name, to free(). */
char *sp_temporary(const char *text);

/* Read a certificate of make_pki; never NULL. */
X509 *sp_read_cert(const char *name);
EVP_PKEY *sp_read_key(const char *name);
/* |suffix| "pem", "sig" (a CMS message signed by it) or "enc" (one encrypted to it). */
BIO *sp_read_file(const char *name, const char *suffix);
/* The certificate as DER, a new string. */
int sp_read_der(const char *name, unsigned char **der);

/* The error queue as text; static, and the queue is empty afterwards. */
const char *sp_errors(void);

/*
 * Assert that |done| is true and the error queue empty (|text| NULL), or that |done|
 * is false and an error contains |text|.  The queue is empty afterwards.
 */
void sp_expect_outcome(bool done, const char *text, const char *call, int line);

#define EXPECT(call, text)         sp_expect_outcome((call), (text), #call, __LINE__)
#define EXPECT_DONE(call)          EXPECT(call, NULL)
#define EXPECT_REFUSED(call, text) EXPECT(call, text)

/* Run |suite| (a fork each) and return the exit code. */
int sp_run_forked(Suite *suite);
/* A suite with one case, whose tests may be slow under valgrind. */
TCase *sp_case(Suite *suite, const char *name);

#define SP_ROWS(rows) ((int)(sizeof(rows) / sizeof((rows)[0])))

#endif
