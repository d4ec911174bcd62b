/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The reports of a verb: with --json at its end, with --explain instead of running.
 */
#ifndef SHIM_VERB_REPORT_H
#define SHIM_VERB_REPORT_H

#include "tool/mail/mail.h"
#include "tool/report/outcome.h"
#include "tool/run/operation.h"

/* One run of a verb, for its report. */
struct shim_verb_report {
    const struct shim_operation *operation;
    const struct shim_outcome *outcome;
    const struct shim_incoming *incoming; /* what was verified, or NULL */
    const char *said;                     /* stock's standard error; NULL if it did not run */
    int code;                             /* enum shim_exit */
};

/* Print one JSON object to standard output; returns the exit code. */
int shim_verb_report_json(const struct shim_verb_report *report);
/* Print what would be run and written; returns the exit code. */
int shim_verb_report_plan(const struct shim_verb_report *report);

#endif
