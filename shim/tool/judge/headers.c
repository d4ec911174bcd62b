/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The header of a mail that goes out: taking it from --headers, and whether its sender
 * signs it.
 */
#include <errno.h>
#include <string.h>
#include <strings.h>

#include <openssl/buffer.h>

#include "tool/judge/command_line.h"
#include "common/output.h"
#include "rules/rules.h"
#include "tool/judge/verify.h"

enum place { OUTSIDE, INSIDE, NOWHERE };

/* RFC 8551, 3.1: the content has its own MIME fields; stock writes those outside. */
static enum place place_of(const char *line)
{
    if (strncasecmp(line, "Content-", 8) == 0)
        return INSIDE;
    if (strncasecmp(line, "MIME-Version", 12) == 0 && (line[12] == ':' || line[12] == ' '))
        return NOWHERE;
    return OUTSIDE;
}

static bool append(BUF_MEM *to, const char *bytes, size_t len)
{
    size_t before = to->length;

    if (BUF_MEM_grow(to, before + len) == 0)
        return false;
    memcpy(to->data + before, bytes, len);
    return true;
}

/* Append a line that ends with a line feed alone, as stock's lines do. */
static bool append_outside(BUF_MEM *to, const char *line, size_t len)
{
    if (len >= 2 && line[len - 2] == '\r' && line[len - 1] == '\n')
        return append(to, line, len - 2) && append(to, "\n", 1);
    return append(to, line, len);
}

/*
 * Divide the header.  A line that begins with white space belongs to the field
 * before it; the empty line to neither part.
 */
static bool divide(const BUF_MEM *header, BUF_MEM *outside, FILE *inside)
{
    const char *line = header->data;
    const char *end = line + header->length;
    enum place place = OUTSIDE;

    while (line < end && line[0] != '\r' && line[0] != '\n') {
        const char *feed = memchr(line, '\n', (size_t)(end - line));
        size_t len = feed == NULL ? (size_t)(end - line) : (size_t)(feed - line) + 1;

        if (line[0] != ' ' && line[0] != '\t')
            place = place_of(line);
        if (place == OUTSIDE && !append_outside(outside, line, len))
            return false;
        if (place == INSIDE && fwrite(line, 1, len, inside) != len)
            return false;
        line += len;
    }
    return fputs("\r\n", inside) >= 0;
}

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

static int keep(struct shim_selection *selection, const BUF_MEM *header, FILE *mail)
{
    errno = 0;
    selection->input = shim_input_spool();
    selection->header = BUF_MEM_new();
    return selection->input != NULL && selection->header != NULL &&
                   divide(header, selection->header, selection->input) &&
                   shim_input_copy(mail, selection->input)
               ? SHIM_OK
               : failed();
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
