/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>

#include <openssl/crypto.h>

#include "tool/mail/boundary.h"
#include "base/text.h"

#define NAME "boundary"

struct reader {
    const char *at;
    const char *end;
};

struct span {
    const char *text;
    size_t len;
};

static bool take_char(struct reader *reader, char c)
{
    if (reader->at == reader->end || *reader->at != c)
        return false;
    reader->at++;
    return true;
}

static void skip_white(struct reader *reader)
{
    while (reader->at < reader->end && strchr(" \t\r\n", *reader->at) != NULL)
        reader->at++;
}

/* Read a token (RFC 2045, 5.1). */
static bool read_token(struct reader *reader, struct span *token)
{
    token->text = reader->at;
    while (reader->at<reader->end && * reader->at> ' ' && *reader->at <= '~' &&
           strchr("()<>@,;:\\\"/[]?=", *reader->at) == NULL)
        reader->at++;
    token->len = (size_t)(reader->at - token->text);
    return token->len > 0;
}

static bool read_value(struct reader *reader, struct span *value)
{
    if (!take_char(reader, '"'))
        return read_token(reader, value);
    value->text = reader->at;
    while (reader->at < reader->end && *reader->at >= ' ' && *reader->at <= '~' &&
           *reader->at != '"' && *reader->at != '\\')
        reader->at++;
    value->len = (size_t)(reader->at - value->text);
    return take_char(reader, '"');
}

static bool is_word(struct span span, const char *word)
{
    return span.len == strlen(word) && OPENSSL_strncasecmp(span.text, word, span.len) == 0;
}

/* Read type and subtype, such as "multipart" and "signed"; false unless only parameters follow. */
static bool read_type(struct reader *reader, struct span *type, struct span *subtype)
{
    skip_white(reader);
    if (!read_token(reader, type) || !take_char(reader, '/') || !read_token(reader, subtype))
        return false;
    skip_white(reader);
    return reader->at == reader->end || *reader->at == ';';
}

/* Read all parameters; one of them must be the boundary. */
static bool find(struct reader *reader, struct span *boundary)
{
    struct span name, value;

    for (skip_white(reader); take_char(reader, ';'); skip_white(reader)) {
        skip_white(reader);
        if (reader->at == reader->end)
            break;
        if (!read_token(reader, &name) || !take_char(reader, '=') || !read_value(reader, &value))
            return false;
        if (name.len >= strlen(NAME) && OPENSSL_strncasecmp(name.text, NAME, strlen(NAME)) == 0) {
            if (boundary->len > 0 || name.len > strlen(NAME))
                return false;
            *boundary = value;
        }
    }
    return reader->at == reader->end && boundary->len > 0;
}

bool shim_type_read(const struct shim_field *content_type, char **type)
{
    struct reader reader = { content_type->body, content_type->body + content_type->len };
    struct span kind, subtype;
    size_t len;

    *type = NULL;
    if (!read_type(&reader, &kind, &subtype))
        return true;
    /* Type and subtype are adjacent, with the slash between them. */
    len = (size_t)(subtype.text + subtype.len - kind.text);
    *type = OPENSSL_strndup(kind.text, len);
    for (size_t i = 0; *type != NULL && i < len; i++)
        (*type)[i] = sp_fold((*type)[i]);
    return *type != NULL;
}

bool shim_boundary_read(const struct shim_field *content_type, char **boundary)
{
    struct reader reader = { content_type->body, content_type->body + content_type->len };
    struct span type, subtype, found = { 0 };

    *boundary = NULL;
    if (!read_type(&reader, &type, &subtype) || !is_word(type, "multipart") ||
        !find(&reader, &found))
        return true;
    *boundary = OPENSSL_strndup(found.text, found.len);
    return *boundary != NULL;
}
