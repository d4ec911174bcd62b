/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>

#include "settings/rule_ids.h"
#include "rules/rules.h"

static const struct {
    const char *id;
    const char *reason;
} rules[] = {
#define X(name, key, id, text) { id, text " [" id "]" },
    SP_RULES(X, X)
#undef X
};

const char *sp_rule_id(size_t index)
{
    return index < SP_RULE_COUNT ? rules[index].id : NULL;
}

const char *sp_rule_reason(size_t index)
{
    return index < SP_RULE_COUNT ? rules[index].reason : NULL;
}

int sp_rule_index(const char *id)
{
    for (int i = 0; i < SP_RULE_COUNT; i++)
        if (strcmp(rules[i].id, id) == 0)
            return i;
    return -1;
}
