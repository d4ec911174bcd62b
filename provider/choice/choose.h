/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Room choice: which stored certificate an address stands for, and which issuers go
 * along with its signatures.  The command and the store of the provider ask it.
 *
 * This header: the certificates of one address, in order of preference.
 */
#ifndef SP_CHOOSE_H
#define SP_CHOOSE_H

#include "keyring/keyring.h"
#include "rules/rules.h"

/* The certificate of |record|; NULL with |*why| set, or NULL for out of memory, if it is damaged.
 */
X509 *sp_record_parse(const struct sp_record *record, char **why);

struct sp_choice {
    smimepolicy_use use;
    struct sp_record *records;       /* owned, each with its content */
    struct sp_facts **facts;         /* owned, each one too */
    struct sp_candidate *candidates; /* owned, with their verdicts */
    size_t *order; /* owned: indices of the others, the best first; that one is chosen */
    size_t count;
};

/*
 * Find the certificates of |address|, and sort them for |use| as sp_rank() does.  Only
 * identities sign.  Encryption also takes them: one may write to oneself.
 *
 * @param choice   to clear with sp_choice_clear(), whatever is returned
 * @param keyring  NULL: there is no certificate
 * @param why      set on failure as for sp_keyring_open()
 * @return true also if there is none
 */
bool sp_choice_make(struct sp_choice *choice, struct sp_keyring *keyring, const char *address,
                    smimepolicy_use use, time_t at, const smimepolicy_settings *settings,
                    char **why);
void sp_choice_clear(struct sp_choice *choice);

/* May the certificate at |index| be used? */
bool sp_choice_is_usable(const struct sp_choice *choice, size_t index);
/*
 * Would another certificate have been chosen a week before |at|, among those that
 * were stored then?
 *
 * @return false only if out of memory
 */
bool sp_choice_has_changed(const struct sp_choice *choice, time_t at,
                           const smimepolicy_settings *settings, bool *changed);

#endif
