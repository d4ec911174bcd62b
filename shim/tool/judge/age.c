/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>

#include "keyring/contact.h"
#include "rules/rules.h"
#include "tool/judge/command_line.h"
#include "tool/keyring/keyring_at.h"

void shim_judge_age(const struct shim_operation *operation, struct shim_outcome *outcome)
{
    static const smimepolicy_use uses[] = { SMIMEPOLICY_SIGN, SMIMEPOLICY_ENCRYPT,
                                            SMIMEPOLICY_VERIFY };
    struct shim *shim = operation->shim;
    time_t contact;

    for (size_t i = 0; i < sizeof(uses) / sizeof(uses[0]); i++) {
        if (strcmp(operation->request->operation, smimepolicy_use_name(uses[i])) != 0 ||
            !sp_age_is_asked(uses[i], shim->settings))
            continue;
        outcome->fault = shim_keyring_find(shim);
        if (outcome->fault != SHIM_OK)
            return;
        contact = sp_keyring_contact(shim->keyring_path);
        if (sp_is_stale(contact, time(NULL), shim->settings))
            shim_outcome_add(outcome,
                             sp_judge_age(NULL, uses[i], contact, time(NULL), shim->settings));
    }
}
