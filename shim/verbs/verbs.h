/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Room verbs: sign, encrypt, verify and decrypt, and the stock names cms and smime.
 * Each runs stock openssl under the policy.
 */
#ifndef SHIM_VERBS_H
#define SHIM_VERBS_H

#include "tool/judge/judge.h"

/* |argv| begins with the name.  Returns an enum shim_exit or stock's exit code. */
typedef int shim_verb_fn(struct shim *shim, char **argv);
shim_verb_fn shim_run_verb;  /* sign, encrypt, verify, decrypt */
shim_verb_fn shim_run_stock; /* cms, smime */

/* One run of a verb, for its report: with --json at its end, with --explain instead of running. */
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
