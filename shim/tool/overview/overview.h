/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Room overview: all that the keyring holds and what the decision log has refused, as
 * one JSON object or as one page of HTML.
 */
#ifndef SHIM_OVERVIEW_H
#define SHIM_OVERVIEW_H

#include <time.h>

#include <jansson.h>

#include "base/sha256.h"
#include "common/long_options.h"
#include "keyring/keyring.h"

shim_command_fn shim_run_report;

/* What is told of the decision log goes back so far. */
#define SHIM_LOG_DAYS 30

/*
 * Write a page that shows the object of `report --json` (docs/use/json.md) into the file |path|,
 * which appears when it is complete and is for its owner alone; "-" is standard output.  The page
 * refers to no other file, and its content security policy lets its own script and style work and
 * nothing else.
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

/* The parts of the page; CMake makes them of the files page.html, page.css and page.js. */
extern const struct sp_piece shim_page_body, shim_page_style, shim_page_script;

#endif
