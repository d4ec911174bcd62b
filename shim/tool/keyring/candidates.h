/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The certificates of one address in the keyring, and the choice among them.
 */
#ifndef SHIM_CANDIDATES_H
#define SHIM_CANDIDATES_H

#include <time.h>

#include <jansson.h>

#include "keyring/keyring.h"
#include "rules/rules.h"
#include "tool/report/outcome.h"

struct shim_candidates {
    const char *address; /* borrowed, as it was given */
    smimepolicy_use use;
    struct sp_record *records;       /* owned, as their contents */
    X509 **certs;                    /* owned, each one too */
    struct sp_facts **facts;         /* owned, each one too */
    struct sp_candidate *candidates; /* owned, with their verdicts */
    size_t count;
    size_t chosen; /* the chosen index; |count|: there is none */
    bool changed;  /* a week ago another one would have been chosen */
};

/*
 * Find the certificates of |address| for the use, and choose one.
 *
 * @param candidates  to free with shim_candidates_clear(), whatever is returned
 * @return SHIM_OK, also if there is none; else the reason is on stderr
 */
int shim_candidates_find(struct shim_candidates *candidates, struct sp_keyring *keyring,
                         const char *address, smimepolicy_use use, time_t now,
                         const smimepolicy_settings *settings);
void shim_candidates_clear(struct shim_candidates *candidates);

/*
 * Report to |outcome|: the verdict on the chosen one, or denials if none may be
 * used.  Notes on the others if the choice has changed, or if |verbose|.
 */
void shim_candidates_tell(struct shim_candidates *candidates, bool verbose,
                          struct shim_outcome *outcome);
/* The same as data: one of the `choices` of docs/use/json.md. */
json_t *shim_candidates_json(const struct shim_candidates *candidates);

#endif
