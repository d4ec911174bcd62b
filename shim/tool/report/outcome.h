/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * What was decided in one run of the command: every verdict, told as it comes.
 */
#ifndef SHIM_OUTCOME_H
#define SHIM_OUTCOME_H

#include <stdbool.h>

#include <jansson.h>

#include "settings/settings.h"

struct shim_outcome {
    const smimepolicy_settings *settings; /* borrowed; NULL before they are known */
    bool silent;   /* nothing is told and nothing refused: denials go to the log alone */
    bool explains; /* --explain: nothing is done, so that nothing is logged either */
    bool alone;    /* no provider judges it again: what is only observed is logged here too */
    smimepolicy_verdict **held; /* owned: told once the operation has succeeded */
    size_t held_count;

    /* A stock name: callers break on a line of stderr that stock would not write. */
    bool denials_only;
    json_t *json;     /* owned: the verdicts, where they are not printed; NULL: they are */
    const char *file; /* borrowed: what the next verdict is about, or NULL */
    unsigned part;    /* the place in |file|, from one; 0: the whole */
    bool names_file;  /* lines begin with |file| and |part| */
    bool denied;      /* a verdict refused the operation */
    int fault;        /* SHIM_OK, or what kept us from judging */
};

/*
 * Tell the findings of |verdict|, which is taken over; NULL means out of
 * memory.  A refusal goes to the decision log too: the provider, which logs
 * all else, will not be asked.
 */
void shim_outcome_add(struct shim_outcome *outcome, smimepolicy_verdict *verdict);
/*
 * The same for a rule that the provider cannot ask.  A verdict that denies
 * nothing waits for shim_outcome_tell_held(): it reassures.
 */
void shim_outcome_hold(struct shim_outcome *outcome, smimepolicy_verdict *verdict);
void shim_outcome_tell_held(struct shim_outcome *outcome);
void shim_outcome_clear(struct shim_outcome *outcome);

#endif
