/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include "tool/keyring/choices.h"

#include <stdio.h>

#include <openssl/crypto.h>

#include "base/json_text.h"
#include "common/print.h"

/* Print |text|, which is taken over, as a note on the choice. */
static void note(const struct sp_choice *choice, const char *address, char *text)
{
    shim_print(stderr, "note: %s: %s: %s\n", smimepolicy_use_name(choice->use), address,
               text != NULL ? text : "out of memory");
    OPENSSL_free(text);
}

static void tell_others(const struct sp_choice *choice, const char *address)
{
    const size_t chosen = choice->order[0];

    note(choice, address, sp_chosen_text(choice->candidates[chosen].verdict, choice->count));
    for (size_t i = 0; i < choice->count; i++)
        if (i != chosen)
            note(choice, address, sp_passed_over_text(choice->candidates[i].verdict));
}

/* Give the verdict of |index| to the outcome, which takes it over. */
static void hand_over(struct sp_choice *choice, size_t index, struct shim_outcome *outcome)
{
    smimepolicy_verdict *verdict = choice->candidates[index].verdict;

    choice->candidates[index].verdict = NULL;
    shim_outcome_add(outcome, verdict);
}

void shim_choice_tell(struct sp_choice *choice, const char *address, bool with_others,
                      struct shim_outcome *outcome)
{
    if (choice->count == 0) {
        shim_outcome_add(outcome, sp_refuse_not_stored(choice->use, address));
    } else if (sp_choice_is_usable(choice, choice->order[0])) {
        if (choice->count > 1 && with_others && outcome->json == NULL)
            tell_others(choice, address);
        hand_over(choice, choice->order[0], outcome);
    } else {
        for (size_t i = 0; i < choice->count; i++)
            hand_over(choice, i, outcome);
    }
}

static json_t *candidate_json(const struct sp_choice *choice, size_t index)
{
    const smimepolicy_verdict *verdict = choice->candidates[index].verdict;
    const bool usable = sp_choice_is_usable(choice, index);
    const bool chosen = usable && index == choice->order[0];
    char *reason = chosen ? NULL : sp_passed_over_reason(verdict);
    char text[SP_FINGERPRINT_TEXT];
    json_t *object;

    sp_fingerprint_text(choice->records[index].fingerprint, text);
    object = json_pack("{s:s, s:s, s:s, s:s, s:b, s:b, s:s?}", "fingerprint", text, "role",
                       sp_role_name(choice->records[index].role), "subject",
                       smimepolicy_verdict_get0_subject(verdict), "serial",
                       smimepolicy_verdict_get0_serial(verdict), "usable", usable, "chosen", chosen,
                       "reason", reason);
    OPENSSL_free(reason);
    return object;
}

json_t *shim_choice_json(const struct sp_choice *choice, const char *address)
{
    json_t *list = json_array();

    for (size_t i = 0; i < choice->count; i++)
        json_array_append_new(list, candidate_json(choice, i));
    return json_pack("{s:o, s:s, s:o}", "address", sp_json_text(address), "use",
                     smimepolicy_use_name(choice->use), "candidates", list);
}
