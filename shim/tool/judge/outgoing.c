/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include "tool/judge/command_line.h"

#include <string.h>

#include "common/shim.h"
#include "rules/rules.h"
#include "tool/judge/verify.h"

static void judge(const STACK_OF(X509) *signers, const struct sp_sender *sender,
                  struct shim_outcome *outcome)
{
    size_t count;
    struct sp_facts **facts = shim_facts_of(signers, 0, &count);

    if (facts == NULL)
        outcome->fault = shim_no_memory();
    else if (count > 0 && (int)count == sk_X509_num(signers))
        shim_outcome_add(
            outcome, sp_judge_sender_to_sign((const struct sp_facts *const *)facts, count, sender));
    shim_facts_free(facts, count);
}

/* The -from that stock writes into the header; --from is another option. */
static const char *stock_from(const struct shim_args *args)
{
    const char *value = NULL;

    for (size_t i = 0; i < args->count; i++)
        if (args->given[i].option->role == ROLE_FIELD &&
            strcmp(args->given[i].option->name, "from") == 0)
            value = args->given[i].value;
    return value;
}

void shim_outgoing_judge(const struct shim_operation *operation, const STACK_OF(X509) *signers,
                         struct shim_outcome *outcome)
{
    const char *form = shim_args_value(operation->args, "outform");
    const char *from = stock_from(operation->args);
    struct shim_mail mail;

    /* Only S/MIME output has a header. */
    if (form != NULL && form[0] != 's' && form[0] != 'S')
        return;
    if (operation->selection.header != NULL) {
        judge(signers, &operation->selection.mail.sender, outcome);
    } else if (from != NULL) {
        if (shim_mail_from(from, &mail))
            judge(signers, &mail.sender, outcome);
        else
            outcome->fault = shim_no_memory();
        shim_mail_clear(&mail);
    }
}
