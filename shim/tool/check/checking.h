/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Room check: `smime-policy check`, which prints every finding and changes nothing.
 */
#ifndef SHIM_CHECKING_H
#define SHIM_CHECKING_H

#include <stdbool.h>
#include <time.h>

#include <jansson.h>
#include <openssl/x509.h>

#include "common/long_options.h"
#include "rules/rules.h"

#define SHIM_USES SP_USE_COUNT /* of enum smimepolicy_use */

struct shim_check {
    bool wanted[SHIM_USES]; /* by enum smimepolicy_use */
    const char *key_path;   /* or NULL */
    const char *passin;     /* or NULL */
    bool json;
    time_t at;
    char **files; /* borrowed, ended by NULL */
};

/* Read the command line; SHIM_OK or SHIM_USAGE. */
int shim_check_options(const struct shim_long *line, struct shim_check *check);

/* The report on one judged certificate or key. */
struct shim_report {
    const char *path;
    unsigned number;  /* as in struct shim_part */
    const X509 *cert; /* NULL: a private key */
    bool asked_for;   /* the private key of --key */
    /* owned; NULL if not wanted; for a key only [0] */
    smimepolicy_verdict *verdicts[SHIM_USES];
};

/* Print to standard output a line for the verdict on the use |name|, and one for each finding. */
void shim_report_verdict(const smimepolicy_verdict *verdict, const char *name);

/*
 * Print |report|, or add it to |told|, the object that is printed at the end, unless that is NULL.
 * shim_memory_sufficed() knows if something is lost.
 */
void shim_report_add(json_t *told, const struct shim_report *report);

shim_command_fn shim_run_check;

#endif
