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
#include "rules/revocation.h"

/* The certificate of |record|; NULL with |*why| set, or NULL for out of memory, if it is damaged.
 */
X509 *sp_record_parse(const struct sp_record *record, char **why);

struct sp_choice {
    smimepolicy_use use;
    struct sp_record *records; /* owned, each with its content */
    size_t count;
    /* The rest is NULL until they are ranked. */
    struct sp_facts **facts;           /* owned, each one too */
    struct sp_revocation *revocations; /* owned, each one too */
    struct sp_candidate *candidates;   /* owned, with their verdicts */
    size_t *order; /* owned: indices of the others, the best first; that one is chosen */
};

/*
 * Find the certificates of |address| for |use|.  Only identities sign.  Encryption
 * also takes them: one may write to oneself.
 *
 * @param choice   to clear with sp_choice_clear(), whatever is returned
 * @param keyring  NULL: there is no certificate
 * @param why      set on failure as for sp_keyring_open()
 * @return true also if there is none
 */
bool sp_choice_find(struct sp_choice *choice, struct sp_keyring *keyring, const char *address,
                    smimepolicy_use use, char **why);
/*
 * Judge and sort them, as sp_rank() does.  One alone need not be ranked to be chosen,
 * which spares parsing it.
 *
 * @param crls  the path of the keyring whose CRLs are asked; NULL: none
 * @param why  set on failure as for sp_keyring_open()
 */
bool sp_choice_rank(struct sp_choice *choice, const char *crls, time_t at,
                    const smimepolicy_settings *settings, char **why);
/* The index of the one that stands at |i| in the order; at 0 the one that is chosen. */
size_t sp_choice_place(const struct sp_choice *choice, size_t i);
void sp_choice_clear(struct sp_choice *choice);

/* May the certificate at |index| be used?  They are ranked. */
bool sp_choice_is_usable(const struct sp_choice *choice, size_t index);
/*
 * Would another certificate have been chosen a week before |at|, among those that
 * were stored then?  They are ranked.
 *
 * @return false only if out of memory
 */
bool sp_choice_has_changed(const struct sp_choice *choice, time_t at,
                           const smimepolicy_settings *settings, bool *changed);

#endif
