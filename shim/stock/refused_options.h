/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Options that are refused because they would disable the policy, or are given twice.
 */
#ifndef SHIM_REFUSED_OPTIONS_H
#define SHIM_REFUSED_OPTIONS_H

#include "stock/options.h"

/* Is one of |args| refused?  Then the reason is on stderr, with the alternative. */
bool shim_has_refused_option(const struct shim_args *args, const char *what,
                             const struct shim_manner *manner);

/* SHIM_USAGE, with the fault on stderr, if an option of ours that takes one value was given two. */
int shim_args_repeated(const struct shim_args *args);

#endif
