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

void sp_text_add_item(struct sp_text *text, const char *item)
{
    if (text->len > 0)
        sp_text_add(text, ", ");
    sp_text_add(text, item);
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

void sp_text_add_escaped(struct sp_text *text, const void *bytes, size_t len)
{
    const unsigned char *p = bytes;

    for (size_t i = 0; i < len; i++) {
        if (p[i] < 0x20 || p[i] > 0x7e || p[i] == '\\')
            sp_text_add_octets(text, p + i, 1);
        else
            sp_text_add_bytes(text, (const char *)p + i, 1);
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

char *sp_escape(const void *bytes, size_t len)
{
    struct sp_text text = { 0 };

    sp_text_add_escaped(&text, bytes, len);
    return sp_text_take(&text);
}

static void put_number(char *at, size_t digits, int number)
{
    for (; digits-- > 0; number /= 10)
        at[digits] = (char)('0' + number % 10);
}

/* Written by hand: each verdict formats two times, and printf() took more than half of its cost. */
char *sp_format_tm(const struct tm *tm)
{
    const int year = tm->tm_year + 1900;
    char *text;

    if (year < 0 || year > 9999)
        return sp_format("%d-%02d-%02dT%02d:%02d:%02dZ", year, tm->tm_mon + 1, tm->tm_mday,
                         tm->tm_hour, tm->tm_min, tm->tm_sec);
    text = OPENSSL_strdup("0000-00-00T00:00:00Z");
    if (text == NULL)
        return NULL;
    put_number(text, 4, year);
    put_number(text + 5, 2, tm->tm_mon + 1);
    put_number(text + 8, 2, tm->tm_mday);
    put_number(text + 11, 2, tm->tm_hour);
    put_number(text + 14, 2, tm->tm_min);
    put_number(text + 17, 2, tm->tm_sec);
    return text;
}

char *sp_format_time(time_t at)
{
    struct tm tm;

    return gmtime_r(&at, &tm) == NULL ? sp_format("%lld", (long long)at) : sp_format_tm(&tm);
}

char sp_fold(char c)
{
    return (char)(c >= 'A' && c <= 'Z' ? c + 'a' - 'A' : c);
}
