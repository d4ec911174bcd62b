/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The header of a mail that goes out: taking it from --headers, and whether its sender
 * signs it.
 */
#include <errno.h>
#include <string.h>

#include <openssl/buffer.h>

#include "tool/judge/judge.h"
#include "common/output.h"
#include "header/divide.h"
#include "rules/rules.h"

static int failed(void)
{
    shim_error("cannot keep a copy of the message in %s: %s", shim_spool_dir(),
               errno != 0 ? strerror(errno) : "out of memory");
    return SHIM_SYSTEM;
}

static int unreadable(enum sp_unreadable why)
{
    shim_error("the header of the mail %s; mend it, or leave --headers out and name sender and "
               "recipients with --from and --to",
               sp_unreadable_text(why));
    return SHIM_INPUT;
}

/* Take Bcc out of the fields that stay outside; false if out of memory. */
static bool hide_bcc(struct shim_selection *selection)
{
    char *header = selection->header;
    struct sp_text left = { 0 };
    struct shim_field field;
    size_t at = 0;

    while (shim_fields_next(header, strlen(header), &at, &field))
        if (!shim_field_is(&field, "Bcc"))
            sp_text_add_bytes(&left, field.name, (size_t)(header + at - field.name));
    selection->header = sp_text_take(&left);
    OPENSSL_free(header);
    return selection->header != NULL;
}

static int keep(struct shim_selection *selection, const BUF_MEM *header, FILE *mail)
{
    struct sp_text outside = { 0 };
    struct sp_text inside = { 0 };
    bool done;

    errno = 0;
    shim_header_divide(header->data, header->length, &outside, &inside);
    selection->input = shim_input_spool();
    selection->header = sp_text_take(&outside);
    done = selection->input != NULL && selection->header != NULL && !inside.failed &&
           (!selection->separates || hide_bcc(selection)) &&
           fwrite(inside.data, 1, inside.len, selection->input) == inside.len &&
           shim_input_copy(mail, selection->input);
    OPENSSL_free(inside.data);
    return done ? SHIM_OK : failed();
}

static int take_apart(struct shim_selection *selection, FILE *mail)
{
    BUF_MEM *header;
    int code;

    errno = 0;
    header = shim_input_header(mail);
    if (header == NULL || !shim_mail_read(header->data, header->length, &selection->mail))
        code = failed();
    else if (selection->mail.sender.header != SP_READABLE)
        code = unreadable(selection->mail.sender.header);
    else
        code = keep(selection, header, mail);
    BUF_MEM_free(header);
    return code;
}

int shim_headers_read(struct shim_operation *operation)
{
    const char *in = shim_args_value(operation->args, "in");
    FILE *mail;
    int code;

    if (shim_request_reads_stdin(operation->request) && (in == NULL || strcmp(in, "-") == 0)) {
        shim_error("standard input is for the message alone: give passphrases, certificates and "
                   "keys in files");
        return SHIM_INPUT;
    }
    code = shim_input_open(in, false, &mail);
    if (code == SHIM_OK)
        code = take_apart(&operation->selection, mail);
    if (mail != NULL)
        fclose(mail);
    if (code == SHIM_OK) {
        operation->takes_input = true;
        operation->input = fileno(operation->selection.input);
    }
    return code;
}

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
    const char *from = stock_from(operation->args);
    struct shim_mail mail;

    if (!shim_writes_header(operation->args))
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
