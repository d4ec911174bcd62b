/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The parts of `smime-policy config`.
 */
#ifndef SHIM_CONFIG_H
#define SHIM_CONFIG_H

#include "shim.h"

/* Report what in the openssl.cnf |path| defeats the policy; an enum shim_exit. */
int shim_lint(const char *path);

/* The keyring that the provider is given by the openssl.cnf |path|; owned, NULL if none. */
char *shim_lint_keyring(const char *path);

/*
 * Prove that the real openssl refuses under the openssl.cnf |path|; NULL for
 * the one that the verbs use.
 *
 * @param alone  report on standard output, and a success too
 */
int shim_self_test(const struct shim *shim, const char *path, bool alone);

#endif
