/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "base/allocate.h"

char *sp_vformat(const char *format, va_list args)
{
    va_list again;
    int len;
    char *string = NULL;

    va_copy(again, args);
    /* clang 14 forgets va_start().  NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized) */
    len = vsnprintf(NULL, 0, format, again);
    va_end(again);
    if (len >= 0)
        string = OPENSSL_malloc((size_t)len + 1);
    if (string != NULL)
        (void)vsnprintf(string, (size_t)len + 1, format, args);
    return string;
}

char *sp_format(const char *format, ...)
{
    va_list args;
    char *string;

    va_start(args, format);
    string = sp_vformat(format, args);
    va_end(args);
    return string;
}

static bool text_reserve(struct sp_text *text, size_t more)
{
    size_t size = text->size == 0 ? 64 : text->size;
    char *data;

    if (text->failed)
        return false;
    while (size - text->len <= more)
        size *= 2;
    if (size == text->size)
        return true;
    data = OPENSSL_realloc(text->data, size);
    if (data == NULL) {
        text->failed = true;
        return false;
    }
    text->data = data;
    text->size = size;
    return true;
}

void sp_text_add_bytes(struct sp_text *text, const char *bytes, size_t len)
{
    if (!text_reserve(text, len))
        return;
    memcpy(text->data + text->len, bytes, len);
    text->len += len;
    text->data[text->len] = '\0';
}

void sp_text_add(struct sp_text *text, const char *string)
{
    sp_text_add_bytes(text, string, strlen(string));
}

void sp_text_add_octets(struct sp_text *text, const void *bytes, size_t len)
{
    static const char digits[] = "0123456789ABCDEF";
    const unsigned char *p = bytes;

    for (size_t i = 0; i < len; i++) {
        const char escaped[3] = { '\\', digits[p[i] >> 4], digits[p[i] & 15] };

        sp_text_add_bytes(text, escaped, sizeof(escaped));
    }
}

char *sp_text_take(struct sp_text *text)
{
    char *string;

    sp_text_add_bytes(text, "", 0);
    string = text->data;
    if (text->failed) {
        OPENSSL_free(text->data);
        string = NULL;
    }
    *text = (struct sp_text){ .failed = text->failed };
    return string;
}

char sp_fold(char c)
{
    return (char)(c >= 'A' && c <= 'Z' ? c + 'a' - 'A' : c);
}
