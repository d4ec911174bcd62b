/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include "tool/judge/outgoing.h"

#include <string.h>

#include <openssl/crypto.h>

#include "common/shim.h"
#include "rules/rules.h"
#include "tool/mail/mail.h"

/* The facts of all signers. */
struct signers {
    struct sp_facts **each; /* owned, as its elements */
    size_t count;
    bool whole; /* every signer is known */
};

static void add(struct signers *signers, const X509 *cert)
{
    struct sp_facts *facts = cert == NULL ? NULL : sp_facts_new(cert);

    if (facts != NULL)
        signers->each[signers->count++] = facts;
    else
        signers->whole = false;
}

static struct signers collect(const struct shim_operation *operation,
                              const struct shim_secret *secret)
{
    const struct shim_request *request = operation->request;
    const struct shim_selection *selection = &operation->selection;
    struct signers signers = {
        .each = OPENSSL_zalloc((request->signer_count + selection->signer_count + 1) *
                               sizeof(*signers.each)),
    };

    signers.whole = signers.each != NULL;
    for (size_t i = 0; signers.each != NULL && i < request->signer_count; i++) {
        struct shim_loaded loaded;
        bool done = shim_load(request->signers[i].cert, WANT_FACTS, secret, &loaded) == LOADED;

        add(&signers, done ? sk_X509_value(loaded.certs, 0) : NULL);
        shim_loaded_clear(&loaded);
    }
    for (size_t i = 0; signers.each != NULL && i < selection->signer_count; i++)
        add(&signers, selection->signers[i].cert);
    return signers;
}

/* Compare the sender, unless a signer is not known, who may be the sender. */
static void compare(const struct signers *signers, const struct sp_sender *sender,
                    struct shim_outcome *outcome)
{
    if (signers->each == NULL)
        outcome->fault = shim_no_memory();
    else if (signers->whole && signers->count > 0)
        shim_outcome_add(outcome,
                         sp_judge_sender_to_sign((const struct sp_facts *const *)signers->each,
                                                 signers->count, sender));
}

static void judge(const struct shim_operation *operation, const struct shim_secret *secret,
                  const struct sp_sender *sender, struct shim_outcome *outcome)
{
    struct signers signers = collect(operation, secret);

    compare(&signers, sender, outcome);
    for (size_t i = 0; i < signers.count; i++)
        sp_facts_free(signers.each[i]);
    OPENSSL_free(signers.each);
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

void shim_outgoing_judge(const struct shim_operation *operation, const struct shim_secret *secret,
                         struct shim_outcome *outcome)
{
    const char *form = shim_args_value(operation->args, "outform");
    const char *from = stock_from(operation->args);
    struct shim_mail mail;

    /* Only S/MIME output has a header. */
    if (form != NULL && form[0] != 's' && form[0] != 'S')
        return;
    if (operation->selection.header != NULL) {
        judge(operation, secret, &operation->selection.mail.sender, outcome);
    } else if (from != NULL) {
        if (shim_mail_from(from, &mail))
            judge(operation, secret, &mail.sender, outcome);
        else
            outcome->fault = shim_no_memory();
        shim_mail_clear(&mail);
    }
}
