/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * What was decided in one run of the command: every verdict, told as it comes.
 */
#ifndef SHIM_OUTCOME_H
#define SHIM_OUTCOME_H

#include <stdbool.h>

#include "smimepolicy.h"

struct shim_outcome {
    /* A stock name: callers break on a line of stderr that stock would not write. */
    bool denials_only;
    bool denied; /* a verdict refused the operation */
    int fault;   /* SHIM_OK, or what kept us from judging */
};

/* Tell the findings of |verdict|, which is taken over; NULL means out of memory. */
void shim_outcome_add(struct shim_outcome *outcome, smimepolicy_verdict *verdict);

#endif
