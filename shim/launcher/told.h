/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * What the provider reports through the pipe: see docs/develop/architecture.md.
 */
#ifndef SHIM_TOLD_H
#define SHIM_TOLD_H

#include <stdbool.h>
#include <stddef.h>

#include "base/text.h"

#define SHIM_NONCE 32 /* hexadecimal digits */

struct shim_told {
    char nonce[SHIM_NONCE + 1]; /* what the greeting has to hold */
    const char *use;            /* borrowed: the use that is counted */
    /* borrowed: the keyring that has to be in force, empty for none; NULL: whichever is */
    const char *keyring;

    bool is_ready;         /* the whole greeting came */
    bool is_refused;       /* something is refused */
    bool asks;             /* somebody would have had to be asked */
    bool is_broken;        /* a line came that is none, or too many */
    bool other_keyring;    /* the policy file names another keyring */
    bool is_odd;           /* what was chosen needs the tool */
    size_t allowed;        /* how many certificates were used */
    struct sp_text used;   /* their fingerprints, a line each */
    struct sp_text chosen; /* those of the ones that were chosen by address */
    struct sp_text owed;   /* those of others that have to sign */
    size_t chosen_count;
    struct sp_text refusals, notes, observed; /* their texts, a line each */
    struct sp_text signers;                   /* who has signed, a line each */

    char line[4096]; /* the beginning of the next line */
    size_t len;
    size_t count; /* lines so far */
};

/* Make a nonce.  False if there is no randomness. */
bool shim_told_begin(struct shim_told *told);
/* Take the next bytes; a shim_hear_fn for a struct shim_told. */
void shim_told_hear(void *told, const char *bytes, size_t len);
/*
 * Was the policy in force, and were at least |wanted| certificates used under it, and
 * among them the |chosen| ones that were chosen by address?
 */
bool shim_told_proves(const struct shim_told *told, size_t wanted, size_t chosen);
void shim_told_end(struct shim_told *told);

#endif
