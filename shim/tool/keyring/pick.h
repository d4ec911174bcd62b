/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Which certificates of the keyring a word of the command line names: an
 * address, a fingerprint, or the beginning of one.
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
 * Add what |word| names.
 *
 * @param found  set to how many it names
 * @return SHIM_OK; SHIM_USAGE if it is no selector, or an ambiguous one;
 *         SHIM_INPUT if there is none; SHIM_SYSTEM; said on stderr
 */
int shim_pick(struct shim *shim, struct sp_keyring *keyring, const char *word,
              struct shim_picks *picks, size_t *found);

/*
 * The address |word| as certificates are found by it: in lower case, its
 * domain as A-labels.  NULL with the fault on stderr.
 */
char *shim_address_folded(const char *word);

/* Call |take| for each of |picks|; one that is gone by now is passed over. */
int shim_picks_each(struct shim *shim, struct sp_keyring *keyring, const struct shim_picks *picks,
                    time_t at, shim_entry_fn *take, void *data);

#endif
