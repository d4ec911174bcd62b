/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Room overview: all that the keyring holds and what the decision log has refused, as
 * one JSON object or as one page of HTML.
 */
#ifndef SHIM_OVERVIEW_H
#define SHIM_OVERVIEW_H

#include <stdio.h>
#include <time.h>

#include <jansson.h>

#include "common/shim.h"
#include "keyring/keyring.h"

/* What is told of the decision log goes back so far. */
#define SHIM_LOG_DAYS 30

/*
 * Write the object of `report --json` (docs/use/json.md) as one line.  The certificates
 * are written one by one, so that memory does not grow with the keyring.
 *
 * @return SHIM_OK, or another code with the reason on stderr; what is written is then
 *         no whole object.  The caller looks for write errors of |to|.
 */
int shim_overview_json(struct shim *shim, struct sp_keyring *keyring, time_t now, FILE *to);

/*
 * Write a page that shows the same object into the file |path|, which appears when it is
 * complete and is for its owner alone; "-" is standard output.  The page refers to no other
 * file, and its content security policy lets its own script and style work and nothing else.
 */
int shim_overview_file(struct shim *shim, struct sp_keyring *keyring, time_t now, const char *path);

/*
 * Count what the decision log |path| has refused from |since| on: by rule, program, day
 * and certificate.  NULL: there is no log.
 *
 * @return the member `log` of the object; NULL if out of memory.  A log that cannot be
 *         read is told in it.
 */
json_t *shim_log_counts(const char *path, time_t since);

#endif
