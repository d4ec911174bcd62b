/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The place of the command that starts a program and reads what the gates report.
 */
#ifndef SP_TEST_REPORTING_H
#define SP_TEST_REPORTING_H

#define SP_NONCE "0123456789abcdef0123456789abcdef"

/* The pipe that is reported to. */
extern int sp_report_ends[2];

/* The settings of a command that reads from the pipe, and |more|; free() it. */
char *sp_reporting(const char *more);
/* Open the pipe, and start with these settings. */
void sp_start_reporting(const char *more);

/* The lines behind the greeting, when all is done; free() it. */
char *sp_reported(void);
void sp_expect_reported(const char *expected);
/* How many lines begin with |kind| and contain |what|? */
int sp_count_lines(const char *lines, const char *kind, const char *what);

/* Of a certificate of make_pki, after the start; free() it. */
char *sp_fingerprint_of(const char *name);

#endif
