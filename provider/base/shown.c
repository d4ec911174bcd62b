/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include "base/shown.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "base/text.h"

/*
 * Control characters (C0, DEL, C1), line ends of Unicode, direction marks and
 * invisible characters.
 */
static bool is_control(unsigned long point)
{
    static const struct {
        unsigned long first, last;
    } ranges[] = { { 0x00, 0x1f },     { 0x7f, 0x9f },      { 0x61c, 0x61c },   { 0x200b, 0x200b },
                   { 0x200e, 0x200f }, { 0x2028, 0x202e },  { 0x2060, 0x206f }, { 0xfeff, 0xfeff },
                   { 0xfff9, 0xfffb }, { 0xe0000, 0xe007f } };

    for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++)
        if (point >= ranges[i].first && point <= ranges[i].last)
            return true;
    return false;
}

/* The value of a hexadecimal digit; -1 for another character. */
static int digit(char c)
{
    static const char digits[] = "0123456789abcdef";
    const char *found = c == '\0' ? NULL : strchr(digits, sp_fold(c));

    return found == NULL ? -1 : (int)(found - digits);
}

/* One character of a URI; |*length| is 3 where it is percent-encoded. */
static char decoded(const char *text, size_t *length)
{
    *length = 1;
    if (text[0] != '%' || digit(text[1]) < 0 || digit(text[2]) < 0)
        return text[0];
    *length = 3;
    return (char)(digit(text[1]) << 4 | digit(text[2]));
}

/* The length of |name| and its '=' if |text| begins with them, else 0. */
static size_t named(const char *text, const char *name)
{
    size_t at = 0;
    size_t length;

    for (; *name != '\0'; name++, at += length)
        if (sp_fold(decoded(text + at, &length)) != *name)
            return 0;
    return text[at] == '=' ? at + 1 : 0;
}

/* The length of the name and '=' of a secret attribute, or 0. */
static size_t secret_name(const char *text)
{
    size_t length;

    /* Most characters begin neither. */
    if (*text != '%' && sp_fold(*text) != 'p')
        return 0;
    length = named(text, "pin-value");
    return length != 0 ? length : named(text, "pin-source");
}

enum kind {
    PLAIN,   /* one character in UTF-8 */
    CONTROL, /* one that must not reach a terminal */
    BROKEN,  /* a byte that is no UTF-8 */
    SECRET   /* an attribute with its value */
};

/*
 * Does the last character before |end| close a bracket or quote that was opened
 * before the URI?  A PIN may end in such a character, too; then this one character
 * of it is shown.
 */
static bool closes(const char *start, const char *value, const char *end, const char *next)
{
    static const char pairs[][2] = { { '(', ')' }, { '[', ']' }, { '\'', '\'' }, { '`', '`' } };
    int open = 0;

    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        char opening = pairs[i][0];
        char closing = pairs[i][1];

        if (end[-1] != closing)
            continue;
        for (const char *at = start; at < next; at++) {
            if (at == value)
                at = end;
            if (at == next)
                break;
            if (*at == closing && open > 0)
                open--;
            else if (*at == opening)
                open++;
        }
    }
    return open > 0;
}

/* How far back an opening bracket is looked for: a line may hold many URIs. */
#define NEAR 1024

/* The length of the secret |value|, without brackets and quotes round the URI. */
static size_t value_length(const char *start, const char *value)
{
    const char *next = value + strcspn(value, ";& \t\r\n\"");
    const char *end = next;

    if (value - start > NEAR)
        start = value - NEAR;
    /* A message may have the form "cannot read URI: why".  Before the value is a '='. */
    if (end[-1] == ':' && *next == ' ')
        end--;
    while (closes(start, value, end, next))
        end--;
    return (size_t)(end - value);
}

/*
 * The length of the character in UTF-8 (RFC 3629) at |text|, which has |left| bytes;
 * 0 if it is none.
 */
static size_t read_utf8(const unsigned char *text, size_t left, unsigned long *point)
{
    static const unsigned long least[] = { 0, 0, 0x80, 0x800, 0x10000 };
    size_t length = text[0] < 0x80                      ? 1
                    : text[0] >= 0xc0 && text[0] < 0xe0 ? 2
                    : text[0] >= 0xe0 && text[0] < 0xf0 ? 3
                    : text[0] >= 0xf0 && text[0] < 0xf8 ? 4
                                                        : 0;

    if (length == 0 || length > left)
        return 0;
    *point = length == 1 ? text[0] : text[0] & (0x7fu >> length);
    for (size_t i = 1; i < length; i++) {
        if ((text[i] & 0xc0) != 0x80)
            return 0;
        *point = *point << 6 | (text[i] & 0x3f);
    }
    return *point < least[length] || *point > 0x10ffff || (*point >= 0xd800 && *point <= 0xdfff)
               ? 0
               : length;
}

/* The length in bytes of the first piece of |text|, which has one, and its |kind|. */
static size_t piece(const char *start, const char *text, enum kind *kind)
{
    size_t left = strnlen(text, 4);
    size_t name = secret_name(text);
    unsigned long point;
    size_t length;

    *kind = SECRET;
    if (name != 0)
        return name + value_length(start, text + name);
    *kind = BROKEN;
    length = read_utf8((const unsigned char *)text, left, &point);
    if (length == 0)
        return 1;
    *kind = is_control(point) ? CONTROL : PLAIN;
    return length;
}

/* How many characters of |text| need no look: printable ASCII in which no secret begins. */
static size_t harmless(const char *text)
{
    size_t length = 0;

    while (text[length] >= 0x20 && text[length] < 0x7f && text[length] != '%' &&
           sp_fold(text[length]) != 'p')
        length++;
    return length;
}

enum level { MASKED, READABLE, SHOWN };

static char *render(const char *text, enum level level)
{
    struct sp_text shown = { 0 };
    const char *start = text;
    enum kind kind;
    size_t length;

    for (; *text != '\0'; text += length) {
        if ((length = harmless(text)) > 0)
            kind = PLAIN;
        else
            length = piece(start, text, &kind);
        if (kind == SECRET) {
            sp_text_add_bytes(&shown, text, strcspn(text, "=") + 1);
            sp_text_add(&shown, "***");
        } else if (kind == PLAIN || level == MASKED || (kind == CONTROL && level == READABLE)) {
            sp_text_add_bytes(&shown, text, length);
        } else {
            sp_text_add_octets(&shown, text, length);
        }
    }
    return sp_text_take(&shown);
}

char *sp_masked(const char *text)
{
    return render(text, MASKED);
}

char *sp_readable(const char *text)
{
    return render(text, READABLE);
}

char *sp_shown(const char *text)
{
    return render(text, SHOWN);
}
