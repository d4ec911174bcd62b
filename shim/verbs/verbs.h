/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The verbs and the stock names: each runs stock openssl under the policy.
 */
#ifndef SHIM_VERBS_H
#define SHIM_VERBS_H

#include "common/shim.h"

shim_command_fn shim_run_verb;  /* sign, encrypt, verify, decrypt */
shim_command_fn shim_run_stock; /* cms, smime */

#endif
