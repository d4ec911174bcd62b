/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The certificates of one address, in order of preference.
 */
#ifndef SP_CHOOSE_H
#define SP_CHOOSE_H

#include "keyring/keyring.h"

struct sp_chosen {
    struct sp_record *records; /* owned, each with its content */
    size_t *order;             /* owned: indices of |records|, the best first */
    size_t count;
    size_t next; /* how many were taken */
};

/*
 * Find the certificates of |address| in |roles|, and sort them for |use|.  Finding
 * none is no failure.  On failure |*why| is set as for sp_keyring_open().
 */
bool sp_chosen_find(struct sp_chosen *chosen, struct sp_keyring *keyring, const char *address,
                    unsigned roles, smimepolicy_use use, const smimepolicy_settings *settings,
                    char **why);
/* Move the next one to |record|; false if there is no more. */
bool sp_chosen_next(struct sp_chosen *chosen, struct sp_record *record);
void sp_chosen_clear(struct sp_chosen *chosen);

#endif
