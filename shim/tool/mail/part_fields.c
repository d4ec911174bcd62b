/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>

#include <openssl/crypto.h>

#include "tool/mail/part_fields.h"
#include "base/text.h"
#include "tool/mail/boundary.h"
#include "tool/mail/fields.h"

/* RFC 6838, 4.2 allows 127 characters for type and subtype each. */
#define MAX_TYPE 255

/* The fields that describe the content, and the number of each. */
struct content {
    struct shim_field type;
    struct shim_field encoding;
    struct shim_field disposition;
    size_t types;
    size_t encodings;
    size_t dispositions;
};

static void take(struct shim_field *into, size_t *count, const struct shim_field *field)
{
    *into = *field;
    (*count)++;
}

static void read_fields(struct content *content, const char *header, size_t len)
{
    struct shim_field field;
    size_t at = 0;

    while (shim_fields_next(header, len, &at, &field)) {
        if (shim_field_is(&field, "Content-Type"))
            take(&content->type, &content->types, &field);
        else if (shim_field_is(&field, "Content-Transfer-Encoding"))
            take(&content->encoding, &content->encodings, &field);
        else if (shim_field_is(&field, "Content-Disposition"))
            take(&content->disposition, &content->dispositions, &field);
    }
}

static bool is_white(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool is_word(const struct shim_field *field, const char *word)
{
    const char *at = field->body;
    const char *end = at + field->len;

    while (at < end && is_white(*at))
        at++;
    while (end > at && is_white(end[-1]))
        end--;
    return (size_t)(end - at) == strlen(word) && OPENSSL_strncasecmp(at, word, strlen(word)) == 0;
}

static enum shim_encoding encoding_of(const struct content *content)
{
    static const char *const plain[] = { "7bit", "8bit", "binary" };

    if (content->encodings == 0)
        return SHIM_PLAIN;
    for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++)
        if (is_word(&content->encoding, plain[i]))
            return SHIM_PLAIN;
    return is_word(&content->encoding, "base64") ? SHIM_BASE64 : SHIM_ENCODED;
}

/*
 * Find |word| in the field, behind |from| unless that is NULL; case does not
 * matter.  NULL if it is not there.
 */
static const char *find(const struct shim_field *field, const char *from, const char *word)
{
    const char *end;
    size_t len = strlen(word);

    if (field->body == NULL)
        return NULL;
    end = field->body + field->len;
    if (from == NULL)
        from = field->body;
    for (; (size_t)(end - from) >= len; from++)
        if (OPENSSL_strncasecmp(from, word, len) == 0)
            return from;
    return NULL;
}

/*
 * Does a file name in the field end with |suffix|?  A name may be written in many
 * ways: in two fields, with quotes, pieces or encodings.  All of them but base64
 * show its end.
 */
static bool ends_a_name(const struct shim_field *field, const char *suffix)
{
    const char *at = find(field, NULL, suffix);

    while (at != NULL) {
        const char *behind = at + strlen(suffix);

        if (behind == field->body + field->len || is_white(*behind) ||
            strchr("\"';?", *behind) != NULL)
            return true;
        at = find(field, behind, suffix);
    }
    return false;
}

static bool is_named_p7(const struct content *content)
{
    static const char *const suffixes[] = { ".p7m", ".p7s" };

    for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++)
        if (ends_a_name(&content->type, suffixes[i]) ||
            ends_a_name(&content->disposition, suffixes[i]))
            return true;
    return false;
}

static const char *find_fault(const struct content *content, const char *type)
{
    if (content->types > 1 || content->encodings > 1 || content->dispositions > 1)
        return "has a part that says twice what it holds";
    /* We cannot read the type, but a less strict reader may take it for a multipart. */
    if (type == NULL && (find(&content->type, NULL, "multipart") != NULL ||
                         find(&content->type, NULL, "pkcs7") != NULL))
        return "has a part whose Content-Type readers might take differently";
    return NULL;
}

bool shim_part_fields_read(struct shim_part *part, size_t len, const char **fault)
{
    struct content content = { 0 };
    enum sp_unreadable unreadable = shim_fields_check(part->start, len);
    char *type = NULL;

    /* A part may have no header; a mail may not. */
    if (unreadable == SP_READABLE)
        read_fields(&content, part->start, len);
    else if (unreadable != SP_HEADER_EMPTY || part->number == 0)
        *fault = "has a part whose header cannot be read";
    if (content.types > 0 && !shim_type_read(&content.type, &type))
        return false;
    if (type != NULL && strlen(type) > MAX_TYPE) {
        OPENSSL_free(type);
        type = NULL;
    }
    if (*fault == NULL)
        *fault = find_fault(&content, content.types > 0 ? type : "");
    part->type = type != NULL ? type : OPENSSL_strdup(content.types > 0 ? "unknown" : "text/plain");
    part->encoding = encoding_of(&content);
    part->named_p7 = is_named_p7(&content);
    return part->type != NULL &&
           (content.types == 0 || shim_boundary_read(&content.type, &part->boundary));
}
