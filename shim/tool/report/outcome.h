/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Room report: the verdicts of one run of the command, printed as they come, and its report as
 * JSON.
 */
#ifndef SHIM_OUTCOME_H
#define SHIM_OUTCOME_H

#include <stdbool.h>

#include <jansson.h>

#include "common/shim.h"

struct shim_outcome {
    const smimepolicy_settings *settings; /* borrowed; NULL before they are known */
    bool silent;   /* nothing is told and nothing refused: denials go to the log alone */
    bool explains; /* --explain: nothing is done, so that nothing is logged either */
    bool alone;    /* no provider judges it again: what is only observed is logged here too */
    smimepolicy_verdict **held; /* owned: told once the operation has succeeded */
    size_t held_count;

    /* For the stock names: callers fail on a line of stderr that stock would not print. */
    bool denials_only;
    json_t *json;     /* owned: the verdicts, if they are not printed; else NULL */
    bool keeps;       /* the first denial is kept, and nothing is told */
    char *kept;       /* owned: its sp_finding_reason(), or NULL */
    const char *file; /* borrowed: the file of the next verdict, or NULL */
    unsigned part;    /* the number of its part in |file|, from 1; 0: the whole file */
    bool names_file;  /* print |file| and |part| at the beginning of a line */
    bool denied;      /* a verdict has refused the operation */
    int fault;        /* SHIM_OK, or the code of a failure to judge */
};

/*
 * Report |verdict|, which is taken over; NULL means out of memory.  A refusal also
 * goes to the decision log, because the provider, which logs everything else, will
 * not be asked.
 */
void shim_outcome_add(struct shim_outcome *outcome, smimepolicy_verdict *verdict);
/*
 * As shim_outcome_add(), for a rule that the provider cannot ask.  A verdict without
 * denials waits for shim_outcome_tell_held(), as it would sound like a success.
 */
void shim_outcome_hold(struct shim_outcome *outcome, smimepolicy_verdict *verdict);
void shim_outcome_tell_held(struct shim_outcome *outcome);
void shim_outcome_clear(struct shim_outcome *outcome);

/* What a command tells with --json.  All of it is taken over. */
/* Print |object| on a line of standard output; SHIM_OK, or SHIM_SYSTEM if memory ran out. */
int shim_json_line(json_t *object);
/* Print |object| with the members of |more|, unless that is NULL; |code|, or SHIM_SYSTEM. */
int shim_json_report(json_t *object, json_t *more, int code);
/* The same of what |operation| has done with the keyring. */
int shim_json_keyring_report(const struct shim *shim, const char *operation, int code,
                             json_t *more);

/* Print the findings of |verdict| to standard output, a line for each, indented. */
void shim_findings_print(const smimepolicy_verdict *verdict);

#endif
