/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The environment that stock gets.
 */
#ifndef SHIM_ENVIRONMENT_H
#define SHIM_ENVIRONMENT_H

#include "stock/stock.h"

/* With `-passin env:NAME` stock reads the passphrase from this variable instead of NAME. */
#define SHIM_PASSIN "SMIME_POLICY_PASSIN"

/*
 * A list of what is passed, and nothing else; docs/use/drop-in.md has it with the
 * reasons.  With |as_is| all of ours but OPENSSL_CONF.
 *
 * @return to free with shim_environment_free(); NULL if out of memory
 */
char **shim_environment(const struct shim_stock *stock);
void shim_environment_free(char **environment);

/* The passphrase if |passin| is `env:NAME` and NAME is set; else NULL.  Borrowed. */
const char *shim_environment_pass(const char *passin);

#endif
