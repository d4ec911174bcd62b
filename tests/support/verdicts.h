/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Verdicts as text, for the rows of tests.
 */
#ifndef SP_TEST_VERDICTS_H
#define SP_TEST_VERDICTS_H

#include <check.h>

#include "certs.h"
#include "smimepolicy.h"

/* A summary such as "deny:key-usage warn:weak-key", in the verdict's order; "" without findings. */
char *sp_summary(const smimepolicy_verdict *verdict);

/* The first finding under |rule|, or NULL. */
const smimepolicy_finding *sp_find(const smimepolicy_verdict *verdict, const char *rule);

/* What the first finding under |rule| says, in its three parts. */
void sp_expect_words(const smimepolicy_verdict *verdict, const char *rule, const char *fault,
                     const char *found, const char *required);

/* Compare |verdict|, which is freed, with the summary that is expected. */
void sp_expect_verdict(smimepolicy_verdict *verdict, const char *expected);

/*
 * Judge the certificate of |recipe| for |use| and compare.  |settings| are `key =
 * value` pairs that end with NULL, or NULL.  It is judged as an X509 and from its
 * DER, which must agree.
 */
void sp_expect(const struct sp_recipe *recipe, smimepolicy_use use, time_t at,
               const char *const *settings, const char *expected);

smimepolicy_settings *sp_settings_of(const char *const *pairs);

/* Run |suite|, print its closing line, and return the exit code. */
int sp_run(Suite *suite);

#define SP_ROWS(rows) ((int)(sizeof(rows) / sizeof((rows)[0])))

#endif
