/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * What an outcome was told, in a form that a row of a test can spell out.
 */
#ifndef SHIM_TEST_OUTCOMES_H
#define SHIM_TEST_OUTCOMES_H

#include "tool/report/outcome.h"

/*
 * Compare what |outcome|, which collects JSON, was told: "3 4:deny:expired" is a verdict
 * without findings on the certificate with serial 3, and one with one on 4; "-" is no
 * certificate.  Empties |outcome|.
 */
void sp_expect_outcome(struct shim_outcome *outcome, const char *expected);

#endif
