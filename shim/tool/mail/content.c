/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>

#include <openssl/crypto.h>

#include "tool/mail/mail.h"
#include "base/text.h"

/* RFC 6838, 4.2 allows 127 characters for type and subtype each. */
#define MAX_TYPE 255

#define NAME "boundary"

struct reader {
    const char *at;
    const char *end;
};

struct span {
    const char *text;
    size_t len;
};

static struct reader reader_of(const struct shim_field *field)
{
    return (struct reader){ field->body, field->body + field->len };
}

static bool take_char(struct reader *reader, char c)
{
    if (reader->at == reader->end || *reader->at != c)
        return false;
    reader->at++;
    return true;
}

static bool is_white(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static void skip_white(struct reader *reader)
{
    while (reader->at < reader->end && is_white(*reader->at))
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

/* Read type and subtype, such as "multipart/signed"; false unless only parameters follow. */
static bool read_type(struct reader *reader, struct span *type)
{
    struct span subtype;

    skip_white(reader);
    if (!read_token(reader, type) || !take_char(reader, '/') || !read_token(reader, &subtype))
        return false;
    type->len = (size_t)(reader->at - type->text);
    skip_white(reader);
    return type->len <= MAX_TYPE && (reader->at == reader->end || *reader->at == ';');
}

/* Read all parameters; one of them must be the boundary. */
static bool read_boundary(struct reader *reader, struct span *boundary)
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

bool shim_content_type(const struct shim_field *field, char **type, char **boundary)
{
    struct reader reader = reader_of(field);
    struct span text, value = { 0 };

    *type = *boundary = NULL;
    if (!read_type(&reader, &text))
        return true;
    *type = OPENSSL_strndup(text.text, text.len);
    for (char *at = *type; at != NULL && *at != '\0'; at++)
        *at = sp_fold(*at);
    if (*type == NULL || strncmp(*type, "multipart/", 10) != 0 || !read_boundary(&reader, &value))
        return *type != NULL;
    *boundary = OPENSSL_strndup(value.text, value.len);
    return *boundary != NULL;
}

/* The fields that describe the content; the last one of each, and how many there are. */
enum { TYPE, ENCODING, DISPOSITION, FIELDS };
struct content {
    struct shim_field fields[FIELDS];
    size_t counts[FIELDS];
};

static void read_fields(struct content *content, const char *header, size_t len)
{
    static const char *const names[] = { "Content-Type", "Content-Transfer-Encoding",
                                         "Content-Disposition" };
    struct shim_field field;
    size_t at = 0;

    while (shim_fields_next(header, len, &at, &field))
        for (size_t i = 0; i < FIELDS; i++)
            if (shim_field_is(&field, names[i])) {
                content->fields[i] = field;
                content->counts[i]++;
            }
}

static enum shim_encoding encoding_of(const struct content *content)
{
    struct reader reader = reader_of(&content->fields[ENCODING]);
    struct span word = { 0 };

    skip_white(&reader);
    (void)read_token(&reader, &word);
    skip_white(&reader);
    if (reader.at == reader.end && is_word(word, "base64"))
        return SHIM_BASE64;
    return content->counts[ENCODING] == 0 ||
                   (reader.at == reader.end &&
                    (is_word(word, "7bit") || is_word(word, "8bit") || is_word(word, "binary")))
               ? SHIM_PLAIN
               : SHIM_ENCODED;
}

/* Find |word| in the text of |reader|, which is then behind it; case does not matter. */
static bool find(struct reader *reader, const char *word)
{
    size_t len = strlen(word);

    for (; (size_t)(reader->end - reader->at) >= len; reader->at++)
        if (OPENSSL_strncasecmp(reader->at, word, len) == 0) {
            reader->at += len;
            return true;
        }
    return false;
}

/*
 * Does a file name in the field end with |suffix|?  A name may be written in many
 * ways: in two fields, with quotes, pieces or encodings.  All of them but base64
 * show its end.
 */
static bool ends_a_name(const struct shim_field *field, const char *suffix)
{
    struct reader reader = reader_of(field);

    while (find(&reader, suffix))
        if (reader.at == reader.end || is_white(*reader.at) || strchr("\"';?", *reader.at) != NULL)
            return true;
    return false;
}

static bool is_named_p7(const struct shim_field *field)
{
    return ends_a_name(field, ".p7m") || ends_a_name(field, ".p7s");
}

/* Does the type, which cannot be read, hold |word|? */
static bool hints_at(const struct content *content, const char *word)
{
    struct reader reader = reader_of(&content->fields[TYPE]);

    return find(&reader, word);
}

static const char *find_fault(const struct content *content, const char *type)
{
    for (size_t i = 0; i < FIELDS; i++)
        if (content->counts[i] > 1)
            return "has a part that says twice what it holds";
    /* A less strict reader may take the type for a multipart. */
    if (type == NULL && (hints_at(content, "multipart") || hints_at(content, "pkcs7")))
        return "has a part whose Content-Type readers might take differently";
    return NULL;
}

bool shim_content_read(struct shim_mime *part, size_t len, const char **fault)
{
    struct content content = { .fields = { { .body = "" }, { .body = "" }, { .body = "" } } };
    enum sp_unreadable unreadable = shim_fields_check(part->start, len);

    /* A part may have no header; a mail may not. */
    if (unreadable == SP_READABLE)
        read_fields(&content, part->start, len);
    else if (unreadable != SP_HEADER_EMPTY || part->number == 0)
        *fault = "has a part whose header cannot be read";
    if (content.counts[TYPE] > 0 &&
        !shim_content_type(&content.fields[TYPE], &part->type, &part->boundary))
        return false;
    if (*fault == NULL)
        *fault = find_fault(&content, part->type);
    if (part->type == NULL)
        part->type = OPENSSL_strdup(content.counts[TYPE] > 0 ? "unknown" : "text/plain");
    part->encoding = encoding_of(&content);
    part->named_p7 =
        is_named_p7(&content.fields[TYPE]) || is_named_p7(&content.fields[DISPOSITION]);
    return part->type != NULL;
}
