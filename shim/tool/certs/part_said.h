/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Reporting parts that are neither certificate nor key.
 */
#ifndef SHIM_PART_SAID_H
#define SHIM_PART_SAID_H

#include <jansson.h>

#include "tool/certs/parts.h"

/* Print why |part| of |path| could not be read, or its note, and add it to |list|. */
void shim_part_tell(const struct shim_part *part, const char *path, json_t *list);

#endif
