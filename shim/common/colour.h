/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Colour for people: on a terminal, unless they ask for none.
 */
#ifndef SHIM_COLOUR_H
#define SHIM_COLOUR_H

#include <stdbool.h>

#include "smimepolicy.h"

/* Is |fd| a terminal with colour?  No with NO_COLOR (no-color.org) or TERM=dumb. */
bool shim_colour_on(int fd);
/* The sequences before and after a word of that severity. */
const char *shim_colour_begin(smimepolicy_severity severity);
extern const char shim_colour_end[];

#endif
