/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>

#include <openssl/crypto.h>

#include "tool/mail/mail.h"

/* RFC 5322, 2.1.1.  Readers that cut lines do not cut them before this length. */
#define MAX_LINE 998

#define ENVELOPE "From "

bool shim_field_is(const struct shim_field *field, const char *name)
{
    return field->name_len == strlen(name) &&
           OPENSSL_strncasecmp(field->name, name, field->name_len) == 0;
}

static bool is_white(char c)
{
    return c == ' ' || c == '\t';
}

/* A line of the header, without its end. */
struct line {
    const char *text;
    size_t len;
    size_t end; /* the length of its line end: 0 at the end of the file, 1 or 2 */
};

/* The line at |at|.  It ends with a line feed; a carriage return elsewhere is refused. */
static struct line line_at(const char *header, size_t len, size_t at)
{
    struct line line = { .text = header + at };
    const char *feed = memchr(line.text, '\n', len - at);

    line.len = feed == NULL ? len - at : (size_t)(feed - line.text);
    line.end = feed == NULL ? 0 : 1;
    if (feed != NULL && line.len > 0 && feed[-1] == '\r') {
        line.len--;
        line.end = 2;
    }
    return line;
}

/*
 * The length of a field's name.  RFC 5322, 3.6.8: printable characters but the
 * colon, which follows directly.  libcrypto drops quotes, so they are refused.
 */
static size_t name_length(const struct line *line)
{
    size_t len = 0;

    while (len < line->len && line->text[len] > ' ' && line->text[len] <= '~' &&
           line->text[len] != ':' && line->text[len] != '"')
        len++;
    return len < line->len && line->text[len] == ':' ? len : 0;
}

static bool is_blank(const struct line *line)
{
    for (size_t i = 0; i < line->len; i++)
        if (!is_white(line->text[i]))
            return false;
    return true;
}

/* Is it the envelope line of an mbox?  "From : x" is not, as some readers take it for a field. */
static bool is_envelope(const struct line *line, size_t at)
{
    size_t len = strlen(ENVELOPE);

    return at == 0 && line->len > len && memcmp(line->text, ENVELOPE, len) == 0 &&
           !is_white(line->text[len]) && line->text[len] != ':';
}

/* Does |text| begin with the name of a field that tells the sender or the content, and a colon? */
static bool is_telling_name(const char *text, size_t len)
{
    static const char *const names[] = { "From", "Sender", "Content-Type" };

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        size_t at = strlen(names[i]);

        if (len <= at || OPENSSL_strncasecmp(text, names[i], at) != 0)
            continue;
        while (at < len && is_white(text[at]))
            at++;
        if (at < len && text[at] == ':')
            return true;
    }
    return false;
}

/* Could a reader that cuts long lines find another sender or content in this one? */
static bool hides_sender(const struct line *line)
{
    for (size_t at = MAX_LINE; at < line->len; at++)
        if (is_telling_name(line->text + at, line->len - at))
            return true;
    return false;
}

static enum sp_unreadable check_lines(const char *header, size_t len)
{
    struct line line = { 0 };
    bool in_field = false; /* there is a field that the next line may continue */

    for (size_t at = 0; at < len; at += line.len + line.end) {
        size_t end_before = line.end;

        line = line_at(header, len, at);
        if (line.len == 0 && at == 0)
            return SP_HEADER_EMPTY;
        /* Some readers look for an empty line with the line end of the lines before. */
        if (line.len == 0)
            return line.end != end_before ? SP_HEADER_END : SP_READABLE;
        if (hides_sender(&line))
            return SP_HEADER_CUT;
        if (is_white(line.text[0])) {
            if (!in_field || is_blank(&line))
                return SP_HEADER_LINE;
            continue;
        }
        in_field = name_length(&line) > 0;
        if (!in_field && !is_envelope(&line, at))
            return SP_HEADER_LINE;
    }
    return SP_READABLE;
}

enum sp_unreadable shim_fields_check(const char *header, size_t len)
{
    /* |header| may be NULL then. */
    if (len == 0)
        return SP_READABLE;
    if (memchr(header, '\0', len) != NULL)
        return SP_HEADER_NUL;
    for (size_t at = 0; at < len; at++)
        if (header[at] == '\r' && (at + 1 == len || header[at + 1] != '\n'))
            return SP_HEADER_CR;
    return len > SHIM_MAX_HEADER ? SP_HEADER_LONG : check_lines(header, len);
}

bool shim_fields_next(const char *header, size_t len, size_t *at, struct shim_field *field)
{
    struct line line = { 0 };

    if (*at >= len)
        return false;
    line = line_at(header, len, *at);
    if (line.len == 0)
        return false;
    field->name = line.text;
    field->name_len = is_envelope(&line, *at) ? strlen(ENVELOPE) : name_length(&line);
    field->body = line.text + field->name_len + (line.text[field->name_len] == ':');
    do {
        field->len = (size_t)(line.text + line.len - field->body);
        *at += line.len + line.end;
    } while (*at < len && is_white(header[*at]) && (line = line_at(header, len, *at), true));
    return true;
}

size_t shim_header_length(const char *text, size_t len)
{
    struct line line = { 0 };

    for (size_t at = 0; at < len; at += line.len + line.end) {
        line = line_at(text, len, at);
        if (line.len == 0)
            return at + line.end;
    }
    return 0;
}

/* Some fields count only if there is one of them. */
struct counts {
    size_t senders;
    size_t content_types;
    struct shim_field content_type;
};

static bool is_empty(const struct shim_field *field)
{
    for (size_t i = 0; i < field->len; i++)
        if (!is_white(field->body[i]) && field->body[i] != '\r' && field->body[i] != '\n')
            return false;
    return true;
}

static void read_field(struct shim_mail *mail, const struct shim_field *field,
                       struct counts *counts)
{
    if (sp_is_mail_field(field->name, field->name_len))
        mail->sender.is_mail = true;
    if (shim_field_is(field, "From")) {
        mail->sender.from_fields++;
        shim_addresses_parse(&mail->from, SHIM_MAILBOXES, field->body, field->len);
    } else if (shim_field_is(field, "Apparently-From")) {
        /* mutt takes it for one more From field. */
        mail->sender.from_fields++;
        mail->from.unreadable = SP_LIST_OTHER;
    } else if (shim_field_is(field, "Sender")) {
        counts->senders++;
        shim_addresses_parse(&mail->senders, SHIM_MAILBOXES, field->body, field->len);
    } else if (shim_field_is(field, "To") || shim_field_is(field, "Cc")) {
        shim_addresses_parse(&mail->to, SHIM_WITH_GROUPS, field->body, field->len);
    } else if (shim_field_is(field, "Bcc")) {
        mail->has_bcc = true;
        /* RFC 5322, 3.6.3: this one may be empty. */
        if (!is_empty(field))
            shim_addresses_parse(&mail->bcc, SHIM_WITH_GROUPS, field->body, field->len);
    } else if (shim_field_is(field, "Resent-Bcc")) {
        mail->has_resent_bcc = true;
    } else if (shim_field_is(field, "Content-Type")) {
        counts->content_types++;
        counts->content_type = *field;
    }
}

/* None counts if a list cannot be read to its end; false if memory ran out while it was read. */
static bool settle_list(struct shim_addresses *list)
{
    if (list->unreadable != SP_READABLE)
        shim_addresses_clear(list);
    return !list->failed;
}

/* Settle all lists; |sender| then refers to them. */
static bool settle(struct shim_mail *mail, size_t sender_fields)
{
    bool done = settle_list(&mail->from);

    done = settle_list(&mail->senders) && done;
    done = settle_list(&mail->to) && done;
    done = settle_list(&mail->bcc) && done;
    mail->sender.list = mail->from.unreadable;
    mail->sender.from = mail->from.each;
    mail->sender.from_count = mail->from.count;
    if (sender_fields == 1 && mail->senders.count == 1)
        mail->sender.sender = mail->senders.each[0];
    return done;
}

/* Read the boundary of a multipart/signed; false if out of memory. */
static bool read_signed(const struct shim_field *content_type, char **boundary)
{
    char *type;
    bool done = shim_content_type(content_type, &type, boundary);

    if (type != NULL && strcmp(type, "multipart/signed") != 0) {
        OPENSSL_free(*boundary);
        *boundary = NULL;
    }
    OPENSSL_free(type);
    return done;
}

bool shim_mail_read(const char *header, size_t len, struct shim_mail *mail)
{
    struct counts counts = { 0 };
    struct shim_field field;
    size_t at = 0;

    memset(mail, 0, sizeof(*mail));
    mail->sender.header = shim_fields_check(header, len);
    if (mail->sender.header != SP_READABLE)
        return true;
    while (shim_fields_next(header, len, &at, &field))
        read_field(mail, &field, &counts);
    /* With two Content-Type fields readers take either one. */
    if (counts.content_types > 1) {
        mail->sender.header = SP_HEADER_TYPES;
        shim_addresses_clear(&mail->to);
        shim_addresses_clear(&mail->bcc);
        return true;
    }
    return settle(mail, counts.senders) &&
           (counts.content_types == 0 || read_signed(&counts.content_type, &mail->boundary));
}

bool shim_mail_from(const char *list, struct shim_mail *mail)
{
    memset(mail, 0, sizeof(*mail));
    mail->sender.is_mail = true;
    mail->sender.from_fields = 1;
    /* A line break is no part of an address here. */
    if (strpbrk(list, "\r\n") == NULL)
        shim_addresses_parse(&mail->from, SHIM_MAILBOXES, list, strlen(list));
    else
        mail->from.unreadable = SP_LIST_OTHER;
    return settle(mail, 0);
}

void shim_mail_clear(struct shim_mail *mail)
{
    shim_addresses_clear(&mail->from);
    shim_addresses_clear(&mail->senders);
    shim_addresses_clear(&mail->to);
    shim_addresses_clear(&mail->bcc);
    OPENSSL_free(mail->boundary);
    memset(mail, 0, sizeof(*mail));
}
