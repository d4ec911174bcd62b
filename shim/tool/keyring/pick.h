/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Selectors: a word of the command line that names certificates by an address, a
 * fingerprint, or its first digits.
 */
#ifndef SHIM_PICK_H
#define SHIM_PICK_H

#include "tool/keyring/stored_entry.h"

/* Zero-initialise it. */
struct shim_picks {
    unsigned char (*each)[SP_SHA256_LENGTH]; /* owned: fingerprints, each once */
    size_t count;
};
void shim_picks_clear(struct shim_picks *picks);
bool shim_picks_add(struct shim_picks *picks, const unsigned char fingerprint[SP_SHA256_LENGTH]);

/*
 * Add the certificates that |word| names.
 *
 * @param found  set to their number
 * @return SHIM_OK; SHIM_USAGE if it is no selector or ambiguous; SHIM_INPUT if there
 *         is none; SHIM_SYSTEM; with the reason on stderr
 */
int shim_pick(struct shim *shim, struct sp_keyring *keyring, const char *word,
              struct shim_picks *picks, size_t *found);
/* The same for each of |words|, which end with NULL. */
int shim_pick_all(struct shim *shim, struct sp_keyring *keyring, char *const *words,
                  struct shim_picks *picks);

/*
 * The address |word| as it is looked up: in lower case, its domain as A-labels.
 * NULL with the fault on stderr.
 */
char *shim_address_folded(const char *word);

/* Call |take| for each of |picks|; one that is no longer stored is skipped. */
int shim_picks_each(struct shim *shim, struct sp_keyring *keyring, const struct shim_picks *picks,
                    time_t at, shim_entry_fn *take, void *data);

#endif
