/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Telling which certificate of an address was chosen, and why not the others.
 */
#ifndef SHIM_CHOICES_H
#define SHIM_CHOICES_H

#include <jansson.h>

#include "choice/choose.h"
#include "tool/report/outcome.h"

/*
 * Report the choice for |address| to |outcome|, which takes over the verdicts it
 * gets: that on the chosen one, or denials if none may be used.
 *
 * @param with_others  print notes on the others, too
 */
void shim_choice_tell(struct sp_choice *choice, const char *address, bool with_others,
                      struct shim_outcome *outcome);
/* The same as data: one of the `choices` of docs/use/json.md. */
json_t *shim_choice_json(const struct sp_choice *choice, const char *address);

#endif
