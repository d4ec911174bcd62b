/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The openssl.cnf that programs use.
 */
#ifndef SHIM_SNIPPET_H
#define SHIM_SNIPPET_H

/* The text before and after the module's path. */
extern const char *const shim_snippet[2];

#endif
