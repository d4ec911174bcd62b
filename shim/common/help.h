/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The texts of --help.
 */
#ifndef SHIM_HELP_H
#define SHIM_HELP_H

/* Each prints to stdout and returns SHIM_OK. */
int shim_help(void);
int shim_help_verb(const char *verb);
int shim_version(void);

#endif
