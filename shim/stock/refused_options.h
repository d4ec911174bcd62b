/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Options that would take the policy out of the way.
 */
#ifndef SHIM_REFUSED_OPTIONS_H
#define SHIM_REFUSED_OPTIONS_H

#include "stock/options.h"

/* Is there one among |args|?  Then it is refused on stderr, with the alternative. */
bool shim_has_refused_option(const struct shim_args *args, const char *what, bool like_stock);

#endif
