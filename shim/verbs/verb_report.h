/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * What a verb tells at its end with --json, and instead of doing with --explain.
 */
#ifndef SHIM_VERB_REPORT_H
#define SHIM_VERB_REPORT_H

#include "tool/mail/incoming.h"
#include "tool/report/outcome.h"
#include "tool/run/operation.h"

/* One run of a verb, told when it is over. */
struct shim_verb_report {
    const struct shim_operation *operation;
    const struct shim_outcome *outcome;
    const struct shim_incoming *incoming; /* what was verified, or NULL */
    const char *said; /* by stock, on its standard error; NULL if it did not run */
    int code;         /* enum shim_exit */
};

/* One JSON object on standard output; returns the exit code. */
int shim_verb_report_json(const struct shim_verb_report *report);
/* What would be run and written, as text; returns the exit code. */
int shim_verb_report_plan(const struct shim_verb_report *report);

#endif
