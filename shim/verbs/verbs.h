/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Room verbs: sign, encrypt, verify and decrypt, and the stock names cms and smime.
 * Each runs stock openssl under the policy.
 */
#ifndef SHIM_VERBS_H
#define SHIM_VERBS_H

#include "common/shim.h"

/* |argv| begins with the name.  Returns an enum shim_exit or stock's exit code. */
typedef int shim_verb_fn(struct shim *shim, char **argv);
shim_verb_fn shim_run_verb;  /* sign, encrypt, verify, decrypt */
shim_verb_fn shim_run_stock; /* cms, smime */

#endif
