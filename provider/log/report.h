/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The report: lines of text for the program that started this one, through a pipe
 * that it inherits.
 *
 * The decision log may lose a line, and changes no decision.  The report may not:
 * whoever reads it takes a line that is missing for a certificate that was not
 * judged.  So the policy is locked once a line could not be written, as
 * sp_policy_locked() (policy/policy.h) asks sp_report_failed().
 *
 * Threads: it is opened while the provider is loaded, and written by any thread.
 */
#ifndef SP_REPORT_H
#define SP_REPORT_H

#include <stdbool.h>

/* The most bytes of a line, with its line end.  A pipe takes so many in one piece. */
#define SP_REPORT_LINE_MAX 4096
/* The most lines of a process.  Instead of the next one `report-overflow` is written. */
#define SP_REPORT_LINES_MAX 10000
/* The number of hexadecimal digits of a nonce. */
#define SP_REPORT_NONCE 32

/*
 * Report to |fd|, an inherited pipe, and write "hello |nonce| VERSION".  If |fd| is no
 * pipe that can be written, or |nonce| is none, the report has failed.  Opened again
 * with the same values it goes on; with others it has failed.
 */
void sp_report_open(int fd, const char *nonce);
/* Forget the report: the last instance of the provider is gone.  |fd| stays open. */
void sp_report_close(void);

/* Is there a report?  True also if it has failed. */
bool sp_report_is_on(void);

/*
 * Write a line, without its line end in |format|.  Secrets in URIs are masked; bytes
 * that are no UTF-8, and characters that must not reach a terminal, become \HH.  A
 * line that is too long is cut and ends in "...".  It waits until the pipe has room.
 *
 * Without a report nothing is done.  A process that was forked off writes nothing:
 * there the report has failed.
 */
void sp_report_line(const char *format, ...) __attribute__((format(printf, 1, 2)));

/*
 * Report each finding of |decision|, or its note, as
 * "refused|observed|note USE FINGERPRINT RULE TEXT"; a part that there is not is "-".
 */
struct sp_decision;
void sp_report_decision(const struct sp_decision *decision);
/* Report "allowed USE FINGERPRINT" of a |certificate|, a SHA-256 or NULL. */
void sp_report_allowed(const char *use, const unsigned char *certificate);
/* Of a signer: report "vouched FINGERPRINT", and "verified FINGERPRINT TEXT". */
void sp_report_vouched(const unsigned char *certificate);
void sp_report_verified(const unsigned char *certificate, const char *text);

/*
 * Write the lines between these two together, while the provider is loaded: for each
 * one alone, writer and reader would take turns.
 */
void sp_report_hold(void);
void sp_report_release(void);

/* Is there a report of which a line could not be written? */
bool sp_report_failed(void);

#endif
