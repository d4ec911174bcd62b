/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>
#include <strings.h>

#include "header/plain_fields.h"
#include "base/allocate.h"

#define ATOM   "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_+"
#define NAME   ATOM "'"
#define QUOTED NAME " .,&/"
#define WHITE  " \t\r\n"

/* RFC 5322, 2.1.1, and RFC 5321, 4.5.3.1. */
#define MAX_LINE    998
#define MAX_ADDRESS (64 + 1 + 255)

/* The rest of a list. */
struct rest {
    const char *at;
    const char *end;
};

/* Skip all characters of |set|; returns how many. */
static size_t skip(struct rest *rest, const char *set)
{
    const char *from = rest->at;

    while (rest->at < rest->end && *rest->at != '\0' && strchr(set, *rest->at) != NULL)
        rest->at++;
    return (size_t)(rest->at - from);
}

static bool take(struct rest *rest, char c)
{
    if (rest->at == rest->end || *rest->at != c)
        return false;
    rest->at++;
    return true;
}

/* Skip atoms with single dots between them. */
static bool skip_atoms(struct rest *rest)
{
    do
        if (skip(rest, ATOM) == 0)
            return false;
    while (take(rest, '.'));
    return true;
}

static bool add_address(struct rest *rest, struct shim_plain_list *list)
{
    const char *from = rest->at;
    char *address;

    if (!skip_atoms(rest) || !take(rest, '@') || !skip_atoms(rest) ||
        rest->at - from > MAX_ADDRESS || list->count == SHIM_PLAIN_MOST)
        return false;
    address = OPENSSL_strndup(from, (size_t)(rest->at - from));
    if (address != NULL)
        list->each[list->count++] = address;
    return address != NULL;
}

/* Skip a name, if there is one; false if it has another form. */
static bool skip_name(struct rest *rest)
{
    if (take(rest, '"')) {
        if (skip(rest, QUOTED) == 0 || !take(rest, '"'))
            return false;
        skip(rest, WHITE);
        return true;
    }
    while (skip(rest, NAME) > 0)
        skip(rest, WHITE);
    return true;
}

static bool read_entry(struct rest *rest, struct shim_plain_list *list)
{
    struct rest named;
    bool done;

    skip(rest, WHITE);
    named = *rest;
    if (skip_name(&named) && take(&named, '<')) {
        *rest = named;
        done = add_address(rest, list) && take(rest, '>');
    } else {
        done = add_address(rest, list);
    }
    skip(rest, WHITE);
    return done;
}

bool shim_plain_list_read(struct shim_plain_list *list, const char *text, size_t len)
{
    struct rest rest = { text, text + len };

    do
        if (!read_entry(&rest, list))
            return false;
    while (take(&rest, ','));
    return rest.at == rest.end;
}

bool shim_plain_list_given(struct shim_plain_list *list, const char *text)
{
    return strpbrk(text, "\r\n") == NULL && shim_plain_list_read(list, text, strlen(text));
}

void shim_plain_list_clear(struct shim_plain_list *list)
{
    while (list->count > 0)
        OPENSSL_free(list->each[--list->count]);
}

static bool is_white(char c)
{
    return c == ' ' || c == '\t';
}

/* Is it the first line of a field, or one that continues the field before it? */
static bool is_plain_line(const char *line, size_t len, bool is_first)
{
    size_t at = 0;

    for (size_t i = 0; i < len; i++)
        if ((line[i] < ' ' && line[i] != '\t') || line[i] > '~')
            return false;
    if (is_white(line[0])) {
        while (at < len && is_white(line[at]))
            at++;
        return !is_first && at < len && len <= MAX_LINE;
    }
    while (at < len && line[at] > ' ' && line[at] != ':' && line[at] != '"')
        at++;
    return at > 0 && at < len && line[at] == ':' && len <= MAX_LINE;
}

size_t shim_plain_header_length(const char *text, size_t len)
{
    const char *feed = memchr(text, '\n', len);
    size_t end = feed != NULL && feed > text && feed[-1] == '\r' ? 2 : 1;
    size_t line;

    for (size_t at = 0; (feed = memchr(text + at, '\n', len - at)) != NULL; at += line + end) {
        line = (size_t)(feed - (text + at)) + 1;
        if (line < end || (end == 2 && feed[-1] != '\r'))
            return 0;
        line -= end;
        if (line == 0)
            return at == 0 ? 0 : at + end;
        if (!is_plain_line(text + at, line, at == 0))
            return 0;
    }
    return 0;
}

/* A field in the text of a header. */
struct field {
    const char *name;
    size_t name_len;
    struct rest body;
};

/* Read the field at |*at|; false at the empty line. */
static bool next_field(const char **at, const char *end, struct field *field)
{
    const char *colon = memchr(*at, ':', (size_t)(end - *at));

    if (**at == '\r' || **at == '\n' || colon == NULL)
        return false;
    *field = (struct field){ *at, (size_t)(colon - *at), { colon + 1, end } };
    do
        *at = (const char *)memchr(*at, '\n', (size_t)(end - *at)) + 1;
    while (is_white(**at));
    field->body.end = *at;
    return true;
}

/* Which of |names| it is; the number of names if it is none. */
static size_t name_of(const struct field *field, const char *const *names)
{
    size_t i = 0;

    while (names[i] != NULL && (strlen(names[i]) != field->name_len ||
                                strncasecmp(names[i], field->name, field->name_len) != 0))
        i++;
    return i;
}

enum { FROM, TO, CC, TYPE, SENDER, OTHER_FROM, BCC, OTHER };
static const char *const names[] = { "From",         "To",     "Cc",
                                     "Content-Type", "Sender", "Apparently-From",
                                     "Bcc",          NULL };

bool shim_plain_mail_read(struct shim_plain_mail *mail, const char *header, size_t len)
{
    bool seen[OTHER] = { false };
    const char *at = header;
    struct field field;

    while (next_field(&at, header + len, &field)) {
        size_t name = name_of(&field, names);
        const char *body = field.body.at;
        size_t body_len = (size_t)(field.body.end - body);

        if (name == OTHER)
            continue;
        if (seen[name] || name == SENDER || name == OTHER_FROM || name == BCC)
            return false;
        seen[name] = true;
        if (name != TYPE &&
            !shim_plain_list_read(name == FROM ? &mail->from : &mail->to, body, body_len))
            return false;
    }
    return mail->from.count == 1;
}

static bool is_of_mime(const struct field *field)
{
    static const char version[] = "MIME-Version", content[] = "Content-";

    return (field->name_len == strlen(version) &&
            strncasecmp(field->name, version, strlen(version)) == 0) ||
           (field->name_len > strlen(content) &&
            strncasecmp(field->name, content, strlen(content)) == 0);
}

bool shim_plain_is_bare(const char *header, size_t len)
{
    const char *at = header;
    struct field field;
    size_t types = 0;

    while (next_field(&at, header + len, &field)) {
        types += name_of(&field, names) == TYPE;
        if (!is_of_mime(&field) || types > 1)
            return false;
    }
    return true;
}

void shim_plain_mail_clear(struct shim_plain_mail *mail)
{
    shim_plain_list_clear(&mail->from);
    shim_plain_list_clear(&mail->to);
}
