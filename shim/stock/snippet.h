/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The openssl.cnf for programs.
 */
#ifndef SHIM_SNIPPET_H
#define SHIM_SNIPPET_H

/* What comes before and after the module's path. */
extern const char *const shim_snippet[2];

#endif
