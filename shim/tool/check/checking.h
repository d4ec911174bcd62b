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

#include "common/shim.h"
#include <jansson.h>

#include <openssl/x509.h>

#include "settings/settings.h"

#define SHIM_USES 5 /* of enum smimepolicy_use */

struct shim_check {
    bool wanted[SHIM_USES]; /* by enum smimepolicy_use */
    const char *key_path;   /* or NULL */
    const char *passin;     /* or NULL */
    bool json;
    time_t at;
    char **files; /* borrowed, ended by NULL */
};

/*
 * Read the command line, which begins with the command's name.
 *
 * @return SHIM_OK, SHIM_USAGE, or -1 after help was printed
 */
int shim_check_options(struct shim *shim, char **argv, struct shim_check *check);

/* The report on one judged certificate or key. */
struct shim_report {
    const char *path;
    unsigned number;                          /* as in struct shim_part */
    const X509 *cert;                         /* NULL: a private key */
    bool asked_for;                           /* the private key of --key */
    smimepolicy_verdict *verdicts[SHIM_USES]; /* owned; NULL if not wanted; for a key only [0] */
};

/* Print to standard output a line for the verdict on the use |name|, and one for each finding. */
void shim_report_verdict(const smimepolicy_verdict *verdict, const char *name);
/* The verdict as JSON; NULL if out of memory. */
json_t *shim_json_verdict(const smimepolicy_verdict *verdict);

/* Collects reports and prints them; JSON is printed as one object at the end. */
struct shim_reporter;
struct shim_reporter *shim_reporter_new(const struct shim_check *check);
/* Add a report; false if out of memory. */
bool shim_reporter_add(struct shim_reporter *reporter, const struct shim_report *report);
/* The list that shim_part_tell() fills; borrowed.  NULL without a reporter. */
json_t *shim_reporter_unread(struct shim_reporter *reporter);
json_t *shim_reporter_notes(struct shim_reporter *reporter);
/* Print the rest and free the reporter; |allowed| is the overall answer. */
bool shim_reporter_end(struct shim_reporter *reporter, bool allowed);

shim_command_fn shim_run_check;

#endif
