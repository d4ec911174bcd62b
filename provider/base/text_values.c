/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Lists, times, and bytes of others, as text.
 */
#include <string.h>

#include "base/text.h"
#include "base/allocate.h"

void sp_text_add_item(struct sp_text *text, const char *item)
{
    if (text->len > 0)
        sp_text_add(text, ", ");
    sp_text_add(text, item);
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
