/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The parts of `smime-policy config`.
 */
#ifndef SHIM_CONFIG_H
#define SHIM_CONFIG_H

#include "common/shim.h"

/* Report what in the openssl.cnf |path| defeats the policy; an enum shim_exit. */
int shim_lint(const char *path);

/* What an openssl.cnf names; each is owned, or NULL. */
struct shim_named {
    char *keyring; /* that the provider is given */
    char *log;     /* why this user would lose what is to be logged */
    char *lost;    /* settings that are there and cannot be read, and why */
};
/* Free with shim_named_clear(). */
struct shim_named shim_lint_named(const char *path);
void shim_named_clear(struct shim_named *named);

/*
 * Prove that the real openssl refuses under the openssl.cnf |path|; NULL for
 * the one that the verbs use.
 *
 * @param alone  report on standard output, and a success too
 */
int shim_self_test(const struct shim *shim, const char *path, bool alone);

shim_command_fn shim_run_config;

#endif
